// What belongs to the operator alone, and what it may not do itself: statuses, Secrets. Two installations beside each other.
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { createNamespace, hex, resource, secret, valid } from '../support/fixtures.ts'
import { Kube, pathOf } from '../support/kube.ts'
import type { Answer } from '../support/kube.ts'
import { chart, helm, release } from '../support/operator-process.ts'
import { expectAnswer, grant, right, writes } from './users.ts'
import type { Expected } from './users.ts'

const operator = `system:serviceaccount:${release.namespace}:${release.name}`
const ours = { 'app.kubernetes.io/managed-by': 'tracardi-operator' }
const statusIsTheOperators = (user: string): string =>
  `the status of a TracardiResource is written by its operator alone, and ${user} is not: change the spec or the Secrets, the status follows`
const onlyItsLabel = 'the operator writes and deletes only Secrets that carry the label'

let kube: Kube
let ns: string

beforeAll(async () => {
  kube = await Kube.connect(inject('kubeconfig'))
  ns = await createNamespace(kube, 'operators')
  await grant(kube, ns, {
    author: [writes, right('*', 'secrets'), right('*', 'tracardiresources/status.tracardi.com')],
    [operator]: [right('delete', 'secrets')],
  })
  await kube.create('tracardiresources', ns, onlyChecks('sms'))
  await kube.create('secrets', ns, secret('foreign', valid.twilio()))
  await kube.create('secrets', ns, { ...secret('own', valid.twilio()), metadata: { name: 'own', labels: ours } })
  await expectAnswer('a policy for the status', () => writeStatus('author', ns), 'is written by its operator alone')
  await expectAnswer('a policy for the Secrets of the operator', () => writeSecret({ labels: {} }), onlyItsLabel)
})

afterAll(async () => {
  await kube.remove('namespaces', undefined, ns)
  await kube[Symbol.asyncDispose]()
})

const onlyChecks = (name: string) =>
  resource(name, { service: 'twilio', credentials: { secretRef: { name: 'source' } } })

function writeStatus(user: string, namespace: string): Promise<Answer> {
  const path = `${pathOf('tracardiresources', namespace, 'sms')}/status?dryRun=All`
  return kube.callAs(user, 'PATCH', path, { status: { credentialsId: '99-aaaaa' } })
}

function writeSecret(more: { labels: object; type?: string; annotations?: object }, user = operator): Promise<Answer> {
  const { type = 'Opaque', ...metadata } = more
  const object = { ...secret('new', valid.twilio()), metadata: { name: 'new', ...metadata }, type }
  return kube.callAs(user, 'POST', `${pathOf('secrets', ns)}?dryRun=All`, object)
}

describe.concurrent('the status of a resource', () => {
  test.each<[string, Expected]>([
    ['author', statusIsTheOperators('author')],
    [`system:serviceaccount:${release.namespace}:default`, 'cannot patch resource'],
    [operator, 'allowed'],
  ])('written by %s', (user, expected) => expectAnswer(user, () => writeStatus(user, ns), expected))

  test('not even an administrator writes it; the rest of the resource, and what a new one says of it, is let through', async () => {
    const patched = kube.kubectl([
      ...['patch', 'tracardiresource', 'sms', '--namespace', ns, '--subresource=status', '--dry-run=server'],
      ...['--type=merge', '--patch', '{"status":{"credentialsId":"99-aaaaa"}}'],
    ])
    await expect(patched).rejects.toThrow(statusIsTheOperators('admin'))
    const path = `${pathOf('tracardiresources', ns)}?dryRun=All`
    const withStatus = { ...onlyChecks('new'), status: { observedGeneration: 1 } }
    expect(await kube.callAs('author', 'POST', path, withStatus)).toEqual({ code: 201, message: '' })
  })
})

const patchSecret =
  (name: string, patch: object, user = operator) =>
  (): Promise<Answer> =>
    kube.callAs(user, 'PATCH', `${pathOf('secrets', ns, name)}?dryRun=All`, patch)
const deleteSecret = (name: string) => (): Promise<Answer> =>
  kube.callAs(operator, 'DELETE', pathOf('secrets', ns, name), { dryRun: ['All'] })
const data = { data: { key: Buffer.from('x').toString('base64') } }

