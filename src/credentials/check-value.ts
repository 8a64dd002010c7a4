/** What a single value tells about itself. Pure, and in linear time. */
import type { FieldDefinition, ServiceDefinition, Shape } from '../catalogue/definition.ts'
import { fits } from '../catalogue/definition.ts'
import { foreignCredential } from '../catalogue/foreign.ts'
import { isVendorSample } from '../catalogue/samples.ts'
import type { FindingDraft } from './findings.ts'
import { assignment, leadsTo, schemeWord } from './layers.ts'
import { percentDecoded, takesAsciiOnly, withoutLookalikes, withoutMixUps, withoutShellEscapes } from './mended.ts'
import type { PemProblem } from './pem.ts'
import { pemProblems } from './pem.ts'
import { isOneCharacter, placeholderCode } from './placeholder.ts'
import { acceptedKeys } from './resolve.ts'
import type { ReadText } from './text.ts'
import { decodeBase64, readText } from './text.ts'
import { allShapesOf } from './variant.ts'

/** A draft that does not say yet where the value is. */
export type ValueProblem = Pick<FindingDraft, 'code' | 'severity' | 'params'>

/** What the bytes tell, whatever the value should look like. */
export function textProblems(read: ReadText): readonly ValueProblem[] {
  return read.problems.map(({ code, warning, params }) => ({
    code,
    ...(warning === true ? { severity: 'warning' as const } : {}),
    ...(params === undefined ? {} : { params }),
  }))
}

/**
 * All findings about a value, one for each cause.
 * @param shape what the value should look like in the chosen variant
 * @param expired whether the value says itself that its time is over
 */
export function checkValue(
  service: ServiceDefinition,
  field: FieldDefinition,
  read: ReadText,
  shape: Shape | undefined,
  expired: boolean,
): readonly ValueProblem[] {
  const edges = textProblems(read)
  const { text } = read
  if (text === undefined || text === '') return edges
  const right = shape !== undefined && fits(shape, text)
  // What base64 hides may be of a form that the field has in another variant.
  if (shape !== undefined && !right && hidesBase64(text, allShapesOf(service, field.name))) {
    // The line break at the end, or those within, came from the tool that encoded.
    return [{ code: 'DoubleBase64' }]
  }
  // Files end with a line break, and documents have several.
  if (!right && field.multiline !== true && isJsonDocument(text)) return [{ code: 'JsonDocument' }]
  if (read.broken) {
    const joined = text.replace(/[\r\n]+/g, '')
    if (allShapesOf(service, field.name).some((other) => fits(other, joined))) return edges
    const around = wrappedIn(text) ?? hiddenMistake(service, field, text, true)
    return around === undefined ? edges : [around]
  }
  return [...edges, ...checkText(service, field, text, shape, right, expired)]
}

function hidesBase64(text: string, shapes: readonly Shape[]): boolean {
  const decoded = decodeBase64(text)
  if (decoded === undefined) return false
  const meant = readText(new TextEncoder().encode(decoded), { multiline: false, lenient: false }).text
  return [meant, decoded.trim()].some((hidden) => hidden !== undefined && shapes.some((shape) => fits(shape, hidden)))
}

function isJsonDocument(text: string): boolean {
  if (!/^(?:\{[^]*\}|\[[^]*\])$/.test(text)) return false
  try {
    JSON.parse(text)
    return true
  } catch {
    // The error would quote the text.
    return false
  }
}

/** What stands before a value with line breaks is one mistake, where the value would be fine without. */
function wrappedIn(text: string): ValueProblem | undefined {
  const pattern = [assignment, schemeWord].find((one) => one.test(text))
  const [before = '\n'] = pattern?.exec(text) ?? []
  if (pattern === undefined || /[\r\n]/.test(before)) return undefined
  const value = new TextEncoder().encode(text.replace(pattern, ''))
  const { text: inner, broken } = readText(value, { multiline: false, lenient: false })
  if (inner === undefined || (broken && !isJsonDocument(inner))) return undefined
  return { code: pattern === assignment ? 'VariableNameIncluded' : 'SchemeWordIncluded' }
}

