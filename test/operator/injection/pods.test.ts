// What the API server puts into pods: a pod as given, resources as given, a pod as expected. No operator runs.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createNamespace } from '../support/fixtures.ts'
import { waitFor } from '../support/kube.ts'
import { startOwnCluster } from '../support/own-cluster.ts'
import type { OwnCluster } from '../support/own-cluster.ts'
import { addedTo, announced, byName, caughtUp, everything, give, inForce, pod } from './world.ts'
import type { Added, Consumer, Given, Inject, PodOptions } from './world.ts'

interface Case {
  readonly what: string
  readonly pod?: PodOptions
  readonly resources: readonly Given[]
  readonly expected: Added
}

const crd = 'tracardiresources.tracardi.com'

const nothing: Added = { labels: {}, annotations: {}, volumes: [], env: {}, mounts: {} }

/** What `inject: {env: {}}` brings, with differences. */
function injected(more: Partial<Added> & { id?: string; secret?: string } = {}): Added {
  const { id = '2-aaaaa', secret = `sms-credentials-${id}`, ...rest } = more
  return {
    labels: { 'credentials.tracardi.com/sms': id },
    annotations: { 'injected.tracardi.com/sms': secret },
    volumes: [],
    env: { app: [`* = ${secret}`] },
    mounts: {},
    ...rest,
  }
}

const secretOf = 'sms-credentials-2-aaaaa'
const volume = (secret: object = {}, name = 'tracardi-sms', secretName = secretOf) => ({
  name,
  secret: { secretName, defaultMode: 0o444, ...secret },
})
const byLabels = (kind: Consumer['kind'], matchLabels: Record<string, string>): Consumer => ({
  kind,
  selector: { matchLabels },
})
const only = (inject: Inject, consumer: Consumer = byName('web')): Given => ({ consumers: [{ ...consumer, inject }] })
const mount = { path: '/var/run/credentials/sms' }
const stamped = (id: string) => ({
  labels: { app: 'web', 'pod-template-hash': '5d9f7', 'credentials.tracardi.com/sms': id },
})
/** With an init container, a sidecar, and what the manifest brings itself. */
const rich = {
  initContainers: [
    { name: 'migrate', image: 'app', env: [{ name: 'TWILIO_AUTH_TOKEN', value: 'mine' }] },
    { name: 'proxy', image: 'app', restartPolicy: 'Always', envFrom: [{ configMapRef: { name: 'proxy' } }] },
  ],
  containers: [
    { name: 'app', image: 'app', volumeMounts: [{ name: 'scratch', mountPath: '/scratch' }] },
    { name: 'logs', image: 'app', envFrom: [{ prefix: 'A_', secretRef: { name: 'other' } }] },
  ],
  volumes: [{ name: 'scratch', emptyDir: {} }],
}
const long = 'a'.repeat(63)
const manyLabels = Array.from({ length: 7 }, (_, index) => [`${'p'.repeat(250)}/l${index}`, long] as const)
/** What a pod has whose manifest brings everything itself. */
const whole = {
  containers: [
    {
      name: 'app',
      image: 'app',
      envFrom: [{ prefix: 'SMS_', secretRef: { name: secretOf } }],
      volumeMounts: [{ name: 'tracardi-sms', mountPath: mount.path, readOnly: true }],
    },
  ],
  volumes: [volume()],
}
const cronJob = (name: string) => ({
  owner: { kind: 'Job', name: `${name}-29384610` },
  labels: { app: 'report', 'credentials.tracardi.com/sms': '1-aaaaa' },
  annotations: { 'tracardi.com/cronjob': name },
})

