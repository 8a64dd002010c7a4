// --watch-namespaces with the chart's Roles alone: what the operator does there, and that it asks for nothing elsewhere.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { isWrite } from './support/audit-log.ts'
import {
  contentsOf,
  conditionsOf,
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
import { startOwnCluster } from './support/own-cluster.ts'
import type { OwnCluster } from './support/own-cluster.ts'

const watched = ['a', 'b']
const namespaces = [...watched, 'c']
const args = ['--watch-namespaces', watched.join(',')]

/** Time for the operator to do what it should not do. */
const aWhile = 3000

let cluster: OwnCluster

beforeAll(async () => {
  cluster = await startOwnCluster({ namespaces, values: { watchNamespaces: watched } })
  for (const ns of namespaces) {
    await cluster.kube.create('deployments', ns, deployment('app'))
    await cluster.kube.create('secrets', ns, secret('source', valid.twilio()))
    await cluster.kube.create('tracardiresources', ns, resource('sms', twilioSpec('source', ['app'])))
  }
})

afterAll(() => cluster[Symbol.asyncDispose]())

test('the operator is granted nothing that holds in the whole cluster, but to look at its own policies', async () => {
  const [roles, bindings] = await Promise.all([
    cluster.kube.list('clusterroles'),
    cluster.kube.list('clusterrolebindings'),
  ])
  const ours = ({ metadata }: { metadata: { name: string } }): boolean => metadata.name.includes(release.name)
  // For people, by way of the ClusterRoles of Kubernetes.
  const names = roles.filter(ours).map(({ metadata }) => metadata.name)
  expect(names.map((name) => name.split(':').at(-1))).toEqual(['edit', 'injection', 'view'])
  expect(bindings.filter(ours).map(({ metadata }) => metadata.name)).toEqual([
    `${release.namespace}:${release.name}:injection`,
  ])
  const { metadata } = await cluster.kube.create('deployments', release.namespace, deployment('bystander'))
  expect(metadata.name).toBe('bystander')
})

test('it works in these namespaces, leaves the other one alone, and is refused nothing', async () => {
  const { kube } = cluster
  const mark = await cluster.audit.mark()
  await using operator = await cluster.start(args)
  await operator.waitForLog('working')
  for (const revision of [1, 2]) {
    for (const ns of watched) {
      const found = await waitForConditions(
        kube,
        ns,
        'sms',
        { Ready: 'True Delivered' },
        { credentialsId: new RegExp(`^${revision}-`) },
      )
      expect(found.status?.consumers).toMatchObject({ total: 1, updated: 1 })
      expect((await rolloutsOf(kube, ns, 'app', 'sms')).replicaSets).toHaveLength(revision + 1)
    }
    for (const ns of namespaces) await kube.patch('secrets', ns, 'source', secret('source', valid.twilio()))
  }
  for (const ns of watched)
    await waitForConditions(kube, ns, 'sms', { Ready: 'True Delivered' }, { credentialsId: /^3-/ })
  // A namespace of the two loses its resource; the other one is not touched by that.
  await kube.remove('tracardiresources', 'a', 'sms')
  await sleep(aWhile)

  const alone = await kube.get('tracardiresources', 'c', 'sms')
  expect(conditionsOf(alone)).toEqual({})
  expect(await contentsOf(kube, 'c', 'sms-credentials')).toBeUndefined()
  expect(await rolloutsOf(kube, 'c', 'app', 'sms')).toMatchObject({ generation: 1, stamp: undefined })

  const calls = await cluster.audit.operatorCalls(mark)
  expect(
    calls.filter(({ responseStatus }) => (responseStatus?.code ?? 0) >= 400 && responseStatus?.code !== 404),
  ).toEqual([])
  const where = new Set(calls.map(({ objectRef }) => objectRef?.namespace))
  expect([...where].sort()).toEqual(['a', 'b', release.namespace])
  const own = calls.filter(({ objectRef }) => objectRef?.namespace === release.namespace)
  expect(new Set(own.map(({ objectRef }) => objectRef?.resource))).toEqual(new Set(['leases']))
  expect((await operator.stop()).code).toBe(0)
})

test('started again: nothing is written, in neither of them', async () => {
  const mark = await cluster.audit.mark()
  await using operator = await cluster.start([...args, '--leader-elect=false'])
  await operator.waitForLog('working')
  await sleep(aWhile)
  expect((await cluster.audit.operatorCalls(mark)).filter(isWrite)).toEqual([])
  await operator.stop()
})

/** Gives the operator in a namespace what the chart gives it in another one. */
async function grant(ns: string): Promise<void> {
  for (const plural of ['roles', 'rolebindings'] as const) {
    for (const { metadata, ...rest } of await cluster.kube.list(plural, 'a'))
      await cluster.kube.create(plural, ns, { ...rest, metadata: { name: metadata.name } })
  }
}

async function fill(ns: string): Promise<void> {
  await cluster.kube.create('namespaces', undefined, {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: ns },
  })
  await grant(ns)
  await cluster.kube.create('deployments', ns, deployment('app'))
  await cluster.kube.create('secrets', ns, secret('source', valid.twilio()))
  await cluster.kube.create('tracardiresources', ns, resource('sms', twilioSpec('source', ['app'])))
}

