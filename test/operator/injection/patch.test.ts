// Injection by patch, on a cluster without the policies: what becomes of a workload that somebody else goes on to apply.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { injectedVolume, injectionFinalizer, stampLabel } from '../../../src/api/names.ts'
import type { ConsumerSpec, TracardiResource, TracardiResourceSpec } from '../../../src/api/tracardi-resource.ts'
import { isOf, isWrite, tally } from '../support/audit-log.ts'
import {
  conditionOf,
  createNamespace,
  replicaSetsOf,
  resource,
  secret,
  valid,
  waitForConditions,
} from '../support/fixtures.ts'
import { waitFor } from '../support/kube.ts'
import type { PodTemplate } from '../support/kube.ts'
import { startOwnCluster } from '../support/own-cluster.ts'
import type { OwnCluster } from '../support/own-cluster.ts'

let cluster: OwnCluster

beforeAll(async () => {
  cluster = await startOwnCluster({ values: { injection: { mode: 'Patch' } } })
  const operator = await cluster.start(['--injection-mode=Patch'])
  await operator.waitForLog('working')
})

afterAll(() => cluster[Symbol.asyncDispose]())

const ready = { Ready: 'True Delivered', ConsumersUpToDate: 'True UpToDate' }
const path = '/var/run/credentials/sms'
const keys = ['TWILIO_ACCOUNT_SID', 'TWILIO_AUTH_TOKEN']

interface Manifest {
  readonly image?: string
  readonly main?: string
  readonly env?: readonly { name: string; value: string }[]
}

/** A Deployment as it stands in Git. */
function manifest(name: string, { image = 'app:1', main = 'app', env = [{ name: 'OWN', value: 'x' }] }: Manifest = {}) {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: {
      replicas: 1,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: {
          initContainers: [{ name: 'migrate', image }],
          containers: [
            { name: main, image, env, volumeMounts: [{ name: 'data', mountPath: '/data' }] },
            { name: 'side', image },
          ],
          volumes: [{ name: 'data', emptyDir: {} }],
          terminationGracePeriodSeconds: 1,
        },
      },
    },
  }
}

async function start(consumers: readonly ConsumerSpec[], name = 'sms', ns?: string): Promise<string> {
  const place = ns ?? (await createNamespace(cluster.kube, 'patch'))
  await cluster.kube.create('secrets', place, secret(name, valid.twilio()))
  await cluster.kube.create('tracardiresources', place, resource(name, spec(name, consumers)))
  return place
}

function spec(name: string, consumers: readonly ConsumerSpec[]): TracardiResourceSpec {
  return { service: 'twilio', credentials: { secretRef: { name } }, target: {}, consumers: [...consumers] }
}

const web = (inject: NonNullable<ConsumerSpec['inject']> | null): ConsumerSpec => ({
  kind: 'Deployment',
  name: 'web',
  inject,
})
const rotate = (ns: string): Promise<unknown> => cluster.kube.patch('secrets', ns, 'sms', secret('sms', valid.twilio()))

async function template(ns: string, name = 'web'): Promise<PodTemplate> {
  const found = await cluster.kube.get('deployments', ns, name)
  if (found === undefined) throw new Error(`${ns}/${name} is gone`)
  return found.spec.template
}

/** What is injected, by container: `NAME = secret/key`, `/path = volume`; and the volumes, by name. */
function injectedIn({ spec: pods }: PodTemplate): Record<string, string[]> {
  const containers = [...(pods?.containers ?? []), ...(pods?.initContainers ?? [])]
  const found = containers.map(({ name, env = [], volumeMounts = [] }) => [
    name,
    [
      ...env.flatMap(({ name: variable, valueFrom }) =>
        valueFrom?.secretKeyRef === undefined
          ? []
          : [`${variable} = ${valueFrom.secretKeyRef.name}/${valueFrom.secretKeyRef.key}`],
      ),
      ...volumeMounts.flatMap(({ name: volume, mountPath, readOnly }) =>
        volume === injectedVolume('sms') ? [`${mountPath} = ${volume}${readOnly === true ? '' : ' (rw)'}`] : [],
      ),
    ].sort(),
  ])
  const volumes = (pods?.volumes ?? []).flatMap(({ name, secret: from }) =>
    from === undefined ? [] : [`${name} = ${from.secretName ?? ''} ${(from.defaultMode ?? 0).toString(8)}`],
  )
  return { ...(Object.fromEntries(found) as Record<string, string[]>), volumes }
}

const variables = (version: string, prefix = ''): string[] => keys.map((key) => `${prefix}${key} = ${version}/${key}`)
const mount = `${path} = ${injectedVolume('sms')}`

