/**
 * The faults on a cluster of their own.
 * `--write-docs`: runs the table and writes docs/faults.md. `--soak COUNT [--seed SEED]`: runs so many random scripts, and
 * writes what happened in each that failed to a file of its own.
 */
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { kubernetesVersions } from '../cluster/programs.ts'
import { Kube } from '../operator/support/kube.ts'
import { startClusterWithCrd } from './cluster.ts'
import { runAll, runTable } from './combination.ts'
import { report, reportFile } from './report.ts'
import { describeScript, makeScripts, runScript } from './scripts.ts'

/** At the same time: most of it is waiting. */
const concurrency = 20

const { values } = parseArgs({
  options: { 'write-docs': { type: 'boolean' }, soak: { type: 'string' }, seed: { type: 'string' } },
})

let rejections = 0
process.on('unhandledRejection', (error) => {
  rejections++
  console.error('nobody handles', error)
})

async function table(kube: Kube): Promise<void> {
  const startedAt = performance.now()
  const { outcomes, failures } = await runTable(kube, concurrency, (line) => {
    console.log(line)
  })
  console.log(`${outcomes.length} combinations in ${seconds(startedAt)}, ${failures.length} failures`)
  for (const failure of failures) console.log(failure)
  if (failures.length > 0 || rejections > 0) process.exitCode = 1
  else if (values['write-docs'] === true) {
    const about = `This run was on Kubernetes ${kubernetesVersions()[0] ?? ''}, ${String(concurrency)} combinations at a time.`
    await writeFile(reportFile, report(outcomes, about))
    console.log(`wrote ${reportFile}`)
  }
}

async function soak(kube: Kube, count: number): Promise<void> {
  const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed)
  console.log(`${count} scripts of the seed ${seed}`)
  const startedAt = performance.now()
  const recoveries: number[] = []
  let [calls, restarts, failed] = [0, 0, 0]
  let folder: string | undefined
  await runAll(makeScripts(seed, count), concurrency, async (script, index) => {
    const trace: string[] = []
    try {
      const outcome = await runScript(kube, script, trace)
      recoveries.push(outcome.recoveredMs)
      calls += outcome.calls
      restarts += outcome.restarts
      if (outcome.problems.length > 0) throw new Error(outcome.problems.join('; '))
    } catch (error) {
      failed++
      console.log(`script ${index} of the seed ${seed}: ${error instanceof Error ? error.message : 'failed'}`)
      console.log(`  ${describeScript(script)}`)
      folder ??= await mkdtemp(join(tmpdir(), 'tracardi-soak-'))
      const file = join(folder, `${String(index)}.log`)
      await writeFile(file, `${trace.join('\n')}\n`)
      console.log(`  what happened: ${file}`)
    }
    if (recoveries.length % 50 === 0) console.log(`${recoveries.length} of ${count} after ${seconds(startedAt)}`)
  })
  recoveries.sort((a, b) => a - b)
  const at = (share: number): string => ((recoveries[Math.floor(recoveries.length * share)] ?? 0) / 1000).toFixed(1)
  console.log(`${count} scripts in ${seconds(startedAt)}: ${failed} failed, ${rejections} unhandled rejections`)
  console.log(`well again after ${at(0.5)} s (median), ${at(0.99)} s (p99), ${at(0.9999)} s (longest)`)
  console.log(`${calls} calls, the Lease was lost ${restarts} times`)
  if (failed > 0 || rejections > 0) process.exitCode = 1
}

function seconds(since: number): string {
  return `${((performance.now() - since) / 1000).toFixed(0)} s`
}

await using cluster = await startClusterWithCrd()
await using kube = await Kube.connect(cluster.kubeconfigPath)
if (values.soak === undefined) await table(kube)
else await soak(kube, Number(values.soak))
