/** A cluster without any other operator: with one that works in all namespaces, each resource would have two. */
import { join } from 'node:path'
import { startCluster, type OwnControlPlane } from '../cluster/cluster.ts'
import { run } from '../cluster/sources/source.ts'
import { establishedFlag, kubectlPath } from '../cluster/tools.ts'

const crds = join(import.meta.dirname, '..', '..', 'crds')

export async function startClusterWithCrd(): Promise<OwnControlPlane> {
  const cluster = await startCluster({ nodes: 1 })
  const kubectl = await kubectlPath()
  for (const args of [
    ['apply', '--server-side', '-f', crds],
    ['wait', establishedFlag, '--timeout=60s', '-f', crds],
  ]) {
    const { code, stderr } = await run(kubectl, ['--kubeconfig', cluster.kubeconfigPath, ...args])
    if (code === 0) continue
    await cluster.stop()
    throw new Error(`kubectl ${args.join(' ')} failed: ${stderr.trim()}`)
  }
  return cluster
}
