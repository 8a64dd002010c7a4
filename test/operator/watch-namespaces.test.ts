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
import { sleep } from './support/kube.ts'
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

test('the operator is granted nothing that holds in the whole cluster', async () => {
  const [roles, bindings] = await Promise.all([
    cluster.kube.list('clusterroles'),
    cluster.kube.list('clusterrolebindings'),
  ])
  const ours = ({ metadata }: { metadata: { name: string } }): boolean => metadata.name.includes(release.name)
  // For people, by way of the ClusterRoles of Kubernetes.
  const names = roles.filter(ours).map(({ metadata }) => metadata.name)
  expect(names.map((name) => name.split(':').at(-1))).toEqual(['edit', 'view'])
  expect(bindings.filter(ours)).toEqual([])
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

test('without rights in a namespace it is not ready, and says which calls are refused', async () => {
  await using operator = await cluster.start(['--watch-namespaces', 'a,c', '--leader-elect=false'])
  const url = await operator.url()
  const refused = await operator.waitForLog('list or watch failed, trying again')
  expect(refused).toMatchObject({ status: 403, namespace: 'c', level: 'warn' })
  const answer = await fetch(`${url}/readyz`)
  expect(answer.status).toBe(503)
  expect((await operator.log()).map(({ msg }) => msg)).not.toContain('working')
})
