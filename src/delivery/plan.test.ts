import { describe, expect, test } from 'vitest'
import type { ConsumerSpec, TracardiResource } from '../api/tracardi-resource.ts'
import { FakeClock } from '../kube/fake-clock.ts'
import { Store } from '../kube/store.ts'
import { InForce } from './in-force.ts'
import { carriersOf, injectionIndex, planDelivery } from './plan.ts'
import type { PodPatch } from './injection.ts'
import type { Container, PodSpec } from './pod-parts.ts'
import { consumerIndex, workloadStores } from './selection.ts'
import { stripWorkload } from './workloads.ts'
import type { Workload, WorkloadKind } from './workloads.ts'

const namespace = 'shop'
const stamp = (name: string): string => `credentials.tracardi.com/${name}`
const clock = new FakeClock()

interface Given {
  readonly id?: string
  readonly consumers?: ConsumerSpec[]
  readonly mode?: 'Policy' | 'Patch' | undefined
  readonly keys?: readonly string[] | undefined
  readonly installation?: string
  readonly versions?: string[]
  readonly deleted?: boolean
}

const injecting = (inject: ConsumerSpec['inject'] = { env: {} }): ConsumerSpec[] => [
  { kind: 'Deployment', name: 'web', inject },
]

/** Resources, and one workload. */
class World {
  readonly inForce = new InForce()
  readonly resources = new Store<TracardiResource>({ clock, indexers: { consumers: consumerIndex } })

  /** One of which a version is in force, and which is injected by patch unless told otherwise. */
  put(name: string, given: Given = {}): this {
    const { id = '2-aaaaa', consumers = injecting(), keys = ['URL'], installation = 'one', deleted = false } = given
    const mode = 'mode' in given ? given.mode : 'Patch'
    const uid = `uid-of-${name}`
    this.resources.upsert({
      metadata: {
        name,
        namespace,
        uid,
        resourceVersion: '1',
        ...(deleted && { deletionTimestamp: '2026-01-01T00:00:00Z' }),
      },
      spec: { service: 'redis', credentials: {}, consumers },
      status: {
        credentialsId: id,
        versions: given.versions ?? [id],
        target: { name: `${name}-credentials` },
        ...(mode !== undefined && { injection: { mode, installation } }),
      },
    })
    this.inForce.confirm(uid, id)
    if (!('keys' in given) || given.keys !== undefined) this.inForce.seen(uid, id, keys)
    return this
  }

  plan(workload: Workload) {
    const plan = planDelivery({ resources: this.resources, inForce: this.inForce, installation: 'one' }, workload)
    const of = (pick: (delivery: NonNullable<ReturnType<typeof plan.deliveries.get>>) => unknown) =>
      Object.fromEntries([...plan.deliveries].map(([name, delivery]) => [name, pick(delivery)]))
    return {
      stamps: plan.stamps,
      pods: plan.pods,
      injected: plan.injected.map(({ metadata }) => metadata.name),
      sharers: plan.sharers,
      modes: of(({ mode }) => mode),
      problems: of(({ problem }) => problem?.reason),
      messages: [...plan.deliveries.values()].map(({ problem, remark }) => problem?.message ?? remark),
      pending: of(({ isPending }) => isPending),
    }
  }
}

function workload(
  labels: Record<string, string> = {},
  pods: PodSpec = {},
  kind: WorkloadKind = 'Deployment',
): Workload {
  const template = { metadata: { labels: { app: 'web', ...labels } }, spec: { containers: [{ name: 'app' }], ...pods } }
  const metadata = { name: 'web', namespace, uid: 'u', resourceVersion: '1', generation: 1 }
  // A Pod is its own template.
  if (kind === 'Pod')
    return stripWorkload(kind)({ metadata: { ...metadata, ...template.metadata }, spec: template.spec as object })
  return stripWorkload(kind)({
    metadata,
    spec: kind === 'CronJob' ? { jobTemplate: { spec: { template } } } : { template },
  })
}

const variable = (name: string, secret: string, key = name) => ({
  name,
  valueFrom: { secretKeyRef: { name: secret, key } },
})
const app = (...env: NonNullable<Container['env']>): PodSpec => ({ containers: [{ name: 'app', env }] })
const patchOf = (...env: object[]): PodPatch => ({ containers: [{ name: 'app', env }] })
const current = { [stamp('mail')]: '2-aaaaa' }
const older = { [stamp('mail')]: '1-aaaaa' }
const url = (id: string) => variable('URL', `mail-credentials-${id}`)
const gone = { $patch: 'delete', name: 'URL' }

