// Two replicas, each behind a proxy of its own: whatever becomes of the leader, it harms nothing once another may lead.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startFaultProxy } from '../faults/proxy.ts'
import type { FaultProxy, ProxiedCall } from '../faults/proxy.ts'
import { describeCall, isOf, isWrite } from './support/audit-log.ts'
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
import type { LogEntry, OperatorProcess } from './support/operator-process.ts'
import { release } from './support/operator-process.ts'
import { startOwnCluster } from './support/own-cluster.ts'
import type { OwnCluster } from './support/own-cluster.ts'

let cluster: OwnCluster

/** Of every replica of this file, for the last test. */
const proxies: FaultProxy[] = []
const parts = new AsyncDisposableStack()

beforeAll(async () => {
  cluster = parts.use(await startOwnCluster())
  const { kube } = cluster
  // Each pair has its Lease in a namespace of its own; the chart grants one in that of the release.
  const name = 'leases-of-a-test'
  await kube.create('clusterroles', undefined, {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name },
    rules: [{ apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['create', 'get', 'update'] }],
  })
  await kube.create('clusterrolebindings', undefined, {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
    subjects: [{ kind: 'ServiceAccount', name: release.name, namespace: release.namespace }],
  })
})

afterAll(() => parts.disposeAsync())

interface Held {
  readonly call: ProxiedCall
  /** The answer of the API server; undefined before the call was let go. */
  status: number | undefined
}

/** A process and its way to the API server. */
interface Replica {
  readonly operator: OperatorProcess
  readonly proxy: FaultProxy
  /** Which calls are held back until `letGo`. */
  hold: (call: ProxiedCall) => boolean
  readonly held: readonly Held[]
  readonly letGo: () => void
}

async function startReplica(namespace: string): Promise<Replica> {
  const proxy = parts.use(await startFaultProxy({ kubeconfig: cluster.kubeconfig }))
  proxies.push(proxy)
  const { promise: released, resolve: letGo } = Promise.withResolvers<undefined>()
  const held: Held[] = []
  const operator = await cluster.start(
    [`--namespace=${namespace}`, `--installation-id=${namespace}`, `--watch-namespaces=${namespace}`],
    await proxy.kubeconfig(),
  )
  const replica: Replica = {
    operator,
    proxy,
    hold: () => false,
    held,
    letGo: () => {
      letGo(undefined)
    },
  }
  proxy.before = async (call) => {
    if (replica.hold(call)) {
      held.push({ call, status: undefined })
      await released
    }
    return { kind: 'Forward' }
  }
  proxy.after = (call, status) => {
    for (const late of held) if (late.call === call) late.status = status
  }
  return replica
}

/** Resources with a Deployment each, a leader that has delivered them, and a standby whose caches are warm. */
async function startPair(
  prefix: string,
  names: readonly string[],
): Promise<{ namespace: string; leader: Replica; standby: Replica }> {
  const { kube } = cluster
  const namespace = await createNamespace(kube, prefix)
  for (const name of names) {
    await kube.create('deployments', namespace, deployment(name))
    await createResource(namespace, name)
  }
  const leader = await startReplica(namespace)
  await leader.operator.waitForLog('working')
  const standby = await startReplica(namespace)
  const url = await standby.operator.url()
  await waitFor(
    'a standby that is ready',
    async () => (await fetch(`${url}/readyz`)).status,
    (status) => status === 200,
  )
  await delivered(namespace, names, 1)
  return { namespace, leader, standby }
}

async function createResource(namespace: string, name: string): Promise<void> {
  await cluster.kube.create('secrets', namespace, secret(`${name}-source`, valid.twilio()))
  await cluster.kube.create('tracardiresources', namespace, resource(name, twilioSpec(`${name}-source`, [name])))
}

async function rotate(namespace: string, names: readonly string[]): Promise<void> {
  await Promise.all(
    names.map((name) =>
      cluster.kube.patch('secrets', namespace, `${name}-source`, secret(`${name}-source`, valid.twilio())),
    ),
  )
}

