// What Git does to a workload that is injected by policies: on a cluster of its own, as the shared operator patches.
import { afterAll, beforeAll, test } from 'vitest'
import { helm3Path } from '../../cluster/tools.ts'
import { flagsOf } from '../../git/matrix.ts'
import { startOwnCluster } from '../support/own-cluster.ts'
import type { OwnCluster } from '../support/own-cluster.ts'
import { buildTimeoutMs, check } from './check.ts'

let cluster: OwnCluster

beforeAll(async () => {
  await helm3Path()
  cluster = await startOwnCluster()
  const operator = await cluster.start(flagsOf('Policy'))
  await operator.waitForLog('working')
}, buildTimeoutMs)

afterAll(() => cluster[Symbol.asyncDispose]())

test('Policy', { timeout: 400_000 }, async () => {
  await check(cluster.kube, cluster.audit, 'Policy')
})
