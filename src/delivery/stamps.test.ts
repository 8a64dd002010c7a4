import { describe, expect, test } from 'vitest'
import type { TracardiResource } from '../api/tracardi-resource.ts'
import type { PlannedDelivery } from './plan.ts'
import { consumerState, deliveryPatch } from './stamps.ts'
import type { Consumer } from './selection.ts'
import type { Workload, WorkloadKind } from './workloads.ts'

function consumer(workload: Workload | undefined, kind: WorkloadKind = 'Deployment'): Consumer {
  return { kind, name: 'sms', workload }
}

function deployment(labels: Record<string, string>, change: Workload['spec'] & Workload['status'] = {}): Workload {
  const { paused, replicas = 1, ...status } = change
  return {
    kind: 'Deployment',
    metadata: { name: 'sms', namespace: 'marketing', uid: 'uid', resourceVersion: '7', generation: 2 },
    spec: { replicas, ...(paused !== undefined && { paused }), template: { metadata: { labels } } },
    status: { observedGeneration: 2, replicas, updatedReplicas: 1, availableReplicas: 1, ...status },
  }
}

const stamp = 'credentials.tracardi.com/queue'

test.each<[string, WorkloadKind, Parameters<typeof deliveryPatch>[1], object]>([
  [
    'stamps alone',
    'Deployment',
    { stamps: { [stamp]: '3-4f2c9' }, pods: undefined },
    { template: { metadata: { labels: { [stamp]: '3-4f2c9' } } } },
  ],
  [
    'both',
    'StatefulSet',
    { stamps: { [stamp]: '3-4f2c9' }, pods: { containers: [] } },
    { template: { metadata: { labels: { [stamp]: '3-4f2c9' } }, spec: { containers: [] } } },
  ],
  ['an injection alone', 'DaemonSet', { stamps: {}, pods: { volumes: [] } }, { template: { spec: { volumes: [] } } }],
  [
    'into a CronJob',
    'CronJob',
    { stamps: { [stamp]: '3-4f2c9' }, pods: undefined },
    { jobTemplate: { spec: { template: { metadata: { labels: { [stamp]: '3-4f2c9' } } } } } },
  ],
])('the patch holds the fence and nothing else than %s', (_, kind, plan, spec) => {
  expect(deliveryPatch({ ...deployment({ app: 'sms' }), kind }, plan)).toStrictEqual({
    metadata: { uid: 'uid', resourceVersion: '7' },
    spec,
  })
})

