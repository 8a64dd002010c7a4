/** The matrix on a cluster of its own. `--write-docs`: writes docs/git.md when nothing failed. */
import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { kubernetesVersions } from '../cluster/programs.ts'
import { run } from '../cluster/sources/source.ts'
import { helm3Path, helmPath, kubectlPath } from '../cluster/tools.ts'
import { buildIfNeeded } from '../operator/support/operator-process.ts'
import { startOwnCluster } from '../operator/support/own-cluster.ts'
import { modes, runMatrix } from './matrix.ts'
import { report, reportFile } from './report.ts'

const { values } = parseArgs({ options: { 'write-docs': { type: 'boolean' } } })

async function versionOf(program: string, args: string[]): Promise<string> {
  return /v?(\d+\.\d+\.\d+)/.exec((await run(program, args)).stdout)?.[1] ?? ''
}

await helm3Path()
await buildIfNeeded()
await using cluster = await startOwnCluster()
await using operator = await cluster.start()
await operator.waitForLog('working')
for (const mode of modes) {
  const startedAt = performance.now()
  const { outcomes, failures } = await runMatrix(cluster.kube, cluster.audit, mode)
  console.log(`${mode}: ${outcomes.length} changes in ${((performance.now() - startedAt) / 1000).toFixed(0)} s`)
  for (const failure of failures) console.log(failure)
  const tools = [
    `kubectl ${await versionOf(await kubectlPath(), ['version', '--client'])}`,
    `Helm ${await versionOf(await helmPath(), ['version'])}`,
    `Helm ${await versionOf(await helm3Path(), ['version'])}`,
  ]
  const versions = `This run was on Kubernetes ${kubernetesVersions()[0] ?? ''}, with ${tools.join(', ')}.`
  if (failures.length > 0) {
    process.exitCode = 1
    console.log(report(outcomes, versions))
  } else if (values['write-docs'] === true) {
    await writeFile(reportFile, report(outcomes, versions))
    console.log(`wrote ${reportFile}`)
  }
}
