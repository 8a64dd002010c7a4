// What the API server itself refuses, and how it says so. Everything is a dry run: nothing is stored but one object.
import { request, type RequestOptions } from 'node:https'
import { KubeConfig } from '@kubernetes/client-node'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { group, plural, version } from '../../src/api/names.ts'
import { serviceIds } from '../../src/catalogue/services.ts'
import { release } from './support/operator-process.ts'

interface Answer {
  code: number
  body: { message?: string; [key: string]: unknown }
}

const collection = (namespace: string) => `/apis/${group}/${version}/namespaces/${namespace}/${plural}`
const dryRun = '?dryRun=All&fieldValidation=Strict'
const kubeConfig = new KubeConfig()
/** Nobody else writes a status. */
const asTheOperator = { 'impersonate-user': `system:serviceaccount:${release.namespace}:${release.name}` }
/** Stands wherever a person might put a secret. */
const canary = `canary-${'5'.repeat(8)}-value`
const namespace = `crd-${process.pid}`

async function call(
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const options: RequestOptions = {
    headers: { 'content-type': 'application/json', accept: 'application/json', ...headers },
  }
  await kubeConfig.applyToHTTPSOptions(options)
  return new Promise((resolve, reject) => {
    const outgoing = request(`${kubeConfig.getCurrentCluster()!.server}${path}`, { ...options, method }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => (text += chunk))
      response.on('end', () => {
        resolve({ code: response.statusCode!, body: JSON.parse(text) as Answer['body'] })
      })
      response.on('error', reject)
    })
    outgoing.on('error', reject)
    outgoing.end(body === undefined ? undefined : JSON.stringify(body))
  })
}

function manifest(spec: unknown, name = 'sample', more: object = {}) {
  return { apiVersion: `${group}/${version}`, kind: 'TracardiResource', metadata: { name }, spec, ...more }
}

beforeAll(async () => {
  kubeConfig.loadFromFile(inject('kubeconfig'))
  const answer = await call('POST', '/api/v1/namespaces', {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: namespace },
  })
  expect(answer.code).toBe(201)
})

afterAll(async () => {
  await call('DELETE', `/api/v1/namespaces/${namespace}`)
})

const secretRef = { name: 'twilio-live' }
const twilio = (more: object) => ({ service: 'twilio', credentials: { secretRef }, ...more })
const fields = (...entries: unknown[]) => ({ service: 'twilio', credentials: { secretRef, fields: entries } })
const keys = (map: unknown) => twilio({ target: { keys: map } })
const consumers = (...entries: unknown[]) => twilio({ consumers: entries })
const many = <T>(count: number, entry: (index: number) => T) =>
  Array.from({ length: count }, (_, index) => entry(index))

