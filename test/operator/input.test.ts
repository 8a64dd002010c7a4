// Unusual and hostile input: a condition that names it, nothing lost, no hot loop.
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { AuditLog, isOf, isWrite, tally } from './support/audit-log.ts'
import {
  conditionOf,
  conditionsOf,
  contentsOf,
  createNamespace,
  deployment,
  eventsOf,
  randomText,
  resource,
  secret,
  twilioSpec,
  valid,
  waitForConditions,
} from './support/fixtures.ts'
import { Kube, sleep, waitFor } from './support/kube.ts'

let kube: Kube
let ns: string
let audit: AuditLog

beforeAll(async () => {
  kube = await Kube.connect(inject('kubeconfig'))
  audit = new AuditLog(inject('auditLog'))
  ns = await createNamespace(kube, 'input')
})

afterAll(async () => {
  await kube.remove('namespaces', undefined, ns)
  await kube[Symbol.asyncDispose]()
})

/** Time in which a loop would show, in milliseconds. Every back-off up to the tenth fits into it. */
const observed = 6000

const megabyte = 1024 * 1024
const sendgridSpec = (secretName: string, consumers: readonly string[] = []) => ({
  ...twilioSpec(secretName, consumers),
  service: 'sendgrid' as const,
})

describe.concurrent('input', () => {
  test('a Secret of one megabyte: its fields are delivered, the rest stays where it is', async () => {
    const values = valid.sendgrid()
    const rest = megabyte - values.apiKey.length - 100
    await kube.create('secrets', ns, secret('large', { ...values, rest: randomBytes(rest) }))
    await kube.create('tracardiresources', ns, resource('large', sendgridSpec('large')))
    await waitForConditions(kube, ns, 'large', { Ready: 'True NoConsumers' })
    expect(await contentsOf(kube, ns, 'large-credentials')).toEqual({ SENDGRID_API_KEY: values.apiKey })
  })

  test('one value of a megabyte where a key should be', async () => {
    await kube.create('secrets', ns, secret('huge', { apiKey: randomText(1000).repeat(1040) }))
    await kube.create('tracardiresources', ns, resource('huge', sendgridSpec('huge')))
    const stalled = await waitForConditions(kube, ns, 'huge', { Ready: 'False OversizedValue' })
    expect(conditionsOf(stalled)).toMatchObject({ Stalled: 'True OversizedValue' })
    expect(JSON.stringify(stalled.status).length).toBeLessThan(4000)
  })

  test('several findings: the first and how many more in the condition, one Event each, a metric, and what is waived', async () => {
    const metric = /^tracardi_operator_findings\{service="sendgrid",code="UnknownWaiver"\} [1-9]/m
    const metrics = async (): Promise<string> => (await fetch(`${inject('operator').url}/metrics`)).text()
    const { apiKey } = valid.sendgrid()
    await kube.create('secrets', ns, secret('several', { apiKey: `"${apiKey}a"\n` }))
    const spec = sendgridSpec('several')
    const waiving = (waive: string[]) => ({ ...spec, credentials: { ...spec.credentials, waive } })
    await kube.create('tracardiresources', ns, resource('several', waiving(['UnusualLength', 'QuotedValues'])))
    const stalled = await waitForConditions(kube, ns, 'several', { CredentialsValid: 'False TrailingNewline' })
    expect(conditionOf(stalled, 'CredentialsValid').message).toMatch(
      /ends with a line feed .*\(and 1 more\) Waived: UnusualLength\.$/,
    )
    const reasons = await waitFor(
      'an Event for each finding',
      async () => (await eventsOf(kube, ns, 'several')).map(({ reason }) => reason),
      (seen) => ['TrailingNewline', 'QuotedValue', 'UnknownWaiver'].every((code) => seen.includes(code)),
    )
    expect(reasons).not.toContain('UnusualLength')
    expect(await metrics()).toMatch(metric)

    await kube.patch('secrets', ns, 'several', secret('several', { apiKey: `${apiKey}a` }))
    // A warning and a waived finding block nothing.
    const wanted = { CredentialsValid: 'True Valid', Ready: 'True NoConsumers' }
    const mended = await waitForConditions(kube, ns, 'several', wanted)
    expect(await contentsOf(kube, ns, 'several-credentials')).toEqual({ SENDGRID_API_KEY: `${apiKey}a` })
    const { message } = conditionOf(mended, 'CredentialsValid')
    expect(message).toContain('Warning: spec.credentials.waive lists "QuotedValues"')
    expect(message).toContain('Did you mean "QuotedValue"?')
    expect(message).toContain('Waived: UnusualLength.')

    await kube.patch('tracardiresources', ns, 'several', { spec: { credentials: { waive: ['UnusualLength'] } } })
    await waitFor('the metric to forget it', metrics, (text) => !metric.test(text))
  })

  test('binary values: in an unused key no matter, in a field named', async () => {
    const values = valid.sendgrid()
    await kube.create('secrets', ns, secret('binary', { ...values, blob: Buffer.from([0, 255, 254, 0, 128]) }))
    await kube.create('tracardiresources', ns, resource('binary', sendgridSpec('binary')))
    await waitForConditions(kube, ns, 'binary', { Ready: 'True NoConsumers' })

    await kube.patch('secrets', ns, 'binary', secret('binary', { apiKey: Buffer.from([0xc3, 0x28, 0xff, 0x01]) }))
    const stalled = await waitForConditions(kube, ns, 'binary', { Ready: 'False NotUtf8', Stalled: 'True NotUtf8' })
    expect(conditionOf(stalled, 'Ready').message).toContain('binary data')
    expect(await contentsOf(kube, ns, 'binary-credentials')).toEqual({ SENDGRID_API_KEY: values.apiKey })
  })

  test('1,000 keys, none of them the right one, then one that is', async () => {
    const many = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`key-${index}`, 'x']))
    await kube.create('secrets', ns, secret('many', many))
    await kube.create('tracardiresources', ns, resource('many', sendgridSpec('many')))
    const stalled = await waitForConditions(kube, ns, 'many', { Ready: 'False MissingField' })
    const { message } = conditionOf(stalled, 'Ready')
    expect(message).toContain('apiKey')
    expect(message).toMatch(/and \d+ more/)
    expect(message.length).toBeLessThan(4000)

    const values = valid.sendgrid()
    await kube.patch('secrets', ns, 'many', secret('many', values))
    await waitForConditions(kube, ns, 'many', { Ready: 'True NoConsumers' })
    expect(await contentsOf(kube, ns, 'many-credentials')).toEqual({ SENDGRID_API_KEY: values.apiKey })
  })

  test('a Secret without any key', async () => {
    await kube.create('secrets', ns, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'empty' } })
    await kube.create('tracardiresources', ns, resource('empty', sendgridSpec('empty')))
    const stalled = await waitForConditions(kube, ns, 'empty', { Ready: 'False MissingField' })
    expect(conditionOf(stalled, 'Ready').message).toContain('has no keys')
  })

  test.each([
    ['a service account token', 'account-token', 'kubernetes.io/service-account-token'],
    ['a bootstrap token', 'bootstrap', 'bootstrap.kubernetes.io/token'],
    ['a Helm release', 'helm-release', 'helm.sh/release.v1'],
  ])('%s is never read as credentials', async (_, name, type) => {
    const annotations = { 'kubernetes.io/service-account.name': 'default' }
    await kube.create('secrets', ns, {
      ...secret(name, valid.sendgrid()),
      metadata: { name, annotations },
      type,
    })
    await kube.create('tracardiresources', ns, resource(name, sendgridSpec(name)))
    const refused = await waitForConditions(kube, ns, name, {
      Ready: 'False ForbiddenSecretType',
      SecretsResolved: 'False ForbiddenSecretType',
    })
    expect(conditionOf(refused, 'Ready').message).toContain(name)
    expect(await kube.get('secrets', ns, `${name}-credentials`)).toBeUndefined()
  })

  test('a Secret that the operator wrote is no source', async () => {
    await kube.create('secrets', ns, secret('first', valid.twilio()))
    await kube.create('tracardiresources', ns, resource('first', twilioSpec('first', [])))
    await waitForConditions(kube, ns, 'first', { Ready: 'True NoConsumers' })
    await kube.create('tracardiresources', ns, resource('second', twilioSpec('first-credentials', [])))
    await waitForConditions(kube, ns, 'second', {
      Ready: 'False OperatorOwnedSecret',
      SecretsResolved: 'False OperatorOwnedSecret',
    })
    expect(await kube.get('secrets', ns, 'second-credentials')).toBeUndefined()
  })

  test('a workload whose name is another resource, an immutable source, consumers twice', async () => {
    await kube.create('deployments', ns, deployment('twice'))
    await kube.create('secrets', ns, { ...secret('immutable', valid.twilio()), immutable: true })
    await kube.create('tracardiresources', ns, resource('twice', twilioSpec('immutable', ['twice', 'twice'])))
    await waitForConditions(kube, ns, 'twice', { Ready: 'True Delivered' })
    expect((await kube.get('deployments', ns, 'twice'))?.metadata.generation).toBe(2)
  })

  test('a namespace is being deleted: few calls, and it goes', async () => {
    const doomed = await createNamespace(kube, 'doomed')
    const held = { name: 'held', finalizers: ['example.com/hold'] }
    await kube.create('secrets', doomed, { ...secret('held', valid.twilio()), metadata: held })
    for (const name of ['one', 'two']) {
      await kube.create('deployments', doomed, deployment(name))
      await kube.create('tracardiresources', doomed, resource(name, twilioSpec('held', [name])))
    }
    for (const name of ['one', 'two']) await waitForConditions(kube, doomed, name, { Ready: 'True Delivered' })

    const mark = await audit.mark()
    await kube.remove('namespaces', undefined, doomed)
    await waitFor(
      'the end of the resources',
      () => kube.list('tracardiresources', doomed),
      (found) => found.length === 0,
    )
    await sleep(2000)
    const gone = await audit.mark()
    const calls = (await audit.operatorCalls(mark)).filter(isOf(doomed))
    expect(calls.length, JSON.stringify(tally(calls))).toBeLessThan(60)
    // Nothing that the operator wrote came back, and it has lost interest, though the namespace is still there.
    expect((await kube.list('secrets', doomed)).map(({ metadata }) => metadata.name)).toEqual(['held'])
    await sleep(observed)
    expect(tally((await audit.operatorCalls(gone)).filter(isOf(doomed)))).toEqual({})

    await kube.patch('secrets', doomed, 'held', { metadata: { finalizers: null } })
    await waitFor(
      'the end of the namespace',
      () => kube.get('namespaces', undefined, doomed),
      (found) => found === undefined,
    )
  })

  test('nothing that cannot be mended is tried again and again', async () => {
    const own = await createNamespace(kube, 'quiet')
    const { accountSid } = valid.twilio()
    await kube.create('secrets', own, secret('bad', { accountSid, authToken: 'cut-off' }))
    await kube.create('secrets', own, secret('good', valid.twilio()))
    await kube.create('secrets', own, secret('conflict-credentials', { theirs: 'x' }))
    await kube.create('deployments', own, deployment('stuck', { schedulable: false, deadline: 1 }))
    const situations = {
      absent: [twilioSpec('nowhere', []), 'False SecretNotFound'],
      bad: [twilioSpec('bad', []), 'False PatternMismatch'],
      conflict: [twilioSpec('good', []), 'False TargetConflict'],
      waiting: [twilioSpec('good', ['not-there']), 'True ConsumerNotFound'],
      stuck: [twilioSpec('good', ['stuck']), 'False ConsumerUnavailable'],
    } as const
    for (const [name, [spec]] of Object.entries(situations))
      await kube.create('tracardiresources', own, resource(name, spec))
    for (const [name, [, wanted]] of Object.entries(situations))
      await waitForConditions(kube, own, name, { Ready: wanted })
    await sleep(2000)
    const mark = await audit.mark()
    await sleep(observed)
    const calls = (await audit.operatorCalls(mark)).filter(isOf(own))
    expect(tally(calls)).toEqual({})
    expect(calls.filter(isWrite)).toEqual([])
    await kube.remove('namespaces', undefined, own)
  })
})