describe('a Rollout', () => {
  const version = variable('URL', 'mail-credentials-1-aaaaa')
  test('has nothing injected, nor taken out: its lists of containers would be replaced', () => {
    const w = new World().put('mail', { consumers: [{ ...injecting()[0]!, kind: 'Rollout' }], mode: 'Patch' })
    expect(w.plan(workload(older, app(version), 'Rollout'))).toMatchObject({ stamps: current, pods: undefined })
  })

  test('is not stamped where its template is another workload', () => {
    const w = new World().put('mail', { consumers: [{ kind: 'Rollout', name: 'web' }] })
    const own = workload({}, {}, 'Rollout')
    expect(w.plan(own).stamps).toEqual(current)
    const workloadRef = { kind: 'Deployment', name: 'base' }
    expect(w.plan({ ...own, spec: { ...own.spec, workloadRef } }).stamps).toEqual({})
  })
})

describe('stamps', () => {
  const plain: ConsumerSpec[] = [{ kind: 'Deployment', name: 'web' }]
  test.each<[string, Record<string, string>, Given, Record<string, string>]>([
    ['none yet', {}, {}, current],
    ['the right one', current, {}, {}],
    ['an older one', older, {}, current],
    // What is in force may also be an older one: the cluster decides, not the number.
    ['a newer one', { [stamp('mail')]: '3-aaaaa' }, {}, current],
    ['others are inert', { ...current, [stamp('gone')]: '9-bbbbb' }, {}, {}],
    ['of one that is being deleted', older, { deleted: true }, {}],
    ['never restarted', older, { consumers: [{ ...plain[0]!, restart: 'Never' }] }, {}],
    [
      'never by one entry, rolling by another',
      older,
      { consumers: [{ ...plain[0]!, restart: 'Never' }, ...plain] },
      current,
    ],
    ['injected by policy', older, { consumers: injecting(), mode: 'Policy' }, current],
    ['its version is not told yet', older, { consumers: injecting(), mode: 'Policy', versions: ['1-aaaaa'] }, {}],
    ['injection is refused', older, { consumers: injecting(), mode: undefined }, {}],
    ['another installation injects', older, { consumers: injecting(), installation: 'two' }, {}],
    [
      'an entry for another workload injects',
      older,
      { consumers: [...plain, { ...injecting()[0]!, name: 'b' }] },
      current,
    ],
  ])('%s', (_, labels, given, stamps) => {
    const w = new World().put('mail', { consumers: plain, ...given })
    expect(w.plan(workload(labels)).stamps).toEqual(stamps)
  })

  test('nobody, and nothing in force', () => {
    expect(new World().plan(workload(older))).toMatchObject({ stamps: {}, pods: undefined, sharers: 0, injected: [] })
    const w = new World().put('mail', { consumers: plain })
    w.inForce.forget('uid-of-mail')
    expect(w.plan(workload(older))).toMatchObject({ stamps: {}, sharers: 0, pending: { mail: false } })
  })

  test('several', () => {
    const w = new World().put('mail', { consumers: plain }).put('queue', { id: '7-bbbbb', consumers: plain })
    expect(w.plan(workload(current))).toMatchObject({
      stamps: { [stamp('queue')]: '7-bbbbb' },
      sharers: 2,
      pending: { mail: false, queue: true },
    })
  })

  test.each<[string, Given['mode'], Record<string, string>]>([
    ['reads the target by itself', undefined, {}],
    ['is injected by policy', 'Policy', {}],
    ['is injected by patch', 'Patch', current],
  ])('a CronJob that %s', (_, mode, stamps) => {
    const consumers: ConsumerSpec[] = [
      { kind: 'CronJob', name: 'web', inject: mode === undefined ? null : { env: {} } },
    ]
    expect(new World().put('mail', { mode, consumers }).plan(workload({}, {}, 'CronJob')).stamps).toEqual(stamps)
  })
})

