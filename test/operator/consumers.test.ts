// Every kind of consumer, by name and by selector, on the real controllers; and how consumers and resources go away.
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { stampLabel } from '../../src/api/names.ts'
import type { ConsumerSpec, TracardiResource } from '../../src/api/tracardi-resource.ts'
import { AuditLog, isOf, isWrite, tally } from './support/audit-log.ts'
import {
  conditionOf,
  conditionsOf,
  contentsOf,
  createNamespace,
  deployment,
  replicaSetsOf,
  resource,
  rolloutsOf,
  secret,
  valid,
  waitForConditions,
} from './support/fixtures.ts'
import { Kube, sleep, waitFor } from './support/kube.ts'

let kube: Kube
let audit: AuditLog
const namespaces: string[] = []

beforeAll(async () => {
  kube = await Kube.connect(inject('kubeconfig'))
  audit = new AuditLog(inject('auditLog'))
})

afterAll(async () => {
  for (const ns of namespaces) await kube.remove('namespaces', undefined, ns)
  await kube[Symbol.asyncDispose]()
})

const ready = { Ready: 'True Delivered', ConsumersUpToDate: 'True UpToDate' }
/** Time for the operator to do what it should not do. */
const aWhile = 2500

/** A namespace with a source Secret. */
async function newNamespace(): Promise<string> {
  const ns = await createNamespace(kube, 'consumers')
  namespaces.push(ns)
  await kube.create('secrets', ns, secret('source', valid.twilio()))
  return ns
}

async function rotate(ns: string, name = 'source'): Promise<void> {
  await kube.patch('secrets', ns, name, secret(name, valid.twilio()))
}

function spec(consumers: readonly ConsumerSpec[], source = 'source') {
  return { service: 'twilio', credentials: { secretRef: { name: source } }, consumers: [...consumers] }
}

async function createResource(ns: string, name: string, consumers: readonly ConsumerSpec[]): Promise<TracardiResource> {
  return kube.create('tracardiresources', ns, resource(name, spec(consumers)))
}

const plurals = {
  Deployment: 'deployments',
  StatefulSet: 'statefulsets',
  DaemonSet: 'daemonsets',
  CronJob: 'cronjobs',
} as const
type Kind = keyof typeof plurals
const kinds = Object.keys(plurals) as Kind[]
const rolled = kinds.filter((kind): kind is Exclude<Kind, 'CronJob'> => kind !== 'CronJob')

interface WorkloadOptions {
  readonly labels?: Readonly<Record<string, string>>
  readonly spec?: object
}

function workload(kind: Kind, name: string, options: WorkloadOptions = {}) {
  const labels = { app: name, ...options.labels }
  const pod = { containers: [{ name: 'app', image: 'app' }], terminationGracePeriodSeconds: 1 }
  const template = { metadata: { labels }, spec: pod }
  const apiVersion = kind === 'CronJob' ? 'batch/v1' : 'apps/v1'
  const selector = { matchLabels: { app: name } }
  const forms = {
    Deployment: { replicas: 2, selector, template },
    StatefulSet: { replicas: 2, serviceName: name, selector, template },
    DaemonSet: { selector, template },
    // Not within the time of a test.
    CronJob: {
      schedule: '0 0 31 2 *',
      jobTemplate: { spec: { template: { metadata: { labels }, spec: { ...pod, restartPolicy: 'Never' } } } },
    },
  } as const
  return { apiVersion, kind, metadata: { name }, spec: { ...forms[kind], ...options.spec } }
}

async function createWorkload(ns: string, kind: Kind, name: string, options: WorkloadOptions = {}): Promise<void> {
  await kube.create(plurals[kind], ns, workload(kind, name, options))
}

/** How often the template of a workload has changed: its ReplicaSets, or its ControllerRevisions. */
async function revisions(ns: string, kind: Exclude<Kind, 'CronJob'>, name: string): Promise<number> {
  if (kind === 'Deployment') return (await replicaSetsOf(kube, ns, name)).length
  const all = await kube.list('controllerrevisions', ns)
  return all.filter(({ metadata }) =>
    metadata.ownerReferences?.some((owner) => owner.kind === kind && owner.name === name),
  ).length
}

