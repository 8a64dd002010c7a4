// --secret-access=Get with the rights that the chart then grants: no list or watch of Secrets, and all that is promised.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { describeCall } from './support/audit-log.ts'
import {
  contentsOf,
  deployment,
  resource,
  rolloutsOf,
  secret,
  twilioSpec,
  valid,
  waitForConditions,
} from './support/fixtures.ts'
import { sleep, waitFor } from './support/kube.ts'
import { startOwnCluster } from './support/own-cluster.ts'
import type { OwnCluster } from './support/own-cluster.ts'

const ns = 'marketing'

/** How often each Secret is asked for: in real life every minute. */
const periodMs = 2000
const args = ['--secret-access=Get', `--cache-ttl=${periodMs}ms`, '--leader-elect=false']

let cluster: OwnCluster

beforeAll(async () => {
  cluster = await startOwnCluster({ namespaces: [ns], values: { secretAccess: 'Get' } })
})

afterAll(() => cluster[Symbol.asyncDispose]())

test('a rotation, a target edited by hand, a Secret that comes late; and each is asked for once in a period', async () => {
  const { kube } = cluster
  await kube.create('deployments', ns, deployment('app'))
  await kube.create('tracardiresources', ns, resource('sms', twilioSpec('source', ['app'])))
  await using operator = await cluster.start(args)
  await operator.waitForLog('working')
  await waitForConditions(kube, ns, 'sms', { SecretsResolved: 'False SecretNotFound' })

  await kube.create('secrets', ns, secret('source', valid.twilio()))
  await waitForConditions(kube, ns, 'sms', { Ready: 'True Delivered' }, { credentialsId: /^1-/ })

  const next = valid.twilio()
  await kube.patch('secrets', ns, 'source', secret('source', next))
  await waitForConditions(kube, ns, 'sms', { Ready: 'True Delivered' }, { credentialsId: /^2-/ })
  expect((await contentsOf(kube, ns, 'sms-credentials'))?.['TWILIO_AUTH_TOKEN']).toBe(next.authToken)

  await kube.patch('secrets', ns, 'sms-credentials', { data: { TWILIO_AUTH_TOKEN: null } })
  await waitFor(
    'the target as it was',
    () => contentsOf(kube, ns, 'sms-credentials'),
    (contents) => contents?.['TWILIO_AUTH_TOKEN'] === next.authToken,
  )
  await waitForConditions(kube, ns, 'sms', { Ready: 'True Delivered' }, { credentialsId: /^2-/ })
  expect((await rolloutsOf(kube, ns, 'app', 'sms')).replicaSets).toHaveLength(3)

  // The last Events come a little later.
  await sleep(periodMs)
  const mark = await cluster.audit.mark()
  const periods = 3
  await sleep(periods * periodMs)
  const atRest = await cluster.audit.operatorCalls(mark)
  // Two Secrets, source and target, and nothing else.
  expect([...new Set(atRest.map(describeCall))].sort()).toEqual(['get secrets/sms-credentials', 'get secrets/source'])
  expect(atRest.length).toBeGreaterThanOrEqual(2 * (periods - 1))
  expect(atRest.length).toBeLessThanOrEqual(2 * (periods + 1))

  const all = await cluster.audit.operatorCalls(0)
  const verbs = new Set(all.filter(({ objectRef }) => objectRef?.resource === 'secrets').map(({ verb }) => verb))
  expect([...verbs].sort()).toEqual(['create', 'get', 'patch'])
  expect(all.filter(({ responseStatus }) => responseStatus?.code === 403)).toEqual([])
  expect((await operator.stop()).code).toBe(0)
})
