/**
 * What one service file declares. Everything that depends on a service (the enum of the CRD, the names of the keys, the
 * checks, the docs) is derived from these declarations, so they are data as far as possible and pure functions where not.
 */

/**
 * Where a pattern comes from, which decides what a mismatch does. `documented` and `observed` (scanners and real
 * examples agree) block, `guess` only warns.
 */
export type Confidence = 'documented' | 'observed' | 'guess'

/** Codes that a shape may report for its own values. Their texts stand with those of all other findings. */
export type ProblemCode =
  | 'Truncated'
  | 'UrlContainsCredentials'
  | 'UrlInvalidDatabase'
  | 'UrlInvalidPort'
  | 'UrlMissingHost'
  | 'UrlMissingScheme'
  | 'UrlUnescapedCharacter'
  | 'UrlUnexpectedPart'
  | 'UrlWrongScheme'

/** A recognised mistake in one value. The params go into messages and never hold the value or a piece of it. */
export interface Problem {
  readonly code: ProblemCode
  readonly params?: Readonly<Record<string, string | number | readonly string[]>>
}

/** A piece of a composed value that a person fills in, such as the password in a URL. */
export interface Part {
  readonly text: string
  /** True for passwords and the like: words such as `secret` are suspicious there. */
  readonly secret: boolean
}

/** What a block of PEM holds, which its BEGIN line tells. */
export type PemKind = 'certificate' | 'encrypted private key' | 'private key' | 'public key' | 'RSA private key'

/** Values that are of the right form, but work in a test mode only, or at a test system. */
export interface TestMark {
  readonly pattern: RegExp
  /** What such a value is, with its article, for messages: "a test-mode key (sk_test_...)". */
  readonly is: string
}

/** What a right value looks like. Every pattern and function here takes linear time, values may have a megabyte. */
export interface Shape {
  /** The whole value: anchored, unless the field is multiline. */
  readonly pattern: RegExp
  /** What the pattern cannot say. Asked only about values that fit it. */
  readonly accepts?: (text: string) => boolean
  readonly confidence: Confidence
  /** A right value in words, for messages: "34 characters that begin with AC". */
  readonly expected: string
  /** Number of characters of a fixed-length token: a shorter value blocks as Truncated, a longer one only warns. */
  readonly length?: number
  /** A right value that is no working credential. */
  readonly example?: string
  /** The fixed beginning of a token. */
  readonly prefix?: string
  /** The pattern with its lengths left open: a value that fits this, but not the pattern, differs in length alone. */
  readonly anyLength?: RegExp
  /** What a value of a fixed-length token looks like when its end was cut off. Default: `anyLength`. */
  readonly cutOff?: RegExp
  /**
   * What a value that fits is, with its article: "a SendGrid API key". Only for forms that nothing else has, because
   * other services name it when they find one.
   */
  readonly distinctive?: string
  /** Why a value that fits is of no use any more, and what to use in its place: whole sentences. */
  readonly retired?: string
  /** Says precisely what is wrong with a value. An empty answer for a value that fails the pattern is no approval. */
  readonly problems?: (text: string) => readonly Problem[]
  /** The pieces that are searched for placeholders each. */
  readonly parts?: (text: string) => readonly Part[]
  /** The value is PEM and holds blocks of one of these kinds, which must be readable. Certificates must not have expired. */
  readonly pem?: readonly PemKind[]
  /** The end that a value of this form has when it was copied without a mistake. Asked only about values that fit. */
  readonly checksum?: (text: string) => string
  /**
   * When a value expires by what it says itself, in milliseconds since the epoch; undefined if it does not say. The `exp`
   * of a JWT needs no such function.
   */
  readonly expires?: (text: string) => number | undefined
  /** Right values hold signs that a shell takes for its own ($, !, backslashes), so that one may have taken them out. */
  readonly shellSigns?: boolean
  /** Such values work, but not for real: a warning where live credentials are expected. */
  readonly test?: TestMark
}

/** A value of another kind that is often put here by mistake. */
export interface Lookalike {
  readonly pattern: RegExp
  /** What the value is, with its article, for messages: "a Twilio API key SID (SK...)". */
  readonly is: string
}

/** Whether a value has the form. */
export function fits(shape: Shape, text: string): boolean {
  return shape.pattern.test(text) && (shape.accepts?.(text) ?? true)
}

export interface FieldDefinition {
  /** The canonical name: what `fields`, `target.keys` and the target's default keys use. */
  readonly name: string
  /** Other names under which a source Secret may hold the field. Names of `env` count as well. */
  readonly aliases: readonly string[]
  /** Secret fields are never given as `value` in a spec. */
  readonly secret: boolean
  readonly description: string
  /** A right value that is no working credential. Default: that of the shape. */
  readonly example?: string
  readonly shape?: Shape
  readonly lookalikes?: readonly Lookalike[]
  /** Names of environment variables, which are the default keys in the target Secret. Empty: `<SERVICE>_<FIELD>`. */
  readonly env: readonly string[]
  /** Line breaks belong to the value (PEM). */
  readonly multiline?: boolean
}

