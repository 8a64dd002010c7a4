import { describe, expect, test } from 'vitest'
import {
  kindOf,
  podLabels,
  rolloutOf,
  stampOf,
  standsAlone,
  stripWorkload,
  templateOwner,
  waitsForPromotion,
  workloadKinds,
} from './workloads.ts'
import type { Rollout, Workload, WorkloadKind } from './workloads.ts'

const metadata = { name: 'sms', namespace: 'marketing', uid: 'uid', resourceVersion: '7', generation: 3 }
const gaveUp = { type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded' }
const going = { type: 'Progressing', status: 'True', reason: 'ReplicaSetUpdated' }

type Status = NonNullable<Workload['status']>

describe('rolloutOf a Deployment', () => {
  const done: Status = { observedGeneration: 3, replicas: 2, updatedReplicas: 2, availableReplicas: 2 }
  test.each<[string, Workload['spec'], Status | undefined, Rollout]>([
    ['all pods are new and available', { replicas: 2 }, done, 'Complete'],
    ['also when the condition is still there', { replicas: 2 }, { ...done, conditions: [gaveUp] }, 'Complete'],
    ['also when paused', { replicas: 2, paused: true }, done, 'Complete'],
    ['scaled to nothing', { replicas: 0 }, { observedGeneration: 3 }, 'Empty'],
    ['scaled to nothing, and paused', { replicas: 0, paused: true }, { observedGeneration: 3 }, 'Empty'],
    ['scaled to nothing, pods are still there', { replicas: 0 }, { ...done, updatedReplicas: 0 }, 'Progressing'],
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
    expect(rolloutOf({ kind: 'Deployment', metadata, ...(spec && { spec }), ...(status && { status }) })).toBe(expected)
  })
})

const set = { observedGeneration: 3, replicas: 3, updatedReplicas: 3, readyReplicas: 3 }
const onDelete = { type: 'OnDelete' }
const partition = (from: number) => ({ type: 'RollingUpdate', rollingUpdate: { partition: from } })

test.each<[string, Workload['spec'], Status | undefined, Rollout]>([
  ['all pods are new and ready', { replicas: 3 }, set, 'Complete'],
  [
    'one replica by default',
    {},
    { observedGeneration: 3, replicas: 1, updatedReplicas: 1, readyReplicas: 1 },
    'Complete',
  ],
  ['the controller has not looked yet', { replicas: 3 }, { ...set, observedGeneration: 2 }, 'Progressing'],
  [
    'not looked yet, OnDelete',
    { replicas: 3, updateStrategy: onDelete },
    { ...set, observedGeneration: 2 },
    'Progressing',
  ],
  ['no status at all', { replicas: 3 }, undefined, 'Progressing'],
  ['some pods are new', { replicas: 3 }, { ...set, updatedReplicas: 2 }, 'Progressing'],
  ['not all are ready', { replicas: 3 }, { ...set, readyReplicas: 2 }, 'Progressing'],
  ['scaled to nothing', { replicas: 0 }, { observedGeneration: 3 }, 'Empty'],
  ['scaled to nothing, OnDelete', { replicas: 0, updateStrategy: onDelete }, { observedGeneration: 3 }, 'Empty'],
  ['OnDelete, none deleted', { replicas: 3, updateStrategy: onDelete }, { ...set, updatedReplicas: 0 }, 'OnDelete'],
  ['OnDelete, all deleted', { replicas: 3, updateStrategy: onDelete }, set, 'Complete'],
  [
    'OnDelete, the last old one was just deleted',
    { replicas: 3, updateStrategy: onDelete },
    { ...set, replicas: 2, updatedReplicas: 2 },
    'Progressing',
  ],
  [
    'a partition, not reached',
    { replicas: 3, updateStrategy: partition(1) },
    { ...set, updatedReplicas: 1 },
    'Progressing',
  ],
  [
    'a partition, reached',
    { replicas: 3, updateStrategy: partition(1) },
    { ...set, updatedReplicas: 2 },
    'Partitioned',
  ],
  [
    'a partition above all',
    { replicas: 3, updateStrategy: partition(9) },
    { ...set, updatedReplicas: 0 },
    'Partitioned',
  ],
  ['a partition of 0', { replicas: 3, updateStrategy: partition(0) }, { ...set, updatedReplicas: 2 }, 'Progressing'],
  [
    'rollingUpdate null',
    { replicas: 3, updateStrategy: { rollingUpdate: null } },
    { ...set, updatedReplicas: 2 },
    'Progressing',
  ],
])('rolloutOf a StatefulSet: %s', (_, spec, status, expected) => {
  expect(rolloutOf({ kind: 'StatefulSet', metadata, ...(spec && { spec }), ...(status && { status }) })).toBe(expected)
})

const daemons = {
  observedGeneration: 3,
  desiredNumberScheduled: 3,
  currentNumberScheduled: 3,
  updatedNumberScheduled: 3,
  numberAvailable: 3,
}
test.each<[string, Workload['spec'], Status | undefined, Rollout]>([
  ['all pods are new and available', {}, daemons, 'Complete'],
  ['the controller has not looked yet', {}, { ...daemons, observedGeneration: 2 }, 'Progressing'],
  ['no status at all', {}, undefined, 'Progressing'],
  ['some pods are new', {}, { ...daemons, updatedNumberScheduled: 2 }, 'Progressing'],
  ['not all are available', {}, { ...daemons, numberAvailable: 2 }, 'Progressing'],
  ['no node for it', {}, { observedGeneration: 3, desiredNumberScheduled: 0 }, 'Empty'],
  ['OnDelete, some deleted', { updateStrategy: onDelete }, { ...daemons, updatedNumberScheduled: 2 }, 'OnDelete'],
  ['OnDelete, all deleted', { updateStrategy: onDelete }, daemons, 'Complete'],
  [
    'OnDelete, the last old one was just deleted',
    { updateStrategy: onDelete },
    { ...daemons, currentNumberScheduled: 2, updatedNumberScheduled: 2 },
    'Progressing',
  ],
])('rolloutOf a DaemonSet: %s', (_, spec, status, expected) => {
  expect(rolloutOf({ kind: 'DaemonSet', metadata, ...(spec && { spec }), ...(status && { status }) })).toBe(expected)
})

describe('rolloutOf a Rollout of Argo', () => {
  const paused = (reason: string): Status => ({
    observedGeneration: '3',
    phase: 'Paused',
    controllerPause: true,
    pauseConditions: [{ reason }],
    currentStepIndex: 1,
  })
  const degraded: Status = { observedGeneration: '3', phase: 'Degraded' }
  const canary = (pause: { duration?: number | string } | null): Workload['spec'] => ({
    strategy: { canary: { steps: [{}, { pause }] } },
  })
  const blueGreen = (autoPromotionSeconds?: number): Workload['spec'] => ({
    strategy: { blueGreen: { autoPromotionEnabled: false, ...(autoPromotionSeconds && { autoPromotionSeconds }) } },
  })
  test.each<[string, Workload['spec'], Status | undefined, Rollout]>([
    ['healthy', {}, { observedGeneration: '3', phase: 'Healthy' }, 'Complete'],
    ['healthy, scaled to nothing', { replicas: 0 }, { observedGeneration: '3', phase: 'Healthy' }, 'Empty'],
    ['the controller has not looked yet', {}, { observedGeneration: '2', phase: 'Healthy' }, 'Progressing'],
    // Versions before 0.10 wrote a hash.
    ['its generation is no number', {}, { observedGeneration: '6f5d8c', phase: 'Healthy' }, 'Complete'],
    ['no status at all', {}, undefined, 'Progressing'],
    ['a status without a phase', {}, { observedGeneration: '3' }, 'Progressing'],
    ['going on', {}, { observedGeneration: '3', phase: 'Progressing' }, 'Progressing'],
    ['it gave up', {}, { ...degraded, conditions: [gaveUp] }, 'GaveUp'],
    ['it gave up before the last change', {}, { ...degraded, observedGeneration: '2' }, 'Progressing'],
    ['aborted', {}, { ...degraded, abort: true, conditions: [gaveUp] }, 'Aborted'],
    [
      'a spec that it does not take',
      {},
      { ...degraded, conditions: [{ type: 'InvalidSpec', status: 'True' }] },
      'InvalidSpec',
    ],
    ['paused by hand', { paused: true }, { observedGeneration: '3', phase: 'Paused' }, 'Unpromoted'],
    ['at a step without an end', canary({}), paused('CanaryPauseStep'), 'Unpromoted'],
    ['at a step with an end', canary({ duration: '10m' }), paused('CanaryPauseStep'), 'Progressing'],
    [
      'at a step with an end, by hand as well',
      { ...canary({ duration: 5 }), paused: true },
      paused('CanaryPauseStep'),
      'Unpromoted',
    ],
    ['at a step that is not there any more', canary(null), paused('CanaryPauseStep'), 'Unpromoted'],
    ['before it switches over', blueGreen(), paused('BlueGreenPause'), 'Unpromoted'],
    ['before it switches over by itself', blueGreen(30), paused('BlueGreenPause'), 'Progressing'],
    ['an analysis without a result', canary({ duration: 5 }), paused('InconclusiveAnalysisRun'), 'Unpromoted'],
    ['promoted, not seen yet', canary({}), { ...paused('CanaryPauseStep'), pauseConditions: null }, 'Progressing'],
  ])('%s', (_, spec, status, expected) => {
    const workload: Workload = { kind: 'Rollout', metadata, ...(spec && { spec }), ...(status && { status }) }
    expect(rolloutOf(workload)).toBe(expected)
    const strip = stripWorkload('Rollout')
    expect(rolloutOf(strip(workload))).toBe(expected)
    expect(strip(strip(workload))).toStrictEqual(strip(workload))
  })

  test.each<[string, Workload['spec'], boolean]>([
    ['no strategy', {}, false],
    ['a canary without steps', { strategy: { canary: {} } }, false],
    ['a pause without an end', { strategy: { canary: { steps: [{}, { pause: {} }] } } }, true],
    ['a pause with an end', { strategy: { canary: { steps: [{ pause: { duration: 5 } }] } } }, false],
    ['blue-green', { strategy: { blueGreen: {} } }, false],
    ['blue-green by hand', blueGreen(), true],
    ['blue-green by hand or by time', blueGreen(30), false],
  ])('whether somebody has to promote it: %s', (_, spec, expected) => {
    expect(waitsForPromotion(stripWorkload('Rollout')({ metadata, ...(spec && { spec }) }))).toBe(expected)
  })

  test('what has its template in its place is kept', () => {
    const workloadRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'sms' }
    expect(templateOwner(stripWorkload('Rollout')({ metadata, spec: { workloadRef } }))).toMatchObject({ name: 'sms' })
    expect(templateOwner(stripWorkload('Rollout')({ metadata, spec: { workloadRef: null } }))).toBeUndefined()
  })
})

