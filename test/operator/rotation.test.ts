// What a rotation costs, and what rest costs: counted in the API server's audit log, on a cluster with one operator.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { describeCall, tally } from './support/audit-log.ts'
import type { AuditEntry } from './support/audit-log.ts'
import {
  contentsOf,
  createNamespace,
  deployment,
  resource,
  rolloutsOf,
  secret,
  twilioSpec,
  valid,
  waitForConditions,
} from './support/fixtures.ts'
import { sleep } from './support/kube.ts'
import { startOwnCluster } from './support/own-cluster.ts'
import type { OwnCluster } from './support/own-cluster.ts'

let cluster: OwnCluster
let ns: string

beforeAll(async () => {
  cluster = await startOwnCluster()
  const operator = await cluster.start()
  await operator.waitForLog('working')
  const { kube } = cluster
  ns = await createNamespace(kube, 'rotation')
  await kube.create('deployments', ns, deployment('app', { replicas: 2 }))
  await kube.create('secrets', ns, secret('source', valid.twilio()))
  await kube.create('tracardiresources', ns, resource('sms', twilioSpec('source', ['app'])))
  await waitForConditions(kube, ns, 'sms', { Ready: 'True Delivered' })
})

afterAll(() => cluster[Symbol.asyncDispose]())

/** A status may follow the consumers by a second, and Events are sent in the background. */
const settleMs = 3000

const isOfLease = (entry: AuditEntry): boolean => entry.objectRef?.resource === 'leases'

/** All that the operator asked of the API server meanwhile, anywhere, but for its Lease. */
async function callsOf(work: () => Promise<unknown>): Promise<Record<string, number>> {
  const mark = await cluster.audit.mark()
  await work()
  await sleep(settleMs)
  const calls = await cluster.audit.operatorCalls(mark)
  return tally(calls.filter((entry) => !isOfLease(entry)))
}

async function rotate(values: Readonly<Record<string, string>>): Promise<void> {
  await cluster.kube.patch('secrets', ns, 'source', secret('source', values))
}

test('a rotation: one read, one write of the target, one of the consumer, two of the status, no list', async () => {
  const { kube } = cluster
  await sleep(settleMs)
  for (const revision of [2, 3]) {
    const before = await rolloutsOf(kube, ns, 'app', 'sms')
    const values = valid.twilio()
    const calls = await callsOf(async () => {
      await rotate(values)
      await waitForConditions(
        kube,
        ns,
        'sms',
        { Ready: 'True Delivered' },
        { credentialsId: new RegExp(`^${revision}-`) },
      )
    })
    const {
      'patch tracardiresources.status/sms': status,
      'create events': created,
      'patch events': patched,
      ...others
    } = calls
    expect(others).toEqual({
      'get secrets/source': 1,
      'patch secrets/sms-credentials': 1,
      'patch deployments/app': 1,
    })
    expect(status).toBeLessThanOrEqual(2)
    expect((created ?? 0) + (patched ?? 0)).toBeLessThanOrEqual(4)
    expect(await contentsOf(kube, ns, 'sms-credentials')).toEqual({
      TWILIO_ACCOUNT_SID: values.accountSid,
      TWILIO_AUTH_TOKEN: values.authToken,
    })
    const after = await rolloutsOf(kube, ns, 'app', 'sms')
    expect(after.replicaSets).toHaveLength(before.replicaSets.length + 1)
    expect(after.generation).toBe((before.generation ?? 0) + 1)
  }
})

test('a bad rotation: one read, one status, and nothing else is touched', async () => {
  const { kube } = cluster
  const before = await rolloutsOf(kube, ns, 'app', 'sms')
  const good = await contentsOf(kube, ns, 'source')
  const target = await kube.get('secrets', ns, 'sms-credentials')
  const bad = await callsOf(async () => {
    await rotate({ authToken: 'not-a-token' })
    await waitForConditions(kube, ns, 'sms', { Ready: 'False PatternMismatch' })
  })
  const { 'create events': _created, ...others } = bad
  expect(others).toEqual({ 'get secrets/source': 1, 'patch tracardiresources.status/sms': 1 })
  expect(await kube.get('secrets', ns, 'sms-credentials')).toEqual(target)

  // The old contents come back: the target's record of its source is renewed, and that is all.
  const undone = await callsOf(async () => {
    await rotate(good ?? {})
    await waitForConditions(kube, ns, 'sms', { Ready: 'True Delivered' })
  })
  expect(undone).not.toHaveProperty('patch deployments/app')
  expect(await rolloutsOf(kube, ns, 'app', 'sms')).toEqual(before)
})

test('at rest: nothing but the Lease', async () => {
  await sleep(settleMs)
  const mark = await cluster.audit.mark()
  await sleep(20_000)
  const calls = await cluster.audit.operatorCalls(mark)
  expect([...new Set(calls.map(describeCall))].filter((call) => !/^(?:get|update) leases\//.test(call))).toEqual([])
  // Every two seconds or so, as client-go.
  expect(calls.length).toBeGreaterThan(3)
  expect(calls.length).toBeLessThan(25)
})