async function rollouts(ns: string, name = 'web'): Promise<number> {
  return (await replicaSetsOf(cluster.kube, ns, name)).length
}

/** The operator's writes to workloads. Their controllers write them too: a 409 is normal, and changes nothing. */
async function patches(ns: string, mark: number): Promise<Record<string, number>> {
  const calls = (await cluster.audit.operatorCalls(mark)).filter(isOf(ns)).filter(isWrite)
  return tally(
    calls.filter(
      ({ objectRef, responseStatus }) =>
        ['deployments', 'cronjobs'].includes(objectRef?.resource ?? '') && responseStatus?.code !== 409,
    ),
  )
}

/** Delivered, and the template says so. */
async function delivered(ns: string, id: RegExp): Promise<TracardiResource> {
  return waitForConditions(cluster.kube, ns, 'sms', ready, { credentialsId: id })
}

describe.concurrent('the life of a workload', () => {
  test.each(['client', 'server'])('applied on the %s side', async (side) => {
    const { kube, audit } = cluster
    const ns = await createNamespace(kube, 'patch')
    const flags = ['--namespace', ns, '--filename', '-', ...(side === 'server' ? ['--server-side'] : [])]
    /** Somebody applies the manifest; a twin that is no consumer gets the same, to compare with. */
    const apply = async (change: Manifest): Promise<void> => {
      await kube.kubectl(['apply', ...flags], JSON.stringify(manifest('web', change)))
      await kube.kubectl(['apply', ...flags], JSON.stringify(manifest('twin', change)))
    }
    // kubectl compares two answers of the server: a controller may write between them.
    const isInSync = async (change: Manifest): Promise<void> => {
      await waitFor(
        'no difference',
        () =>
          kube.kubectl(['diff', ...flags], JSON.stringify(manifest('web', change))).then(
            () => true,
            () => false,
          ),
        (isSame) => isSame,
      )
    }
    /** As if nothing had ever been injected, but for the stamp, which is inert. */
    const isClean = async (): Promise<void> => {
      const [one, twin] = [await template(ns), await template(ns, 'twin')]
      const { [stampLabel('sms')]: stamp, ...labels } = one.metadata?.labels ?? {}
      expect(stamp).toMatch(/^\d+-[0-9a-z]{5}$/)
      expect(JSON.stringify({ ...one, metadata: { ...one.metadata, labels } })).toBe(
        JSON.stringify(twin).replaceAll('"twin"', '"web"'),
      )
    }
    const both = web({ env: { prefix: 'SMS_' }, mount: { path, fileMode: 0o440 } })

    await apply({})
    await start([both], 'sms', ns)
    const first = await delivered(ns, /^1-/)
    const all = (version: string) => [...variables(version, 'SMS_'), mount].sort()
    const expected = (version: string, main = 'app') => ({
      [main]: all(version),
      side: all(version),
      migrate: all(version),
      volumes: [`${injectedVolume('sms')} = ${version} 440`],
    })
    const version = (object: TracardiResource, target = 'sms-credentials'): string =>
      `${target}-${object.status?.credentialsId ?? ''}`
    expect(injectedIn(await template(ns))).toEqual(expected(version(first)))
    expect(first.metadata.finalizers).toEqual([injectionFinalizer])
    expect(await rollouts(ns)).toBe(2)
    await isInSync({})

    const rotation = await audit.mark()
    await rotate(ns)
    const second = await delivered(ns, /^2-/)
    expect(injectedIn(await template(ns))).toEqual(expected(version(second)))
    expect((await template(ns)).metadata?.labels?.[stampLabel('sms')]).toBe(second.status?.credentialsId)
    expect([await rollouts(ns), await patches(ns, rotation)]).toEqual([3, { 'patch deployments/web': 1 }])

    const bump = await audit.mark()
    await apply({ image: 'app:2' })
    await waitFor(
      'the new image rolled out',
      () => rollouts(ns),
      (count) => count === 4,
    )
    await kube.kubectl(['rollout', 'status', 'deployment/web', '--namespace', ns, '--timeout=60s'])
    expect(injectedIn(await template(ns))).toEqual(expected(version(second)))
    await isInSync({ image: 'app:2' })
    expect([await rollouts(ns), await patches(ns, bump)]).toEqual([4, {}])

    const renamed = { image: 'app:2', main: 'server' }
    await apply(renamed)
    await waitFor(
      'the container of another name has everything',
      async () => JSON.stringify(injectedIn(await template(ns))),
      (text) => text === JSON.stringify(expected(version(second), 'server')),
    )
    expect(await patches(ns, bump)).toEqual({ 'patch deployments/web': 1 })
    await isInSync(renamed)

    await kube.patch('tracardiresources', ns, 'sms', { spec: { consumers: [web({ env: {} })] } })
    await waitForConditions(kube, ns, 'sms', ready)
    const plain = {
      server: variables(version(second)),
      side: variables(version(second)),
      migrate: variables(version(second)),
    }
    expect(injectedIn(await template(ns))).toEqual({ ...plain, volumes: [] })

    await kube.patch('tracardiresources', ns, 'sms', { spec: { target: { name: 'other' } } })
    const moved = await delivered(ns, /^[23]-/)
    const there = variables(version(moved, 'other'))
    expect(injectedIn(await template(ns))).toEqual({ server: there, side: there, migrate: there, volumes: [] })

    await kube.patch('tracardiresources', ns, 'sms', { spec: { consumers: [] } })
    await waitFor(
      'nothing holds the resource',
      async () => (await kube.get('tracardiresources', ns, 'sms'))?.metadata.finalizers ?? [],
      (finalizers) => finalizers.length === 0,
    )
    await isClean()
    await isInSync(renamed)

    await kube.patch('tracardiresources', ns, 'sms', { spec: { consumers: [both] } })
    await waitForConditions(kube, ns, 'sms', ready)
    await kube.remove('tracardiresources', ns, 'sms')
    await waitFor(
      'the resource gone',
      () => kube.get('tracardiresources', ns, 'sms'),
      (object) => object === undefined,
    )
    await isClean()
  })
})

