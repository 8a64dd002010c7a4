import { describe, expect, test } from 'vitest'
import type { ConsumerSpec, TracardiResource } from '../api/tracardi-resource.ts'
import { FakeClock } from '../kube/fake-clock.ts'
import { Store } from '../kube/store.ts'
import {
  consumerIndex,
  consumersOf,
  keyOf,
  podLabelIndex,
  resourcesOf,
  workloadKey,
  workloadStores,
} from './selection.ts'
import { stripWorkload } from './workloads.ts'
import type { Workload, WorkloadKind } from './workloads.ts'

const clock = new FakeClock()
let resourceVersion = 0

function resource(name: string, consumers: readonly ConsumerSpec[] | null | undefined, namespace = 'shop') {
  return {
    metadata: { name, namespace, uid: `${namespace}-${name}`, resourceVersion: String(++resourceVersion) },
    spec: {
      service: 'redis',
      credentials: {},
      ...(consumers !== undefined && { consumers: consumers === null ? null : [...consumers] }),
    },
  } satisfies TracardiResource
}

function workload(kind: WorkloadKind, name: string, labels: Record<string, string> = {}, namespace = 'shop'): Workload {
  const template = { metadata: { labels } }
  return stripWorkload(kind)({
    metadata: { name, namespace, uid: `${namespace}-${kind}-${name}`, resourceVersion: String(++resourceVersion) },
    spec: kind === 'CronJob' ? { jobTemplate: { spec: { template } } } : { template },
  })
}

function named(kind: WorkloadKind, name: string): ConsumerSpec {
  return { kind, name }
}

function selected(kind: WorkloadKind, matchLabels: Record<string, string | null>): ConsumerSpec {
  return { kind, selector: { matchLabels } }
}

function workloadStore(): Store<Workload> {
  return new Store<Workload>({ clock, indexers: { podLabels: podLabelIndex } })
}

/** What there is, and both directions of the relation between resources and workloads. */
function world(resources: readonly TracardiResource[], workloads: readonly Workload[]) {
  const resourceStore = new Store<TracardiResource>({ clock, indexers: { consumers: consumerIndex } })
  for (const each of resources) resourceStore.upsert(each)
  const stores = workloadStores(workloadStore)
  for (const each of workloads) stores[each.kind as WorkloadKind].upsert(each)
  return {
    stores,
    resources: resourceStore,
    consumers: (of: TracardiResource) =>
      consumersOf(stores, of).map(({ kind, name, workload: found }) => `${kind} ${name}${found ? '' : ' absent'}`),
    resourcesOf: (of: Workload) =>
      resourcesOf(resourceStore, of)
        .map(({ metadata }) => `${metadata.namespace ?? ''}/${metadata.name}`)
        .sort(),
  }
}

describe('keys of the indexes', () => {
  test.each<[string, readonly ConsumerSpec[] | null | undefined, string[]]>([
    ['none', undefined, []],
    ['null', null, []],
    ['an empty list', [], []],
    [
      'names',
      [named('Deployment', 'a'), named('StatefulSet', 'a'), named('DaemonSet', 'a'), named('CronJob', 'a')],
      ['Deployment/shop/a', 'StatefulSet/shop/a', 'DaemonSet/shop/a', 'CronJob/shop/a'],
    ],
    ['one label', [selected('DaemonSet', { app: 'a' })], ['DaemonSet/shop?app=a']],
    ['of several labels the first', [selected('Deployment', { tier: 'x', app: 'a' })], ['Deployment/shop?app=a']],
    ['no label at all selects nothing', [selected('Deployment', {})], []],
    ['nulls', [{ kind: 'Deployment', name: null, selector: null }], []],
    ['a null beside a name', [{ kind: 'Deployment', name: 'a', selector: null }], ['Deployment/shop/a']],
  ])('of a resource: %s', (_, consumers, keys) => {
    expect(consumerIndex(resource('mail', consumers))).toEqual(keys)
  })

  test('of a workload', () => {
    const labels = { app: 'a', tier: 'x' }
    for (const kind of ['Deployment', 'CronJob'] as const) {
      expect(podLabelIndex(workload(kind, 'a', labels))).toEqual(['shop?app=a', 'shop?tier=x'])
      expect(podLabelIndex(workload(kind, 'a'))).toEqual([])
      expect(keyOf(workload(kind, 'a', labels))).toBe(workloadKey(kind, 'shop', 'a'))
    }
  })
})

