/** The workloads that consume credentials: what of them the operator keeps in memory, and how far their rollout is. */
import { injectedAnnotation, stampLabel } from '../api/names.ts'
import type { KubeObject, ResourceType } from '../kube/objects.ts'
import { podPartsOf } from './pod-parts.ts'
import type { PodParts, PodSpec } from './pod-parts.ts'

/** The kinds whose pod templates the operator changes. */
export const patchedKinds = ['Deployment', 'StatefulSet', 'DaemonSet', 'CronJob'] as const

/** The kinds that it never changes: the API server injects into their pods as these are created, and that is all. */
export const unpatchedKinds = ['ReplicaSet', 'Job', 'Pod'] as const

/** The kinds of workload that can be consumers. */
export const workloadKinds = [...patchedKinds, ...unpatchedKinds] as const
export type WorkloadKind = (typeof workloadKinds)[number]

/** Whether the operator changes the pod template of such a workload. */
export function isPatched(kind: string): boolean {
  return patchedKinds.some((one) => one === kind)
}

interface PodTemplate {
  metadata?: { labels?: Record<string, string> | null }
  spec?: PodSpec
}

/** A workload of any kind, with the fields that are looked at. */
export interface Workload extends KubeObject {
  /** Of the pod template; see stripWorkload. */
  pods?: PodParts
  spec?: {
    replicas?: number
    paused?: boolean
    updateStrategy?: { type?: string; rollingUpdate?: { partition?: number } | null }
    template?: PodTemplate
    jobTemplate?: { spec?: { template?: PodTemplate } }
  }
  status?: {
    /** Of a Pod. */
    phase?: string
    /** Of a Job: how many pods of it run. */
    active?: number
    observedGeneration?: number
    replicas?: number
    updatedReplicas?: number
    availableReplicas?: number
    readyReplicas?: number
    desiredNumberScheduled?: number
    currentNumberScheduled?: number
    updatedNumberScheduled?: number
    numberAvailable?: number
    conditions?: { type: string; status: string; reason?: string }[]
  }
}

/** The API of each kind. */
export const workloadTypes: Readonly<Record<WorkloadKind, ResourceType<Workload>>> = {
  Deployment: { group: 'apps', version: 'v1', plural: 'deployments', kind: 'Deployment', namespaced: true },
  StatefulSet: { group: 'apps', version: 'v1', plural: 'statefulsets', kind: 'StatefulSet', namespaced: true },
  DaemonSet: { group: 'apps', version: 'v1', plural: 'daemonsets', kind: 'DaemonSet', namespaced: true },
  CronJob: { group: 'batch', version: 'v1', plural: 'cronjobs', kind: 'CronJob', namespaced: true },
  ReplicaSet: { group: 'apps', version: 'v1', plural: 'replicasets', kind: 'ReplicaSet', namespaced: true },
  Job: { group: 'batch', version: 'v1', plural: 'jobs', kind: 'Job', namespaced: true },
  Pod: { group: '', version: 'v1', plural: 'pods', kind: 'Pod', namespaced: true },
}

const templatePath = ['f:spec', 'f:template', 'f:spec']

/** Of a workload that was not stripped. */
export const noParts: PodParts = { containers: [], volumes: {}, versionVolumes: [] }

/** Drops all that the plan and the status do not need; a workload is often 20 KB, this is 1. */
export function stripWorkload(kind: WorkloadKind): (workload: Workload) => Workload {
  return (workload) => {
    const { metadata, spec, status, pods } = workload
    const { template, path } = templateOf(kind, workload)
    const controllers = isPatched(kind) ? [] : (metadata.ownerReferences ?? []).filter(({ controller }) => controller)
    const marks = kind === 'Pod' ? marksOf(metadata.annotations ?? {}) : []
    return {
      kind,
      pods: pods ?? podPartsOf(template?.spec, metadata.managedFields ?? [], path),
      metadata: {
        name: metadata.name,
        ...(metadata.namespace !== undefined && { namespace: metadata.namespace }),
        uid: metadata.uid,
        resourceVersion: metadata.resourceVersion,
        ...(metadata.generation !== undefined && { generation: metadata.generation }),
        ...(metadata.deletionTimestamp !== undefined && { deletionTimestamp: metadata.deletionTimestamp }),
        ...(controllers.length > 0 && { ownerReferences: controllers }),
        ...(marks.length > 0 && { annotations: Object.fromEntries(marks) }),
      },
      spec: {
        ...(spec?.replicas !== undefined && { replicas: spec.replicas }),
        ...(spec?.paused === true && { paused: true }),
        ...(spec?.updateStrategy !== undefined && { updateStrategy: spec.updateStrategy }),
        template: { metadata: { labels: { ...template?.metadata?.labels } } },
      },
      status: pick(status ?? {}),
    }
  }
}

/** Where the template of the pods stands, and its spec as managedFields writes it. A Pod that is stripped has one as well. */
function templateOf(
  kind: WorkloadKind,
  { metadata, spec }: Workload,
): { readonly template: PodTemplate | undefined; readonly path: readonly string[] } {
  switch (kind) {
    case 'CronJob':
      return { template: spec?.jobTemplate?.spec?.template, path: ['f:spec', 'f:jobTemplate', ...templatePath] }
    case 'Pod': {
      const whole = spec as PodSpec | undefined
      return {
        template: spec?.template ?? {
          metadata: { labels: metadata.labels ?? {} },
          ...(whole !== undefined && { spec: whole }),
        },
        path: ['f:spec'],
      }
    }
    default:
      return { template: spec?.template, path: templatePath }
  }
}

/** What says that something was injected. */
function marksOf(annotations: Readonly<Record<string, string>>): [string, string][] {
  return Object.entries(annotations).filter(([key]) => key.startsWith(injectedAnnotation('')))
}

