// Who writes a TracardiResource must be allowed to do what the operator will do for it: users with one right too few.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { parse } from 'yaml'
import type { TracardiResourceSpec } from '../../../src/api/tracardi-resource.ts'
import { createNamespace, resource } from '../support/fixtures.ts'
import { Kube, pathOf } from '../support/kube.ts'
import type { Answer } from '../support/kube.ts'
import { expectAnswer, grant, right, writes } from './users.ts'
import type { Expected, Rule } from './users.ts'

const consumerKinds: readonly string[] = await kindsOfTheCrd()
/** These are chosen by a selector only. */
const unpatchedKinds: readonly string[] = ['ReplicaSet', 'Job', 'Pod']

let kube: Kube
let ns: string

/** Where the CRD lists the kinds of consumers. A new one without a policy fails the tests below. */
async function kindsOfTheCrd(): Promise<string[]> {
  const file = join(import.meta.dirname, '..', '..', '..', 'crds', 'tracardi.com_tracardiresources.yaml')
  const crd = parse(await readFile(file, 'utf8')) as {
    spec: { versions: [{ schema: { openAPIV3Schema: { properties: { spec: Schema } } } }] }
  }
  const { spec } = crd.spec.versions[0].schema.openAPIV3Schema.properties
  expect(pathsOf(spec, /^secret(Key)?Ref$/)).toEqual([
    // What policy-author-secrets.yaml asks for.
    'credentials.fields.secretKeyRef',
    'credentials.secretRef',
  ])
  return spec.properties?.['consumers']?.items?.properties?.['kind']?.enum ?? []
}

interface Schema {
  properties?: Record<string, Schema>
  items?: Schema
  enum?: string[]
}

function pathsOf(schema: Schema | undefined, name: RegExp, path: readonly string[] = []): string[] {
  if (schema === undefined) return []
  if (schema.items !== undefined) return pathsOf(schema.items, name, path)
  return Object.entries(schema.properties ?? {})
    .flatMap(([key, child]) => (name.test(key) ? [[...path, key].join('.')] : pathsOf(child, name, [...path, key])))
    .sort()
}

const secretRef = { name: 'live' }
const shared = { name: 'accountSid', secretKeyRef: { name: 'shared', key: 'sid' } }
const checkOnly: TracardiResourceSpec = { service: 'twilio', credentials: { secretRef } }
const whole: TracardiResourceSpec = {
  service: 'twilio',
  credentials: { secretRef, fields: [shared] },
  consumers: [
    { kind: 'Deployment', name: 'web' },
    { kind: 'StatefulSet', name: 'queue' },
    { kind: 'DaemonSet', name: 'agent' },
    { kind: 'CronJob', name: 'report' },
    { kind: 'Rollout', name: 'shop' },
  ],
}
const selecting: TracardiResourceSpec = {
  ...checkOnly,
  consumers: [{ kind: 'Deployment', selector: { matchLabels: { sms: 'true' } } }],
}

/** What `whole` under the name `sms` needs, on names alone. */
const exactly = {
  live: right('get', 'secrets', 'live'),
  shared: right('get', 'secrets', 'shared'),
  target: right('create', 'secrets', 'sms-credentials'),
  Deployment: right('patch', 'deployments.apps', 'web'),
  StatefulSet: right('patch', 'statefulsets.apps', 'queue'),
  DaemonSet: right('patch', 'daemonsets.apps', 'agent'),
  CronJob: right('patch', 'cronjobs.batch', 'report'),
  Rollout: right('patch', 'rollouts.argoproj.io', 'shop'),
} as const
const all = Object.values(exactly)
const but = (key: keyof typeof exactly, ...more: Rule[]): Rule[] => [
  ...all.filter((rule) => rule !== exactly[key]),
  ...more,
]
const everything = [
  right('get,create', 'secrets'),
  right('patch', 'deployments.apps'),
  right('patch', 'statefulsets.apps'),
  right('patch', 'daemonsets.apps'),
  right('patch', 'cronjobs.batch'),
  right('patch', 'rollouts.argoproj.io'),
]

const notGet = (at: string, name: string) => (user: string, namespace: string) =>
  `spec.credentials.${at} names the Secret ${name}, which ${user} may not get: have \`get\` on this Secret of namespace ${namespace} granted, or name another one`
const notCreate = (name: string) => (user: string, namespace: string) =>
  `spec.target makes the operator write the Secret ${name}, which ${user} may not create: have \`create\` on Secrets of namespace ${namespace} granted, or leave out target and consumers: then the resource only checks`