describe('both directions', () => {
  const sender = workload('Deployment', 'sender', { app: 'sender', needs: 'mail' })
  const other = workload('Deployment', 'other', { app: 'other', needs: 'mail' })
  const base = workload('StatefulSet', 'base', { app: 'base', needs: 'mail' })
  const node = workload('DaemonSet', 'node', { needs: 'mail' })
  const nightly = workload('CronJob', 'nightly', { needs: 'mail' })
  const bare = workload('Deployment', 'bare')
  const foreign = workload('Deployment', 'sender', { app: 'sender', needs: 'mail' }, 'blog')
  const all = [sender, other, base, node, nightly, bare, foreign]

  test.each<[string, ConsumerSpec[], string[]]>([
    ['by name', [named('Deployment', 'bare')], ['Deployment bare']],
    ['by a name of another kind', [named('StatefulSet', 'sender')], ['StatefulSet sender absent']],
    [
      'every kind by name, in the order of the spec',
      [named('CronJob', 'nightly'), named('DaemonSet', 'node'), named('StatefulSet', 'base')],
      ['CronJob nightly', 'DaemonSet node', 'StatefulSet base'],
    ],
    [
      'by one label, in the order of names',
      [selected('Deployment', { needs: 'mail' })],
      ['Deployment other', 'Deployment sender'],
    ],
    ['by two labels', [selected('Deployment', { needs: 'mail', app: 'sender' })], ['Deployment sender']],
    ['by two labels of which one differs', [selected('Deployment', { needs: 'mail', app: 'base' })], []],
    ['by a label that only begins alike', [selected('Deployment', { needs: 'mai' })], []],
    ['each kind apart', [selected('StatefulSet', { needs: 'mail' })], ['StatefulSet base']],
    ['a CronJob by the labels of its pods', [selected('CronJob', { needs: 'mail' })], ['CronJob nightly']],
    ['no label at all', [selected('Deployment', {})], []],
    ['a label without a value', [selected('Deployment', { app: null, needs: 'mail' })], []],
    ['a label without a value behind another', [selected('Deployment', { needs: 'mail', tier: null })], []],
    [
      'by name and by label: once',
      [
        named('Deployment', 'sender'),
        selected('Deployment', { needs: 'mail' }),
        selected('Deployment', { app: 'sender' }),
      ],
      ['Deployment sender', 'Deployment other'],
    ],
    [
      'by label and then by name: once',
      [selected('Deployment', { needs: 'mail' }), named('Deployment', 'sender')],
      ['Deployment other', 'Deployment sender'],
    ],
    ['named twice: once', [named('DaemonSet', 'node'), named('DaemonSet', 'node')], ['DaemonSet node']],
  ])('%s', (_, consumers, expected) => {
    const mail = resource('mail', consumers)
    const w = world([mail, resource('idle', undefined)], all)
    expect(w.consumers(mail)).toEqual(expected)
    // The other way round, the same pairs.
    const reached = all.filter((each) => w.resourcesOf(each).includes('shop/mail'))
    const present = expected.filter((text) => !text.endsWith(' absent'))
    expect(reached.map((each) => `${each.kind ?? ''} ${each.metadata.name}`).sort()).toEqual([...present].sort())
    expect(reached).not.toContain(foreign)
  })

  test('the namespaces are apart, by name and by label', () => {
    const consumers = [named('Deployment', 'bare'), selected('Deployment', { app: 'sender' })]
    const [here, there] = [resource('mail', consumers), resource('mail', consumers, 'blog')]
    const w = world([here, there], all)
    expect(w.consumers(here)).toEqual(['Deployment bare', 'Deployment sender'])
    expect(w.consumers(there)).toEqual(['Deployment bare absent', 'Deployment sender'])
    expect(w.resourcesOf(sender)).toEqual(['shop/mail'])
    expect(w.resourcesOf(foreign)).toEqual(['blog/mail'])
    expect(consumersOf(w.stores, there).map(({ workload: found }) => found)).toEqual([undefined, foreign])
  })

  test('a workload of several resources, by name and by labels', () => {
    const w = world(
      [
        resource('a', [named('Deployment', 'sender')]),
        resource('b', [selected('Deployment', { app: 'sender' })]),
        resource('c', [selected('Deployment', { needs: 'mail' })]),
        resource('d', [selected('Deployment', { needs: 'mail', app: 'base' })]),
        resource('e', [selected('CronJob', { needs: 'mail' })]),
      ],
      all,
    )
    expect(w.resourcesOf(sender)).toEqual(['shop/a', 'shop/b', 'shop/c'])
    expect(w.resourcesOf(nightly)).toEqual(['shop/e'])
    expect(w.resourcesOf(bare)).toEqual([])
  })

  test('a kind that only a newer CRD knows is passed over', () => {
    const newer = { kind: 'CloneSet', name: 'sender' } as unknown as ConsumerSpec
    const alsoNewer = { kind: 'ReplicaSet', selector: { matchLabels: { needs: 'mail' } } } as unknown as ConsumerSpec
    const mail = resource('mail', [newer, alsoNewer, named('Deployment', 'sender')])
    const w = world([mail], all)
    expect(w.consumers(mail)).toEqual(['Deployment sender'])
    expect(all.filter((each) => w.resourcesOf(each).length > 0)).toEqual([sender])
  })

  test('workloads come, go, and change their labels', () => {
    const mail = resource('mail', [selected('Deployment', { needs: 'mail' })])
    const w = world([mail], [])
    expect(w.consumers(mail)).toEqual([])
    w.stores.Deployment.upsert(sender)
    expect(w.consumers(mail)).toEqual(['Deployment sender'])
    const without = workload('Deployment', 'sender', { app: 'sender' })
    w.stores.Deployment.upsert(without)
    expect(w.consumers(mail)).toEqual([])
    expect(w.resourcesOf(without)).toEqual([])
    w.stores.Deployment.upsert(workload('Deployment', 'sender', { needs: 'mail' }))
    w.stores.Deployment.upsert(other)
    expect(w.consumers(mail)).toEqual(['Deployment other', 'Deployment sender'])
    w.stores.Deployment.remove(other)
    expect(w.consumers(mail)).toEqual(['Deployment sender'])
  })

  test('one that is being deleted is selected no more; named, it is still looked at', () => {
    const leaving = workload('Deployment', 'leaving', { needs: 'mail' })
    leaving.metadata.deletionTimestamp = '2026-01-01T00:00:00Z'
    const [by, name] = [
      resource('by', [selected('Deployment', { needs: 'mail' })]),
      resource('name', [named('Deployment', 'leaving')]),
    ]
    const w = world([by, name], [leaving])
    expect(w.consumers(by)).toEqual([])
    expect(w.consumers(name)).toEqual(['Deployment leaving'])
  })

  test('a resource that changes its consumers', () => {
    const w = world([resource('mail', [selected('Deployment', { needs: 'mail' })])], all)
    w.resources.upsert(resource('mail', [named('StatefulSet', 'base')]))
    expect(all.filter((each) => w.resourcesOf(each).length > 0)).toEqual([base])
  })

  test('500 workloads by one selector', () => {
    const many = Array.from({ length: 500 }, (_, index) => workload('Deployment', `w${String(index)}`, { fleet: 'x' }))
    const mail = resource('mail', [selected('Deployment', { fleet: 'x' })])
    const w = world([mail], many)
    expect(w.consumers(mail)).toHaveLength(500)
    expect(many.every((each) => w.resourcesOf(each).length === 1)).toBe(true)
  })
})