const cases: readonly Case[] = [
  // Who is selected
  { what: 'a Deployment by name', resources: [only({ env: {} })], expected: injected() },
  {
    what: 'a Deployment whose name begins in the same way',
    pod: { owner: { kind: 'ReplicaSet', name: 'web-api-5d9f7' } },
    resources: [only({ env: {} })],
    expected: nothing,
  },
  {
    what: 'a ReplicaSet that looks like one of the Deployment, without its label',
    pod: { owner: { kind: 'ReplicaSet', name: 'web-5d9f7' }, labels: { app: 'web' } },
    resources: [only({ env: {} })],
    expected: nothing,
  },
  {
    what: 'an owner that is not the controller',
    pod: { owner: { kind: 'ReplicaSet', name: 'web-5d9f7', controller: false } },
    resources: [only({ env: {} })],
    expected: nothing,
  },
  ...(['StatefulSet', 'DaemonSet'] as const).flatMap((kind): Case[] => [
    {
      what: `a ${kind} by name`,
      pod: { owner: { kind, name: 'web' }, labels: { app: 'web' } },
      resources: [only({ env: {} }, byName('web', kind))],
      expected: injected(),
    },
    {
      what: `a ${kind} of another name`,
      pod: { owner: { kind, name: 'web-2' }, labels: { app: 'web' } },
      resources: [only({ env: {} }, byName('web', kind))],
      expected: nothing,
    },
    {
      what: `a ${kind} by labels`,
      pod: { owner: { kind, name: 'any' }, labels: { app: 'web', sms: '', more: 'x' } },
      resources: [only({ env: {} }, byLabels(kind, { app: 'web', sms: '' }))],
      expected: injected(),
    },
    {
      what: `a ${kind} without one of the labels`,
      pod: { owner: { kind, name: 'any' }, labels: { app: 'web' } },
      resources: [only({ env: {} }, byLabels(kind, { app: 'web', sms: '' }))],
      expected: nothing,
    },
  ]),
  {
    what: 'another kind of the same name',
    pod: { owner: { kind: 'StatefulSet', name: 'web' }, labels: { app: 'web' } },
    resources: [only({ env: {} }), only({ env: {} }, byName('web', 'DaemonSet'))].map((given, index) => ({
      ...given,
      name: `sms-${index}`,
    })),
    expected: nothing,
  },
  {
    what: 'a Deployment by labels',
    resources: [only({ env: {} }, byLabels('Deployment', { app: 'web' }))],
    expected: injected(),
  },
  {
    what: 'a Deployment with another value of the label',
    resources: [only({ env: {} }, byLabels('Deployment', { app: 'shop' }))],
    expected: nothing,
  },
  {
    what: 'a ReplicaSet of nobody, for a Deployment by labels',
    pod: { owner: { kind: 'ReplicaSet', name: 'web-5d9f7' }, labels: { app: 'web' } },
    resources: [only({ env: {} }, byLabels('Deployment', { app: 'web' }))],
    expected: nothing,
  },
  {
    what: 'a pod of nobody, without labels',
    pod: { owner: null, labels: null },
    resources: [only({ env: {} }), { ...only({ env: {} }, byLabels('Deployment', { app: 'web' })), name: 'second' }],
    expected: nothing,
  },
  // Injected as they are created, and never restarted.
  {
    what: 'a ReplicaSet by labels',
    pod: { owner: { kind: 'ReplicaSet', name: 'any' }, labels: { app: 'web' } },
    resources: [only({ env: {} }, byLabels('ReplicaSet', { app: 'web' }))],
    expected: injected(),
  },
  {
    what: 'a Deployment, for a ReplicaSet by labels',
    resources: [only({ env: {} }, byLabels('ReplicaSet', { app: 'web' }))],
    expected: nothing,
  },
  {
    what: 'a Job by labels',
    pod: { owner: { kind: 'Job', name: 'any' }, labels: { app: 'web' } },
    resources: [only({ env: {} }, byLabels('Job', { app: 'web' }))],
    expected: injected(),
  },
  {
    what: 'a pod of nobody, by labels',
    pod: { owner: null, labels: { app: 'web' } },
    resources: [only({ env: {} }, byLabels('Pod', { app: 'web' }))],
    expected: injected(),
  },
  {
    what: 'a node, which owns the pods that its kubelet reads from files: they may have no Secret',
    pod: { owner: { kind: 'Node', name: 'node-1' }, labels: { app: 'web' } },
    resources: [only({ env: {} }, byLabels('Pod', { app: 'web' }))],
    expected: nothing,
  },
  // A Job's template says which CronJob it came from; only the first of two CronJobs has inject.
  {
    what: 'a Job of a CronJob by name',
    pod: cronJob('report'),
    resources: [only({ env: {} }, byName('report', 'CronJob'))],
    expected: injected({ id: '1-aaaaa', labels: {} }),
  },
  {
    what: 'a Job of another CronJob, stamped for it',
    pod: cronJob('export'),
    resources: [{ consumers: [{ ...byName('report', 'CronJob'), ...everything }, byName('export', 'CronJob')] }],
    expected: nothing,
  },
  {
    what: 'a Job of a CronJob by labels',
    pod: cronJob('any'),
    resources: [only({ env: {} }, byLabels('CronJob', { app: 'report' }))],
    expected: injected({ id: '1-aaaaa', labels: {} }),
  },
  {
    what: 'a Job of nobody, for a CronJob by labels',
    pod: { owner: { kind: 'Job', name: 'any' }, labels: { app: 'report' } },
    resources: [only({ env: {} }, byLabels('CronJob', { app: 'report' }))],
    expected: nothing,
  },
  {
    what: 'the second consumer, because the first does not inject',
    resources: [{ consumers: [byName('web'), { ...byLabels('Deployment', { app: 'web' }), ...everything }] }],
    expected: injected(),
  },
  {
    what: 'the first consumer of two that inject',
    resources: [
      {
        consumers: [
          { ...byName('web'), inject: { env: { prefix: 'ONE_' } } },
          { ...byLabels('Deployment', { app: 'web' }), inject: { env: { prefix: 'TWO_' } } },
        ],
      },
    ],
    expected: injected({ env: { app: [`ONE_* = ${secretOf}`] } }),
  },
  { what: 'a consumer without inject', resources: [{ consumers: [byName('web')] }], expected: nothing },
  {
    what: 'a consumer with null for inject and selector',
    resources: [{ consumers: [{ ...byName('web'), inject: null, selector: null }] }],
    expected: nothing,
  },
  { what: 'no resource at all', resources: [], expected: nothing },
  // What goes where
  {
    what: 'a prefix, into everything that runs',
    pod: { spec: rich },
    resources: [only({ env: { prefix: 'SMS_' } })],
    expected: injected({
      env: Object.fromEntries(
        ['app', 'logs', 'migrate', 'proxy'].map((name) => [name, [`SMS_* = ${secretOf}`]] as const),
      ),
    }),
  },
  {
    what: 'a mount, into everything that runs',
    pod: { spec: rich },
    resources: [only({ mount })],
    expected: injected({
      env: {},
      volumes: [volume()],
      mounts: Object.fromEntries(
        ['app', 'logs', 'migrate', 'proxy'].map((name) => [name, [`${mount.path} = tracardi-sms`]] as const),
      ),
    }),
  },
  {
    what: 'both, with keys and a mode, into a container and a sidecar',
    pod: { spec: rich },
    resources: [
      only({
        env: { prefix: null },
        mount: { ...mount, keys: ['TWILIO_AUTH_TOKEN', 'b.c'], fileMode: 0o440 },
        containers: ['app', 'proxy', 'not-here'],
      }),
    ],
    expected: injected({
      env: { app: [`* = ${secretOf}`], proxy: [`* = ${secretOf}`] },
      volumes: [
        volume({
          defaultMode: 0o440,
          items: [
            { key: 'TWILIO_AUTH_TOKEN', path: 'TWILIO_AUTH_TOKEN' },
            { key: 'b.c', path: 'b.c' },
          ],
        }),
      ],
      mounts: { app: [`${mount.path} = tracardi-sms`], proxy: [`${mount.path} = tracardi-sms`] },
    }),
  },
  {
    what: 'nulls for everything that may be absent',
    resources: [only({ env: { prefix: null }, mount: { ...mount, keys: null, fileMode: null }, containers: null })],
    expected: injected({ volumes: [volume()], mounts: { app: [`${mount.path} = tracardi-sms`] } }),
  },
  {
    what: 'null for env, and a mode of zero',
    resources: [only({ env: null, mount: { ...mount, fileMode: 0 } })],
    expected: injected({
      env: {},
      volumes: [volume({ defaultMode: 0 })],
      mounts: { app: [`${mount.path} = tracardi-sms`] },
    }),
  },
  {
    what: 'containers that the pod has not: it does not say that it got anything',
    resources: [only({ env: {}, mount, containers: ['not-here'] })],
    expected: injected({ annotations: {}, env: {} }),
  },
  {
    what: 'another target',
    resources: [{ ...only({ env: {} }), status: { ...inForce(), target: { name: 'mine' } } }],
    expected: injected({ secret: 'mine-2-aaaaa' }),
  },
  {
    what: 'the longest names',
    resources: [
      {
        ...only({ env: {}, mount }),
        name: long,
        status: { ...inForce(), target: { name: 't'.repeat(230) }, versions: ['99999999999-aaaaa'] },
      },
    ],
    expected: {
      labels: { [`credentials.tracardi.com/${long}`]: '99999999999-aaaaa' },
      annotations: { [`injected.tracardi.com/${long}`]: `${'t'.repeat(230)}-99999999999-aaaaa` },
      volumes: [volume({}, long, `${'t'.repeat(230)}-99999999999-aaaaa`)],
      env: { app: [`* = ${'t'.repeat(230)}-99999999999-aaaaa`] },
      mounts: { app: [`${mount.path} = ${long}`] },
    },
  },
  // Which credentials
  {
    what: 'the stamp of the template',
    pod: stamped('1-aaaaa'),
    resources: [only({ env: {} })],
    expected: injected({ id: '1-aaaaa', labels: {} }),
  },
  {
    what: 'a stamp that nobody knows',
    pod: stamped('7-fffff'),
    resources: [only({ env: {} })],
    expected: injected(),
  },
  {
    what: 'the newest for a template that is never stamped, whatever it carries',
    pod: stamped('1-aaaaa'),
    resources: [{ consumers: [{ ...byName('web'), ...everything, restart: 'Never' }] }],
    expected: injected(),
  },
  {
    what: 'the first one to come while nothing is in force',
    resources: [{ ...only({ env: {} }), status: announced }],
    expected: injected({ id: '1-aaaaa' }),
  },
  // Nothing, because
  {
    what: 'the operator has not seen the resource',
    resources: [{ ...only({ env: {} }), status: null }],
    expected: nothing,
  },
  {
    what: 'there are no versions',
    resources: [{ ...only({ env: {} }), status: { ...inForce(), versions: [] } }],
    expected: nothing,
  },
  {
    what: 'the target is not ours',
    resources: [
      {
        ...only({ env: {} }),
        status: { versions: ['2-aaaaa'], injection: { mode: 'Policy', installation: 'tracardi-system' } },
      },
    ],
    expected: nothing,
  },
  {
    what: 'nobody said that it is injected',
    resources: [
      {
        ...only({ env: {} }),
        status: { target: { name: 'sms-credentials' }, credentialsId: '2-aaaaa', versions: ['2-aaaaa'] },
      },
    ],
    expected: nothing,
  },
  {
    what: 'the operator patches templates',
    resources: [
      { ...only({ env: {} }), status: { ...inForce(), injection: { mode: 'Patch', installation: 'tracardi-system' } } },
    ],
    expected: nothing,
  },
  {
    what: 'another installation injects',
    resources: [
      { ...only({ env: {} }), status: { ...inForce(), injection: { mode: 'Policy', installation: 'other-system' } } },
    ],
    expected: nothing,
  },
  { what: 'the resource is being deleted', resources: [{ ...only({ env: {} }), deleting: true }], expected: nothing },
  // What the manifest has
  {
    what: 'everything already: the label and the mark alone are missing',
    pod: { spec: whole },
    resources: [only({ env: { prefix: 'SMS_' }, mount })],
    expected: injected({ env: {} }),
  },
  {
    what: 'the same Secret with another prefix',
    pod: { spec: whole },
    resources: [only({ env: { prefix: 'OTHER_' } })],
    expected: injected({ env: { app: [`OTHER_* = ${secretOf}`] } }),
  },
  {
    what: 'another volume of that name: no mount, and no mark',
    pod: {
      spec: {
        ...rich,
        volumes: [
          { name: 'scratch', emptyDir: {} },
          { name: 'tracardi-sms', emptyDir: {} },
        ],
      },
    },
    resources: [only({ env: {}, mount, containers: ['app'] })],
    expected: injected({ annotations: {} }),
  },
  {
    what: 'a mount at that path: no mount, and no mark',
    pod: { spec: rich },
    resources: [only({ env: {}, mount: { path: '/scratch' }, containers: ['app', 'logs'] })],
    expected: injected({ annotations: {}, env: { app: [`* = ${secretOf}`], logs: [`* = ${secretOf}`] } }),
  },
  {
    what: 'a mount at that path, in a container that was not chosen',
    pod: { spec: rich },
    resources: [only({ mount: { path: '/scratch' }, containers: ['logs'] })],
    expected: injected({ env: {}, volumes: [volume()], mounts: { logs: ['/scratch = tracardi-sms'] } }),
  },
  {
    what: 'annotations and an older mark',
    pod: { annotations: { note: 'x', 'injected.tracardi.com/sms': 'sms-credentials-1-aaaaa' } },
    resources: [only({ env: {} })],
    expected: injected(),
  },
  // More than one
  {
    what: 'two resources, whichever comes first',
    pod: { spec: rich },
    resources: [
      only({ env: { prefix: 'SMS_' }, mount, containers: ['app'] }),
      {
        ...only({ env: {}, mount: { path: '/mail' }, containers: ['app'] }, byLabels('Deployment', { app: 'web' })),
        name: 'mail',
      },
    ],
    expected: {
      labels: { 'credentials.tracardi.com/sms': '2-aaaaa', 'credentials.tracardi.com/mail': '2-aaaaa' },
      annotations: {
        'injected.tracardi.com/sms': secretOf,
        'injected.tracardi.com/mail': 'mail-credentials-2-aaaaa',
      },
      volumes: [volume({}, 'tracardi-mail', 'mail-credentials-2-aaaaa'), volume()],
      env: { app: ['* = mail-credentials-2-aaaaa', `SMS_* = ${secretOf}`] },
      mounts: { app: ['/mail = tracardi-mail', `${mount.path} = tracardi-sms`] },
    },
  },
  {
    what: 'one of a hundred resources',
    resources: [
      only({ env: {} }),
      ...Array.from({ length: 99 }, (_, index) => ({
        ...only({ env: {} }, index % 2 === 0 ? byName('shop') : byLabels('Deployment', { app: 'shop' })),
        name: `other-${index}`,
      })),
    ],
    expected: injected(),
  },
  {
    what: 'the last of as many consumers as can be, each with the longest selector, of which one label is not the same',
    pod: { labels: { app: 'web', 'pod-template-hash': '5d9f7', ...Object.fromEntries(manyLabels) } },
    resources: [
      {
        consumers: [
          ...Array.from({ length: 23 }, () => ({
            ...byLabels('Deployment', { ...Object.fromEntries(manyLabels), z: long }),
            ...everything,
          })),
          { ...byName('web'), inject: { env: {}, mount } },
        ],
      },
    ],
    expected: injected({ volumes: [volume()], mounts: { app: [`${mount.path} = tracardi-sms`] } }),
  },
]

