import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Cluster } from '../cluster/cluster.ts'
import { Kube } from '../operator/support/kube.ts'
import { startClusterWithCrd } from './cluster.ts'
import { runAll, runTable } from './combination.ts'
import { command, report, reportFile, shapeOf } from './report.ts'
import { describeScript, makeScripts, runScript } from './scripts.ts'

const concurrency = 20
const scriptCount = 40

let cluster: Cluster
let kube: Kube

beforeAll(async () => {
  cluster = await startClusterWithCrd()
  kube = await Kube.connect(cluster.kubeconfigPath)
})

afterAll(async () => {
  await kube[Symbol.asyncDispose]()
  await cluster.stop()
})

describe('faults', () => {
  it('every kind of call comes right again after every fault', { timeout: 400_000 }, async () => {
    const { outcomes, failures } = await runTable(kube, concurrency, () => undefined)
    expect(failures).toEqual([])
    const written = await readFile(reportFile, 'utf8')
    expect(shapeOf(written), `${reportFile} has other rows or columns: run ${command}`).toEqual(
      shapeOf(report(outcomes, '')),
    )
  })

  it('comes right after random scripts of them', { timeout: 400_000 }, async () => {
    const seed = Math.floor(Math.random() * 2 ** 31)
    const scripts = makeScripts(seed, scriptCount)
    const failures = await runAll(scripts, concurrency, async (script, index) => {
      const problems = await runScript(kube, script).then(
        (outcome) => outcome.problems,
        (error: unknown) => [String(error)],
      )
      return problems.map((problem) => `script ${index} of the seed ${seed} (${describeScript(script)}): ${problem}`)
    })
    expect(failures.flat(), `node test/faults/main.ts --soak ${scriptCount} --seed ${seed}`).toEqual([])
  })
})
