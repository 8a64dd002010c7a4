// The API server counts what CEL costs, and refuses everything when it is too much. The longest resource that the CRD allows
// must pass, with rights on names alone. No service has 16 fields yet, so the policies are tried on a kind that takes anything.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { parse } from 'yaml'
import { waitUntilEstablished } from '../../cluster/tools.ts'
import { createNamespace, hex } from '../support/fixtures.ts'
import { Kube } from '../support/kube.ts'
import type { Answer } from '../support/kube.ts'
import { chart, helm } from '../support/operator-process.ts'
import { expectAnswer, grant, right } from './users.ts'

const group = `budget-${hex(6)}.example.org`

interface Schema {
  properties: Record<string, Schema>
  items: Schema
  maxItems: number
  enum: string[]
}

let kube: Kube
let ns: string
let policies: string
let fields: number
let consumers: number
let kinds: string[]

/** A name of the longest form, another one for each index. */
const long = (letter: string, index: number, length = 253): string => `${letter.repeat(length - 4)}-${100 + index}`
const secrets = (count: number): string[] => Array.from({ length: count }, (_, index) => long('s', index))

beforeAll(async () => {
  kube = await Kube.connect(inject('kubeconfig'))
  ns = await createNamespace(kube, 'budget')
  const file = join(import.meta.dirname, '..', '..', '..', 'crds', 'tracardi.com_tracardiresources.yaml')
  const crd = parse(await readFile(file, 'utf8')) as {
    spec: { versions: [{ schema: { openAPIV3Schema: Schema } }] }
  }
  const spec = crd.spec.versions[0].schema.openAPIV3Schema.properties['spec']!.properties
  fields = spec['credentials']!.properties['fields']!.maxItems
  consumers = spec['consumers']!.maxItems
  kinds = spec['consumers']!.items.properties['kind']!.enum

  const names = { kind: 'Anything', listKind: 'AnythingList', plural: 'tracardiresources', singular: 'anything' }
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } }
  await kube.create('customresourcedefinitions', undefined, {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `tracardiresources.${group}` },
    spec: { group, names, scope: 'Namespaced', versions: [{ name: 'v1', served: true, storage: true, schema }] },
  })
  await waitUntilEstablished(kube.kubeconfigPath, ['crd', `tracardiresources.${group}`])
  const templates = ['secrets', 'consumers'].map((name) => `--show-only=templates/policy-author-${name}.yaml`)
  const rendered = await helm(inject('kubeconfig'), ['template', group.split('.')[0]!, chart, ...templates])
  policies = rendered.replaceAll('[tracardi.com]', `[${group}]`)
  await kube.kubectl(['create', '-f', '-'], policies)

  const writes = right('*', `tracardiresources.${group}`)
  const target = right('create', 'secrets', long('t', 0, 230))
  const patch = (count: number) => [
    ...[
      ...['deployments.apps', 'statefulsets.apps', 'daemonsets.apps', 'cronjobs.batch', 'rollouts.argoproj.io'],
      ...['replicasets.apps', 'jobs.batch', 'pods'],
    ].map((api) => right('patch', api, ...Array.from({ length: count }, (_, index) => long('c', index)))),
  ]
  const get = (count: number) => right('get', 'secrets', ...secrets(count))
  await grant(kube, ns, {
    exact: [writes, get(fields + 1), target, ...patch(consumers)],
    'one-secret-less': [writes, get(fields), target, ...patch(consumers)],
    'one-consumer-less': [writes, get(fields + 1), target, ...patch(consumers - 1)],
    'no-target': [writes, get(fields + 1), ...patch(consumers)],
  })
})

afterAll(async () => {
  await kube.kubectl(['delete', '-f', '-', '--ignore-not-found', '--wait=false'], policies)
  await kube.remove('customresourcedefinitions', undefined, `tracardiresources.${group}`)
  await kube.remove('namespaces', undefined, ns)
  await kube[Symbol.asyncDispose]()
})

const object = (name: string, spec: object) => ({
  apiVersion: `${group}/v1`,
  kind: 'Anything',
  metadata: { name },
  spec,
})

/** As long as can be, all of one kind. */
function longest(kind: string): object {
  const [secretRef = '', ...others] = secrets(fields + 1)
  return {
    service: 'redis',
    credentials: {
      secretRef: { name: secretRef },
      fields: others.map((name, index) => ({
        name: long('f', index, 63),
        secretKeyRef: { name, key: 'k'.repeat(253) },
      })),
    },
    target: { name: long('t', 0, 230) },
    consumers: Array.from({ length: consumers }, (_, index) => ({ kind, name: long('c', index) })),
  }
}

/** As different from that as can be, and as dear to compare. */
const different = (kind: string) => ({
  service: 'twilio',
  credentials: {
    fields: Array.from({ length: fields }, (_, index) => ({ name: long('f', index, 63), value: 'v'.repeat(16_384) })),
  },
  target: { name: long('u', 0, 230) },
  consumers: Array.from({ length: consumers }, (_, index) => {
    const labels = Array.from({ length: 8 }, (_, label) => [`${long('p', index)}/${label}`, 'v'.repeat(63)] as const)
    return { kind, selector: { matchLabels: Object.fromEntries(labels) } }
  }),
})

test('the longest resource of every kind passes, new and in place of the most different one; one right less is found', async () => {
  const path = `/apis/${group}/v1/namespaces/${ns}/tracardiresources`
  await Promise.all(
    kinds.map(async (kind) => {
      const name = kind.toLowerCase()
      const create = (user: string) => (): Promise<Answer> =>
        kube.callAs(user, 'POST', `${path}?dryRun=All`, object('new', longest(kind)))
      const at = consumers - 1
      await expectAnswer(
        'a right less',
        create('one-consumer-less'),
        `spec.consumers[${at}] names the ${kind} ${long('c', at)},`,
      )
      await expectAnswer(
        'a right less',
        create('one-secret-less'),
        `spec.credentials.fields[name=${long('f', fields - 1, 63)}].secretKeyRef names the Secret ${long('s', fields)},`,
      )
      await expectAnswer('a right less', create('no-target'), 'spec.target makes the operator write the Secret')
      await expectAnswer(`a new one for the kind ${kind}`, create('exact'), 'allowed')
      await kube.kubectl(['create', '--namespace', ns, '-f', '-'], JSON.stringify(object(name, different(kind))))
      const replace = (user: string) => (): Promise<Answer> =>
        kube.callAs(user, 'PATCH', `${path}/${name}?dryRun=All`, { spec: longest(kind) })
      await expectAnswer('a right less', replace('one-secret-less'), 'names the Secret')
      await expectAnswer('a right less', replace('one-consumer-less'), `spec.consumers[${at}]`)
      await expectAnswer(`another one for the kind ${kind}`, replace('exact'), 'allowed')
    }),
  )
  expect(kinds.length).toBeGreaterThan(3)
})
