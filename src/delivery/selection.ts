/** Which workloads a resource has as consumers, and which resources a workload serves: by name, or by labels of the pods. */
import type { ConsumerSpec, TracardiResource } from '../api/tracardi-resource.ts'
import type { Store } from '../kube/store.ts'
import { kindOf, podLabels, workloadKinds } from './workloads.ts'
import type { Workload, WorkloadKind } from './workloads.ts'

/** The key of a workload: `Deployment/namespace/name`. */
export function workloadKey(kind: string, namespace: string, name: string): string {
  return `${kind}/${namespace}/${name}`
}

export function keyOf(workload: Workload): string {
  return workloadKey(kindOf(workload), workload.metadata.namespace ?? '', workload.metadata.name)
}

/** null, which the CRD refuses, is the value of no label. */
type MatchLabels = Readonly<Record<string, string | null>>

function pairKey(scope: string, [label, value]: readonly [string, string | null]): string {
  return `${scope}?${label}=${value ?? ''}`
}

/** Of a selector, the pair under which it is found; the others are compared afterwards. */
function firstPair(matchLabels: MatchLabels): [string, string | null] | undefined {
  return Object.entries(matchLabels).sort(([a], [b]) => (a < b ? -1 : 1))[0]
}

function matchLabelsOf(consumer: ConsumerSpec): MatchLabels | undefined {
  return consumer.selector?.matchLabels
}

function matches(matchLabels: MatchLabels, labels: Readonly<Record<string, string>>): boolean {
  return Object.entries(matchLabels).every(([label, value]) => labels[label] === value)
}

/** Index of the resources: what their consumers are found under. */
export function consumerIndex(resource: TracardiResource): string[] {
  const namespace = resource.metadata.namespace ?? ''
  return (resource.spec.consumers ?? []).flatMap((consumer) => {
    if (typeof consumer.name === 'string') return [workloadKey(consumer.kind, namespace, consumer.name)]
    const pair = firstPair(matchLabelsOf(consumer) ?? {})
    return pair === undefined ? [] : [pairKey(`${consumer.kind}/${namespace}`, pair)]
  })
}

/** Index of the workloads of one kind: every label of their pods. */
export function podLabelIndex(workload: Workload): string[] {
  return Object.entries(podLabels(workload)).map((pair) => pairKey(workload.metadata.namespace ?? '', pair))
}

/** The entries of spec.consumers that a workload of the same namespace is reached by, in their order. */
export function entriesFor(resource: TracardiResource, workload: Workload): ConsumerSpec[] {
  return (resource.spec.consumers ?? []).filter((consumer) => {
    if (consumer.kind !== kindOf(workload)) return false
    if (typeof consumer.name === 'string') return consumer.name === workload.metadata.name
    const matchLabels = matchLabelsOf(consumer)
    return matchLabels !== undefined && matches(matchLabels, podLabels(workload))
  })
}

/** The resources that have this workload as consumer; `resources` has the index `consumers`. */
export function resourcesOf(resources: Store<TracardiResource>, workload: Workload): TracardiResource[] {
  const scope = `${kindOf(workload)}/${workload.metadata.namespace ?? ''}`
  const found = new Map<string, TracardiResource>()
  for (const resource of resources.byIndex('consumers', keyOf(workload))) found.set(resource.metadata.name, resource)
  for (const pair of Object.entries(podLabels(workload))) {
    for (const resource of resources.byIndex('consumers', pairKey(scope, pair))) {
      if (entriesFor(resource, workload).length > 0) found.set(resource.metadata.name, resource)
    }
  }
  return [...found.values()]
}

/** One consumer of a resource; `workload` is undefined for one that is named and does not exist. */
export interface Consumer {
  readonly kind: WorkloadKind
  readonly name: string
  readonly workload: Workload | undefined
}

/** The workloads of all kinds that are watched. */
export type WorkloadStores = Readonly<Record<WorkloadKind, Store<Workload>>>

/** One store for each kind. */
export function workloadStores(make: (kind: WorkloadKind) => Store<Workload>): WorkloadStores {
  return Object.fromEntries(workloadKinds.map((kind) => [kind, make(kind)])) as WorkloadStores
}

/** The consumers of a resource as they are now, each once, in the order of the spec. */
export function consumersOf(stores: WorkloadStores, resource: TracardiResource): Consumer[] {
  const namespace = resource.metadata.namespace ?? ''
  const found = new Map<string, Consumer>()
  for (const consumer of resource.spec.consumers ?? []) {
    const kind = workloadKinds.find((known) => known === consumer.kind)
    // A kind that only a newer CRD knows.
    if (kind === undefined) continue
    const store = stores[kind]
    if (typeof consumer.name === 'string') {
      const { name } = consumer
      const key = workloadKey(kind, namespace, name)
      if (!found.has(key)) found.set(key, { kind, name, workload: store.get(`${namespace}/${name}`) })
      continue
    }
    const matchLabels = matchLabelsOf(consumer) ?? {}
    const pair = firstPair(matchLabels)
    if (pair === undefined) continue
    // In the order of their names, so that a status which tells of some of them does not change with the events of others.
    const selected = store
      .byIndex('podLabels', pairKey(namespace, pair))
      .filter(
        (workload) => matches(matchLabels, podLabels(workload)) && workload.metadata.deletionTimestamp === undefined,
      )
      .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
    for (const workload of selected) {
      const { name } = workload.metadata
      const key = workloadKey(kind, namespace, name)
      if (!found.has(key)) found.set(key, { kind, name, workload })
    }
  }
  return [...found.values()]
}