describe('accepted', () => {
  test.each<[string, unknown, string?]>([
    ['the shortest one', twilio({})],
    [
      'everything',
      {
        service: 'twilio',
        credentials: {
          secretRef,
          fields: [
            { name: 'authToken', key: 'token' },
            { name: 'accountSid', secretKeyRef: { name: 'shared', key: 'sid' } },
            { name: 'region', value: 'ie1' },
          ],
          waive: ['Truncated'],
        },
        target: { name: 'sms', keys: { authToken: 'MY_TOKEN', region: '_x' }, deletionPolicy: 'Delete' },
        consumers: [{ kind: 'Deployment', name: 'sms-sender' }],
      },
    ],
    [
      'fields alone',
      { service: 'redis', credentials: { fields: [{ name: 'url', secretKeyRef: { name: 'a.b', key: 'redis.url' } }] } },
    ],
    [
      'values alone, for a service without secrets',
      { service: 'redis', credentials: { fields: [{ name: 'host', value: 'redis' }] } },
    ],
    ['nulls in consumers', consumers({ kind: 'Deployment', name: 'a', selector: null })],
    [
      'every kind of consumer, by name and by selector',
      consumers(
        ...['Deployment', 'StatefulSet', 'DaemonSet', 'CronJob', 'Rollout'].flatMap((kind) => [
          { kind, name: 'a' },
          { kind, name: null, selector: { matchLabels: { 'example.org/needs': 'sms', empty: '' } } },
        ]),
      ),
    ],
    [
      'kinds that are never restarted, by selector and with inject',
      consumers(
        ...['ReplicaSet', 'Job', 'Pod'].flatMap((kind) => [
          { kind, selector: { matchLabels: { needs: 'sms' } }, inject: { env: {} } },
          { kind, name: null, selector: { matchLabels: { needs: 'sms' } }, inject: { env: {} }, restart: 'Never' },
          { kind, selector: { matchLabels: { needs: 'sms' } }, inject: { mount: { path: '/c' } }, restart: null },
        ]),
      ),
    ],
    [
      'the longest selectors',
      consumers(
        ...many(24, () => ({
          kind: 'Deployment',
          selector: {
            matchLabels: Object.fromEntries(many(8, (index) => [`${'p'.repeat(250)}/l${index}`, 'v'.repeat(63)])),
          },
        })),
      ),
    ],
    ['nulls at the top', twilio({ target: null, consumers: null })],
    ['nulls in credentials', { service: 'twilio', credentials: { secretRef, fields: null, waive: null } }],
    [
      'a null secretRef',
      {
        service: 'twilio',
        credentials: { secretRef: null, fields: [{ name: 'authToken', secretKeyRef: { name: 'a', key: 'b' } }] },
      },
    ],
    ['nulls in a field', fields({ name: 'authToken', key: 'token', secretKeyRef: null, value: null })],
    ['nulls in target', twilio({ target: { name: null, keys: null, deletionPolicy: null } })],
    ['a null key', keys({ authToken: null, accountSid: 'SID', region: null })],
    ['empty lists', { ...twilio({ consumers: [], target: {} }), credentials: { secretRef, fields: [], waive: [] } }],
    ['an empty value', fields({ name: 'region', value: '' })],
    ['the longest name', twilio({}), 'a'.repeat(63)],
    ['the longest target name', twilio({ target: { name: 'a'.repeat(230) } })],
    [
      'the longest lists',
      {
        service: 'redis',
        credentials: {
          secretRef: { name: 's'.repeat(253) },
          fields: ['url', 'host', 'port', 'username', 'password', 'db', 'tls'].map((name) => ({
            name,
            secretKeyRef: { name: 'n'.repeat(253), key: 'k'.repeat(253) },
          })),
          waive: many(16, (index) => `Code${index}`),
        },
        target: {},
        consumers: many(24, (index) => ({ kind: 'Deployment', name: `${'d'.repeat(250)}-${index}`.slice(-253) })),
      },
    ],
    [
      'a source with the name of the default target, when it only checks',
      { service: 'twilio', credentials: { secretRef: { name: 'sample-credentials' } }, consumers: [] },
    ],
    [
      'a source with the name of the default target, when the target has another',
      { service: 'twilio', credentials: { secretRef: { name: 'sample-credentials' } }, target: { name: 'other' } },
    ],
    ['keys that only look forbidden', keys({ authToken: 'PATHS', accountSid: 'PROXY', region: 'MY_LD_X' })],
  ])('%s', async (_, spec, name) => {
    const answer = await call('POST', collection(namespace) + dryRun, manifest(spec, name))
    expect(answer.body.message ?? '').toBe('')
    expect(answer.code).toBe(201)
  })
})

const nameOrSelector = 'give either name or selector'
const notAName = "lower case letters, digits, '-' and '.'"
const sameSecret = 'the target Secret must be another one'

