import { expect, test } from 'vitest'
import type { TracardiResource, TracardiResourceStatus } from '../../api/tracardi-resource.ts'
import { stampLabel } from '../../api/names.ts'
import { podLabelIndex } from '../../delivery/selection.ts'
import { workloadKinds } from '../../delivery/workloads.ts'
import type { Workload, WorkloadKind } from '../../delivery/workloads.ts'
import type { KubeEvent } from '../../kube/event-recorder.ts'
import { FakeClock } from '../../kube/fake-clock.ts'
import { Store } from '../../kube/store.ts'
import type { SeenWorkloads } from './reader.ts'
import { whyOf } from './why.ts'

const at = '2026-01-01T00:00:00Z'

function condition(type: string, status: 'True' | 'False', reason: string) {
  return { type, status, reason, message: `${reason}.`, lastTransitionTime: at, observedGeneration: 2 }
}

function resource(status: TracardiResourceStatus | undefined, deletionTimestamp?: string): TracardiResource {
  return {
    metadata: {
      name: 'sms',
      namespace: 'shop',
      uid: 'u',
      resourceVersion: '1',
      generation: 2,
      ...(deletionTimestamp !== undefined && { deletionTimestamp }),
    },
    spec: {
      service: 'twilio',
      credentials: { secretRef: { name: 'live' } },
      consumers: [{ kind: 'Deployment', name: 'a' }],
    },
    ...(status !== undefined && { status }),
  }
}

function seen(stamp?: string, updated = 1, unseen: readonly WorkloadKind[] = []): SeenWorkloads {
  const stores = Object.fromEntries(
    workloadKinds.map((kind) => [
      kind,
      new Store<Workload>({ clock: new FakeClock(), indexers: { podLabels: podLabelIndex } }),
    ]),
  ) as SeenWorkloads['stores']
  const labels = stamp === undefined ? {} : { [stampLabel('sms')]: stamp }
  stores.Deployment.upsert({
    kind: 'Deployment',
    metadata: { name: 'a', namespace: 'shop', uid: 'a', resourceVersion: '1', generation: 1 },
    spec: { replicas: 1, template: { metadata: { labels } } },
    status: { observedGeneration: 1, replicas: 1, updatedReplicas: updated, availableReplicas: 1 },
  })
  return { stores, unseen: new Set(unseen), absent: new Set(['Rollout']) }
}

function event(reason: string, note: string, eventTime: string): KubeEvent {
  return { metadata: { name: 'e', uid: 'e', resourceVersion: '1' }, eventTime, type: 'Normal', reason, note }
}

const inForce = { observedGeneration: 2, credentialsId: '2-aaaaa', target: { name: 'sms-credentials' } }

function neverRestarted(given: TracardiResource): TracardiResource {
  return { ...given, spec: { ...given.spec, consumers: [{ kind: 'Deployment', name: 'a', restart: 'Never' }] } }
}

function rolloutConsumer(given: TracardiResource): TracardiResource {
  return { ...given, spec: { ...given.spec, consumers: [{ kind: 'Rollout', name: 'a' }] } }
}

