/** What the operator cannot see at the moment, because it lacks a right. */
import type { TracardiResource } from '../api/tracardi-resource.ts'
import type { Permission } from '../kube/permissions.ts'
import { workloadKinds } from './workloads.ts'
import type { WorkloadKind } from './workloads.ts'

/** Each method gives the right that is missing; undefined when all is seen. */
export interface Visibility {
  workloads(kind: WorkloadKind, namespace: string): Permission | undefined
  /** Whether the API server knows the kind. */
  isServed(kind: WorkloadKind, namespace: string): boolean
  /** Changes of the Secrets that a resource has to do with. */
  secrets(resource: TracardiResource): Permission | undefined
}

/** A kind of consumers that a resource has, and that cannot be seen. */
export interface Unseen {
  readonly kind: WorkloadKind
  readonly permission: Permission
}

/** Each kind once, in the order of workloadKinds. */
export function unseenConsumers(resource: TracardiResource, visibility: Pick<Visibility, 'workloads'>): Unseen[] {
  const wanted = new Set((resource.spec.consumers ?? []).map((consumer) => consumer.kind))
  return workloadKinds.flatMap((kind) => {
    const permission = wanted.has(kind) ? visibility.workloads(kind, resource.metadata.namespace ?? '') : undefined
    return permission === undefined ? [] : [{ kind, permission }]
  })
}

/** The kinds of its consumers that are not installed in the cluster. */
export function absentKinds(resource: TracardiResource, visibility: Pick<Visibility, 'isServed'>): WorkloadKind[] {
  const wanted = new Set((resource.spec.consumers ?? []).map((consumer) => consumer.kind))
  return workloadKinds.filter(
    (kind) => wanted.has(kind) && !visibility.isServed(kind, resource.metadata.namespace ?? ''),
  )
}
