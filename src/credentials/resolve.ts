/** Which bytes belong to which field. Pure. */
import type { FieldDefinition, ServiceDefinition } from '../catalogue/definition.ts'
import { findField } from '../catalogue/definition.ts'
import { foreignCredential } from '../catalogue/foreign.ts'
import { defaultTargetKeys } from '../catalogue/target-keys.ts'
import type { FindingDraft } from './findings.ts'
import { nearestName } from './names.ts'
import { Sensitive } from './sensitive.ts'
import { isBlank } from './text.ts'

/** A source Secret as inspect needs it. */
export interface SourceSecret {
  readonly name: string
  readonly type: string | undefined
  readonly data: ReadonlyMap<string, Sensitive>
}

/** Why a Secret is not there. */
export type SecretAbsence = 'NotFound' | 'ForbiddenType' | 'OperatorOwned'

export type Secrets = ReadonlyMap<string, SourceSecret | SecretAbsence>

/** What the API says (structurally equal to the type of `spec.credentials`, which imports nothing from here). */
export interface CredentialsInput {
  readonly secretRef?: { readonly name: string } | null | undefined
  readonly fields?: readonly FieldSource[] | null | undefined
  readonly waive?: readonly string[] | null | undefined
}

export interface FieldSource {
  readonly name: string
  readonly key?: string | null | undefined
  readonly secretKeyRef?: { readonly name: string; readonly key: string } | null | undefined
  readonly value?: string | null | undefined
}

export interface ResolvedField {
  readonly name: string
  readonly value: Sensitive
  /** Undefined: given as value in the spec. */
  readonly secret: string | undefined
  readonly key: string | undefined
}

/** A key that is there, but holds nothing. */
export interface BlankField {
  readonly secret: string | undefined
  readonly key: string | undefined
  readonly kind: 'empty' | 'nothing but white space'
}

export interface Resolution {
  /** Fields with a value. */
  readonly found: ReadonlyMap<string, ResolvedField>
  /** Fields that are empty everywhere. */
  readonly blank: ReadonlyMap<string, BlankField>
  /** Fields about which something was already said (conflicts, unresolved keys): they count as present. */
  readonly spokenFor: ReadonlySet<string>
  /** Absent Secrets, and absent keys that `fields` names. */
  readonly unresolved: readonly FindingDraft[]
  readonly problems: readonly FindingDraft[]
  /** The Secret in which fields are looked for by name. */
  readonly source: SourceSecret | undefined
  /** False: that Secret is not there, so nothing can be said about fields that were not found. */
  readonly complete: boolean
}

/** Distinct names of all Secrets that the credentials refer to, that of secretRef first. */
export function referencedSecrets(credentials: CredentialsInput): readonly string[] {
  const names = new Set<string>()
  if (credentials.secretRef) names.add(credentials.secretRef.name)
  for (const field of credentials.fields ?? []) if (field.secretKeyRef) names.add(field.secretKeyRef.name)
  return [...names]
}

/** They are asked for several times in each inspection, and never change. */
const acceptedKeysOf = new WeakMap<ServiceDefinition, Map<FieldDefinition, readonly string[]>>()

/** Every key under which a Secret may hold the field, the canonical name first. */
export function acceptedKeys(service: ServiceDefinition, field: FieldDefinition): readonly string[] {
  let known = acceptedKeysOf.get(service)
  if (known === undefined) {
    known = new Map()
    acceptedKeysOf.set(service, known)
  }
  let keys = known.get(field)
  if (keys === undefined) {
    keys = [...new Set([field.name, ...field.aliases, ...field.env, ...defaultTargetKeys(service, field.name)])]
    known.set(field, keys)
  }
  return keys
}

/** The most keys that a message lists. */
const listedKeys = 10

/**
 * Names of keys for a message. Whoever mixed up key and value has a credential for a key: such names are left out.
 */
export function listKeys(service: ServiceDefinition, secret: SourceSecret): { present: string[]; more: number } {
  const tokens = service.fields.map((field) => field.shape).filter((shape) => shape?.length !== undefined)
  const present: string[] = []
  for (const key of secret.data.keys()) {
    if (present.length === listedKeys) break
    const isToken = tokens.some((shape) => shape?.pattern.test(key)) || foreignCredential(key, service) !== undefined
    if (!isToken) present.push(key)
  }
  return { present, more: secret.data.size - present.length }
}

const absenceCodes = {
  NotFound: 'SecretNotFound',
  ForbiddenType: 'ForbiddenSecretType',
  OperatorOwned: 'OperatorOwnedSecret',
} as const

/** Collects while it goes, so it lives for one call of resolve. */
interface Builder {
  readonly service: ServiceDefinition
  readonly secrets: Secrets
  readonly found: Map<string, ResolvedField>
  readonly blank: Map<string, BlankField>
  readonly spokenFor: Set<string>
  readonly unresolved: FindingDraft[]
  readonly problems: FindingDraft[]
}

export function resolve(service: ServiceDefinition, credentials: CredentialsInput, secrets: Secrets): Resolution {
  const builder: Builder = {
    service,
    secrets,
    found: new Map(),
    blank: new Map(),
    spokenFor: new Set(),
    unresolved: [],
    problems: [],
  }
  reportAbsentSecrets(builder, credentials)
  for (const source of credentials.fields ?? []) resolveExplicit(builder, source, credentials.secretRef?.name)

  const root = credentials.secretRef ? secrets.get(credentials.secretRef.name) : undefined
  const source = typeof root === 'object' ? root : undefined
  if (source !== undefined) {
    for (const field of service.fields) {
      if (!builder.found.has(field.name) && !builder.blank.has(field.name) && !builder.spokenFor.has(field.name)) {
        resolveByName(builder, field, source)
      }
    }
  }
  const { found, blank, spokenFor, unresolved, problems } = builder
  return {
    found,
    blank,
    spokenFor,
    unresolved,
    problems,
    source,
    complete: !credentials.secretRef || source !== undefined,
  }
}