/**
 * Whether a workload of this kind is a consumer of its own: it has not ended, and it does not come from another workload, which
 * would be the consumer.
 */
export function standsAlone(workload: Workload): boolean {
  const controller = workload.metadata.ownerReferences?.find((owner) => owner.controller)
  switch (kindOf(workload)) {
    case 'ReplicaSet':
      return controller === undefined
    case 'Job':
      return controller?.kind !== 'CronJob' && !(workload.status?.conditions ?? []).some(isEnd)
    case 'Pod':
      return controller === undefined && !['Succeeded', 'Failed'].includes(workload.status?.phase ?? '')
    default:
      return true
  }
}

function isEnd({ type, status }: { type: string; status: string }): boolean {
  return (type === 'Complete' || type === 'Failed') && status === 'True'
}

const keptConditions: ReadonlySet<string> = new Set(['Progressing', 'Complete', 'Failed'])

function pick(status: NonNullable<Workload['status']>): NonNullable<Workload['status']> {
  const kept: NonNullable<Workload['status']> = {}
  for (const field of counters) if (status[field] !== undefined) kept[field] = status[field]
  if (status.phase !== undefined) kept.phase = status.phase
  const conditions = status.conditions?.filter(({ type }) => keptConditions.has(type)) ?? []
  if (conditions.length > 0)
    kept.conditions = conditions.map(({ type, status: state, reason }) => ({
      type,
      status: state,
      ...(reason !== undefined && { reason }),
    }))
  return kept
}

const counters = [
  'observedGeneration',
  'replicas',
  'updatedReplicas',
  'availableReplicas',
  'readyReplicas',
  'desiredNumberScheduled',
  'currentNumberScheduled',
  'updatedNumberScheduled',
  'numberAvailable',
  'active',
] as const

/** The kind of a stripped workload. */
export function kindOf(workload: Workload): WorkloadKind {
  return workloadKinds.find((kind) => kind === workload.kind) ?? 'Deployment'
}

/** The labels of the pod template. */
export function podLabels(workload: Workload): Readonly<Record<string, string>> {
  return workload.spec?.template?.metadata?.labels ?? {}
}

/** The stamp that a workload's template carries for a resource. */
export function stampOf(workload: Workload, resource: string): string | undefined {
  return podLabels(workload)[stampLabel(resource)]
}

/** How far the rollout of a workload's current template is. */
export type Rollout =
  | 'Complete'
  /** Complete, and there are no pods. */
  | 'Empty'
  | 'Progressing'
  | 'GaveUp'
  /** Somebody has to resume it. */
  | 'Paused'
  /** Pods are replaced when somebody deletes them. */
  | 'OnDelete'
  /** The pods below the partition are not replaced. */
  | 'Partitioned'

/** The rules of `kubectl rollout status`, and what it leaves out. */
export function rolloutOf(workload: Workload): Rollout {
  switch (kindOf(workload)) {
    case 'Deployment':
      return deploymentRollout(workload)
    case 'StatefulSet':
      return statefulSetRollout(workload)
    case 'DaemonSet':
      return daemonSetRollout(workload)
    case 'CronJob':
      // Its pods are always new.
      return 'Complete'
    case 'ReplicaSet':
    case 'Job':
    case 'Pod':
      // Nothing is rolled.
      return 'Complete'
  }
}

function observed({ metadata, status }: Workload): boolean {
  return (status?.observedGeneration ?? 0) >= (metadata.generation ?? 0)
}

function deploymentRollout(workload: Workload): Rollout {
  const { spec, status } = workload
  const wanted = spec?.replicas ?? 1
  const updated = status?.updatedReplicas ?? 0
  const complete =
    observed(workload) &&
    updated >= wanted &&
    (status?.replicas ?? 0) <= updated &&
    (status?.availableReplicas ?? 0) >= updated
  if (complete) return wanted === 0 ? 'Empty' : 'Complete'
  if (spec?.paused === true) return 'Paused'
  const gaveUp = status?.conditions?.some(
    ({ type, reason }) => type === 'Progressing' && reason === 'ProgressDeadlineExceeded',
  )
  return observed(workload) && gaveUp === true ? 'GaveUp' : 'Progressing'
}

function statefulSetRollout(workload: Workload): Rollout {
  const { spec, status } = workload
  const wanted = spec?.replicas ?? 1
  if (!observed(workload)) return 'Progressing'
  const updated = status?.updatedReplicas ?? 0
  if (updated >= wanted) {
    if (wanted === 0) return 'Empty'
    return (status?.readyReplicas ?? 0) >= wanted ? 'Complete' : 'Progressing'
  }
  // Pods that are not there yet will be new ones, whatever the strategy.
  const older = (status?.replicas ?? 0) > updated
  if (spec?.updateStrategy?.type === 'OnDelete') return older ? 'OnDelete' : 'Progressing'
  const partition = spec?.updateStrategy?.rollingUpdate?.partition ?? 0
  return partition > 0 && updated >= wanted - partition ? 'Partitioned' : 'Progressing'
}

function daemonSetRollout(workload: Workload): Rollout {
  const { spec, status } = workload
  if (!observed(workload)) return 'Progressing'
  const wanted = status?.desiredNumberScheduled ?? 0
  const updated = status?.updatedNumberScheduled ?? 0
  if (updated >= wanted) {
    if (wanted === 0) return 'Empty'
    return (status?.numberAvailable ?? 0) >= wanted ? 'Complete' : 'Progressing'
  }
  const older = (status?.currentNumberScheduled ?? 0) > updated
  return spec?.updateStrategy?.type === 'OnDelete' && older ? 'OnDelete' : 'Progressing'
}