async function labelsOf(ns: string, kind: Kind, name: string): Promise<Readonly<Record<string, string>>> {
  if (kind === 'CronJob') {
    const found = await kube.get('cronjobs', ns, name)
    return found?.spec.jobTemplate.spec.template.metadata?.labels ?? {}
  }
  const found = await kube.get(plurals[kind], ns, name)
  return found?.spec.template.metadata?.labels ?? {}
}

/** Writes of the operator to workloads. Their controllers write them too: a 409 is normal, and changes nothing. */
async function patches(ns: string, mark: number): Promise<Record<string, number>> {
  const workloads: ReadonlySet<string> = new Set(Object.values(plurals))
  const calls = (await audit.operatorCalls(mark)).filter(isOf(ns)).filter(isWrite)
  const done = calls.filter(({ responseStatus }) => responseStatus?.code !== 409)
  return tally(done.filter(({ objectRef }) => workloads.has(objectRef?.resource ?? '')))
}

async function waitForCount(ns: string, name: string, summary: string): Promise<TracardiResource> {
  const found = await waitFor(
    `${summary} consumers of ${name}`,
    () => kube.get('tracardiresources', ns, name),
    (object) => object?.status?.consumers?.summary === summary,
  )
  if (found === undefined) throw new Error('gone')
  return found
}

const id = (revision: number) => ({ credentialsId: new RegExp(`^${revision}-`) })

describe.concurrent('every kind', () => {
  test.each<[string, (kind: Kind) => ConsumerSpec]>([
    ['name', (kind) => ({ kind, name: `of-${kind.toLowerCase()}` })],
    ['selector', (kind) => ({ kind, selector: { matchLabels: { needs: 'sms' } } })],
    ['both at once, with nulls', (kind) => ({ kind, name: `of-${kind.toLowerCase()}`, selector: null })],
  ])('by %s: one patch and one rollout each; a CronJob is counted and not touched', async (how, consumer) => {
    const ns = await newNamespace()
    const names = Object.fromEntries(kinds.map((kind) => [kind, `of-${kind.toLowerCase()}`])) as Record<Kind, string>
    for (const kind of kinds) await createWorkload(ns, kind, names[kind], { labels: { needs: 'sms' } })
    await createWorkload(ns, 'Deployment', 'bystander', { labels: { needs: 'mail' } })
    // A template that is stamped before its controller has seen it has one revision less.
    for (const kind of rolled) {
      await waitFor(
        `the first revision of the ${kind}`,
        () => revisions(ns, kind, names[kind]),
        (count) => count === 1,
      )
    }
    const before = await kube.get('cronjobs', ns, names.CronJob)
    const mark = await audit.mark()
    const consumers = kinds.map(consumer)
    if (how.startsWith('both'))
      consumers.push(...kinds.map((kind) => ({ kind, name: null, selector: { matchLabels: { needs: 'sms' } } })))
    await createResource(ns, 'sms', consumers)
    for (const revision of [1, 2]) {
      const done = await waitForConditions(kube, ns, 'sms', ready, id(revision))
      expect(done.status?.consumers).toEqual({ total: 4, updated: 4, failed: 0, summary: '4/4' })
      for (const kind of rolled) {
        expect((await labelsOf(ns, kind, names[kind]))[stampLabel('sms')]).toBe(done.status?.credentialsId)
        expect(await revisions(ns, kind, names[kind]), kind).toBe(revision + 1)
      }
      const once = Object.fromEntries(rolled.map((kind) => [`patch ${plurals[kind]}/${names[kind]}`, revision]))
      expect(await patches(ns, mark)).toEqual(once)
      if (revision === 1) await rotate(ns)
    }
    const after = await kube.get('cronjobs', ns, names.CronJob)
    expect(after?.spec).toEqual(before?.spec)
    expect(after?.metadata).toMatchObject({ generation: 1, uid: before?.metadata.uid })
    expect(await revisions(ns, 'Deployment', 'bystander')).toBe(1)
  })

  test('selected as they come and go', async () => {
    const ns = await newNamespace()
    const matchLabels = { needs: 'sms', tier: 'front' }
    await createResource(ns, 'sms', [
      { kind: 'Deployment', selector: { matchLabels } },
      { kind: 'CronJob', selector: { matchLabels } },
    ])
    const none = await waitForConditions(kube, ns, 'sms', {
      Ready: 'True NoConsumers',
      ConsumersUpToDate: 'True NoConsumers',
    })
    expect(none.status?.consumers?.summary).toBe('0/0')

    await createWorkload(ns, 'Deployment', 'first', { labels: matchLabels })
    await createWorkload(ns, 'Deployment', 'second', { labels: { needs: 'sms' } })
    await waitForCount(ns, 'sms', '1/1')
    expect((await kube.get('deployments', ns, 'second'))?.metadata.generation).toBe(1)

    const label = (labels: Record<string, string | null>) => ({ spec: { template: { metadata: { labels } } } })
    await kube.patch('deployments', ns, 'second', label({ tier: 'front' }))
    await waitForCount(ns, 'sms', '2/2')
    // It was made, got its label, and the stamp. Its controller may be late, and roll for both at once.
    expect((await kube.get('deployments', ns, 'second'))?.metadata.generation).toBe(3)

    await createWorkload(ns, 'CronJob', 'nightly', { labels: matchLabels })
    await waitForCount(ns, 'sms', '3/3')
    await kube.patch('cronjobs', ns, 'nightly', { spec: { jobTemplate: label({ tier: null }) } })
    await waitForCount(ns, 'sms', '2/2')

    await kube.patch('deployments', ns, 'first', label({ tier: null }))
    await waitForCount(ns, 'sms', '1/1')
    const mark = await audit.mark()
    await rotate(ns)
    const rotated = await waitForConditions(kube, ns, 'sms', ready, id(2))
    expect(await patches(ns, mark)).toEqual({ 'patch deployments/second': 1 })
    expect((await labelsOf(ns, 'Deployment', 'first'))[stampLabel('sms')]).toMatch(/^1-/)
    expect(rotated.status?.consumers?.summary).toBe('1/1')

    await kube.remove('deployments', ns, 'second')
    await waitForConditions(kube, ns, 'sms', { Ready: 'True NoConsumers' })
  })
})

