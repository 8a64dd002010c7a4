/** The stamp: a label of the pod template that says which credentials its pods were started with. All pure. */
import { stampLabel } from '../api/names.ts'
import type { Consumer } from './selection.ts'
import { kindOf, rolloutOf, stampOf } from './workloads.ts'
import type { Workload } from './workloads.ts'

/** A resource that has a workload as consumer, with what is in force. */
export interface Delivery {
  readonly resource: string
  /** undefined: nothing is in force. */
  readonly credentialsId: string | undefined
}

/** The stamps that the template lacks, as label → credentialsId. Empty: nothing to do. Other stamps are inert and stay. */
export function missingStamps(workload: Workload, deliveries: readonly Delivery[]): Record<string, string> {
  const missing: Record<string, string> = {}
  // The pods of a CronJob are always new: there is nothing to restart.
  if (kindOf(workload) === 'CronJob') return missing
  for (const { resource, credentialsId } of deliveries) {
    if (credentialsId !== undefined && stampOf(workload, resource) !== credentialsId)
      missing[stampLabel(resource)] = credentialsId
  }
  return missing
}

/** The strategic merge patch that stamps the template, fenced by uid and resourceVersion. */
export function stampPatch(workload: Workload, stamps: Readonly<Record<string, string>>): object {
  const { uid, resourceVersion } = workload.metadata
  return { metadata: { uid, resourceVersion }, spec: { template: { metadata: { labels: stamps } } } }
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
  /** Held: it goes on only when a person does something. */
  readonly state: 'Missing' | 'Updated' | 'Outdated' | 'Held' | 'Failed'
  /** CamelCase. */
  readonly reason: string
  /** Empty when there is nothing to say. */
  readonly message: string
}

/** Judges one consumer of a resource. */
export function consumerState(
  { kind, name, workload }: Consumer,
  resource: string,
  credentialsId: string | undefined,
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
  if (kind === 'CronJob') return at('Updated', 'AlwaysNew', '')
  // One text for what is about to be stamped and what is being rolled: the status is written once for both.
  const onTheWay = at('Outdated', 'RollingOut', 'Pods with these credentials are being started.')
  if (stampOf(workload, resource) !== credentialsId) return onTheWay
  const object = `${kind.toLowerCase()} ${name}`
  switch (rolloutOf(workload)) {
    case 'Complete':
      return at('Updated', 'Updated', '')
    case 'Empty':
      return at('Updated', 'NoPods', `${kind} ${name} has no pods at the moment.`)
    case 'Progressing':
      return onTheWay
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
    case 'GaveUp': {
      const message = `The new pods did not become available in time; see kubectl describe ${object}`
      return at('Failed', 'ProgressDeadlineExceeded', message)
    }
  }
}