describe('refused', () => {
  test.each<[string, unknown, string, string?]>([
    // the object
    ['a name with a dot', twilio({}), 'metadata.name must have at most 63 characters and no dots', 'twilio.sms'],
    [
      'a name of 64 characters',
      twilio({}),
      'metadata.name must have at most 63 characters and no dots',
      'a'.repeat(64),
    ],
    ['no spec', undefined, 'spec: Required value'],
    ['a misspelt field', twilio({ consumer: [] }), 'unknown field "spec.consumer"'],
    // service
    ['no service', { credentials: { secretRef } }, 'spec.service: Required value'],
    [
      'an unknown service',
      { service: 'carrier-pigeon', credentials: { secretRef } },
      `spec.service: Unsupported value: "carrier-pigeon": supported values: ${serviceIds.map((id) => `"${id}"`).join(', ')}`,
    ],
    ['null for the service', { service: null, credentials: { secretRef } }, 'spec.service'],
    // credentials
    ['no credentials', { service: 'twilio' }, 'spec.credentials: Required value'],
    ['no source', { service: 'twilio', credentials: {} }, 'give secretRef, or fields with a source each'],
    [
      'no source but nulls',
      { service: 'twilio', credentials: { secretRef: null, fields: null } },
      'give secretRef, or fields with a source each',
    ],
    [
      'an empty list of fields',
      { service: 'twilio', credentials: { fields: [] } },
      'give secretRef, or fields with a source each',
    ],
    [
      'a Secret name that is none',
      { service: 'twilio', credentials: { secretRef: { name: canary.toUpperCase() } } },
      notAName,
    ],
    [
      'an empty Secret name',
      { service: 'twilio', credentials: { secretRef: { name: '' } } },
      'spec.credentials.secretRef.name',
    ],
    [
      'a Secret name too long',
      { service: 'twilio', credentials: { secretRef: { name: canary.repeat(20) } } },
      'Too long: may not be more than 253 bytes',
    ],
    // inject
    ...['..data', 'a b', '.'].map((key): [string, unknown, string] => [
      `a key for a mount that no Secret has: ${key}`,
      consumers({ kind: 'Deployment', name: 'a', inject: { mount: { path: '/var/run/sms', keys: ['a.b', key] } } }),
      'keys must be keys of a Secret',
    ]),
    // fields
    [
      'a secret field as value',
      fields({ name: 'authToken', value: canary }),
      'a secret field may not be given as value: put it in a Secret',
    ],
    [
      'a secret field as value, without secretRef',
      { service: 'sendgrid', credentials: { fields: [{ name: 'apiKey', value: canary }] } },
      'a secret field may not be given as value: put it in a Secret',
    ],
    [
      'a secret URL as value',
      { service: 'redis', credentials: { fields: [{ name: 'url', value: canary }] } },
      '(secret fields of redis: url',
    ],
    [
      'a secret field as an empty value',
      fields({ name: 'authToken', value: '' }),
      'a secret field may not be given as value',
    ],
    [
      'a field that the service has not',
      fields({ name: 'auth_token', value: canary }),
      'twilio has no field of that name; its fields are ',
    ],
    ['a field of another service', fields({ name: 'apiKey', value: canary }), 'twilio has no field of that name'],
    [
      'a value that is a number',
      fields({ name: 'region', value: 5_555_555_555 }),
      'spec.credentials.fields[0].value: Invalid value: "integer"',
    ],
    [
      'a value that is an object',
      fields({ name: 'region', value: { nested: canary } }),
      'spec.credentials.fields[0].value',
    ],
    [
      'a value too long',
      fields({ name: 'region', value: canary.repeat(1000) }),
      'spec.credentials.fields[0].value: Too long: may not be more than 16384 bytes',
    ],
    [
      'a secret value too long',
      fields({ name: 'authToken', value: canary.repeat(1000) }),
      'spec.credentials.fields[0].value: Too long: may not be more than 16384 bytes',
    ],
    [
      'a field twice',
      fields({ name: 'region', value: canary }, { name: 'region', value: canary }),
      'spec.credentials.fields[1]: Duplicate value: {"name":"region"}',
    ],
    [
      'key and value',
      fields({ name: 'region', key: 'region', value: canary }),
      'give exactly one of key, secretKeyRef and value',
    ],
    [
      'key and secretKeyRef',
      fields({ name: 'authToken', key: 'a', secretKeyRef: { name: 'b', key: 'c' } }),
      'give exactly one of key, secretKeyRef and value',
    ],
    ['no origin', fields({ name: 'authToken' }), 'give exactly one of key, secretKeyRef and value'],
    [
      'no origin but nulls',
      fields({ name: 'authToken', key: null, secretKeyRef: null, value: null }),
      'give exactly one of key, secretKeyRef and value',
    ],
    ['no name but a value', fields({ value: canary }), 'spec.credentials.fields[0].name: Required value'],
    [
      'key without secretRef',
      { service: 'twilio', credentials: { fields: [{ name: 'authToken', key: 'token' }] } },
      'give secretRef, or use secretKeyRef',
    ],
    ['a key that is none', fields({ name: 'authToken', key: `${canary}/` }), 'key must be a key of a Secret'],
    [
      'a key of another Secret that is none',
      fields({ name: 'authToken', secretKeyRef: { name: 'a', key: `${canary} ` } }),
      'key must be a key of a Secret',
    ],
    [
      'another Secret whose name is none',
      fields({ name: 'authToken', secretKeyRef: { name: `${canary}_`, key: 'a' } }),
      notAName,
    ],
    [
      '17 fields',
      fields(...many(17, (index) => ({ name: `f${index}`, value: canary }))),
      'Too many: 17: must have at most 16 items',
    ],
    [
      'a waived code that is none',
      { service: 'twilio', credentials: { secretRef, waive: [canary] } },
      'waive takes codes of findings in CamelCase',
    ],
    [
      'a code waived twice',
      { service: 'twilio', credentials: { secretRef, waive: ['One', 'One'] } },
      'spec.credentials.waive[1]: Duplicate value',
    ],
    // target
    [
      'source and target the same',
      { service: 'twilio', credentials: { secretRef }, target: { name: secretRef.name } },
      sameSecret,
    ],
    [
      'source and default target the same',
      { service: 'twilio', credentials: { secretRef: { name: 'sample-credentials' } }, target: {} },
      sameSecret,
    ],
    [
      'source and default target the same, target name null',
      { service: 'twilio', credentials: { secretRef: { name: 'sample-credentials' } }, target: { name: null } },
      sameSecret,
    ],
    [
      'source and default target the same, by consumers alone',
      {
        service: 'twilio',
        credentials: { secretRef: { name: 'sample-credentials' } },
        consumers: [{ kind: 'Deployment', name: 'a' }],
      },
      sameSecret,
    ],
    [
      'a single source and target the same',
      {
        service: 'twilio',
        credentials: {
          secretRef,
          fields: [{ name: 'authToken', secretKeyRef: { name: 'sample-credentials', key: 'a' } }],
        },
        target: {},
      },
      sameSecret,
    ],
    ['a target name that is none', twilio({ target: { name: 'Sms' } }), notAName],
    [
      'a target name too long',
      twilio({ target: { name: 'a'.repeat(231) } }),
      'spec.target.name: Too long: may not be more than 230 bytes',
    ],
    [
      'an unknown deletion policy',
      twilio({ target: { deletionPolicy: 'Forget' } }),
      'deletionPolicy must be Retain or Delete',
    ],
    [
      'a key for a field that the service has not',
      keys({ auth_token: 'TOKEN' }),
      'spec.target.keys: Invalid value: twilio has no field of that name',
    ],
    ['a key that is no variable', keys({ authToken: 'MY-TOKEN' }), 'keys must be fit for environment variables'],
    ['an empty key', keys({ authToken: '' }), 'spec.target.keys.authToken'],
    ['a key too long', keys({ authToken: 'A'.repeat(129) }), 'Too long: may not be more than 128 bytes'],
    [
      'the same key twice',
      keys({ authToken: 'TOKEN', accountSid: 'TOKEN', region: null }),
      'keys gives two fields the same key',
    ],
    ...[
      'PATH',
      'NODE_OPTIONS',
      'LD_PRELOAD',
      'DYLD_INSERT_LIBRARIES',
      'PYTHONPATH',
      'JAVA_TOOL_OPTIONS',
      '_JAVA_OPTIONS',
      'BASH_ENV',
      'HTTPS_PROXY',
      'no_proxy',
      'All_Proxy',
      'KUBERNETES_SERVICE_HOST',
    ].map((key): [string, unknown, string] => [`the key ${key}`, keys({ authToken: key }), 'choose another name']),
    // consumers
    [
      'an unknown kind',
      consumers({ kind: 'ReplicationController', name: 'a' }),
      'spec.consumers[0].kind: Unsupported value: "ReplicationController": supported values: "Deployment", "StatefulSet", "DaemonSet", "CronJob", "Rollout", "ReplicaSet", "Job", "Pod"',
    ],
    [
      'an injection into a Rollout',
      consumers({ kind: 'Rollout', name: 'a', inject: { env: {} } }),
      'spec.consumers[0].inject: Invalid value: nothing can be injected into a Rollout, which is only restarted: leave inject out, and have its pod template read the target Secret',
    ],
    ...['ReplicaSet', 'Job', 'Pod'].flatMap((kind): [string, unknown, string][] => {
      const bySelector = { kind, selector: { matchLabels: { app: 'a' } } }
      return [
        [
          `a ${kind} by name`,
          consumers({ kind, name: 'a', inject: { env: {} } }),
          'a ReplicaSet, Job or Pod cannot be given by name: give selector',
        ],
        [`a ${kind} without anything`, consumers({ kind, inject: { env: {} } }), nameOrSelector],
        [
          `a ${kind} without inject`,
          consumers(bySelector),
          'gets credentials only as its pods are created: give inject',
        ],
        [
          `a ${kind} with null for inject`,
          consumers({ ...bySelector, inject: null }),
          'gets credentials only as its pods are created: give inject',
        ],
        [
          `a ${kind} that shall be restarted`,
          consumers({ ...bySelector, inject: { env: {} }, restart: 'Rolling' }),
          'a ReplicaSet, Job or Pod is never restarted: leave restart out, or set it to Never',
        ],
      ]
    }),
    ['a consumer without a name or selector', consumers({ kind: 'Deployment' }), nameOrSelector],
    ['nulls for both', consumers({ kind: 'Deployment', name: null, selector: null }), nameOrSelector],
    [
      'a consumer with a name and a selector',
      consumers({ kind: 'DaemonSet', name: 'a', selector: { matchLabels: { app: 'a' } } }),
      nameOrSelector,
    ],
    ['a consumer whose name is none', consumers({ kind: 'Deployment', name: 'A b' }), notAName],
    [
      'a selector of everything',
      consumers({ kind: 'Deployment', selector: { matchLabels: {} } }),
      'spec.consumers[0].selector.matchLabels: Invalid value: 0: spec.consumers[0].selector.matchLabels in body should have at least 1 properties',
    ],
    [
      'a selector without labels',
      consumers({ kind: 'Deployment', selector: {} }),
      'spec.consumers[0].selector.matchLabels: Required value',
    ],
    [
      'a label without a value',
      consumers({ kind: 'Deployment', selector: { matchLabels: { app: null, needs: 'sms' } } }),
      'a label of the selector has no value',
    ],
    [
      'nine labels',
      consumers({
        kind: 'Deployment',
        selector: { matchLabels: Object.fromEntries(many(9, (index) => [`l${index}`, 'x'])) },
      }),
      'Too many: 9: must have at most 8 items',
    ],
    [
      '25 consumers',
      consumers(...many(25, (index) => ({ kind: 'Deployment', name: `d${index}` }))),
      'Too many: 25: must have at most 24 items',
    ],
  ])('%s', async (_, spec, message, name) => {
    const answer = await call('POST', collection(namespace) + dryRun, manifest(spec, name))
    expect(answer.body.message).toContain(message)
    expect([400, 422]).toContain(answer.code)
    const text = JSON.stringify(answer.body)
    expect(text.toLowerCase()).not.toContain(canary)
    expect(text).not.toContain('5555')
  })
})