describe.concurrent('who needs a person, and who has no pods', () => {
  /** Stalled, with these words in the message; then something is done, and all is well. */
  async function held(
    kind: Kind,
    strategy: object,
    reason: string,
    words: string,
    mend: (ns: string) => Promise<unknown>,
  ): Promise<void> {
    const ns = await newNamespace()
    await createWorkload(ns, kind, 'app')
    await createResource(ns, 'sms', [{ kind, name: 'app' }])
    await waitForConditions(kube, ns, 'sms', ready, id(1))
    await kube.patch(plurals[kind], ns, 'app', { spec: strategy })
    await rotate(ns)
    const stalled = await waitForConditions(
      kube,
      ns,
      'sms',
      {
        Ready: `False Consumer${reason}`,
        Stalled: `True Consumer${reason}`,
        ConsumersUpToDate: `False ${reason}`,
      },
      id(2),
    )
    expect(conditionsOf(stalled)).not.toHaveProperty('Reconciling')
    expect(conditionOf(stalled, 'Ready').message).toContain(`${kind} app: `)
    expect(conditionOf(stalled, 'Ready').message).toContain(words)
    expect(stalled.status?.consumers).toMatchObject({
      total: 1,
      updated: 0,
      summary: '0/1',
      outdated: [{ kind, name: 'app', reason }],
    })
    expect((await labelsOf(ns, kind, 'app'))[stampLabel('sms')]).toBe(stalled.status?.credentialsId)
    await mend(ns)
    const done = await waitForConditions(kube, ns, 'sms', ready, id(2))
    expect(conditionsOf(done)).not.toHaveProperty('Stalled')
  }

  const deletePods = async (ns: string): Promise<void> => {
    for (const { metadata } of await kube.list('pods', ns)) await kube.remove('pods', ns, metadata.name)
  }

  test('a paused Deployment', () =>
    held('Deployment', { paused: true }, 'Paused', 'kubectl rollout resume deployment app', (ns) =>
      kube.patch('deployments', ns, 'app', { spec: { paused: null } }),
    ))

  const onDelete = { updateStrategy: { type: 'OnDelete', rollingUpdate: null } }

  test.each<Kind>(['StatefulSet', 'DaemonSet'])('a %s with OnDelete', (kind) =>
    held(kind, onDelete, 'OnDelete', 'delete its older pods', deletePods),
  )

  test('a StatefulSet with a partition', () =>
    held('StatefulSet', { updateStrategy: { rollingUpdate: { partition: 1 } } }, 'Partitioned', 'partition', (ns) =>
      kube.patch('statefulsets', ns, 'app', { spec: { updateStrategy: { rollingUpdate: { partition: 0 } } } }),
    ))

  test('no pods at all: Ready, and it is said', async () => {
    const ns = await newNamespace()
    await createWorkload(ns, 'Deployment', 'idle', { spec: { replicas: 0 } })
    await createWorkload(ns, 'StatefulSet', 'asleep', { spec: { replicas: 0 } })
    await createResource(ns, 'sms', [
      { kind: 'Deployment', name: 'idle' },
      { kind: 'StatefulSet', name: 'asleep' },
    ])
    const done = await waitForConditions(kube, ns, 'sms', ready)
    expect(done.status?.consumers?.summary).toBe('2/2')
    const { message } = conditionOf(done, 'ConsumersUpToDate')
    expect(message).toContain('Deployment idle has no pods at the moment.')
    expect(message).toContain('StatefulSet asleep has no pods at the moment.')
  })
})

