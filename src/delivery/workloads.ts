/** The workloads that consume credentials: what of them the operator keeps in memory, and how far their rollout is. */
import { stampLabel } from '../api/names.ts'
import type { KubeObject, ResourceType } from '../kube/objects.ts'

const stampPrefix = stampLabel('')

export interface Deployment extends KubeObject {
  spec?: {
    replicas?: number
    paused?: boolean
    template?: { metadata?: { labels?: Record<string, string> } }
  }
  status?: {
    observedGeneration?: number
    replicas?: number
    updatedReplicas?: number
    availableReplicas?: number
    conditions?: { type: string; status: string; reason?: string }[]
  }
}

export const deployments: ResourceType<Deployment> = {
  group: 'apps',
  version: 'v1',
  plural: 'deployments',
  kind: 'Deployment',
  namespaced: true,
}

/** Drops all that the plan and the status do not need; a Deployment is often 20 KB, this is 1. */
export function stripDeployment({ metadata, spec, status }: Deployment): Deployment {
  const labels = Object.entries(spec?.template?.metadata?.labels ?? {}).filter(([key]) => key.startsWith(stampPrefix))
  const progressing = status?.conditions?.filter((condition) => condition.type === 'Progressing') ?? []
  return {
    metadata: {
      name: metadata.name,
      ...(metadata.namespace !== undefined && { namespace: metadata.namespace }),
      uid: metadata.uid,
      resourceVersion: metadata.resourceVersion,
      ...(metadata.generation !== undefined && { generation: metadata.generation }),
      ...(metadata.deletionTimestamp !== undefined && { deletionTimestamp: metadata.deletionTimestamp }),
    },
    spec: {
      replicas: spec?.replicas ?? 1,
      paused: spec?.paused ?? false,
      template: { metadata: { labels: Object.fromEntries(labels) } },
    },
    status: {
      observedGeneration: status?.observedGeneration ?? 0,
      replicas: status?.replicas ?? 0,
      updatedReplicas: status?.updatedReplicas ?? 0,
      availableReplicas: status?.availableReplicas ?? 0,
      conditions: progressing.map(({ type, status: state, reason }) => ({
        type,
        status: state,
        ...(reason !== undefined && { reason }),
      })),
    },
  }
}

/** How far the rollout of a workload's current template is. */
export type Rollout = 'Complete' | 'Progressing' | 'Paused' | 'GaveUp'

/** The rules of `kubectl rollout status`. */
export function rolloutOf(deployment: Deployment): Rollout {
  const { spec, status, metadata } = deployment
  const wanted = spec?.replicas ?? 1
  const observed = (status?.observedGeneration ?? 0) >= (metadata.generation ?? 0)
  const updated = status?.updatedReplicas ?? 0
  const complete =
    observed && updated >= wanted && (status?.replicas ?? 0) <= updated && (status?.availableReplicas ?? 0) >= updated
  if (complete) return 'Complete'
  if (spec?.paused === true) return 'Paused'
  const gaveUp = status?.conditions?.some(
    ({ type, reason }) => type === 'Progressing' && reason === 'ProgressDeadlineExceeded',
  )
  return observed && gaveUp === true ? 'GaveUp' : 'Progressing'
}
