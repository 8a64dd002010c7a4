// The life of a release with the real Helm: from the first chart to this one and back, and what stays when it is gone.
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startCluster } from '../cluster/cluster.ts'
import type { Cluster } from '../cluster/cluster.ts'
import {
  conditionsOf,
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
import type { Rollouts } from './support/fixtures.ts'
import { Kube, sleep, waitFor } from './support/kube.ts'
import { chart, helm, release, startOperator } from './support/operator-process.ts'
import type { OperatorProcess } from './support/operator-process.ts'

/** The chart as it was first given to anybody. */
const firstChart = join(import.meta.dirname, 'charts', '0.1.0')
const crd = 'tracardiresources.tracardi.com'
/** No Pod: nothing would run in it. The operator runs beside the cluster. */
const values = '--set=replicas=0'
/** Time for the operator to do what it should not do. */
const aWhile = 3000

let cluster: Cluster
let kube: Kube
let ns: string

beforeAll(async () => {
  cluster = await startCluster({ nodes: 1 })
  kube = await Kube.connect(cluster.kubeconfigPath)
  ns = await createNamespace(kube, 'chart')
})

afterAll(async () => {
  await kube[Symbol.asyncDispose]()
  await cluster.stop()
})

/** @param kubeconfig what the operator acts with; the release's ServiceAccount unless told */
async function start(kubeconfig?: string): Promise<OperatorProcess> {
  const operator = await startOperator({
    kubeconfig: kubeconfig ?? (await cluster.serviceAccountKubeconfig(release.namespace, release.name)),
    args: ['--namespace', release.namespace, '--leader-elect=false'],
    directory: cluster.directory,
  })
  await operator.waitForLog('working')
  return operator
}

const rollouts = (): Promise<Rollouts> => rolloutsOf(kube, ns, 'app', 'sms')

async function schemaHas(kind: string): Promise<boolean> {
  return JSON.stringify(await kube.get('customresourcedefinitions', undefined, crd)).includes(kind)
}

/** How many policies are there, bindings included. */
async function policies(): Promise<number> {
  const kinds = 'validatingadmissionpolicies,validatingadmissionpolicybindings'
  return (await kube.kubectl(['get', kinds, '--output=name'])).split('\n').filter((line) => line !== '').length
}

/** The status as somebody else would write it: refused once the policies hold, and stored by nobody. */
function forgedStatus(): Promise<string> {
  const patch = '--patch={"status":{"credentialsId":"99-aaaaa"}}'
  const args = ['patch', 'tracardiresource', 'sms', '--namespace', ns, '--subresource=status', '--type=merge', patch]
  return kube.kubectl([...args, '--dry-run=server']).catch((error: unknown) => String(error))
}

/** What everybody had at the end of a step. */
let delivered: Rollouts
let contents: Record<string, string> | undefined

test('the first chart, with a resource that is delivered', async () => {
  await helm(cluster.kubeconfigPath, ['install', release.name, firstChart, '--create-namespace', values, '--wait'])
  expect(await schemaHas('StatefulSet')).toBe(false)
  await kube.create('deployments', ns, deployment('app'))
  await kube.create('secrets', ns, secret('source', valid.twilio()))
  await kube.create('tracardiresources', ns, resource('sms', twilioSpec('source', ['app'])))
  // In place of the operator of that time, whose rights this one could not work with.
  await using operator = await start(cluster.kubeconfigPath)
  await waitForConditions(kube, ns, 'sms', { Ready: 'True Delivered' })
  await operator.stop()
  delivered = await rollouts()
  contents = await contentsOf(kube, ns, 'sms-credentials')
  expect(delivered.replicaSets).toHaveLength(2)
})

test('upgraded to this chart: the schema is new, nothing restarts, and it works with these rights and policies', async () => {
  const before = await kube.get('tracardiresources', ns, 'sms')
  expect(await policies()).toBe(0)
  await helm(cluster.kubeconfigPath, ['upgrade', release.name, chart, values, '--wait'])
  expect(await schemaHas('StatefulSet')).toBe(true)
  expect(await policies()).toBeGreaterThan(0)
  await waitFor('the policies to hold', forgedStatus, (said) => said.includes('is written by its operator alone'))
  await using operator = await start()
  await sleep(aWhile)
  expect(await rollouts()).toEqual(delivered)
  expect(await kube.get('tracardiresources', ns, 'sms')).toEqual(before)
  expect(await contentsOf(kube, ns, 'sms-credentials')).toEqual(contents)

  await kube.patch('secrets', ns, 'source', secret('source', valid.twilio()))
  await waitForConditions(kube, ns, 'sms', { Ready: 'True Delivered' }, { credentialsId: /^2-/ })
  const selector = { matchLabels: { app: 'app' } }
  const spec = { service: 'twilio', credentials: { secretRef: { name: 'source' } } }
  await kube.create(
    'tracardiresources',
    ns,
    resource('new', { ...spec, consumers: [{ kind: 'StatefulSet', selector }] }),
  )
  await waitForConditions(kube, ns, 'new', { Ready: 'True NoConsumers' })
  await operator.stop()
  delivered = await rollouts()
  contents = await contentsOf(kube, ns, 'sms-credentials')
  expect(delivered.replicaSets).toHaveLength(3)
})

test('rolled back, and forward again: nothing restarts, nothing is lost', async () => {
  await helm(cluster.kubeconfigPath, ['rollback', release.name, '1', '--wait'])
  expect(await schemaHas('StatefulSet')).toBe(false)
  expect(await policies()).toBe(0)
  await waitFor('the end of the policies', forgedStatus, (said) => said.includes('patched'))
  // What the older schema does not know is still stored.
  const stored = await kube.get('tracardiresources', ns, 'new')
  expect(stored?.spec.consumers).toHaveLength(1)
  {
    await using operator = await start(cluster.kubeconfigPath)
    await sleep(aWhile)
    expect(await rollouts()).toEqual(delivered)
    await operator.stop()
  }
  await helm(cluster.kubeconfigPath, ['upgrade', release.name, chart, values, '--wait'])
  await using operator = await start()
  await sleep(aWhile)
  expect(await rollouts()).toEqual(delivered)
  expect(await contentsOf(kube, ns, 'sms-credentials')).toEqual(contents)
  expect(conditionsOf(await kube.get('tracardiresources', ns, 'sms'))).toMatchObject({ Ready: 'True Delivered' })
  await operator.stop()
})

test('from all namespaces to some, and back: the rights follow', async () => {
  const flag = `--set-json=watchNamespaces=${JSON.stringify([ns])}`
  await helm(cluster.kubeconfigPath, ['upgrade', release.name, chart, values, flag, '--wait'])
  const ofTheOperator = `${release.namespace}:${release.name}`
  const clusterRoles = async (): Promise<string[]> =>
    (await kube.list('clusterroles')).map(({ metadata }) => metadata.name).filter((name) => name === ofTheOperator)
  expect(await clusterRoles()).toEqual([])
  const listed = await helm(cluster.kubeconfigPath, ['get', 'manifest', release.name])
  expect(listed).toContain(`--watch-namespaces=${ns}`)
  await helm(cluster.kubeconfigPath, ['upgrade', release.name, chart, values, '--wait'])
  expect(await clusterRoles()).toHaveLength(1)
  expect(await rollouts()).toEqual(delivered)
})

test('uninstalled while the operator runs, then the resources deleted: nothing restarts, breaks or hangs', async () => {
  await using operator = await start()
  await helm(cluster.kubeconfigPath, ['uninstall', release.name, '--wait'])
  expect(await schemaHas('StatefulSet')).toBe(true)
  expect(await policies()).toBe(0)
  await sleep(aWhile)
  expect(await rollouts()).toEqual(delivered)
  expect((await kube.list('tracardiresources', ns)).map(({ metadata }) => metadata.name).sort()).toEqual(['new', 'sms'])
  expect((await operator.stop()).code).toBe(0)

  for (const name of ['new', 'sms']) await kube.remove('tracardiresources', ns, name)
  await waitFor(
    'the end of the resources',
    () => kube.list('tracardiresources', ns),
    (all) => all.length === 0,
  )
  await sleep(aWhile)
  expect(await rollouts()).toEqual(delivered)
  expect(await contentsOf(kube, ns, 'sms-credentials')).toEqual(contents)

  await kube.remove('customresourcedefinitions', undefined, crd)
  await waitFor(
    'the end of the CRD',
    () => kube.get('customresourcedefinitions', undefined, crd),
    (object) => object === undefined,
  )
  await kube.remove('namespaces', undefined, ns)
  await waitFor(
    'the end of the namespace',
    () => kube.get('namespaces', undefined, ns),
    (object) => object === undefined,
  )
})
