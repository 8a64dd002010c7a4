/** The workloads that consume credentials: what of them the operator keeps in memory, and how far their rollout is. */
import { injectedAnnotation, stampLabel } from '../api/names.ts'
import type { KubeObject, ResourceType } from '../kube/objects.ts'
import { podPartsOf } from './pod-parts.ts'
import type { PodParts, PodSpec } from './pod-parts.ts'

/** The kinds whose pod templates the operator changes. */
export const patchedKinds = ['Deployment', 'StatefulSet', 'DaemonSet', 'CronJob', 'Rollout'] as const

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
    /** Of a Rollout. */
    strategy?: RolloutStrategy
    /** Of a Rollout that has no template of its own. */
    workloadRef?: { kind?: string; name?: string } | null
  }
  status?: {
    /** Of a Pod, or a Rollout. */
    phase?: string
    /** Of a Job: how many pods of it run. */
    active?: number
    /** Of a Rollout it is text. */
    observedGeneration?: number | string
    replicas?: number
    updatedReplicas?: number
    availableReplicas?: number
    readyReplicas?: number
    desiredNumberScheduled?: number
    currentNumberScheduled?: number
    updatedNumberScheduled?: number
    numberAvailable?: number
    conditions?: { type: string; status: string; reason?: string }[]
    /** These are of a Rollout. */
    abort?: boolean
    controllerPause?: boolean
    pauseConditions?: { reason: string }[] | null
    currentStepIndex?: number | null
  }
}

/** What of it tells whether a pause ends by itself. */
interface RolloutStrategy {
  blueGreen?: { autoPromotionEnabled?: boolean | null; autoPromotionSeconds?: number | null } | null
  canary?: { steps?: ({ pause?: { duration?: number | string } | null } | null)[] | null } | null
}

/** The API of each kind. */
export const workloadTypes: Readonly<Record<WorkloadKind, ResourceType<Workload>>> = {
  Deployment: { group: 'apps', version: 'v1', plural: 'deployments', kind: 'Deployment', namespaced: true },
  StatefulSet: { group: 'apps', version: 'v1', plural: 'statefulsets', kind: 'StatefulSet', namespaced: true },
  DaemonSet: { group: 'apps', version: 'v1', plural: 'daemonsets', kind: 'DaemonSet', namespaced: true },
  CronJob: { group: 'batch', version: 'v1', plural: 'cronjobs', kind: 'CronJob', namespaced: true },
  Rollout: { group: 'argoproj.io', version: 'v1alpha1', plural: 'rollouts', kind: 'Rollout', namespaced: true },
  ReplicaSet: { group: 'apps', version: 'v1', plural: 'replicasets', kind: 'ReplicaSet', namespaced: true },
  Job: { group: 'batch', version: 'v1', plural: 'jobs', kind: 'Job', namespaced: true },
  Pod: { group: '', version: 'v1', plural: 'pods', kind: 'Pod', namespaced: true },
}

/**
 * Whether credentials can be injected into its pods. Not into those of a Rollout: its CRD knows no strategic merge patch, and
 * a JSON merge patch replaces whole lists of containers.
 */
export function takesInjection(kind: WorkloadKind): boolean {
  return kind !== 'Rollout'
}

/** Whether the API server may not know the kind: its CRD belongs to something that not every cluster has. */
export function mayBeAbsent(kind: WorkloadKind): boolean {
  return kind === 'Rollout'
}

/** For the status: an absent CRD. */
export function notInstalledText(kind: WorkloadKind): string {
  const { group } = workloadTypes[kind]
  return `The kind ${kind} (${group}) is not installed in this cluster: install it, or correct the kind of the consumer.`
}

const templatePath = ['f:spec', 'f:template', 'f:spec']

/** Of a workload that was not stripped, or into which nothing is ever injected. */
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
      pods: pods ?? (takesInjection(kind) ? podPartsOf(template?.spec, metadata.managedFields ?? [], path) : noParts),
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
        ...(kind === 'Rollout' && rolloutSpec(spec)),
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