let cluster: OwnCluster
let bare: string
const namespaces: string[] = []

async function serviceAccountIn(namespace: string): Promise<void> {
  await waitFor(
    'the ServiceAccount for pods',
    () => cluster.kube.get('serviceaccounts', namespace, 'default'),
    (found) => found !== undefined,
  )
}

/** A new one, in which pods can be created once this resolves. */
async function namespaceWith(...resources: readonly Given[]): Promise<string> {
  const namespace = await createNamespace(cluster.kube, 'pods')
  await Promise.all(resources.map((given) => give(cluster.kube, namespace, given)))
  await serviceAccountIn(namespace)
  return namespace
}

/** What the pod gets in this namespace that it would not without the policies. */
async function added(namespace: string, object: object): Promise<Added> {
  const [before, after] = await Promise.all([
    cluster.kube.tryCreate('pods', bare, object),
    cluster.kube.tryCreate('pods', namespace, object),
  ])
  return addedTo(before, after)
}

beforeAll(async () => {
  cluster = await startOwnCluster()
  const { kube } = cluster
  // No resource is here: what a pod is without the policies.
  bare = await namespaceWith()
  await Promise.all(
    cases.map(async ({ resources }, index) => {
      namespaces[index] = await namespaceWith(...resources)
    }),
  )
  await caughtUp(kube, await namespaceWith())
})

