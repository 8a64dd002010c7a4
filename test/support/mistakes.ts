/**
 * The mistakes that people make with Secrets, each as a change of valid credentials, and the codes that name it. The
 * numbers are those of the list of known mistakes in docs/findings.
 */
import type { Shape } from '../../src/catalogue/definition.ts'
import { fits } from '../../src/catalogue/definition.ts'
import { acceptedKeys } from '../../src/credentials/resolve.ts'
import { certificate, encryptedKey, publicKey } from './pem.ts'
import type { PlausibleField, PlausibleSet } from './plausible.ts'
import { allVariants, certificates, plausibleValue, rsaKeys } from './plausible.ts'
import { whatItSays } from './valid-credentials.ts'
import type { Random } from './random.ts'
import { alphanumeric, lower, matching } from './random.ts'

type Value = string | Uint8Array

/** What became of the value of one key, and the codes of which one has to name it. */
export interface Mistaken {
  readonly value: Value
  readonly codes: readonly string[]
  /** Default: it blocks. */
  readonly warns?: boolean
}

export interface Mistake {
  readonly row: number
  readonly name: string
  /** Undefined: the mistake cannot be made here, or nobody could tell it from a right value. */
  readonly make: (field: PlausibleField, random: Random, set: PlausibleSet) => Mistaken | undefined
  /** Whether the result can be the input of further mistakes of this kind: the value is still in it, as text. */
  readonly wraps?: true
}

const expired = certificate(new Date('2026-01-01'))
const encrypted = encryptedKey()
const publicPem = publicKey()

function isMultiline({ definition }: PlausibleField): boolean {
  return definition.multiline === true
}

/** Every form that the field can have. */
function shapesOf({ definition }: PlausibleField, { service }: PlausibleSet): readonly Shape[] {
  return [definition.shape, ...service.variants.map(({ shapes }) => shapes?.[definition.name])].filter(
    (shape) => shape !== undefined,
  )
}

/** Whether nothing in the form of the field speaks against the value. */
function couldBeRight(field: PlausibleField, set: PlausibleSet, value: string): boolean {
  return shapesOf(field, set).some((shape) => fits(shape, value))
}

/** Whether the form of the field is known well enough to block. */
function isKnown({ shape }: PlausibleField): boolean {
  return shape !== undefined && shape.confidence !== 'guess'
}

/** The form holds only for what is recognised by the contents, and of this value that form is not known any more. */
function isAnotherSet(field: PlausibleField, { variant, fields }: PlausibleSet, value: string): boolean {
  const text = (name: string): string | undefined =>
    name === field.definition.name ? value : fields.find(({ definition }) => definition.name === name)?.value
  return variant.shapes?.[field.definition.name] !== undefined && variant.recognise?.(text) === false
}

function at(text: string, random: Random, change: (character: string) => string): string {
  const index = random.integer(0, text.length - 1)
  return text.slice(0, index) + change(text.charAt(index)) + text.slice(index + 1)
}

function insert(text: string, random: Random, what: string): string {
  const index = random.integer(Math.min(1, text.length), Math.max(text.length - 1, 1))
  return text.slice(0, index) + what + text.slice(index)
}

const base64 = (value: Value): string => Buffer.from(value).toString('base64')

function utf16(text: string, random: Random): Uint8Array {
  const bytes = Buffer.from((random.chance(50) ? '\ufeff' : '') + text, 'utf16le')
  return random.chance(50) ? bytes : bytes.swap16()
}

function mistake(row: number, name: string, make: Mistake['make'], wraps?: true): Mistake {
  return { row, name, make, ...(wraps === undefined ? {} : { wraps }) }
}

/** A mistake of values of one line, whatever their form. */
function oneLine(row: number, name: string, change: (value: string, random: Random) => Value, ...codes: string[]) {
  return mistake(
    row,
    name,
    (field, random) => (isMultiline(field) ? undefined : { value: change(field.value, random), codes }),
    true,
  )
}