test('a new object is not taken for ready, and the table has the columns', async () => {
  const created = await call(
    'POST',
    collection(namespace),
    manifest(twilio({ target: null }), 'stored', { status: { credentialsId: 'forged' } }),
  )
  expect(created.code).toBe(201)
  const path = `${collection(namespace)}/stored/status?fieldValidation=Strict&dryRun=All`
  expect(created.body['status']).toEqual({ observedGeneration: -1 })
  // No default found its way into spec.
  expect(created.body['spec']).toEqual(twilio({ target: null }))

  const condition = {
    type: 'Ready',
    status: 'False',
    reason: 'SecretNotFound',
    message: 'x',
    lastTransitionTime: '2026-01-01T00:00:00Z',
    observedGeneration: 1,
  }
  const status = {
    observedGeneration: 1,
    conditions: [condition],
    credentialsId: '1-abcde',
    versions: ['1-abcde'],
    target: { name: 'sms' },
    sources: [{ name: 'a', uid: 'b', resourceVersion: '1' }],
    consumers: {
      total: 3,
      updated: 2,
      failed: 0,
      summary: '2/3',
      outdated: [{ kind: 'Deployment', name: 'a', reason: 'Progressing', message: 'x' }],
    },
  }
  // Dry runs: the operator of this run writes the status of this object too.
  const patch = (accept: string) =>
    call('PATCH', path, { status }, { 'content-type': 'application/merge-patch+json', accept, ...asTheOperator })
  expect((await patch('application/json')).body['status']).toEqual(status)

  const table = (await patch('application/json;as=Table;v=v1;g=meta.k8s.io')).body as unknown as {
    columnDefinitions: { name: string; priority: number }[]
    rows: { cells: unknown[] }[]
  }
  const narrow = table.columnDefinitions.flatMap((column, index) =>
    column.priority === 0 ? [[column.name.toUpperCase(), table.rows[0]!.cells[index]]] : [],
  )
  expect(narrow.slice(0, -1)).toEqual([
    ['NAME', 'stored'],
    ['SERVICE', 'twilio'],
    ['READY', 'False'],
    ['REASON', 'SecretNotFound'],
    ['ID', '1-abcde'],
    ['CONSUMERS', '2/3'],
  ])
  expect(narrow.at(-1)![0]).toBe('AGE')
  const wide = table.columnDefinitions.flatMap((column, index) =>
    column.priority === 1 ? [[column.name.toUpperCase(), table.rows[0]!.cells[index]]] : [],
  )
  expect(wide).toEqual([
    ['SECRET', 'twilio-live'],
    ['TARGET', 'sms'],
  ])
})

test('a condition that breaks the API conventions is refused', async () => {
  const path = `${collection(namespace)}/conditions`
  expect((await call('POST', collection(namespace), manifest(twilio({}), 'conditions'))).code).toBe(201)
  const good = {
    type: 'Ready',
    status: 'True',
    reason: 'InForce',
    message: '',
    lastTransitionTime: '2026-01-01T00:00:00Z',
  }
  for (const [change, code] of [
    [{}, 200],
    [{ reason: 'not a reason' }, 422],
    [{ status: 'Yes' }, 422],
    [{ lastTransitionTime: 'yesterday' }, 422],
  ] as const) {
    const answer = await call(
      'PATCH',
      `${path}/status`,
      { status: { conditions: [{ ...good, ...change }] } },
      { 'content-type': 'application/merge-patch+json', ...asTheOperator },
    )
    expect(answer.code).toBe(code)
  }
})
