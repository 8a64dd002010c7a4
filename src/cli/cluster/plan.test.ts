import { describe, expect, test } from 'vitest'
import { stampLabel } from '../../api/names.ts'
import type { ConsumerSpec, TracardiResource } from '../../api/tracardi-resource.ts'
import { inspect } from '../../credentials/inspect.ts'
import type { SourceSecret } from '../../credentials/resolve.ts'
import { Sensitive } from '../../credentials/sensitive.ts'
import { podLabelIndex } from '../../delivery/selection.ts'
import { stripWorkload, workloadKinds } from '../../delivery/workloads.ts'
import type { Workload, WorkloadKind } from '../../delivery/workloads.ts'
import { FakeClock } from '../../kube/fake-clock.ts'
import { Store } from '../../kube/store.ts'
import { asApplied, planOf } from './plan.ts'
import type { Neighbour } from './planned-injection.ts'
import type { SeenWorkloads } from './reader.ts'

const now = Date.UTC(2026, 0, 1)

function workload(kind: WorkloadKind, name: string, stamp?: string, spec: Workload['spec'] = {}): Workload {
  const labels = { app: name, ...(stamp !== undefined && { [stampLabel('sms')]: stamp }) }
  return {
    kind,
    metadata: { name, namespace: 'shop', uid: name, resourceVersion: '1' },
    spec: { replicas: 1, ...spec, template: { metadata: { labels } } },
  }
}

function seen(
  workloads: readonly Workload[],
  unseen: readonly WorkloadKind[] = [],
  absent: readonly WorkloadKind[] = [],
): SeenWorkloads {
  const clock = new FakeClock()
  const stores = Object.fromEntries(
    workloadKinds.map((kind) => {
      const store = new Store<Workload>({ clock, indexers: { podLabels: podLabelIndex } })
      store.replace(
        workloads.filter((one) => one.kind === kind),
        '1',
      )
      return [kind, store]
    }),
  ) as SeenWorkloads['stores']
  return { stores, unseen: new Set(unseen), absent: new Set(absent) }
}

function source(token = '0f'.repeat(16)): SourceSecret {
  const values = { accountSid: `AC${'0a'.repeat(16)}`, authToken: token }
  const data = new Map(Object.entries(values).map(([key, value]) => [key, Sensitive.of(Buffer.from(value))]))
  return { name: 'live', type: 'Opaque', data }
}

const spec = (consumers: ConsumerSpec[]): TracardiResource['spec'] => ({
  service: 'twilio',
  credentials: { secretRef: { name: 'live' } },
  consumers,
})

const deployments = (...names: string[]): ConsumerSpec[] => names.map((name) => ({ kind: 'Deployment', name }))

interface Case {
  readonly consumers: ConsumerSpec[]
  readonly workloads?: readonly Workload[]
  readonly unseen?: readonly WorkloadKind[]
  readonly absent?: readonly WorkloadKind[]
  /** Of the resource that is there already, with 3-11111 in force and no target that could be read. */
  readonly before?: ConsumerSpec[]
  readonly secret?: SourceSecret | undefined
  readonly mode?: 'Policy' | 'Patch'
  readonly neighbours?: readonly Neighbour[]
}

function plan({
  consumers,
  workloads = [],
  unseen = [],
  absent = [],
  before,
  secret = source(),
  mode,
  neighbours = [],
}: Case) {
  const live: TracardiResource | undefined =
    before === undefined
      ? undefined
      : {
          metadata: { name: 'sms', namespace: 'shop', uid: 'u-11111', resourceVersion: '5', generation: 4 },
          spec: spec(before),
          status: {
            observedGeneration: 4,
            credentialsId: '3-11111',
            target: { name: 'sms-credentials' },
            sources: [],
            ...(mode !== undefined && { injection: { mode, installation: 'one' } }),
          },
        }
  const resource = asApplied('sms', 'shop', spec(consumers), live)
  const secrets = new Map([['live', secret]])
  return planOf({
    resource,
    live,
    inspection: inspect({ service: 'twilio', credentials: resource.spec.credentials, secrets, now }),
    sources: [],
    target: { state: 'Absent' },
    workloads: seen(workloads, unseen, absent),
    neighbours,
    now,
  })
}

