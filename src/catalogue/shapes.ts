/** Shapes that several services share, and what tokens are put together from. */
import type { Confidence, Lookalike, Part, Shape } from './definition.ts'
import { urlParts, urlProblems, webUrlProblems } from './url.ts'

/** A run of characters of one alphabet within a token. */
export interface Run {
  /** The inside of a character class: `a-f0-9`. */
  readonly alphabet: string
  readonly min: number
  /** The same as `min` for tokens of a fixed length. */
  readonly max: number
  /** In words, in the plural: "hexadecimal digits". */
  readonly words: string
  /** A character of the alphabet, for examples. */
  readonly sample: string
}

/** Infinity as `max` leaves the end open. */
export function run(alphabet: string, words: string, sample: string, min: number, max = min): Run {
  return { alphabet, min, max, words, sample }
}

/** Lower case, as most services write them. */
export function hex(min: number, max = min): Run {
  return run('0-9a-f', 'hexadecimal digits in lower case', '0', min, max)
}

export function digits(min: number, max = min): Run {
  return run('0-9', 'digits', '0', min, max)
}

export function alphanumeric(min: number, max = min): Run {
  return run('A-Za-z0-9', 'letters and digits', 'x', min, max)
}

export function upperAlphanumeric(min: number, max = min): Run {
  return run('A-Z0-9', 'upper-case letters and digits', 'X', min, max)
}

export function base64url(min: number, max = min): Run {
  return run('A-Za-z0-9_-', 'letters, digits, dashes and underscores', 'x', min, max)
}

/** One of several literals within a token. */
export interface Either {
  readonly either: readonly string[]
}

export function either(...literals: readonly [string, ...string[]]): Either {
  return { either: literals }
}

/** What a token is put together from; a string stands for itself. */
export type Piece = string | Either | Run

export interface TokenOptions extends Partial<Shape> {
  readonly confidence: Confidence
}

function escape(literal: string): string {
  return literal.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
}

function isRun(piece: Piece): piece is Run {
  return typeof piece === 'object' && 'alphabet' in piece
}

/** The piece as a regular expression, with the runs as they are given. */
function source(piece: Piece, show: (run: Run) => string): string {
  if (isRun(piece)) return show(piece)
  return typeof piece === 'string' ? escape(piece) : `(?:${piece.either.map(escape).join('|')})`
}

function whole(pieces: readonly Piece[], show: (run: Run) => string): RegExp {
  return new RegExp(`^${pieces.map((piece) => source(piece, show)).join('')}$`)
}

function quantifier({ min, max }: Run): string {
  if (min === max) return `{${min}}`
  return max === Infinity ? `{${min},}` : `{${min},${max}}`
}

function exampleOf(piece: Piece): string {
  if (isRun(piece)) return piece.sample.repeat(piece.min)
  return typeof piece === 'string' ? piece : (piece.either[0] ?? '')
}

/**
 * A token of literals and runs of random characters: `token(['SG.', base64url(22), '.', base64url(43)], 'observed')`. Its
 * pattern, its length, how it looks when it was cut off, its example and its description all come from these pieces.
 * @param options the confidence, or it and what should be otherwise than the pieces say
 */
export function token(given: Run | readonly Piece[], options: Confidence | TokenOptions): Shape {
  const more = typeof options === 'string' ? { confidence: options } : options
  const pieces = 'alphabet' in given ? [given] : given
  const runs = pieces.filter(isRun)
  const fixed = runs.every(({ min, max }) => min === max)
  const example = pieces.map(exampleOf).join('')
  const [first] = pieces
  return {
    pattern: whole(pieces, (each) => `[${each.alphabet}]${quantifier(each)}`),
    expected: inWords(pieces, fixed ? example.length : undefined),
    example,
    ...(fixed && { length: example.length }),
    ...(typeof first === 'string' && { prefix: first }),
    anyLength: whole(pieces, (each) => `[${each.alphabet}]+`),
    ...(pieces.length > 1 && { cutOff: cutOffPattern(pieces), parts: runsOf(pieces) }),
    ...more,
  }
}

