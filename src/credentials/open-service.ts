/**
 * Services that take any key (`generic`): their fields are what the Secret and the spec name. Here such a service becomes
 * one with these fields, so that everything else treats it like any other. Pure.
 */
import { forbiddenEnvironmentName } from '../api/names.ts'
import type { FieldDefinition, ServiceDefinition } from '../catalogue/definition.ts'
import { foreignCredential } from '../catalogue/foreign.ts'
import type { FindingDraft } from './findings.ts'
import type { CredentialsInput, ResolvedField, Secrets } from './resolve.ts'

/** The service with the fields that these credentials have. Services that are not open, and empty Secrets, stay as they are. */
export function openService(
  service: ServiceDefinition,
  credentials: CredentialsInput,
  secrets: Secrets,
): ServiceDefinition {
  if (service.open !== true) return service
  const source = credentials.secretRef ? secrets.get(credentials.secretRef.name) : undefined
  const data = typeof source === 'object' ? source.data : new Map<string, never>()
  const listed = (credentials.fields ?? []).map(({ name }) => name)
  const renamed = new Set((credentials.fields ?? []).map(({ key }) => key))
  // Whoever mixed up key and value has a credential for a key, and a key is no secret: it goes nowhere.
  const keys = [...data.keys()].filter((key) => !renamed.has(key) && foreignCredential(key, noService) === undefined)
  const names = [...new Set([...listed, ...keys])].sort()
  if (names.length === 0) return service
  const fields = names.map((name): FieldDefinition => {
    const given = credentials.fields?.find((field) => field.name === name)
    const bytes = valueOf(name, given?.key ?? name, data, secrets, given?.secretKeyRef)
    return {
      name,
      aliases: [],
      env: [],
      secret: true,
      description: '',
      multiline: bytes !== undefined && isDocument(bytes),
    }
  })
  const variants = service.variants.slice(0, 1).map((variant) => ({ ...variant, required: names }))
  return { ...service, fields, variants }
}

const noService = { id: '' }

function valueOf(
  name: string,
  key: string,
  data: ReadonlyMap<string, ResolvedField['value']>,
  secrets: Secrets,
  other: { readonly name: string; readonly key: string } | null | undefined,
): Uint8Array | undefined {
  if (!other) return (data.get(key) ?? data.get(name))?.reveal()
  const secret = secrets.get(other.name)
  return typeof secret === 'object' ? secret.data.get(other.key)?.reveal() : undefined
}

const begin = new TextEncoder().encode('-----BEGIN ')
const [newline, space, brace, bracket] = [0x0a, 0x20, 0x7b, 0x5b]

/**
 * Files such as PEM, JSON or a configuration belong to a Secret as well: their line breaks are no mistake. A line break at
 * the end alone makes no document.
 */
function isDocument(bytes: Uint8Array): boolean {
  let start = 0
  while (start < bytes.length && (bytes[start] ?? 0) <= space) start++
  let end = bytes.length
  while (end > start && (bytes[end - 1] ?? 0) <= space) end--
  const first = bytes[start]
  const isJson = (first === brace && bytes[start + 1] !== brace) || first === bracket
  const isPem = begin.every((byte, index) => bytes[start + index] === byte)
  const inner = bytes.indexOf(newline, start)
  return isJson || isPem || (inner >= 0 && inner < end)
}

/** What is wrong with the keys themselves, which a workload may get as environment variables. */
export function keyProblems(
  service: ServiceDefinition,
  fields: ReadonlyMap<string, ResolvedField>,
): readonly FindingDraft[] {
  if (service.open !== true) return []
  return [...fields.values()].flatMap(({ name, secret, key }): FindingDraft[] => {
    const where = {
      field: name,
      ...(secret === undefined ? {} : { secret }),
      ...(key === undefined ? {} : { key }),
    }
    if (new RegExp(forbiddenEnvironmentName).test(name)) return [{ code: 'ForbiddenKey', ...where }]
    return /^[A-Za-z_]\w*$/.test(name) ? [] : [{ code: 'KeyNotVariable', ...where }]
  })
}
