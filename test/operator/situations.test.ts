// The table of situations in docs/design.md, row by row, and what must never roll a workload.
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { idAnnotation, ownerAnnotation, sourceAnnotation } from '../../src/api/names.ts'
import type { TracardiResource, TracardiResourceSpec } from '../../src/api/tracardi-resource.ts'
import {
  conditionOf,
  conditionsOf,
  contentsOf,
  createNamespace,
  deployment,
  eventsOf,
  makeSchedulable,
  resource,
  replicaSetsOf,
  rolloutsOf,
  secret,
  stampOf,
  twilioSpec,
  valid,
  waitForConditions,
} from './support/fixtures.ts'
import { Kube, sleep, waitFor } from './support/kube.ts'

let kube: Kube
let ns: string

beforeAll(async () => {
  kube = await Kube.connect(inject('kubeconfig'))
  ns = await createNamespace(kube, 'situations')
})

afterAll(async () => {
  await kube.remove('namespaces', undefined, ns)
  await kube[Symbol.asyncDispose]()
})

const ready = { Ready: 'True Delivered', ConsumersUpToDate: 'True UpToDate' }

/** A twilio Secret `<name>-source`, a Deployment `<name>` and a resource `<name>` that brings the two together. */
async function deliver(name: string): Promise<TracardiResource> {
  await kube.create('deployments', ns, deployment(name))
  await kube.create('secrets', ns, secret(`${name}-source`, valid.twilio()))
  await kube.create('tracardiresources', ns, resource(name, twilioSpec(`${name}-source`, [name])))
  return waitForConditions(kube, ns, name, ready)
}

/** Writes the source Secret anew, as `kubectl edit` would. */
async function rotate(name: string, values: Readonly<Record<string, string>>): Promise<void> {
  const { data } = secret(name, values)
  await kube.patch('secrets', ns, name, { data })
}

/** Time for the operator to do what it should not do. */
const aWhile = 2500

/** Contents of the default target of a twilio resource. */
function targetOf({ accountSid, authToken }: { accountSid: string; authToken: string }): Record<string, string> {
  return { TWILIO_ACCOUNT_SID: accountSid, TWILIO_AUTH_TOKEN: authToken }
}

