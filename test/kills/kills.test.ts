// A few dozen kills; `npm run test:kill` does a thousand.
import { randomInt } from 'node:crypto'
import { expect, test } from 'vitest'
import { startOwnCluster } from '../operator/support/own-cluster.ts'
import { table } from './report.ts'
import { runKills } from './run.ts'

test('killed 40 times, at random and at every step: nothing lost, nothing twice', { timeout: 300_000 }, async () => {
  await using cluster = await startOwnCluster()
  const report = await runKills({ cluster, kills: 40, seed: randomInt(2 ** 31) })
  expect(report.verdict, table(report)).toEqual({ lost: [], doubled: [], invalid: [], leftBehind: [], unseen: [] })
})