function rolloutSpec({ strategy, workloadRef }: NonNullable<Workload['spec']> = {}): Workload['spec'] {
  const { blueGreen, canary } = strategy ?? {}
  const { autoPromotionEnabled = null, autoPromotionSeconds = null } = blueGreen ?? {}
  return {
    strategy: {
      ...(blueGreen && { blueGreen: { autoPromotionEnabled, autoPromotionSeconds } }),
      ...(canary && { canary: { steps: canary.steps?.map((step) => ({ pause: step?.pause ?? null })) ?? null } }),
    },
    ...(workloadRef && { workloadRef }),
  }
}

const keptConditions: ReadonlySet<string> = new Set(['Progressing', 'Complete', 'Failed', 'InvalidSpec'])

function pick(status: NonNullable<Workload['status']>): NonNullable<Workload['status']> {
  const kept: NonNullable<Workload['status']> = {}
  for (const field of statusFields) if (status[field] !== undefined) Object.assign(kept, { [field]: status[field] })
  const conditions = status.conditions?.filter(({ type }) => keptConditions.has(type)) ?? []
  if (conditions.length > 0)
    kept.conditions = conditions.map(({ type, status: state, reason }) => ({
      type,
      status: state,
      ...(reason !== undefined && { reason }),
    }))
  return kept
}

const statusFields = [
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
  'phase',
  'abort',
  'controllerPause',
  'pauseConditions',
  'currentStepIndex',
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

/** What has the template of the pods in place of a workload, which can then not be stamped; undefined: it has it itself. */
export function templateOwner({ spec }: Workload): { kind: string; name: string } | undefined {
  const { kind, name } = spec?.workloadRef ?? {}
  return kind === undefined || name === undefined ? undefined : { kind, name }
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
  /** Somebody has to promote it: it waits at a step, or before it switches over. */
  | 'Unpromoted'
  /** Somebody or an analysis has aborted it: it went back to the pods of before. */
  | 'Aborted'
  /** Its controller does not take its spec. */
  | 'InvalidSpec'

/** The rules of `kubectl rollout status`, or `kubectl argo rollouts status`, and what these leave out. */
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
    case 'Rollout':
      return argoRollout(workload)
    case 'ReplicaSet':
    case 'Job':
    case 'Pod':
      // Nothing is rolled.
      return 'Complete'
  }
}

function observed({ metadata, status }: Workload): boolean {
  // What is no number, as very old Argo Rollouts write it, tells nothing.
  return !(Number(status?.observedGeneration ?? 0) < (metadata.generation ?? 0))
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

/** Whether a Rollout will not be through before somebody promotes it. */
export function waitsForPromotion({ spec }: Workload): boolean {
  const { blueGreen, canary } = spec?.strategy ?? {}
  if (blueGreen?.autoPromotionEnabled === false) return !((blueGreen.autoPromotionSeconds ?? 0) > 0)
  return canary?.steps?.some((step) => step?.pause && step.pause.duration === undefined) === true
}

/** Its controller says the phase, of the generation that it has seen. */
function argoRollout(workload: Workload): Rollout {
  const { spec, status = {} } = workload
  const pauses = status.pauseConditions ?? []
  // Promoted, and its controller has not seen that yet.
  const isUnpausing = status.controllerPause === true && pauses.length === 0
  if (!observed(workload) || isUnpausing) return 'Progressing'
  switch (status.phase) {
    case 'Healthy':
      return (spec?.replicas ?? 1) === 0 ? 'Empty' : 'Complete'
    case 'Degraded':
      if (status.conditions?.some(({ type }) => type === 'InvalidSpec') === true) return 'InvalidSpec'
      return status.abort === true ? 'Aborted' : 'GaveUp'
    case 'Paused':
      return spec?.paused !== true && pauses.every(({ reason }) => endsByItself(workload, reason))
        ? 'Progressing'
        : 'Unpromoted'
    default:
      return 'Progressing'
  }
}

/** Whether a pause of a Rollout has an end. */
function endsByItself({ spec, status }: Workload, reason: string): boolean {
  const { blueGreen, canary } = spec?.strategy ?? {}
  switch (reason) {
    case 'BlueGreenPause':
      return (blueGreen?.autoPromotionSeconds ?? 0) > 0
    case 'CanaryPauseStep':
      return canary?.steps?.[status?.currentStepIndex ?? 0]?.pause?.duration !== undefined
    default:
      return false
  }
}