/** A mistake that shows by the form of the value, which no right value has. */
function ofForm(
  row: number,
  name: string,
  change: (field: PlausibleField, random: Random, set: PlausibleSet) => string | undefined,
  ...codes: string[]
) {
  return mistake(
    row,
    name,
    (field, random, set) => {
      const value = change(field, random, set)
      if (value === undefined || couldBeRight(field, set, value)) return undefined
      if (isAnotherSet(field, set, value)) return undefined
      return { value, codes }
    },
    true,
  )
}

const invisible = ['\u200b', '\u200c', '\u200d', '\u2060', '\u00ad', '\ufeff', '\u0007', '\u202e']
const templates = [
  '${API_KEY}',
  '${DB_PASSWORD:-}',
  '{{ .Values.apiKey }}',
  '{{token}}',
  '$(API_KEY)',
  '$API_KEY',
  '%API_KEY%',
  'ref+vault://secret/app#/key',
  'vault:secret/data/app#key',
  'op://vault/item/field',
  '__API_KEY__',
]
const placeholders = [
  '<api-key>',
  '<your token>',
  'changeme',
  'CHANGE_ME',
  'change-me',
  'replace_me',
  'REPLACEME',
  'REDACTED',
  'placeholder',
  '********',
  'xxxxxxxx',
  'XXXX',
  'null',
  'undefined',
]
const secretPlaceholders = ['todo', 'none', 'your-api-key', 'YOUR_TOKEN_HERE', 'your secret', 'aaaaaaaa', '0000000000']
const weakWords = ['secret', 'password', 'test', 'dummy', 'example', 'admin']

/** Distinctive credentials of all services, with the service that they belong to. */
const distinctive: readonly (readonly [string, (random: Random) => string])[] = allVariants.flatMap(
  ([service, variant]) =>
    service.fields.flatMap((definition) => {
      const shape = variant.shapes?.[definition.name] ?? definition.shape
      if (shape?.distinctive === undefined) return []
      return [[service.id, (random: Random) => plausibleValue(service, variant, definition, random)] as const]
    }),
)

const cyrillic: Readonly<Record<string, string>> = {
  a: 'а',
  e: 'е',
  o: 'о',
  p: 'р',
  c: 'с',
  x: 'х',
  y: 'у',
  A: 'А',
  B: 'В',
  C: 'С',
  E: 'Е',
  H: 'Н',
  K: 'К',
  M: 'М',
  O: 'О',
  P: 'Р',
  T: 'Т',
  X: 'Х',
  i: 'і',
  s: 'ѕ',
  j: 'ј',
  '-': '\u2013',
  '.': '\u2024',
  '/': '\u2044',
}

function jwt(random: Random, claims: object): string {
  const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url')
  return `${encode({ alg: 'RS256', typ: 'JWT' })}.${encode(claims)}.${random.text(alphanumeric, 86)}`
}