describe.concurrent('situations', () => {
  test('all well: delivered, stamped, rolled once, with the provenance beside the contents', async () => {
    const values = valid.twilio()
    await kube.create('deployments', ns, deployment('well', { replicas: 2 }))
    // Its controller may be late, and would roll once for two templates.
    await waitFor(
      'its first revision',
      () => replicaSetsOf(kube, ns, 'well'),
      (found) => found.length === 1,
    )
    const source = await kube.create('secrets', ns, secret('well-source', values))
    await kube.create('tracardiresources', ns, resource('well', twilioSpec('well-source', ['well'])))
    const made = await waitForConditions(kube, ns, 'well', ready)

    expect(conditionsOf(made)).toEqual({
      ...ready,
      SecretsResolved: 'True Resolved',
      CredentialsValid: 'True Valid',
    })
    const id = `1-${made.metadata.uid.slice(-5)}`
    expect(made.status).toMatchObject({
      observedGeneration: 1,
      credentialsId: id,
      versions: [id],
      target: { name: 'well-credentials' },
      sources: [{ name: 'well-source', uid: source.metadata.uid, resourceVersion: source.metadata.resourceVersion }],
      consumers: { total: 1, updated: 1, failed: 0, summary: '1/1' },
    })
    expect(made.status?.conditions?.every(({ observedGeneration }) => observedGeneration === 1)).toBe(true)

    const target = await kube.get('secrets', ns, 'well-credentials')
    expect(await contentsOf(kube, ns, 'well-credentials')).toEqual(targetOf(values))
    expect(target?.metadata.labels).toEqual({
      'app.kubernetes.io/managed-by': 'tracardi-operator',
      'tracardi.com/resource': 'well',
    })
    expect(target?.metadata.annotations).toMatchObject({ [idAnnotation]: id })
    expect(target?.metadata.annotations?.[ownerAnnotation]).toMatch(new RegExp(`/${ns}/well$`))
    expect(target?.metadata.annotations?.[sourceAnnotation]).toContain(source.metadata.uid)
    expect(target?.metadata.ownerReferences ?? []).toEqual([])

    const rollouts = await rolloutsOf(kube, ns, 'well', 'well')
    expect(rollouts).toMatchObject({ stamp: id, generation: 2 })
    expect(rollouts.replicaSets).toHaveLength(2)
    // Events are sent in the background.
    const events = await waitFor(
      'two Events',
      () => eventsOf(kube, ns, 'well'),
      (all) => all.length >= 2,
    )
    expect(events.map(({ type, reason }) => `${type} ${reason}`).sort()).toEqual([
      'Normal CredentialsInForce',
      'Normal Delivered',
    ])
  })

  test('valid, consumers still rolling', async () => {
    await kube.create('deployments', ns, deployment('rolling', { schedulable: false }))
    await kube.create('secrets', ns, secret('rolling-source', valid.twilio()))
    await kube.create('tracardiresources', ns, resource('rolling', twilioSpec('rolling-source', ['rolling'])))
    const rolling = await waitForConditions(kube, ns, 'rolling', {
      Ready: 'False RollingOut',
      Reconciling: 'True RollingOut',
    })
    expect(conditionsOf(rolling)).toMatchObject({
      CredentialsValid: 'True Valid',
      ConsumersUpToDate: 'False RollingOut',
    })
    expect(conditionsOf(rolling)).not.toHaveProperty('Stalled')
    expect(rolling.status?.consumers).toMatchObject({ total: 1, updated: 0, summary: '0/1' })
    await waitFor(
      'a stamp',
      () => kube.get('deployments', ns, 'rolling'),
      (found) => stampOf(found, 'rolling') === rolling.status?.credentialsId,
    )

    await kube.patch('deployments', ns, 'rolling', makeSchedulable)
    const done = await waitForConditions(kube, ns, 'rolling', ready)
    expect(conditionsOf(done)).not.toHaveProperty('Reconciling')
    expect(done.status?.credentialsId).toBe(rolling.status?.credentialsId)
  })

  test(
    'a Secret absent: Reconciling; a minute later Stalled; goes on by itself when it comes',
    { timeout: 120_000 },
    async () => {
      await kube.create('deployments', ns, deployment('waiting'))
      await kube.create('tracardiresources', ns, resource('waiting', twilioSpec('waiting-source', ['waiting'])))
      const began = performance.now()
      const waiting = await waitForConditions(kube, ns, 'waiting', {
        Ready: 'False SecretNotFound',
        SecretsResolved: 'False SecretNotFound',
        Reconciling: 'True SecretNotFound',
      })
      expect(conditionsOf(waiting)).not.toHaveProperty('Stalled')
      expect(conditionsOf(waiting)).toMatchObject({ CredentialsValid: 'Unknown SecretNotFound' })
      expect(conditionOf(waiting, 'Ready').message).toContain('waiting-source')
      // The id that the first valid contents will get is announced, and nothing is in force.
      expect(waiting.status?.versions).toEqual([`1-${waiting.metadata.uid.slice(-5)}`])
      expect(waiting.status?.credentialsId ?? undefined).toBeUndefined()

      const stalled = await waitForConditions(
        kube,
        ns,
        'waiting',
        { Ready: 'False SecretNotFound', Stalled: 'True SecretNotFound' },
        { timeoutMs: 80_000 },
      )
      expect(performance.now() - began).toBeGreaterThan(55_000)
      expect(conditionsOf(stalled)).not.toHaveProperty('Reconciling')
      expect(await contentsOf(kube, ns, 'waiting-credentials')).toBeUndefined()

      await kube.create('secrets', ns, secret('waiting-source', valid.twilio()))
      const done = await waitForConditions(kube, ns, 'waiting', ready)
      expect(conditionsOf(done)).not.toHaveProperty('Stalled')
      expect(done.status?.credentialsId).toBe(waiting.status?.versions?.[0])
    },
  )

  test('a Secret deleted later: what is in force stays in force', async () => {
    const before = await deliver('forgotten')
    const rollouts = await rolloutsOf(kube, ns, 'forgotten', 'forgotten')
    const target = await kube.get('secrets', ns, 'forgotten-credentials')
    await kube.remove('secrets', ns, 'forgotten-source')
    const waiting = await waitForConditions(kube, ns, 'forgotten', {
      Ready: 'False SecretNotFound',
      Reconciling: 'True SecretNotFound',
      ConsumersUpToDate: 'True UpToDate',
    })
    expect(waiting.status?.credentialsId).toBe(before.status?.credentialsId)
    expect(await kube.get('secrets', ns, 'forgotten-credentials')).toEqual(target)
    expect(await rolloutsOf(kube, ns, 'forgotten', 'forgotten')).toEqual(rollouts)
  })

  test('a key named in fields is absent, then comes', async () => {
    const { accountSid, authToken } = valid.twilio()
    await kube.create('secrets', ns, secret('keyless-source', { accountSid }))
    const spec: TracardiResourceSpec = {
      service: 'twilio',
      credentials: { secretRef: { name: 'keyless-source' }, fields: [{ name: 'authToken', key: 'special' }] },
      target: { keys: { authToken: 'MY_TOKEN' } },
    }
    await kube.create('tracardiresources', ns, resource('keyless', spec))
    const waiting = await waitForConditions(kube, ns, 'keyless', {
      Ready: 'False KeyNotFound',
      SecretsResolved: 'False KeyNotFound',
      Reconciling: 'True KeyNotFound',
    })
    const { message } = conditionOf(waiting, 'SecretsResolved')
    expect(message).toContain('keyless-source')
    expect(message).toContain('special')

    await rotate('keyless-source', { special: authToken })
    await waitForConditions(kube, ns, 'keyless', { Ready: 'True NoConsumers', SecretsResolved: 'True Resolved' })
    expect(await contentsOf(kube, ns, 'keyless-credentials')).toEqual({
      TWILIO_ACCOUNT_SID: accountSid,
      MY_TOKEN: authToken,
    })
  })

  test('invalid, something older in force: named, nothing touched; repaired: delivered', async () => {
    const before = await deliver('older')
    const id = before.status?.credentialsId ?? ''
    const rollouts = await rolloutsOf(kube, ns, 'older', 'older')
    const target = await kube.get('secrets', ns, 'older-credentials')
    const fresh = valid.twilio()
    await rotate('older-source', { ...fresh, authToken: `${fresh.authToken}\n` })
    const stalled = await waitForConditions(kube, ns, 'older', {
      Ready: 'False TrailingNewline',
      Stalled: 'True TrailingNewline',
      CredentialsValid: 'False TrailingNewline',
      ConsumersUpToDate: 'True UpToDate',
    })
    const { message } = conditionOf(stalled, 'Ready')
    for (const part of ['older-source', 'authToken', 'line feed', id, 'pods are not affected'])
      expect(message).toContain(part)
    expect(conditionsOf(stalled)).not.toHaveProperty('Reconciling')
    expect(stalled.status?.credentialsId).toBe(id)
    await sleep(aWhile)
    expect(await kube.get('secrets', ns, 'older-credentials')).toEqual(target)
    expect(await rolloutsOf(kube, ns, 'older', 'older')).toEqual(rollouts)

    await rotate('older-source', { authToken: fresh.authToken })
    const repaired = await waitForConditions(kube, ns, 'older', ready, { credentialsId: /^2-/ })
    expect(conditionsOf(repaired)).not.toHaveProperty('Stalled')
    expect(await contentsOf(kube, ns, 'older-credentials')).toEqual(targetOf(fresh))
    const after = await rolloutsOf(kube, ns, 'older', 'older')
    expect(after.stamp).toBe(repaired.status?.credentialsId)
    expect(after.replicaSets).toHaveLength(rollouts.replicaSets.length + 1)
  })

  test('while the newest source is bad, a new consumer gets what is in force and a lost stamp is put back', async () => {
    const before = await deliver('stale')
    const id = before.status?.credentialsId
    await rotate('stale-source', { authToken: '' })
    await waitForConditions(kube, ns, 'stale', { Ready: 'False EmptyValue', Stalled: 'True EmptyValue' })

    await kube.create('deployments', ns, deployment('stale-newcomer'))
    const consumers = [
      { kind: 'Deployment', name: 'stale' },
      { kind: 'Deployment', name: 'stale-newcomer' },
    ]
    await kube.patch('tracardiresources', ns, 'stale', { spec: { consumers } })
    const stamped = (name: string) =>
      waitFor(
        `the stamp ${String(id)} on ${name}`,
        () => kube.get('deployments', ns, name),
        (found) => stampOf(found, 'stale') === id,
      )
    await stamped('stale-newcomer')
    const labels = { 'credentials.tracardi.com/stale': null }
    await kube.patch('deployments', ns, 'stale', { spec: { template: { metadata: { labels } } } })
    await stamped('stale')
    await waitForConditions(kube, ns, 'stale', { Ready: 'False EmptyValue', ConsumersUpToDate: 'True UpToDate' })
  })

  test('invalid, nothing in force yet: nothing is created', async () => {
    const { accountSid, authToken } = valid.twilio()
    await kube.create('deployments', ns, deployment('nothing'))
    await kube.create('secrets', ns, secret('nothing-source', { accountSid, authToken: `"${authToken}"` }))
    await kube.create('tracardiresources', ns, resource('nothing', twilioSpec('nothing-source', ['nothing'])))
    const stalled = await waitForConditions(kube, ns, 'nothing', {
      Ready: 'False QuotedValue',
      Stalled: 'True QuotedValue',
      CredentialsValid: 'False QuotedValue',
      SecretsResolved: 'True Resolved',
    })
    expect(stalled.status?.credentialsId ?? undefined).toBeUndefined()
    expect(stalled.status?.versions).toEqual([`1-${stalled.metadata.uid.slice(-5)}`])
    await sleep(aWhile)
    expect(await kube.get('secrets', ns, 'nothing-credentials')).toBeUndefined()
    expect(await rolloutsOf(kube, ns, 'nothing', 'nothing')).toMatchObject({ stamp: undefined, generation: 1 })

    await rotate('nothing-source', { authToken })
    const repaired = await waitForConditions(kube, ns, 'nothing', ready)
    expect(repaired.status?.credentialsId).toBe(stalled.status?.versions?.[0])
  })

  test.each([
    [
      'a required field found under no name',
      'fieldless',
      { account_sid: valid.twilio().accountSid, auth_tokn: hexToken() },
      'MissingField',
      'auth_tokn',
    ],
    ['half of a pair', 'half', { ...valid.twilio(), apiKeySid: `SK${hexToken()}` }, 'IncompletePair', 'apiKeySecret'],
  ])('%s', async (_, name, values, code, named) => {
    await kube.create('secrets', ns, secret(`${name}-source`, values))
    await kube.create('tracardiresources', ns, resource(name, twilioSpec(`${name}-source`, [])))
    const stalled = await waitForConditions(kube, ns, name, {
      Ready: `False ${code}`,
      CredentialsValid: `False ${code}`,
      Stalled: `True ${code}`,
      SecretsResolved: 'True Resolved',
    })
    expect(conditionsOf(stalled)).not.toHaveProperty('Reconciling')
    const { message } = conditionOf(stalled, 'Ready')
    expect(message).toContain(`${name}-source`)
    expect(message).toContain(named)
  })

  test('a consumer named does not exist yet, and is taken up when it comes', async () => {
    await kube.create('secrets', ns, secret('absent-source', valid.twilio()))
    await kube.create('tracardiresources', ns, resource('absent', twilioSpec('absent-source', ['absent-app'])))
    const waiting = await waitForConditions(kube, ns, 'absent', {
      Ready: 'True ConsumerNotFound',
      ConsumersUpToDate: 'True ConsumerNotFound',
    })
    expect(conditionOf(waiting, 'ConsumersUpToDate').message).toContain('absent-app')
    expect(conditionsOf(waiting)).not.toHaveProperty('Reconciling')
    expect(conditionsOf(waiting)).not.toHaveProperty('Stalled')

    await kube.create('deployments', ns, deployment('absent-app'))
    const done = await waitForConditions(kube, ns, 'absent', ready)
    expect(done.status?.consumers?.summary).toBe('1/1')
    expect((await rolloutsOf(kube, ns, 'absent-app', 'absent')).stamp).toBe(done.status?.credentialsId)

    await kube.remove('deployments', ns, 'absent-app')
    await waitForConditions(kube, ns, 'absent', { Ready: 'True ConsumerNotFound' })
  })

  test('a workload gives up, and is mended', async () => {
    await kube.create('deployments', ns, deployment('tired', { schedulable: false, deadline: 1 }))
    await kube.create('secrets', ns, secret('tired-source', valid.twilio()))
    await kube.create('tracardiresources', ns, resource('tired', twilioSpec('tired-source', ['tired'])))
    const stalled = await waitForConditions(kube, ns, 'tired', {
      Ready: 'False ConsumerUnavailable',
      Stalled: 'True ConsumerUnavailable',
      ConsumersUpToDate: 'False ConsumerUnavailable',
    })
    expect(conditionOf(stalled, 'Ready').message).toContain('Deployment tired')
    expect(stalled.status?.consumers).toMatchObject({
      failed: 1,
      outdated: [{ kind: 'Deployment', name: 'tired', reason: 'ProgressDeadlineExceeded' }],
    })

    await kube.patch('deployments', ns, 'tired', makeSchedulable)
    const done = await waitForConditions(kube, ns, 'tired', ready)
    expect(conditionsOf(done)).not.toHaveProperty('Stalled')
    expect(done.status?.consumers?.outdated ?? []).toEqual([])
  })

  test('no consumers, and a resource that only checks', async () => {
    const { accountSid, authToken } = valid.twilio()
    await kube.create('secrets', ns, secret('alone-source', { TWILIO_ACCOUNT_SID: accountSid, token: authToken }))
    await kube.create('tracardiresources', ns, resource('alone', twilioSpec('alone-source', [])))
    const { service, credentials } = twilioSpec('alone-source', [])
    await kube.create('tracardiresources', ns, resource('only-checks', { service, credentials }))

    const alone = await waitForConditions(kube, ns, 'alone', {
      Ready: 'True NoConsumers',
      ConsumersUpToDate: 'True NoConsumers',
    })
    expect(alone.status?.consumers?.summary).toBe('0/0')
    expect(await contentsOf(kube, ns, 'alone-credentials')).toEqual(targetOf({ accountSid, authToken }))

    const checked = await waitForConditions(kube, ns, 'only-checks', { Ready: 'True Valid' })
    expect(conditionsOf(checked)).toEqual({
      Ready: 'True Valid',
      SecretsResolved: 'True Resolved',
      CredentialsValid: 'True Valid',
    })
    expect(await kube.get('secrets', ns, 'only-checks-credentials')).toBeUndefined()
  })

  test('the target name is taken by something foreign, and becomes free', async () => {
    const foreign = await kube.create('secrets', ns, secret('taken-credentials', { theirs: 'x' }))
    await kube.create('deployments', ns, deployment('taken'))
    await kube.create('secrets', ns, secret('taken-source', valid.twilio()))
    await kube.create('tracardiresources', ns, resource('taken', twilioSpec('taken-source', ['taken'])))
    const stalled = await waitForConditions(kube, ns, 'taken', {
      Ready: 'False TargetConflict',
      Stalled: 'True TargetConflict',
      CredentialsValid: 'True Valid',
    })
    expect(conditionOf(stalled, 'Ready').message).toContain('taken-credentials')
    expect(stalled.status?.target ?? undefined).toBeUndefined()
    await sleep(aWhile)
    expect(await kube.get('secrets', ns, 'taken-credentials')).toEqual(foreign)
    expect(await rolloutsOf(kube, ns, 'taken', 'taken')).toMatchObject({ stamp: undefined, generation: 1 })

    await kube.remove('secrets', ns, 'taken-credentials')
    const done = await waitForConditions(kube, ns, 'taken', ready)
    expect(done.status?.target).toEqual({ name: 'taken-credentials' })
  })

  test.each([
    ['deleted', 'mended-deleted', (name: string) => kube.remove('secrets', ns, name)],
    [
      'edited',
      'mended-edited',
      (name: string) => kube.patch('secrets', ns, name, secret(name, { TWILIO_AUTH_TOKEN: 'by-hand' })),
    ],
    [
      'stripped of a key',
      'mended-stripped',
      (name: string) => kube.patch('secrets', ns, name, { data: { TWILIO_AUTH_TOKEN: null } }),
    ],
    [
      'given another key',
      'mended-extended',
      (name: string) => kube.patch('secrets', ns, name, secret(name, { MORE: 'by-hand' })),
    ],
  ])('the target is %s by hand, the source is valid: mended, same id, no rollout', async (_, name, harm) => {
    const before = await deliver(name)
    const contents = await contentsOf(kube, ns, `${name}-credentials`)
    const rollouts = await rolloutsOf(kube, ns, name, name)
    await harm(`${name}-credentials`)
    await waitFor(
      'the contents of before',
      () => contentsOf(kube, ns, `${name}-credentials`),
      (now) => JSON.stringify(now) === JSON.stringify(contents),
    )
    await waitFor(
      'an Event that tells of it',
      () => eventsOf(kube, ns, name),
      (events) => events.some(({ type, reason }) => type === 'Warning' && reason === 'TargetMended'),
    )
    await sleep(aWhile)
    const target = await kube.get('secrets', ns, `${name}-credentials`)
    expect(target?.metadata.annotations?.[idAnnotation]).toBe(before.status?.credentialsId)
    const after = await kube.get('tracardiresources', ns, name)
    expect(after?.status).toEqual(before.status)
    expect(await rolloutsOf(kube, ns, name, name)).toEqual(rollouts)
  })

  test.each([
    ['deleted', 'lost-deleted', (name: string) => kube.remove('secrets', ns, name)],
    [
      'edited',
      'lost-edited',
      (name: string) => kube.patch('secrets', ns, name, secret(name, { TWILIO_AUTH_TOKEN: 'by-hand' })),
    ],
  ])('the target is %s by hand, the source is invalid: nothing is invented', async (how, name, harm) => {
    const before = await deliver(name)
    const rollouts = await rolloutsOf(kube, ns, name, name)
    const fresh = valid.twilio()
    await rotate(`${name}-source`, { ...fresh, authToken: '' })
    await waitForConditions(kube, ns, name, { Ready: 'False EmptyValue' })
    await harm(`${name}-credentials`)
    const lost = await waitForConditions(kube, ns, name, { Ready: 'False TargetLost', Stalled: 'True TargetLost' })
    expect(conditionOf(lost, 'Ready').message).toContain(`${name}-credentials`)
    await sleep(aWhile)
    expect((await contentsOf(kube, ns, `${name}-credentials`))?.['TWILIO_AUTH_TOKEN']).toBe(
      how === 'edited' ? 'by-hand' : undefined,
    )
    expect(await rolloutsOf(kube, ns, name, name)).toEqual(rollouts)

    await rotate(`${name}-source`, fresh)
    const done = await waitForConditions(kube, ns, name, ready)
    expect(done.status?.credentialsId).toBe(before.status?.credentialsId?.replace(/^1-/, '2-'))
    expect(await contentsOf(kube, ns, `${name}-credentials`)).toEqual(targetOf(fresh))
  })
})

