// What the tests of the policies are told and shown. No operator runs: its part, the status, is written here in its name.
import { injectedAnnotation } from '../../../src/api/names.ts'
import type { TracardiResourceSpec, TracardiResourceStatus } from '../../../src/api/tracardi-resource.ts'
import { hex, resource } from '../support/fixtures.ts'
import { pathOf, waitFor } from '../support/kube.ts'
import type { Kube, Pod } from '../support/kube.ts'
import { release } from '../support/operator-process.ts'

/** The operator, as the API server knows it. */
export const operator = `system:serviceaccount:${release.namespace}:${release.name}`

export type Consumer = NonNullable<TracardiResourceSpec['consumers']>[number]
export type Inject = NonNullable<Consumer['inject']>

/** A resource as it stands in the cluster; without `status` it is the usual one. */
export interface Given {
  /** `sms` unless told. */
  readonly name?: string
  readonly consumers: readonly Consumer[]
  /** null: the operator has not seen the resource yet. */
  readonly status?: Partial<TracardiResourceStatus> | null
  /** It is being deleted, and something holds it. */
  readonly deleting?: boolean
}

/** `2-aaaaa` is in force, `1-aaaaa` was before, and this installation injects by policy. */
export function inForce(name = 'sms'): Partial<TracardiResourceStatus> {
  return {
    target: { name: `${name}-credentials` },
    credentialsId: '2-aaaaa',
    versions: ['2-aaaaa', '1-aaaaa'],
    injection: { mode: 'Policy', installation: release.namespace },
  }
}

/** Nothing is in force; the first valid contents will get this id. */
export const announced: Partial<TracardiResourceStatus> = {
  target: { name: 'sms-credentials' },
  versions: ['1-aaaaa'],
  injection: { mode: 'Policy', installation: release.namespace },
}

/** Adds the resource, with its status. */
export async function give(kube: Kube, namespace: string, given: Given): Promise<void> {
  const { name = 'sms', consumers, status = inForce(name), deleting = false } = given
  const object = resource(name, {
    service: 'twilio',
    credentials: { secretRef: { name: 'live' } },
    consumers: [...consumers],
  })
  const finalizers = ['example.org/held']
  await kube.create('tracardiresources', namespace, {
    ...object,
    metadata: { ...object.metadata, ...(deleting && { finalizers }) },
  })
  if (status !== null) await tell(kube, namespace, name, status)
  if (deleting) await kube.remove('tracardiresources', namespace, name)
}

/** Writes the status in the name of the operator. */
export async function tell(
  kube: Kube,
  namespace: string,
  name: string,
  status: Partial<TracardiResourceStatus>,
): Promise<void> {
  const path = `${pathOf('tracardiresources', namespace, name)}/status`
  const { code, message } = await kube.callAs(operator, 'PATCH', path, { status })
  if (code !== 200) throw new Error(`status of ${namespace}/${name}: ${code} ${message}`)
}

/**
 * Resolves once the API server acts on every resource that was written before: it hears of them one after the other.
 * @param namespace one of its own
 */
export async function caughtUp(kube: Kube, namespace: string): Promise<void> {
  const name = `sentinel-${hex(6)}`
  await give(kube, namespace, { name, consumers: [{ ...byName('web'), ...everything }] })
  await waitFor(
    'the policies with the newest resource',
    async () => (await kube.tryCreate('pods', namespace, pod())).metadata.annotations ?? {},
    (annotations) => injectedAnnotation(name) in annotations,
  )
}

export const everything = { inject: { env: {} } } as const satisfies Partial<Consumer>

export function byName(name: string, kind: Consumer['kind'] = 'Deployment'): Consumer {
  return { kind, name }
}

/** Who made the pod. A Deployment's pods are made by its ReplicaSet. */
export interface PodOptions {
  readonly owner?: { readonly kind: string; readonly name: string; readonly controller?: boolean } | null
  readonly labels?: Readonly<Record<string, string>> | null
  readonly annotations?: Readonly<Record<string, string>>
  readonly spec?: object
}