afterAll(() => cluster[Symbol.asyncDispose]())

describe.concurrent('into the pod of', () => {
  test.each(cases.map((entry, index) => [entry.what, entry, index] as const))('%s', async (_, entry, index) => {
    expect(await added(namespaces[index]!, pod(entry.pod))).toEqual(entry.expected)
  })
})

test('a container that another policy adds gets them too, before and after: nothing comes twice', async () => {
  const { kube } = cluster
  const names = ['a-first', 'z-last']
  // The server runs policies in the order of their names. One of the two comes after ours, which is then run again.
  const objects = names.flatMap((name) => [
    {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'MutatingAdmissionPolicy',
      metadata: { name },
      spec: {
        failurePolicy: 'Fail',
        reinvocationPolicy: 'IfNeeded',
        matchConstraints: {
          resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
        },
        matchConditions: [
          {
            name: 'wanted',
            expression: `object.metadata.?labels[?'sidecars'].hasValue() && !object.spec.containers.exists(c, c.name == '${name}')`,
          },
        ],
        mutations: [
          {
            patchType: 'JSONPatch',
            jsonPatch: {
              expression: `[JSONPatch{op: 'add', path: '/spec/containers/-', value: {'name': '${name}', 'image': 'app'}}]`,
            },
          },
        ],
      },
    },
    {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'MutatingAdmissionPolicyBinding',
      metadata: { name },
      spec: { policyName: name },
    },
  ])
  await kube.kubectl(['create', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }))
  const namespace = await namespaceWith(only({ env: { prefix: 'SMS_' }, mount }))
  const found = await waitFor(
    'a pod with both sidecars',
    () =>
      kube.tryCreate('pods', namespace, pod({ labels: { app: 'web', 'pod-template-hash': '5d9f7', sidecars: 'yes' } })),
    ({ spec }) => spec.containers.length === 3,
  )
  // In which order the API server asks its policies is not ours to say.
  const containers = found.spec.containers.toSorted((a, b) => (a.name < b.name ? -1 : 1))
  expect(containers.map(({ name, envFrom, volumeMounts }) => ({ name, envFrom, volumeMounts }))).toEqual(
    ['app', ...names].sort().map((name) => ({
      name,
      envFrom: [{ prefix: 'SMS_', secretRef: { name: secretOf } }],
      volumeMounts: [{ name: 'tracardi-sms', mountPath: mount.path, readOnly: true }],
    })),
  )
  expect(found.spec.volumes).toEqual([volume()])
})

