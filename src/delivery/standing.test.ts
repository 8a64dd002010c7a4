import { expect, test } from 'vitest'
import type { ConsumerSpec, TracardiResource } from '../api/tracardi-resource.ts'
import { FakeClock } from '../kube/fake-clock.ts'
import { Store } from '../kube/store.ts'
import { InForce } from './in-force.ts'
import { consumerIndex } from './selection.ts'
import { affectedResources } from './standing.ts'
import { stripWorkload } from './workloads.ts'
import type { Workload, WorkloadKind } from './workloads.ts'

const resources = new Store<TracardiResource>({ clock: new FakeClock(), indexers: { consumers: consumerIndex } })
const put = (name: string, consumer: ConsumerSpec, namespace = 'shop'): void => {
  resources.upsert({
    metadata: { name, namespace, uid: `${namespace}-${name}`, resourceVersion: '1' },
    spec: { service: 'redis', credentials: {}, consumers: [consumer] },
    status: { credentialsId: '2-4f2c9' },
  })
}
put('named', { kind: 'Deployment', name: 'sender' })
put('selects', { kind: 'Deployment', selector: { matchLabels: { needs: 'mail' } } })
put('nightly', { kind: 'CronJob', selector: { matchLabels: { needs: 'mail' } } })
put('named', { kind: 'Deployment', name: 'sender' }, 'blog')

const stamps = {
  'credentials.tracardi.com/named': '2-4f2c9',
  'credentials.tracardi.com/selects': '2-4f2c9',
}

function workload(labels: Record<string, string>, available = 1, kind: WorkloadKind = 'Deployment'): Workload {
  const template = { metadata: { labels } }
  return stripWorkload(kind)({
    metadata: { name: 'sender', namespace: 'shop', uid: 'u', resourceVersion: '1', generation: 1 },
    spec: kind === 'CronJob' ? { jobTemplate: { spec: { template } } } : { template },
    status: { observedGeneration: 1, replicas: 1, updatedReplicas: 1, availableReplicas: available },
  })
}

const needs = { needs: 'mail' }

test.each<[string, Workload | undefined, Workload | undefined, string[]]>([
  ['it comes', undefined, workload({ ...needs, ...stamps }), ['named', 'selects']],
  ['it goes', workload({ ...needs, ...stamps }), undefined, ['named', 'selects']],
  ['nothing changes', workload({ ...needs, ...stamps }), workload({ ...needs, ...stamps }), []],
  ['a stamp is set: it is on its way before and after', workload(needs), workload({ ...needs, ...stamps }, 0), []],
  ['it is through', workload({ ...needs, ...stamps }, 0), workload({ ...needs, ...stamps }), ['named', 'selects']],
  [
    'one stamp is lost',
    workload({ ...needs, ...stamps }),
    workload({ ...needs, 'credentials.tracardi.com/named': '2-4f2c9' }),
    ['selects'],
  ],
  // Whoever is not through is outdated before and after, and still there is one more or less to count.
  ['it gets the label', workload({}), workload(needs), ['selects']],
  ['it loses the label', workload(needs), workload({}), ['selects']],
  ['it loses the label when it is through', workload({ ...needs, ...stamps }), workload(stamps), ['selects']],
  ['a CronJob gets the label', workload({}, 1, 'CronJob'), workload(needs, 1, 'CronJob'), ['nightly']],
  ['a CronJob loses the label', workload(needs, 1, 'CronJob'), workload({}, 1, 'CronJob'), ['nightly']],
  ['a CronJob changes otherwise', workload(needs, 1, 'CronJob'), workload({ ...needs, more: 'x' }, 1, 'CronJob'), []],
  ['of neither anything is known', undefined, undefined, []],
])('%s', (_, old, changed, names) => {
  const affected = affectedResources({ resources, inForce: new InForce(), installation: 'one' }, old, changed)
  expect(affected.map(({ metadata }) => metadata.name).sort()).toEqual(names)
  expect(affected.every(({ metadata }) => metadata.namespace === 'shop')).toBe(true)
})