function checkText(
  service: ServiceDefinition,
  field: FieldDefinition,
  text: string,
  shape: Shape | undefined,
  right: boolean,
  expired: boolean,
): readonly ValueProblem[] {
  if (isVendorSample(text) || (shape?.length !== undefined && text.includes(sampleMark))) {
    return [{ code: 'VendorSample' }]
  }
  const placeholder = findPlaceholder(field, text, shape, right)
  if (placeholder !== undefined && placeholder.code !== 'PossiblePlaceholder') return [placeholder]
  // A form of PEM does not say what may stand before it.
  if (shape?.pem !== undefined && holdsItsName(text, acceptedKeys(service, field), false)) {
    return [{ code: 'VariableNameIncluded' }]
  }
  const pem = shape?.pem === undefined ? undefined : pemProblems(text, shape.pem)
  if (pem !== undefined && (pem.length > 0 || right)) {
    const problems = pem.map((problem) => withExpected(problem, shape))
    return expired ? [...problems, { code: 'ExpiredCredential' }] : problems
  }
  // Whatever else could be said of a credential of another service, that it is one says most.
  const isForeign = service.anyVendor !== true && foreignCredential(text, service) !== undefined
  const mistake = right || isForeign ? undefined : knownMistake(text, allShapesOf(service, field.name))
  if (mistake !== undefined) return [mistake]
  const wrong = wrongKind(service, field, text, shape, right)
  if (wrong !== undefined) return [wrong]
  const hidden = right ? undefined : hiddenMistake(service, field, text)
  if (hidden !== undefined) return [hidden]
  const doubt = placeholder === undefined ? [] : [placeholder]
  if (expired && (shape === undefined || right)) return [{ code: 'ExpiredCredential' }]
  if (shape === undefined) {
    return field.secret && looksEncoded(text) ? [...doubt, { code: 'PossibleDoubleBase64' }] : doubt
  }
  const problems: readonly ValueProblem[] = shape.problems?.(text) ?? []
  if (problems.length > 0) return [...problems, ...doubt]
  return [...(right ? aboutRightForm(text, shape) : mismatch(field, text, shape)), ...doubt]
}

/** A mistake is known when the value fits without it. */
function knownMistake(text: string, shapes: readonly Shape[]): ValueProblem | undefined {
  const certain = shapes.filter((shape) => shape.confidence !== 'guess')
  if (certain.length === 0) return undefined
  const fitsSome = (other: string | undefined): boolean =>
    other !== undefined && certain.some((shape) => fits(shape, other))
  if (fitsSome(percentDecoded(text))) return { code: 'UrlEncodedValue' }
  if (fitsSome(withoutShellEscapes(text))) return { code: 'ShellEscapes' }
  const position = text.search(/[^\0-\x7f]/) + 1
  if (position > 0 && (certain.every(({ pattern }) => takesAsciiOnly(pattern)) || fitsSome(withoutLookalikes(text)))) {
    return { code: 'NonAsciiCharacter', params: { position } }
  }
  // Only where one of the two is in no right value, and everything else is right.
  const tokens = certain.filter(({ length, pattern }) => length === text.length && !pattern.test(text))
  const mixedUp = withoutMixUps(text).some((other) => tokens.some((shape) => fits(shape, other)))
  return mixedUp ? { code: 'LookalikeCharacter' } : undefined
}

/** A mistake that has others below it: the outermost is named, because it is the first that has to be mended. */
function hiddenMistake(
  service: ServiceDefinition,
  field: FieldDefinition,
  text: string,
  broken = false,
): ValueProblem | undefined {
  const certain = allShapesOf(service, field.name).filter((shape) => shape.confidence !== 'guess')
  if (certain.length === 0) return undefined
  const isRight = (other: string): boolean =>
    certain.some((shape) => fits(shape, other)) ||
    placeholderCode(other, field.secret, true) !== undefined ||
    foreignCredential(other, service) !== undefined
  const isMeant = (other: string): boolean =>
    isRight(other) ||
    certain.some((shape) => resembles(shape, other)) ||
    field.lookalikes?.some(({ pattern }) => pattern.test(other)) === true
  // Of what is base64 by itself one looks at pieces when it is decoded, whatever is wrong with it.
  const isBase64 = certain.some(({ example = '' }) => decodeBase64(example) !== undefined)
  if (leadsTo(decodeBase64(text), isBase64 ? isRight : isMeant)) return { code: 'DoubleBase64' }
  // Only base64 is broken into lines by the tool that makes it.
  if (broken) return undefined
  if (leadsTo(percentDecoded(text), isMeant)) return { code: 'UrlEncodedValue' }
  if (leadsTo(withoutShellEscapes(text), isMeant)) return { code: 'ShellEscapes' }
  return leadsTo(withoutLookalikes(text), isMeant)
    ? { code: 'NonAsciiCharacter', params: { position: text.search(/[^\0-\x7f]/) + 1 } }
    : undefined
}

