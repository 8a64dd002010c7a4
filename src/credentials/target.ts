/**
 * The target: the Secret that the operator owns and workloads read. What it holds, whose it is, and whether somebody else
 * had a hand in it. All pure.
 */
import {
  apiVersion,
  componentName,
  idAnnotation,
  kind,
  managedByLabel,
  ownerAnnotation,
  resourceLabel,
  sourceAnnotation,
  versionName,
} from '../api/names.ts'
import type { ServiceDefinition } from '../catalogue/definition.ts'
import { defaultTargetKeys } from '../catalogue/target-keys.ts'
import type { ManagedFieldsEntry, OwnerReference, Secret } from '../kube/objects.ts'
import type { ResolvedField } from './resolve.ts'
import type { SecretSnapshot } from './secret-cache.ts'
import type { Sensitive } from './sensitive.ts'
import { isCredentialsId } from './versions.ts'

/** A source Secret, as it was when contents were made of it. */
export interface SourceVersion {
  readonly name: string
  readonly uid: string
  readonly resourceVersion: string
}

/** What the contents of a target were made of; kept beside them in an annotation. */
export interface Provenance {
  /** metadata.uid of the resource: one that was deleted and created again starts counting generations anew. */
  readonly resourceUid: string
  /** metadata.generation of the resource. */
  readonly generation: number
  readonly sources: readonly SourceVersion[]
  /** The keys that were written, sorted: a key that somebody removed leaves no trace in managedFields. */
  readonly keys: readonly string[]
}

export interface TargetOwner {
  readonly installation: string
  readonly namespace: string
  readonly resource: string
  readonly resourceUid: string
}

/** What stands under the name of the target. */
export type TargetObservation<T = SecretSnapshot> =
  | { readonly state: 'Absent' }
  /** Somebody else's. */
  | { readonly state: 'Foreign' }
  /** The same resource's, by another installation of the operator. */
  | { readonly state: 'Elsewhere'; readonly installation: string }
  | {
      readonly state: 'Ours'
      readonly secret: T
      readonly id: string | undefined
      readonly provenance: Provenance | undefined
      /** Somebody else changed contents, id or provenance since the operator last wrote them. */
      readonly edited: boolean
    }

/** The value of the owner annotation. */
export function ownerOf(owner: TargetOwner): string {
  return `${owner.installation}/${owner.namespace}/${owner.resource}`
}

/** What is known of a Secret whose contents were not read. */
export type SecretMetadata = Omit<SecretSnapshot, 'data' | typeof Symbol.dispose> & { readonly data: undefined }

/** For observeTarget. Values may stand in other annotations, so none but the operator's own are taken over. */
export function withoutContents({ type, metadata }: Secret): SecretMetadata {
  const { name, uid, resourceVersion, labels = {}, ownerReferences = [], managedFields = [] } = metadata
  const annotations = Object.fromEntries(
    [ownerAnnotation, idAnnotation, sourceAnnotation].flatMap((key) => {
      const value = metadata.annotations?.[key]
      return value === undefined ? [] : [[key, value]]
    }),
  )
  return { name, uid, resourceVersion, type, labels, annotations, ownerReferences, managedFields, data: undefined }
}

/** Reads what stands under the target's name. */
export function observeTarget<T extends SecretSnapshot | SecretMetadata>(
  secret: T | undefined,
  owner: TargetOwner,
): TargetObservation<T> {
  if (secret === undefined) return { state: 'Absent' }
  const labelled = secret.labels[managedByLabel] === componentName && secret.labels[resourceLabel] === owner.resource
  const recorded = secret.annotations[ownerAnnotation]
  if (!labelled || recorded === undefined) return { state: 'Foreign' }
  if (recorded !== ownerOf(owner)) {
    const suffix = `/${owner.namespace}/${owner.resource}`
    return recorded.endsWith(suffix) && recorded.length > suffix.length
      ? { state: 'Elsewhere', installation: recorded.slice(0, -suffix.length) }
      : { state: 'Foreign' }
  }
  const recordedId = secret.annotations[idAnnotation]
  const id = isCredentialsId(recordedId) ? recordedId : undefined
  const provenance = parseProvenance(secret.annotations[sourceAnnotation])
  const keys = secret.data === undefined ? undefined : [...secret.data.keys()].sort()
  const edited =
    id === undefined ||
    provenance === undefined ||
    (keys !== undefined && !sameList(provenance.keys, keys)) ||
    ownedByOthers(secret.managedFields)
  return { state: 'Ours', secret, id, provenance, edited }
}

