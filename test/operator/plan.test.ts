// `plan` and `why` on a real cluster: what they say comes true, with the caller's rights, and no value is ever told.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { stringify } from 'yaml'
import { writeServiceAccountKubeconfig } from '../cluster/kubeconfig.ts'
import { run } from '../cluster/sources/source.ts'
import { Canaries } from './support/canaries.ts'
import {
  conditionsOf,
  createNamespace,
  deployment,
  resource,
  rolloutsOf,
  secret,
  twilioSpec,
  valid,
  waitForConditions,
} from './support/fixtures.ts'
import { Kube, waitFor } from './support/kube.ts'

const program = join(import.meta.dirname, '..', '..', 'dist', 'main.js')
const canaries = new Canaries()
let kube: Kube
let ns: string
let folder: string

beforeAll(async () => {
  kube = await Kube.connect(inject('kubeconfig'))
  ns = await createNamespace(kube, 'plan')
  folder = await mkdtemp(join(tmpdir(), 'tracardi-plan-'))
})

afterAll(async () => {
  await kube.remove('namespaces', undefined, ns)
  await kube[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

interface PlanJson {
  exitCode: number
  resources: {
    result: string
    reason: string
    isNew: boolean
    credentialsId?: string
    target?: { name: string; action: string }
    consumers: { kind: string; name?: string; action: string; why: string }[]
    denials: { resource: string }[]
    authorLacks: object[]
  }[]
}

interface WhyJson {
  isReady: boolean
  inForce?: { credentialsId: string; target: string; since?: string }
  consumers: { kind: string; name: string; stamp?: string; state: string; reason: string }[]
  next: string
  events: { reason: string }[]
  denials: { resource: string }[]
}

async function cli(args: readonly string[], kubeconfig = kube.kubeconfigPath, input = '') {
  const whole = [program, ...args, '--kubeconfig', kubeconfig, '-n', ns]
  const { code, stdout, stderr } = await run(process.execPath, whole, { cwd: folder, input })
  expect(canaries.findIn(stdout + stderr)).toEqual([])
  return { code, stdout, stderr }
}

async function plan(
  object: object,
  ...more: object[]
): Promise<PlanJson['resources'][number] & { code: number | null }> {
  const input = [object, ...more].map((each) => stringify(each)).join('---\n')
  const { code, stdout, stderr } = await cli(['plan', '-f', '-', '-o', 'json'], undefined, input)
  expect(stderr).toBe('')
  const { resources } = JSON.parse(stdout) as PlanJson
  const [first] = resources
  if (first === undefined) throw new Error(stdout)
  return { ...first, code }
}

async function why(name: string, kubeconfig?: string): Promise<WhyJson & { code: number | null }> {
  const { code, stdout, stderr } = await cli(['why', name, '-o', 'json'], kubeconfig)
  expect(stderr).toBe('')
  return { ...(JSON.parse(stdout) as WhyJson), code }
}

const actions = (planned: PlanJson['resources'][number]): Record<string, string> =>
  Object.fromEntries(planned.consumers.map(({ kind, name, action }) => [`${kind} ${name ?? '*'}`, action]))

const newSource = async (name: string, values: Readonly<Record<string, string>>): Promise<void> => {
  canaries.plant(Object.values(values))
  await kube.create('secrets', ns, secret(name, values))
}

test('what is planned comes true: a new resource, a change that restarts nothing, a withdrawal, a rotation', async () => {
  await newSource('live', valid.twilio())
  await kube.create('deployments', ns, deployment('sender'))
  await kube.create('deployments', ns, deployment('other'))
  const wanted = resource('sms', twilioSpec('live', ['sender', 'later']))
  const first = await plan(wanted)
  expect(first).toMatchObject({ code: 0, result: 'Accepted', isNew: true, target: { action: 'Create' }, denials: [] })
  expect(actions(first)).toEqual({ 'Deployment sender': 'Restart', 'Deployment later': 'Wait' })
  // Planning changed nothing.
  expect(await kube.get('tracardiresources', ns, 'sms')).toBeUndefined()

  await kube.create('tracardiresources', ns, wanted)
  await waitForConditions(kube, ns, 'sms', { Ready: 'True ConsumerNotFound' })
  const before = await rolloutsOf(kube, ns, 'sender', 'sms')
  const again = await plan(wanted)
  expect(again).toMatchObject({ code: 0, isNew: false, target: { action: 'Keep' }, credentialsId: before.stamp })
  expect(actions(again)).toEqual({ 'Deployment sender': 'Keep', 'Deployment later': 'Wait' })

  const moved = await plan(resource('sms', twilioSpec('live', ['other'])))
  expect(actions(moved)).toEqual({ 'Deployment other': 'Restart', 'Deployment sender': 'Withdraw' })

  const inject = { env: { prefix: 'SMS_' } }
  const consumers = ['other', 'sender'].map((name) => ({ kind: 'Deployment' as const, name, inject }))
  const injecting = twilioSpec('live', [])
  const injected = await plan(resource('sms', { ...injecting, consumers }))
  expect(injected.consumers.map(({ action, why }) => `${action} ${why}`)).toEqual([
    expect.stringMatching(/^Restart .* Gets variables [(]prefix SMS_[)] in every container/),
    expect.stringMatching(/Gets variables [(]prefix SMS_[)] in every container/),
  ])
  const nowhere = { kind: 'Deployment' as const, name: 'other', inject: { ...inject, containers: ['nowhere'] } }
  const refused = await plan(resource('sms', { ...injecting, consumers: [nowhere] }))
  expect(actions(refused)).toEqual({ 'Deployment other': 'Refuse', 'Deployment sender': 'Withdraw' })

  const rotated = valid.twilio()
  canaries.plant(Object.values(rotated))
  const rotation = await plan(wanted, secret('live', rotated))
  expect(rotation).toMatchObject({ code: 0, target: { action: 'Update' } })
  expect(actions(rotation)).toEqual({ 'Deployment sender': 'Restart', 'Deployment later': 'Wait' })
  await kube.patch('secrets', ns, 'live', secret('live', rotated))
  const found = await waitForConditions(kube, ns, 'sms', { Ready: 'True ConsumerNotFound' }, { credentialsId: /^2-/ })
  expect(found.status?.credentialsId).toBe(rotation.credentialsId)

  const told = await waitFor(
    'the Event of what is in force',
    () => why('sms'),
    ({ inForce }) => inForce?.since !== undefined,
  )
  expect(told).toMatchObject({
    code: 0,
    isReady: true,
    inForce: { credentialsId: rotation.credentialsId, target: 'sms-credentials' },
    next: 'Deployment later gets the credentials when it comes.',
  })
  expect(told.consumers).toMatchObject([
    { name: 'sender', stamp: rotation.credentialsId, state: 'Updated' },
    { name: 'later', state: 'Missing' },
  ])
  const human = await cli(['why', 'sms'])
  expect(human.stdout).toMatch(/plan-\w+\/sms: ready, ConsumerNotFound since /)
  expect(human.stdout).toMatch(new RegExp(`Deployment sender +${rotation.credentialsId ?? ''} +Updated`))
})

test('what is refused says why, and what is in force stays', async () => {
  const values = valid.twilio()
  const file = join(folder, 'bad.yaml')
  await newSource('good', values)
  await kube.create('deployments', ns, deployment('worker'))
  await kube.create('tracardiresources', ns, resource('bad', twilioSpec('good', ['worker'])))
  const found = await waitForConditions(kube, ns, 'bad', { Ready: 'True Delivered' })
  const id = found.status?.credentialsId ?? ''
  canaries.plant([values.authToken])
  const spoiled = await plan(
    resource('bad', twilioSpec('good', ['worker'])),
    secret('good', { ...values, authToken: `${values.authToken}\n` }),
  )
  expect(spoiled).toMatchObject({ code: 1, result: 'Refused', reason: 'TrailingNewline', credentialsId: id })
  expect(actions(spoiled)).toEqual({ 'Deployment worker': 'Keep' })

  const taken = { ...twilioSpec('good', []), target: { name: 'foreign' } }
  await kube.create('secrets', ns, secret('foreign', { key: 'x' }))
  expect(await plan(resource('taken', taken))).toMatchObject({ code: 1, reason: 'TargetConflict' })
  expect(await plan(resource('wrong', { ...twilioSpec('good', []), service: 'twilo' }))).toMatchObject({
    code: 1,
    reason: 'UnsupportedService',
  })
  expect(await plan(resource('nothing', twilioSpec('absent', ['worker'])))).toMatchObject({
    code: 1,
    reason: 'SecretNotFound',
  })
  await writeFile(file, stringify(resource('bad', { ...twilioSpec('good', []), consumer: [] } as never)))
  const human = await cli(['plan', '-f', file])
  expect(human).toMatchObject({ code: 1, stderr: '' })
  expect(human.stdout).toContain('would be refused, FieldUnknown')
  expect(human.stdout).toContain('Nothing was changed.')

  await kube.patch('secrets', ns, 'good', secret('good', { authToken: `${values.authToken}\n` }))
  await waitFor(
    'the refusal',
    () => kube.get('tracardiresources', ns, 'bad'),
    (object) => conditionsOf(object)['Stalled'] === 'True TrailingNewline',
  )
  expect(await why('bad')).toMatchObject({
    code: 1,
    isReady: false,
    inForce: { credentialsId: id },
    consumers: [{ name: 'worker', stamp: id, state: 'Updated' }],
    next: expect.stringContaining('tracardi-operator explain TrailingNewline') as unknown,
  })
})

test('a right that is missing is said, and what it hides is not guessed', async () => {
  await newSource('hidden', valid.twilio())
  await kube.create('deployments', ns, deployment('seen'))
  await kube.create('serviceaccounts', ns, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'reader' } })
  const role = { apiVersion: 'rbac.authorization.k8s.io/v1', metadata: { name: 'reader' } }
  const rules = [{ apiGroups: ['tracardi.com'], resources: ['tracardiresources'], verbs: ['get'] }]
  await kube.create('roles', ns, { ...role, kind: 'Role', rules })
  await kube.create('rolebindings', ns, {
    ...role,
    kind: 'RoleBinding',
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'reader' },
    subjects: [{ kind: 'ServiceAccount', name: 'reader', namespace: ns }],
  })
  const kubeconfig = join(folder, 'reader.kubeconfig')
  await writeServiceAccountKubeconfig(kubeconfig, kube.kubeconfigPath, ns, 'reader')
  const object = resource('hidden-sms', twilioSpec('hidden', ['seen']))
  const planned = await cli(['plan', '-f', '-'], kubeconfig, stringify(object))
  expect(planned.code).toBe(2)
  for (const right of ['get secrets/hidden', 'list deployments.apps', 'patch deployments.apps/seen', 'create secrets'])
    expect(planned.stdout).toContain(`you may not ${right} in the namespace ${ns}`)

  await kube.create('tracardiresources', ns, object)
  await waitForConditions(kube, ns, 'hidden-sms', { Ready: 'True Delivered' })
  const told = await why('hidden-sms', kubeconfig)
  expect(told).toMatchObject({ code: 0, consumers: [], events: [] })
  // In the order in which the answers come.
  expect(told.denials.map(({ resource: what }) => what).sort()).toEqual(['deployments.apps', 'events.events.k8s.io'])
})

test('what cannot be found is said in one sentence, with exit code 2', async () => {
  const absent = await cli(['why', 'nobody'])
  expect(absent).toMatchObject({ code: 2, stdout: '' })
  expect(absent.stderr).toContain('has no TracardiResource of that name')
  const context = await cli(['why', 'nobody', '--context', 'elsewhere'])
  expect(context).toMatchObject({ code: 2, stdout: '' })
  expect(context.stderr).toContain('the kubeconfig has no such context')
  const file = await cli(['plan', '-f', join(folder, 'nowhere.yaml')])
  expect(file.code).toBe(2)
  expect(file.stdout).toContain('There is no such file or folder.')
})
