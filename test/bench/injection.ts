// What the chart's MutatingAdmissionPolicies add to the creation of a pod: in 200 namespaces with 1,000 resources, and in one
// with as many, where the time for each of them shows. All pods are dry runs: admission is asked, nothing is stored.
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import { run } from '../cluster/sources/source.ts'
import { helmPath } from '../cluster/tools.ts'
import * as common from './bench.ts'
import { indexes, note, stepsOf, until } from './bench.ts'
import { line, percentile, verdict } from './report.ts'
import * as shapes from './shapes.ts'

const aims = { perResourceMs: 0.1 }
const installation = 'bench-injection'
const crowded = 'bench-injection-crowded'
const longMs = 300_000
const policyPath = '/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicies'
const bindingPath = '/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicybindings'

interface Shape {
  namespaces: number
  /** In each of them. */
  resources: number
  /** In one more. */
  crowd: number
  /** With the policies, and as many without, in turns. */
  rounds: number
  /** In the crowded namespace, in each round; in the others one each. */
  pods: number
}

const full: Shape = { namespaces: 200, resources: 5, crowd: 1000, rounds: 3, pods: 30 }
const quick: Shape = { namespaces: 40, resources: 5, crowd: 200, rounds: 2, pods: 20 }

/** Milliseconds from just before a pod is sent to the answer. */
interface Figures {
  spread: number[]
  selected: number[]
  crowded: number[]
}

interface KubeObject {
  kind: string
  metadata: { name: string }
}

const namespaceName = (index: number): string => `bench-injection-${String(index).padStart(4, '0')}`

/** Of a Deployment: its pods have this label, too. */
const appOf = (index: number): string => `app-${index}`

const consumerOf = (index: number): object => ({
  kind: 'Deployment',
  ...(index % 2 === 0 ? { name: appOf(index) } : { selector: { matchLabels: { app: appOf(index) } } }),
  inject: { env: {}, mount: { path: '/var/run/credentials/service' } },
})

/** Each has a workload of its own, by name or by labels in turns. The status is the operator's, who does not run here. */
const giveResources = async (bench: common.Bench, namespace: string, count: number): Promise<void> => {
  const { resources } = shapes.paths(namespace)
  await common.createAll(bench, resources, count, (index) => ({
    apiVersion: 'tracardi.com/v1beta1',
    kind: 'TracardiResource',
    metadata: { name: shapes.resourceName(index) },
    spec: {
      service: 'twilio',
      credentials: { secretRef: { name: shapes.sourceName(index) } },
      consumers: [consumerOf(index)],
    },
  }))
  let next = 0
  const tellSome = async (): Promise<void> => {
    while (next < count) {
      const index = next
      next += 1
      await bench.api.call('PATCH', `${resources}/${shapes.resourceName(index)}/status`, {
        status: {
          target: { name: shapes.targetName(index) },
          credentialsId: '2-aaaaa',
          versions: ['2-aaaaa', '1-aaaaa'],
          injection: { mode: 'Policy', installation },
        },
      })
    }
  }
  await Promise.race([Promise.all(indexes(16).map(tellSome)), bench.failed])
}

/** As the ReplicaSet controller makes one for a Deployment. */
const pod = (app: string): unknown => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    generateName: `${app}-5d9f7-`,
    labels: { app, 'pod-template-hash': '5d9f7' },
    ownerReferences: [
      {
        apiVersion: 'apps/v1',
        kind: 'ReplicaSet',
        name: `${app}-5d9f7`,
        uid: '9a0f6f0e-0000-4000-8000-000000000000',
        controller: true,
      },
    ],
  },
  spec: { containers: [{ name: 'app', image: 'app' }] },
})

/** The policies of the chart, and their bindings. */
const policies = async (): Promise<KubeObject[]> => {
  const chart = join(import.meta.dirname, '..', '..', 'charts', 'tracardi-operator')
  const templates = ['pods', 'workloads', 'jobs'].map((name) => `--show-only=templates/injection-${name}.yaml`)
  const args = ['template', installation, chart, `--namespace=${installation}`, '--kube-version=1.36.0', ...templates]
  const { code, stdout, stderr } = await run(await helmPath(), args)
  if (code !== 0) throw new Error(`helm template: ${stderr}`)
  return parseAllDocuments(stdout).map((document) => document.toJS() as KubeObject)
}

