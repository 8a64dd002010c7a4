/** What a resource would do that is not applied yet: the operator's own decisions, on what the cluster holds. Pure. */
import { isDeepStrictEqual } from 'node:util'
import { findCondition } from '../../api/conditions.ts'
import type { TracardiResource, TracardiResourceSpec } from '../../api/tracardi-resource.ts'
import { contentsOf, targetNameOf, targetStatus } from '../../controllers/credentials-controller.ts'
import { decideStatus } from '../../controllers/status-decision.ts'
import { decideTarget } from '../../controllers/target-decision.ts'
import type { Inspection } from '../../credentials/inspect.ts'
import type { SourceVersion, TargetObservation } from '../../credentials/target.ts'
import { consumersOf, entriesFor } from '../../delivery/selection.ts'
import type { Consumer } from '../../delivery/selection.ts'
import {
  isPatched,
  notInstalledText,
  stampOf,
  templateOwner,
  waitsForPromotion,
  workloadKinds,
} from '../../delivery/workloads.ts'
import type { Workload } from '../../delivery/workloads.ts'
import { modeOf, planInjection } from './planned-injection.ts'
import type { Neighbour, PlannedInjection } from './planned-injection.ts'
import type { SeenWorkloads } from './reader.ts'

/**
 * Restart: its pods are replaced. Stamp: its template is changed, and no pod is replaced now. Keep: it is not touched.
 * Wait: it does not exist. Refuse: it gets nothing, for something is in the way. Withdraw: it is no consumer any more, and
 * not touched. Unknown: it may not be seen.
 */
export type PlannedAction = 'Restart' | 'Stamp' | 'Keep' | 'Wait' | 'Refuse' | 'Withdraw' | 'Unknown'

export interface PlannedConsumer {
  readonly kind: string
  /** Undefined: those that a selector would reach. */
  readonly name: string | undefined
  readonly action: PlannedAction
  readonly why: string
}

export interface Plan {
  /** Refused: the credentials do not come into force. Unknown: not all could be seen. */
  readonly result: 'Accepted' | 'Refused' | 'Unknown'
  /** As the condition Ready would say it. */
  readonly reason: string
  readonly message: string
  /** The id that consumers would carry; undefined: nothing would be in force, or the resource is new. */
  readonly credentialsId: string | undefined
  readonly target: { readonly name: string; readonly action: 'Create' | 'Update' | 'Keep' } | undefined
  readonly consumers: readonly PlannedConsumer[]
}

export interface PlanInput {
  /** With the metadata and status of the one that is there, see asApplied. */
  readonly resource: TracardiResource
  readonly live: TracardiResource | undefined
  readonly inspection: Inspection
  readonly sources: readonly SourceVersion[]
  /** Under the name that targetNameOf gives; undefined: there is no such name. */
  readonly target: TargetObservation | undefined
  readonly workloads: SeenWorkloads
  /** The others that inject in its namespace. */
  readonly neighbours: readonly Neighbour[]
  /** Milliseconds since the epoch. */
  readonly now: number
}

/** In place of a uid that the API server has not given yet. */
const noUid = '00000000-0000-0000-0000-000000000000'

/** The object that the API server would hold after `spec` was applied. */
export function asApplied(
  name: string,
  namespace: string,
  spec: TracardiResourceSpec,
  live: TracardiResource | undefined,
): TracardiResource {
  const generation = live?.metadata.generation ?? 0
  const isSame = live !== undefined && isDeepStrictEqual(withoutNulls(spec), withoutNulls(live.spec))
  return {
    metadata: {
      name,
      namespace,
      uid: live?.metadata.uid ?? noUid,
      resourceVersion: live?.metadata.resourceVersion ?? '',
      generation: isSame ? generation : generation + 1,
    },
    spec,
    ...(live?.status !== undefined && { status: live.status }),
  }
}

/** null counts as absent everywhere in a spec. */
function withoutNulls(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (_key, item: unknown) => item ?? undefined))
}