/** The random parts of a token, without its literals. */
function runsOf(pieces: readonly Piece[]): (text: string) => readonly Part[] {
  const captured = whole(pieces, ({ alphabet }) => `([${alphabet}]+)`)
  return (text) => (captured.exec(text) ?? []).slice(1).map((part) => ({ text: part, secret: true }))
}

/** `34 characters: AC and 32 hexadecimal digits`. */
function inWords(pieces: readonly Piece[], length: number | undefined): string {
  const words = pieces.map(pieceInWords)
  const list = words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1) ?? ''}`
  return length === undefined || pieces.length === 1 ? list : `${length} characters: ${list}`
}

function pieceInWords(piece: Piece): string {
  if (!isRun(piece)) {
    const literals = typeof piece === 'string' ? [piece] : piece.either
    return literals.map((literal) => (/^\w/.test(literal) ? literal : `"${literal}"`)).join(' or ')
  }
  const { min, max, words } = piece
  if (min === max) return `${min} ${words}`
  return max === Infinity ? `at least ${min} ${words}` : `${min} to ${max} ${words}`
}

/** What begins as the token does and ends anywhere behind its first piece. Every later piece is there or not: linear. */
function cutOffPattern([first = '', ...others]: readonly Piece[]): RegExp {
  const open = (piece: Piece): string => source(piece, ({ alphabet }) => `[${alphabet}]*`)
  const tail = others.reduceRight<string>((rest, piece) => `(?:${open(piece)}${rest})?`, '')
  return new RegExp(`^${open(first)}${tail}$`)
}

/** A shape that is no token: what it is in words, and an example of it. */
export function form(
  confidence: Confidence,
  pattern: RegExp,
  expected: string,
  example: string,
  more: Omit<Shape, 'confidence' | 'pattern' | 'expected' | 'example'> = {},
): Shape {
  return { confidence, pattern, expected, example, ...more }
}

/** A UUID in either case. */
export function uuidShape(confidence: Confidence, more: Partial<Shape> = {}): Shape {
  return {
    pattern: /^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/,
    confidence,
    expected: 'a UUID: 36 hexadecimal digits and dashes',
    example: '00000000-0000-0000-0000-000000000000',
    length: 36,
    anyLength: /^[0-9a-fA-F-]+$/,
    ...more,
  }
}

export function emailShape(confidence: Confidence): Shape {
  return {
    pattern: /^[^@\s]+@[^@\s.]+(?:\.[^@\s.]+)+$/,
    confidence,
    expected: 'the form of an e-mail address',
    example: 'app@example.com',
  }
}

/** One of a few words. */
export function oneOf(confidence: Confidence, ...words: readonly [string, ...string[]]): Shape {
  const list = words.length < 2 ? words[0] : `${words.slice(0, -1).join(', ')} or ${words.at(-1) ?? ''}`
  return { pattern: new RegExp(`^(?:${words.map(escape).join('|')})$`), confidence, expected: list, example: words[0] }
}

export const hostShape: Shape = {
  pattern: /^[A-Za-z0-9._:[\]-]+$/,
  confidence: 'documented',
  expected: 'a host name or an IP address, without scheme, user or path',
  example: 'service.example.internal',
}

export const portShape: Shape = {
  pattern: /^(?:[1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d{2}|655[0-2]\d|6553[0-5])$/,
  confidence: 'documented',
  expected: 'a number from 1 to 65535',
  example: '8080',
}

export const numberShape: Shape = {
  pattern: /^\d{1,15}$/,
  confidence: 'documented',
  expected: 'a number',
  example: '1',
}

/** One or more certificates. The class has no dash, so every attempt ends at the next dash: linear. */
export const certificatesShape: Shape = {
  pattern: /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/,
  confidence: 'documented',
  expected: 'a PEM certificate, from its BEGIN CERTIFICATE line to its END CERTIFICATE line',
  pem: ['certificate'],
  example: '-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----',
}

/** An RSA key as OpenSSL writes it, not encrypted. Linear for the same reason. */
export const privateKeyShape: Shape = {
  pattern: /-----BEGIN (?:RSA )?PRIVATE KEY-----[A-Za-z0-9+/=\s]+-----END (?:RSA )?PRIVATE KEY-----/,
  confidence: 'documented',
  expected: 'an RSA private key in PEM, from its BEGIN line to its END line, without a passphrase',
  pem: ['RSA private key'],
  example: '-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----',
}

/** A key of any algorithm. Linear for the same reason. */
export const anyPrivateKeyShape: Shape = {
  pattern: /-----BEGIN (?:RSA |EC )?PRIVATE KEY-----[A-Za-z0-9+/=\s]+-----END (?:RSA |EC )?PRIVATE KEY-----/,
  confidence: 'documented',
  expected: 'a private key in PEM, from its BEGIN line to its END line, without a passphrase',
  pem: ['private key'],
  example: '-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----',
}

/** What stands in place of a private key. */
export const privateKeyLookalikes: readonly Lookalike[] = [
  { pattern: /-----BEGIN ENCRYPTED PRIVATE KEY-----|Proc-Type: 4,ENCRYPTED/, is: 'a key behind a passphrase' },
  { pattern: /-----BEGIN (?:EC|DSA|OPENSSH) PRIVATE KEY-----/, is: 'a private key that is not an RSA key in PEM' },
  { pattern: /-----BEGIN (?:CERTIFICATE|(?:RSA )?PUBLIC KEY)-----/, is: 'a certificate or a public key' },
]

/** The address of a web service: host, port and path, but no user, query or fragment. */
export function webUrlShape(...schemes: readonly ('http' | 'https')[]): Shape {
  return {
    pattern: new RegExp(
      `^(?:${schemes.join('|')})://(?:[^:@\\s/?#]+|\\[[0-9a-fA-F:]+\\])(?::\\d{1,5})?(?:/[^\\s?#]*)?$`,
    ),
    confidence: 'documented',
    expected: `${schemes.map((scheme) => `${scheme}://`).join(' or ')}host[:port][/path], without user and password`,
    example: 'https://service.example.internal',
    problems: (text) => webUrlProblems(text, schemes, true),
    parts: urlParts,
  }
}

