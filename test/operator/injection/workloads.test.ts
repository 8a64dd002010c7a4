// The stamp of a pod template: who gets one as it is created, and that nobody but the operator changes it. No operator runs.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cronJobAnnotation, stampLabel } from '../../../src/api/names.ts'
import { createNamespace, deployment } from '../support/fixtures.ts'
import { pathOf, waitFor } from '../support/kube.ts'
import type { Deployment, Kinds } from '../support/kube.ts'
import { startOwnCluster } from '../support/own-cluster.ts'
import type { OwnCluster } from '../support/own-cluster.ts'
import { announced, byName, caughtUp, everything, give, inForce, operator } from './world.ts'
import type { Consumer, Given } from './world.ts'

type Plural = 'deployments' | 'statefulsets' | 'daemonsets'

const kinds: readonly (readonly [Plural, Consumer['kind']])[] = [
  ['deployments', 'Deployment'],
  ['statefulsets', 'StatefulSet'],
  ['daemonsets', 'DaemonSet'],
]
const stamp = stampLabel('sms')
const old = '1-aaaaa'
const current = '2-aaaaa'
const next = '3-aaaaa'

/** A workload of any of the kinds; `labels` of its template beside `app`. */
function workload(kind: string, name: string, labels: Readonly<Record<string, string>> = {}) {
  const { spec } = deployment(name, { replicas: 0 })
  const template = { ...spec.template, metadata: { labels: { app: name, ...labels } } }
  return {
    apiVersion: 'apps/v1',
    kind,
    metadata: { name },
    spec: { selector: spec.selector, template, ...(kind !== 'DaemonSet' && { replicas: 0 }) },
  }
}

function labelsOf(object: { spec: { template: Deployment['spec']['template'] } }): Record<string, string> {
  return object.spec.template.metadata?.labels ?? {}
}

const selecting = (kind: Consumer['kind']): Consumer => ({ kind, selector: { matchLabels: { needs: 'sms' } } })
/** Beside the consumer in question: without one that injects, the operator would not say that it does. */
const elsewhere: Consumer = { ...byName('elsewhere'), ...everything }

interface Case {
  readonly what: string
  readonly resources: readonly Given[]
  /** Of the template, as it is created. */
  readonly labels?: Readonly<Record<string, string>>
  readonly plural?: Plural
  readonly kind?: Consumer['kind']
  /** The stamps that it then has. */
  readonly expected: Readonly<Record<string, string>>
}

const long = 'b'.repeat(63)
const injecting: Given = { consumers: [{ ...byName('web'), ...everything }] }

const cases: readonly Case[] = [
  ...kinds.flatMap(([plural, kind]): Case[] => [
    {
      what: `a ${kind} by name`,
      plural,
      kind,
      resources: [{ consumers: [{ ...byName('web', kind), ...everything }] }],
      expected: { [stamp]: current },
    },
    {
      what: `a ${kind} by labels, without inject`,
      plural,
      kind,
      labels: { needs: 'sms' },
      resources: [{ consumers: [elsewhere, selecting(kind)] }],
      expected: { [stamp]: current },
    },
    {
      what: `a ${kind} that nobody selects`,
      plural,
      kind,
      labels: { needs: 'mail' },
      resources: [
        {
          consumers: [
            selecting(kind),
            { ...byName('web-2', kind), ...everything },
            byName('web', kind === 'Deployment' ? 'StatefulSet' : 'Deployment'),
          ],
        },
      ],
      expected: {},
    },
  ]),
  { what: 'a pinned old stamp', labels: { [stamp]: old }, resources: [injecting], expected: { [stamp]: current } },
  {
    what: 'a pinned stamp that nobody knows',
    labels: { [stamp]: '7-fffff' },
    resources: [injecting],
    expected: { [stamp]: current },
  },
  {
    what: 'a workload that is never restarted',
    resources: [{ consumers: [{ ...byName('web'), ...everything, restart: 'Never' }] }],
    expected: {},
  },
  {
    what: 'a workload that is restarted, with null',
    resources: [{ consumers: [{ ...byName('web'), ...everything, restart: null }] }],
    expected: { [stamp]: current },
  },
  { what: 'nothing in force', resources: [{ ...injecting, status: announced }], expected: {} },
  {
    what: 'nothing in force, and a pinned stamp',
    labels: { [stamp]: old },
    resources: [{ ...injecting, status: announced }],
    expected: { [stamp]: old },
  },
  { what: 'a resource that the operator has not seen', resources: [{ ...injecting, status: null }], expected: {} },
  {
    what: 'a resource that is injected by patches',
    resources: [
      { ...injecting, status: { ...inForce(), injection: { mode: 'Patch', installation: 'tracardi-system' } } },
    ],
    expected: {},
  },
  {
    what: 'a resource of another installation',
    resources: [{ ...injecting, status: { ...inForce(), injection: { mode: 'Policy', installation: 'other' } } }],
    expected: {},
  },
  {
    what: 'a resource that is being deleted',
    labels: { [stamp]: old },
    resources: [{ ...injecting, deleting: true }],
    expected: { [stamp]: old },
  },
  {
    what: 'two resources, one with the longest name',
    resources: [injecting, { ...injecting, name: long, status: inForce(long) }],
    expected: { [stamp]: current, [stampLabel(long)]: current },
  },
]