/**
 * Whether anybody but the operator has changed contents, id or provenance since the operator last wrote: managedFields is
 * the API server's own record, with the second of each manager's last change. Who claimed equal values before that (a
 * backup that was restored, a manifest that was applied) stays in the record and is no edit.
 */
function ownedByOthers(managedFields: readonly ManagedFieldsEntry[]): boolean {
  const ours = managedFields.filter((entry) => entry.manager === componentName)
  // Whoever wiped the record may have changed anything.
  if (ours.length === 0) return true
  const lastWrite = Math.max(...ours.map((entry) => Date.parse(entry.time ?? '') || 0))
  for (const entry of managedFields) {
    if (entry.manager === componentName) continue
    const time = Date.parse(entry.time ?? '')
    if (time < lastWrite) continue
    const fields = entry.fieldsV1 ?? {}
    if ('f:data' in fields) return true
    const annotations = child(child(fields, 'f:metadata'), 'f:annotations')
    if (`f:${idAnnotation}` in annotations || `f:${sourceAnnotation}` in annotations) return true
  }
  return false
}

function child(fields: Record<string, unknown>, name: string): Record<string, unknown> {
  const value = fields[name]
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

/** Which value stands under which key of the target; `conflicts` are keys that two fields would write. */
export function targetContents(
  service: ServiceDefinition,
  fields: ReadonlyMap<string, ResolvedField>,
  keys: Readonly<Record<string, string | null>> | null | undefined,
): { readonly contents: ReadonlyMap<string, Sensitive>; readonly conflicts: readonly string[] } {
  const contents = new Map<string, Sensitive>()
  const conflicts: string[] = []
  for (const field of fields.values()) {
    const chosen = keys?.[field.name]
    for (const key of typeof chosen === 'string' ? [chosen] : defaultTargetKeys(service, field.name)) {
      if (contents.has(key)) conflicts.push(key)
      contents.set(key, field.value)
    }
  }
  return { contents, conflicts }
}

export function sameContents(a: ReadonlyMap<string, Sensitive>, b: ReadonlyMap<string, Sensitive>): boolean {
  if (a.size !== b.size) return false
  for (const [key, value] of a) {
    const other = b.get(key)
    if (other === undefined || !value.equals(other)) return false
  }
  return true
}

export function sameSources(a: readonly SourceVersion[], b: readonly SourceVersion[]): boolean {
  return sameList(a.map(sourceText).sort(), b.map(sourceText).sort())
}

function sourceText(source: SourceVersion): string {
  return `${source.name}=${source.uid}/${source.resourceVersion}`
}

function sameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((value, index) => value === b[index])
}

/** The provenance as the annotation holds it: ids only. */
export function formatProvenance(provenance: Provenance): string {
  return JSON.stringify({
    resource: provenance.resourceUid,
    generation: provenance.generation,
    sources: provenance.sources.map(sourceText).sort(),
    keys: [...provenance.keys].sort(),
  })
}

export function parseProvenance(text: string | undefined): Provenance | undefined {
  if (text === undefined) return undefined
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null) return undefined
  const { resource, generation, sources, keys } = value as Record<string, unknown>
  if (typeof resource !== 'string' || typeof generation !== 'number' || !isStrings(sources) || !isStrings(keys))
    return undefined
  const parsed: SourceVersion[] = []
  for (const source of sources) {
    const match = /^([^=]+)=([^/]+)\/([0-9]+)$/.exec(source)
    if (match === null) return undefined
    const [, name = '', uid = '', resourceVersion = ''] = match
    parsed.push({ name, uid, resourceVersion })
  }
  return { resourceUid: resource, generation, sources: parsed, keys }
}

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string')
}

/** Everything of a target that the operator decides. */
export interface TargetDesire {
  readonly id: string
  readonly provenance: Provenance
  readonly contents: ReadonlyMap<string, Sensitive>
  readonly deleteWithResource: boolean
}

/** The body of the POST that creates a target. */
export function newTarget(name: string, desire: TargetDesire, owner: TargetOwner): object {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name,
      namespace: owner.namespace,
      labels: { [managedByLabel]: componentName, [resourceLabel]: owner.resource },
      annotations: annotationsOf(desire, owner),
      ...(desire.deleteWithResource && { ownerReferences: [ownerReference(owner)] }),
    },
    type: 'Opaque',
    data: encode(desire.contents),
  }
}