const notPatch = (index: number, kind: string, name: string, api: string) => (user: string, namespace: string) =>
  `spec.consumers[${index}] names the ${kind} ${name}, which ${user} may not patch: have \`patch\` on ${api} of namespace ${namespace} granted, for this name or for all, or leave the consumer out`
const notPatchEvery = (kind: string, api: string) => (user: string, namespace: string) =>
  `spec.consumers[0] selects ${kind}s by their labels, and ${user} may not patch all of them: have \`patch\` on ${api} of namespace ${namespace} granted, without resourceNames, or ${unpatchedKinds.includes(kind) ? 'leave the consumer out' : 'give names in place of the selector'}`
const notPatchAll = notPatchEvery('Deployment', 'deployments.apps')

type Refusal = (user: string, namespace: string) => string
interface Case {
  readonly what: string
  readonly rights: readonly Rule[]
  readonly expected: 'allowed' | Refusal
}
interface Creation extends Case {
  readonly spec: TracardiResourceSpec
}
interface Update extends Case {
  readonly name: 'delivers' | 'checks'
  readonly patch: object
}

const creations: readonly Creation[] = [
  { what: 'every right on names', rights: all, spec: whole, expected: 'allowed' },
  { what: 'every right on whole kinds', rights: everything, spec: whole, expected: 'allowed' },
  ...(
    [
      ['ReplicaSet', 'replicasets.apps'],
      ['Job', 'jobs.batch'],
      ['Pod', 'pods'],
    ] as const
  ).flatMap(([kind, api]): Creation[] => [
    {
      what: `all but patch of ${api}`,
      rights: [...everything, right('patch', api, 'x'), right('patch', `${api}/status`), right('create,update', api)],
      spec: consuming(kind),
      expected: notPatchEvery(kind, api),
    },
    {
      what: `patch of ${api}`,
      rights: [...everything, right('patch', api)],
      spec: consuming(kind),
      expected: 'allowed',
    },
  ]),
  { what: 'no right but to write it', rights: [], spec: checkOnly, expected: notGet('secretRef', 'live') },
  { what: 'all but get of secretRef', rights: but('live'), spec: whole, expected: notGet('secretRef', 'live') },
  {
    what: 'list and watch in place of get',
    rights: but('live', right('list,watch', 'secrets')),
    spec: whole,
    expected: notGet('secretRef', 'live'),
  },
  {
    what: 'get of other kinds',
    rights: but('live', right('get', 'configmaps'), right('get', 'secrets.example.org')),
    spec: whole,
    expected: notGet('secretRef', 'live'),
  },
  {
    what: 'all but get of a secretKeyRef',
    rights: but('shared'),
    spec: whole,
    expected: notGet('fields[name=accountSid].secretKeyRef', 'shared'),
  },
  { what: 'all but create of the target', rights: but('target'), spec: whole, expected: notCreate('sms-credentials') },
  {
    what: 'patch of the target in place of create',
    rights: but('target', right('patch,update', 'secrets')),
    spec: whole,
    expected: notCreate('sms-credentials'),
  },
  {
    what: 'a target by its name, without create',
    rights: all,
    spec: { ...checkOnly, target: { name: 'mine' } },
    expected: notCreate('mine'),
  },
  {
    what: 'a target by its name',
    rights: [exactly.live, right('create', 'secrets', 'mine')],
    spec: { ...checkOnly, target: { name: 'mine' } },
    expected: 'allowed',
  },
  {
    what: 'a target with all defaults, without create',
    rights: [exactly.live],
    spec: { ...checkOnly, target: {} },
    expected: notCreate('sms-credentials'),
  },
  { what: 'get alone, and only a check', rights: [exactly.live], spec: checkOnly, expected: 'allowed' },
  {
    what: 'get alone, and nulls',
    rights: [exactly.live],
    spec: { ...checkOnly, credentials: { secretRef, fields: null }, target: null, consumers: null },
    expected: 'allowed',
  },
  {
    what: 'a field alone',
    rights: [],
    spec: { service: 'twilio', credentials: { secretRef: null, fields: [shared] }, consumers: [] },
    expected: notGet('fields[name=accountSid].secretKeyRef', 'shared'),
  },
  {
    what: 'all but patch of a Deployment',
    rights: but('Deployment'),
    spec: whole,
    expected: notPatch(0, 'Deployment', 'web', 'deployments.apps'),
  },
  {
    what: 'all but patch of a StatefulSet',
    rights: but('StatefulSet'),
    spec: whole,
    expected: notPatch(1, 'StatefulSet', 'queue', 'statefulsets.apps'),
  },
  {
    what: 'all but patch of a DaemonSet',
    rights: but('DaemonSet'),
    spec: whole,
    expected: notPatch(2, 'DaemonSet', 'agent', 'daemonsets.apps'),
  },
  {
    what: 'all but patch of a CronJob',
    rights: but('CronJob'),
    spec: whole,
    expected: notPatch(3, 'CronJob', 'report', 'cronjobs.batch'),
  },
  {
    what: 'all but patch of a Rollout',
    rights: but('Rollout'),
    spec: whole,
    expected: notPatch(4, 'Rollout', 'shop', 'rollouts.argoproj.io'),
  },
  {
    what: 'update and patch of its status in place of patch',
    rights: but('Deployment', right('update', 'deployments.apps'), right('patch', 'deployments/status.apps')),
    spec: whole,
    expected: notPatch(0, 'Deployment', 'web', 'deployments.apps'),
  },
  { what: 'a selector, and patch of one name', rights: all, spec: selecting, expected: notPatchAll },
  { what: 'a selector, and patch of all', rights: everything, spec: selecting, expected: 'allowed' },
]