let cluster: OwnCluster
let ns: string
const namespaces: string[] = []

/** By name in the resource `sms`; each is made by the test that changes it. */
const updated = ['applied', 'applied-server-side', 'replaced', 'undone']

beforeAll(async () => {
  cluster = await startOwnCluster()
  const { kube } = cluster
  ns = await createNamespace(kube, 'updates')
  const resources: Given[] = [
    {
      consumers: [
        ...updated.map((name) => ({ ...byName(name), ...everything })),
        ...kinds.map(([, kind]) => ({ ...byName('kept', kind), ...everything })),
        { ...byName('never'), ...everything, restart: 'Never' },
        { ...byName('report', 'CronJob'), ...everything },
        { ...selecting('CronJob'), ...everything },
      ],
    },
    { name: 'withdrawn', consumers: [{ ...byName('withdrawn-soon'), ...everything }], status: inForce('withdrawn') },
    { name: 'deleted', consumers: [{ ...byName('deleting-soon'), ...everything }], status: inForce('deleted') },
  ]
  await Promise.all([
    ...resources.map((given) => give(kube, ns, given)),
    ...cases.map(async ({ resources: given }, index) => {
      namespaces[index] = await createNamespace(kube, 'workloads')
      await Promise.all(given.map((each) => give(kube, namespaces[index]!, each)))
    }),
  ])
  const sentinel = await createNamespace(kube, 'sentinel')
  await waitFor(
    'the ServiceAccount for pods',
    () => kube.get('serviceaccounts', sentinel, 'default'),
    (found) => found !== undefined,
  )
  await caughtUp(kube, sentinel)
})

afterAll(() => cluster[Symbol.asyncDispose]())

describe.concurrent('as it is created:', () => {
  test.each(cases.map((entry, index) => [entry.what, entry, index] as const))('%s', async (_, entry, index) => {
    const { plural = 'deployments', kind = 'Deployment', labels = {}, expected } = entry
    const created = await cluster.kube.tryCreate(plural, namespaces[index]!, workload(kind, 'web', labels))
    const { [stamp]: pinned, ...rest } = labels
    expect(pinned === undefined || stamp in expected).toBe(true)
    expect(labelsOf(created)).toEqual({ app: 'web', ...rest, ...expected })
  })
})

async function read<K extends keyof Kinds>(plural: K, name: string): Promise<Kinds[K]> {
  const found = await cluster.kube.get(plural, ns, name)
  if (found === undefined) throw new Error(`${plural}/${name} is gone`)
  return found
}

/** A merge patch of the template's labels, in somebody's name. */
async function relabel(
  who: 'the operator' | 'somebody',
  name: string,
  labels: Readonly<Record<string, string | null>> | null,
  plural: Plural = 'deployments',
): Promise<void> {
  const body = { spec: { template: { metadata: { labels } } } }
  if (who === 'somebody') {
    await cluster.kube.patch(plural, ns, name, body)
    return
  }
  const { code, message } = await cluster.kube.callAs(operator, 'PATCH', pathOf(plural, ns, name), body)
  if (code !== 200) throw new Error(`${plural}/${name}: ${code} ${message}`)
}

/** Brings `3-aaaaa` into the template, as the operator does. */
async function restamp(name: string): Promise<void> {
  await relabel('the operator', name, { [stamp]: next })
  expect(labelsOf(await read('deployments', name))[stamp]).toBe(next)
}