/** Whether a text is of the form, but for its length or the end of it. */
function resembles(shape: Shape, text: string): boolean {
  if (fits(shape, text)) return true
  if (shape.problems !== undefined && /^[a-z][a-z0-9+.-]{0,31}:\/\//i.test(text)) return true
  if (text.length < 8) return false
  if (shape.pem !== undefined) return text.includes('-----')
  if (shape.length !== undefined && text.includes(sampleMark)) return true
  return (shape.cutOff ?? shape.anyLength)?.test(text) === true
}

function withExpected(problem: PemProblem, shape: Shape | undefined): ValueProblem {
  return problem.code === 'WrongKindOfValue'
    ? { ...problem, params: { ...problem.params, expected: shape?.expected ?? 'something else' } }
    : problem
}

/** The form is right, but the value may be of no use all the same. */
function aboutRightForm(text: string, shape: Shape): readonly ValueProblem[] {
  if (shape.retired !== undefined) return [{ code: 'RetiredCredential', params: { why: shape.retired } }]
  if (shape.checksum !== undefined && !text.endsWith(shape.checksum(text))) return [{ code: 'ChecksumMismatch' }]
  return shape.test?.pattern.test(text) === true ? [{ code: 'TestCredential', params: { is: shape.test.is } }] : []
}

/** AWS puts this word into every key of its documentation. */
const sampleMark = 'EXAMPLE'

/** Something else than the field, or more than it. */
function wrongKind(
  service: ServiceDefinition,
  field: FieldDefinition,
  text: string,
  shape: Shape | undefined,
  right: boolean,
): ValueProblem | undefined {
  // Nothing is known about the form, so only what is hardly a coincidence counts.
  const loose = shape === undefined || (right && shape.confidence === 'guess')
  if (right && !loose) return undefined
  if (holdsItsName(text, acceptedKeys(service, field), loose)) return { code: 'VariableNameIncluded' }
  if ((loose ? schemeAndToken : schemeWordAlone).test(text)) return { code: 'SchemeWordIncluded' }
  const lookalike = right ? undefined : field.lookalikes?.find(({ pattern }) => pattern.test(text))
  if (lookalike !== undefined) {
    return { code: 'WrongKindOfValue', params: { is: lookalike.is, expected: shape?.expected ?? 'something else' } }
  }
  const is = service.anyVendor === true ? undefined : foreignCredential(text, service)
  return is === undefined ? undefined : { code: 'ForeignCredential', params: { is, service: service.id } }
}

const schemeWordAlone = /^(?:authorization\s*:\s*\S|(?:bearer|basic|apikey|token|bot)\s+\S)/i
const schemeAndToken = /^(?:authorization\s*:\s*)?(?:bearer|basic|apikey|token|bot)\s+\S{16,}$/i

/** `API_KEY=...`, `export API_KEY=...`, `api_key: ...`. */
function holdsItsName(text: string, keys: readonly string[], loose: boolean): boolean {
  const [, name, sign] = assignment.exec(text) ?? []
  if (name === undefined) return false
  if (keys.some((key) => key.toLowerCase() === name.toLowerCase())) return true
  if (sign === undefined || !/^[A-Z][A-Z0-9_]*$/.test(name)) return false
  return !loose || name.includes('_')
}

/** A token that fits its pattern is what it looks like, unless somebody filled the form with one character. */
function findPlaceholder(
  field: FieldDefinition,
  text: string,
  shape: Shape | undefined,
  right: boolean,
): ValueProblem | undefined {
  if (field.multiline === true && right) return undefined
  if (shape !== undefined && right && shape.length !== undefined) {
    const body = text.slice(shape.prefix?.length ?? 0).replace(/[._-]/g, '')
    const pieces = [body, ...(shape.parts?.(text) ?? []).map((part) => part.text)]
    return pieces.some(isOneCharacter) ? { code: 'Placeholder' } : undefined
  }
  // SG.your-key and ACxxxx: the beginning is real, what follows it is not.
  const prefix = shape?.prefix ?? ''
  const body = text.startsWith(prefix) ? text.slice(prefix.length) : text
  const codes = [
    placeholderCode(body, field.secret, shape !== undefined && !right),
    ...(shape?.parts?.(text) ?? []).map((part) => placeholderCode(part.text, part.secret, false)),
  ].filter((code) => code !== undefined)
  const code = codes.find((other) => other !== 'PossiblePlaceholder') ?? codes[0]
  return code === undefined ? undefined : { code }
}

/** `echo password | base64` and then encoded again: printable text with a line break at its end. */
function looksEncoded(text: string): boolean {
  return /^[\t\x20-\x7e]+\r?\n$/.test(decodeBase64(text) ?? '')
}

function mismatch(field: FieldDefinition, text: string, shape: Shape): readonly ValueProblem[] {
  const severity = shape.confidence === 'guess' ? 'warning' : 'error'
  const { length } = shape
  // Where the alphabet has signs that a shell takes for its own, a shell may have taken them out.
  const hint = shape.shellSigns === true || (field.secret && /[$!\\`]/.test(text)) ? { hint: 'shell' } : {}
  if (length !== undefined && text.length < length && (shape.cutOff ?? shape.anyLength)?.test(text) === true) {
    return [{ code: 'Truncated', severity, params: { length, actual: text.length, ...hint } }]
  }
  if (shape.anyLength?.test(text) !== true) {
    return [{ code: 'PatternMismatch', severity, params: { expected: shape.expected, ...hint } }]
  }
  if (length === undefined || text.length === length) {
    return [{ code: 'UnusualLength', params: { expected: shape.expected } }]
  }
  return [{ code: 'UnusualLength', params: { length, actual: text.length } }]
}