describe.concurrent('what stands in the way', () => {
  const held = async (ns: string, name: string, reason: string): Promise<string> => {
    const object = await waitForConditions(cluster.kube, ns, name, {
      Ready: `False ${reason}`,
      Stalled: `True ${reason}`,
      ConsumersUpToDate: `False ${reason.replace(/^Consumer/, '')}`,
    })
    return conditionOf(object, 'Ready').message
  }

  test('a variable of the manifest: it wins, all else is delivered; gone from there, all is well', async () => {
    const { kube } = cluster
    const ns = await createNamespace(kube, 'patch')
    const own = { env: [{ name: 'TWILIO_AUTH_TOKEN', value: 'of-the-manifest' }] }
    await kube.apply(ns, manifest('web', own))
    await start([web({ env: {} })], 'sms', ns)
    expect(await held(ns, 'sms', 'InjectionConflict')).toMatch(
      /^Deployment web: .*TWILIO_AUTH_TOKEN of the container app itself \(field manager kubectl-client-side-apply\)/,
    )
    const now = await template(ns)
    expect(now.spec?.containers?.[0]?.env).toEqual(expect.arrayContaining(own.env))
    const injected = injectedIn(now)
    expect([injected['app']?.length, injected['side']?.length]).toEqual([1, 2])
    await kube.apply(ns, manifest('web'))
    await waitForConditions(kube, ns, 'sms', ready)
    expect(injectedIn(await template(ns))['app']).toHaveLength(2)
  })

  test('two resources with the same variable: both say it, and neither is injected; with a prefix, both', async () => {
    const { kube, audit } = cluster
    const ns = await createNamespace(kube, 'patch')
    const mark = await audit.mark()
    await start([web({ env: {} })], 'sms', ns)
    await start([web({ env: {} })], 'voice', ns)
    // Both have something in force by then.
    for (const name of ['sms', 'voice']) await waitForConditions(kube, ns, name, { Ready: 'True ConsumerNotFound' })
    await kube.apply(ns, manifest('web'))
    for (const name of ['sms', 'voice'])
      expect(await held(ns, name, 'InjectionConflict')).toMatch(
        /The resources sms and voice both inject the variable TWILIO_ACCOUNT_SID of the container app/,
      )
    expect(await patches(ns, mark)).toEqual({})
    await kube.patch('tracardiresources', ns, 'voice', { spec: { consumers: [web({ env: { prefix: 'VOICE_' } })] } })
    for (const name of ['sms', 'voice']) await waitForConditions(kube, ns, name, ready)
    const injected = injectedIn(await template(ns))['app']
    expect(injected).toHaveLength(4)
    // One that comes later is in the way of those that were first, until it goes.
    await start([web({ env: {} })], 'late', ns)
    for (const name of ['sms', 'late'])
      expect(await held(ns, name, 'InjectionConflict')).toContain('The resources late and sms both inject')
    await waitForConditions(kube, ns, 'voice', ready)
    expect(injectedIn(await template(ns))['app']).toEqual(injected)
    await kube.remove('tracardiresources', ns, 'late')
    await waitForConditions(kube, ns, 'sms', ready)
    expect(injectedIn(await template(ns))['app']).toEqual(injected)
  })

  test('restart: Never, and a container that is not there', async () => {
    const { kube, audit } = cluster
    const ns = await createNamespace(kube, 'patch')
    await kube.apply(ns, manifest('web'))
    const mark = await audit.mark()
    await start([{ ...web({ env: {} }), restart: 'Never' }], 'sms', ns)
    expect(await held(ns, 'sms', 'InjectionNeedsRestart')).toContain('set restart: Rolling')
    await kube.patch('tracardiresources', ns, 'sms', { spec: { consumers: [{ ...web(null), restart: 'Never' }] } })
    const told = await waitForConditions(kube, ns, 'sms', ready)
    expect(conditionOf(told, 'ConsumersUpToDate').message).toContain('until somebody restarts them')
    await kube.patch('tracardiresources', ns, 'sms', { spec: { consumers: [web({ env: {}, containers: ['ap'] })] } })
    expect(await held(ns, 'sms', 'ConsumerContainerNotFound')).toContain('Deployment web has no container')
    expect([await patches(ns, mark), await rollouts(ns)]).toEqual([{}, 1])
    await kube.patch('tracardiresources', ns, 'sms', { spec: { consumers: [web({ env: {}, containers: ['side'] })] } })
    await waitForConditions(kube, ns, 'sms', ready)
    const injected = injectedIn(await template(ns))
    expect([injected['app'], injected['side']?.length]).toEqual([[], 2])
  })

  test('a CronJob: its template is patched, without a restart', async () => {
    const { kube } = cluster
    const ns = await createNamespace(kube, 'patch')
    const pods = { containers: [{ name: 'app', image: 'app' }], restartPolicy: 'Never' }
    const jobTemplate = { spec: { template: { spec: pods } } }
    const nightly = {
      apiVersion: 'batch/v1',
      kind: 'CronJob',
      metadata: { name: 'nightly' },
      spec: { schedule: '0 0 31 2 *', jobTemplate },
    }
    await kube.apply(ns, nightly)
    await start([{ kind: 'CronJob', name: 'nightly', inject: { env: {} } }], 'sms', ns)
    for (const id of [/^1-/, /^2-/]) {
      const done = await delivered(ns, id)
      const found = await kube.get('cronjobs', ns, 'nightly')
      expect(injectedIn(found?.spec.jobTemplate.spec.template ?? {})['app']).toEqual(
        variables(`sms-credentials-${done.status?.credentialsId ?? ''}`),
      )
      await rotate(ns)
    }
    await delivered(ns, /^3-/)
    await kube.remove('tracardiresources', ns, 'sms')
    await waitFor(
      'the resource gone',
      () => kube.get('tracardiresources', ns, 'sms'),
      (object) => object === undefined,
    )
    const clean = await kube.get('cronjobs', ns, 'nightly')
    expect(injectedIn(clean?.spec.jobTemplate.spec.template ?? {})).toEqual({ app: [], volumes: [] })
  })
})