const manifest = (name: string, template: object = {}, metadata: object = {}) => {
  const object = workload('Deployment', name)
  const labels = { app: name }
  return {
    ...object,
    spec: {
      ...object.spec,
      template: { metadata: { labels, ...metadata }, spec: { ...object.spec.template.spec, ...template } },
    },
  }
}

const image = { containers: [{ name: 'app', image: 'app:2' }] }
const renamed = { containers: [{ name: 'main', image: 'app:2' }] }

/** What somebody may write, one after the other; whether it changes more than the stamp. */
const writes: readonly (readonly [what: string, object: (name: string) => object, rolls: boolean])[] = [
  ['the same again', (name) => manifest(name), false],
  ['null for annotations', (name) => manifest(name, {}, { annotations: null }), false],
  ['no annotations', (name) => manifest(name, {}, { annotations: {} }), false],
  ['a pinned old stamp', (name) => manifest(name, {}, { labels: { app: name, [stamp]: old } }), false],
  ['a pinned stamp that nobody knows', (name) => manifest(name, {}, { labels: { app: name, [stamp]: 'x' } }), false],
  ['null for the stamp', (name) => manifest(name, {}, { labels: { app: name, [stamp]: null } }), false],
  ['no stamp any more', (name) => manifest(name), false],
  ['another image', (name) => manifest(name, image), true],
  [
    'another image, and a pinned old stamp',
    (name) => manifest(name, {}, { labels: { app: name, [stamp]: old } }),
    true,
  ],
  ['another container', (name) => manifest(name, renamed), true],
]

const ways = {
  applied: ['apply'],
  'applied-server-side': ['apply', '--server-side', '--force-conflicts', '--field-manager=flux'],
  replaced: ['replace'],
} as const

describe.concurrent('nobody else changes it:', () => {
  test.each(Object.entries(ways))('%s by kubectl', async (name, way) => {
    const { kube } = cluster
    const create = name === 'replaced' ? ['create'] : way
    const send = (args: readonly string[], object: object): Promise<string> =>
      kube.kubectl([...args, '--namespace', ns, '-f', '-'], JSON.stringify(object))
    await send(create, manifest(name))
    expect(labelsOf(await read('deployments', name))).toEqual({ app: name, [stamp]: current })
    await restamp(name)
    const found: unknown[] = []
    for (const [what, object] of writes) {
      const before = await read('deployments', name)
      await send(way, object(name))
      const after = await read('deployments', name)
      // Not the generation: a Deployment's moves with its annotations as well, and rolls nothing.
      const rolls = JSON.stringify(after.spec.template) !== JSON.stringify(before.spec.template)
      found.push([what, labelsOf(after), rolls])
      // kubectl fails when there is a difference.
      if (name !== 'replaced') await send(['diff', ...way.slice(1)], object(name))
    }
    expect(found).toEqual(writes.map(([what, , rolls]) => [what, { app: name, [stamp]: next }, rolls]))
  })

  test('an undone rollout takes everything back but the stamp', async () => {
    const { kube } = cluster
    const revision = (wanted: string) =>
      waitFor(
        `revision ${wanted}`,
        () => read('deployments', 'undone'),
        ({ metadata }) => metadata.annotations?.['deployment.kubernetes.io/revision'] === wanted,
      )
    await kube.create('deployments', ns, manifest('undone'))
    await revision('1')
    await kube.apply(ns, manifest('undone', image))
    await revision('2')
    await restamp('undone')
    await revision('3')
    await kube.kubectl(['rollout', 'undo', 'deployment/undone', '--to-revision=1', '--namespace', ns])
    const { spec } = await revision('4')
    expect(spec.template).toMatchObject({
      metadata: { labels: { app: 'undone', [stamp]: next } },
      spec: { containers: [{ image: 'app' }] },
    })
    await kube.kubectl(['rollout', 'restart', 'deployment/undone', '--namespace', ns])
    expect(labelsOf(await revision('5'))[stamp]).toBe(next)
  })

  test.each(kinds)('one of the %s: removed, changed, and by the operator', async (plural, kind) => {
    const { kube } = cluster
    await kube.create(plural, ns, workload(kind, 'kept'))
    const { generation } = (await read(plural, 'kept')).metadata
    for (const value of [null, old, 'x']) {
      await relabel('somebody', 'kept', { [stamp]: value }, plural)
      const { metadata, spec } = await read(plural, 'kept')
      expect([value, labelsOf({ spec }), metadata.generation]).toEqual([
        value,
        { app: 'kept', [stamp]: current },
        generation,
      ])
    }
    for (const value of [next, null]) {
      await relabel('the operator', 'kept', { [stamp]: value }, plural)
      expect(labelsOf(await read(plural, 'kept'))).toEqual({ app: 'kept', ...(value !== null && { [stamp]: value }) })
    }
    // One that nobody but a person put there is none.
    await relabel('somebody', 'kept', { [stamp]: old }, plural)
    expect(labelsOf(await read(plural, 'kept'))).toEqual({ app: 'kept' })
  })

  test('of a workload that is never restarted', async () => {
    await cluster.kube.create('deployments', ns, workload('Deployment', 'never'))
    await relabel('somebody', 'never', { [stamp]: old })
    expect(labelsOf(await read('deployments', 'never'))).toEqual({ app: 'never' })
  })

  test.each([
    [
      'withdrawn',
      'withdrawn-soon',
      () => cluster.kube.patch('tracardiresources', ns, 'withdrawn', { spec: { consumers: [elsewhere] } }),
    ],
    ['deleted', 'deleting-soon', () => cluster.kube.remove('tracardiresources', ns, 'deleted')],
  ] as const)('once the resource is %s anybody may', async (name, workloadName, letGo) => {
    await cluster.kube.create('deployments', ns, workload('Deployment', workloadName))
    const key = stampLabel(name)
    await relabel('somebody', workloadName, { [key]: null })
    expect(labelsOf(await read('deployments', workloadName))).toEqual({ app: workloadName, [key]: current })
    await letGo()
    await waitFor(
      'the policies without the consumer',
      async () => {
        await relabel('somebody', workloadName, { [key]: null })
        return labelsOf(await read('deployments', workloadName))
      },
      (labels) => !(key in labels),
    )
  })
})