test('a CronJob has nothing to roll', () => {
  expect(rolloutOf({ kind: 'CronJob', metadata })).toBe('Complete')
})

test('stampOf finds the label of that resource alone', () => {
  const workload: Workload = {
    metadata,
    spec: {
      template: {
        metadata: {
          labels: {
            'credentials.tracardi.com/queue': '3-4f2c9',
            'credentials.tracardi.com/queue-2': '5-aaaaa',
            queue: 'x',
          },
        },
      },
    },
  }
  expect(stampOf(workload, 'queue')).toBe('3-4f2c9')
  expect(stampOf(workload, 'queue-2')).toBe('5-aaaaa')
  expect(stampOf(workload, 'que')).toBeUndefined()
  expect(stampOf({ metadata: workload.metadata }, 'queue')).toBeUndefined()
})

describe('stripWorkload', () => {
  const owned = { 'f:containers': { 'k:{"name":"main"}': { 'f:env': { 'k:{"name":"PASSWORD"}': {} } } } }
  const whole = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      ...metadata,
      creationTimestamp: '2026-01-01T00:00:00Z',
      labels: { app: 'sms' },
      annotations: { note: 'x'.repeat(1000) },
      managedFields: [{ manager: 'kubectl', fieldsV1: { 'f:spec': { 'f:template': { 'f:spec': owned } } } }],
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

  const strip = stripWorkload('Deployment')

  test('keeps what is needed and nothing else', () => {
    const variables = { kubectl: 'PASSWORD' }
    const main = { name: 'main', init: false, variables, paths: {}, versionVariables: [], versionMounts: [] }
    expect(strip(whole)).toStrictEqual({
      kind: 'Deployment',
      metadata,
      pods: { containers: [main], volumes: {}, versionVolumes: [] },
      spec: {
        replicas: 4,
        paused: true,
        template: { metadata: { labels: whole.spec.template.metadata.labels } },
      },
      status: {
        observedGeneration: 3,
        replicas: 5,
        updatedReplicas: 2,
        availableReplicas: 1,
        readyReplicas: 2,
        conditions: [gaveUp],
      },
    })
  })

  test('changes no verdict, and can be done twice', () => {
    const bare = { metadata: { name: 'sms', uid: 'uid', resourceVersion: '7' } }
    const deleted = { metadata: { ...metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } }
    for (const deployment of [whole, bare, deleted]) {
      const stripped = strip(deployment)
      expect(strip(stripped)).toStrictEqual(stripped)
      expect(rolloutOf(stripped)).toBe(rolloutOf(deployment))
    }
    expect(strip(bare).metadata).toStrictEqual(bare.metadata)
    expect(strip(deleted).metadata).toStrictEqual(deleted.metadata)
  })

  test.each(workloadKinds)('%s: its kind, its labels and its strategy stay', (kind: WorkloadKind) => {
    const template = { ...whole.spec.template, metadata: { labels: { app: 'sms' } } }
    const updateStrategy = { type: 'RollingUpdate', rollingUpdate: { partition: 1 } }
    const spec = kind === 'CronJob' ? { jobTemplate: { spec: { template } } } : { template, updateStrategy }
    // Items of a list have no kind.
    const stripped = stripWorkload(kind)({ metadata, spec, status: daemons })
    expect(kindOf(stripped)).toBe(kind)
    expect(podLabels(stripped)).toEqual({ app: 'sms' })
    expect(stripped.spec?.updateStrategy).toEqual(kind === 'CronJob' ? undefined : updateStrategy)
    expect(stripped.status).toStrictEqual(daemons)
    expect(JSON.stringify(stripped)).not.toContain('in the clear')
  })
})