/** Every resource is in force with this revision, with the contents of its source, and every Deployment rolled once for each. */
async function delivered(namespace: string, names: readonly string[], revision: number): Promise<void> {
  const { kube } = cluster
  for (const name of names) {
    const id = { credentialsId: new RegExp(`^${String(revision)}-`) }
    await waitForConditions(kube, namespace, name, { Ready: 'True Delivered' }, id)
    const source = await contentsOf(kube, namespace, `${name}-source`)
    const target = await contentsOf(kube, namespace, `${name}-credentials`)
    if (target?.['TWILIO_AUTH_TOKEN'] !== source?.['authToken'])
      throw new Error(`${name}: other contents than its source`)
    const { generation, replicaSets } = await rolloutsOf(kube, namespace, name, name)
    if (generation !== revision + 1 || replicaSets.length !== revision + 1)
      throw new Error(`${name}: ${String(generation)} generations and ${String(replicaSets.length)} ReplicaSets`)
  }
}

/** The time of an entry of a log, in milliseconds. */
const timeOf = (entry: LogEntry | undefined): number => Date.parse(entry?.time ?? '')

/** What was in progress is cut off: the leader waits for none of it, only a second for its Events. */
const longestEndMs = 5000

/** The leader ends by itself as soon as its Lease is lost, and before the other begins. */
async function isSucceeded({ leader, standby }: { leader: Replica; standby: Replica }): Promise<void> {
  expect(await leader.operator.exited).toEqual({ code: 1, signal: null })
  const log = await leader.operator.log()
  // An Event that was on its way may fail at the same moment.
  const last = log.findLast(({ msg }) => msg !== 'an Event could not be written')
  expect(last?.msg).toMatch(/Lease is lost/)
  const lostAt = timeOf(log.find(({ msg }) => msg === 'lost the lease'))
  expect(timeOf(last) - lostAt).toBeLessThan(longestEndMs)
  expect(timeOf(last)).toBeLessThan(timeOf(await standby.operator.waitForLog('working')))
}

/** What a call writes; undefined for reading, Leases and Events. */
function written({ verb, resource: what, name, body }: ProxiedCall): string | undefined {
  if (!['create', 'update', 'patch', 'delete'].includes(verb) || what === 'leases' || what === 'events')
    return undefined
  return `${verb} ${what}/${name ?? (body as { metadata: { name: string } }).metadata.name}`
}