describe.concurrent('a Job', () => {
  const cronJob = (name: string, labels?: object, annotations?: object) => ({
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: { name },
    spec: {
      schedule: '0 0 1 1 *',
      jobTemplate: {
        spec: {
          template: {
            ...(labels !== undefined && { metadata: { labels, annotations } }),
            spec: { restartPolicy: 'Never', containers: [{ name: 'app', image: 'app' }] },
          },
        },
      },
    },
  })

  test.each([
    ['named, without labels', 'report', undefined, undefined],
    ['selected by labels, with a pinned old stamp', 'any', { needs: 'sms', [stamp]: old }, { note: 'x' }],
  ])('of a CronJob that is %s: its pods get the credentials', async (_, name, labels, annotations) => {
    const { kube } = cluster
    await kube.create('cronjobs', ns, cronJob(name, labels, annotations))
    await kube.kubectl(['create', 'job', `${name}-by-hand`, `--from=cronjob/${name}`, '--namespace', ns])
    const { metadata } = (await read('jobs', `${name}-by-hand`)).spec.template
    expect(metadata).toMatchObject({
      labels: { ...labels, [stamp]: current },
      annotations: { ...annotations, [cronJobAnnotation]: name },
    })
    const [pod] = await waitFor(
      'its pod',
      async () =>
        (await kube.list('pods', ns)).filter(
          (found) => found.metadata.ownerReferences?.[0]?.name === `${name}-by-hand`,
        ),
      (pods) => pods.length > 0,
    )
    expect(pod?.metadata.labels).toMatchObject({ [stamp]: current })
    expect(pod?.spec.containers[0]?.envFrom).toEqual([{ secretRef: { name: `sms-credentials-${current}` } }])
  })

  test('of another CronJob, or of nobody, is left alone', async () => {
    const { kube } = cluster
    await kube.create('cronjobs', ns, cronJob('export', { needs: 'mail', [stamp]: old }))
    await kube.kubectl(['create', 'job', 'export-by-hand', '--from=cronjob/export', '--namespace', ns])
    const template = (await read('jobs', 'export-by-hand')).spec.template
    expect(template.metadata?.labels).toMatchObject({ needs: 'mail', [stamp]: old })
    expect(template.metadata?.annotations ?? {}).toEqual({})
    const { spec } = cronJob('x', { needs: 'sms' }).spec.jobTemplate
    const alone = await kube.tryCreate('jobs', ns, {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: 'report' },
      spec,
    })
    expect(alone.spec.template.metadata?.labels).not.toHaveProperty(stamp)
  })
})
