// Versions: the immutable Secrets that pods are given. When they are made, when not, and when they go; on a cluster of their own.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { componentName, idAnnotation, managedByLabel, ownerAnnotation, resourceLabel } from '../../src/api/names.ts'
import type { TracardiResource, TracardiResourceSpec } from '../../src/api/tracardi-resource.ts'
import { tally } from './support/audit-log.ts'
import {
  contentsOf,
  createNamespace,
  deployment,
  replicaSetsOf,
  resource,
  rolloutsOf,
  secret,
  stampOf,
  valid,
  waitForConditions,
} from './support/fixtures.ts'
import { waitFor } from './support/kube.ts'
import { release } from './support/operator-process.ts'
import type { OperatorProcess } from './support/operator-process.ts'
import { startOwnCluster } from './support/own-cluster.ts'
import type { OwnCluster } from './support/own-cluster.ts'

const flags = ['--leader-elect=false', `--injection-policies=${release.name}.${release.namespace}`]
const installation = release.namespace

let cluster: OwnCluster
let operator: OperatorProcess

beforeAll(async () => {
  cluster = await startOwnCluster()
  operator = await cluster.start(flags)
  await operator.waitForLog('working')
})

afterAll(() => cluster[Symbol.asyncDispose]())

/** A resource `sms` in a namespace of its own, its first id in force in the pods of a Deployment. */
async function inUse(target: TracardiResourceSpec['target'] = {}) {
  const { kube } = cluster
  const ns = await createNamespace(kube, 'versions')
  await kube.create('deployments', ns, deployment('app'))
  await kube.create('secrets', ns, secret('source', valid.twilio()))
  const spec: TracardiResourceSpec = {
    service: 'twilio',
    credentials: { secretRef: { name: 'source' } },
    target,
    consumers: [{ kind: 'Deployment', name: 'app', inject: { env: {} } }],
  }
  await kube.create('tracardiresources', ns, resource('sms', spec))
  const wait = (revision: number): Promise<TracardiResource> =>
    waitForConditions(kube, ns, 'sms', { Ready: 'True Delivered' }, { credentialsId: new RegExp(`^${revision}-`) })
  const first = await wait(1)
  const suffix = (first.status?.credentialsId ?? '').slice(1)
  const nameOf = (revision: number): string => `sms-credentials-${revision}${suffix}`
  return {
    ns,
    spec,
    wait,
    nameOf,
    idOf: (revision: number): string => `${revision}${suffix}`,
    version: (revision: number) => kube.get('secrets', ns, nameOf(revision)),
    valuesOf: (revision: number) => contentsOf(kube, ns, nameOf(revision)),
    source: async (): Promise<Record<string, string>> => {
      const values = valid.twilio()
      await kube.patch('secrets', ns, 'source', secret('source', values))
      return { TWILIO_ACCOUNT_SID: values.accountSid, TWILIO_AUTH_TOKEN: values.authToken }
    },
    revisionsOf: async (): Promise<number[]> =>
      ((await kube.get('tracardiresources', ns, 'sms'))?.status?.versions ?? []).map((id) => Number(id.split('-')[0])),
  }
}

/** A Secret as the operator would have written it. */
function versionOf(ns: string, name: string, id: string, values: Record<string, string>) {
  return secret(name, values, {
    metadata: {
      name,
      labels: { [managedByLabel]: componentName, [resourceLabel]: 'sms' },
      annotations: { [ownerAnnotation]: `${installation}/${ns}/sms`, [idAnnotation]: id },
    },
    immutable: true,
  })
}

