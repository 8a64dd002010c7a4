/** What a change of a workload means for the resources that have it as consumer. */
import type { TracardiResource } from '../api/tracardi-resource.ts'
import { objectKey } from '../kube/objects.ts'
import { planDelivery } from './plan.ts'
import type { PlanContext } from './plan.ts'
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
  context: PlanContext,
  old: Workload | undefined,
  workload: Workload | undefined,
): TracardiResource[] {
  const before = standings(context, old)
  const after = standings(context, workload)
  return [...new Map([...before, ...after])]
    .filter(([key]) => before.get(key)?.standing !== after.get(key)?.standing)
    .map(([, { resource }]) => resource)
}

interface Standing {
  readonly resource: TracardiResource
  /** What the status says of the workload, as one text to compare. */
  readonly standing: string
}

function standings(context: PlanContext, workload: Workload | undefined): Map<string, Standing> {
  const found = new Map<string, Standing>()
  if (workload === undefined) return found
  const consumer = { kind: kindOf(workload), name: workload.metadata.name, workload }
  const { deliveries } = planDelivery(context, workload)
  for (const resource of resourcesOf(context.resources, workload)) {
    const credentialsId = resource.status?.credentialsId ?? undefined
    const { name } = resource.metadata
    const { state, reason, message } = consumerState(consumer, name, credentialsId, deliveries.get(name))
    found.set(objectKey(resource), { resource, standing: `${state} ${reason} ${message}` })
  }
  return found
}
