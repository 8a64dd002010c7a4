// Injection in the API server with an operator that works: from the first pod of a workload to what is rescheduled or undone.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { injectedAnnotation, stampLabel } from '../../../src/api/names.ts'
import {
  conditionOf,
  createNamespace,
  deployment,
  replicaSetsOf,
  resource,
  secret,
  valid,
  waitForConditions,
} from '../support/fixtures.ts'
import { sleep, waitFor } from '../support/kube.ts'
import { release } from '../support/operator-process.ts'
import { startOwnCluster } from '../support/own-cluster.ts'
import type { OwnCluster } from '../support/own-cluster.ts'

let cluster: OwnCluster

beforeAll(async () => {
  cluster = await startOwnCluster()
  const operator = await cluster.start([`--injection-policies=${release.name}.${release.namespace}`])
  await operator.waitForLog('working')
})

afterAll(() => cluster[Symbol.asyncDispose]())

const inject = { env: {}, mount: { path: '/var/run/credentials/sms' } }
const spec = {
  service: 'twilio',
  credentials: { secretRef: { name: 'sms' } },
  consumers: [{ kind: 'Deployment' as const, name: 'web', inject }],
}

/** Of every pod that is not on its way out: the stamp, and the Secrets that it reads. */
async function podsOf(namespace: string): Promise<string[]> {
  const pods = await cluster.kube.list('pods', namespace)
  return pods
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .map(({ metadata, spec: { containers, volumes = [] } }) => {
      const reads = [
        ...containers.flatMap(({ envFrom = [] }) => envFrom.map(({ secretRef }) => secretRef?.name)),
        ...volumes.flatMap((volume) => (volume['secret'] as { secretName?: string } | undefined)?.secretName ?? []),
        metadata.annotations?.[injectedAnnotation('sms')],
      ]
      return `${metadata.labels?.[stampLabel('sms')] ?? 'none'}: ${[...new Set(reads)].join(' ')}`
    })
    .sort()
}

function waitForPods(namespace: string, wanted: readonly string[]): Promise<string[]> {
  return waitFor(
    `pods ${wanted.join(', ')}`,
    () => podsOf(namespace),
    (pods) => pods.join() === wanted.join(),
    { timeoutMs: 120_000 },
  )
}

const carries = (id: string): string => `${id}: sms-credentials-${id}`

test(
  'a workload and its pods, from the first to those that are rescheduled and undone',
  { timeout: 400_000 },
  async () => {
    const { kube } = cluster
    const ns = await createNamespace(kube, 'policy')
    await kube.create('secrets', ns, secret('sms', valid.twilio()))
    await kube.create('tracardiresources', ns, resource('sms', spec))
    const before = await waitForConditions(kube, ns, 'sms', { Ready: 'True ConsumerNotFound' })
    const first = before.status?.credentialsId ?? ''
    expect(before.status?.injection).toEqual({ mode: 'Policy', installation: release.namespace })

    // The first pods are right, and the manifest is as it was applied but for the stamp.
    const applied = deployment('web', { replicas: 2 })
    await kube.apply(ns, applied)
    const upToDate = { Ready: 'True Delivered', ConsumersUpToDate: 'True UpToDate' }
    await waitForConditions(kube, ns, 'sms', upToDate)
    await waitForPods(ns, [carries(first), carries(first)])
    expect(await replicaSetsOf(kube, ns, 'web')).toHaveLength(1)
    const { template } = (await kube.get('deployments', ns, 'web'))!.spec
    expect(template.metadata?.labels).toEqual({ app: 'web', [stampLabel('sms')]: first })
    expect([template.spec?.containers?.[0]?.envFrom, template.spec?.volumes]).toEqual([undefined, undefined])

    // A pod that is rescheduled before its workload is rolled comes back with what it had.
    await kube.kubectl(['-n', ns, 'rollout', 'pause', 'deployment/web'])
    await kube.patch('secrets', ns, 'sms', secret('sms', valid.twilio()))
    const second = `2-${first.split('-')[1] ?? ''}`
    await waitFor(
      'the template to be stamped',
      () => kube.get('deployments', ns, 'web'),
      (found) => found?.spec.template.metadata?.labels?.[stampLabel('sms')] === second,
    )
    await kube.kubectl(['-n', ns, 'delete', 'pod', '--all', '--wait=false'])
    await waitForPods(ns, [carries(first), carries(first)])
    await kube.kubectl(['-n', ns, 'rollout', 'resume', 'deployment/web'])
    await waitForPods(ns, [carries(second), carries(second)])
    await waitForConditions(kube, ns, 'sms', upToDate)
    expect(await replicaSetsOf(kube, ns, 'web')).toHaveLength(2)

    // What is undone keeps the credentials in force: the old ones may be dead.
    await kube.kubectl(['-n', ns, 'set', 'image', 'deployment/web', 'app=app:2'])
    await waitForConditions(kube, ns, 'sms', upToDate)
    await kube.kubectl(['-n', ns, 'rollout', 'undo', 'deployment/web', '--to-revision=1'])
    await waitForConditions(kube, ns, 'sms', upToDate)
    await waitForPods(ns, [carries(second), carries(second)])

    // Nothing of the operator is in the way of who applies it again.
    await kube.apply(ns, applied)
    await waitForPods(ns, [carries(second), carries(second)])
  },
)