describe('consumerState', () => {
  const current = { [stamp]: '3-4f2c9' }
  const gaveUp = [{ type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded' }]
  const stuck = { updatedReplicas: 0, conditions: gaveUp }
  test.each<[string, Workload | undefined, string | undefined, string, string, string]>([
    ['absent', undefined, '3-4f2c9', 'Missing', 'ConsumerNotFound', 'Deployment sms does not exist'],
    ['absent, nothing in force', undefined, undefined, 'Missing', 'ConsumerNotFound', 'when it comes'],
    ['nothing in force', deployment({}), undefined, 'Outdated', 'NothingInForce', 'No valid credentials'],
    ['nothing in force any more', deployment(current), undefined, 'Outdated', 'NothingInForce', 'No valid credentials'],
    ['no stamp', deployment({}), '3-4f2c9', 'Outdated', 'RollingOut', 'are being started'],
    ['an old stamp', deployment({ [stamp]: '2-4f2c9' }), '3-4f2c9', 'Outdated', 'RollingOut', 'are being started'],
    [
      'a stamp of another resource',
      deployment({ 'credentials.tracardi.com/mail': '3-4f2c9' }),
      '3-4f2c9',
      'Outdated',
      'RollingOut',
      '',
    ],
    ['an old stamp and given up', deployment({ [stamp]: '2-4f2c9' }, stuck), '3-4f2c9', 'Outdated', 'RollingOut', ''],
    ['stamped, not observed', deployment(current, { observedGeneration: 1 }), '3-4f2c9', 'Outdated', 'RollingOut', ''],
    ['stamped, rolling', deployment(current, { updatedReplicas: 0 }), '3-4f2c9', 'Outdated', 'RollingOut', ''],
    [
      'stamped, paused',
      deployment(current, { updatedReplicas: 0, paused: true }),
      '3-4f2c9',
      'Held',
      'Paused',
      'kubectl rollout resume deployment sms',
    ],
    [
      'stamped, given up',
      deployment(current, stuck),
      '3-4f2c9',
      'Failed',
      'ProgressDeadlineExceeded',
      'kubectl describe deployment sms',
    ],
    ['stamped, complete', deployment(current), '3-4f2c9', 'Updated', 'Updated', ''],
    [
      'stamped, no replicas',
      deployment(current, { replicas: 0, updatedReplicas: 0, availableReplicas: 0 }),
      '3-4f2c9',
      'Updated',
      'NoPods',
      'Deployment sms has no pods',
    ],
  ])('%s', (_, workload, id, state, reason, message) => {
    const result = consumerState(consumer(workload), 'queue', id)
    expect(result).toMatchObject({ kind: 'Deployment', name: 'sms', state, reason })
    expect(result.message).toContain(message)
    expect(reason).toMatch(/^[A-Z][A-Za-z]+$/)
  })

  test('one that is being deleted counts as absent', () => {
    const workload = deployment(current)
    workload.metadata.deletionTimestamp = '2026-01-01T00:00:00Z'
    expect(consumerState(consumer(workload), 'queue', '3-4f2c9').state).toBe('Missing')
  })

  test('what is about to be stamped and what is rolled look the same, so the status is written once for both', () => {
    const toBeStamped = deployment({ [stamp]: '2-4f2c9' })
    const rolling = deployment(current, { updatedReplicas: 0 })
    expect(consumerState(consumer(toBeStamped), 'queue', '3-4f2c9')).toEqual(
      consumerState(consumer(rolling), 'queue', '3-4f2c9'),
    )
  })

  const seen = { observedGeneration: 2 }
  test.each<[string, WorkloadKind, Workload['spec'], Workload['status'], string, string, string]>([
    [
      'a StatefulSet that waits for hands',
      'StatefulSet',
      { replicas: 2, updateStrategy: { type: 'OnDelete' } },
      { ...seen, replicas: 2, updatedReplicas: 1, readyReplicas: 2 },
      'Held',
      'OnDelete',
      'delete its older pods',
    ],
    [
      'a StatefulSet with a partition',
      'StatefulSet',
      { replicas: 3, updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 2 } } },
      { ...seen, replicas: 3, updatedReplicas: 1, readyReplicas: 3 },
      'Held',
      'Partitioned',
      'below the partition',
    ],
    [
      'a DaemonSet that waits for hands',
      'DaemonSet',
      { updateStrategy: { type: 'OnDelete' } },
      { ...seen, desiredNumberScheduled: 2, currentNumberScheduled: 2, updatedNumberScheduled: 0, numberAvailable: 2 },
      'Held',
      'OnDelete',
      'delete its older pods',
    ],
    ['a DaemonSet without a node', 'DaemonSet', {}, { ...seen, desiredNumberScheduled: 0 }, 'Updated', 'NoPods', ''],
    ['a CronJob', 'CronJob', {}, {}, 'Updated', 'AlwaysNew', ''],
    ['a Rollout', 'Rollout', {}, { observedGeneration: '2', phase: 'Healthy' }, 'Updated', 'Updated', ''],
    [
      'a Rollout that waits to be promoted',
      'Rollout',
      { paused: true },
      { observedGeneration: '2', phase: 'Paused' },
      'Held',
      'Paused',
      'kubectl argo rollouts promote sms',
    ],
    [
      'a Rollout that was aborted',
      'Rollout',
      {},
      { observedGeneration: '2', phase: 'Degraded', abort: true },
      'Failed',
      'Aborted',
      'kubectl argo rollouts retry rollout sms',
    ],
    [
      'a Rollout with a spec that is not taken',
      'Rollout',
      {},
      { observedGeneration: '2', phase: 'Degraded', conditions: [{ type: 'InvalidSpec', status: 'True' }] },
      'Failed',
      'InvalidSpec',
      'kubectl describe rollout sms',
    ],
    [
      'a Rollout without a template of its own',
      'Rollout',
      { workloadRef: { kind: 'Deployment', name: 'base' } },
      { observedGeneration: '2', phase: 'Healthy' },
      'Held',
      'WorkloadReferenced',
      'Deployment base (spec.workloadRef): name that as the consumer',
    ],
  ])('%s', (_, kind, spec, status, state, reason, message) => {
    const template = { metadata: { labels: current } }
    const workload = { ...deployment(current), kind, spec: { ...spec, template }, status: status ?? {} }
    const result = consumerState(consumer(workload, kind), 'queue', '3-4f2c9')
    expect(result).toMatchObject({ kind, name: 'sms', state, reason })
    expect(result.message).toContain(message)
  })

  test('a CronJob is counted whatever its template carries, once something is in force', () => {
    for (const labels of [{}, { [stamp]: '1-4f2c9' }]) {
      const workload = { ...deployment(labels), kind: 'CronJob' }
      expect(consumerState(consumer(workload, 'CronJob'), 'queue', '3-4f2c9').state).toBe('Updated')
      expect(consumerState(consumer(workload, 'CronJob'), 'queue', undefined).reason).toBe('NothingInForce')
    }
  })

  const planned = (change: Partial<PlannedDelivery>): PlannedDelivery => ({
    resource: { metadata: { name: 'queue', uid: 'u', resourceVersion: '1' } } as TracardiResource,
    injects: change.mode !== undefined,
    mode: undefined,
    isNeverRestarted: false,
    problem: undefined,
    remark: '',
    isPending: false,
    ...change,
  })
  const conflict = { reason: 'InjectionConflict', message: 'Two of them.' } as const
  const older = { [stamp]: '2-4f2c9' }
  test.each<[string, WorkloadKind, Record<string, string>, Partial<PlannedDelivery>, string, string, string]>([
    [
      'an injection is missing',
      'Deployment',
      current,
      { mode: 'Patch', isPending: true },
      'Outdated',
      'RollingOut',
      '',
    ],
    ['a conflict', 'Deployment', older, { problem: conflict }, 'Held', 'InjectionConflict', 'Two of them.'],
    ['a conflict, all else is there', 'Deployment', current, { problem: conflict }, 'Held', 'InjectionConflict', 'Two'],
    [
      'a conflict, and what else is to come',
      'Deployment',
      older,
      { problem: conflict, isPending: true },
      'Outdated',
      'RollingOut',
      '',
    ],
    ['a conflict of a CronJob', 'CronJob', {}, { problem: conflict }, 'Held', 'InjectionConflict', 'Two of them.'],
    ['a remark', 'Deployment', current, { remark: 'It wins.' }, 'Updated', 'Updated', 'It wins.'],
    [
      'never restarted',
      'Deployment',
      older,
      { isNeverRestarted: true },
      'Updated',
      'RestartNever',
      'older credentials',
    ],
    ['never, no stamp', 'Deployment', {}, { isNeverRestarted: true }, 'Updated', 'RestartNever', 'until somebody'],
    [
      'never, and by policy',
      'Deployment',
      older,
      { isNeverRestarted: true, mode: 'Policy' },
      'Updated',
      'RestartNever',
      '',
    ],
    [
      'never, and by patch',
      'Deployment',
      older,
      { isNeverRestarted: true, mode: 'Patch' },
      'Held',
      'InjectionNeedsRestart',
      'set restart: Rolling',
    ],
    [
      'never, and up to date',
      'Deployment',
      current,
      { isNeverRestarted: true, mode: 'Patch' },
      'Updated',
      'Updated',
      '',
    ],
    ['a CronJob by policy', 'CronJob', {}, { mode: 'Policy' }, 'Updated', 'AlwaysNew', ''],
    [
      'a CronJob by patch, to be patched',
      'CronJob',
      {},
      { mode: 'Patch', isPending: true },
      'Outdated',
      'RollingOut',
      '',
    ],
    ['a CronJob by patch, not known yet with what', 'CronJob', older, { mode: 'Patch' }, 'Outdated', 'RollingOut', ''],
    ['a CronJob, not known yet how', 'CronJob', older, { injects: true }, 'Outdated', 'RollingOut', ''],
    ['a CronJob by patch, done', 'CronJob', current, { mode: 'Patch' }, 'Updated', 'AlwaysNew', ''],
    ['a Job', 'Job', current, { mode: 'Policy' }, 'Updated', 'Updated', ''],
    ['an older Job', 'Job', older, { mode: 'Policy' }, 'Stale', 'Stale', 'Job sms keeps 2-4f2c9'],
    ['a Job from before', 'Job', {}, { mode: 'Policy' }, 'Stale', 'Stale', 'was created without credentials'],
    ['told once, also with Never', 'Job', older, { mode: 'Policy', isNeverRestarted: true }, 'Stale', 'Stale', ''],
    ['an older Pod', 'Pod', older, { mode: 'Policy' }, 'Stale', 'Stale', 'kubectl delete pod sms'],
    ['a Pod that does not say so', 'Pod', current, { mode: 'Policy' }, 'Held', 'NotInjected', 'into the Pod sms'],
    ['a ReplicaSet, of which the pods tell', 'ReplicaSet', {}, { mode: 'Policy' }, 'Updated', 'Updated', ''],
    ['not known yet how', 'Pod', older, {}, 'Outdated', 'RollingOut', ''],
    ['by patch', 'Pod', {}, { mode: 'Patch' }, 'Held', 'InjectionNeedsPolicy', 'of the kind Pod get credentials only'],
    ['in conflict', 'Job', older, { mode: 'Policy', problem: conflict }, 'Held', 'InjectionConflict', 'Two of them.'],
  ])('%s', (_, kind, labels, change, state, reason, message) => {
    const workload = { ...deployment(labels), kind }
    const result = consumerState(consumer(workload, kind), 'queue', '3-4f2c9', planned(change))
    expect(result).toMatchObject({ kind, state, reason })
    expect(result.message).toContain(message)
  })

  test('a Pod that says that it was injected', () => {
    const pod: Workload = { ...deployment(current), kind: 'Pod' }
    pod.metadata.annotations = { 'injected.tracardi.com/queue': 'queue-credentials-3-4f2c9' }
    const result = consumerState(consumer(pod, 'Pod'), 'queue', '3-4f2c9', planned({ mode: 'Policy' }))
    expect(result).toMatchObject({ state: 'Updated', reason: 'Updated' })
  })
})