describe.concurrent('the operator', () => {
  test.each<[string, () => Promise<Answer>, Expected]>([
    ['creates a Secret with its label', () => writeSecret({ labels: ours }), 'allowed'],
    ['creates one without labels', () => writeSecret({ labels: {} }), onlyItsLabel],
    [
      'creates one with another label',
      () => writeSecret({ labels: { ...ours, [Object.keys(ours)[0]!]: 'Helm' } }),
      onlyItsLabel,
    ],
    [
      'has a token of another ServiceAccount made',
      () =>
        writeSecret({
          labels: ours,
          type: 'kubernetes.io/service-account-token',
          annotations: { 'kubernetes.io/service-account.name': 'default' },
        }),
      'the operator writes only Secrets of the type Opaque',
    ],
    ['changes its own Secret', patchSecret('own', data), 'allowed'],
    ['changes one of others', patchSecret('foreign', data), onlyItsLabel],
    ['takes one of others over', patchSecret('foreign', { metadata: { labels: ours }, ...data }), onlyItsLabel],
    ['gives its own away', patchSecret('own', { metadata: { labels: null } }), onlyItsLabel],
    ['deletes its own, if it had the right', deleteSecret('own'), 'allowed'],
    ['deletes one of others, if it had the right', deleteSecret('foreign'), onlyItsLabel],
  ])('%s', (what, ask, expected) => expectAnswer(what, ask, expected))

  test('others write any Secret', async () => {
    await expectAnswer('a new one', () => writeSecret({ labels: {} }, 'author'), 'allowed')
    for (const name of ['own', 'foreign']) await expectAnswer(name, patchSecret(name, data, 'author'), 'allowed')
  })
})

test('two installations: a policy holds where its installation works, and lets those in that it is told of', async () => {
  const other = { name: 'other', namespace: `other-${hex(6)}` }
  const shared = await createNamespace(kube, 'shared')
  await grant(kube, shared, { author: [right('*', 'tracardiresources/status.tracardi.com')] })
  await kube.create('tracardiresources', shared, onlyChecks('sms'))
  const run = (...args: string[]): Promise<string> => helm(inject('kubeconfig'), args, other.namespace)
  const values = ['--set=replicas=0,crds.install=false', `--set-json=watchNamespaces=["${shared}"]`]
  try {
    await run('install', other.name, chart, '--create-namespace', ...values)
    await expectAnswer('not told of', () => writeStatus(operator, shared), statusIsTheOperators(operator))
    await expectAnswer('elsewhere', () => writeStatus(operator, ns), 'allowed')
    await run('upgrade', other.name, chart, ...values, `--set-json=policies.statusWriters=["${operator}"]`)
    await expectAnswer('told of', () => writeStatus(operator, shared), 'allowed')
    await expectAnswer('a third', () => writeStatus('author', shared), statusIsTheOperators('author'))
  } finally {
    await run('uninstall', other.name)
    for (const name of [shared, other.namespace]) await kube.remove('namespaces', undefined, name)
  }
})

describe('the chart', () => {
  const kindsOf = async (...flags: string[]): Promise<Set<string | undefined>> => {
    const rendered = await helm(inject('kubeconfig'), ['template', 'x', chart, ...flags])
    return new Set([...rendered.matchAll(/^kind: (.*)$/gm)].map(([, kind]) => kind))
  }
  const namespaced = ['Deployment', 'Role', 'RoleBinding', 'ServiceAccount']

  test('brings only what an administrator of namespaces may install, if that is wanted', async () => {
    const flags = ['crds.install=false', 'policies.enabled=false', 'aggregatedClusterRoles.create=false']
    const kinds = await kindsOf(`--set=${flags.join()}`, '--set-json=watchNamespaces=["a"]')
    expect([...kinds].sort()).toEqual(namespaced)
  })

  test('is not installed without policies because the API server is too old to know them, but because it is wanted', async () => {
    const old = '--kube-version=v1.29.14'
    await expect(kindsOf(old)).rejects.toThrow(
      'ValidatingAdmissionPolicies need Kubernetes 1.30: set policies.enabled=false',
    )
    expect(await kindsOf(old, '--set=policies.enabled=false')).not.toContain('ValidatingAdmissionPolicy')
    expect(await kindsOf('--kube-version=v1.30.0-eks-036c24b')).toContain('ValidatingAdmissionPolicy')
  })

  test.each(["a'b", 'a"b', 'a\\b', ''])('takes no name of a writer that would be CEL: %s', async (name) => {
    const flag = `--set-json=policies.statusWriters=${JSON.stringify([name])}`
    await expect(kindsOf(flag)).rejects.toThrow('policies')
  })
})