/** The body of the POST that creates a version: an immutable copy of the target, under a name of its own. */
export function newVersion(targetName: string, desire: Omit<TargetDesire, 'provenance'>, owner: TargetOwner): object {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name: versionName(targetName, desire.id),
      namespace: owner.namespace,
      labels: { [managedByLabel]: componentName, [resourceLabel]: owner.resource },
      annotations: { [ownerAnnotation]: ownerOf(owner), [idAnnotation]: desire.id },
      ...(desire.deleteWithResource && { ownerReferences: [ownerReference(owner)] }),
    },
    type: 'Opaque',
    immutable: true,
    data: encode(desire.contents),
  }
}

/** Whether a Secret is the version of this resource with this id, going by its metadata. */
export function isVersion(
  secret: Pick<SecretMetadata, 'labels' | 'annotations'>,
  id: string,
  owner: TargetOwner,
): boolean {
  return (
    secret.labels[managedByLabel] === componentName &&
    secret.labels[resourceLabel] === owner.resource &&
    secret.annotations[ownerAnnotation] === ownerOf(owner) &&
    secret.annotations[idAnnotation] === id
  )
}

/** The merge patch that makes a Secret go with its resource or not; undefined when it is right as it is. */
export function ownerPatch(
  secret: Pick<SecretMetadata, 'uid' | 'resourceVersion' | 'ownerReferences'>,
  desire: Pick<TargetDesire, 'deleteWithResource'>,
  owner: TargetOwner,
): object | undefined {
  const { uid, resourceVersion } = secret
  const ownerReferences = mergeOwnerReferences(secret.ownerReferences, desire, owner)
  return ownerReferences === undefined ? undefined : { metadata: { uid, resourceVersion, ownerReferences } }
}

/** The merge patch that changes a target, fenced by uid and resourceVersion; undefined when nothing differs. */
export function targetPatch(secret: SecretSnapshot, desire: TargetDesire, owner: TargetOwner): object | undefined {
  const annotations = annotationsOf(desire, owner)
  const ownerReferences = mergeOwnerReferences(secret.ownerReferences, desire, owner)
  const data: Record<string, string | null> = {}
  for (const [key, value] of desire.contents) {
    if (secret.data.get(key)?.equals(value) !== true) data[key] = base64(value)
  }
  for (const key of secret.data.keys()) if (!desire.contents.has(key)) data[key] = null

  const changedData = Object.keys(data).length > 0
  const changedAnnotations = Object.entries(annotations).some(([key, value]) => secret.annotations[key] !== value)
  if (!changedData && !changedAnnotations && ownerReferences === undefined) return undefined
  return {
    metadata: {
      uid: secret.uid,
      resourceVersion: secret.resourceVersion,
      annotations,
      ...(ownerReferences !== undefined && { ownerReferences }),
    },
    // Every key is written, not only those that differ: so the operator owns all of them afterwards.
    ...(changedData && { data: { ...encode(desire.contents), ...data } }),
  }
}

/** The whole list with ours in it or not; undefined when it is right as it is. */
function mergeOwnerReferences(
  present: readonly OwnerReference[],
  desire: Pick<TargetDesire, 'deleteWithResource'>,
  owner: TargetOwner,
): readonly OwnerReference[] | undefined {
  const isOurs = (reference: OwnerReference): boolean =>
    reference.kind === kind && reference.name === owner.resource && reference.apiVersion === apiVersion
  const wanted = [
    ...present.filter((reference) => !isOurs(reference)),
    ...(desire.deleteWithResource ? [ownerReference(owner)] : []),
  ]
  const text = (references: readonly OwnerReference[]): string[] =>
    references.map((r) => `${r.kind}/${r.name}/${r.uid}`)
  return sameList(text(present), text(wanted)) ? undefined : wanted
}

function ownerReference(owner: TargetOwner): OwnerReference {
  return {
    apiVersion,
    kind,
    name: owner.resource,
    uid: owner.resourceUid,
    controller: true,
    blockOwnerDeletion: false,
  }
}

function annotationsOf(desire: TargetDesire, owner: TargetOwner): Record<string, string> {
  return {
    [ownerAnnotation]: ownerOf(owner),
    [idAnnotation]: desire.id,
    [sourceAnnotation]: formatProvenance(desire.provenance),
  }
}

function encode(contents: ReadonlyMap<string, Sensitive>): Record<string, string> {
  return Object.fromEntries([...contents].map(([key, value]) => [key, base64(value)]))
}

function base64(value: Sensitive): string {
  const bytes = value.reveal()
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}
