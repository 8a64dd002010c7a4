// The chart grants what the operator needs, and nothing else: each right is taken away in a namespace of its own, missed, told and
// given back, while one operator goes on with all the others.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import type { ConsumerSpec } from '../../src/api/tracardi-resource.ts'
import { idAnnotation, stampLabel } from '../../src/api/names.ts'
import { waitUntilEstablished } from '../cluster/tools.ts'
import { describeCall, isOf } from './support/audit-log.ts'
import type { AuditEntry } from './support/audit-log.ts'
import { conditionsOf, eventsOf, resource, secret, valid, waitForConditions } from './support/fixtures.ts'
import { sleep, waitFor } from './support/kube.ts'
import type { Role } from './support/kube.ts'
import { chart, helm, release } from './support/operator-process.ts'
import type { OperatorProcess } from './support/operator-process.ts'
import { startOwnCluster } from './support/own-cluster.ts'
import type { OwnCluster } from './support/own-cluster.ts'

type Rules = Role['rules']

/** What RBAC grants: a verb on a resource, as messages write them. */
interface Right {
  readonly verb: string
  /** `deployments.apps` */
  readonly resource: string
}

const kinds = {
  deployments: 'Deployment',
  statefulsets: 'StatefulSet',
  daemonsets: 'DaemonSet',
  cronjobs: 'CronJob',
  rollouts: 'Rollout',
  replicasets: 'ReplicaSet',
  jobs: 'Job',
  pods: 'Pod',
} as const
type Plural = keyof typeof kinds

/** Whose templates are stamped. */
const stamped: readonly Plural[] = ['deployments', 'statefulsets', 'daemonsets', 'rollouts']
/** Which are only looked at. */
const unpatched: readonly Plural[] = ['replicasets', 'jobs', 'pods']

function rightsOf(rules: Rules): Right[] {
  return rules.flatMap(({ apiGroups: [group = ''], resources, verbs }) =>
    resources.flatMap((name) => {
      const [plural = '', subresource] = name.split('/')
      const whole = group === '' ? plural : `${plural}.${group}`
      return verbs.map((verb) => ({ verb, resource: subresource === undefined ? whole : `${whole}/${subresource}` }))
    }),
  )
}

function text({ verb, resource: what }: Right): string {
  return `${verb} ${what}`
}

function without(rules: Rules, right: Right): Rules {
  return rules
    .flatMap((rule) =>
      rule.resources.map((name) => ({
        ...rule,
        resources: [name],
        verbs: rule.verbs.filter(
          (verb) =>
            !rightsOf([{ ...rule, resources: [name], verbs: [verb] }]).some((each) => text(each) === text(right)),
        ),
      })),
    )
    .filter(({ verbs }) => verbs.length > 0)
}

async function rulesOf(kind: 'ClusterRole' | 'Role', ...flags: string[]): Promise<Rules> {
  const manifest = await helm('/dev/null', ['template', release.name, chart, ...flags])
  const roles = parseAllDocuments(manifest)
    .map((document) => document.toJS() as (Role & { kind?: string }) | null)
    .filter((object) => object?.kind === kind && object.rules.some(({ resources }) => resources.includes('secrets')))
  expect(roles).toHaveLength(1)
  return roles[0]?.rules ?? []
}

/** Of these, a version that nothing needs is in want: its consumer is one whose pods are always new. */
const forVersions: ReadonlySet<string> = new Set([
  'delete secrets',
  'list pods',
  'list replicasets.apps',
  'list controllerrevisions.apps',
])

/** Needed where a consumer is injected by patch. */
const holding = 'patch tracardiresources.tracardi.com'
const forInjection: ReadonlySet<string> = new Set([holding, 'get cronjobs.batch', 'patch cronjobs.batch'])

/** One namespace a right, named after it. */
const namespaceOf = new Map<string, { readonly right: Right; readonly ns: string; readonly plural: Plural }>()
let granted: Rules
let cluster: OwnCluster