describe.concurrent('no rollout', () => {
  test('the resource is deleted and created again: it takes up its target and the id', async () => {
    const before = await deliver('reborn')
    const rollouts = await rolloutsOf(kube, ns, 'reborn', 'reborn')
    await kube.remove('tracardiresources', ns, 'reborn')
    await waitFor(
      'the end of the resource',
      () => kube.get('tracardiresources', ns, 'reborn'),
      (found) => found === undefined,
    )
    await sleep(1000)
    expect(await kube.get('secrets', ns, 'reborn-credentials')).toBeDefined()
    await kube.create('tracardiresources', ns, resource('reborn', twilioSpec('reborn-source', ['reborn'])))
    const after = await waitForConditions(kube, ns, 'reborn', ready)
    expect(after.metadata.uid).not.toBe(before.metadata.uid)
    expect(after.status?.credentialsId).toBe(before.status?.credentialsId)
    await sleep(aWhile)
    expect(await rolloutsOf(kube, ns, 'reborn', 'reborn')).toEqual(rollouts)
  })

  test('a label of the source is edited; its contents are written again; it is replaced by one with the same', async () => {
    const before = await deliver('steady')
    const rollouts = await rolloutsOf(kube, ns, 'steady', 'steady')
    const source = await kube.get('secrets', ns, 'steady-source')
    const { data } = source!
    await kube.patch('secrets', ns, 'steady-source', { metadata: { labels: { edited: 'yes' } } })
    await sleep(500)
    await kube.patch('secrets', ns, 'steady-source', { data, metadata: { annotations: { again: 'yes' } } })
    await sleep(500)
    await kube.remove('secrets', ns, 'steady-source')
    const replaced = await kube.create('secrets', ns, { ...secret('steady-source', {}), data })
    const after = await waitFor(
      'a status that knows the new Secret',
      () => kube.get('tracardiresources', ns, 'steady'),
      (found) => found?.status?.sources?.[0]?.uid === replaced.metadata.uid,
    )
    await sleep(aWhile)
    expect(after?.status?.credentialsId).toBe(before.status?.credentialsId)
    expect(await rolloutsOf(kube, ns, 'steady', 'steady')).toEqual(rollouts)
    const target = await kube.get('secrets', ns, 'steady-credentials')
    expect(target?.metadata.annotations?.[sourceAnnotation]).toContain(replaced.metadata.uid)
  })

  test('a consumer is withdrawn, and the resource deleted: the stamp stays', async () => {
    await deliver('leaving')
    const rollouts = await rolloutsOf(kube, ns, 'leaving', 'leaving')
    await kube.patch('tracardiresources', ns, 'leaving', { spec: { consumers: [] } })
    await waitForConditions(kube, ns, 'leaving', { Ready: 'True NoConsumers' })
    await kube.remove('tracardiresources', ns, 'leaving')
    await sleep(aWhile)
    expect(await rolloutsOf(kube, ns, 'leaving', 'leaving')).toEqual(rollouts)
    expect(await kube.get('secrets', ns, 'leaving-credentials')).toBeDefined()
  })
})