test('a workload of two resources that are rotated at the same moment: one patch, one rollout', async () => {
  const ns = await newNamespace()
  await kube.create('secrets', ns, secret('other-source', valid.twilio()))
  await createWorkload(ns, 'Deployment', 'app', { labels: { needs: 'mail' } })
  await createResource(ns, 'sms', [{ kind: 'Deployment', name: 'app' }])
  const selected = [{ kind: 'Deployment' as const, selector: { matchLabels: { needs: 'mail' } } }]
  await kube.create('tracardiresources', ns, resource('mail', spec(selected, 'other-source')))
  for (const name of ['sms', 'mail']) await waitForConditions(kube, ns, name, ready, id(1))
  const before = await revisions(ns, 'Deployment', 'app')
  for (const revision of [2, 3]) {
    const mark = await audit.mark()
    await Promise.all([rotate(ns), rotate(ns, 'other-source')])
    for (const name of ['sms', 'mail']) {
      const { status } = await waitForConditions(kube, ns, name, ready, id(revision))
      expect((await labelsOf(ns, 'Deployment', 'app'))[stampLabel(name)]).toBe(status?.credentialsId)
    }
    expect(await patches(ns, mark)).toEqual({ 'patch deployments/app': 1 })
    expect(await revisions(ns, 'Deployment', 'app')).toBe(before + revision - 1)
  }
})