/** One set of fields with which the service can be used. */
export interface VariantDefinition {
  readonly id: string
  readonly description: string
  readonly required: readonly string[]
  readonly optional: readonly string[]
  /** Shapes that hold for fields in this variant, in place of those of the fields themselves. */
  readonly shapes?: Readonly<Record<string, Shape>>
  /** Examples that hold for fields in this variant. Default: that of the shape here, of the field, of its shape. */
  readonly examples?: Readonly<Record<string, string>>
  /**
   * Several variants can be complete with the same fields. Whether the contents speak for this one; the variant without
   * this function is taken when no other recognises itself.
   */
  readonly recognise?: (text: (field: string) => string | undefined) => boolean
  /** The set is complete only if these fields stand under one of these keys, which say what the Secret is. */
  readonly keys?: Readonly<Record<string, readonly string[]>>
  /** The id of a variant that looks exactly the same. This one is then never chosen by itself. */
  readonly sameAs?: string
}

/** What a field says about another one. */
export interface PartnerRule {
  readonly field: string
  /** The rule holds for such values of the field. Default: all. */
  readonly pattern?: RegExp
  /** A field that must be there too. */
  readonly needs?: string
  /** A field that must not be there. */
  readonly excludes?: string
  /** Why, as a whole sentence. */
  readonly because: string
}

/**
 * What a value says about something that another field speaks of too: the first group of a pattern that it fits (without
 * regard to case), or a fixed word for each pattern, of which the first that fits counts. No match says nothing.
 */
export type Says = RegExp | readonly (readonly [RegExp, string])[] | ((text: string) => string | undefined)

/** Two fields that must say the same about one thing, such as the region in a key and the one in a host. */
export interface Agreement {
  /** The finding stands at the first one. */
  readonly fields: readonly [string, string]
  readonly says: readonly [Says, Says]
  /** What they speak of, with its article: "the data centre". */
  readonly about: string
  /** What to do about it, as whole sentences. */
  readonly because: string
  /** Default: an error. */
  readonly severity?: 'warning'
}

/**
 * How a resource of Tracardi is made of our fields: for each key of its `credentials.production` and `credentials.test` a
 * template. `{apiKey}` is the value of a field, `{port|6379}` one with a default, `{url.host}` a part of a URL or of a
 * JSON document; all else stands for itself. A key whose template needs a field that is not there is left out.
 */
export interface TracardiMapping {
  /** Id of the type, as in tracardi-types.ts, which has its name, tags, icon and destination. */
  readonly type: string
  /** The variants that the type can be made of. Default: all. */
  readonly variants?: readonly string[]
  readonly credentials: Readonly<Record<string, string>>
}

export interface ServiceDefinition {
  /** As in `spec.service`: lower case, with dashes. The file has the same name, the constant in it that in camelCase. */
  readonly id: string
  readonly title: string
  readonly description: string
  /** The vendor's page about its credentials. */
  readonly docs?: string
  /** Where a person gets the credential: whole sentences. */
  readonly getCredential: string
  readonly fields: readonly FieldDefinition[]
  /** In order of preference. */
  readonly variants: readonly VariantDefinition[]
  /** Fields of which one is useless without the other. */
  readonly pairs?: readonly (readonly [string, string])[]
  readonly partners?: readonly PartnerRule[]
  readonly agreements?: readonly Agreement[]
  /** The types of Tracardi that the service is, the first that fits a variant counts; or why there is none. */
  readonly tracardi: readonly TracardiMapping[] | { readonly none: string }
  /** Every key of the Secret is a field and is delivered under its own name: `fields` only stands for them. */
  readonly open?: true
  /** The credential may be of any vendor: none is the wrong one. */
  readonly anyVendor?: true
  /** Nothing in it is secret: an address, a public id, or nothing at all. The description says so. */
  readonly holdsNoCredential?: true
  /** What is said here without evidence: whole sentences, for the docs. */
  readonly notConfirmed?: readonly string[]
}

/** The field of that canonical name, or undefined. */
export function findField(service: ServiceDefinition, name: string): FieldDefinition | undefined {
  return service.fields.find((field) => field.name === name)
}

/** A right value of a field in a variant, that is no working credential. Undefined: none is known. */
export function exampleOf(service: ServiceDefinition, variant: VariantDefinition, name: string): string | undefined {
  const field = findField(service, name)
  return variant.examples?.[name] ?? variant.shapes?.[name]?.example ?? field?.example ?? field?.shape?.example
}