/** A pod of the Deployment `web`, unless told otherwise. */
export function pod(options: PodOptions = {}) {
  const {
    owner = { kind: 'ReplicaSet', name: 'web-5d9f7' },
    labels = { app: 'web', 'pod-template-hash': '5d9f7' },
    annotations,
    spec = { containers: [{ name: 'app', image: 'app' }] },
  } = options
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      generateName: 'pod-',
      ...(labels !== null && { labels }),
      ...(annotations !== undefined && { annotations }),
      ...(owner !== null && {
        ownerReferences: [
          { apiVersion: 'apps/v1', controller: true, uid: '9a0f6f0e-0000-4000-8000-000000000000', ...owner },
        ],
      }),
    },
    spec: { automountServiceAccountToken: false, ...spec },
  }
}

/** What a pod got that it had not before. Containers that got nothing are left out. */
export interface Added {
  readonly labels: Record<string, string>
  readonly annotations: Record<string, string>
  readonly volumes: unknown[]
  /** By container: `PREFIX_* = secret`. */
  readonly env: Record<string, string[]>
  /** By container: `/path = volume`, with `(rw)` where it is not read-only. */
  readonly mounts: Record<string, string[]>
}

type Containers = Pod['spec']['containers']

const envOf = (container: Containers[number] | undefined): string[] =>
  (container?.envFrom ?? []).map(({ prefix = '', secretRef }) => `${prefix}* = ${secretRef?.name ?? 'no Secret'}`)

const mountsOf = (container: Containers[number] | undefined): string[] =>
  (container?.volumeMounts ?? []).map(
    ({ name, mountPath, readOnly = false }) => `${mountPath} = ${name}${readOnly ? '' : ' (rw)'}`,
  )

/** What is new in `after`. Throws when something of `before` is gone, changed or in another order. */
function newIn<T>(before: readonly T[], after: readonly T[]): T[] {
  if (JSON.stringify(after.slice(0, before.length)) !== JSON.stringify(before))
    throw new Error(`${JSON.stringify(before)} became ${JSON.stringify(after)}`)
  return after.slice(before.length)
}

/** Compares a pod with what it is without the policies. Throws when anything differs that nobody may change. */
export function addedTo(before: Pod, after: Pod): Added {
  const containersOf = ({ spec }: Pod): Containers => [...spec.containers, ...(spec.initContainers ?? [])]
  const untouched = ({ metadata, spec }: Pod): string => {
    const strip = (containers: Containers | undefined): unknown =>
      containers?.map((container) => ({ ...container, envFrom: undefined, volumeMounts: undefined }))
    const { ownerReferences, generateName } = metadata as unknown as Record<string, unknown>
    const rest = { ...spec, containers: strip(spec.containers), initContainers: strip(spec.initContainers) }
    return JSON.stringify({ ownerReferences, generateName, ...rest, volumes: undefined })
  }
  if (untouched(before) !== untouched(after)) throw new Error(`${untouched(before)} became ${untouched(after)}`)
  const beforeOf = (name: string) => containersOf(before).find((container) => container.name === name)
  const each = (what: typeof envOf): Record<string, string[]> =>
    Object.fromEntries(
      containersOf(after)
        .map((container) => [container.name, newIn(what(beforeOf(container.name)), what(container)).sort()] as const)
        .filter(([, added]) => added.length > 0),
    )
  const changed = (what: 'labels' | 'annotations'): Record<string, string> => {
    const old = before.metadata[what] ?? {}
    for (const key of Object.keys(old))
      if (!(key in (after.metadata[what] ?? {}))) throw new Error(`${what}: ${key} is gone`)
    return Object.fromEntries(Object.entries(after.metadata[what] ?? {}).filter(([key, value]) => old[key] !== value))
  }
  const byVolume = (a: unknown, b: unknown): number => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)
  return {
    labels: changed('labels'),
    annotations: changed('annotations'),
    volumes: newIn(before.spec.volumes ?? [], after.spec.volumes ?? []).sort(byVolume),
    env: each(envOf),
    mounts: each(mountsOf),
  }
}