describe.concurrent('going away', () => {
  const both = ['kept', 'withdrawn'].map((name) => ({ kind: 'Deployment' as const, name }))

  async function deliverBoth(target: object): Promise<{ ns: string; made: TracardiResource }> {
    const ns = await newNamespace()
    for (const { name } of both) await createWorkload(ns, 'Deployment', name)
    await kube.create('tracardiresources', ns, resource('sms', { ...spec(both), target }))
    return { ns, made: await waitForConditions(kube, ns, 'sms', ready, id(1)) }
  }

  const bothRollouts = (ns: string) => Promise.all(both.map(({ name }) => rolloutsOf(kube, ns, name, 'sms')))

  test('a consumer withdrawn, the resource deleted, and made again: nothing restarts', async () => {
    const { ns, made } = await deliverBoth({})
    const [kept, withdrawn] = await bothRollouts(ns)
    await kube.patch('tracardiresources', ns, 'sms', { spec: { consumers: [both[0]] } })
    await waitForCount(ns, 'sms', '1/1')
    await sleep(aWhile)
    expect(await bothRollouts(ns)).toEqual([kept, withdrawn])

    await rotate(ns)
    const rotated = await waitForConditions(kube, ns, 'sms', ready, id(2))
    const [rolledOnce, untouched] = await bothRollouts(ns)
    expect(rolledOnce?.replicaSets).toHaveLength((kept?.replicaSets.length ?? 0) + 1)
    expect(untouched).toEqual(withdrawn)
    expect(untouched?.stamp).toBe(made.status?.credentialsId)

    const before = await contentsOf(kube, ns, 'sms-credentials')
    await kube.remove('tracardiresources', ns, 'sms')
    await waitFor(
      'the end of the resource',
      () => kube.get('tracardiresources', ns, 'sms'),
      (object) => object === undefined,
    )
    await sleep(aWhile)
    expect(await bothRollouts(ns)).toEqual([rolledOnce, withdrawn])
    expect(await contentsOf(kube, ns, 'sms-credentials')).toEqual(before)

    await createResource(ns, 'sms', both.slice(0, 1))
    const again = await waitForConditions(kube, ns, 'sms', ready)
    expect(again.status?.credentialsId).toBe(rotated.status?.credentialsId)
    expect(again.metadata.uid).not.toBe(rotated.metadata.uid)
    await sleep(aWhile)
    expect(await bothRollouts(ns)).toEqual([rolledOnce, withdrawn])
  })

  test('deletionPolicy Delete: the target goes, the pods stay', async () => {
    const { ns } = await deliverBoth({ deletionPolicy: 'Delete' })
    const before = await bothRollouts(ns)
    await kube.remove('tracardiresources', ns, 'sms')
    await waitFor(
      'the end of the target',
      () => kube.get('secrets', ns, 'sms-credentials'),
      (object) => object === undefined,
    )
    await sleep(aWhile)
    expect(await bothRollouts(ns)).toEqual(before)
    expect(await kube.get('secrets', ns, 'sms-credentials')).toBeUndefined()
  })

  test('a namespace deleted does not hang, and nothing is written into it any more', async () => {
    const { ns } = await deliverBoth({ deletionPolicy: 'Delete' })
    await createWorkload(ns, 'StatefulSet', 'set')
    await kube.remove('namespaces', undefined, ns)
    await waitFor(
      'the end of the namespace',
      () => kube.get('namespaces', undefined, ns),
      (object) => object === undefined,
    )
    // Events that were on their way come too late, and are given up.
    await sleep(aWhile)
    const mark = await audit.mark()
    await sleep(aWhile)
    expect((await audit.operatorCalls(mark)).filter(isOf(ns))).toEqual([])
  })
})

test(
  '100 workloads by one selector: each patched once at a rotation, the status bounded',
  { timeout: 180_000 },
  async () => {
    const ns = await newNamespace()
    const names = Array.from({ length: 100 }, (_, index) => `w${String(index).padStart(3, '0')}`)
    // Their pods find no node: nothing of this is over soon.
    const template = deployment('x', { schedulable: false }).spec.template
    const labels = { fleet: 'x' }
    const create = (name: string) =>
      createWorkload(ns, 'Deployment', name, {
        spec: { replicas: 1, template: { ...template, metadata: { labels: { app: name, ...labels } } } },
      })
    for (let index = 0; index < names.length; index += 20) await Promise.all(names.slice(index, index + 20).map(create))
    const mark = await audit.mark()
    await createResource(ns, 'sms', [{ kind: 'Deployment', selector: { matchLabels: labels } }])
    for (const revision of [1, 2]) {
      const rolling = await waitForConditions(
        kube,
        ns,
        'sms',
        { Ready: 'False RollingOut', Reconciling: 'True RollingOut' },
        id(revision),
      )
      await waitFor(
        'a hundred stamps',
        () => kube.list('deployments', ns),
        (all) =>
          all.every(
            (each) => each.spec.template.metadata?.labels?.[stampLabel('sms')] === rolling.status?.credentialsId,
          ),
      )
      if (revision === 1) await rotate(ns)
    }
    await sleep(aWhile)
    expect(await patches(ns, mark)).toEqual(Object.fromEntries(names.map((name) => [`patch deployments/${name}`, 2])))
    const { status } = await waitForCount(ns, 'sms', '0/100')
    expect(status?.consumers?.total).toBe(100)
    expect(status?.consumers?.outdated?.map(({ name }) => name)).toEqual(names.slice(0, 10))
    expect(JSON.stringify(status).length).toBeLessThan(8000)
    const calls = (await audit.operatorCalls(mark)).filter(isOf(ns))
    const writes = tally(calls.filter(isWrite))
    // Once for what is in force, once for the consumers, and at most once a second for them.
    expect(writes['patch tracardiresources.status/sms']).toBeLessThan(20)
    expect(writes['create secrets/sms-credentials'] ?? writes['create secrets']).toBe(1)
  },
)