test('pods that are created before anything is in force wait for the first version', { timeout: 200_000 }, async () => {
  const { kube } = cluster
  const ns = await createNamespace(kube, 'policy')
  await kube.create('tracardiresources', ns, resource('sms', spec))
  const announced = await waitFor(
    'an id that is given in advance',
    () => kube.get('tracardiresources', ns, 'sms'),
    (found) => found?.status?.injection !== undefined && found.status.versions?.[0] !== undefined,
  )
  const id = announced?.status?.versions?.[0] ?? ''
  await kube.create('deployments', ns, deployment('web'))
  await waitForPods(ns, [carries(id)])
  await kube.create('secrets', ns, secret('sms', valid.twilio()))
  await waitForConditions(kube, ns, 'sms', { Ready: 'True Delivered', ConsumersUpToDate: 'True UpToDate' })
  await waitForPods(ns, [carries(id)])
  expect((await kube.get('secrets', ns, `sms-credentials-${id}`))?.metadata.name).toBeDefined()
})

test(
  'pods into which nothing was injected are noticed, and replaced once when the policies are there again',
  { timeout: 300_000 },
  async () => {
    const { kube } = cluster
    const ns = await createNamespace(kube, 'policy')
    await kube.create('secrets', ns, secret('sms', valid.twilio()))
    await kube.create('tracardiresources', ns, resource('sms', spec))
    const upToDate = { Ready: 'True Delivered', ConsumersUpToDate: 'True UpToDate' }
    await waitForConditions(kube, ns, 'sms', { Ready: 'True ConsumerNotFound' })
    const binding = `mutatingadmissionpolicybinding/inject-pods.${release.name}.${release.namespace}`
    const saved = await kube.kubectl(['get', binding, '-o', 'json'])
    await kube.kubectl(['delete', binding])
    await kube.create('deployments', ns, deployment('web'))
    // The API server takes a moment to notice that the binding went.
    await waitFor(
      'pods without credentials',
      async () => {
        // kubectl refuses two in one second.
        await sleep(1_100)
        await kube.kubectl(['-n', ns, 'rollout', 'restart', 'deployment/web'])
        await kube.kubectl(['-n', ns, 'rollout', 'status', 'deployment/web', '--timeout=60s'])
        return podsOf(ns)
      },
      (pods) => pods.length === 1 && pods.every((reads) => !reads.includes('sms-credentials')),
      { timeoutMs: 120_000 },
    )
    const found = await waitForConditions(kube, ns, 'sms', { Ready: 'False NotInjected' })
    expect(conditionOf(found, 'ConsumersUpToDate').message).toContain('They are replaced once')
    const { metadata, ...rest } = JSON.parse(saved) as { metadata: { name: string; labels: object } }
    await kube.kubectl(
      ['create', '-f', '-'],
      JSON.stringify({ ...rest, metadata: { name: metadata.name, labels: metadata.labels } }),
    )
    const revisions = (await replicaSetsOf(kube, ns, 'web')).length
    await waitForConditions(kube, ns, 'sms', upToDate, { timeoutMs: 150_000 })
    await waitForPods(ns, [carries(found.status?.credentialsId ?? '')])
    expect(await replicaSetsOf(kube, ns, 'web')).toHaveLength(revisions + 1)
  },
)
