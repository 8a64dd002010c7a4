/**
 * Whether the API server did inject: its policies let a pod start as it is when something goes wrong with them, so each
 * rollout is looked at once when it is through, and a ReplicaSet, whose template is never stamped, whenever its pods change.
 * All pure.
 */
import { injectedAnnotation, mendedLabel, stampLabel, versionName } from '../api/names.ts'
import type { TracardiResource } from '../api/tracardi-resource.ts'
import type { KubeObject } from '../kube/objects.ts'
import type { DeliveryPlan } from './plan.ts'
import { isPatched, kindOf, podLabels, rolloutOf, stampOf } from './workloads.ts'
import type { Workload } from './workloads.ts'

/** What was seen of the pods of a workload. */
export interface InjectionCheck {
  readonly fingerprint: string
  /** Names of resources whose credentials are not in every pod. */
  readonly missed: ReadonlySet<string>
  /** Names of resources of which a pod has older credentials. */
  readonly stale: ReadonlySet<string>
  /** Clock.monotonic() when it was first seen that something is missed. */
  readonly since: number
}

/** What the pods of a workload should say that was injected into them. */
export interface ExpectedInjection {
  readonly resource: TracardiResource
  /** Label selector of the pods. */
  readonly selector: string
  readonly id: string
  readonly secretName: string
}

/** What is to be looked at now: nothing while the workload is rolled, or something is to be patched or in conflict. */
export function expectedInjections(workload: Workload, plan: DeliveryPlan): readonly ExpectedInjection[] {
  const kind = kindOf(workload)
  if (kind === 'CronJob' || kind === 'Pod' || !hasPods(workload)) return []
  return [...plan.deliveries].flatMap(([name, { resource, injects, mode, isNeverRestarted, problem, isPending }]) => {
    const isLeft = isNeverRestarted && isPatched(kind)
    if (!injects || mode !== 'Policy' || isLeft || isPending || problem !== undefined) return []
    const id = resource.status?.credentialsId ?? undefined
    const target = resource.status?.target?.name
    const isAll = kind === 'ReplicaSet'
    if (id === undefined || target === undefined || (!isAll && id !== stampOf(workload, name))) return []
    const selector = isAll ? selectorOf(podLabels(workload)) : `${stampLabel(name)}=${id}`
    return [{ resource, selector, id, secretName: versionName(target, id) }]
  })
}

function hasPods(workload: Workload): boolean {
  return kindOf(workload) === 'Job' ? (workload.status?.active ?? 0) > 0 : rolloutOf(workload) === 'Complete'
}

function selectorOf(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([label, value]) => `${label}=${value}`)
    .join(',')
}

/** Tells one rollout, and what is expected of it, from the next; of a ReplicaSet, one state of its pods. */
export function checkFingerprint(workload: Workload, expected: readonly ExpectedInjection[]): string {
  const { uid, generation = 0, resourceVersion } = workload.metadata
  const secrets = expected.map(({ secretName }) => secretName).sort()
  return [uid, kindOf(workload) === 'ReplicaSet' ? resourceVersion : String(generation), ...secrets].join('/')
}

/**
 * Looks at the pods of a workload. Missed: one that should have these credentials does not say that the Secret was injected
 * into it. Stale: one has older credentials, or none.
 */
export function lookAtPods(
  workload: Workload,
  all: readonly KubeObject[],
  { resource, id, secretName }: ExpectedInjection,
): 'Injected' | 'Missed' | 'Stale' {
  const { name } = resource.metadata
  const own = all.filter((pod) => pod.metadata.deletionTimestamp === undefined && isOf(workload, pod))
  const isNew = ({ metadata }: KubeObject): boolean => metadata.labels?.[stampLabel(name)] === id
  const isMarked = ({ metadata }: KubeObject): boolean =>
    metadata.annotations?.[injectedAnnotation(name)] === secretName
  if (own.some((pod) => isNew(pod) && !isMarked(pod))) return 'Missed'
  return own.every(isNew) ? 'Injected' : 'Stale'
}

function isOf(workload: Workload, { metadata }: KubeObject): boolean {
  const owner = metadata.ownerReferences?.find(({ controller }) => controller === true)
  if (owner === undefined) return false
  const { name } = workload.metadata
  const kind = kindOf(workload)
  if (kind !== 'Deployment') return owner.kind === kind && owner.name === name
  const hash = metadata.labels?.['pod-template-hash']
  return owner.kind === 'ReplicaSet' && hash !== undefined && owner.name === `${name}-${hash}`
}

/** What is known of the pods of a workload, for one resource. */
export type InjectionSight = 'Right' | 'Missed' | 'Stale' | 'NotLookedAt'

/** @param check what was seen last; undefined: nothing yet */
export function sightOf(
  check: InjectionCheck | undefined,
  workload: Workload,
  plan: DeliveryPlan,
  resource: string,
): InjectionSight {
  if (check?.missed.has(resource) === true) return 'Missed'
  if (check?.stale.has(resource) === true) return 'Stale'
  const expected = expectedInjections(workload, plan)
  const isExpected = expected.some((one) => one.resource.metadata.name === resource)
  return isExpected && check?.fingerprint !== checkFingerprint(workload, expected) ? 'NotLookedAt' : 'Right'
}

/**
 * Whether the pods were replaced already because these credentials were not in them. Once is enough: what kept the API
 * server from injecting is there still.
 */
export function isMended(workload: Workload, resource: string): boolean {
  const id = stampOf(workload, resource)
  return id !== undefined && podLabels(workload)[mendedLabel(resource)] === id
}

/** The labels that replace the pods of a workload once. */
export function mendingLabels(missed: readonly ExpectedInjection[]): Record<string, string> {
  return Object.fromEntries(missed.map(({ resource, id }) => [mendedLabel(resource.metadata.name), id]))
}

/** For the status and an Event. */
export function notInjectedText(workload: Workload, resource: string): string {
  const kind = kindOf(workload)
  const { name } = workload.metadata
  const where = kind === 'Pod' ? 'the Pod' : `every pod of the ${kind}`
  const what = `The API server has not put the credentials into ${where} ${name}`
  const isOver = isMended(workload, resource)
  if (isPatched(kind) && !isOver) return `${what}. They are replaced once, about a minute after that was seen.`
  const inVain = isOver ? ', although they were replaced' : ''
  return `${what}${inVain}. See that the policies of the chart and their bindings are there (kubectl get mutatingadmissionpolicies,mutatingadmissionpolicybindings), then ${replaceText(workload)}`
}

/** For the status: of a workload that is never restarted and has older credentials. */
export function staleText(workload: Workload, resource: string): string {
  const kind = kindOf(workload)
  const { name } = workload.metadata
  const how = `To give it the credentials in force, ${replaceText(workload)}`
  if (kind === 'ReplicaSet')
    return `ReplicaSet ${name} has pods that keep older credentials, or have none; kubectl get pods -L ${stampLabel(resource)} shows them. ${how}`
  const stamp = stampOf(workload, resource)
  const has = stamp === undefined ? 'was created without credentials' : `keeps ${stamp}, with which it was created`
  return `${kind} ${name} ${has}. ${how}`
}

function replaceText(workload: Workload): string {
  const { name } = workload.metadata
  const object = `${kindOf(workload).toLowerCase()} ${name}`
  switch (kindOf(workload)) {
    case 'ReplicaSet':
      return 'delete these pods: it makes new ones.'
    case 'Job':
    case 'Pod':
      return `delete it and create it again: kubectl delete ${object}`
    default:
      return `replace the pods: kubectl rollout restart ${object}`
  }
}
