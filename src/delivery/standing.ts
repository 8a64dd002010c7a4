/** What a change of a workload means for the resources that have it as consumer. */
import type { TracardiResource } from '../api/tracardi-resource.ts'
import { objectKey } from '../kube/objects.ts'
import type { Store } from '../kube/store.ts'
import { resourcesOf } from './selection.ts'
import { consumerState } from './stamps.ts'
import { kindOf } from './workloads.ts'
import type { Workload } from './workloads.ts'

/**
 * The resources whose status says something else after this change: one gains or loses the workload, or it stands
 * elsewhere. Most of the many events of a rollout change nothing of that.
 * @param old undefined for a workload that is new
 * @param workload undefined for one that is gone
 */
export function affectedResources(
  resources: Store<TracardiResource>,
  old: Workload | undefined,
  workload: Workload | undefined,
): TracardiResource[] {
  const before = standings(resources, old)
  const after = standings(resources, workload)
  return [...new Map([...before, ...after])]
    .filter(([key]) => before.get(key)?.standing !== after.get(key)?.standing)
    .map(([, { resource }]) => resource)
}

interface Standing {
  readonly resource: TracardiResource
  /** What the status says of the workload, as one text to compare. */
  readonly standing: string
}

function standings(resources: Store<TracardiResource>, workload: Workload | undefined): Map<string, Standing> {
  const found = new Map<string, Standing>()
  if (workload === undefined) return found
  const consumer = { kind: kindOf(workload), name: workload.metadata.name, workload }
  for (const resource of resourcesOf(resources, workload)) {
    const credentialsId = resource.status?.credentialsId ?? undefined
    const { state, reason } = consumerState(consumer, resource.metadata.name, credentialsId)
    found.set(objectKey(resource), { resource, standing: `${state} ${reason}` })
  }
  return found
}
