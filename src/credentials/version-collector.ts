/** Takes away a version that nobody needs any more. What names it is looked for in the cluster, not in memory. */
import { stampLabel, versionName } from '../api/names.ts'
import type { KubeClient } from '../kube/client.ts'
import { isConflict, isNotFound } from '../kube/errors.ts'
import { pods, secrets } from '../kube/objects.ts'
import type { KubeObject, ResourceType } from '../kube/objects.ts'
import { isVersion, withoutContents } from './target.ts'
import type { TargetOwner } from './target.ts'

/**
 * All that has the labels of a pod template. An older revision is a ReplicaSet or a ControllerRevision: who goes back to it
 * needs its version.
 */
const namingTypes: readonly ResourceType<KubeObject>[] = [
  { group: 'apps', version: 'v1', plural: 'replicasets', kind: 'ReplicaSet', namespaced: true },
  { group: 'apps', version: 'v1', plural: 'controllerrevisions', kind: 'ControllerRevision', namespaced: true },
  pods,
]

/**
 * Deletes one version unless something names it: one list of a single item's metadata for each kind, a look whose Secret it
 * is, and the deletion of that very one.
 * @returns Kept: something names it, or it has just been changed. Gone: also when it was none of ours.
 * @throws KubeError
 */
export async function collectVersion(
  client: Pick<KubeClient, 'list' | 'get' | 'delete'>,
  version: { readonly targetName: string; readonly id: string; readonly owner: TargetOwner },
  signal: AbortSignal,
): Promise<'Kept' | 'Gone'> {
  const { targetName, id, owner } = version
  const { namespace } = owner
  const labelSelector = `${stampLabel(owner.resource)}=${id}`
  for (const type of namingTypes) {
    const { items } = await client.list(type, { namespace, labelSelector, limit: 1, metadataOnly: true, signal })
    if (items.length > 0) return 'Kept'
  }
  const name = versionName(targetName, id)
  try {
    const secret = withoutContents(await client.get(secrets, namespace, name, { metadataOnly: true, signal }))
    if (!isVersion(secret, id, owner)) return 'Gone'
    const { uid, resourceVersion } = secret
    await client.delete(secrets, namespace, name, { uid, resourceVersion, signal })
  } catch (error) {
    if (isConflict(error)) return 'Kept'
    if (!isNotFound(error)) throw error
  }
  return 'Gone'
}
