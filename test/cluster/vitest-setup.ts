// One cluster for all test files of a run; each test lives in a namespace of its own.
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { startCluster, type Cluster } from './cluster.ts'
import { startK3s } from './k3s.ts'
import { run } from './sources/source.ts'
import { kubectlPath, waitUntilEstablished } from './tools.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Of an administrator of the cluster under the tests, which has the CRDs. */
    kubeconfig: string
    /** The API server's audit log. Empty for a cluster that was not started here and has none. */
    auditLog: string
    /** A folder of this run, for kubeconfigs and the like. */
    clusterDirectory: string
  }
}

const crds = join(import.meta.dirname, '..', '..', 'crds')

const applyCrds = async (kubeconfig: string): Promise<void> => {
  if (!(await readdir(crds)).some((file) => file.endsWith('.yaml'))) return
  const args = ['apply', '--server-side', '--force-conflicts', '-f', crds]
  const { code, stderr } = await run(await kubectlPath(), ['--kubeconfig', kubeconfig, ...args])
  if (code !== 0) throw new Error(`kubectl ${args.join(' ')} failed: ${stderr.trim()}`)
  await waitUntilEstablished(kubeconfig, ['-f', crds])
}

/** A cluster that is already there: TRACARDI_TEST_KUBECONFIG, and TRACARDI_TEST_AUDIT_LOG if it has one. */
const useRunning = async (project: TestProject, kubeconfig: string): Promise<() => Promise<void>> => {
  const directory = await mkdtemp(join(tmpdir(), 'tracardi-tests-'))
  await applyCrds(kubeconfig)
  project.provide('kubeconfig', kubeconfig)
  project.provide('auditLog', process.env['TRACARDI_TEST_AUDIT_LOG'] ?? '')
  project.provide('clusterDirectory', directory)
  return () => rm(directory, { recursive: true, force: true })
}

/** The control plane of our own, or K3s where TRACARDI_TEST_CLUSTER asks for it. */
const start = async (): Promise<Cluster> => {
  const wanted = process.env['TRACARDI_TEST_CLUSTER'] ?? ''
  if (wanted === '') return startCluster()
  if (wanted !== 'k3s') throw new Error(`TRACARDI_TEST_CLUSTER may be k3s, not ${wanted}`)
  const found = await startK3s()
  if ('cluster' in found) return found.cluster
  throw new Error(`TRACARDI_TEST_CLUSTER asks for K3s, but ${found.reason}`)
}

export const setup = async (project: TestProject): Promise<() => Promise<void>> => {
  const running = process.env['TRACARDI_TEST_KUBECONFIG']
  if (running !== undefined && running !== '') return useRunning(project, running)
  const cluster = await start()
  try {
    await applyCrds(cluster.kubeconfigPath)
  } catch (error) {
    await cluster.stop()
    throw error
  }
  // Tests would fail with refused connections and not say why.
  void cluster.failed.then((error) => process.stderr.write(`The cluster under the tests broke: ${error.message}\n`))
  project.provide('kubeconfig', cluster.kubeconfigPath)
  project.provide('auditLog', cluster.auditLogPath)
  project.provide('clusterDirectory', cluster.directory)
  return () => cluster.stop()
}
