/**
 * What is kept of a pod template beside its labels: the names that an injection must not collide with, and everything that
 * may have been injected. A template is often 10 KB, this is a few hundred bytes.
 */
import { componentName } from '../api/names.ts'
import { isCredentialsId } from '../credentials/versions.ts'
import type { ManagedFieldsEntry } from '../kube/objects.ts'

/** A container of a pod template, with the fields that are looked at. */
export interface Container {
  name: string
  env?: { name: string; valueFrom?: { secretKeyRef?: { name?: string; key: string } } }[]
  volumeMounts?: { name: string; mountPath: string; readOnly?: boolean }[]
}

/** The spec of a pod template, with the fields that are looked at. */
export interface PodSpec {
  containers?: Container[]
  initContainers?: Container[]
  volumes?: {
    name: string
    secret?: { secretName?: string; defaultMode?: number; items?: { key: string; path: string }[] } | null
  }[]
}

/**
 * Names, each list joined with line breaks, by the field manager that set them; the empty string where none is on record.
 * Thousands of workloads have dozens of variables each, and mostly one manager.
 */
export type Taken = Readonly<Record<string, string>>

/** A variable that reads a Secret which is named like a version of credentials. */
export interface VersionVariable {
  readonly name: string
  readonly secret: string
  readonly key: string
}

export interface VersionMount {
  readonly path: string
  readonly volume: string
  readonly readOnly: boolean
}

/** A volume from a Secret which is named like a version of credentials. */
export interface VersionVolume {
  readonly name: string
  readonly secret: string
  /** Permissions of its files. */
  readonly mode: number
  /** The keys that become files; undefined: all. Empty: something else than the operator would write. */
  readonly keys: readonly string[] | undefined
}

export interface ContainerParts {
  readonly name: string
  readonly init: boolean
  /** All other variables. */
  readonly variables: Taken
  /** The paths of all other mounts. */
  readonly paths: Taken
  readonly versionVariables: readonly VersionVariable[]
  /** Mounts of versionVolumes. */
  readonly versionMounts: readonly VersionMount[]
}

export interface PodParts {
  readonly containers: readonly ContainerParts[]
  /** All other volumes. */
  readonly volumes: Taken
  readonly versionVolumes: readonly VersionVolume[]
}

/** Of `<target>-<credentialsId>` the two parts; undefined for a Secret that is named otherwise. */
export function parseVersionName(secret: string): { readonly target: string; readonly id: string } | undefined {
  const uid = secret.lastIndexOf('-')
  const revision = secret.lastIndexOf('-', uid - 1)
  const id = secret.slice(revision + 1)
  return revision > 0 && isCredentialsId(id) ? { target: secret.slice(0, revision), id } : undefined
}

function isVersion(secret: string | undefined): secret is string {
  return secret !== undefined && parseVersionName(secret) !== undefined
}

/** The names under which a manager owns the fields of a pod spec, by the path of keys that managedFields has. */
type Owned = (...path: readonly string[]) => string

const nothingTaken: Taken = {}
const none: readonly never[] = []

/**
 * Takes a pod template to its parts.
 * @param path where the spec stands in the workload, as managedFields writes it: `f:spec`, `f:template`, `f:spec`
 */
export function podPartsOf(
  spec: PodSpec | undefined,
  managedFields: readonly ManagedFieldsEntry[],
  path: readonly string[],
): PodParts {
  const managers = managedFields.flatMap(({ manager, subresource, fieldsV1 }) => {
    const fields = subresource === undefined && manager !== componentName ? descend(fieldsV1, path) : undefined
    return fields === undefined ? [] : [{ manager: manager ?? '', fields }]
  })
  const owned: Owned = (...names) => managers.find(({ fields }) => descend(fields, names) !== undefined)?.manager ?? ''

  const volumes = spec?.volumes ?? []
  const versionVolumes = volumes.flatMap(({ name, secret }) =>
    isVersion(secret?.secretName)
      ? [{ name, secret: secret.secretName, mode: secret.defaultMode ?? 0o644, keys: keysOf(secret.items) }]
      : [],
  )
  const ofVersions = new Set(versionVolumes.map(({ name }) => name))
  const parts = (list: 'containers' | 'initContainers'): ContainerParts[] =>
    (spec?.[list] ?? []).map(({ name, env = none, volumeMounts = none }) => {
      const at = [`f:${list}`, `k:${JSON.stringify({ name })}`]
      const variables = new Map<string, string>()
      const versionVariables: VersionVariable[] = []
      for (const { name: variable, valueFrom } of env) {
        const { name: secret, key = '' } = valueFrom?.secretKeyRef ?? {}
        if (isVersion(secret)) versionVariables.push({ name: variable, secret, key })
        else variables.set(variable, owned(...at, 'f:env', `k:${JSON.stringify({ name: variable })}`))
      }
      const paths = new Map<string, string>()
      const versionMounts: VersionMount[] = []
      for (const { name: volume, mountPath, readOnly = false } of volumeMounts) {
        if (ofVersions.has(volume)) versionMounts.push({ path: mountPath, volume, readOnly })
        else paths.set(mountPath, owned(...at, 'f:volumeMounts', `k:${JSON.stringify({ mountPath })}`))
      }
      return {
        name,
        init: list === 'initContainers',
        variables: take(variables),
        paths: take(paths),
        versionVariables: versionVariables.length === 0 ? none : versionVariables,
        versionMounts: versionMounts.length === 0 ? none : versionMounts,
      }
    })
  const others = volumes.filter(({ name }) => !ofVersions.has(name))
  return {
    containers: [...parts('containers'), ...parts('initContainers')],
    volumes: take(new Map(others.map(({ name }) => [name, owned('f:volumes', `k:${JSON.stringify({ name })}`)]))),
    versionVolumes: versionVolumes.length === 0 ? none : versionVolumes,
  }
}

function keysOf(items: readonly { key: string; path: string }[] | undefined): readonly string[] | undefined {
  if (items === undefined) return undefined
  return items.every(({ key, path }) => key === path) ? items.map(({ key }) => key) : none
}

function take(names: ReadonlyMap<string, string>): Taken {
  if (names.size === 0) return nothingTaken
  const lists = new Map<string, string[]>()
  for (const [name, manager] of names) lists.set(manager, [...(lists.get(manager) ?? []), name])
  // Joined at once: a text that grows keeps all that it was made of.
  return Object.fromEntries([...lists].map(([manager, list]) => [manager, list.join('\n')]))
}

/** Who took a name; undefined: it is free. */
export function takerOf(taken: Taken, name: string): string | undefined {
  return Object.keys(taken).find((manager) => taken[manager]?.split('\n').includes(name))
}

/** Whether something may have been injected. */
export function hasVersions({ containers, versionVolumes }: PodParts): boolean {
  return versionVolumes.length > 0 || containers.some(({ versionVariables }) => versionVariables.length > 0)
}

/** The Secrets that are named like versions and stand in a template, each once. */
export function versionsIn({ containers, versionVolumes }: PodParts): ReadonlySet<string> {
  const names = new Set(versionVolumes.map(({ secret }) => secret))
  for (const { versionVariables } of containers) for (const { secret } of versionVariables) names.add(secret)
  return names
}

function descend(
  fields: Record<string, unknown> | undefined,
  path: readonly string[],
): Record<string, unknown> | undefined {
  let value: unknown = fields
  for (const name of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
    value = (value as Record<string, unknown>)[name]
  }
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
}
