import { expect, test } from 'vitest'
import type { TracardiResource } from '../api/tracardi-resource.ts'
import { absentKinds, unseenConsumers } from './visibility.ts'

const resource: TracardiResource = {
  metadata: { name: 'mail', namespace: 'shop', uid: 'u', resourceVersion: '1' },
  spec: {
    service: 'sendgrid',
    credentials: { secretRef: { name: 'live' } },
    consumers: [
      { kind: 'DaemonSet', name: 'c' },
      { kind: 'Rollout', name: 'd' },
      { kind: 'Deployment', name: 'a' },
      { kind: 'Deployment', selector: { matchLabels: { app: 'b' } } },
    ],
  },
}

test('only the kinds that a resource has as consumers count, each once', () => {
  const lacking =
    (...kinds: string[]) =>
    (kind: string, namespace: string) =>
      kinds.includes(kind) ? { verb: 'list', resource: kind, namespace } : undefined
  const unseen = (...kinds: string[]) => unseenConsumers(resource, { workloads: lacking(...kinds) })
  expect(unseen('CronJob', 'StatefulSet')).toEqual([])
  expect(unseen('DaemonSet', 'CronJob', 'Deployment')).toEqual([
    { kind: 'Deployment', permission: { verb: 'list', resource: 'Deployment', namespace: 'shop' } },
    { kind: 'DaemonSet', permission: { verb: 'list', resource: 'DaemonSet', namespace: 'shop' } },
  ])
})

test('a kind that is not installed counts where a resource has such consumers', () => {
  const served =
    (...kinds: string[]) =>
    (kind: string, namespace: string) =>
      namespace === 'shop' && kinds.includes(kind)
  expect(absentKinds(resource, { isServed: served('Deployment', 'DaemonSet', 'Rollout') })).toEqual([])
  expect(absentKinds(resource, { isServed: served('Deployment', 'DaemonSet', 'CronJob') })).toEqual(['Rollout'])
})