function reportAbsentSecrets(builder: Builder, credentials: CredentialsInput): void {
  for (const name of referencedSecrets(credentials)) {
    const secret = builder.secrets.get(name) ?? 'NotFound'
    if (typeof secret === 'object') continue
    const keys =
      credentials.secretRef?.name === name
        ? (builder.service.variants[0]?.required ?? [])
        : (credentials.fields ?? []).flatMap((field) =>
            field.secretKeyRef?.name === name ? [field.secretKeyRef.key] : [],
          )
    builder.unresolved.push({ code: absenceCodes[secret], secret: name, params: { keys } })
  }
}

function resolveExplicit(builder: Builder, source: FieldSource, secretRef: string | undefined): void {
  const field = findField(builder.service, source.name)
  if (field === undefined) {
    reportUnknownField(builder, source.name)
    return
  }
  const given = [source.key, source.secretKeyRef, source.value].filter((value) => value !== undefined && value !== null)
  // An entry without any source says nothing: the field is looked for by name.
  if (given.length === 0) return
  const problem = (draft: Omit<FindingDraft, 'field'>): void => {
    builder.problems.push({ ...draft, field: field.name })
    builder.spokenFor.add(field.name)
  }
  if (field.secret && typeof source.value === 'string') {
    problem({ code: 'SecretGivenAsValue' })
  } else if (given.length > 1) {
    problem({ code: 'InvalidFieldSource', params: { problem: 'several' } })
  } else if (typeof source.value === 'string') {
    take(builder, field, {
      value: Sensitive.of(new TextEncoder().encode(source.value)),
      secret: undefined,
      key: undefined,
    })
  } else if (source.secretKeyRef) {
    takeKey(builder, field, source.secretKeyRef.name, source.secretKeyRef.key)
  } else if (secretRef === undefined) {
    problem({ code: 'InvalidFieldSource', params: { problem: 'noSecretRef' } })
  } else {
    takeKey(builder, field, secretRef, source.key ?? '')
  }
}

function reportUnknownField(builder: Builder, name: string): void {
  const byKey = new Map(
    builder.service.fields.flatMap((field) => acceptedKeys(builder.service, field).map((key) => [key, field.name])),
  )
  const nearest = nearestName([name], byKey.keys())
  const meant = byKey.get(name) ?? (nearest === undefined ? undefined : byKey.get(nearest))
  // What is missing under the right name has the same cause.
  if (meant !== undefined) builder.spokenFor.add(meant)
  builder.problems.push({
    code: 'UnknownField',
    field: name,
    params: {
      service: builder.service.id,
      known: builder.service.fields.map((field) => field.name),
      ...(meant === undefined ? {} : { meant }),
    },
  })
}

interface Candidate {
  readonly value: Sensitive
  readonly secret: string | undefined
  readonly key: string | undefined
}

function take(builder: Builder, field: FieldDefinition, { value, secret, key }: Candidate): void {
  const bytes = value.reveal()
  if (isBlank(bytes)) {
    builder.blank.set(field.name, { secret, key, kind: bytes.length === 0 ? 'empty' : 'nothing but white space' })
  } else {
    builder.found.set(field.name, { name: field.name, value, secret, key })
  }
}

function takeKey(builder: Builder, field: FieldDefinition, secretName: string, key: string): void {
  const secret = builder.secrets.get(secretName)
  if (typeof secret !== 'object') {
    // Its absence was reported already, once for all fields.
    builder.spokenFor.add(field.name)
    return
  }
  const value = secret.data.get(key)
  if (value !== undefined) {
    take(builder, field, { value, secret: secretName, key })
    return
  }
  const meant =
    nearestName([key], secret.data.keys()) ?? nearestName(acceptedKeys(builder.service, field), secret.data.keys())
  builder.spokenFor.add(field.name)
  builder.unresolved.push({
    code: 'KeyNotFound',
    field: field.name,
    secret: secretName,
    key,
    params: { ...listKeys(builder.service, secret), ...(meant === undefined ? {} : { meant }) },
  })
}

/** Several aliases may be there as long as they say the same. Blank ones say nothing. */
function resolveByName(builder: Builder, field: FieldDefinition, source: SourceSecret): void {
  const secret = source.name
  const hits: { key: string; value: Sensitive }[] = []
  for (const key of acceptedKeys(builder.service, field)) {
    const value = source.data.get(key)
    if (value === undefined) continue
    if (isBlank(value.reveal())) {
      if (!builder.blank.has(field.name)) take(builder, field, { value, secret, key })
    } else {
      hits.push({ key, value })
    }
  }
  const [first] = hits
  if (first === undefined) return
  builder.blank.delete(field.name)
  const keys = hits.filter((hit) => hit === first || !hit.value.equals(first.value)).map((hit) => hit.key)
  if (keys.length > 1) {
    builder.spokenFor.add(field.name)
    builder.problems.push({ code: 'ConflictingKeys', field: field.name, secret, params: { keys } })
  } else {
    take(builder, field, { value: first.value, secret, key: first.key })
  }
}
