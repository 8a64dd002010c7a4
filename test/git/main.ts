/**
 * The matrix, on a cluster of its own for each mode.
 * `--mode MODE`: that one alone. `--write-docs`: writes docs/git.md when nothing failed.
 */
import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { knownKubernetes } from '../cluster/programs.ts'
import { run } from '../cluster/sources/source.ts'
import { helm3Path, helmPath, kubectlPath } from '../cluster/tools.ts'
import { buildIfNeeded } from '../operator/support/operator-process.ts'
import { startOwnCluster } from '../operator/support/own-cluster.ts'
import { flagsOf, modes, runMatrix } from './matrix.ts'
import type { Mode, Outcome } from './matrix.ts'
import { modeTable, report, reportFile } from './report.ts'

const { values } = parseArgs({ options: { mode: { type: 'string' }, 'write-docs': { type: 'boolean' } } })

async function versionOf(program: string, args: string[]): Promise<string> {
  return /v?(\d+\.\d+\.\d+)/.exec((await run(program, args)).stdout)?.[1] ?? ''
}

async function runMode(mode: Mode): Promise<readonly Outcome[]> {
  await using cluster = await startOwnCluster()
  await using operator = await cluster.start(flagsOf(mode))
  await operator.waitForLog('working')
  const startedAt = performance.now()
  const { outcomes, failures } = await runMatrix(cluster.kube, cluster.audit, mode)
  console.log(`${mode}: ${outcomes.length} changes in ${((performance.now() - startedAt) / 1000).toFixed(0)} s`)
  if (failures.length > 0) {
    process.exitCode = 1
    for (const failure of failures) console.log(failure)
    console.log(modeTable(outcomes, mode))
  }
  return outcomes
}

await helm3Path()
await buildIfNeeded()
const outcomes: Outcome[] = []
for (const mode of modes.filter((one) => values.mode === undefined || one === values.mode))
  outcomes.push(...(await runMode(mode)))
if (values['write-docs'] === true && values.mode === undefined && process.exitCode === undefined) {
  const tools = [
    `kubectl ${await versionOf(await kubectlPath(), ['version', '--client'])}`,
    `Helm ${await versionOf(await helmPath(), ['version'])}`,
    `Helm ${await versionOf(await helm3Path(), ['version'])}`,
  ]
  const kubernetes = knownKubernetes(process.env['TRACARDI_TEST_KUBERNETES'])
  await writeFile(reportFile, report(outcomes, `This run was on Kubernetes ${kubernetes}, with ${tools.join(', ')}.`))
  console.log(`wrote ${reportFile}`)
}
