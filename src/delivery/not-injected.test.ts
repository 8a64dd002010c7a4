import { describe, expect, test } from 'vitest'
import type { TracardiResource } from '../api/tracardi-resource.ts'
import type { KubeObject } from '../kube/objects.ts'
import {
  checkFingerprint,
  expectedInjections,
  isMended,
  lookAtPods,
  mendingLabels,
  notInjectedText,
  sightOf,
} from './not-injected.ts'
import type { InjectionSight } from './not-injected.ts'
import type { DeliveryPlan, PlannedDelivery } from './plan.ts'
import type { Workload } from './workloads.ts'

const resource = {
  metadata: { name: 'sms', namespace: 'shop', uid: 'u', resourceVersion: '1' },
  status: { credentialsId: '2-a0000', target: { name: 'sms-credentials' } },
} as unknown as TracardiResource

const delivery: PlannedDelivery = {
  resource,
  injects: true,
  mode: 'Policy',
  isNeverRestarted: false,
  problem: undefined,
  remark: '',
  isPending: false,
}

function workload(kind: string, more: Partial<Workload['status']> = {}, stamp = '2-a0000'): Workload {
  return {
    kind,
    metadata: { name: 'web', namespace: 'shop', uid: 'w', resourceVersion: '1', generation: 3 },
    spec: { replicas: 1, template: { metadata: { labels: { 'credentials.tracardi.com/sms': stamp } } } },
    status: { observedGeneration: 3, replicas: 1, updatedReplicas: 1, availableReplicas: 1, ...more },
  }
}

function plan(more: Partial<PlannedDelivery> = {}): DeliveryPlan {
  return {
    stamps: {},
    pods: undefined,
    injected: [],
    sharers: 1,
    deliveries: new Map([['sms', { ...delivery, ...more }]]),
  }
}

describe('expectedInjections', () => {
  test('of a rollout that is through: the Secret of the stamp', () => {
    expect(expectedInjections(workload('Deployment'), plan())).toEqual([
      {
        resource,
        selector: 'credentials.tracardi.com/sms=2-a0000',
        id: '2-a0000',
        secretName: 'sms-credentials-2-a0000',
      },
    ])
  })

  test('of a ReplicaSet: all its pods, whatever its template says', () => {
    const given = workload('ReplicaSet', {}, '1-a0000')
    given.spec = { template: { metadata: { labels: { app: 'web', tier: '' } } } }
    for (const isNeverRestarted of [false, true])
      expect(expectedInjections(given, plan({ isNeverRestarted }))).toMatchObject([
        { selector: 'app=web,tier=', secretName: 'sms-credentials-2-a0000' },
      ])
    const later = { ...given, metadata: { ...given.metadata, resourceVersion: '2' } }
    const [a, b] = [given, later].map((each) => checkFingerprint(each, expectedInjections(each, plan())))
    expect(a).not.toBe(b)
  })

  test('of a Job that has pods: the Secret of the stamp', () => {
    expect(expectedInjections(workload('Job', { active: 1 }), plan())).toMatchObject([
      { selector: 'credentials.tracardi.com/sms=2-a0000' },
    ])
  })

  test.each<[string, Workload, Partial<PlannedDelivery>]>([
    ['a Pod, which is seen itself', workload('Pod'), {}],
    ['a Job without pods', workload('Job'), {}],
    ['an older Job', workload('Job', { active: 1 }, '1-a0000'), {}],
    ['a rollout under way', workload('Deployment', { updatedReplicas: 0 }), {}],
    ['a CronJob', workload('CronJob'), {}],
    ['another stamp than what is in force', workload('Deployment', {}, '1-a0000'), {}],
    ['a consumer that reads the target itself', workload('Deployment'), { injects: false }],
    ['injection by patch', workload('Deployment'), { mode: 'Patch' }],
    ['a mode that is not known yet', workload('Deployment'), { mode: undefined }],
    ['restart: Never', workload('Deployment'), { isNeverRestarted: true }],
    ['something that is about to be patched', workload('Deployment'), { isPending: true }],
    ['a conflict', workload('Deployment'), { problem: { reason: 'InjectionConflict', message: '' } }],
  ])('nothing of %s', (_, given, more) => {
    expect(expectedInjections(given, plan(more))).toEqual([])
  })

  test('the next rollout is another one', () => {
    const one = workload('Deployment')
    const next = { ...one, metadata: { ...one.metadata, generation: 4 } }
    const [a, b] = [one, next].map((each) => checkFingerprint(each, expectedInjections(each, plan())))
    expect(a).not.toBe(b)
  })
})