describe('what stands alone', () => {
  const owner = (kind: string, controller = true) => [{ apiVersion: 'v1', kind, name: 'o', uid: 'o', controller }]
  const ended = (type: string, status = 'True') => ({ conditions: [{ type, status }] })
  test.each<[boolean, string, WorkloadKind, object, object]>([
    [true, 'a ReplicaSet of nobody', 'ReplicaSet', {}, {}],
    [false, 'a ReplicaSet of a Deployment', 'ReplicaSet', { ownerReferences: owner('Deployment') }, {}],
    [true, 'a Job', 'Job', {}, { active: 1 }],
    [true, 'a Job of something else', 'Job', { ownerReferences: owner('Workflow') }, {}],
    [false, 'a Job of a CronJob', 'Job', { ownerReferences: owner('CronJob') }, { active: 1 }],
    [false, 'a Job that is complete', 'Job', {}, ended('Complete')],
    [false, 'a Job that failed', 'Job', {}, ended('Failed')],
    [true, 'a Job that is not complete', 'Job', {}, ended('Complete', 'False')],
    [true, 'a Pod', 'Pod', {}, { phase: 'Running' }],
    [true, 'a Pod that has not begun', 'Pod', {}, {}],
    [true, 'a Pod that belongs to something', 'Pod', { ownerReferences: owner('ConfigMap', false) }, {}],
    [false, 'a Pod of a workload', 'Pod', { ownerReferences: owner('ReplicaSet') }, { phase: 'Running' }],
    [false, 'a Pod that succeeded', 'Pod', {}, { phase: 'Succeeded' }],
    [false, 'a Pod that failed', 'Pod', {}, { phase: 'Failed' }],
    [true, 'a Deployment of another object', 'Deployment', { ownerReferences: owner('Tenant') }, {}],
  ])('%s: %s', (expected, _, kind, more, status) => {
    const strip = stripWorkload(kind)
    const stripped = strip({ metadata: { ...metadata, ...more }, status })
    expect([standsAlone(stripped), standsAlone(strip(stripped))]).toEqual([expected, expected])
  })
})

