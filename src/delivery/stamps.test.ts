import { describe, expect, test } from 'vitest'
import { consumerState, missingStamps, stampOf, stampPatch } from './stamps.ts'
import type { Delivery } from './stamps.ts'
import type { Deployment } from './workloads.ts'

const consumer = { kind: 'Deployment' as const, name: 'sms' }

function deployment(
  labels: Record<string, string>,
  change: Deployment['spec'] & Deployment['status'] = {},
): Deployment {
  const { paused, ...status } = change
  return {
    metadata: { name: 'sms', namespace: 'marketing', uid: 'uid', resourceVersion: '7', generation: 2 },
    spec: { replicas: 1, ...(paused !== undefined && { paused }), template: { metadata: { labels } } },
    status: { observedGeneration: 2, replicas: 1, updatedReplicas: 1, availableReplicas: 1, ...status },
  }
}

const stamp = 'credentials.tracardi.com/queue'

test('stampOf finds the label of that resource alone', () => {
  const workload = deployment({ [stamp]: '3-4f2c9', 'credentials.tracardi.com/queue-2': '5-aaaaa', queue: 'x' })
  expect(stampOf(workload, 'queue')).toBe('3-4f2c9')
  expect(stampOf(workload, 'queue-2')).toBe('5-aaaaa')
  expect(stampOf(workload, 'que')).toBeUndefined()
  expect(stampOf({ metadata: workload.metadata }, 'queue')).toBeUndefined()
})

test.each<[string, Record<string, string>, Delivery[], Record<string, string>]>([
  ['nobody', {}, [], {}],
  ['nothing in force', {}, [{ resource: 'queue', credentialsId: undefined }], {}],
  ['none yet', {}, [{ resource: 'queue', credentialsId: '3-4f2c9' }], { [stamp]: '3-4f2c9' }],
  ['the right one', { [stamp]: '3-4f2c9' }, [{ resource: 'queue', credentialsId: '3-4f2c9' }], {}],
  ['an older one', { [stamp]: '2-4f2c9' }, [{ resource: 'queue', credentialsId: '3-4f2c9' }], { [stamp]: '3-4f2c9' }],
  // What is in force may also be an older one: the cluster decides, not the number.
  ['a newer one', { [stamp]: '4-4f2c9' }, [{ resource: 'queue', credentialsId: '3-4f2c9' }], { [stamp]: '3-4f2c9' }],
  ['one of a resource that names it no more is inert', { 'credentials.tracardi.com/gone': '9-aaaaa' }, [], {}],
  [
    'a stamp stays while nothing is in force',
    { [stamp]: '3-4f2c9' },
    [{ resource: 'queue', credentialsId: undefined }],
    {},
  ],
  [
    'several, of which one is right',
    { [stamp]: '3-4f2c9' },
    [
      { resource: 'queue', credentialsId: '3-4f2c9' },
      { resource: 'mail', credentialsId: '1-bbbbb' },
      { resource: 'later', credentialsId: undefined },
      { resource: 'cache', credentialsId: '2-ccccc' },
    ],
    { 'credentials.tracardi.com/mail': '1-bbbbb', 'credentials.tracardi.com/cache': '2-ccccc' },
  ],
])('missingStamps: %s', (_, labels, deliveries, missing) => {
  expect(missingStamps(deployment(labels), deliveries)).toEqual(missing)
})

test('the patch holds the stamps and the fence, and nothing else', () => {
  expect(stampPatch(deployment({ app: 'sms' }), { [stamp]: '3-4f2c9' })).toStrictEqual({
    metadata: { uid: 'uid', resourceVersion: '7' },
    spec: { template: { metadata: { labels: { [stamp]: '3-4f2c9' } } } },
  })
})

describe('consumerState', () => {
  const current = { [stamp]: '3-4f2c9' }
  const gaveUp = [{ type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded' }]
  const stuck = { updatedReplicas: 0, conditions: gaveUp }
  test.each<[string, Deployment | undefined, string | undefined, string, string, string]>([
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
      'Outdated',
      'Paused',
      'kubectl rollout resume',
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
  ])('%s', (_, workload, id, state, reason, message) => {
    const result = consumerState(consumer, workload, 'queue', id)
    expect(result).toMatchObject({ kind: 'Deployment', name: 'sms', state, reason })
    expect(result.message).toContain(message)
    expect(result.stamp).toBe(workload === undefined ? undefined : stampOf(workload, 'queue'))
    expect(reason).toMatch(/^[A-Z][A-Za-z]+$/)
  })

  test('one that is being deleted counts as absent', () => {
    const workload = deployment(current)
    workload.metadata.deletionTimestamp = '2026-01-01T00:00:00Z'
    expect(consumerState(consumer, workload, 'queue', '3-4f2c9').state).toBe('Missing')
  })

  test('what is about to be stamped and what is rolled look the same, so the status is written once for both', () => {
    const { stamp: before, ...toBeStamped } = consumerState(
      consumer,
      deployment({ [stamp]: '2-4f2c9' }),
      'queue',
      '3-4f2c9',
    )
    const { stamp: after, ...rolling } = consumerState(
      consumer,
      deployment(current, { updatedReplicas: 0 }),
      'queue',
      '3-4f2c9',
    )
    expect(toBeStamped).toEqual(rolling)
    expect([before, after]).toEqual(['2-4f2c9', '3-4f2c9'])
  })
})
