/** Objects that tests create. Every value that looks like a credential is made when the test runs. */
import { randomBytes, randomInt } from 'node:crypto'
import { stampLabel } from '../../../src/api/names.ts'
import type { Condition, TracardiResource, TracardiResourceSpec } from '../../../src/api/tracardi-resource.ts'
import { waitFor } from './kube.ts'
import type { Deployment, Event, Kube, ReplicaSet } from './kube.ts'

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'

export function randomText(length: number): string {
  return Array.from({ length }, () => letters.charAt(randomInt(letters.length))).join('')
}

export function hex(length: number): string {
  return randomBytes(length).toString('hex').slice(0, length)
}

/** Valid contents of source Secrets, another one with each call. */
export const valid = {
  twilio: () => ({ accountSid: `AC${hex(32)}`, authToken: hex(32) }),
  sendgrid: () => ({ apiKey: `SG.${randomText(22)}.${randomText(43)}` }),
  redis: () => ({ url: `redis://app:${randomText(24)}@redis.example.internal:6379/0` }),
} as const

/** A namespace of its own for a test file or a test. */
export async function createNamespace(kube: Kube, prefix: string): Promise<string> {
  const name = `${prefix}-${hex(6)}`
  await kube.create('namespaces', undefined, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } })
  return name
}

export function secret(name: string, values: Readonly<Record<string, string | Buffer>>, more: object = {}) {
  const data = Object.fromEntries(
    Object.entries(values).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
  )
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name }, data, ...more }
}

export function deployment(
  name: string,
  options: { replicas?: number; schedulable?: boolean; deadline?: number } = {},
) {
  const { replicas = 1, schedulable = true, deadline = 600 } = options
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: {
      replicas,
      progressDeadlineSeconds: deadline,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: {
          containers: [{ name: 'app', image: 'app' }],
          terminationGracePeriodSeconds: 1,
          ...(!schedulable && { nodeSelector: { nowhere: 'at-all' } }),
        },
      },
    },
  }
}

/** A change of a Deployment whose pods found no node: now they do. */
export const makeSchedulable = { spec: { template: { spec: { nodeSelector: null } } } }

export function resource(name: string, spec: TracardiResourceSpec) {
  return { apiVersion: 'tracardi.com/v1beta1', kind: 'TracardiResource', metadata: { name }, spec }
}

/** The usual one: a twilio Secret for Deployments. Without any, the target alone. */
export function twilioSpec(secretName: string, consumers: readonly string[]): TracardiResourceSpec {
  return {
    service: 'twilio',
    credentials: { secretRef: { name: secretName } },
    target: {},
    consumers: consumers.map((name) => ({ kind: 'Deployment', name })),
  }
}

/** All conditions at a glance: `{Ready: 'False RollingOut', Reconciling: 'True RollingOut'}`. */
export function conditionsOf(object: TracardiResource | undefined): Record<string, string> {
  const conditions = object?.status?.conditions ?? []
  return Object.fromEntries(conditions.map(({ type, status, reason }) => [type, `${status} ${reason}`]))
}

export function conditionOf(object: TracardiResource, type: string): Condition {
  const condition = object.status?.conditions?.find((candidate) => candidate.type === type)
  if (condition === undefined) throw new Error(`no condition ${type} in ${JSON.stringify(object.status)}`)
  return condition
}

/** Waits until the status tells of the newest spec and its conditions are these; others may be there besides. */
export async function waitForConditions(
  kube: Kube,
  namespace: string,
  name: string,
  wanted: Readonly<Record<string, string>>,
  options: { timeoutMs?: number; credentialsId?: RegExp } = {},
): Promise<TracardiResource> {
  const found = await waitFor(
    `${namespace}/${name} with ${JSON.stringify(wanted)} ${String(options.credentialsId ?? '')}`,
    () => kube.get('tracardiresources', namespace, name),
    (object) => {
      if (object?.status?.observedGeneration !== object?.metadata.generation) return false
      if (options.credentialsId?.test(object?.status?.credentialsId ?? '') === false) return false
      const conditions = conditionsOf(object)
      return Object.entries(wanted).every(([type, text]) => conditions[type] === text)
    },
    options,
  )
  if (found === undefined) throw new Error(`${namespace}/${name} is gone`)
  return found
}

/** What a test compares before and after, to see that a workload was not rolled. */
export interface Rollouts {
  readonly generation: number | undefined
  readonly replicaSets: string[]
  readonly stamp: string | undefined
}

export async function rolloutsOf(kube: Kube, namespace: string, name: string, resourceName: string): Promise<Rollouts> {
  const found = await kube.get('deployments', namespace, name)
  return {
    generation: found?.metadata.generation,
    replicaSets: (await replicaSetsOf(kube, namespace, name)).map(({ metadata }) => metadata.name).sort(),
    stamp: stampOf(found, resourceName),
  }
}

export async function replicaSetsOf(kube: Kube, namespace: string, name: string): Promise<ReplicaSet[]> {
  const all = await kube.list('replicasets', namespace)
  return all.filter(({ metadata }) => metadata.ownerReferences?.some((owner) => owner.name === name))
}

export function stampOf(object: Deployment | undefined, resourceName: string): string | undefined {
  return object?.spec.template.metadata?.labels?.[stampLabel(resourceName)]
}

export async function eventsOf(kube: Kube, namespace: string, name: string): Promise<Event[]> {
  const all = await kube.list('events', namespace)
  return all.filter(({ regarding }) => regarding.kind === 'TracardiResource' && regarding.name === name)
}

/** The contents of a Secret as text. */
export async function contentsOf(
  kube: Kube,
  namespace: string,
  name: string,
): Promise<Record<string, string> | undefined> {
  const found = await kube.get('secrets', namespace, name)
  if (found === undefined) return undefined
  return Object.fromEntries(
    Object.entries(found.data ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]),
  )
}
