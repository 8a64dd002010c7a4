/** Makes the credentials of a Tracardi resource out of ours. Pure: what is done with them is decided elsewhere. */
import type { ServiceDefinition, TracardiMapping, VariantDefinition } from './definition.ts'
import { tracardiTypes } from './tracardi-types.ts'
import { urlPart } from './url.ts'

/** How the service becomes a resource of Tracardi in this variant; undefined when no type of Tracardi takes it. */
export function tracardiMapping(service: ServiceDefinition, variant: VariantDefinition): TracardiMapping | undefined {
  if (!isList(service.tracardi)) return undefined
  return service.tracardi.find(({ variants }) => variants?.includes(variant.id) ?? true)
}

function isList(value: ServiceDefinition['tracardi']): value is readonly TracardiMapping[] {
  return Array.isArray(value)
}

const placeholder = /\{(\w+)(?:\.(\w+))?(?:\|([^{}]*))?\}/g

/** The names of all fields that a template reads. */
export function templateFields(template: string): readonly string[] {
  return [...template.matchAll(placeholder)].map(([, field = '']) => field)
}

/**
 * The object for `credentials.production` or `credentials.test`.
 * @param value the value of a field, as it was checked; undefined when it is not there
 */
export function tracardiCredentials(
  mapping: TracardiMapping,
  value: (field: string) => string | undefined,
): Readonly<Record<string, unknown>> {
  const kinds = tracardiTypes.get(mapping.type)?.kinds ?? {}
  const credentials: Record<string, unknown> = {}
  for (const [key, template] of Object.entries(mapping.credentials)) {
    const text = fill(template, value)
    if (text !== undefined) credentials[key] = convert(text, kinds[key])
  }
  return credentials
}

/** Undefined when something is missing that has no default. */
function fill(template: string, value: (field: string) => string | undefined): string | undefined {
  const filled: string[] = []
  let end = 0
  for (const match of template.matchAll(placeholder)) {
    const part: string | undefined = match[2]
    const fallback: string | undefined = match[3]
    const given = value(match[1] ?? '')
    const found = (part === undefined || given === undefined ? given : partOf(given, part)) ?? fallback
    if (found === undefined) return undefined
    filled.push(template.slice(end, match.index), found)
    end = match.index + match[0].length
  }
  return filled.join('') + template.slice(end)
}

function partOf(text: string, name: string): string | undefined {
  if (!text.trimStart().startsWith('{')) return urlPart(text, name)
  const found: unknown = Object.entries(parseObject(text)).find(([key]) => key === name)?.[1]
  return typeof found === 'string' ? found : undefined
}

function parseObject(text: string): object {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : {}
  } catch {
    // The error would quote the text.
    return {}
  }
}

function convert(text: string, kind: 'integer' | 'boolean' | 'object' | undefined): unknown {
  if (kind === 'object') return parseObject(text)
  if (kind === 'boolean') return /^(?:true|1|yes)$/i.test(text)
  // Tracardi says what is wrong with a number that is none.
  return kind === 'integer' && /^-?\d{1,15}$/.test(text) ? Number(text) : text
}