test.each<[string, TracardiResource, SeenWorkloads, object, RegExp]>([
  [
    'nothing said yet',
    resource(undefined),
    seen(),
    { isReady: false, inForce: undefined },
    /not looked at this resource/,
  ],
  [
    'a newer spec',
    resource({ ...inForce, observedGeneration: 1, conditions: [condition('Ready', 'True', 'Delivered')] }),
    seen('2-aaaaa'),
    { isReady: false },
    /not looked at the newest spec/,
  ],
  [
    'at rest',
    resource({ ...inForce, conditions: [condition('Ready', 'True', 'Delivered')] }),
    seen('2-aaaaa'),
    { isReady: true, consumers: [{ name: 'a', stamp: '2-aaaaa', state: 'Updated' }] },
    /at rest/,
  ],
  [
    'a kind that is not installed',
    rolloutConsumer(resource({ ...inForce, conditions: [condition('Ready', 'True', 'ConsumerNotFound')] })),
    seen('2-aaaaa'),
    {
      consumers: [
        { kind: 'Rollout', state: 'Missing', message: expect.stringContaining('is not installed') as string },
      ],
    },
    /gets the credentials when it comes/,
  ],
  [
    'rolling',
    resource({
      ...inForce,
      conditions: [condition('Ready', 'False', 'RollingOut'), condition('Reconciling', 'True', 'RollingOut')],
    }),
    seen('1-aaaaa'),
    { isReady: false, consumers: [{ stamp: '1-aaaaa', state: 'Outdated', reason: 'RollingOut' }] },
    /^The pods of Deployment a are being replaced/,
  ],
  [
    'pods into which nothing was injected',
    resource({
      ...inForce,
      conditions: [condition('Ready', 'False', 'NotInjected'), condition('Stalled', 'True', 'NotInjected')],
      consumers: {
        total: 1,
        updated: 0,
        failed: 0,
        summary: '0/1',
        outdated: [{ kind: 'Deployment', name: 'a', reason: 'NotInjected', message: 'Not in every pod.' }],
      },
    }),
    seen('2-aaaaa'),
    { consumers: [{ stamp: '2-aaaaa', state: 'Held', reason: 'NotInjected', message: 'Not in every pod.' }] },
    /until somebody does something about NotInjected/,
  ],
  [
    'pods that keep older credentials',
    resource({
      ...inForce,
      conditions: [condition('Ready', 'True', 'ConsumerStale')],
      consumers: {
        total: 1,
        updated: 0,
        failed: 0,
        summary: '0/1',
        outdated: [{ kind: 'Deployment', name: 'a', reason: 'Stale', message: 'Older ones.' }],
      },
    }),
    seen('2-aaaaa'),
    { isReady: true, consumers: [{ state: 'Stale', reason: 'Stale', message: 'Older ones.' }] },
    /at rest/,
  ],
  [
    'restart: Never is not told to be under way',
    neverRestarted(resource({ ...inForce, conditions: [condition('Ready', 'True', 'Delivered')] })),
    seen('1-aaaaa'),
    { isReady: true, consumers: [{ stamp: '1-aaaaa', state: 'Updated', reason: 'RestartNever' }] },
    /at rest/,
  ],
  [
    'stalled, and the operator knows why a consumer has it not',
    resource({
      ...inForce,
      conditions: [condition('Ready', 'False', 'StampRefused'), condition('Stalled', 'True', 'StampRefused')],
      consumers: {
        total: 1,
        updated: 0,
        failed: 0,
        summary: '0/1',
        outdated: [{ kind: 'Deployment', name: 'a', reason: 'StampRefused', message: 'A policy is in the way.' }],
      },
    }),
    seen(),
    { summary: '0/1', consumers: [{ stamp: undefined, reason: 'StampRefused', message: 'A policy is in the way.' }] },
    /until somebody does something about StampRefused/,
  ],
  [
    'waiting for a Secret',
    resource({
      observedGeneration: 2,
      conditions: [condition('Ready', 'False', 'SecretNotFound'), condition('Reconciling', 'True', 'SecretNotFound')],
    }),
    seen(),
    { inForce: undefined, consumers: [{ reason: 'NothingInForce' }] },
    /when what it waits for is there/,
  ],
  ['going away', resource(inForce, at), seen('2-aaaaa'), {}, /being deleted/],
  [
    'consumers that may not be seen',
    resource(inForce),
    seen('2-aaaaa', 1, ['Deployment']),
    { consumers: [] },
    /at rest/,
  ],
])('%s', (_, given, workloads, expected, next) => {
  const why = whyOf({ resource: given, workloads, events: [] })
  expect(why).toMatchObject(expected)
  expect(why.next).toMatch(next)
})

test('since when it is in force comes from its Event, the newest five are told', () => {
  const events = [
    event('CredentialsInForce', 'The credentials passed: 1-aaaaa is in force.', '2026-01-01T00:00:01Z'),
    event('CredentialsInForce', 'The credentials passed: 2-aaaaa is in force.', '2026-01-01T00:00:02Z'),
    ...[3, 4, 5, 6, 7].map((second) => event('Delivered', '2-aaaaa is in force.', `2026-01-01T00:00:0${second}Z`)),
  ]
  const why = whyOf({ resource: resource(inForce), workloads: seen(), events })
  expect(why.inForce).toEqual({ credentialsId: '2-aaaaa', target: 'sms-credentials', since: '2026-01-01T00:00:02Z' })
  expect(why.events.map((one) => one.at?.slice(18, 19))).toEqual(['7', '6', '5', '4', '3'])
})
