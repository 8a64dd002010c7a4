// Rollouts of the real Argo Rollouts as consumers: before the kind is installed, with it, and when it is gone again.
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { stampLabel } from '../../src/api/names.ts'
import type { ConsumerSpec } from '../../src/api/tracardi-resource.ts'
import { run } from '../cluster/sources/source.ts'
import { rolloutsPrograms } from '../cluster/tools.ts'
import { installRolloutsCrds, startRolloutsController } from './support/argo-rollouts.ts'
import { isOf, isWrite, tally } from './support/audit-log.ts'
import {
  conditionOf,
  conditionsOf,
  deployment,
  replicaSetsOf,
  resource,
  secret,
  valid,
  waitForConditions,
} from './support/fixtures.ts'
import { sleep, waitFor } from './support/kube.ts'
import type { Kube } from './support/kube.ts'
import type { OperatorProcess } from './support/operator-process.ts'
import { startOwnCluster } from './support/own-cluster.ts'
import type { OwnCluster } from './support/own-cluster.ts'

/** Argo Rollouts may have to be built. */
const buildTimeoutMs = 900_000

/** The kind is looked for every half minute. */
const takenUp = { timeoutMs: 60_000 }

const ns = 'rollouts'
const all = new AsyncDisposableStack()
let cluster: OwnCluster
let kube: Kube
let operator: OperatorProcess

beforeAll(async () => {
  await rolloutsPrograms()
  cluster = all.use(await startOwnCluster({ namespaces: [ns] }))
  kube = cluster.kube
  operator = await cluster.start()
}, buildTimeoutMs)

afterAll(() => all.disposeAsync())

const ready = { Ready: 'True Delivered', ConsumersUpToDate: 'True UpToDate' }
const id = (revision: number) => ({ credentialsId: new RegExp(`^${revision}-`) })
const named = (name: string): ConsumerSpec => ({ kind: 'Rollout', name })

/** A resource with a Secret of its own name. */
async function createResource(name: string, ...consumers: ConsumerSpec[]): Promise<void> {
  await kube.create('secrets', ns, secret(name, valid.twilio()))
  const spec = { service: 'twilio', credentials: { secretRef: { name } }, consumers }
  await kube.create('tracardiresources', ns, resource(name, spec))
}

async function rotate(name: string): Promise<void> {
  await kube.patch('secrets', ns, name, secret(name, valid.twilio()))
}

const template = (name: string) => ({
  metadata: { labels: { app: name } },
  spec: { containers: [{ name: 'app', image: 'app' }], terminationGracePeriodSeconds: 1 },
})

/** Its pods take two seconds to become available, so that a rollout can be seen. */
async function createRollout(name: string, steps: object[] = [], more: object = {}): Promise<void> {
  await kube.create('rollouts', ns, {
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'Rollout',
    metadata: { name },
    spec: {
      replicas: 2,
      minReadySeconds: 2,
      selector: { matchLabels: { app: name } },
      strategy: { canary: { steps } },
      template: template(name),
      ...more,
    },
  })
}

async function waitForPhase(name: string, phase: string): Promise<void> {
  await waitFor(
    `Rollout ${name} is ${phase}`,
    () => kube.get('rollouts', ns, name),
    (object) => object?.status?.phase === phase,
  )
}

/** What the plugin of kubectl does to promote, abort or retry. */
async function patchStatus(name: string, status: object): Promise<void> {
  const patch = JSON.stringify({ status })
  await kube.kubectl(['patch', 'rollout', name, `-n=${ns}`, '--subresource=status', '--type=merge', `--patch=${patch}`])
}

const promote = { pauseConditions: null }

async function stampOf(name: string, resourceName = name): Promise<string | undefined> {
  const found = await kube.get('rollouts', ns, name)
  return found?.spec.template?.metadata?.labels?.[stampLabel(resourceName)]
}

/** Writes of the operator to Rollouts; a 409 changes nothing. */
async function patches(mark: number): Promise<Record<string, number>> {
  const calls = (await cluster.audit.operatorCalls(mark)).filter(isOf(ns)).filter(isWrite)
  const done = calls.filter(({ responseStatus }) => responseStatus?.code !== 409)
  return tally(done.filter(({ objectRef }) => objectRef?.resource === 'rollouts'))
}

async function cli(...args: string[]): Promise<string> {
  const program = join(import.meta.dirname, '..', '..', 'dist', 'main.js')
  const whole = [program, ...args, '--kubeconfig', kube.kubeconfigPath, '-n', ns]
  return (await run(process.execPath, whole)).stdout.replace(/\s+/g, ' ')
}

const absent = 'The kind Rollout (argoproj.io) is not installed in this cluster: '