export function planOf(input: PlanInput): Plan {
  const { resource, live, inspection, sources, workloads, now } = input
  const name = targetNameOf(resource)
  const { contents, problem } = contentsOf(resource, inspection)
  const consumers = consumersOf(workloads.stores, resource)
  const decision = decideTarget({
    resource,
    target: name === undefined ? undefined : input.target,
    targetName: name,
    contents,
    sources,
    stamps: consumers.flatMap(({ workload }) => (workload && stampOf(workload, resource.metadata.name)) ?? []),
    stampsHidden: [...workloads.unseen].some((kind) => kind !== 'CronJob'),
  })
  if (decision.action === 'Elsewhere') {
    const message = `The Secret ${name ?? ''} is kept by the installation ${decision.installation} of the operator, which decides about this resource.`
    return refused('ManagedElsewhere', message, name)
  }
  const target = name === undefined ? undefined : targetStatus(name, decision, [], [...(contents?.keys() ?? [])])
  const { status } = decideStatus({
    resource,
    inspection,
    target,
    consumers: [],
    problem,
    unseen: [],
    unwatched: undefined,
    now,
  })
  const ready = findCondition(status.conditions, 'Ready')
  const id = target?.credentialsId
  const isAccepted = ready?.status === 'True'
  const mode = modeOf(live, input.neighbours)
  const injection = (workload: Workload): PlannedInjection | undefined =>
    id === undefined || name === undefined || target === undefined
      ? undefined
      : planInjection({ resource, id, targetName: name, keys: target.keys ?? [] }, input.neighbours, mode, workload)
  const { credentialsId: present, target: presentTarget } = live?.status ?? {}
  // Without valid credentials too, what is withdrawn is taken out.
  const remains = (workload: Workload): PlannedInjection | undefined =>
    typeof present !== 'string' || presentTarget === undefined
      ? undefined
      : planInjection({ resource, id: present, targetName: presentTarget.name, keys: [] }, [], mode, workload)
  const context = { resource, id, isNew: live === undefined, workloads, injection }
  const planned = [
    ...consumers.map((consumer) => plannedConsumer(consumer, context)),
    ...hidden(resource, workloads),
    ...withdrawn(live, consumers, workloads, remains),
  ]
  const isUnknown = decision.action === 'Hold' || planned.some(({ action }) => action === 'Unknown')
  return {
    result: !isAccepted && decision.action !== 'Hold' ? 'Refused' : isUnknown ? 'Unknown' : 'Accepted',
    ...(isAccepted ? accepted(resource) : { reason: ready?.reason ?? '', message: ready?.message ?? '' }),
    credentialsId: live === undefined ? undefined : id,
    target:
      name === undefined ? undefined : { name, action: decision.action === 'Create' ? 'Create' : changeOf(decision) },
    consumers: planned,
  }
}

function changeOf(decision: ReturnType<typeof decideTarget>): 'Update' | 'Keep' {
  // What is only recorded anew is not worth a word: the contents stay.
  return decision.action === 'Update' && decision.why !== 'Recorded' ? 'Update' : 'Keep'
}

function accepted(resource: TracardiResource): { reason: string; message: string } {
  return { reason: 'Valid', message: `The credentials have the shape that ${resource.spec.service} expects.` }
}

/** For what is known without looking at the consumers: none of them would be touched. */
export function refused(reason: string, message: string, target?: string): Plan {
  return {
    result: 'Refused',
    reason,
    message,
    credentialsId: undefined,
    target: target === undefined ? undefined : { name: target, action: 'Keep' },
    consumers: [],
  }
}

interface ConsumerContext {
  readonly resource: TracardiResource
  readonly id: string | undefined
  readonly isNew: boolean
  readonly workloads: SeenWorkloads
  readonly injection: (workload: Workload) => PlannedInjection | undefined
}