test('kinds that are never changed need the policies, and that is said before one of them runs without', async () => {
  const { kube } = cluster
  const consumers = (['ReplicaSet', 'Job', 'Pod'] as const).map((kind) => ({
    kind,
    selector: { matchLabels: { needs: 'sms' } },
    inject: { env: {} },
  }))
  const ns = await start(consumers)
  const wanted = { Ready: 'False InjectionNeedsPolicy', ConsumersUpToDate: 'False InjectionNeedsPolicy' }
  const found = await waitForConditions(kube, ns, 'sms', wanted)
  expect(conditionOf(found, 'Stalled').message).toContain(
    'Pods of the kind ReplicaSet, Job, Pod get credentials only by',
  )
  const template = manifest('app').spec.template
  await waitFor(
    'the ServiceAccount for pods',
    () => kube.get('serviceaccounts', ns, 'default'),
    (account) => account !== undefined,
  )
  await kube.create('pods', ns, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'alone', labels: { needs: 'sms' } },
    spec: template.spec,
  })
  const held = await waitFor(
    'the pod by name',
    () => waitForConditions(kube, ns, 'sms', wanted),
    ({ status }) => status?.consumers?.total === 1,
  )
  expect(held.status?.consumers?.outdated).toMatchObject([
    { kind: 'Pod', name: 'alone', reason: 'InjectionNeedsPolicy' },
  ])
})