describe.concurrent('while an operator runs', () => {
  test('the first is there before anything names it; a rotation makes the second, and costs one write more', async () => {
    const { kube } = cluster
    const world = await inUse()
    const { ns, version, valuesOf } = world
    const before = await kube.get('tracardiresources', ns, 'sms')
    expect(before?.status).toMatchObject({
      versions: [world.idOf(1)],
      injection: { mode: 'Policy', installation },
    })
    const first = await version(1)
    expect(first).toMatchObject({
      immutable: true,
      type: 'Opaque',
      metadata: { labels: { [resourceLabel]: 'sms' }, annotations: { [idAnnotation]: world.idOf(1) } },
    })
    expect(await valuesOf(1)).toEqual(await contentsOf(kube, ns, 'sms-credentials'))

    const mark = await cluster.audit.mark()
    const values = await world.source()
    await world.wait(2)
    expect(await world.revisionsOf()).toEqual([2, 1])
    expect([await valuesOf(2), await contentsOf(kube, ns, 'sms-credentials')]).toEqual([values, values])
    expect(await version(1)).toEqual(first)
    const calls = (await cluster.audit.operatorCalls(mark)).filter(({ objectRef }) => objectRef?.namespace === ns)
    const {
      'patch tracardiresources.status/sms': status = 0,
      'create events': _created,
      'patch events': _patched,
      // Once a rollout, when it is through: whether the API server injected.
      'list pods': looked = 0,
      ...others
    } = tally(calls.filter(({ objectRef }) => objectRef?.resource !== 'deployments'))
    expect(looked).toBeLessThanOrEqual(1)
    expect(others).toEqual({
      'get secrets/source': 1,
      [`create secrets/${world.nameOf(2)}`]: 1,
      'patch secrets/sms-credentials': 1,
    })
    expect(status).toBeLessThanOrEqual(2)

    const writes = calls.map(({ verb, objectRef }) => `${verb} ${objectRef?.resource ?? ''}/${objectRef?.name ?? ''}`)
    const inOrder = [
      `create secrets/${world.nameOf(2)}`,
      'patch secrets/sms-credentials',
      'patch tracardiresources/sms',
    ].map((call) => writes.indexOf(call))
    expect(inOrder).toEqual(inOrder.toSorted((a, b) => a - b))
  })

  test('the one in force is deleted by hand, and made again; an older one is told of no more', async () => {
    const { kube } = cluster
    const world = await inUse()
    await world.source()
    await world.wait(2)
    const [before, values, uid] = [
      await rolloutsOf(kube, world.ns, 'app', 'sms'),
      await world.valuesOf(2),
      (await world.version(2))?.metadata.uid,
    ]
    await kube.remove('secrets', world.ns, world.nameOf(2))
    const made = await waitFor(
      'the version, made again',
      () => world.version(2),
      (found) => ![undefined, uid].includes(found?.metadata.uid),
    )
    expect([made, await world.valuesOf(2)]).toEqual([expect.objectContaining({ immutable: true }), values])
    await kube.remove('secrets', world.ns, world.nameOf(1))
    await waitFor('the older one struck off', world.revisionsOf, (revisions) => revisions.join() === '2')
    expect(await rolloutsOf(kube, world.ns, 'app', 'sms')).toEqual(before)
  })

  test("somebody else's Secret under the name is left alone: the next id", async () => {
    const { kube } = cluster
    const world = await inUse()
    const foreign = await kube.create('secrets', world.ns, secret(world.nameOf(2), { mine: 'yes' }))
    const values = await world.source()
    await world.wait(3)
    expect(await world.revisionsOf()).toEqual([3, 1])
    expect(await world.valuesOf(3)).toEqual(values)
    expect(await world.version(2)).toEqual(foreign)
    expect(stampOf(await kube.get('deployments', world.ns, 'app'), 'sms')).toBe(world.idOf(3))
  })

  test('collected beyond the limit, but not while an older revision has the stamp', async () => {
    const { kube } = cluster
    const world = await inUse({ historyLimit: 1 })
    for (const revision of [2, 3]) {
      await world.source()
      await world.wait(revision)
    }
    // The first is too many now, and its ReplicaSet is still there.
    expect(await world.revisionsOf()).toEqual([3, 2, 1])
    for (const found of await replicaSetsOf(kube, world.ns, 'app')) {
      const stamp = found.metadata.labels?.['credentials.tracardi.com/sms']
      if (stamp === world.idOf(1)) await kube.remove('replicasets', world.ns, found.metadata.name)
    }
    await waitFor(
      'the end of the pods of the first',
      () => kube.list('pods', world.ns),
      (pods) => pods.every(({ metadata }) => metadata.labels?.['credentials.tracardi.com/sms'] !== world.idOf(1)),
    )
    await world.source()
    await world.wait(4)
    await waitFor('the first struck off', world.revisionsOf, (revisions) => revisions.join() === '4,3,2')
    expect([await world.version(1), (await world.version(2))?.immutable]).toEqual([undefined, true])
  })

  test('Delete: all go with the resource; what was made to stay is told so', async () => {
    const { kube } = cluster
    const world = await inUse()
    await world.source()
    await world.wait(2)
    await kube.patch('tracardiresources', world.ns, 'sms', { spec: { target: { deletionPolicy: 'Delete' } } })
    const names = ['sms-credentials', world.nameOf(1), world.nameOf(2)]
    for (const name of names) {
      await waitFor(
        `${name} with an owner`,
        () => kube.get('secrets', world.ns, name),
        (found) => found?.metadata.ownerReferences?.[0]?.name === 'sms',
      )
    }
    await kube.remove('tracardiresources', world.ns, 'sms')
    await waitFor(
      'the end of all of them',
      () => kube.list('secrets', world.ns),
      (all) => all.map(({ metadata }) => metadata.name).join() === 'source',
    )
  })

  test('Retain: all stay, and a resource that is created again takes them up', async () => {
    const { kube } = cluster
    const world = await inUse()
    await world.source()
    await world.wait(2)
    const before = await rolloutsOf(kube, world.ns, 'app', 'sms')
    await kube.remove('tracardiresources', world.ns, 'sms')
    await waitFor(
      'its end',
      () => kube.get('tracardiresources', world.ns, 'sms'),
      (found) => found === undefined,
    )
    const versions = [await world.version(1), await world.version(2)]
    await kube.create('tracardiresources', world.ns, resource('sms', world.spec))
    await world.wait(2)
    expect(await world.revisionsOf()).toEqual([2, 1])
    expect([await world.version(1), await world.version(2)]).toEqual(versions)
    expect(await rolloutsOf(kube, world.ns, 'app', 'sms')).toEqual(before)
  })
})

