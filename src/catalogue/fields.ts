/** Makes the fields and variants of a service file. What many services have alike stands here once. */
import type { FieldDefinition, Lookalike, TracardiMapping, VariantDefinition } from './definition.ts'
import { anyPrivateKeyShape, certificatesShape, hostShape, portShape, urlLookalike, webUrlShape } from './shapes.ts'

/** What a field has besides its name, description and whether it is secret. */
interface More extends Partial<Omit<FieldDefinition, 'name' | 'secret' | 'description' | 'lookalikes'>> {
  /** Each may be a pair: how it looks, and what it is, with its article. */
  readonly lookalikes?: readonly (Lookalike | readonly [RegExp, string])[]
}

function isPair(lookalike: Lookalike | readonly [RegExp, string]): lookalike is readonly [RegExp, string] {
  return Array.isArray(lookalike)
}

function toLookalike(given: Lookalike | readonly [RegExp, string]): Lookalike {
  return isPair(given) ? { pattern: given[0], is: given[1] } : given
}

function field(name: string, secret: boolean, description: string, given: More): FieldDefinition {
  const { aliases = [], env = [], lookalikes, ...more } = given
  const words = name.replace(/([a-z0-9])([A-Z])/g, '$1 $2').toLowerCase()
  const spellings = [words.replaceAll(' ', '_'), words.replaceAll(' ', '-')]
  const others = new Set([...spellings, ...aliases])
  others.delete(name)
  const traps = lookalikes === undefined ? {} : { lookalikes: lookalikes.map(toLookalike) }
  return { name, secret, description, aliases: [...others], env, ...more, ...traps }
}

/**
 * A password, token or key: never given as `value` in a spec. Found under its name, the same in snake_case and
 * kebab-case, the aliases, and the names of `env`.
 */
export function secretField(name: string, description: string, more: More = {}): FieldDefinition {
  return field(name, true, description, more)
}

/** A field that is not secret, otherwise like a secret one. */
export function plainField(name: string, description: string, more: More = {}): FieldDefinition {
  return field(name, false, description, more)
}

export function usernameField(description: string, more: More = {}): FieldDefinition {
  return plainField('username', description, { example: 'app', ...more, aliases: ['user', ...(more.aliases ?? [])] })
}

/** A password, of which no form is known. */
export function passwordField(description: string, more: More = {}): FieldDefinition {
  const aliases = ['pass', ...(more.aliases ?? [])]
  return secretField('password', description, { example: 'not-a-real-password', ...more, aliases })
}

export function hostField(description: string, more: More = {}): FieldDefinition {
  const aliases = ['hostname', ...(more.aliases ?? [])]
  return plainField('host', description, { shape: hostShape, lookalikes: [urlLookalike], ...more, aliases })
}

export function portField(description: string, more: More = {}): FieldDefinition {
  return plainField('port', description, { shape: portShape, ...more })
}

/** The address of a web service, without user and password. */
export function webUrlField(name: string, description: string, more: More = {}): FieldDefinition {
  return plainField(name, description, { shape: webUrlShape('http', 'https'), ...more })
}

export function caCertField(more: More = {}): FieldDefinition {
  const description = 'Certificates of the authority that signed the server certificate, in PEM.'
  const aliases = ['ca.crt', 'ca', ...(more.aliases ?? [])]
  return plainField('caCert', description, { shape: certificatesShape, multiline: true, ...more, aliases })
}

export function clientCertificateField(more: More = {}): FieldDefinition {
  const aliases = ['tls.crt', ...(more.aliases ?? [])]
  const shape = certificatesShape
  return plainField('clientCertificate', 'Certificate of the client, in PEM.', {
    shape,
    multiline: true,
    ...more,
    aliases,
  })
}

/** The private key of a client certificate. */
export function clientKeyField(more: More = {}): FieldDefinition {
  const aliases = ['tls.key', ...(more.aliases ?? [])]
  const shape = anyPrivateKeyShape
  return secretField('clientKey', 'Private key of that certificate, in PEM.', {
    shape,
    multiline: true,
    ...more,
    aliases,
  })
}

/** One set of fields with which the service can be used. */
export function variant(
  id: string,
  description: string,
  required: readonly string[],
  optional: readonly string[] = [],
  more: Omit<VariantDefinition, 'id' | 'description' | 'required' | 'optional'> = {},
): VariantDefinition {
  return { id, description, required, optional, ...more }
}

/** The resource of Tracardi that the service is in these variants. Default: in all. */
export function resource(
  type: string,
  credentials: TracardiMapping['credentials'],
  variants?: readonly string[],
): TracardiMapping {
  return { type, credentials, ...(variants === undefined ? {} : { variants }) }
}