describe('lookAtPods', () => {
  const secretName = 'sms-credentials-2-a0000'
  const owner = (kind: string, name: string) => [{ apiVersion: 'v1', kind, name, uid: 'o', controller: true }]
  const stamped = (id = '2-a0000') => ({ 'credentials.tracardi.com/sms': id })
  const pod = (metadata: object): KubeObject => ({
    metadata: { name: 'p', namespace: 'shop', uid: 'p', resourceVersion: '1', labels: stamped(), ...metadata },
  })
  const bySet = {
    labels: { 'pod-template-hash': 'abc', ...stamped() },
    ownerReferences: owner('ReplicaSet', 'web-abc'),
  }
  const says = (name: string) => ({ annotations: { 'injected.tracardi.com/sms': name } })
  const ofSet = { ownerReferences: owner('ReplicaSet', 'web') }

  test.each<[string, ReturnType<typeof lookAtPods>, string, object]>([
    ['a pod that says so', 'Injected', 'Deployment', { ...bySet, ...says(secretName) }],
    ['a pod that says nothing', 'Missed', 'Deployment', bySet],
    ['a pod with another version', 'Missed', 'Deployment', { ...bySet, ...says('sms-credentials-1-a0000') }],
    ['a pod on its way out', 'Injected', 'Deployment', { ...bySet, deletionTimestamp: 'now' }],
    [
      'a pod of another Deployment',
      'Injected',
      'Deployment',
      { ...bySet, ownerReferences: owner('ReplicaSet', 'a-abc') },
    ],
    ['a pod of nobody', 'Injected', 'Deployment', { labels: bySet.labels }],
    ['a pod of a StatefulSet', 'Missed', 'StatefulSet', { ownerReferences: owner('StatefulSet', 'web') }],
    ['a pod of another StatefulSet', 'Injected', 'StatefulSet', { ownerReferences: owner('StatefulSet', 'api') }],
    ['a pod of a DaemonSet', 'Missed', 'DaemonSet', { ownerReferences: owner('DaemonSet', 'web') }],
    ['a pod of a Job', 'Missed', 'Job', { ownerReferences: owner('Job', 'web') }],
    ['a pod of a ReplicaSet that says so', 'Injected', 'ReplicaSet', { ...ofSet, ...says(secretName) }],
    ['a pod of a ReplicaSet that says nothing', 'Missed', 'ReplicaSet', ofSet],
    ['an older pod', 'Stale', 'ReplicaSet', { ...ofSet, labels: stamped('1-a0000') }],
    ['a pod from before', 'Stale', 'ReplicaSet', { ...ofSet, labels: {} }],
    [
      'an older pod of another ReplicaSet',
      'Injected',
      'ReplicaSet',
      { labels: {}, ownerReferences: owner('ReplicaSet', 'api') },
    ],
  ])('%s: %s', (_, expected, kind, metadata) => {
    const given = workload(kind)
    expect(lookAtPods(given, [pod(metadata)], { resource, selector: '', id: '2-a0000', secretName })).toBe(expected)
  })
})

describe('sightOf', () => {
  const given = workload('Deployment')
  const fingerprint = checkFingerprint(given, expectedInjections(given, plan()))
  const seen = (more: object = {}) => ({
    fingerprint,
    missed: new Set<string>(),
    stale: new Set<string>(),
    since: 0,
    ...more,
  })

  test.each<[string, ReturnType<typeof seen> | undefined, Partial<PlannedDelivery>, InjectionSight]>([
    ['its pods were looked at', seen(), {}, 'Right'],
    ['a pod lacks it', seen({ missed: new Set(['sms']) }), {}, 'Missed'],
    ['a pod lacks what another brings', seen({ missed: new Set(['mail']) }), {}, 'Right'],
    ['a pod has older ones', seen({ stale: new Set(['sms']) }), {}, 'Stale'],
    ['before the first look', undefined, {}, 'NotLookedAt'],
    ['the next rollout', seen({ fingerprint: 'older' }), {}, 'NotLookedAt'],
    ['by patch there is nothing to look at', undefined, { mode: 'Patch' }, 'Right'],
  ])('%s', (_, check, more, expected) => {
    expect(sightOf(check, given, plan(more), 'sms')).toBe(expected)
  })
})

describe('isMended', () => {
  test('once for the credentials in force', () => {
    const given = workload('Deployment')
    const labels = { ...given.spec?.template?.metadata?.labels }
    expect([isMended(given, 'sms'), notInjectedText(given, 'sms')]).toEqual([
      false,
      expect.stringMatching(/ web\. They are replaced once/),
    ])
    const mended = mendingLabels([{ resource, selector: '', id: '2-a0000', secretName: '' }])
    const after = { ...given, spec: { template: { metadata: { labels: { ...labels, ...mended } } } } }
    expect([isMended(after, 'sms'), notInjectedText(after, 'sms')]).toEqual([
      true,
      expect.stringMatching(/although they were replaced.*kubectl rollout restart deployment web$/),
    ])
    const next = workload('Deployment', {}, '3-a0000')
    next.spec = { template: { metadata: { labels: { ...next.spec?.template?.metadata?.labels, ...mended } } } }
    expect(isMended(next, 'sms')).toBe(false)
  })
})