async function readiness(): Promise<number> {
  return (await fetch(`${await operator.url()}/readyz`)).status
}

async function complaints(): Promise<unknown[]> {
  return (await operator.log()).filter(({ level }) => level === 'warn' || level === 'error')
}

test('without the kind: it is said, and all else goes on', async () => {
  await kube.create('deployments', ns, deployment('other'))
  const mark = await cluster.audit.mark()
  const begin = performance.now()
  await createResource('web', named('web'), { kind: 'Deployment', name: 'other' })
  await createResource('picked', { kind: 'Rollout', selector: { matchLabels: { needs: 'sms' } } })
  const web = await waitForConditions(kube, ns, 'web', { Ready: 'True ConsumerNotFound' })
  expect(conditionOf(web, 'Ready').message).toContain(
    `Rollout web does not exist; it gets the credentials when it comes. ${absent}`,
  )
  expect(web.status?.consumers).toMatchObject({ total: 1, updated: 1 })
  const picked = await waitForConditions(kube, ns, 'picked', { ConsumersUpToDate: 'True NoConsumers' })
  expect(conditionOf(picked, 'ConsumersUpToDate').message).toContain(absent)
  expect(await readiness()).toBe(200)
  expect(await cli('why', 'web')).toContain(absent)

  // Three looks to be sure, then one every half minute; at rest there is nothing else, whatever happens meanwhile.
  await rotate('web')
  await waitForConditions(kube, ns, 'web', { Ready: 'True ConsumerNotFound' }, id(2))
  await sleep(33_000)
  const looks = (await cluster.audit.operatorCalls(mark)).filter(({ objectRef }) => objectRef?.resource === 'rollouts')
  const halfMinutes = (performance.now() - begin) / 30_000
  expect(looks.length).toBeGreaterThan(3)
  expect(looks.length).toBeLessThanOrEqual(3 + halfMinutes / 0.9)
  expect(await complaints()).toEqual([])
})

test('the kind is installed later: its Rollouts are taken up, rolled once for each id, and shown', async () => {
  await installRolloutsCrds(kube)
  all.use(await startRolloutsController(kube))
  await createRollout('web')
  await waitForPhase('web', 'Healthy')
  await waitForConditions(kube, ns, 'web', ready, { ...takenUp, ...id(2) })
  expect(await stampOf('web')).toMatch(/^2-/)
  // It ran before it was stamped, or was stamped before its first pods.
  const before = (await replicaSetsOf(kube, ns, 'web')).length
  const mark = await cluster.audit.mark()

  await rotate('web')
  await waitForConditions(kube, ns, 'web', { Ready: 'False RollingOut', Reconciling: 'True RollingOut' }, id(3))
  const done = await waitForConditions(kube, ns, 'web', ready, id(3))
  expect(conditionsOf(done)).not.toHaveProperty('Reconciling')
  expect(await stampOf('web')).toMatch(/^3-/)
  await sleep(3_000)
  expect(await replicaSetsOf(kube, ns, 'web')).toHaveLength(before + 1)
  expect(await patches(mark)).toEqual({ 'patch rollouts/web': 1 })
  expect(await cli('why', 'web')).toMatch(/Rollout web 3-\S+ Updated/)
  expect(await readiness()).toBe(200)
  expect(await complaints()).toEqual([])
})

test('by a selector, as they come', async () => {
  await createRollout('chosen', [], {
    template: { ...template('chosen'), metadata: { labels: { app: 'chosen', needs: 'sms' } } },
  })
  await waitForConditions(kube, ns, 'picked', ready)
  expect(await stampOf('chosen', 'picked')).toMatch(/^1-/)
})

test('at a pause it is held until it is promoted, and stamped once', async () => {
  await createRollout('canary', [{ setWeight: 50 }, { pause: {} }])
  await waitForPhase('canary', 'Healthy')
  const mark = await cluster.audit.mark()
  await createResource('canary', named('canary'))
  const held = await waitForConditions(kube, ns, 'canary', {
    Ready: 'False ConsumerPaused',
    Stalled: 'True ConsumerPaused',
  })
  expect(conditionOf(held, 'Ready').message).toContain('kubectl argo rollouts promote canary')
  expect(await cli('why', 'canary')).toContain('kubectl argo rollouts promote canary')
  await patchStatus('canary', promote)
  await waitForConditions(kube, ns, 'canary', ready, id(1))

  // What comes amid a pause begins anew with the newest.
  await rotate('canary')
  await waitForConditions(kube, ns, 'canary', { Ready: 'False ConsumerPaused' }, id(2))
  await rotate('canary')
  await waitForConditions(kube, ns, 'canary', { Ready: 'False ConsumerPaused' }, id(3))
  await patchStatus('canary', promote)
  await waitForConditions(kube, ns, 'canary', ready, id(3))
  expect(await replicaSetsOf(kube, ns, 'canary')).toHaveLength(4)
  expect(await patches(mark)).toEqual({ 'patch rollouts/canary': 3 })
})

