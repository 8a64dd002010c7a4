// Kill the operator at any moment: no restart is lost, none happens twice. And who takes over when.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { isWrite, tally } from './support/audit-log.ts'
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
import { sleep, waitFor } from './support/kube.ts'
import { release } from './support/operator-process.ts'
import type { OperatorProcess } from './support/operator-process.ts'
import { startOwnCluster } from './support/own-cluster.ts'
import type { OwnCluster } from './support/own-cluster.ts'

let cluster: OwnCluster
let ns: string
const names = ['one', 'two', 'three', 'four', 'five', 'six']
/** What the target of each should hold. */
const wanted = new Map<string, { accountSid: string; authToken: string }>()

beforeAll(async () => {
  cluster = await startOwnCluster()
  const { kube } = cluster
  ns = await createNamespace(kube, 'restart')
  for (const name of names) {
    const values = valid.twilio()
    wanted.set(name, values)
    await kube.create('deployments', ns, deployment(name))
    await kube.create('secrets', ns, secret(`${name}-source`, values))
    await kube.create('tracardiresources', ns, resource(name, twilioSpec(`${name}-source`, [name])))
  }
})

afterAll(() => cluster[Symbol.asyncDispose]())

const withoutLease = ['--leader-elect=false']

/** Time for an operator to do what it should not do. */
const aWhile = 2500

async function startAndWork(args?: readonly string[]): Promise<OperatorProcess> {
  const operator = await cluster.start(args)
  await operator.waitForLog('working')
  return operator
}

async function rotateAll(): Promise<void> {
  await Promise.all(
    names.map(async (name) => {
      const values = valid.twilio()
      wanted.set(name, values)
      await cluster.kube.patch('secrets', ns, `${name}-source`, secret(`${name}-source`, values))
    }),
  )
}

async function allDelivered(revision: number): Promise<void> {
  for (const name of names) {
    await waitForConditions(
      cluster.kube,
      ns,
      name,
      { Ready: 'True Delivered' },
      { credentialsId: new RegExp(`^${revision}-`) },
    )
    const { accountSid, authToken } = wanted.get(name)!
    expect(await contentsOf(cluster.kube, ns, `${name}-credentials`)).toEqual({
      TWILIO_ACCOUNT_SID: accountSid,
      TWILIO_AUTH_TOKEN: authToken,
    })
  }
}

/** The number of rollouts of each workload so far: its ReplicaSets, and the generation of its spec. */
async function allRollouts(): Promise<Record<string, string>> {
  const entries = names.map(async (name) => {
    const { generation, replicaSets } = await rolloutsOf(cluster.kube, ns, name, name)
    return [name, `${generation} generations, ${replicaSets.length} ReplicaSets`] as const
  })
  return Object.fromEntries(await Promise.all(entries))
}

function rollouts(count: number): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, `${count} generations, ${count} ReplicaSets`]))
}

const lease = () => cluster.kube.get('leases', release.namespace, 'tracardi-operator')

test(
  'killed amid rotations, at one moment after another: each workload rolls exactly once',
  { timeout: 120_000 },
  async () => {
    let operator = await startAndWork(withoutLease)
    await allDelivered(1)
    expect(await allRollouts()).toEqual(rollouts(2))
    let revision = 1
    for (const delay of [0, 15, 30, 60, 120]) {
      const rotated = rotateAll()
      await sleep(delay)
      expect((await operator.stop('SIGKILL')).signal).toBe('SIGKILL')
      await rotated
      operator = await startAndWork(withoutLease)
      revision += 1
      await allDelivered(revision)
      expect(await allRollouts(), `killed after ${delay} ms`).toEqual(rollouts(revision + 1))
    }
    // Not one of these operators asked for a Lease.
    expect(await lease()).toBeUndefined()
    expect((await operator.stop()).code).toBe(0)
  },
)

test('killed and started again at rest: no write at all', async () => {
  let operator = await startAndWork(withoutLease)
  await sleep(aWhile)
  const before = await allRollouts()
  await operator.stop('SIGKILL')
  const mark = await cluster.audit.mark()
  operator = await startAndWork(withoutLease)
  await sleep(aWhile)
  const calls = await cluster.audit.operatorCalls(mark)
  expect(tally(calls.filter(isWrite))).toEqual({})
  expect(calls.some(({ verb }) => verb === 'watch')).toBe(true)
  expect(await allRollouts()).toEqual(before)
  await operator.stop()
})

test('what changed while no operator ran is caught up with, once', async () => {
  const before = await allRollouts()
  await rotateAll()
  await cluster.kube.remove('secrets', ns, 'one-credentials')
  await using operator = await startAndWork(withoutLease)
  await allDelivered(7)
  await sleep(aWhile)
  expect(before).toEqual(rollouts(7))
  expect(await allRollouts()).toEqual(rollouts(8))
  await operator.stop()
})

test('SIGTERM: exit code 0 within seconds, and the Lease is free; a standby takes over at once', async () => {
  await using first = await startAndWork()
  expect((await lease())?.spec?.holderIdentity).toMatch(/./)
  await using second = await cluster.start()
  const url = await second.url()
  // Its caches are warm, and it does nothing.
  await waitFor(
    'a standby that is ready',
    async () => (await fetch(`${url}/readyz`)).status,
    (status) => status === 200,
  )
  expect((await second.log()).map(({ msg }) => msg)).not.toContain('working')
  expect(await (await fetch(`${url}/metrics`)).text()).toMatch(/leader_election_master_status\{[^}]*\} 0/)

  const began = performance.now()
  expect(await first.stop('SIGTERM')).toEqual({ code: 0, signal: null })
  expect(performance.now() - began).toBeLessThan(5000)
  await second.waitForLog('working')
  expect(performance.now() - began).toBeLessThan(8000)

  await rotateAll()
  await allDelivered(8)
  expect(await allRollouts()).toEqual(rollouts(9))
  expect(await second.stop('SIGINT')).toEqual({ code: 0, signal: null })
  expect((await lease())?.spec?.holderIdentity ?? '').toBe('')
})

test('the leader is killed: a standby takes over within the time of the Lease, and rolls nothing twice', async () => {
  await using first = await startAndWork()
  await using second = await cluster.start()
  await second.waitForLog('serving')
  await rotateAll()
  await first.stop('SIGKILL')
  const began = performance.now()
  await second.waitForLog('working')
  expect(performance.now() - began).toBeLessThan(22_000)
  await allDelivered(9)
  expect(await allRollouts()).toEqual(rollouts(10))
  await second.stop()
})

test('the Lease is taken away: the operator ends with 1, and says so', async () => {
  await using operator = await startAndWork()
  const held = await lease()
  await cluster.kube.patch('leases', release.namespace, 'tracardi-operator', {
    spec: {
      holderIdentity: 'somebody-else',
      renewTime: new Date(Date.now() + 3_600_000).toISOString().replace('Z', '000Z'),
    },
  })
  expect(held?.spec?.holderIdentity).not.toBe('somebody-else')
  expect(await operator.exited).toEqual({ code: 1, signal: null })
  expect((await operator.log()).at(-1)?.msg).toMatch(/Lease is lost/)
  expect((await lease())?.spec?.holderIdentity).toBe('somebody-else')
})
