/** The stamp: a label of the pod template that says which credentials its pods were started with. All pure. */
import { injectedAnnotation } from '../api/names.ts'
import { notInjectedText, staleText } from './not-injected.ts'
import type { DeliveryPlan, PlannedDelivery } from './plan.ts'
import type { Consumer } from './selection.ts'
import { isPatched, kindOf, rolloutOf, stampOf, takesInjection, templateOwner } from './workloads.ts'
import type { Workload, WorkloadKind } from './workloads.ts'

/** The patch that stamps the template and changes what is injected, fenced by uid and resourceVersion; see patchTypeOf. */
export function deliveryPatch(workload: Workload, { stamps, pods }: Pick<DeliveryPlan, 'stamps' | 'pods'>): object {
  const { uid, resourceVersion } = workload.metadata
  const template = {
    ...(Object.keys(stamps).length > 0 && { metadata: { labels: stamps } }),
    ...(pods !== undefined && { spec: pods }),
  }
  const spec = kindOf(workload) === 'CronJob' ? { jobTemplate: { spec: { template } } } : { template }
  return { metadata: { uid, resourceVersion }, spec }
}

/** How a patch of the template is to be read. There is no strategic merge for CRDs, and a stamp alone needs none. */
export function patchTypeOf(kind: WorkloadKind): 'strategic' | 'merge' {
  return takesInjection(kind) ? 'strategic' : 'merge'
}

/** Why a workload does not get its stamp. */
export interface Refusal {
  readonly reason: 'StampRefused' | 'PermissionMissing'
  readonly message: string
}

/** Where one consumer stands. */
export interface ConsumerState {
  readonly kind: string
  readonly name: string
  /** Held: it goes on only when a person does something. Stale: nothing is wrong with that, it is only told. */
  readonly state: 'Missing' | 'Updated' | 'Outdated' | 'Stale' | 'Held' | 'Failed'
  /** CamelCase. */
  readonly reason: string
  /** Empty when there is nothing to say. */
  readonly message: string
}

/** One text for what is about to be stamped, being rolled and yet to be looked at: the status is written once for all. */
export const onTheWay = {
  state: 'Outdated',
  reason: 'RollingOut',
  message: 'Pods with these credentials are being started.',
} as const

/**
 * Judges one consumer of a resource.
 * @param planned what the workload should get from that resource, and what stands in the way
 */
export function consumerState(
  { kind, name, workload }: Consumer,
  resource: string,
  credentialsId: string | undefined,
  planned: Partial<PlannedDelivery> = {},
): ConsumerState {
  const at = (state: ConsumerState['state'], reason: string, message: string): ConsumerState => ({
    kind,
    name,
    state,
    reason,
    message,
  })
  if (workload === undefined || workload.metadata.deletionTimestamp !== undefined) {
    const message = `${kind} ${name} does not exist; it gets the credentials when it comes.`
    return at('Missing', 'ConsumerNotFound', message)
  }
  if (credentialsId === undefined) return at('Outdated', 'NothingInForce', 'No valid credentials are in force yet.')
  const { problem, remark = '', isPending = false } = planned
  if (!isPatched(kind) && planned.mode === 'Patch') return at('Held', 'InjectionNeedsPolicy', needsPolicyText([kind]))
  // What can be delivered comes first.
  if (problem !== undefined && !isPending) return at('Held', problem.reason, problem.message)
  const owner = templateOwner(workload)
  if (owner !== undefined) {
    const message = `Its pods come from the ${owner.kind} ${owner.name} (spec.workloadRef): name that as the consumer in place of the ${kind} ${name}.`
    return at('Held', 'WorkloadReferenced', message)
  }
  const rolling = { kind, name, ...onTheWay }
  const isStamped = stampOf(workload, resource) === credentialsId
  if (!isPatched(kind)) {
    if (planned.mode === undefined) return rolling
    // The template of a ReplicaSet is never stamped; its pods are looked at, see not-injected.ts.
    if (kind !== 'ReplicaSet' && !isStamped) return at('Stale', 'Stale', staleText(workload, resource))
    const isMarked = kind !== 'Pod' || injectedAnnotation(resource) in (workload.metadata.annotations ?? {})
    return isMarked ? at('Updated', 'Updated', remark) : at('Held', 'NotInjected', notInjectedText(workload, resource))
  }
  if (planned.isNeverRestarted === true && !isStamped) {
    return planned.mode === 'Patch'
      ? at(
          'Held',
          'InjectionNeedsRestart',
          `Its entry says restart: Never, and here credentials are injected by a change of the pod template, which restarts ${kind} ${name}: set restart: Rolling.`,
        )
      : at(
          'Updated',
          'RestartNever',
          `${kind} ${name} is not restarted: its pods keep older credentials until somebody restarts them.`,
        )
  }
  if (isPending) return rolling
  if (kind === 'CronJob') {
    const isWaiting = planned.injects === true && planned.mode !== 'Policy' && !isStamped
    return isWaiting ? rolling : at('Updated', 'AlwaysNew', remark)
  }
  if (!isStamped) return rolling
  const object = `${kind.toLowerCase()} ${name}`
  switch (rolloutOf(workload)) {
    case 'Complete':
      return at('Updated', 'Updated', remark)
    case 'Empty':
      return at('Updated', 'NoPods', `${kind} ${name} has no pods at the moment.`)
    case 'Progressing':
      return rolling
    case 'Paused':
      return at('Held', 'Paused', `The rollout is paused; resume it: kubectl rollout resume ${object}`)
    case 'OnDelete':
      return at(
        'Held',
        'OnDelete',
        'Its update strategy is OnDelete: delete its older pods to give them the credentials.',
      )
    case 'Partitioned':
      return at('Held', 'Partitioned', 'The pods below the partition of its update strategy keep older credentials.')
    case 'Unpromoted':
      return at('Held', 'Paused', `The rollout is paused until it is promoted: kubectl argo rollouts promote ${name}`)
    case 'Aborted': {
      const message = `The rollout was aborted, and older credentials are used again; see kubectl describe ${object}, and once that is mended: kubectl argo rollouts retry ${object}`
      return at('Failed', 'Aborted', message)
    }
    case 'InvalidSpec':
      return at('Failed', 'InvalidSpec', `Argo Rollouts does not take its spec; see kubectl describe ${object}`)
    case 'GaveUp': {
      const message = `The new pods did not become available in time; see kubectl describe ${object}`
      return at('Failed', 'ProgressDeadlineExceeded', message)
    }
  }
}

/** For the status: kinds that get credentials as their pods are created or not at all, where no policy does that. */
export function needsPolicyText(kinds: readonly string[]): string {
  return `Pods of the kind ${kinds.join(', ')} get credentials only by the policies of the chart, and these are not in use here: install them (Kubernetes 1.36 or newer, injection.mode Auto or Policy), or have the pods made by a Deployment.`
}