/** By somebody who may write TracardiResources, and nothing else unless told. */
const updates: readonly Update[] = [
  {
    what: 'labels',
    name: 'delivers',
    patch: { metadata: { labels: { team: 'crm' } } },
    rights: [],
    expected: 'allowed',
  },
  {
    what: 'a finding waived',
    name: 'delivers',
    patch: { spec: { credentials: { waive: ['Truncated'] } } },
    rights: [],
    expected: 'allowed',
  },
  {
    what: 'another deletionPolicy',
    name: 'delivers',
    patch: { spec: { target: { deletionPolicy: 'Delete' } } },
    rights: [],
    expected: 'allowed',
  },
  {
    what: 'null for what was absent',
    name: 'checks',
    patch: { spec: { target: null, consumers: null, credentials: { fields: null } } },
    rights: [],
    expected: 'allowed',
  },
  {
    what: 'an empty list for none',
    name: 'checks',
    patch: { spec: { consumers: [], credentials: { fields: [] } } },
    rights: [],
    expected: 'allowed',
  },
  {
    what: 'consumers withdrawn, and in another order',
    name: 'delivers',
    patch: { spec: { consumers: whole.consumers?.toReversed().slice(1) } },
    rights: [],
    expected: 'allowed',
  },
  {
    what: 'another Secret',
    name: 'checks',
    patch: { spec: { credentials: { secretRef: { name: 'other' } } } },
    rights: [exactly.live],
    expected: notGet('secretRef', 'other'),
  },
  {
    what: 'another Secret, with get',
    name: 'checks',
    patch: { spec: { credentials: { secretRef: { name: 'other' } } } },
    rights: [right('get', 'secrets', 'other')],
    expected: 'allowed',
  },
  {
    what: 'another key of the same Secret',
    name: 'delivers',
    patch: { spec: { credentials: { fields: [{ ...shared, secretKeyRef: { name: 'shared', key: 'all' } }] } } },
    rights: [exactly.live],
    expected: notGet('fields[name=accountSid].secretKeyRef', 'shared'),
  },
  {
    what: 'a key of secretRef',
    name: 'checks',
    patch: { spec: { credentials: { fields: [{ name: 'authToken', key: 'other' }] } } },
    rights: [],
    expected: notGet('secretRef', 'live'),
  },
  {
    what: 'another service',
    name: 'checks',
    patch: { spec: { service: 'sendgrid' } },
    rights: [],
    expected: notGet('secretRef', 'live'),
  },
  {
    what: 'another target, without get',
    name: 'delivers',
    patch: { spec: { target: { name: 'mine' } } },
    rights: [right('create', 'secrets')],
    expected: notGet('secretRef', 'live'),
  },
  {
    what: 'another target, without create',
    name: 'delivers',
    patch: { spec: { target: { name: 'mine' } } },
    rights: [right('get', 'secrets')],
    expected: notCreate('mine'),
  },
  {
    what: 'another target, with both',
    name: 'delivers',
    patch: { spec: { target: { name: 'mine' } } },
    rights: [right('get,create', 'secrets')],
    expected: 'allowed',
  },
  {
    what: 'the default target by its name',
    name: 'delivers',
    patch: { spec: { target: { name: 'delivers-credentials' } } },
    rights: [],
    expected: 'allowed',
  },
  {
    what: 'a first consumer, which brings a target',
    name: 'checks',
    patch: { spec: { consumers: [{ kind: 'Deployment', name: 'web' }] } },
    rights: [exactly.live, exactly.Deployment],
    expected: notCreate('checks-credentials'),
  },
  {
    what: 'one more consumer',
    name: 'delivers',
    patch: { spec: { consumers: [...(whole.consumers ?? []), { kind: 'Deployment', name: 'more' }] } },
    rights: [exactly.Deployment],
    expected: notPatch(5, 'Deployment', 'more', 'deployments.apps'),
  },
  {
    what: 'one more consumer, with patch of it alone',
    name: 'delivers',
    patch: { spec: { consumers: [...(whole.consumers ?? []), { kind: 'Deployment', name: 'more' }] } },
    rights: [right('patch', 'deployments.apps', 'more')],
    expected: 'allowed',
  },
  {
    what: 'a name of one kind for another',
    name: 'delivers',
    patch: { spec: { consumers: [{ kind: 'StatefulSet', name: 'web' }] } },
    rights: [exactly.Deployment],
    expected: notPatch(0, 'StatefulSet', 'web', 'statefulsets.apps'),
  },
  {
    what: 'a selector in place of names',
    name: 'delivers',
    patch: { spec: { consumers: selecting.consumers } },
    rights: all,
    expected: notPatchAll,
  },
]

