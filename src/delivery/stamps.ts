/** The stamp: a label of the pod template that says which credentials its pods were started with. All pure. */
import type { ConsumerSpec } from '../api/tracardi-resource.ts'
import { stampLabel } from '../api/names.ts'
import { rolloutOf } from './workloads.ts'
import type { Deployment } from './workloads.ts'

/** A resource that names a workload as consumer, with what is in force. */
export interface Delivery {
  readonly resource: string
  /** undefined: nothing is in force. */
  readonly credentialsId: string | undefined
}

/** The stamp that a workload's template carries for a resource. */
export function stampOf(workload: Deployment, resource: string): string | undefined {
  return workload.spec?.template?.metadata?.labels?.[stampLabel(resource)]
}

/** The stamps that the template lacks, as label → credentialsId. Empty: nothing to do. Other stamps are inert and stay. */
export function missingStamps(workload: Deployment, deliveries: readonly Delivery[]): Record<string, string> {
  const missing: Record<string, string> = {}
  for (const { resource, credentialsId } of deliveries) {
    if (credentialsId !== undefined && stampOf(workload, resource) !== credentialsId)
      missing[stampLabel(resource)] = credentialsId
  }
  return missing
}

/** The strategic merge patch that stamps the template, fenced by uid and resourceVersion. */
export function stampPatch(workload: Deployment, stamps: Readonly<Record<string, string>>): object {
  const { uid, resourceVersion } = workload.metadata
  return { metadata: { uid, resourceVersion }, spec: { template: { metadata: { labels: stamps } } } }
}

/** Where one consumer stands. */
export interface ConsumerState {
  readonly kind: string
  readonly name: string
  readonly state: 'Missing' | 'Updated' | 'Outdated' | 'Failed'
  /** CamelCase; for all but Updated. */
  readonly reason: string
  readonly message: string
  readonly stamp: string | undefined
}

/** Judges one consumer of a resource. `workload` is undefined when it does not exist. */
export function consumerState(
  consumer: ConsumerSpec,
  workload: Deployment | undefined,
  resource: string,
  credentialsId: string | undefined,
): ConsumerState {
  const { kind, name } = consumer
  if (workload === undefined || workload.metadata.deletionTimestamp !== undefined) {
    return {
      kind,
      name,
      state: 'Missing',
      reason: 'ConsumerNotFound',
      message: `${kind} ${name} does not exist; it gets the credentials when it comes.`,
      stamp: undefined,
    }
  }
  const stamp = stampOf(workload, resource)
  const at = (state: ConsumerState['state'], reason: string, message: string): ConsumerState => ({
    kind,
    name,
    state,
    reason,
    message,
    stamp,
  })
  if (credentialsId === undefined) return at('Outdated', 'NothingInForce', 'No valid credentials are in force yet.')
  // One text for what is about to be stamped and what is being rolled: the status is written once for both.
  const onTheWay = at('Outdated', 'RollingOut', 'Pods with these credentials are being started.')
  if (stamp !== credentialsId) return onTheWay
  switch (rolloutOf(workload)) {
    case 'Complete':
      return at('Updated', 'Updated', '')
    case 'Paused':
      return at('Outdated', 'Paused', 'The rollout is paused; resume it with kubectl rollout resume.')
    case 'GaveUp':
      return at(
        'Failed',
        'ProgressDeadlineExceeded',
        `The new pods did not become available in time; see kubectl describe ${kind.toLowerCase()} ${name}.`,
      )
    case 'Progressing':
      return onTheWay
  }
}
