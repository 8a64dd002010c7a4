/** From bytes to text, and what the bytes say about how the text came into the Secret. All functions take linear time. */
import { isUtf8 } from 'node:buffer'

/** A mistake that the bytes alone tell of. Severity is an error unless `warning` is set. */
export interface TextProblem {
  readonly code:
    | 'ByteOrderMark'
    | 'CarriageReturn'
    | 'InvisibleCharacter'
    | 'MultipleLines'
    | 'NotUtf8'
    | 'OversizedValue'
    | 'QuotedValue'
    | 'SurroundingWhitespace'
    | 'TrailingNewline'
  readonly warning?: boolean
  readonly params?: Readonly<Record<string, string>>
}

export interface ReadText {
  readonly problems: readonly TextProblem[]
  /**
   * The value as it was meant: without what `problems` tell of. Undefined: the bytes are no text, or too many.
   */
  readonly text: string | undefined
  /** The value is spread over lines, so what it was meant to be is unknown. */
  readonly broken: boolean
}

/**
 * No service has a one-line credential of this many bytes, no HTTP server takes one in a header, and Linux refuses
 * environment variables not much longer. The bound keeps every further check short.
 */
const longestValue = 16 * 1024

const whiteSpace = /[ \t\v\f\r\n]/
const unusualSpaces = /[\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/
const invisible = /[\p{Cc}\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]/u
/** Invisible, and no white space either. */
const strangeAtEdge = new RegExp(`(?!${whiteSpace.source})${invisible.source}`, 'u')
const hidden = new RegExp(`${unusualSpaces.source}|(?![\\t\\v\\f\\r\\n])${invisible.source}`, 'gu')

function isEdge(character: string): boolean {
  // Nearly every value begins and ends with visible ASCII, which needs no table.
  if (character > ' ' && character < '\x7f') return false
  return whiteSpace.test(character) || unusualSpaces.test(character) || invisible.test(character)
}

/** True for an empty value and for one of nothing but ASCII white space. */
export function isBlank(bytes: Uint8Array): boolean {
  for (const byte of bytes) if (byte !== 0x20 && (byte < 0x09 || byte > 0x0d)) return false
  return true
}

function looksLikeUtf16(bytes: Uint8Array): boolean {
  const [first, second] = bytes
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) return true
  // ASCII in UTF-16 without a mark: every second byte is zero.
  return (
    bytes.length >= 4 &&
    bytes.length % 2 === 0 &&
    (first === 0) !== (second === 0) &&
    (bytes[2] === 0) === (first === 0)
  )
}

function edgeProblem(edge: string, side: 'begins' | 'ends', lenient: boolean): TextProblem {
  if (side === 'ends' && edge.includes('\n')) {
    return { code: 'TrailingNewline', params: { ending: edge.includes('\r') ? 'crlf' : 'lf' } }
  }
  if (side === 'ends' && edge.includes('\r')) return { code: 'CarriageReturn' }
  const strange = strangeAtEdge.exec(edge)
  if (strange !== null) return { code: 'InvisibleCharacter', params: { character: codePoint(strange[0]) } }
  const plain = /^[ \t]+$/.test(edge)
  return { code: 'SurroundingWhitespace', params: { side }, ...(plain && lenient ? { warning: true } : {}) }
}

function codePoint(character: string): string {
  return `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`
}

/**
 * @param multiline line breaks and white space around the value are fine (PEM)
 * @param lenient a password without a known form: plain spaces around it may be meant
 */
export function readText(bytes: Uint8Array, options: { multiline: boolean; lenient: boolean }): ReadText {
  if (bytes.includes(0) || !isUtf8(bytes)) {
    const encoding = looksLikeUtf16(bytes) ? 'utf-16' : 'binary'
    return { problems: [{ code: 'NotUtf8', params: { encoding } }], text: undefined, broken: false }
  }
  if (!options.multiline && bytes.byteLength > longestValue) {
    return { problems: [{ code: 'OversizedValue' }], text: undefined, broken: false }
  }
  const whole = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
  const problems: TextProblem[] = []
  let start = 0
  if (whole.startsWith('\ufeff')) {
    problems.push({ code: 'ByteOrderMark' })
    start = 1
  }
  if (options.multiline) {
    const document = whole.slice(start).trim()
    const inner = withoutQuotes(document)
    if (inner === undefined) return { problems, text: document, broken: false }
    return { problems: [...problems, { code: 'QuotedValue' }], text: inner.trim(), broken: false }
  }

  let end = whole.length
  while (end > start && isEdge(whole.charAt(end - 1))) end--
  if (end < whole.length) problems.push(edgeProblem(whole.slice(end), 'ends', options.lenient))
  const begin = start
  while (start < end && isEdge(whole.charAt(start))) start++
  if (start > begin) problems.push(edgeProblem(whole.slice(begin, start), 'begins', options.lenient))

  let text = whole.slice(start, end)
  const inner = withoutQuotes(text)
  if (inner !== undefined) {
    problems.push({ code: 'QuotedValue' })
    text = inner.trim()
  }
  const broken = /[\r\n]/.test(text)
  if (broken) problems.push({ code: text.includes('\r') ? 'CarriageReturn' : 'MultipleLines' })
  hidden.lastIndex = 0
  const inside = hidden.exec(text)
  if (inside !== null) {
    problems.push({ code: 'InvisibleCharacter', params: { character: codePoint(inside[0]) } })
    text = text.replace(hidden, '')
  }
  return { problems: withoutRepeats(problems), text, broken }
}

/** Undefined: there are no quotes around the text. */
function withoutQuotes(text: string): string | undefined {
  const quote = text[0]
  const quoted = text.length >= 2 && (quote === '"' || quote === "'" || quote === '`') && text.endsWith(quote)
  return quoted ? text.slice(1, -1) : undefined
}

/** A carriage return inside and one at the end have one cause, as have spaces on both sides. Errors win over warnings. */
function withoutRepeats(problems: readonly TextProblem[]): readonly TextProblem[] {
  const windows = problems.some((problem) => problem.code === 'CarriageReturn')
  const errorsFirst = problems.toSorted((a, b) => Number(a.warning ?? false) - Number(b.warning ?? false))
  return errorsFirst.filter(
    (problem, index) =>
      errorsFirst.findIndex((other) => other.code === problem.code) === index &&
      !(windows && problem.code === 'TrailingNewline'),
  )
}

/**
 * The text inside of one more layer of base64. Line breaks (base64 wraps its output) are no obstacle, and UTF-16 is none
 * either: it is what PowerShell encodes.
 * @returns undefined when the text is not strictly base64 of text
 */
export function decodeBase64(text: string): string | undefined {
  const compact = /\s/.test(text) ? text.replace(/\s+/g, '') : text
  if (compact.length < 4 || compact.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(compact)) return undefined
  // Buffer ignores what it cannot decode, so the round trip is what proves the form.
  const bytes = Buffer.from(compact, 'base64')
  if (bytes.toString('base64') !== compact) return undefined
  const wide = looksLikeUtf16(bytes) ? textOfUtf16(bytes) : undefined
  return wide ?? (isUtf8(bytes) ? bytes.toString('utf8') : undefined)
}

/** Undefined: hardly any of it is ASCII, so that it may be no text at all. */
function textOfUtf16(bytes: Buffer): string | undefined {
  const [first, second] = bytes
  const bigEndian = (first === 0xfe && second === 0xff) || first === 0
  const text = new TextDecoder(bigEndian ? 'utf-16be' : 'utf-16le').decode(bytes)
  const others = text.match(/[^\0-\x7f]/g)?.length ?? 0
  return others * 8 <= text.length ? text : undefined
}
