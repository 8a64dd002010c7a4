// npm run test:kill: kills the operator at every step, and counts what is lost, doubled, invalid or left behind.
import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { startOwnCluster } from '../operator/support/own-cluster.ts'
import { isClean, table } from './report.ts'
import { runKills } from './run.ts'

const usage = `Usage: npm run test:kill -- [--kills N] [--seed S]

Starts a control plane, lets rotations go on at random, valid and invalid ones, and kills the operator with SIGKILL, in
starting, at random moments of its work and at each step of its pipeline. Prints a table to stdout and progress to stderr.
The exit code is 0 when nothing was lost, doubled, invalid or left behind.

  --kills N  how often (1000: at least 20 times at each step)
  --seed S   repeats the choices of a run`

class UsageError extends Error {}

function readOptions(): { kills: number; seed: number; help: boolean } {
  let values
  try {
    values = parseArgs({
      options: { kills: { type: 'string' }, seed: { type: 'string' }, help: { type: 'boolean', default: false } },
    }).values
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
  const { kills = '1000', seed = String(randomInt(2 ** 31)), help } = values
  if (!/^[1-9]\d{0,5}$/.test(kills)) throw new UsageError('--kills takes a number')
  if (!/^\d{1,10}$/.test(seed)) throw new UsageError('--seed takes a number')
  return { kills: Number(kills), seed: Number(seed), help }
}

async function main(): Promise<number> {
  const { kills, seed, help } = readOptions()
  if (help) {
    console.log(usage)
    return 0
  }
  console.error(`seed ${String(seed)}`)
  await using cluster = await startOwnCluster()
  const report = await runKills({
    cluster,
    kills,
    seed,
    log: (line) => {
      console.error(line)
    },
  })
  console.log(table(report))
  return isClean(report) ? 0 : 1
}

try {
  process.exitCode = await main()
} catch (error) {
  console.error(error instanceof Error ? (error.stack ?? error.message) : String(error))
  if (error instanceof UsageError) console.error(`\n${usage}`)
  process.exitCode = error instanceof UsageError ? 2 : 1
}
