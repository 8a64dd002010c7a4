// Consumers that are never restarted: ReplicaSets, Jobs and Pods that no other workload has made. They are injected as their pods
// are created, and told by name when others have come into force since.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { injectedAnnotation, stampLabel } from '../../../src/api/names.ts'
import { describeCall, isOf, isWrite } from '../support/audit-log.ts'
import type { AuditEntry } from '../support/audit-log.ts'
import {
  conditionOf,
  createNamespace,
  deployment,
  resource,
  secret,
  valid,
  waitForConditions,
} from '../support/fixtures.ts'
import { waitFor } from '../support/kube.ts'
import { release } from '../support/operator-process.ts'
import { startOwnCluster } from '../support/own-cluster.ts'
import type { OwnCluster } from '../support/own-cluster.ts'

const kinds = ['ReplicaSet', 'Job', 'Pod'] as const
const isOfTheirs = ({ objectRef }: AuditEntry): boolean =>
  ['replicasets', 'jobs', 'pods'].includes(objectRef?.resource ?? '')

let cluster: OwnCluster

beforeAll(async () => {
  cluster = await startOwnCluster()
  const operator = await cluster.start([`--injection-policies=${release.name}.${release.namespace}`])
  await operator.waitForLog('working')
})

afterAll(() => cluster[Symbol.asyncDispose]())

const containers = [{ name: 'app', image: 'app' }]
const labels = { needs: 'sms' }

/** Its pods find no node: they are there until somebody deletes them, and a Job does not end. */
const waiting = {
  containers,
  restartPolicy: 'Never',
  nodeSelector: { nowhere: 'at-all' },
  terminationGracePeriodSeconds: 1,
}

function replicaSet(name: string, replicas = 2) {
  const app = { app: name }
  const spec = { containers, terminationGracePeriodSeconds: 1 }
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: { name },
    spec: { replicas, selector: { matchLabels: app }, template: { metadata: { labels: { ...app, ...labels } }, spec } },
  }
}

const job = (name: string) => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: { name },
  spec: { template: { metadata: { labels }, spec: waiting } },
})

const pod = (name: string) => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name, labels }, spec: waiting })

const spec = {
  service: 'twilio',
  credentials: { secretRef: { name: 'sms' } },
  consumers: kinds.map((kind) => ({ kind, selector: { matchLabels: labels }, inject: { env: {} } })),
}

interface Seen {
  readonly uid: string
  /** `2-abcde: sms-credentials-2-abcde` */
  readonly carries: string
}

/** Who is not on its way out, by the workload that made it. */
async function podsOf(ns: string): Promise<Record<string, Seen[]>> {
  const all = (await cluster.kube.list('pods', ns)).filter(({ metadata }) => metadata.deletionTimestamp === undefined)
  return Object.groupBy(
    all.map(
      ({
        metadata,
        spec: {
          containers: [app],
        },
      }) => {
        const { uid, labels: own = {}, annotations = {}, name, ownerReferences: [owner] = [] } = metadata
        const reads = [app?.envFrom?.[0]?.secretRef?.name, annotations[injectedAnnotation('sms')]]
        const carries = `${own[stampLabel('sms')] ?? 'none'}: ${[...new Set(reads)].join(' ')}`
        return { uid, carries, of: owner === undefined ? `Pod ${name}` : `${owner.kind} ${owner.name}` }
      },
    ),
    ({ of }) => of,
  ) as Record<string, Seen[]>
}

const carriesOf = (pods: Record<string, Seen[]>, of: string): string[] => (pods[of] ?? []).map(({ carries }) => carries)

async function waitForPods(ns: string, of: string, wanted: readonly string[]): Promise<void> {
  await waitFor(
    `pods of ${of}: ${wanted.join(', ')}`,
    () => podsOf(ns),
    (pods) => carriesOf(pods, of).join() === wanted.join(),
  )
}

const carries = (id: string): string => `${id}: sms-credentials-${id}`
const upToDate = { Ready: 'True Delivered', ConsumersUpToDate: 'True UpToDate' }
const stale = { Ready: 'True ConsumerStale', ConsumersUpToDate: 'True Stale' }

