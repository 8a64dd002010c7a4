/** Kubernetes objects as plain JSON, and what identifies their resources. */

/** One manager's claim to fields, as the API server records it. */
export interface ManagedFieldsEntry {
  manager?: string
  operation?: string
  subresource?: string
  fieldsV1?: Record<string, unknown>
  time?: string
}

/** What an object belongs to; the garbage collector deletes it together with its owner. */
export interface OwnerReference {
  apiVersion: string
  kind: string
  name: string
  uid: string
  controller?: boolean
  blockOwnerDeletion?: boolean
}

/** metav1.ObjectMeta: the fields that are of use here. Others stay on the object, unknown to the compiler. */
export interface ObjectMeta {
  name: string
  namespace?: string
  uid: string
  resourceVersion: string
  generation?: number
  creationTimestamp?: string
  deletionTimestamp?: string
  labels?: Record<string, string>
  annotations?: Record<string, string>
  ownerReferences?: OwnerReference[]
  managedFields?: ManagedFieldsEntry[]
  finalizers?: string[]
}

/** Anything that the API server stores. Items of lists and metadata-only answers lack apiVersion and kind, or have others. */
export interface KubeObject {
  apiVersion?: string
  kind?: string
  metadata: ObjectMeta
}

/** Where a kind lives in the API. The phantom type parameter ties it to the type of its objects. */
export interface ResourceType<T extends KubeObject> {
  /** Empty for the core group. */
  readonly group: string
  readonly version: string
  readonly plural: string
  readonly kind: string
  readonly namespaced: boolean
  readonly __object?: T
}

/** The key of an object in stores and queues: `namespace/name`, or `name` without a namespace. */
export function objectKey(object: { metadata: { namespace?: string; name: string } }): string {
  const { namespace, name } = object.metadata
  return namespace === undefined || namespace === '' ? name : `${namespace}/${name}`
}

/** The name of a resource as RBAC and messages write it: `secrets`, `deployments.apps`. */
export function resourceName(type: ResourceType<KubeObject>): string {
  return type.group === '' ? type.plural : `${type.plural}.${type.group}`
}

/** Secrets as the API returns them: values are base64 text. */
export interface Secret extends KubeObject {
  type?: string
  data?: Record<string, string>
  immutable?: boolean
}

export const secrets: ResourceType<Secret> = {
  group: '',
  version: 'v1',
  plural: 'secrets',
  kind: 'Secret',
  namespaced: true,
}

export const pods: ResourceType<KubeObject> = {
  group: '',
  version: 'v1',
  plural: 'pods',
  kind: 'Pod',
  namespaced: true,
}

/** A lock with a term. Its times are MicroTime: exactly six fractional digits. */
export interface Lease extends KubeObject {
  spec?: {
    holderIdentity?: string
    leaseDurationSeconds?: number
    acquireTime?: string
    renewTime?: string
    leaseTransitions?: number
  }
}

export const leases: ResourceType<Lease> = {
  group: 'coordination.k8s.io',
  version: 'v1',
  plural: 'leases',
  kind: 'Lease',
  namespaced: true,
}

/**
 * Negative when `a` is older than `b`, zero when they are the same. resourceVersions are decimal numbers of any length
 * without leading zeros, and comparable within one resource since Kubernetes 1.35 (in fact they always were).
 */
export function compareResourceVersions(a: string, b: string): number {
  if (a.length !== b.length) return a.length - b.length
  return a === b ? 0 : a < b ? -1 : 1
}

/** metav1.MicroTime: exactly six fractional digits, the API server refuses any other number of them. */
export function microTime(ms: number): string {
  return new Date(ms).toISOString().replace('Z', '000Z')
}
