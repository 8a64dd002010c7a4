/** Where a resource stands: what is in force since when, who has it, who has not and why, and what happens next. Pure. */
import { findCondition } from '../../api/conditions.ts'
import { componentName } from '../../api/names.ts'
import type { TracardiResource } from '../../api/tracardi-resource.ts'
import { targetNameOf } from '../../controllers/credentials-controller.ts'
import { consumersOf, entriesFor } from '../../delivery/selection.ts'
import { consumerState } from '../../delivery/stamps.ts'
import type { ConsumerState } from '../../delivery/stamps.ts'
import { notInstalledText, stampOf } from '../../delivery/workloads.ts'
import type { KubeEvent } from '../../kube/event-recorder.ts'
import type { SeenWorkloads } from './reader.ts'

export interface WhyInput {
  readonly resource: TracardiResource
  readonly workloads: SeenWorkloads
  /** Of the resource, in any order. */
  readonly events: readonly KubeEvent[]
}

export interface ToldEvent {
  /** RFC 3339; undefined: it does not say. */
  readonly at: string | undefined
  readonly type: string
  readonly reason: string
  readonly note: string
}

export interface Holder extends ConsumerState {
  /** The id that its pod template carries. */
  readonly stamp: string | undefined
}

export interface Why {
  readonly namespace: string
  readonly name: string
  readonly isReady: boolean
  /** Of the condition Ready; undefined: the operator has not said anything yet. */
  readonly reason: string | undefined
  readonly message: string | undefined
  /** When Ready became what it is. */
  readonly since: string | undefined
  readonly inForce:
    | {
        readonly credentialsId: string
        readonly target: string | undefined
        /** When it came into force; undefined: nothing that is kept tells. */
        readonly since: string | undefined
      }
    | undefined
  readonly consumers: readonly Holder[]
  /** How many consumers the status counts; it tells of those that may not be seen. */
  readonly summary: string | undefined
  readonly next: string
  /** Newest first. */
  readonly events: readonly ToldEvent[]
}

const shownEvents = 5

/** What the operator says only after it has looked at the pods of a workload. */
const seenInPods: ReadonlyMap<string, ConsumerState['state']> = new Map([
  ['NotInjected', 'Held'],
  ['Stale', 'Stale'],
])

export function whyOf({ resource, workloads, events }: WhyInput): Why {
  const { metadata, status = {} } = resource
  const { conditions, credentialsId } = status
  const ready = findCondition(conditions, 'Ready')
  const told = events.map(toldEvent).sort((a, b) => (b.at ?? '').localeCompare(a.at ?? ''))
  const consumers = consumersOf(workloads.stores, resource)
    .filter(({ kind }) => !workloads.unseen.has(kind))
    .map((consumer): Holder => {
      const { workload } = consumer
      const entries = workload === undefined ? [] : entriesFor(resource, workload)
      const state = consumerState(consumer, metadata.name, credentialsId, {
        isNeverRestarted: entries.length > 0 && entries.every(({ restart }) => restart === 'Never'),
        mode: status.injection?.mode,
      })
      // What the operator was refused, and what it saw in pods, it alone knows.
      const said = status.consumers?.outdated?.find(({ kind, name }) => kind === state.kind && name === state.name)
      const seen = said === undefined ? undefined : seenInPods.get(said.reason)
      return {
        ...state,
        ...(workloads.absent.has(consumer.kind) && { message: `${state.message} ${notInstalledText(consumer.kind)}` }),
        ...(said !== undefined &&
          (seen !== undefined || state.state === 'Outdated') && { reason: said.reason, message: said.message ?? '' }),
        ...(seen !== undefined && { state: seen }),
        stamp: workload && stampOf(workload, metadata.name),
      }
    })
  return {
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    isReady: ready?.status === 'True' && status.observedGeneration === metadata.generation,
    reason: ready?.reason,
    message: ready?.message,
    since: ready?.lastTransitionTime,
    inForce:
      credentialsId === undefined
        ? undefined
        : { credentialsId, target: status.target?.name ?? targetNameOf(resource), since: since(credentialsId, told) },
    consumers,
    summary: status.consumers?.summary,
    next: nextOf(resource, consumers),
    events: told.slice(0, shownEvents),
  }
}

function toldEvent({ metadata, eventTime, series, type, reason, note }: KubeEvent): ToldEvent {
  return {
    at: series?.lastObservedTime ?? eventTime ?? metadata.creationTimestamp,
    type: type ?? '',
    reason: reason ?? '',
    note: note ?? '',
  }
}

/** By the Event of its coming; Events are kept for an hour, so it may be gone. */
function since(credentialsId: string, events: readonly ToldEvent[]): string | undefined {
  return events.find(({ reason, note }) => reason === 'CredentialsInForce' && note.includes(` ${credentialsId} is `))
    ?.at
}

function nextOf({ metadata, status = {} }: TracardiResource, consumers: readonly Holder[]): string {
  const { conditions, observedGeneration = -1 } = status
  if (metadata.deletionTimestamp !== undefined)
    return 'It is being deleted. Nothing is restarted, and stamps that are no longer needed stay.'
  if (observedGeneration < (metadata.generation ?? 0)) {
    const what = observedGeneration < 0 ? 'this resource' : 'the newest spec'
    return `The operator has not looked at ${what} yet. If that lasts: is it running, and may it work in this namespace? kubectl get pods --all-namespaces -l app.kubernetes.io/name=${componentName}`
  }
  const stalled = findCondition(conditions, 'Stalled')
  if (stalled !== undefined)
    return `Nothing, until somebody does something about ${stalled.reason}; then it goes on by itself. About a code: ${componentName} explain ${stalled.reason}`
  const reconciling = findCondition(conditions, 'Reconciling')
  const failed = consumers.find(({ state }) => state === 'Failed')
  if (failed !== undefined) return `It goes on by itself when ${failed.kind} ${failed.name} becomes available.`
  if (reconciling?.reason === 'RollingOut') {
    const left = consumers.filter(({ state }) => state === 'Outdated').map(({ kind, name }) => `${kind} ${name}`)
    return `${left.length === 0 ? 'The last pods' : `The pods of ${left.join(', ')}`} are being replaced; nothing has to be done.`
  }
  if (reconciling !== undefined) return 'It goes on by itself when what it waits for is there.'
  const absent = consumers.find(({ state }) => state === 'Missing')
  if (absent !== undefined) return `${absent.kind} ${absent.name} gets the credentials when it comes.`
  return 'Nothing: it is at rest until a Secret, the resource or a consumer changes.'
}
