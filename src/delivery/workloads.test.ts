import { describe, expect, test } from 'vitest'
import { rolloutOf, stripDeployment } from './workloads.ts'
import type { Deployment, Rollout } from './workloads.ts'

const metadata = { name: 'sms', namespace: 'marketing', uid: 'uid', resourceVersion: '7', generation: 3 }
const gaveUp = { type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded' }
const going = { type: 'Progressing', status: 'True', reason: 'ReplicaSetUpdated' }

type Status = NonNullable<Deployment['status']>

describe('rolloutOf', () => {
  const done: Status = { observedGeneration: 3, replicas: 2, updatedReplicas: 2, availableReplicas: 2 }
  test.each<[string, Deployment['spec'], Status | undefined, Rollout]>([
    ['all pods are new and available', { replicas: 2 }, done, 'Complete'],
    ['also when the condition is still there', { replicas: 2 }, { ...done, conditions: [gaveUp] }, 'Complete'],
    ['also when paused', { replicas: 2, paused: true }, done, 'Complete'],
    ['scaled to nothing', { replicas: 0 }, { observedGeneration: 3 }, 'Complete'],
    [
      'one replica by default',
      {},
      { observedGeneration: 3, replicas: 1, updatedReplicas: 1, availableReplicas: 1 },
      'Complete',
    ],
    ['the controller has not looked yet', { replicas: 2 }, { ...done, observedGeneration: 2 }, 'Progressing'],
    [
      'not looked yet, and given up before',
      { replicas: 2 },
      { ...done, observedGeneration: 2, conditions: [gaveUp] },
      'Progressing',
    ],
    ['no status at all', { replicas: 2 }, undefined, 'Progressing'],
    ['no status, nothing wanted', { replicas: 0 }, undefined, 'Progressing'],
    ['some pods are new', { replicas: 2 }, { ...done, updatedReplicas: 1 }, 'Progressing'],
    ['old pods are still there', { replicas: 2 }, { ...done, replicas: 3 }, 'Progressing'],
    ['not all are available', { replicas: 2 }, { ...done, availableReplicas: 1, conditions: [going] }, 'Progressing'],
    ['it gave up', { replicas: 2 }, { ...done, availableReplicas: 1, conditions: [going, gaveUp] }, 'GaveUp'],
    [
      'another condition of that reason',
      { replicas: 2 },
      { ...done, availableReplicas: 1, conditions: [{ ...gaveUp, type: 'Available' }] },
      'Progressing',
    ],
    ['paused amid', { replicas: 2, paused: true }, { ...done, updatedReplicas: 1 }, 'Paused'],
    ['paused before the controller looked', { replicas: 2, paused: true }, { observedGeneration: 2 }, 'Paused'],
  ])('%s', (_, spec, status, expected) => {
    expect(rolloutOf({ metadata, ...(spec && { spec }), ...(status && { status }) })).toBe(expected)
  })
})

describe('stripDeployment', () => {
  const whole = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      ...metadata,
      creationTimestamp: '2026-01-01T00:00:00Z',
      labels: { app: 'sms' },
      annotations: { note: 'x'.repeat(1000) },
      managedFields: [{ manager: 'kubectl' }],
      finalizers: ['x'],
    },
    spec: {
      replicas: 4,
      paused: true,
      selector: { matchLabels: { app: 'sms' } },
      template: {
        metadata: {
          labels: {
            app: 'sms',
            'credentials.tracardi.com/queue': '3-4f2c9',
            'credentials.tracardi.com.evil/queue': 'x',
          },
          annotations: { a: 'b' },
        },
        spec: { containers: [{ name: 'main', image: 'x', env: [{ name: 'PASSWORD', value: 'in the clear' }] }] },
      },
    },
    status: {
      observedGeneration: 3,
      replicas: 5,
      updatedReplicas: 2,
      readyReplicas: 2,
      availableReplicas: 1,
      conditions: [
        { type: 'Available', status: 'True', message: 'x' },
        { ...gaveUp, message: 'x', lastUpdateTime: 'x' },
      ],
    },
  }

  test('keeps what is needed and nothing else', () => {
    expect(stripDeployment(whole)).toStrictEqual({
      metadata,
      spec: {
        replicas: 4,
        paused: true,
        template: { metadata: { labels: { 'credentials.tracardi.com/queue': '3-4f2c9' } } },
      },
      status: { observedGeneration: 3, replicas: 5, updatedReplicas: 2, availableReplicas: 1, conditions: [gaveUp] },
    })
  })

  test('changes no verdict, and can be done twice', () => {
    const bare = { metadata: { name: 'sms', uid: 'uid', resourceVersion: '7' } }
    const deleted = { metadata: { ...metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } }
    for (const deployment of [whole, bare, deleted]) {
      const stripped = stripDeployment(deployment)
      expect(stripDeployment(stripped)).toStrictEqual(stripped)
      expect(rolloutOf(stripped)).toBe(rolloutOf(deployment))
    }
    expect(stripDeployment(bare).metadata).toStrictEqual(bare.metadata)
    expect(stripDeployment(deleted).metadata).toStrictEqual(deleted.metadata)
  })
})