export const injection = async (bench: common.Bench): Promise<common.Section> => {
  const { api } = bench
  const shape = bench.quick ? quick : full
  const names = indexes(shape.namespaces).map(namespaceName)
  using steps = stepsOf('injection', bench.failed)
  await common.namespacesGone(bench)
  note(
    `injection: ${shape.namespaces * shape.resources} resources in ${shape.namespaces} namespaces, ${shape.crowd} in one`,
  )
  await common.createNamespaces(bench, ...names, crowded)
  for (const name of names) await giveResources(bench, name, shape.resources)
  await giveResources(bench, crowded, shape.crowd)
  for (const name of [...names, crowded]) {
    const found = () =>
      api.call('GET', `/api/v1/namespaces/${name}/serviceaccounts/default`).then(
        () => true,
        () => false,
      )
    await steps.attempt('the ServiceAccounts', until(`the ServiceAccount of ${name}`, found, { ms: longMs }), longMs)
  }
  const send = async (namespace: string, app: string): Promise<KubeObject & { metadata: { annotations?: object } }> =>
    (await api.call('POST', `/api/v1/namespaces/${namespace}/pods?dryRun=All`, pod(app))) as KubeObject
  const took = async (namespace: string, app: string): Promise<number> => {
    const sent = performance.now()
    await send(namespace, app)
    return performance.now() - sent
  }
  const objects = await policies()
  for (const object of objects.filter(({ kind }) => kind === 'MutatingAdmissionPolicy'))
    await api.call('POST', policyPath, object)
  const bindings = objects.filter(({ kind }) => kind === 'MutatingAdmissionPolicyBinding')

  const measure = async (figures: Figures | undefined): Promise<void> => {
    // Not one kind after the other: whatever drifts hits all alike.
    for (const [index, namespace] of names.entries()) {
      const values = [await took(namespace, 'nobody'), await took(namespace, appOf(index % shape.resources))]
      figures?.spread.push(values[0] ?? Number.NaN)
      figures?.selected.push(values[1] ?? Number.NaN)
    }
    for (let step = 0; step < shape.pods; step += 1) {
      const value = await took(crowded, 'nobody')
      figures?.crowded.push(value)
    }
  }
  const noFigures = (): Figures => ({ spread: [], selected: [], crowded: [] })
  const figuresOf = { without: noFigures(), with: noFigures() }
  const last = shape.crowd - 1
  for (let round = 0; round < shape.rounds; round += 1) {
    for (const which of ['without', 'with'] as const) {
      for (const object of bindings)
        if (which === 'with') await api.call('POST', bindingPath, object)
        else if (round > 0) await api.call('DELETE', `${bindingPath}/${object.metadata.name}`)
      const inForce = async () => {
        const seen = [await send(crowded, appOf(last)), await send(names.at(-1) ?? '', appOf(0))]
        return seen.every(({ metadata }) => 'annotations' in metadata === (which === 'with'))
      }
      await steps.attempt(
        'the policies',
        until(`the policies, ${which} their bindings`, inForce, { ms: longMs }),
        longMs,
      )
      note(`injection: round ${round + 1} of ${shape.rounds}, ${which} policies`)
      if (round === 0) await steps.attempt('the warm-up', measure(undefined), longMs)
      await steps.attempt('a round', measure(figuresOf[which]), longMs)
    }
  }
  for (const object of bindings) await api.call('DELETE', `${bindingPath}/${object.metadata.name}`)
  for (const object of objects.filter(({ kind }) => kind === 'MutatingAdmissionPolicy'))
    await api.call('DELETE', `${policyPath}/${object.metadata.name}`)
  await common.deleteNamespaces(bench, ...names, crowded)

  const ms = (value: number, digits = 1): string => `${value.toFixed(digits)} ms`
  const compared = (which: keyof Figures, percent: number) => {
    const before = percentile(figuresOf.without[which], percent)
    const after = percentile(figuresOf.with[which], percent)
    return { before, after, added: after - before }
  }
  const row = (name: string, which: keyof Figures): string => {
    const { before, after, added } = compared(which, 50)
    return line(name, ms(before), ms(after), ms(added))
  }
  const perResource = (percent: number): number => compared('crowded', percent).added / shape.crowd
  const perResourceMs = { median: perResource(50), fastestTenth: perResource(10) }
  const total = (shape.namespaces * shape.resources).toLocaleString('en-US')
  const crowd = shape.crowd.toLocaleString('en-US')
  const table = [
    `Injection: a pod is created (dry run, median), in ${shape.namespaces} namespaces with ${total} resources and in one with ${crowd}`,
    '',
    line('', 'no policies', 'policies', 'added', 'aim'),
    row(`Namespace of ${shape.resources} resources, none selects it`, 'spread'),
    row(`Namespace of ${shape.resources} resources, one injects`, 'selected'),
    row(`Namespace of ${crowd} resources, none selects it`, 'crowded'),
    line(
      '  for each resource that does not select it',
      '-',
      '-',
      ms(perResourceMs.median, 3),
      ...verdict(perResourceMs.median, aims.perResourceMs, ms(aims.perResourceMs)),
    ),
    // The one long call of the bench: beside other programs it loses the processor again and again, and only some do not.
    line('  the same in the fastest tenth', '-', '-', ms(perResourceMs.fastestTenth, 3)),
  ].join('\n')
  return { json: { shape, ...figuresOf, perResourceMs, aims }, table }
}
