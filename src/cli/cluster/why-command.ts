/** `why`: reads a resource, its consumers and its Events. No Secret is read. */
import type { KubeEvent } from '../../kube/event-recorder.ts'
import { events } from '../../kube/event-recorder.ts'
import { UsageError } from '../io.ts'
import { connect } from './connect.ts'
import type { ClusterFlags } from './connect.ts'
import { ClusterReader, describeDenial } from './reader.ts'
import type { Denial } from './reader.ts'
import { whyOf } from './why.ts'
import type { Why } from './why.ts'

export interface WhyReport extends Why {
  /** What could not be read, for want of a right. */
  readonly denials: readonly Denial[]
}

/** 0: ready. 1: not. */
export function whyExitCode({ isReady }: Why): 0 | 1 {
  return isReady ? 0 : 1
}

/** @throws UsageError when there is no such resource, or it may not be read; KubeError */
export async function readWhy(name: string, flags: ClusterFlags, version: string): Promise<WhyReport> {
  await using cluster = connect(flags, version)
  const { client, namespace } = cluster
  const reader = new ClusterReader(client, namespace)
  const resource = await reader.resource(name)
  if (resource === 'Denied') throw new UsageError(`you may not ${reader.denials.map(describeDenial).join(', ')}.`)
  if (resource === undefined)
    throw new UsageError(
      `the namespace ${namespace} has no TracardiResource of that name: kubectl get tracardiresources -A`,
    )
  const kinds = new Set((resource.spec.consumers ?? []).map(({ kind }) => kind))
  const [workloads, told] = await Promise.all([
    reader.workloads(kinds),
    reader.tried(() => client.list(events, { namespace, fieldSelector: `regarding.name=${name}`, limit: 500 })),
  ])
  const { uid } = resource.metadata
  const items = told === 'Denied' ? [] : told.items
  const own = items.filter(({ regarding }: KubeEvent) => regarding?.uid === uid)
  return { ...whyOf({ resource, workloads, events: own }), denials: reader.denials }
}