describe.concurrent('more', () => {
  test('several resources of one workload that change at once cost one rollout', async () => {
    await kube.create('deployments', ns, deployment('shared'))
    const names = ['shared-a', 'shared-b', 'shared-c']
    for (const name of names) {
      await kube.create('secrets', ns, secret(`${name}-source`, valid.twilio()))
      await kube.create('tracardiresources', ns, resource(name, twilioSpec(`${name}-source`, ['shared'])))
    }
    for (const name of names) await waitForConditions(kube, ns, name, ready)
    const before = (await rolloutsOf(kube, ns, 'shared', '')).replicaSets.length
    await Promise.all(names.map((name) => rotate(`${name}-source`, valid.twilio())))
    for (const name of names) await waitForConditions(kube, ns, name, ready, { credentialsId: /^2-/ })
    expect((await rolloutsOf(kube, ns, 'shared', '')).replicaSets).toHaveLength(before + 1)
  })

  test('a storm of rotations: the last one is delivered', async () => {
    await deliver('storm')
    let last = valid.twilio()
    for (let round = 0; round < 60; round++) {
      last = valid.twilio()
      await rotate('storm-source', last)
    }
    await waitFor(
      'the contents of the last rotation',
      () => contentsOf(kube, ns, 'storm-credentials'),
      (contents) => contents?.['TWILIO_AUTH_TOKEN'] === last.authToken,
    )
    const target = await kube.get('secrets', ns, 'storm-credentials')
    const id = target?.metadata.annotations?.[idAnnotation] ?? ''
    await waitForConditions(kube, ns, 'storm', ready, { credentialsId: new RegExp(`^${id}$`) })
    expect((await rolloutsOf(kube, ns, 'storm', 'storm')).stamp).toBe(id)
  })

  test('deletionPolicy Delete: the target goes with the resource', { timeout: 240_000 }, async () => {
    await kube.create('secrets', ns, secret('mortal-source', valid.twilio()))
    const spec = { ...twilioSpec('mortal-source', []), target: { deletionPolicy: 'Delete' as const } }
    await kube.create('tracardiresources', ns, resource('mortal', spec))
    const made = await waitForConditions(kube, ns, 'mortal', { Ready: 'True NoConsumers' })
    const target = await kube.get('secrets', ns, 'mortal-credentials')
    expect(target?.metadata.ownerReferences).toMatchObject([{ kind: 'TracardiResource', uid: made.metadata.uid }])
    await kube.remove('tracardiresources', ns, 'mortal')
    await waitFor(
      'the end of the target',
      () => kube.get('secrets', ns, 'mortal-credentials'),
      (found) => found === undefined,
      // The garbage collector looks for new kinds twice a minute; an owner of a kind that it does not watch yet is looked
      // up with a back-off.
      { timeoutMs: 180_000 },
    )
  })

  test('deletionPolicy is changed later: the ownerReference comes and goes, with no rollout', async () => {
    await deliver('policy')
    const rollouts = await rolloutsOf(kube, ns, 'policy', 'policy')
    for (const [deletionPolicy, owners] of [
      ['Delete', 1],
      ['Retain', 0],
    ] as const) {
      await kube.patch('tracardiresources', ns, 'policy', { spec: { target: { deletionPolicy } } })
      await waitFor(
        `${owners} ownerReferences`,
        () => kube.get('secrets', ns, 'policy-credentials'),
        (found) => (found?.metadata.ownerReferences ?? []).length === owners,
      )
    }
    await waitForConditions(kube, ns, 'policy', ready)
    expect(await rolloutsOf(kube, ns, 'policy', 'policy')).toEqual(rollouts)
  })

  test('kubectl get shows what an on-call engineer needs', async () => {
    const own = await createNamespace(kube, 'columns')
    await kube.create('deployments', own, deployment('app'))
    await kube.create('secrets', own, secret('source', valid.sendgrid()))
    const spec: TracardiResourceSpec = {
      service: 'sendgrid',
      credentials: { secretRef: { name: 'source' } },
      consumers: [{ kind: 'Deployment', name: 'app' }],
    }
    await kube.create('tracardiresources', own, resource('mail', spec))
    const made = await waitForConditions(kube, own, 'mail', ready)
    const rows = async (...args: string[]): Promise<string[][]> =>
      (await kube.kubectl(['get', 'tracardiresources', '--namespace', own, ...args]))
        .trimEnd()
        .split('\n')
        .map((line) => line.split(/\s+/))
    expect(await rows()).toEqual([
      ['NAME', 'SERVICE', 'READY', 'REASON', 'ID', 'CONSUMERS', 'AGE'],
      ['mail', 'sendgrid', 'True', 'Delivered', made.status?.credentialsId, '1/1', expect.stringMatching(/^\d+s$/)],
    ])
    const [head, row] = await rows('--output', 'wide')
    expect(head?.slice(-3)).toEqual(['SECRET', 'TARGET', 'AGE'])
    expect(row?.slice(-3, -1)).toEqual(['source', 'mail-credentials'])
    await kube.remove('namespaces', undefined, own)
  })
})

function hexToken(): string {
  return valid.twilio().authToken
}
