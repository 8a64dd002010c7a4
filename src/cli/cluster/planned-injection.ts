/** What a resource that is not applied yet would inject: the operator's own plan, of a namespace as it would be then. Pure. */
import { injects } from '../../api/tracardi-resource.ts'
import type { ConsumerSpec, InjectionStatus, TracardiResource } from '../../api/tracardi-resource.ts'
import { InForce } from '../../delivery/in-force.ts'
import { planDelivery } from '../../delivery/plan.ts'
import { consumerIndex, entriesFor } from '../../delivery/selection.ts'
import { consumerState } from '../../delivery/stamps.ts'
import { kindOf } from '../../delivery/workloads.ts'
import type { Workload } from '../../delivery/workloads.ts'
import { systemClock } from '../../kube/clock.ts'
import { Store } from '../../kube/store.ts'

type Mode = InjectionStatus['mode']

/** Another resource of the namespace that injects. */
export interface Neighbour {
  readonly resource: TracardiResource
  /** Of its target Secret. */
  readonly keys: readonly string[]
}

/** The resource as it would be once its credentials are in force. */
export interface Injecting {
  readonly resource: TracardiResource
  readonly id: string
  readonly targetName: string
  readonly keys: readonly string[]
}

export interface PlannedInjection {
  /** What is put where and how; empty: nothing. */
  readonly what: string
  /** Why nothing would be injected; undefined: it would. */
  readonly problem: string | undefined
  /** What was injected before is taken out of the template. */
  readonly isTakenOut: boolean
  /** The template changes for it, beside the stamp. */
  readonly isTemplateChanged: boolean
}

/** How credentials get into pods here; undefined: no resource that is there says so. */
export function modeOf(live: TracardiResource | undefined, neighbours: readonly Neighbour[]): Mode | undefined {
  return [live, ...neighbours.map(({ resource }) => resource)].flatMap((one) => one?.status?.injection?.mode ?? [])[0]
}

/** For one workload. @param mode see modeOf */
export function planInjection(
  injecting: Injecting,
  neighbours: readonly Neighbour[],
  mode: Mode | undefined,
  workload: Workload,
): PlannedInjection {
  const { resource, id } = injecting
  const { name } = resource.metadata
  const inForce = new InForce()
  const resources = new Store<TracardiResource>({ clock: systemClock, indexers: { consumers: consumerIndex } })
  // One installation in the place of whatever it is called.
  const injection = { mode: mode ?? 'Policy', installation: '' }
  const put = (one: TracardiResource, credentialsId: string, target: string, keys: readonly string[]): void => {
    const status = { ...one.status, credentialsId, versions: [credentialsId], target: { name: target }, injection }
    resources.upsert({ ...one, status })
    inForce.confirm(one.metadata.uid, credentialsId)
    inForce.seen(one.metadata.uid, credentialsId, keys)
  }
  for (const { resource: other, keys } of neighbours) {
    const { credentialsId, target } = other.status ?? {}
    if (typeof credentialsId === 'string' && target !== undefined) put(other, credentialsId, target.name, keys)
  }
  put(resource, id, injecting.targetName, injecting.keys)
  const plan = planDelivery({ resources, inForce, installation: '' }, workload)
  const isTemplateChanged = plan.injected.some(({ metadata }) => metadata.name === name)
  const delivery = plan.deliveries.get(name)
  if (delivery?.injects !== true)
    return { what: '', problem: undefined, isTakenOut: isTemplateChanged, isTemplateChanged }
  const consumer = { kind: kindOf(workload), name: workload.metadata.name, workload }
  const { state, reason, message } = consumerState(consumer, name, id, delivery)
  const isRefused = state === 'Held' && (delivery.problem !== undefined || reason.startsWith('Injection'))
  // What can be delivered is, and the rest is told.
  const remark = delivery.problem?.message ?? delivery.remark
  const entry = entriesFor(resource, workload).find(({ inject }) => inject !== undefined && inject !== null)
  return {
    what: [describeInject(entry?.inject, mode), remark].filter((text) => text !== '').join(' '),
    problem: isRefused ? message : undefined,
    isTakenOut: false,
    isTemplateChanged,
  }
}

function describeInject(inject: ConsumerSpec['inject'], mode: Mode | undefined): string {
  const { env, mount, containers } = inject ?? {}
  const parts = [
    ...(env === undefined || env === null ? [] : [`variables${env.prefix ? ` (prefix ${env.prefix})` : ''}`]),
    ...(mount === undefined || mount === null ? [] : [`files under ${mount.path}`]),
  ]
  const where = containers === undefined || containers === null ? 'every container' : containers.join(', ')
  const how = mode === undefined ? '' : mode === 'Policy' ? ' by the API server' : ' by a patch of its template'
  return parts.length === 0 ? '' : `Gets ${parts.join(' and ')} in ${where}${how}.`
}

/** The others that inject into one namespace, as far as they are to be asked for their keys. */
export function injectingOthers(all: readonly TracardiResource[], name: string): TracardiResource[] {
  return all.filter(
    ({ metadata, spec, status }) =>
      metadata.name !== name &&
      metadata.deletionTimestamp === undefined &&
      injects(spec) &&
      typeof status?.credentialsId === 'string' &&
      status.target !== undefined,
  )
}