test('a pause with an end is waited for', async () => {
  await createRollout('timed', [{ setWeight: 50 }, { pause: { duration: 4 } }])
  await waitForPhase('timed', 'Healthy')
  await createResource('timed', named('timed'))
  await waitForPhase('timed', 'Paused')
  expect(conditionsOf(await kube.get('tracardiresources', ns, 'timed'))).toMatchObject({ Ready: 'False RollingOut' })
  await waitForConditions(kube, ns, 'timed', ready)
})

test('aborted, or with pods that do not come: it failed, and goes on when that is mended', async () => {
  await createRollout('failing', [{ setWeight: 50 }, { pause: {} }], { progressDeadlineSeconds: 5 })
  await waitForPhase('failing', 'Healthy')
  await createResource('failing', named('failing'))
  await waitForConditions(kube, ns, 'failing', { Ready: 'False ConsumerPaused' })
  await patchStatus('failing', { abort: true })
  const aborted = await waitForConditions(kube, ns, 'failing', { Ready: 'False ConsumerUnavailable' })
  expect(conditionOf(aborted, 'Ready').message).toContain('kubectl argo rollouts retry rollout failing')
  await patchStatus('failing', { abort: false })
  await waitForConditions(kube, ns, 'failing', { Ready: 'False ConsumerPaused' })

  await kube.patch('rollouts', ns, 'failing', { spec: { template: { spec: { nodeSelector: { nowhere: 'at-all' } } } } })
  const stuck = await waitForConditions(kube, ns, 'failing', { Ready: 'False ConsumerUnavailable' })
  expect(conditionOf(stuck, 'Ready').message).toContain('kubectl describe rollout failing')
  await kube.patch('rollouts', ns, 'failing', { spec: { template: { spec: { nodeSelector: null } } } })
  await waitForConditions(kube, ns, 'failing', { Ready: 'False ConsumerPaused' })
  await patchStatus('failing', promote)
  await waitForConditions(kube, ns, 'failing', ready, id(1))
})

test('one whose template is a Deployment is left alone: that is to be the consumer', async () => {
  await kube.create('deployments', ns, deployment('base', { replicas: 0 }))
  const workloadRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'base' }
  await createRollout('referring', [], { workloadRef, template: undefined, selector: undefined })
  await waitForPhase('referring', 'Healthy')
  const mark = await cluster.audit.mark()
  await createResource('base', named('referring'))
  const held = await waitForConditions(kube, ns, 'base', { Ready: 'False ConsumerWorkloadReferenced' })
  expect(conditionOf(held, 'Ready').message).toContain('name that as the consumer')
  expect(await patches(mark)).toEqual({})

  const before = (await replicaSetsOf(kube, ns, 'referring')).length
  await kube.patch('tracardiresources', ns, 'base', { spec: { consumers: [{ kind: 'Deployment', name: 'base' }] } })
  await waitForConditions(kube, ns, 'base', { Ready: 'True Delivered' })
  await waitFor(
    'another ReplicaSet of the Rollout',
    () => replicaSetsOf(kube, ns, 'referring'),
    (sets) => sets.length === before + 1,
  )
})

test('nothing can be injected into one', async () => {
  const consumers: ConsumerSpec[] = [{ ...named('web'), inject: { env: {} } }]
  const spec = { service: 'twilio', credentials: { secretRef: { name: 'web' } }, consumers }
  await expect(kube.create('tracardiresources', ns, resource('injecting', spec))).rejects.toThrow(
    /nothing can be injected into a Rollout/,
  )
})

test('the kind is removed: that is said, and all else goes on', async () => {
  await kube.remove('customresourcedefinitions', undefined, 'rollouts.argoproj.io')
  const web = await waitForConditions(kube, ns, 'web', { Ready: 'True ConsumerNotFound' }, takenUp)
  await waitFor(
    'the kind is not installed',
    () => kube.get('tracardiresources', ns, 'web'),
    (object) => object !== undefined && conditionOf(object, 'Ready').message.includes(absent),
    takenUp,
  )
  expect(web.status?.consumers).toMatchObject({ total: 1, updated: 1 })
  await rotate('web')
  await waitForConditions(kube, ns, 'web', { Ready: 'True ConsumerNotFound' }, id(4))
  expect(await readiness()).toBe(200)
})
