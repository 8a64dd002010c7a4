/**
 * Whether the API server did inject: its policies let a pod start as it is when something goes wrong with them, so each
 * rollout is looked at once when it is through. All pure.
 */
import { injectedAnnotation, mendedLabel, stampLabel, versionName } from '../api/names.ts'
import type { TracardiResource } from '../api/tracardi-resource.ts'
import type { KubeObject } from '../kube/objects.ts'
import type { DeliveryPlan } from './plan.ts'
import { kindOf, podLabels, rolloutOf, stampOf } from './workloads.ts'
import type { Workload } from './workloads.ts'

/** What was seen of a workload when its rollout was through. */
export interface InjectionCheck {
  readonly fingerprint: string
  /** Names of resources whose credentials are not in every pod. */
  readonly missed: ReadonlySet<string>
  /** Clock.monotonic() when it was first seen. */
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
  if (kindOf(workload) === 'CronJob' || rolloutOf(workload) !== 'Complete') return []
  return [...plan.deliveries].flatMap(([name, { resource, injects, mode, isNeverRestarted, problem, isPending }]) => {
    if (!injects || mode !== 'Policy' || isNeverRestarted || isPending || problem !== undefined) return []
    const id = stampOf(workload, name)
    const target = resource.status?.target?.name
    if (id === undefined || target === undefined || id !== resource.status?.credentialsId) return []
    return [{ resource, selector: `${stampLabel(name)}=${id}`, id, secretName: versionName(target, id) }]
  })
}

/** Tells one rollout, and what is expected of it, from the next. */
export function checkFingerprint({ metadata }: Workload, expected: readonly ExpectedInjection[]): string {
  const secrets = expected.map(({ secretName }) => secretName).sort()
  return [metadata.uid, String(metadata.generation ?? 0), ...secrets].join('/')
}

/** Whether one of the pods of a workload does not say that the Secret was injected into it. */
export function isMissed(workload: Workload, all: readonly KubeObject[], expected: ExpectedInjection): boolean {
  const annotation = injectedAnnotation(expected.resource.metadata.name)
  return all.some(
    (pod) =>
      pod.metadata.deletionTimestamp === undefined &&
      isOf(workload, pod) &&
      pod.metadata.annotations?.[annotation] !== expected.secretName,
  )
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
export type InjectionSight = 'Right' | 'Missed' | 'NotLookedAt'

/** @param check what was seen last; undefined: nothing yet */
export function sightOf(
  check: InjectionCheck | undefined,
  workload: Workload,
  plan: DeliveryPlan,
  resource: string,
): InjectionSight {
  if (check?.missed.has(resource) === true) return 'Missed'
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
  const what = `The API server has not put the credentials into every pod of the ${kind} ${name}`
  return isMended(workload, resource)
    ? `${what}, although they were replaced. See that the policies of the chart and their bindings are there (kubectl get mutatingadmissionpolicies,mutatingadmissionpolicybindings), then replace the pods: kubectl rollout restart ${kind.toLowerCase()} ${name}`
    : `${what}. They are replaced once, about a minute after that was seen.`
}