describe('injection by patch', () => {
  test.each<[string, Record<string, string>, PodSpec, Given, Record<string, string>, PodPatch | undefined]>([
    ['a new workload', {}, {}, {}, current, patchOf(url('2-aaaaa'))],
    ['a rotation', older, app(url('1-aaaaa')), {}, current, patchOf(url('2-aaaaa'))],
    ['it is there', current, app(url('2-aaaaa')), {}, {}, undefined],
    ['the stamp was taken out', {}, app(url('2-aaaaa')), {}, current, undefined],
    ['an older stamp was pinned', older, app(url('2-aaaaa')), {}, current, undefined],
    ['the variables were taken out', current, {}, {}, {}, patchOf(url('2-aaaaa'))],
    [
      'the target was renamed',
      older,
      app(variable('URL', 'old-name-1-aaaaa'), variable('B', 'old-name-1-aaaaa')),
      {},
      current,
      patchOf(url('2-aaaaa'), { $patch: 'delete', name: 'B' }),
    ],
    ['the keys are not known yet', older, app(url('1-aaaaa')), { keys: undefined }, {}, undefined],
    [
      'the status does not tell of the version yet',
      older,
      app(url('1-aaaaa')),
      { versions: ['1-aaaaa'] },
      {},
      undefined,
    ],
    ['injection is refused', older, app(url('1-aaaaa')), { mode: undefined }, {}, undefined],
    ['another installation injects', older, app(url('1-aaaaa')), { installation: 'two' }, {}, undefined],
    [
      'never restarted',
      older,
      app(url('1-aaaaa')),
      { consumers: [{ ...injecting()[0]!, restart: 'Never' }] },
      {},
      undefined,
    ],
    ['the policies are there now', current, app(url('2-aaaaa')), { mode: 'Policy' }, {}, patchOf(gone)],
    [
      'the workload reads the target by itself now',
      current,
      app(url('2-aaaaa')),
      { consumers: [{ kind: 'Deployment', name: 'web' }], mode: undefined },
      {},
      patchOf(gone),
    ],
    ['it is a consumer no more', current, app(url('2-aaaaa')), { consumers: [], mode: undefined }, {}, patchOf(gone)],
    ['the resource is being deleted', current, app(url('2-aaaaa')), { deleted: true }, {}, patchOf(gone)],
    [
      'the first entry with inject counts',
      {},
      {},
      {
        consumers: [
          { kind: 'Deployment', name: 'web' },
          { kind: 'Deployment', selector: { matchLabels: { app: 'web' } }, inject: { env: { prefix: 'A_' } } },
          ...injecting(),
        ],
      },
      current,
      patchOf(variable('A_URL', 'mail-credentials-2-aaaaa', 'URL')),
    ],
  ])('%s', (_, labels, pods, given, stamps, expected) => {
    const plan = new World().put('mail', given).plan(workload(labels, pods))
    expect([plan.stamps, plan.pods]).toEqual([stamps, expected])
    expect(plan.injected).toEqual(expected === undefined ? [] : ['mail'])
    expect(plan.problems['mail']).toBeUndefined()
    const isPending = expected !== undefined || Object.keys(stamps).length > 0
    expect(plan.pending['mail'] ?? isPending).toBe(isPending)
  })

  test('what a resource that is not there any more has left is left alone', () => {
    expect(new World().plan(workload(current, app(url('2-aaaaa')))).pods).toBeUndefined()
  })

  test('two resources in one patch, also one that goes', () => {
    const w = new World().put('mail', { deleted: true }).put('queue', { id: '7-bbbbb', keys: ['Q'] })
    expect(w.plan(workload(current, app(url('2-aaaaa'))))).toMatchObject({
      stamps: { [stamp('queue')]: '7-bbbbb' },
      pods: patchOf(variable('Q', 'queue-credentials-7-bbbbb'), gone),
      injected: ['queue', 'mail'],
    })
  })
})