describe.concurrent('a leader that', () => {
  test('cannot renew its Lease in time: its late writes land on nothing', async () => {
    const { kube, audit } = cluster
    const names = ['target', 'workload', 'status', 'deleted']
    const pair = await startPair('late', names)
    const { namespace, leader, standby } = pair
    await kube.create('deployments', namespace, deployment('created'))
    const busy = Array.from({ length: 15 }, (_, index) => `busy-${String(index)}`)
    const late = [
      'patch secrets/target-credentials',
      'patch secrets/deleted-credentials',
      'patch deployments/workload',
      'patch tracardiresources/status/status',
      'create secrets/created-credentials',
    ]
    // From here on the API server is slower than the renew deadline, and these writes are on their way for longer yet.
    leader.hold = (call) => {
      const write = written(call) ?? ''
      return call.resource === 'leases' || late.includes(write) || write.startsWith('create secrets/busy-')
    }
    await rotate(namespace, names)
    await createResource(namespace, 'created')
    await waitFor(
      'every write that is to be late',
      () => late.filter((write) => !leader.held.some(({ call }) => written(call) === write)),
      (missing) => missing.length === 0,
    )
    // One of these is always young: it would not end by itself before the other begins.
    const hasEnded = leader.operator.exited.then(() => true)
    for (const name of busy) {
      await kube.create('secrets', namespace, secret(`${name}-source`, valid.twilio()))
      await kube.create('tracardiresources', namespace, resource(name, twilioSpec(`${name}-source`, [])))
      if (await Promise.race([hasEnded, sleep(1000)])) break
    }
    await isSucceeded(pair)
    expect(leader.held.filter(({ call }) => written(call)?.includes('/busy-')).length).toBeGreaterThan(0)
    await delivered(namespace, names, 2)
    await delivered(namespace, ['created'], 1)
    for (const { metadata } of await kube.list('tracardiresources', namespace)) {
      const { name } = metadata
      if (name.startsWith('busy-')) await waitForConditions(kube, namespace, name, {}, { credentialsId: /^1-/ })
    }
    expect(standby.held).toEqual([])

    await kube.remove('tracardiresources', namespace, 'deleted')
    await kube.remove('secrets', namespace, 'deleted-credentials')
    // Nobody has any work left: what is written now comes late.
    await sleep(2000)
    const mark = await audit.mark()
    leader.letGo()
    await waitFor(
      'an answer to every late write',
      () => leader.held.filter(({ status }) => status === undefined),
      (unanswered) => unanswered.length === 0,
    )
    const answers = (await audit.operatorCalls(mark))
      .filter(isOf(namespace))
      .filter((entry) => isWrite(entry) && !['leases', 'events'].includes(entry.objectRef?.resource ?? ''))
      .map((entry) => `${describeCall(entry).replace(/busy-\d+/, 'busy')}: ${String(entry.responseStatus?.code)}`)
    // A call that had no answer in time was made once more: each kind once is what matters.
    expect([...new Set(answers)].sort()).toEqual([
      'create secrets/busy-credentials: 409',
      'create secrets/created-credentials: 409',
      'patch deployments/workload: 409',
      'patch secrets/deleted-credentials: 404',
      'patch secrets/target-credentials: 409',
      'patch tracardiresources.status/status: 409',
    ])
    for (const { call, status } of leader.held) if (call.verb !== 'get') expect(status).toBeGreaterThanOrEqual(400)
    expect(await kube.get('secrets', namespace, 'deleted-credentials')).toBeUndefined()
    await delivered(namespace, ['target', 'workload', 'status'], 2)
    await delivered(namespace, ['created'], 1)
  })

  test('is cut off from the API server ends before the other begins, whose caches are warm', async () => {
    const names = ['one', 'two']
    const pair = await startPair('dark', names)
    const { namespace, leader, standby } = pair
    const listed = standby.proxy.calls.filter(({ verb }) => verb === 'list').length
    expect(standby.proxy.calls.filter((call) => written(call) !== undefined)).toEqual([])
    await leader.proxy.partition('Dark')
    await rotate(namespace, names)
    await isSucceeded(pair)
    await delivered(namespace, names, 2)
    expect(standby.proxy.calls.filter(({ verb }) => verb === 'list')).toHaveLength(listed)
  })

  test('was paused for longer than its Lease writes nothing when it goes on', async () => {
    const names = ['one', 'two', 'three', 'four']
    const { namespace, leader, standby } = await startPair('paused', names)
    process.kill(leader.operator.pid, 'SIGSTOP')
    try {
      await rotate(namespace, names)
      await standby.operator.waitForLog('working')
      await delivered(namespace, names, 2)
      await rotate(namespace, names)
      await delivered(namespace, names, 3)
    } finally {
      process.kill(leader.operator.pid, 'SIGCONT')
    }
    // All that happened meanwhile lies in its connections, and its timers are late.
    const before = leader.proxy.calls.length
    expect(await leader.operator.exited).toEqual({ code: 1, signal: null })
    expect(
      leader.proxy.calls
        .slice(before)
        .map(written)
        .filter((call) => call !== undefined),
    ).toEqual([])
    await sleep(1000)
    await delivered(namespace, names, 3)
  })
})

test('every write carries uid and resourceVersion of what was read; only what is not there yet is created', () => {
  const counts: Record<string, number> = {}
  for (const call of proxies.flatMap(({ calls }) => calls)) {
    if (written(call) === undefined) continue
    const kind = `${call.verb} ${call.resource}`
    counts[kind] = (counts[kind] ?? 0) + 1
    const { metadata } = call.body as { metadata: { uid?: string; resourceVersion?: string } }
    if (call.verb === 'create') expect(metadata.resourceVersion).toBeUndefined()
    else expect([kind, metadata.uid, metadata.resourceVersion]).toEqual([kind, expect.any(String), expect.any(String)])
  }
  expect(Object.keys(counts).sort()).toEqual([
    'create secrets',
    'patch deployments',
    'patch secrets',
    'patch tracardiresources/status',
  ])
})
