// injection.mode: Auto, as the chart installs it. The server decides how credentials get into pods, and either way keeps the
// same promises. This is what `npm run test:matrix` asks of every server first.
import { isDeepStrictEqual } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import * as z from 'zod'
import { stampLabel } from '../../../src/api/names.ts'
import type { InjectionStatus } from '../../../src/api/tracardi-resource.ts'
import {
  createNamespace,
  deployment,
  resource,
  secret,
  stampOf,
  valid,
  waitForConditions,
} from '../support/fixtures.ts'
import { readsOf, readsOnly } from '../support/injected.ts'
import { waitFor } from '../support/kube.ts'
import { release } from '../support/operator-process.ts'
import { startOwnCluster } from '../support/own-cluster.ts'
import type { OwnCluster } from '../support/own-cluster.ts'

type Mode = InjectionStatus['mode']

declare module 'vitest' {
  interface TaskMeta {
    /** What the server is, and how it was injected there with the chart's own flags: for `npm run test:matrix`. */
    server?: { version: string; mode: Mode }
  }
}

let cluster: OwnCluster

beforeAll(async () => {
  cluster = await startOwnCluster()
})

afterAll(() => cluster[Symbol.asyncDispose]())

const raw = async <T extends z.ZodType>(path: string, schema: T): Promise<z.infer<T>> =>
  schema.parse(JSON.parse(await cluster.kube.kubectl(['get', '--raw', path])))

/** What the chart gives to the operator's pod on this server. */
async function flagsOfChart(): Promise<string[]> {
  const path = 'jsonpath={.spec.template.spec.containers[0].args}'
  const args = ['get', 'deployment', release.name, '--namespace', release.namespace, '--output', path]
  return z
    .array(z.string())
    .parse(JSON.parse(await cluster.kube.kubectl(args)))
    .filter((flag) => flag.startsWith('--injection'))
}

async function serverHasPolicies(): Promise<boolean> {
  const schema = z.object({ resources: z.array(z.object({ name: z.string() })) })
  const { resources } = await raw('/apis/admissionregistration.k8s.io/v1', schema)
  return resources.some(({ name }) => name === 'mutatingadmissionpolicies')
}

const ready = { Ready: 'True Delivered', ConsumersUpToDate: 'True UpToDate' }

/** Waits until all pods that are not on their way out, two of them, carry this id and read its version. */
async function waitForPods(ns: string, id: string): Promise<void> {
  const expected = [id, { app: readsOnly(`sms-credentials-${id}`) }]
  await waitFor(
    `pods with ${id}`,
    async () =>
      (await cluster.kube.list('pods', ns))
        .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
        .map(({ metadata, spec }) => [metadata.labels?.[stampLabel('sms')], readsOf(spec, 'sms')]),
    (pods) => isDeepStrictEqual(pods, [expected, expected]),
    { timeoutMs: 120_000 },
  )
}

/** From the first pods to the end of the resource. */
async function life(mode: Mode): Promise<void> {
  const { kube } = cluster
  const ns = await createNamespace(kube, 'auto')
  const app = (...args: string[]): Promise<string> => kube.kubectl(['--namespace', ns, ...args])
  await kube.create('secrets', ns, secret('sms', valid.twilio()))
  const inject = { env: {}, mount: { path: '/var/run/credentials/sms' } }
  const consumers = [{ kind: 'Deployment' as const, name: 'web', inject }]
  await kube.create(
    'tracardiresources',
    ns,
    resource('sms', { service: 'twilio', credentials: { secretRef: { name: 'sms' } }, consumers }),
  )
  await kube.create('deployments', ns, deployment('web', { replicas: 2 }))
  const { status } = await waitForConditions(kube, ns, 'sms', ready)
  expect(status?.injection).toEqual({ mode, installation: release.namespace })
  const first = status?.credentialsId ?? ''
  await waitForPods(ns, first)

  // A pod that is replaced before its workload's turn keeps what it had.
  await app('rollout', 'pause', 'deployment/web')
  await kube.patch('secrets', ns, 'sms', secret('sms', valid.twilio()))
  const second = `2${first.slice(1)}`
  await waitFor(
    'the template of the next revision',
    () => kube.get('deployments', ns, 'web'),
    (found) => stampOf(found, 'sms') === second,
  )
  await app('delete', 'pod', '--all', '--wait=false')
  await waitForPods(ns, first)
  await app('rollout', 'resume', 'deployment/web')
  await waitForPods(ns, second)
  await waitForConditions(kube, ns, 'sms', ready)

  // What is undone keeps what is in force.
  await app('set', 'image', 'deployment/web', 'app=app:2')
  await waitForConditions(kube, ns, 'sms', ready)
  await app('rollout', 'undo', 'deployment/web', '--to-revision=1')
  await waitForPods(ns, second)
  await waitForConditions(kube, ns, 'sms', ready)

  await kube.remove('tracardiresources', ns, 'sms')
  await waitFor(
    'its end',
    () => kube.get('tracardiresources', ns, 'sms'),
    (found) => found === undefined,
  )
  const left = (await kube.get('deployments', ns, 'web'))?.spec.template.spec ?? {}
  expect(readsOf(left, 'sms')).toEqual({ app: { variables: [], files: [] } })
}

describe('Auto', () => {
  test('with the flags of the chart: by policies where the server has them, else by patches', async ({ task }) => {
    const mode = (await serverHasPolicies()) ? 'Policy' : 'Patch'
    await using operator = await cluster.start(await flagsOfChart())
    await operator.waitForLog('working')
    await life(mode)
    const { gitVersion } = await raw('/version', z.object({ gitVersion: z.string() }))
    task.meta.server = { version: gitVersion.slice(1), mode }
  })

  // As after `helm template --kube-version`, or when somebody has deleted them.
  test('with policies that are not there: by patches', async () => {
    await using operator = await cluster.start([`--injection-policies=elsewhere.${release.namespace}`])
    await operator.waitForLog('working')
    await life('Patch')
  })
})