function plannedConsumer(
  { kind, name, workload }: Consumer,
  { resource, id, isNew, workloads: { unseen, absent }, injection }: ConsumerContext,
): PlannedConsumer {
  const at = (action: PlannedAction, why: string): PlannedConsumer => ({ kind, name, action, why })
  if (unseen.has(kind)) return at('Unknown', `You may not list objects of kind ${kind}.`)
  if (absent.has(kind)) return at('Wait', notInstalledText(kind))
  if (workload === undefined || workload.metadata.deletionTimestamp !== undefined)
    return at('Wait', 'It does not exist; it gets the credentials when it comes.')
  const owner = templateOwner(workload)
  if (owner !== undefined)
    return at('Keep', `Its pods come from the ${owner.kind} ${owner.name}: name that as the consumer.`)
  if (kind !== 'CronJob' && id === undefined) return at('Keep', 'Nothing is in force for it.')
  const { what = '', problem, isTemplateChanged = false } = injection(workload) ?? {}
  if (problem !== undefined) return at('Refuse', problem)
  const withInjection = (action: PlannedAction, why: string): PlannedConsumer =>
    at(action, what === '' ? why : `${why} ${what}`)
  if (kind === 'CronJob' || id === undefined)
    return withInjection(isTemplateChanged ? 'Stamp' : 'Keep', 'Its pods are always new.')
  const stamp = stampOf(workload, resource.metadata.name)
  if (stamp === id && !isTemplateChanged) return withInjection('Keep', `It carries ${id} already.`)
  if (!isPatched(kind))
    return withInjection(
      'Keep',
      'It is never restarted: pods get credentials as they are created, by the policies of the chart.',
    )
  if (entriesFor(resource, workload).every(({ restart }) => restart === 'Never'))
    return withInjection('Keep', 'restart is Never: its pods keep what they have until somebody replaces them.')
  const to = isNew ? 'the first credentials' : id
  const change =
    stamp === undefined
      ? `It has no stamp of this resource and gets ${to}.`
      : stamp === id
        ? 'What is injected changes.'
        : `From ${stamp} to ${id}.`
  const held = whyHeld(workload)
  if (held !== undefined) return withInjection('Stamp', `${change} ${held}`)
  return withInjection(
    'Restart',
    waitsForPromotion(workload) ? `${change} It pauses until somebody promotes it.` : change,
  )
}

/** Why no pod is replaced at once when the template changes. */
function whyHeld({ spec }: Workload): string | undefined {
  if (spec?.paused === true) return 'It is paused: its pods are replaced when somebody resumes it.'
  if (spec?.replicas === 0) return 'It has no pods at the moment.'
  if (spec?.updateStrategy?.type === 'OnDelete')
    return 'Its update strategy is OnDelete: pods are replaced when somebody deletes them.'
  const partition = spec?.updateStrategy?.rollingUpdate?.partition ?? 0
  return partition > 0 && partition >= (spec?.replicas ?? 1)
    ? 'All its pods are below the partition of its update strategy and stay.'
    : undefined
}

/** Selectors over kinds that may not be seen, or are not installed. */
function hidden(resource: TracardiResource, { unseen, absent }: SeenWorkloads): PlannedConsumer[] {
  return (resource.spec.consumers ?? []).flatMap(({ kind: asked, name }): PlannedConsumer[] => {
    const kind = workloadKinds.find((one) => one === asked)
    if (kind === undefined || typeof name === 'string') return []
    if (unseen.has(kind))
      return [{ kind, name: undefined, action: 'Unknown', why: `You may not list objects of kind ${kind}.` }]
    return absent.has(kind) ? [{ kind, name: undefined, action: 'Wait', why: notInstalledText(kind) }] : []
  })
}

function withdrawn(
  live: TracardiResource | undefined,
  consumers: readonly Consumer[],
  { stores, unseen }: SeenWorkloads,
  injection: ConsumerContext['injection'],
): PlannedConsumer[] {
  if (live === undefined) return []
  const kept = new Set(consumers.map(({ kind, name }) => `${kind}/${name}`))
  return consumersOf(stores, live)
    .filter(({ kind, name, workload }) => workload !== undefined && !unseen.has(kind) && !kept.has(`${kind}/${name}`))
    .map(({ kind, name, workload }) =>
      workload !== undefined && injection(workload)?.isTakenOut === true
        ? {
            kind,
            name,
            action: kind === 'CronJob' ? 'Stamp' : 'Restart',
            why: 'It is no longer a consumer: what was injected is taken out of its template.',
          }
        : {
            kind,
            name,
            action: 'Withdraw',
            why: 'It is no longer a consumer: its stamp stays, and it gets no newer credentials.',
          },
    )
}