test('of a Pod its own labels, its own parts and the marks are kept', () => {
  const pod = {
    metadata: {
      ...metadata,
      labels: { app: 'sms' },
      annotations: { 'injected.tracardi.com/mail': 'mail-1', other: 'x' },
      ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'o', uid: 'o' }],
      managedFields: [
        {
          manager: 'kubectl',
          fieldsV1: { 'f:spec': { 'f:containers': { 'k:{"name":"app"}': { 'f:env': { 'k:{"name":"A"}': {} } } } } },
        },
      ],
    },
    spec: { containers: [{ name: 'app', env: [{ name: 'A', value: 'in the clear' }] }] },
    status: { phase: 'Running' },
  } as Workload
  const strip = stripWorkload('Pod')
  const stripped = strip(pod)
  expect(stripped).toMatchObject({
    metadata: { annotations: { 'injected.tracardi.com/mail': 'mail-1' } },
    pods: { containers: [{ name: 'app', variables: { kubectl: 'A' } }] },
    status: { phase: 'Running' },
  })
  expect(Object.keys(stripped.metadata.annotations ?? {})).toHaveLength(1)
  expect(podLabels(stripped)).toEqual({ app: 'sms' })
  expect(strip(stripped)).toStrictEqual(stripped)
  expect(JSON.stringify(stripped)).not.toContain('in the clear')
})