describe('a version that an operator had made when it was killed', () => {
  test('is taken if it holds what the source holds; else it is known, and the next id is taken', async () => {
    const { kube } = cluster
    const [same, other] = await Promise.all([inUse(), inUse()])
    await operator.stop('SIGKILL')
    const [values] = await Promise.all([same.source(), other.source()])
    for (const [world, contents] of [
      [same, values],
      [other, { TWILIO_AUTH_TOKEN: 'of-a-moment' }],
    ] as const)
      await kube.create('secrets', world.ns, versionOf(world.ns, world.nameOf(2), world.idOf(2), contents))
    const made = await same.version(2)
    operator = await cluster.start(flags)
    await Promise.all([same.wait(2), other.wait(3)])
    expect(await same.version(2)).toEqual(made)
    expect([await same.revisionsOf(), await other.revisionsOf()]).toEqual([
      [2, 1],
      [3, 2, 1],
    ])
    expect(await other.valuesOf(3)).toEqual(await contentsOf(kube, other.ns, 'sms-credentials'))
  })
})

test('without the policies, or the right to look at them, it is Patch; what is in use is said', async () => {
  const { kube } = cluster
  await operator.stop()
  await kube.remove('clusterrolebindings', undefined, `${release.namespace}:${release.name}:injection`)
  const ns = await createNamespace(kube, 'versions')
  await kube.create('secrets', ns, secret('source', valid.twilio()))
  const consumers: TracardiResourceSpec['consumers'] = [{ kind: 'Deployment', name: 'later', inject: { env: {} } }]
  const spec = { service: 'twilio', credentials: { secretRef: { name: 'source' } }, consumers }
  await kube.create('tracardiresources', ns, resource('sms', spec))
  operator = await cluster.start(flags)
  await waitFor(
    'the mode',
    () => kube.get('tracardiresources', ns, 'sms'),
    (found) => found?.status?.injection?.mode === 'Patch',
  )
})