test(
  'injected as they are created, never touched, told when they are stale, right when replaced',
  { timeout: 300_000 },
  async () => {
    const { kube, audit } = cluster
    const ns = await createNamespace(kube, 'kinds')
    await kube.create('secrets', ns, secret('sms', valid.twilio()))
    await waitFor(
      'the ServiceAccount for pods',
      () => kube.get('serviceaccounts', ns, 'default'),
      (found) => found !== undefined,
    )
    // Nobody pays for what nobody has.
    const before = await audit.operatorCalls(0)
    expect(before.filter(isOfTheirs).map(describeCall)).toEqual([])

    // It was there before: it is found, and cannot have anything.
    await kube.create('pods', ns, pod('early'))
    await kube.create('tracardiresources', ns, resource('sms', spec))
    const early = await waitForConditions(kube, ns, 'sms', stale)
    const first = early.status?.credentialsId ?? ''
    expect(early.status?.consumers).toMatchObject({ total: 1, updated: 0, outdated: [{ kind: 'Pod', name: 'early' }] })
    expect(conditionOf(early, 'ConsumersUpToDate').message).toContain('Pod early was created without credentials')
    await kube.remove('pods', ns, 'early')
    await waitForConditions(kube, ns, 'sms', { Ready: 'True NoConsumers' })

    // Of a Deployment's ReplicaSet and pods none is a consumer.
    const other = deployment('other')
    Object.assign(other.spec.template.metadata.labels, labels)
    await kube.create('deployments', ns, other)
    await kube.create('replicasets', ns, replicaSet('set'))
    await kube.create('jobs', ns, job('once'))
    await kube.create('pods', ns, pod('alone'))
    await waitForPods(ns, 'ReplicaSet set', [carries(first), carries(first)])
    await waitForPods(ns, 'Job once', [carries(first)])
    await waitForPods(ns, 'Pod alone', [carries(first)])
    const all = await waitFor(
      'all of them',
      () => waitForConditions(kube, ns, 'sms', upToDate),
      ({ status }) => status?.consumers?.total === 3,
    )
    expect(all.status?.consumers).toEqual({ total: 3, updated: 3, failed: 0, summary: '3/3' })
    const pods = await podsOf(ns)

    await kube.patch('secrets', ns, 'sms', secret('sms', valid.twilio()))
    const rotated = await waitFor(
      'all of them stale',
      () => waitForConditions(kube, ns, 'sms', stale, { credentialsId: /^2-/ }),
      ({ status }) => status?.consumers?.outdated?.length === 3,
    )
    const second = rotated.status?.credentialsId ?? ''
    expect(rotated.status?.consumers).toMatchObject({
      total: 3,
      updated: 0,
      outdated: [
        {
          kind: 'ReplicaSet',
          name: 'set',
          reason: 'Stale',
          message: expect.stringContaining('delete these pods') as string,
        },
        { kind: 'Job', name: 'once', reason: 'Stale', message: expect.stringContaining(`keeps ${first}`) as string },
        {
          kind: 'Pod',
          name: 'alone',
          reason: 'Stale',
          message: expect.stringContaining('kubectl delete pod') as string,
        },
      ],
    })
    expect(await podsOf(ns)).toEqual(pods)
    const told = await kube.kubectl(['-n', ns, 'get', 'tracardiresource', 'sms', '-o', 'jsonpath={.status.versions}'])
    expect(told).toContain(first)

    // Whoever is replaced gets what is in force, in any order.
    await kube.kubectl(['-n', ns, 'delete', 'pod', '-l', 'app=set', '--wait=false'])
    await waitForPods(ns, 'ReplicaSet set', [carries(second), carries(second)])
    const left = await waitFor(
      'the ReplicaSet up to date',
      () => waitForConditions(kube, ns, 'sms', stale),
      ({ status }) => status?.consumers?.outdated?.length === 2,
    )
    expect(left.status?.consumers?.outdated?.map(({ kind }) => kind)).toEqual(['Job', 'Pod'])
    await kube.kubectl(['-n', ns, 'delete', 'pod/alone', 'job/once'])
    await kube.create('pods', ns, pod('alone'))
    await kube.create('jobs', ns, job('once'))
    await waitForPods(ns, 'Job once', [carries(second)])
    await waitForPods(ns, 'Pod alone', [carries(second)])
    await waitFor(
      'all of them again',
      () => waitForConditions(kube, ns, 'sms', upToDate),
      ({ status }) => status?.consumers?.total === 3,
    )

    // What has ended is no consumer any more.
    await kube.kubectl([
      '-n',
      ns,
      'patch',
      'pod',
      'alone',
      '--subresource=status',
      '-p',
      '{"status":{"phase":"Succeeded"}}',
    ])
    await waitFor(
      'one that has ended',
      () => kube.get('tracardiresources', ns, 'sms'),
      (found) => found?.status?.consumers?.total === 2,
    )
    const calls = (await audit.operatorCalls(0)).filter(isOf(ns)).filter(isWrite)
    expect(calls.filter(isOfTheirs).map(describeCall)).toEqual([])
  },
)
