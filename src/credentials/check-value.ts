/** What a single value tells about itself. Pure, and in linear time. */
import type { FieldDefinition, Shape } from '../catalogue/definition.ts'
import type { FindingDraft } from './findings.ts'
import { isOneCharacter, placeholderCode } from './placeholder.ts'
import type { ReadText } from './text.ts'
import { decodeBase64 } from './text.ts'

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
 * @param otherShapes what the field looks like in any variant: what base64 hides may be of another form
 */
export function checkValue(
  field: FieldDefinition,
  read: ReadText,
  shape: Shape | undefined,
  otherShapes: readonly Shape[],
): readonly ValueProblem[] {
  const edges = textProblems(read)
  const { text } = read
  if (text === undefined || text === '') return edges
  const fits = shape?.pattern.test(text) ?? false
  if (shape !== undefined && !fits && hidesBase64(text, otherShapes)) {
    // The line break at the end, or those within, came from the tool that encoded.
    return [{ code: 'DoubleBase64' }]
  }
  if (read.broken) return edges
  return [...edges, ...checkText(field, text, shape, fits)]
}

function hidesBase64(text: string, shapes: readonly Shape[]): boolean {
  const decoded = decodeBase64(text)?.trim()
  return decoded !== undefined && shapes.some((shape) => shape.pattern.test(decoded))
}

function checkText(
  field: FieldDefinition,
  text: string,
  shape: Shape | undefined,
  fits: boolean,
): readonly ValueProblem[] {
  const placeholder = findPlaceholder(field, text, shape, fits)
  if (placeholder !== undefined && placeholder.code !== 'PossiblePlaceholder') return [placeholder]
  const doubt = placeholder === undefined ? [] : [placeholder]
  if (shape === undefined) {
    return field.secret && looksEncoded(text) ? [...doubt, { code: 'PossibleDoubleBase64' }] : doubt
  }
  const lookalike = fits ? undefined : field.lookalikes?.find(({ pattern }) => pattern.test(text))
  if (lookalike !== undefined) {
    return [{ code: 'WrongKindOfValue', params: { is: lookalike.is, expected: shape.expected } }]
  }
  const problems: readonly ValueProblem[] = shape.problems?.(text) ?? []
  if (problems.length > 0) return [...problems, ...doubt]
  return fits ? doubt : [...mismatch(text, shape), ...doubt]
}

/** A token that fits its pattern is what it looks like, unless somebody filled the form with one character. */
function findPlaceholder(
  field: FieldDefinition,
  text: string,
  shape: Shape | undefined,
  fits: boolean,
): ValueProblem | undefined {
  if (field.multiline === true && fits) return undefined
  if (shape !== undefined && fits && shape.length !== undefined) {
    const body = text.slice(shape.prefix?.length ?? 0).replace(/[._-]/g, '')
    return isOneCharacter(body) ? { code: 'Placeholder' } : undefined
  }
  // SG.your-key and ACxxxx: the beginning is real, what follows it is not.
  const prefix = shape?.prefix ?? ''
  const body = text.startsWith(prefix) ? text.slice(prefix.length) : text
  const codes = [
    placeholderCode(body, field.secret, shape !== undefined && !fits),
    ...(shape?.parts?.(text) ?? []).map((part) => placeholderCode(part.text, part.secret, false)),
  ].filter((code) => code !== undefined)
  const code = codes.find((other) => other !== 'PossiblePlaceholder') ?? codes[0]
  return code === undefined ? undefined : { code }
}

/** `echo password | base64` and then encoded again: printable text with a line break at its end. */
function looksEncoded(text: string): boolean {
  return /^[\x20-\x7e]+\r?\n$/.test(decodeBase64(text) ?? '')
}

function mismatch(text: string, shape: Shape): readonly ValueProblem[] {
  const severity = shape.confidence === 'guess' ? 'warning' : 'error'
  const { length } = shape
  if (length !== undefined && text.length < length && (shape.cutOff ?? shape.anyLength)?.test(text) === true) {
    return [{ code: 'Truncated', severity, params: { length, actual: text.length } }]
  }
  if (shape.anyLength?.test(text) !== true) {
    return [{ code: 'PatternMismatch', severity, params: { expected: shape.expected } }]
  }
  if (length === undefined || text.length === length) {
    return [{ code: 'UnusualLength', params: { expected: shape.expected } }]
  }
  return [{ code: 'UnusualLength', params: { length, actual: text.length } }]
}