const delivered = { Ready: 'True Delivered' }

test('namespaces that may not be seen, or are not there, hold up no other one, and are taken up when they can be', async () => {
  const { kube } = cluster
  await using operator = await cluster.start(['--watch-namespaces', 'a,c,late', '--leader-elect=false'])
  const url = await operator.url()
  const metrics = async (): Promise<string> => (await fetch(`${url}/metrics`)).text()
  await kube.create('tracardiresources', 'a', resource('sms', twilioSpec('source', ['app'])))
  await waitForConditions(kube, 'a', 'sms', delivered)
  expect((await fetch(`${url}/readyz`)).status).toBe(200)
  const refused = (await operator.log()).filter(({ msg }) => msg.startsWith('a permission is missing'))
  const told = refused.map(
    ({ verb, resource: what, namespace }) => `${String(verb)} ${String(what)} ${String(namespace)}`,
  )
  const plurals = ['cronjobs.batch', 'daemonsets.apps', 'deployments.apps', 'secrets', 'statefulsets.apps']
  const lists = [...plurals, 'tracardiresources.tracardi.com'].map((plural) => `list ${plural}`)
  expect(told.sort()).toEqual(lists.flatMap((list) => [`${list} c`, `${list} late`]).sort())
  expect(await metrics()).toContain(
    'tracardi_operator_missing_permission{verb="list",resource="secrets",namespace="late"} 1',
  )

  await grant('c')
  await fill('late')
  for (const ns of ['c', 'late']) await waitForConditions(kube, ns, 'sms', delivered, { timeoutMs: 120_000 })
  await waitFor('nothing is missing', metrics, (text) => !text.includes('tracardi_operator_missing_permission{'))

  // It goes, and another one of its name comes.
  await kube.remove('namespaces', undefined, 'late')
  await waitFor(
    'the end of the namespace',
    () => kube.get('namespaces', undefined, 'late'),
    (object) => object === undefined,
  )
  await fill('late')
  await waitForConditions(kube, 'late', 'sms', delivered, { timeoutMs: 120_000 })
  expect((await operator.stop()).code).toBe(0)
})

test('without any namespace that it may see, it is not ready', async () => {
  await using operator = await cluster.start(['--watch-namespaces', 'nowhere', '--leader-elect=false'])
  const url = await operator.url()
  await operator.waitForLog('working')
  const answer = await fetch(`${url}/readyz`)
  expect([answer.status, await answer.text()]).toEqual([503, expect.stringContaining('tracardiresources')])
})