describe('a CRD that is not the one of the chart', () => {
  test('without its rules a name may be too long for a label: pods start without', async () => {
    const { kube } = cluster
    const rules = '/spec/versions/0/schema/openAPIV3Schema/x-kubernetes-validations'
    await kube.kubectl(['patch', 'crd', crd, '--type=json', '-p', JSON.stringify([{ op: 'remove', path: rules }])])
    const namespace = await createNamespace(kube, 'pods')
    const name = 'a'.repeat(64)
    await waitFor(
      'a name of 64 characters',
      () =>
        give(kube, namespace, { ...only({ env: {} }), name }).then(
          () => true,
          () => false,
        ),
      (accepted) => accepted,
    )
    await give(kube, namespace, only({ env: {} }))
    await serviceAccountIn(namespace)
    await caughtUp(kube, await namespaceWith())
    expect(await added(namespace, pod())).toEqual(injected())
  })

  test('none at all: pods start without', async () => {
    const { kube } = cluster
    await Promise.all(
      (await kube.list('tracardiresources'))
        .filter(({ metadata }) => (metadata as { finalizers?: string[] }).finalizers !== undefined)
        .map(({ metadata }) =>
          kube.patch('tracardiresources', metadata.namespace ?? '', metadata.name, { metadata: { finalizers: null } }),
        ),
    )
    const namespace = namespaces[0]!
    expect(await added(namespace, pod())).toEqual(injected())
    await kube.remove('customresourcedefinitions', undefined, crd)
    await waitFor(
      'a pod as it is given',
      () => added(namespace, pod()),
      (found) => Object.keys(found.labels).length === 0,
    )
    expect(await added(namespace, pod())).toEqual(nothing)
  })
})