const userOf = (set: string, index: number): string => `${set}-${index}`

beforeAll(async () => {
  kube = await Kube.connect(inject('kubeconfig'))
  ns = await createNamespace(kube, 'authors')
  const users = (set: string, cases: readonly Case[]): [string, Rule[]][] =>
    cases.map(({ rights }, index) => [userOf(set, index), [writes, ...rights]])
  await grant(kube, ns, Object.fromEntries([...users('create', creations), ...users('update', updates)]))
  await kube.create('tracardiresources', ns, resource('checks', checkOnly))
  await kube.create('tracardiresources', ns, resource('delivers', { ...whole, target: {} }))
  // Before all policies hold, everything is allowed: each is seen to refuse something.
  await grant(kube, ns, { nobody: [writes, right('get,create', 'secrets')], nothing: [writes] })
  const ask = (user: string, spec: TracardiResourceSpec) => (): Promise<Answer> => create(user, spec)
  await expectAnswer('a policy for Secrets', ask('nothing', checkOnly), 'may not get')
  for (const kind of consumerKinds)
    await expectAnswer(
      `a policy for the kind ${kind}`,
      ask('nobody', consuming(kind)),
      unpatchedKinds.includes(kind)
        ? `spec.consumers[0] selects ${kind}s by`
        : `spec.consumers[0] names the ${kind} x,`,
    )
})

afterAll(async () => {
  await kube.remove('namespaces', undefined, ns)
  await kube[Symbol.asyncDispose]()
})

function consuming(kind: string): TracardiResourceSpec {
  const bySelector = { selector: { matchLabels: { sms: 'true' } }, inject: { env: {} } }
  const consumer = { kind, ...(unpatchedKinds.includes(kind) ? bySelector : { name: 'x' }) }
  return { ...checkOnly, consumers: [consumer] as TracardiResourceSpec['consumers'] & object }
}

const dryRun = '?dryRun=All&fieldValidation=Strict'

function create(user: string, spec: TracardiResourceSpec): Promise<Answer> {
  return kube.callAs(user, 'POST', `${pathOf('tracardiresources', ns)}${dryRun}`, resource('sms', spec))
}

const words = (expected: Case['expected'], user: string): Expected =>
  expected === 'allowed' ? expected : expected(user, ns)

describe.concurrent('who creates a resource with', () => {
  test.each(creations.map((entry, index) => [entry.what, entry, index] as const))('%s', async (_, entry, index) => {
    const user = userOf('create', index)
    await expectAnswer(entry.what, () => create(user, entry.spec), words(entry.expected, user))
  })
})

describe.concurrent('who changes', () => {
  test.each(updates.map((entry, index) => [entry.what, entry, index] as const))('%s', async (_, entry, index) => {
    const user = userOf('update', index)
    const path = `${pathOf('tracardiresources', ns, entry.name)}${dryRun}`
    await expectAnswer(entry.what, () => kube.callAs(user, 'PATCH', path, entry.patch), words(entry.expected, user))
  })
})

test('the API server found nothing to say about the types in the policies', async () => {
  const { items } = JSON.parse(await kube.kubectl(['get', 'validatingadmissionpolicies', '-o', 'json'])) as {
    items: { metadata: { name: string }; status?: { typeChecking?: { expressionWarnings?: object[] } } }[]
  }
  const ours = items.filter(({ metadata }) => metadata.name.endsWith('.tracardi-operator.tracardi-system'))
  expect(ours).toHaveLength(3 + consumerKinds.length)
  for (const { metadata, status } of ours)
    expect(status?.typeChecking?.expressionWarnings ?? [], metadata.name).toEqual([])
})