test.each<[string, Case, string[]]>([
  ['none yet', { consumers: deployments('a') }, ['Deployment a Wait']],
  [
    'a new resource restarts what is there',
    { consumers: deployments('a', 'b'), workloads: [workload('Deployment', 'a')] },
    ['Deployment a Restart', 'Deployment b Wait'],
  ],
  [
    'restart is Never',
    {
      consumers: deployments('a').map((consumer) => ({ ...consumer, restart: 'Never' })),
      workloads: [workload('Deployment', 'a', '2-11111')],
    },
    ['Deployment a Keep'],
  ],
  [
    'a CronJob stays',
    { consumers: [{ kind: 'CronJob', name: 'c' }], workloads: [workload('CronJob', 'c')] },
    ['CronJob c Keep'],
  ],
  [
    'what is never restarted stays',
    {
      consumers: (['ReplicaSet', 'Job', 'Pod'] as const).map((kind) => ({
        kind,
        selector: { matchLabels: { app: 'a' } },
        inject: { env: {} },
      })),
      workloads: [workload('ReplicaSet', 'a'), workload('Job', 'a', '2-11111'), workload('Pod', 'a')],
    },
    ['ReplicaSet a Keep', 'Job a Keep', 'Pod a Keep'],
  ],
  [
    'what carries it already stays',
    {
      consumers: deployments('a', 'b'),
      before: deployments('a', 'b'),
      workloads: [workload('Deployment', 'a', '3-11111'), workload('Deployment', 'b', '2-11111')],
    },
    ['Deployment a Keep', 'Deployment b Restart'],
  ],
  [
    'one that is withdrawn',
    {
      consumers: deployments('a'),
      before: deployments('a', 'b', 'gone'),
      workloads: [workload('Deployment', 'a', '4-11111'), workload('Deployment', 'b', '3-11111')],
    },
    ['Deployment a Restart', 'Deployment b Withdraw'],
  ],
  [
    'paused, without pods, OnDelete, partitioned',
    {
      consumers: [...deployments('a', 'b'), { kind: 'DaemonSet', name: 'c' }, { kind: 'StatefulSet', name: 'd' }],
      workloads: [
        workload('Deployment', 'a', undefined, { paused: true }),
        workload('Deployment', 'b', undefined, { replicas: 0 }),
        workload('DaemonSet', 'c', undefined, { updateStrategy: { type: 'OnDelete' } }),
        workload('StatefulSet', 'd', undefined, { updateStrategy: { rollingUpdate: { partition: 1 } } }),
      ],
    },
    ['Deployment a Stamp', 'Deployment b Stamp', 'DaemonSet c Stamp', 'StatefulSet d Stamp'],
  ],
  [
    'what may not be seen, by name and by selector',
    {
      consumers: [...deployments('a'), { kind: 'Deployment', selector: { matchLabels: { app: 'x' } } }],
      unseen: ['Deployment'],
    },
    ['Deployment a Unknown', 'Deployment * Unknown'],
  ],
  [
    'a kind that is not installed, by name and by selector',
    {
      consumers: [
        { kind: 'Rollout', name: 'a' },
        { kind: 'Rollout', selector: { matchLabels: { app: 'x' } } },
      ],
      absent: ['Rollout'],
    },
    ['Rollout a Wait', 'Rollout * Wait'],
  ],
  [
    'a Rollout, and one without a template of its own',
    {
      consumers: [
        { kind: 'Rollout', name: 'a' },
        { kind: 'Rollout', name: 'b' },
      ],
      workloads: [
        workload('Rollout', 'a', undefined, { strategy: { canary: { steps: [{ pause: {} }] } } }),
        workload('Rollout', 'b', undefined, { workloadRef: { kind: 'Deployment', name: 'base' } }),
      ],
    },
    ['Rollout a Restart', 'Rollout b Keep'],
  ],
])('consumers: %s', (_, given, expected) => {
  expect(plan(given).consumers.map(({ kind, name, action }) => `${kind} ${name ?? '*'} ${action}`)).toEqual(expected)
})

describe('the whole', () => {
  const one = { consumers: deployments('a'), workloads: [workload('Deployment', 'a')] }
  test.each<[string, Case, object]>([
    ['accepted', one, { result: 'Accepted', reason: 'Valid', target: { action: 'Create' }, credentialsId: undefined }],
    ['refused', { ...one, secret: source('0f'.repeat(16) + '\n') }, { result: 'Refused', reason: 'TrailingNewline' }],
    ['unseen', { ...one, unseen: ['Deployment'] }, { result: 'Unknown', credentialsId: undefined }],
    ['a CronJob unseen hides no stamp', { ...one, unseen: ['CronJob'] }, { result: 'Accepted' }],
  ])('%s', (_, given, expected) => {
    expect(plan(given)).toMatchObject(expected)
  })

  test('a Rollout that pauses says so', () => {
    const strategy = { canary: { steps: [{ pause: {} }] } }
    const planned = plan({
      consumers: [{ kind: 'Rollout', name: 'a' }],
      workloads: [workload('Rollout', 'a', undefined, { strategy })],
    })
    expect(planned.consumers[0]?.why).toContain('It pauses until somebody promotes it.')
  })

  test('nothing is restarted for what is refused', () => {
    const planned = plan({ ...one, secret: source('0f'.repeat(16) + '\n') })
    expect(planned.consumers.map(({ action }) => action)).toEqual(['Keep'])
  })
})

