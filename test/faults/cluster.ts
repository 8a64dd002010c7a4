/** A cluster without any other operator: with one that works in all namespaces, each resource would have two. */
import { join } from 'node:path'
import { startCluster, type OwnControlPlane } from '../cluster/cluster.ts'
import { run } from '../cluster/sources/source.ts'
import { kubectlPath, waitUntilEstablished } from '../cluster/tools.ts'

const crds = join(import.meta.dirname, '..', '..', 'crds')

export async function startClusterWithCrd(): Promise<OwnControlPlane> {
  const cluster = await startCluster({ nodes: 1 })
  try {
    const args = ['apply', '--server-side', '-f', crds]
    const { code, stderr } = await run(await kubectlPath(), ['--kubeconfig', cluster.kubeconfigPath, ...args])
    if (code !== 0) throw new Error(`kubectl ${args.join(' ')} failed: ${stderr.trim()}`)
    await waitUntilEstablished(cluster.kubeconfigPath, ['-f', crds])
  } catch (error) {
    await cluster.stop()
    throw error
  }
  return cluster
}
