/** The real Argo Rollouts on a cluster of a test: its CRDs, and its controller as a process. */
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../../cluster/cluster.ts'
import { Processes } from '../../cluster/processes.ts'
import { rolloutsPrograms, waitUntilEstablished } from '../../cluster/tools.ts'
import type { Kube } from './kube.ts'

/** Resolves when the API server serves the kinds. */
export async function installRolloutsCrds(kube: Kube): Promise<void> {
  const { 'rollouts-crds': folder } = await rolloutsPrograms()
  // They are too large for the annotation of a client-side apply.
  await kube.kubectl(['create', '--filename', folder])
  await waitUntilEstablished(kube.kubeconfigPath, ['crd', '--all'])
}

/** Starts the controller with all rights; it wants its CRDs to be there. It ends with what is returned. */
export async function startRolloutsController(kube: Kube): Promise<AsyncDisposable> {
  const { 'rollouts-controller': program } = await rolloutsPrograms()
  const processes = new Processes(await mkdtemp(join(tmpdir(), 'tracardi-rollouts-')), true)
  processes.start('rollouts-controller', program, [
    `--kubeconfig=${kube.kubeconfigPath}`,
    '--leader-elect=false',
    `--metricsPort=${await freePort()}`,
    `--healthzPort=${await freePort()}`,
  ])
  return processes
}