beforeAll(async () => {
  granted = await rulesOf('ClusterRole')
  expect(await rulesOf('Role', '--set-json=watchNamespaces=["one"]')).toEqual(granted)
  rightsOf(granted).forEach((right, index) => {
    const named = (Object.keys(kinds) as Plural[]).find((each) => right.resource.startsWith(each)) ?? 'deployments'
    const plural = forVersions.has(text(right)) ? 'cronjobs' : named
    namespaceOf.set(text(right), { right, ns: `r${index}`, plural })
  })
  const namespaces = [...namespaceOf.values()].map(({ ns }) => ns)
  cluster = await startOwnCluster({ namespaces, values: { watchNamespaces: namespaces } })
  await cluster.kube.create('customresourcedefinitions', undefined, rolloutsCrd)
  await waitUntilEstablished(cluster.kube.kubeconfigPath, ['crd', rolloutsCrd.metadata.name])
})

afterAll(() => cluster[Symbol.asyncDispose]())

/** Of Argo Rollouts, as far as it matters here. */
const rolloutsCrd = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'rollouts.argoproj.io' },
  spec: {
    group: 'argoproj.io',
    names: { kind: 'Rollout', listKind: 'RolloutList', plural: 'rollouts', singular: 'rollout' },
    scope: 'Namespaced',
    versions: [
      {
        name: 'v1alpha1',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
}

/** A workload without pods: its rollouts are through at once. */
function workload(plural: Plural) {
  const template = {
    metadata: { labels: { app: 'app' } },
    spec: { containers: [{ name: 'app', image: 'app' }], nodeSelector: { nowhere: 'at-all' } },
  }
  const selector = { matchLabels: { app: 'app' } }
  const once = { ...template.spec, restartPolicy: 'Never' }
  const forms = {
    deployments: { replicas: 0, selector, template },
    statefulsets: { replicas: 0, serviceName: 'app', selector, template },
    daemonsets: { selector, template },
    // Nobody works on it: it says that it is through, whatever its generation.
    rollouts: { replicas: 0, selector, template, strategy: { canary: {} } },
    cronjobs: { schedule: '0 0 31 2 *', jobTemplate: { spec: { template: { ...template, spec: once } } } },
    replicasets: { replicas: 0, selector, template },
    jobs: { template: { ...template, spec: once } },
    pods: template.spec,
  } as const
  const apiVersion =
    { cronjobs: 'batch/v1', jobs: 'batch/v1', pods: 'v1', rollouts: 'argoproj.io/v1alpha1' }[plural as string] ??
    'apps/v1'
  const metadata = { name: 'app', ...(plural === 'pods' && template.metadata) }
  const status = plural === 'rollouts' && { status: { phase: 'Healthy', observedGeneration: 'any' } }
  return { apiVersion, kind: kinds[plural], metadata, spec: forms[plural], ...status }
}

function consumer(plural: Plural, injects: boolean): ConsumerSpec {
  const kind = kinds[plural]
  const inject = { env: {} }
  return unpatched.includes(plural)
    ? { kind, selector: { matchLabels: { app: 'app' } }, inject }
    : { kind, name: 'app', ...(injects && { inject }) }
}

/** All that the operator can do is done; it has no policies here. */
function wellOf(plural: Plural): string {
  return unpatched.includes(plural) ? 'False InjectionNeedsPolicy' : 'True Delivered'
}

async function createResource(ns: string, name: string, consumers: ConsumerSpec[]): Promise<void> {
  await cluster.kube.create('secrets', ns, secret(name, valid.twilio()))
  const target = { historyLimit: 0 }
  const spec = { service: 'twilio', credentials: { secretRef: { name } }, target, consumers }
  await cluster.kube.create('tracardiresources', ns, resource(name, spec))
}

async function setRules(ns: string, rules: Rules): Promise<void> {
  const [role] = (await cluster.kube.list('roles', ns)).filter(({ metadata }) => metadata.name.includes(release.name))
  await cluster.kube.patch('roles', ns, role?.metadata.name ?? '', { rules })
}

/** All at once, for each right. */
async function everywhere<T>(
  run: (place: { right: Right; ns: string; plural: Plural }) => Promise<T>,
): Promise<Map<string, T>> {
  const places = [...namespaceOf]
  const results = await Promise.all(places.map(async ([, place]) => run(place)))
  return new Map(places.map(([key], index) => [key, results[index] as T]))
}

async function toldOf(operator: OperatorProcess, message: string): Promise<string[]> {
  return (await operator.log())
    .filter(({ msg }) => msg.startsWith(message))
    .map(({ verb, resource: what, namespace }) => `${String(verb)} ${String(what)} in ${String(namespace)}`)
}

const missingMessage = 'a permission is missing'
const grantedMessage = 'a permission that was missing is there'

async function stampIn(ns: string, plural: Plural): Promise<string | undefined> {
  if (!stamped.includes(plural)) return undefined
  return (await cluster.kube.get(plural as 'rollouts', ns, 'app'))?.spec.template?.metadata?.labels?.[stampLabel('sms')]
}

async function idIn(ns: string): Promise<string | undefined> {
  return (await cluster.kube.get('secrets', ns, 'sms-credentials'))?.metadata.annotations?.[idAnnotation]
}

/** Somebody edits the target of `sms`, and the operator mends it and says so: each time the same Event. */
async function editTarget(ns: string, value: string): Promise<void> {
  await cluster.kube.patch('secrets', ns, 'sms-credentials', { data: { MORE: value } })
  await waitFor(
    'the target mended, and told',
    async () => {
      const target = await cluster.kube.get('secrets', ns, 'sms-credentials')
      const events = await eventsOf(cluster.kube, ns, 'sms')
      return target?.data?.['MORE'] === undefined && events.some(({ reason }) => reason === 'TargetMended')
    },
    (done) => done,
  )
}

/** Missed in log and metric alone: nothing can be said in the resource, or nothing is amiss with it. */
const notTold: ReadonlySet<string> = new Set([
  // Of versions there is an Event, besides.
  ...forVersions,
  'list tracardiresources.tracardi.com',
  'watch tracardiresources.tracardi.com',
  'patch tracardiresources.tracardi.com/status',
  'create events.events.k8s.io',
  'patch events.events.k8s.io',
])

test('with all rights, everything is delivered', async () => {
  await everywhere(async ({ right, ns, plural }) => {
    await cluster.kube.create(plural, ns, workload(plural))
    const injects = forVersions.has(text(right)) || forInjection.has(text(right))
    await createResource(ns, 'sms', [consumer(plural, injects)])
  })
  await using operator = await cluster.start(flags())
  await everywhere(({ ns, plural }) => waitForConditions(cluster.kube, ns, 'sms', { Ready: wellOf(plural) }))
  expect(await toldOf(operator, missingMessage)).toEqual([])
  await operator.stop()
})

test('each right that is taken away is missed and told, and the others do their work; given back, all is well', async () => {
  const { kube } = cluster
  const taken: string[] = []
  await everywhere(async ({ right, ns, plural }) => {
    // A workload is read again only when it has changed unseen.
    const isReread = right.verb === 'get' && right.resource.startsWith(plural)
    const rights = [right, ...(isReread ? [{ ...right, verb: 'watch' }] : [])]
    taken.push(...rights.map((each) => `${text(each)} in ${ns}`))
    await setRules(ns, rights.reduce(without, granted))
  })
  await using operator = await cluster.start(flags())
  const url = await operator.url()
  const metrics = async (): Promise<string> => (await fetch(`${url}/metrics`)).text()
  await operator.waitForLog('working')
  expect((await fetch(`${url}/readyz`)).status).toBe(200)

  // What is changed unseen all the time is not what the last list brought.
  let isEachTold = false
  const changes = everywhere(async ({ right, ns, plural }) => {
    for (let count = 1; right.verb === 'get' && right.resource.startsWith(plural) && !isEachTold; count++) {
      await kube.patch(plural, ns, 'app', { metadata: { annotations: { changed: `unseen-${count}` } } })
      await sleep(100)
    }
  })
  await everywhere(async ({ right, ns }) => {
    if (text(right) === holding) await kube.patch('tracardiresources', ns, 'sms', { metadata: { finalizers: null } })
    await createResource(ns, 'fresh', [])
    await kube.patch('secrets', ns, 'sms', secret('sms', valid.twilio()))
  })
  // The same Event twice is one of a series.
  const { ns: repeated } = namespaceOf.get('patch events.events.k8s.io') ?? { ns: '' }
  await waitForConditions(kube, repeated, 'sms', { Ready: 'True Delivered' }, { credentialsId: /^2-/ })
  for (const value of ['MQ==', 'Mg==']) await editTarget(repeated, value)

  try {
    await waitFor(
      'each is told',
      () => toldOf(operator, missingMessage),
      (told) => taken.every((each) => told.includes(each)),
    )
  } finally {
    isEachTold = true
    await changes
  }
  await everywhere(async ({ right, ns, plural }) => {
    if (notTold.has(text(right))) return
    const name = text(right) === 'create secrets' ? 'fresh' : 'sms'
    const found = await waitFor(
      `${text(right)} in a condition`,
      () => kube.get('tracardiresources', ns, name),
      (object) => conditionsOf(object)['Ready'] === 'False PermissionMissing',
    )
    const told = found?.status?.conditions?.find(({ type }) => type === 'Stalled')?.message
    // Who may not read a workload again could not watch it either.
    const verb = right.verb === 'get' && right.resource.startsWith(plural) ? 'watch' : right.verb
    expect(told).toContain(`the verb ${verb} on ${right.resource} in the namespace ${ns}`)
  })
  const text1 = await metrics()
  for (const each of taken) {
    const [verb = '', what = '', , namespace = ''] = each.split(' ')
    expect(text1).toContain(
      `tracardi_operator_missing_permission{verb="${verb}",resource="${what}",namespace="${namespace}"} 1`,
    )
  }
  // What depends on none of them goes on.
  for (const each of [
    'patch tracardiresources.tracardi.com/status',
    'create events.events.k8s.io',
    'watch deployments.apps',
  ]) {
    const { ns, plural } = namespaceOf.get(each) ?? { ns: '', plural: 'deployments' }
    await waitFor(
      `the stamp without ${each}`,
      () => stampIn(ns, plural),
      (stamp) => stamp?.startsWith('2-') === true,
    )
  }
  for (const [plural, group] of [
    ['deployments', 'apps'],
    ['statefulsets', 'apps'],
    ['daemonsets', 'apps'],
    ['rollouts', 'argoproj.io'],
  ] as const) {
    // Without `get` it comes when the next list brings what has changed.
    const { ns } = namespaceOf.get(`patch ${plural}.${group}`) ?? { ns: '' }
    expect([await idIn(ns), await stampIn(ns, plural)]).toEqual([
      expect.stringMatching(/^2-/),
      expect.stringMatching(/^1-/),
    ])
  }

  const mark = await cluster.audit.mark()
  await everywhere(({ ns }) => setRules(ns, granted))
  await everywhere(async ({ ns, plural }) => {
    await waitForConditions(kube, ns, 'sms', { Ready: wellOf(plural) }, { credentialsId: /^2-/, timeoutMs: 120_000 })
    await waitForConditions(kube, ns, 'fresh', { Ready: 'True NoConsumers' }, { timeoutMs: 120_000 })
    if (stamped.includes(plural)) expect(await stampIn(ns, plural)).toMatch(/^2-/)
  })
  for (const each of forVersions) {
    const { ns } = namespaceOf.get(each) ?? { ns: '' }
    await waitFor(
      `the older version is gone, and the one in force is not, with ${each}`,
      async () => (await kube.list('secrets', ns)).map(({ metadata }) => metadata.name.replace(/-[a-z0-9]{5}$/, '')),
      (names) => names.includes('sms-credentials-2') && !names.includes('sms-credentials-1'),
    )
  }
  await editTarget(repeated, 'Mw==')
  await waitFor(
    'the series of Events',
    async () => (await cluster.audit.operatorCalls(mark)).filter(isOf(repeated)).map(describeCall),
    (calls) => calls.includes('patch events'),
  )
  await waitFor('nothing is missing', metrics, (all) => !all.includes('tracardi_operator_missing_permission{'))
  // Once each, not at every attempt.
  expect((await toldOf(operator, missingMessage)).sort()).toEqual([...taken].sort())
  expect((await toldOf(operator, grantedMessage)).sort()).toEqual([...taken].sort())
  expect((await operator.stop()).code).toBe(0)
})

test('the Lease: each right is missed, and taken up when it is granted', async () => {
  const { kube } = cluster
  const [role] = await kube.list('roles', release.namespace)
  const rules = role?.rules ?? []
  expect(rightsOf(rules).map(text).sort()).toEqual(
    ['create', 'get', 'update'].map((verb) => `${verb} leases.coordination.k8s.io`),
  )
  const lack = (verb: string): Promise<void> =>
    setRules(release.namespace, without(rules, { verb, resource: 'leases.coordination.k8s.io' }))
  const isTold = async (operator: OperatorProcess, verb: string): Promise<void> => {
    await waitFor(
      `${verb} is told`,
      () => toldOf(operator, missingMessage),
      (told) => told.includes(`${verb} leases.coordination.k8s.io in ${release.namespace}`),
    )
  }
  await lack('get')
  await using operator = await cluster.start(['--watch-namespaces', namespaces()])
  await isTold(operator, 'get')
  await lack('create')
  await isTold(operator, 'create')
  await setRules(release.namespace, rules)
  await operator.waitForLog('became the leader')
  await waitFor(
    'the Lease renewed',
    async () => (await kube.get('leases', release.namespace, 'tracardi-operator'))?.spec,
    (lease) => lease !== undefined && lease.renewTime !== lease.acquireTime,
  )
  await lack('update')
  await isTold(operator, 'update')
  // Who cannot renew it must not go on.
  expect((await operator.exited).code).toBe(1)
  await setRules(release.namespace, rules)
})

test('every right that the chart grants was used', async () => {
  const used = (await cluster.audit.operatorCalls(0)).filter(({ responseStatus }) => responseStatus?.code !== 403)
  const plain = ({ verb, objectRef }: AuditEntry): string => {
    const { resource: what = '', subresource } = objectRef ?? {}
    return `${verb} ${subresource === undefined ? what : `${what}/${subresource}`}`
  }
  const inNamespaces = used.filter(({ objectRef }) => /^r\d+$/.test(objectRef?.namespace ?? ''))
  // The audit log has the group apart.
  const wanted = rightsOf(granted).map(({ verb, resource: what }) => `${verb} ${what.replace(/\.[a-z.0-9]+/, '')}`)
  // These are asked for only after a lost race; that they are missed was seen above.
  const isReread = (each: string): boolean =>
    /^get (?:deployments|statefulsets|daemonsets|cronjobs|rollouts)$/.test(each)
  const seen = [...new Set(inNamespaces.map(plain))].filter((each) => !isReread(each)).sort()
  expect(seen).toEqual(wanted.filter((each) => !isReread(each)).sort())
  const own = used.filter(({ objectRef }) => objectRef?.namespace === release.namespace)
  expect([...new Set(own.map(plain))].sort()).toEqual(['create leases', 'get leases', 'update leases'])
})

function flags(): string[] {
  return ['--watch-namespaces', namespaces(), '--leader-elect=false', '--injection-mode=Patch']
}

function namespaces(): string {
  return [...namespaceOf.values()].map(({ ns }) => ns).join(',')
}