const inValues: readonly Mistake[] = [
  oneLine(1, 'line feed', (value, random) => value + random.pick(['\n', '\n\n', ' \n', '\n ']), 'TrailingNewline'),
  oneLine(1, 'Windows line ending', (value) => `${value}\r\n`, 'TrailingNewline'),
  oneLine(2, 'carriage return at the end', (value) => `${value}\r`, 'CarriageReturn'),
  mistake(
    2,
    'carriage return inside',
    (field, random, { service }) => {
      if (isMultiline(field) || service.open === true || field.value.length < 2) return undefined
      return { value: insert(field.value, random, '\r\n'), codes: ['CarriageReturn'] }
    },
    true,
  ),
  mistake(3, 'plain white space', (field, random) => {
    if (isMultiline(field)) return undefined
    const edge = random.pick([' ', '\t', '  '])
    const value = random.pick([`${edge}${field.value}`, `${field.value}${edge}`, `${edge}${field.value} `])
    const lenient = field.definition.secret && field.shape === undefined
    return { value, codes: ['SurroundingWhitespace'], ...(lenient ? { warns: true } : {}) }
  }),
  oneLine(
    3,
    'unusual white space',
    (value, random) => random.pick([`\u00a0${value}`, `${value}\u00a0`, `${value}\u2003`, `\u3000${value}`]),
    'SurroundingWhitespace',
  ),
  mistake(
    3,
    'invisible character',
    (field, random) => {
      if (isMultiline(field) || field.value.length < 2) return undefined
      return { value: insert(field.value, random, random.pick(invisible)), codes: ['InvisibleCharacter'] }
    },
    true,
  ),
  mistake(3, 'byte-order mark', ({ value }) => ({ value: `\ufeff${value}`, codes: ['ByteOrderMark'] }), true),
  mistake(4, 'UTF-16', ({ value }, random) => ({ value: utf16(value, random), codes: ['NotUtf8'] })),
  mistake(4, 'zero byte', ({ value }, random) => ({ value: insert(value, random, '\0'), codes: ['NotUtf8'] }), true),
  mistake(4, 'invalid byte', ({ value }, random) => {
    const bytes = Buffer.from(value)
    const index = random.integer(0, bytes.length)
    const invalid = Uint8Array.of(random.pick([0x80, 0xbf, 0xc0, 0xe9, 0xf8, 0xfe, 0xff]))
    return { value: Buffer.concat([bytes.subarray(0, index), invalid, bytes.subarray(index)]), codes: ['NotUtf8'] }
  }),
  mistake(
    5,
    'base64 twice',
    (field, random, set) => {
      const text = random.pick([field.value, `${field.value}\n`])
      const plain = base64(text)
      const value = random.pick([plain, `${plain}\n`, plain.replace(/.{76}(?=.)/g, '$&\n')])
      if (isKnown(field)) return couldBeRight(field, set, value.trim()) ? undefined : { value, codes: ['DoubleBase64'] }
      // Of a password nothing is known: only a line that was encoded can be seen.
      if (field.shape !== undefined || !field.definition.secret || isMultiline(field) || text === field.value)
        return undefined
      return { value: plain, codes: ['PossibleDoubleBase64'], warns: true }
    },
    true,
  ),
  ofForm(
    5,
    'base64 of UTF-16, as PowerShell makes it',
    (field) => (isKnown(field) && field.value.length > 1 ? base64(Buffer.from(field.value, 'utf16le')) : undefined),
    'DoubleBase64',
  ),
  mistake(
    6,
    'quotes',
    ({ value }, random) => {
      const quote = random.pick(['"', "'", '`'])
      return { value: quote + value + quote, codes: ['QuotedValue'] }
    },
    true,
  ),
  ofForm(
    7,
    'line of an .env file',
    ({ value, definition }, random, { service }) => {
      const name = random.pick(['API_KEY', 'MY_TOKEN', 'DB_PASSWORD', ...acceptedKeys(service, definition)])
      const quote = random.pick(['', '', '"', "'"])
      return `${random.pick(['', 'export '])}${name}=${quote}${value}${quote}`
    },
    'VariableNameIncluded',
  ),
  ofForm(
    7,
    'line of YAML',
    ({ value, definition }, random, { service }) => `${random.pick(acceptedKeys(service, definition))}: ${value}`,
    'VariableNameIncluded',
  ),
  ofForm(
    7,
    'word of an HTTP header',
    (field, random) => {
      const { value } = field
      if (isMultiline(field) || (!isKnown(field) && (value.length < 16 || /\s/.test(value)))) return undefined
      const word = random.pick(['Bearer', 'bearer', 'Basic', 'ApiKey', 'Token', 'Bot'])
      return `${random.pick(['', '', 'Authorization: '])}${word} ${value}`
    },
    'SchemeWordIncluded',
  ),
  mistake(
    8,
    'JSON',
    (field, random, set) => {
      if (isMultiline(field) || set.service.open === true) return undefined
      const { value, key } = field
      const document = random.pick<unknown>([{ [key]: value }, [value], { id: 1, [key]: { value } }])
      const text = JSON.stringify(document, null, random.pick([0, 2]))
      return couldBeRight(field, set, text) ? undefined : { value: text, codes: ['JsonDocument'] }
    },
    true,
  ),
  mistake(
    8,
    'lines',
    (field, random, { service }) => {
      // A value of such a service may be a file.
      if (isMultiline(field) || service.open === true) return undefined
      const other = random.text(alphanumeric, 12)
      const value = random.pick([
        `${field.value}\n${other}`,
        `${other}\n${field.value}`,
        `[default]\n${field.key} = ${field.value}`,
      ])
      return { value, codes: ['MultipleLines'] }
    },
    true,
  ),
  mistake(9, 'template', (_, random) => ({ value: random.pick(templates), codes: ['UnrenderedTemplate'] })),
  mistake(9, 'placeholder', (field, random) => {
    const value = random.pick(field.definition.secret ? [...placeholders, ...secretPlaceholders] : placeholders)
    return { value, codes: ['Placeholder'] }
  }),
  mistake(9, 'weak word', (field, random, set) => {
    if (!field.definition.secret) return undefined
    const value = random.pick(weakWords)
    const doubtful = field.shape === undefined || fits(field.shape, value)
    if (isAnotherSet(field, set, value)) return undefined
    return doubtful ? { value, codes: ['PossiblePlaceholder'], warns: true } : { value, codes: ['Placeholder'] }
  }),
  mistake(9, 'one character', (field, random) => {
    const { shape } = field
    if (!isKnown(field) || shape?.length === undefined || shape.prefix === undefined) return undefined
    const body = random.pick(['x', 'X', '0', 'a']).repeat(shape.length - shape.prefix.length)
    return { value: shape.prefix + body, codes: ['Placeholder'] }
  }),
  mistake(10, 'sample of the documentation', (field, random, set) => {
    if (isMultiline(field) || field.shape?.length === undefined || field.value.length < 16) return undefined
    const index = random.integer(5, field.value.length - 7)
    const value = `${field.value.slice(0, index)}EXAMPLE${field.value.slice(index + 7)}`
    return isAnotherSet(field, set, value) ? undefined : { value, codes: ['VendorSample'] }
  }),
  mistake(14, 'another kind of value', (field, random, set) => {
    const { lookalikes = [] } = field.definition
    if (lookalikes.length === 0) return undefined
    const value = matching(random.pick(lookalikes).pattern, random).trim()
    if (isMultiline(field) || value.length < 6 || value.endsWith('BEGIN') || couldBeRight(field, set, value))
      return undefined
    return { value, codes: ['WrongKindOfValue'] }
  }),
  ofForm(
    15,
    'credential of another service',
    (field, random, { service }) => {
      const [owner, make] = random.pick(distinctive)
      if (owner === service.id || service.anyVendor === true || (isMultiline(field) && !isKnown(field)))
        return undefined
      const value = make(random)
      // A JWT is of a form that many services use.
      return value.startsWith('eyJ') ? undefined : value
    },
    'ForeignCredential',
    'WrongKindOfValue',
  ),
  mistake(19, 'cut off', (field, random, set) => {
    const { shape, value, definition } = field
    if (shape?.length === undefined || isMultiline(field)) return undefined
    const first = Math.max((shape.prefix?.length ?? 0) + 3, 9)
    if (value.length <= first) return undefined
    const cut = value.slice(0, random.integer(first, value.length - 1))
    if (isAnotherSet(field, set, cut) || /^[A-Z][A-Z0-9_]*=/.test(cut)) return undefined
    if (couldBeRight(field, set, cut) || (shape.cutOff ?? shape.anyLength)?.test(cut) !== true) return undefined
    const otherKind = definition.lookalikes?.some(({ pattern }) => pattern.test(cut)) === true
    const warns = shape.confidence === 'guess' && !otherKind
    return { value: cut, codes: [otherKind ? 'WrongKindOfValue' : 'Truncated'], ...(warns ? { warns } : {}) }
  }),
  ofForm(
    21,
    'percent-encoded',
    (field, random) => {
      if (!isKnown(field) || isMultiline(field)) return undefined
      const encoded = encodeURIComponent(field.value)
      const escape = (character: string): string => `%${character.charCodeAt(0).toString(16).toUpperCase()}`
      return encoded === field.value ? at(field.value, random, escape) : encoded
    },
    'UrlEncodedValue',
  ),
  ofForm(
    23,
    'backslashes of a shell',
    (field) => {
      if (!isKnown(field) || isMultiline(field) || !/[ -/:-@[-`{-~]/.test(field.value)) return undefined
      return field.value.replace(/[ -/:-@[-`{-~]/g, '\\$&')
    },
    'ShellEscapes',
  ),
  ofForm(
    24,
    'letters of another alphabet',
    (field, random) => {
      if (!isKnown(field) || isMultiline(field)) return undefined
      const places = [...field.value.matchAll(/[aeopcxyABCEHKMOPTXisj./-]/g)].map(({ index }) => index)
      if (places.length === 0) return undefined
      const index = random.pick(places)
      return field.value.slice(0, index) + (cyrillic[field.value.charAt(index)] ?? '') + field.value.slice(index + 1)
    },
    'NonAsciiCharacter',
  ),
  ofForm(
    24,
    'letters that look like digits',
    (field, random) => {
      const { shape, value } = field
      if (!isKnown(field) || isMultiline(field) || shape?.length !== value.length) return undefined
      const mixed = value.replaceAll('0', random.pick(['O', '0', 'o'])).replaceAll('1', random.pick(['l', 'I']))
      // With more such letters in it, nobody knows which of them is the wrong one.
      const back = mixed.replace(/[Oo]/g, '0').replace(/[Il]/g, '1')
      return mixed === value || back !== value ? undefined : mixed
    },
    'LookalikeCharacter',
  ),
  mistake(25, 'wrong checksum', ({ shape, value }, random) => {
    if (shape?.checksum === undefined) return undefined
    const tail = shape.checksum(value)
    if (tail === '') return undefined
    const end = value.length - tail.length
    const changed = `${value.slice(0, end - 1)}${random.text(alphanumeric, 1)}${value.slice(end)}`
    return changed === value ? undefined : { value: changed, codes: ['ChecksumMismatch'] }
  }),
  mistake(26, 'expired token', (field, random) => {
    if (!field.definition.secret || isMultiline(field)) return undefined
    const value = jwt(random, { sub: random.text(lower, 8), exp: 1_760_000_000 + random.integer(0, 1_000_000) })
    if (field.shape !== undefined && !fits(field.shape, value)) return undefined
    return { value, codes: ['ExpiredCredential'] }
  }),
  mistake(26, 'expired certificate', ({ shape }) =>
    shape?.pem?.includes('certificate') === true ? { value: expired, codes: ['ExpiredCredential'] } : undefined,
  ),
]

function isOneBlock(pem: string): boolean {
  return pem.match(/-----BEGIN /g)?.length === 1
}

function pemMistakes(): readonly Mistake[] {
  const pem = (
    name: string,
    change: (value: string, random: Random, shape: Shape) => string | undefined,
    codes: readonly string[],
    more: { warns?: true } = {},
  ): Mistake =>
    mistake(22, name, ({ shape, value }, random) => {
      if (shape?.pem === undefined) return undefined
      const changed = change(value, random, shape)
      return changed === undefined ? undefined : { value: changed, codes, ...more }
    })
  return [
    pem('escaped line breaks', (value) => value.replaceAll('\n', '\\n'), ['EscapedLineBreaks']),
    pem('lost line breaks', (value, random) => value.trim().replaceAll('\n', random.pick(['', ' '])), [
      'MissingLineBreaks',
    ]),
    pem(
      'quotes',
      (value, random) => {
        const quote = random.pick(['"', "'"])
        return quote + value.trim() + quote
      },
      ['QuotedValue'],
    ),
    pem(
      'line of an .env file',
      (value, random) => `${random.pick(['TLS_KEY=', 'export SERVER_CERT=', 'PRIVATE_KEY="'])}${value}`,
      ['VariableNameIncluded'],
    ),
    pem('Windows line endings', (value) => value.replaceAll('\n', '\r\n'), ['CarriageReturn'], { warns: true }),
    pem('cut off at the end', (value, random) => value.trim().slice(0, -random.integer(1, 60)), ['PemIncomplete']),
    pem(
      'cut off at the beginning',
      (value, random) => (isOneBlock(value) ? value.slice(random.integer(1, 60)) : undefined),
      ['PemIncomplete', 'PemUnreadable'],
    ),
    pem(
      'a line is missing',
      (value, random) => {
        // A block of another kind beside the wanted one is nobody's business.
        if (!isOneBlock(value)) return undefined
        const lines = value.trimEnd().split('\n')
        lines.splice(random.integer(1, lines.length - 2), 1)
        return lines.join('\n')
      },
      ['PemUnreadable'],
    ),
    pem(
      'another kind of PEM',
      (_, random, { pem: kinds = [] }) =>
        random.pick([
          encrypted,
          publicPem,
          kinds.includes('certificate') ? random.pick(rsaKeys) : random.pick(certificates),
        ]),
      ['WrongKindOfValue'],
    ),
  ]
}

function urlMistakes(): readonly Mistake[] {
  return [
    url('no scheme', (value) => value.slice(value.indexOf('://') + 3), 'UrlMissingScheme', 'UrlInvalidPort'),
    url('upper-case scheme', (value) => value.replace(/^[^:]+/, (scheme) => scheme.toUpperCase()), 'UrlWrongScheme'),
    url(
      'port out of range',
      (value, random) => withPort(value, random.pick(['0', '65536', '99999', '6379x'])),
      'UrlInvalidPort',
    ),
    url('no host', (value) => value.replace(/^([^:]+:\/\/(?:[^@/]*@)?)[^:/?,]+/, '$1'), 'UrlMissingHost'),
    mistake(20, 'raw sign in the password of a URL', (field, random) => {
      const parts = /^([a-z0-9+]+:\/\/)(?:[^@/]*@)?([^@[]*)$/.exec(field.value)
      if (field.shape?.problems === undefined || parts === null) return undefined
      const [, scheme = '', rest = ''] = parts
      const word = random.text(lower, 6)
      const value = `${scheme}${word}:${word}${random.pick(['@', ':', '/', '?', '#', '%', ' '])}${word}@${rest}`
      const inUserinfo = fits(field.shape, `${scheme}${word}:${word}@${rest}`)
      return { value, codes: [inUserinfo ? 'UrlUnescapedCharacter' : 'UrlContainsCredentials'] }
    }),
  ]
}

function url(name: string, change: (value: string, random: Random) => string, ...codes: string[]): Mistake {
  return mistake(20, name, (field, random, set) => {
    if (field.shape?.problems === undefined || !/^[a-z][a-z0-9+]*:\/\/[^[]*$/.test(field.value)) return undefined
    const value = change(field.value, random)
    return value === field.value || couldBeRight(field, set, value) ? undefined : { value, codes }
  })
}

function withPort(value: string, port: string): string {
  return value.replace(/^([^:]+:\/\/(?:[^@/]*@)?[^:/?,]+)(?::\d+)?/, `$1:${port}`)
}

/** All that can be done to the bytes of one value. */
export const mistakes: readonly Mistake[] = [...inValues, ...pemMistakes(), ...urlMistakes()]

/** What the keys of a Secret are after a mistake with several of them, and what has to be said of it. */
export interface SetMistaken {
  readonly data: ReadonlyMap<string, Value>
  readonly codes: readonly string[]
  /** The field that the finding has to name. Default: any. */
  readonly fields?: readonly string[]
  readonly warns?: true
}

export interface SetMistake {
  readonly row: number
  readonly name: string
  readonly make: (set: PlausibleSet, random: Random) => SetMistaken | undefined
}

function remaining(set: PlausibleSet, without: readonly string[]): Map<string, Value> {
  return new Map(
    set.fields.filter(({ definition }) => !without.includes(definition.name)).map(({ key, value }) => [key, value]),
  )
}

/** Mistakes with what stands where, and with what belongs together. */
export const setMistakes: readonly SetMistake[] = [
  {
    row: 11,
    name: 'missing',
    make: (set, random) => {
      const { service, variant, fields } = set
      if (variant.required.length === 0) return undefined
      const name = random.pick(variant.required)
      const left = fields.map(({ definition }) => definition.name).filter((other) => other !== name)
      // What is left may be complete as something else.
      if (service.variants.some(({ required }) => required.every((other) => left.includes(other)))) return undefined
      return { data: remaining(set, [name]), codes: ['MissingField', 'IncompletePair', 'MissingPartner'] }
    },
  },
  {
    row: 11,
    name: 'empty',
    make: (set, random) => {
      const { service, variant, fields } = set
      if (variant.required.length === 0) return undefined
      const name = random.pick(variant.required)
      const left = fields.map(({ definition }) => definition.name).filter((other) => other !== name)
      if (service.variants.some(({ required }) => required.every((other) => left.includes(other)))) return undefined
      const key = fields.find(({ definition }) => definition.name === name)?.key ?? name
      const data = remaining(set, [name]).set(key, random.pick(['', ' ', '\n', '\r\n', '\t \n']))
      return { data, codes: ['EmptyValue', 'MissingField', 'IncompletePair', 'MissingPartner'] }
    },
  },
  {
    row: 12,
    name: 'two keys that differ',
    make: (set, random) => {
      const { service, variant, fields } = set
      if (service.open === true || fields.length === 0) return undefined
      const { definition, key, value } = random.pick(fields)
      const taken = service.fields.filter((other) => other !== definition)
      const free = acceptedKeys(service, definition).filter(
        (other) => other !== key && !taken.some((another) => acceptedKeys(service, another).includes(other)),
      )
      if (free.length === 0 || variant.keys !== undefined) return undefined
      const data = remaining(set, []).set(random.pick(free), `${value}x`)
      return { data, codes: ['ConflictingKeys'], fields: [definition.name] }
    },
  },
  {
    row: 13,
    name: 'swapped',
    make: (set, random) => {
      const { fields } = set
      if (fields.length < 2) return undefined
      const [a, b] = [random.pick(fields), random.pick(fields)]
      if (a === b || a.shape === undefined || b.shape === undefined) return undefined
      // Two wrong forms, each of which is that of the other.
      if (fits(a.shape, b.value) || fits(b.shape, a.value)) return undefined
      const strict = (shape: Shape): boolean => !fits(shape, 'a~?,;b')
      if (!strict(a.shape) || !strict(b.shape) || isAnotherSet(a, set, b.value) || isAnotherSet(b, set, a.value)) {
        return undefined
      }
      const data = remaining(set, []).set(a.key, b.value).set(b.key, a.value)
      return { data, codes: ['SwappedFields'], fields: [a.definition.name, b.definition.name] }
    },
  },
  {
    row: 17,
    name: 'two fields that contradict each other',
    make: ({ service, variant, fields }, random) => {
      const agreement = service.agreements?.[0]
      if (agreement === undefined) return undefined
      const [one, other] = agreement.fields
      const definition = service.fields.find(({ name }) => name === other)
      const first = fields.find(({ definition: { name } }) => name === one)
      if (first === undefined || definition === undefined || !variant.optional.includes(other)) return undefined
      if (fields.some((field) => field.definition === definition)) return undefined
      const others = service.variants.map(({ shapes }) => shapes?.[other]?.example ?? definition.shape?.example)
      const value = random.pick([...others, definition.example].filter((example) => example !== undefined))
      const theirs = whatItSays(agreement.says[1], value)
      const ours = whatItSays(agreement.says[0], first.value)
      if (theirs === undefined || ours === undefined || theirs === ours) return undefined
      const data = new Map(fields.map((field) => [field.key, field.value])).set(other, value)
      return {
        data,
        codes: ['FieldsDisagree'],
        fields: [one],
        ...(agreement.severity === undefined ? {} : { warns: true }),
      }
    },
  },
  {
    row: 27,
    name: 'a key and a role of different accounts',
    make: (set, random) => {
      const agreement = set.service.agreements?.find(({ about }) => about === 'the account')
      const field = set.fields.find(({ definition }) => definition.name === agreement?.fields[1])
      if (agreement === undefined || field === undefined) return undefined
      const first = set.fields.find(({ definition }) => definition.name === agreement.fields[0])
      if (first === undefined || whatItSays(agreement.says[0], first.value) === undefined) return undefined
      const value = field.value.replace(/\d{12}/, random.text('123456789', 12))
      const data = remaining(set, []).set(field.key, value)
      return { data, codes: ['FieldsDisagree'], fields: [agreement.fields[0]], warns: true }
    },
  },
  {
    row: 28,
    name: 'a key that can be no variable',
    make: ({ service, fields }, random) => {
      if (service.open !== true) return undefined
      const name = random.pick(['api-key', 'api.key', '2fa', 'client secret'])
      const data = new Map(fields.map(({ value }, index) => [index === 0 ? name : `${name}${index}`, value]))
      return { data, codes: ['KeyNotVariable'], warns: true }
    },
  },
  {
    row: 18,
    name: 'half of a pair',
    make: ({ service, variant, fields }, random) => {
      const pairs = (service.pairs ?? []).filter((pair) =>
        pair.every((name) => !variant.required.includes(name) && !variant.optional.includes(name)),
      )
      if (pairs.length === 0) return undefined
      const [name, partner] = random.pick(pairs)
      const definition = service.fields.find((field) => field.name === name)
      if (definition === undefined) return undefined
      const names = [...fields.map((field) => field.definition.name), name]
      if (service.variants.some((other) => other !== variant && other.required.every((each) => names.includes(each))))
        return undefined
      const data = new Map(fields.map((field) => [field.key, field.value])).set(
        name,
        plausibleValue(service, variant, definition, random),
      )
      return names.includes(partner)
        ? undefined
        : { data, codes: ['IncompletePair', 'MissingPartner', 'ForbiddenPartner'] }
    },
  },
  {
    row: 18,
    name: 'partner that must not be there, or must',
    make: ({ service, variant, fields }, random) => {
      const rules = (service.partners ?? []).filter(({ field }) =>
        fields.some(({ definition }) => definition.name === field),
      )
      if (rules.length === 0) return undefined
      const { field, pattern, needs, excludes } = random.pick(rules)
      const subject = fields.find(({ definition }) => definition.name === field)
      if (subject === undefined) return undefined
      const data = new Map<string, Value>(fields.map(({ key, value }) => [key, value]))
      for (let attempt = 0; attempt < 20 && pattern?.test(String(data.get(subject.key))) === false; attempt++) {
        data.set(subject.key, plausibleValue(service, variant, subject.definition, random))
      }
      if (pattern?.test(String(data.get(subject.key))) === false) return undefined
      const other = fields.find(({ definition }) => definition.name === (needs ?? excludes))
      if (needs !== undefined) {
        if (other !== undefined) data.delete(other.key)
        return { data, codes: ['MissingPartner', 'MissingField'] }
      }
      const definition = service.fields.find(({ name }) => name === excludes)
      if (definition === undefined) return undefined
      if (other === undefined) data.set(definition.name, plausibleValue(service, variant, definition, random))
      return { data, codes: ['ForbiddenPartner'], fields: [definition.name] }
    },
  },
]
