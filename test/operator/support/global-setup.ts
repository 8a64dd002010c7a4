/** One operator for all test files, as its ServiceAccount from the chart. It runs after the setup of the cluster. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { writeServiceAccountKubeconfig } from '../../cluster/kubeconfig.ts'
import { buildIfNeeded, installChart, release, startOperator } from './operator-process.ts'

/** How tests reach the operator that all share. */
export interface SharedOperator {
  readonly pid: number
  readonly url: string
  readonly stdoutFile: string
  readonly stderrFile: string
  /** A kubeconfig of its ServiceAccount. */
  readonly kubeconfig: string
  readonly namespace: string
}

declare module 'vitest' {
  interface ProvidedContext {
    operator: SharedOperator
  }
}

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const admin = project.getProvidedContext().kubeconfig
  await buildIfNeeded()
  const account = await installChart(admin, { crds: false })
  const directory = await mkdtemp(join(tmpdir(), 'tracardi-operator-'))
  const kubeconfig = join(directory, 'kubeconfig')
  await writeServiceAccountKubeconfig(kubeconfig, admin, release.namespace, account)
  const operator = await startOperator({
    kubeconfig,
    args: ['--namespace', release.namespace, '--log-level', 'debug'],
    directory,
  })
  const close = async (): Promise<void> => {
    await operator.stop()
    await rm(directory, { recursive: true, force: true })
  }
  try {
    const url = await operator.url()
    await operator.waitForLog('working')
    const { pid, stdoutFile, stderrFile } = operator
    project.provide('operator', { pid, url, stdoutFile, stderrFile, kubeconfig, namespace: release.namespace })
  } catch (error) {
    await close()
    throw error
  }
  return close
}