test('a spec that differs in nothing but nulls is the same', () => {
  const live = { ...asApplied('sms', 'shop', spec(deployments('a')), undefined) }
  live.metadata.generation = 7
  const same = { ...spec([{ kind: 'Deployment', name: 'a', selector: null }]), target: null }
  expect(asApplied('sms', 'shop', same, live).metadata.generation).toBe(7)
  expect(asApplied('sms', 'shop', spec(deployments('b')), live).metadata.generation).toBe(8)
})

describe('what is injected', () => {
  const web = (containers: object[] = [{ name: 'app' }], stamp?: string, more: object = {}): Workload => {
    const labels = { app: 'web', ...(stamp !== undefined && { [stampLabel('sms')]: stamp }) }
    const metadata = { name: 'web', namespace: 'shop', uid: 'web', resourceVersion: '1' }
    const template = { metadata: { labels }, spec: { containers, ...more } }
    return stripWorkload('Deployment')({ metadata, spec: { replicas: 1, template } } as Workload)
  }
  const injecting = (inject: NonNullable<ConsumerSpec['inject']>, more: Partial<ConsumerSpec> = {}): ConsumerSpec[] => [
    { kind: 'Deployment', name: 'web', inject, ...more },
  ]
  const both = { env: { prefix: 'SMS_' }, mount: { path: '/var/run/credentials/sms' } }
  const neighbour = (inject: NonNullable<ConsumerSpec['inject']>, keys: string[]): Neighbour => ({
    resource: {
      metadata: { name: 'other', namespace: 'shop', uid: 'u-22222', resourceVersion: '1' },
      spec: spec(injecting(inject)),
      status: {
        credentialsId: '1-22222',
        target: { name: 'other-credentials' },
        versions: ['1-22222'],
        injection: { mode: 'Policy', installation: 'one' },
      },
    },
    keys,
  })
  const variable = { name: 'TWILIO_AUTH_TOKEN', value: 'x' }
  const injected = {
    name: 'TWILIO_AUTH_TOKEN',
    valueFrom: { secretKeyRef: { name: 'sms-credentials-3-11111', key: 'TWILIO_AUTH_TOKEN' } },
  }

  test.each<[string, Case, RegExp]>([
    [
      'how is not known before an operator was here',
      { consumers: injecting(both), workloads: [web()] },
      /^Restart .*Gets variables [(]prefix SMS_[)] and files under \/var\/run\/credentials\/sms in every container[.]$/,
    ],
    [
      'by the policies of the chart',
      { consumers: injecting({ env: {}, containers: ['app'] }), workloads: [web()], before: [], mode: 'Policy' },
      /^Restart .*Gets variables in app by the API server[.]$/,
    ],
    [
      'by patch',
      { consumers: injecting({ env: {} }), workloads: [web(undefined, '4-11111')], before: [], mode: 'Patch' },
      /^Restart From 4-11111 to 5-11111[.] Gets variables in every container by a patch of its template[.]$/,
    ],
    [
      'no such container',
      { consumers: injecting({ env: {}, containers: ['main'] }), workloads: [web()] },
      /^Refuse Deployment web has no container that is named in spec.consumers\[\][.]inject[.]containers/,
    ],
    [
      'a variable of the manifest is in the way of a patch: the rest comes',
      {
        consumers: injecting({ env: {} }),
        workloads: [web([{ name: 'app', env: [variable] }])],
        before: [],
        mode: 'Patch',
      },
      /^Restart .*by a patch of its template[.] Its manifest has the variable TWILIO_AUTH_TOKEN of the container app itself/,
    ],
    [
      'the API server lets it win',
      {
        consumers: injecting({ env: {} }),
        workloads: [web([{ name: 'app', env: [variable] }])],
        before: [],
        mode: 'Policy',
      },
      /^Restart .*by the API server[.] Its manifest has the variable TWILIO_AUTH_TOKEN/,
    ],
    [
      'another resource injects the same variable',
      {
        consumers: injecting({ env: {} }),
        workloads: [web()],
        neighbours: [neighbour({ env: {} }, ['TWILIO_AUTH_TOKEN'])],
      },
      /^Refuse .*The resources other and sms both inject the variable TWILIO_AUTH_TOKEN of the container app/,
    ],
    [
      'another resource injects another',
      { consumers: injecting({ env: {} }), workloads: [web()], neighbours: [neighbour({ env: {} }, ['MAIL'])] },
      /^Restart /,
    ],
    [
      'restart: Never cannot be patched',
      { consumers: injecting({ env: {} }, { restart: 'Never' }), workloads: [web()], before: [], mode: 'Patch' },
      /^Refuse .*set restart: Rolling/,
    ],
    [
      'withdrawn: taken out',
      {
        consumers: [],
        workloads: [web([{ name: 'app', env: [injected] }], '3-11111')],
        before: injecting({ env: {} }),
        mode: 'Patch',
      },
      /^Restart .*no longer a consumer: what was injected is taken out/,
    ],
  ])('%s', (_, given, expected) => {
    const { consumers } = plan(given)
    expect(consumers.map(({ action, why }) => `${action} ${why}`)).toEqual([expect.stringMatching(expected)])
  })
})