describe('what stands in the way', () => {
  test.each<['Policy' | 'Patch']>([['Policy'], ['Patch']])('two resources, the same variable, %s: neither', (mode) => {
    const w = new World()
      .put('mail', { mode })
      .put('queue', { id: '7-bbbbb', mode })
      .put('other', { mode, keys: ['X'] })
    const plan = w.plan(workload(older, app(url('1-aaaaa'))))
    expect(plan.problems).toEqual({ mail: 'InjectionConflict', queue: 'InjectionConflict', other: undefined })
    expect(plan.stamps).toEqual({ [stamp('other')]: '2-aaaaa' })
    expect(plan.pods).toEqual(mode === 'Policy' ? undefined : patchOf(variable('X', 'other-credentials-2-aaaaa')))
    expect(plan.messages[0]).toBe(
      'Deployment web: The resources mail and queue both inject the variable URL of the container app: give one of them a prefix in spec.consumers[].inject.env, or another key in spec.target.keys.',
    )
    expect(plan.messages[0]).toBe(plan.messages[1])
  })

  test('the manifest has the variable itself: it wins, all else is delivered', () => {
    const pods = app({ name: 'URL' })
    const plan = new World().put('mail', { keys: ['SID', 'URL'] }).plan(workload({}, pods))
    expect(plan).toMatchObject({
      stamps: current,
      pods: patchOf(variable('SID', 'mail-credentials-2-aaaaa')),
      problems: { mail: 'InjectionConflict' },
    })
    expect(plan.messages[0]).toContain('has the variable URL of the container app itself')
    const byPolicy = new World().put('mail', { mode: 'Policy' }).plan(workload({}, pods))
    expect(byPolicy).toMatchObject({ stamps: current, problems: { mail: undefined } })
    expect(byPolicy.messages[0]).toContain('has the variable URL of the container app itself')
  })

  test.each<['Policy' | 'Patch']>([['Policy'], ['Patch']])('the manifest has the path, %s', (mode) => {
    const w = new World().put('mail', { mode, consumers: injecting({ mount: { path: '/c' } }) })
    const mounts = { containers: [{ name: 'app', volumeMounts: [{ name: 'data', mountPath: '/c' }] }] }
    expect(w.plan(workload({}, mounts))).toMatchObject({ stamps: current, problems: { mail: 'InjectionConflict' } })
  })

  test('no container of that name: nothing', () => {
    const w = new World().put('mail', { consumers: injecting({ env: {}, containers: ['ap'] }) })
    const plan = w.plan(workload(older, app(url('1-aaaaa'))))
    expect(plan).toMatchObject({ stamps: {}, pods: undefined, problems: { mail: 'ContainerNotFound' } })
    expect(plan.messages[0]).toContain('Deployment web has no container')
  })
})

test('which workloads carry something of a resource', () => {
  const indexers = { injections: injectionIndex }
  const store = (): Store<Workload> => new Store<Workload>({ clock, indexers })
  const stores = workloadStores(store)
  stores.CronJob.upsert(workload(current, app(url('2-aaaaa')), 'CronJob'))
  stores.DaemonSet.upsert(workload(current, app(url('1-aaaaa')), 'DaemonSet'))
  stores.StatefulSet.upsert(workload(current, {}, 'StatefulSet'))
  const w = new World().put('mail').put('queue')
  const [mail, queue] = w.resources.list()
  expect(carriersOf(stores, mail!).map(({ kind }) => kind)).toEqual(['CronJob'])
  expect(carriersOf(stores, queue!)).toEqual([])
  // Nothing was patched into it.
  stores.Pod.upsert(workload(current, app(url('2-aaaaa')), 'Pod'))
  expect(carriersOf(stores, mail!).map(({ kind }) => kind)).toEqual(['CronJob'])
})

describe.each(['ReplicaSet', 'Job', 'Pod'] as const)('a %s is never patched', (kind) => {
  const consumers: ConsumerSpec[] = [
    { kind, selector: { matchLabels: { app: 'web' } }, inject: { env: {}, mount: { path: '/c' } } },
  ]
  const volume = { name: 'tracardi-mail', secret: { secretName: 'mail-credentials-1-aaaaa' } }
  const mounted = { name: 'app', volumeMounts: [{ name: 'tracardi-mail', mountPath: '/c' }] }

  test.each(['Policy', 'Patch', undefined] as const)('older, none, withdrawn; mode %s', (mode) => {
    const w = new World().put('mail', { mode, consumers })
    const nothing = { stamps: {}, pods: undefined, injected: [] }
    for (const labels of [{}, older, current])
      expect(w.plan(workload(labels, { containers: [mounted], volumes: [volume] }, kind))).toMatchObject({
        ...nothing,
        problems: { mail: undefined },
        pending: { mail: false },
      })
    const withdrawn = new World().put('mail', { mode, consumers: [] })
    expect(withdrawn.plan(workload(older, { containers: [mounted], volumes: [volume] }, kind))).toMatchObject(nothing)
  })

  test('what is in the way is found', () => {
    const w = new World().put('mail', { mode: 'Policy', consumers })
    const taken = { name: 'app', volumeMounts: [{ name: 'data', mountPath: '/c' }] }
    const { problems } = w.plan(workload({}, { containers: [taken] }, kind))
    expect(problems).toEqual({ mail: 'InjectionConflict' })
  })
})