/**
 * The URL of a database or a broker, with user and password: `scheme://[[user][:password]@]host[:port][/path]`.
 * @param options schemes in lower case; `hosts`: several may stand there with commas between them; `path`: what follows
 *   the host, in words for the message; `number`: it is the number of a database
 */
export function connectionUrlShape(options: {
  readonly schemes: readonly string[]
  readonly path: string
  readonly hosts?: boolean
  readonly number?: boolean
  readonly example: string
}): Shape {
  const { schemes, hosts = false, number = false } = options
  const host = '(?:[^:@\\s/?#,]+|\\[[0-9a-fA-F:]+\\])(?::\\d{1,5})?'
  const path = number ? '\\d{0,5}' : '[^\\s?#]*'
  return {
    pattern: new RegExp(
      `^(?:${schemes.map(escape).join('|')})://(?:[^@\\s/?#]*@)?${host}${hosts ? `(?:,${host})*` : ''}(?:/${path})?(?:\\?[^\\s#]*)?$`,
    ),
    confidence: 'documented',
    expected: `${schemes.join('|')}://[[user][:password]@]host[:port][/${options.path}]`,
    example: options.example,
    problems: (text) => urlProblems(text, schemes, { hosts, number }),
    parts: urlParts,
  }
}

export const urlLookalike: Lookalike = {
  pattern: /^[a-z][a-z0-9+.-]*:\/\//i,
  is: 'a whole URL, which belongs under url',
}

export const booleanShape: Shape = {
  pattern: /^(?:true|false|True|False|0|1)$/,
  confidence: 'documented',
  expected: 'true or false',
  example: 'true',
}

/** HTTP headers: a JSON object of texts. Fields with it are multiline. */
export const headersShape: Shape = {
  pattern: /^\s*\{[^]*\}\s*$/,
  accepts: isObjectOfTexts,
  confidence: 'documented',
  expected: 'a JSON object whose values are texts',
  example: '{"X-Api-Key":"not-a-real-key"}',
}

function isObjectOfTexts(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && Object.values(value).every((one) => typeof one === 'string')
  } catch {
    // The error would quote the text.
    return false
  }
}
