/** The TracardiResource as the rest of the program sees it. */
import type * as z from 'zod'
import type { KubeObject, ResourceType } from '../kube/objects.ts'
import { defaultTargetName, group, kind, plural, version } from './names.ts'
import { specParser } from './schema.ts'
import type { statusSchema } from './schema.ts'

export type TracardiResourceSpec = z.infer<typeof specParser>
export type TracardiResourceStatus = z.infer<typeof statusSchema>
export type CredentialsSpec = TracardiResourceSpec['credentials']
export type CredentialFieldSpec = NonNullable<CredentialsSpec['fields']>[number]
export type TargetSpec = NonNullable<TracardiResourceSpec['target']>
export type ConsumerSpec = NonNullable<TracardiResourceSpec['consumers']>[number]
export type DeletionPolicy = NonNullable<TargetSpec['deletionPolicy']>
export type Condition = NonNullable<TracardiResourceStatus['conditions']>[number]
export type ConditionStatus = Condition['status']
/** A Secret as it was when the credentials in force were read from it. */
export type SourceVersion = NonNullable<TracardiResourceStatus['sources']>[number]
/** How the credentials get into pods, and who sees to it. */
export type InjectionStatus = NonNullable<TracardiResourceStatus['injection']>
export type ConsumersStatus = NonNullable<TracardiResourceStatus['consumers']>
/** A consumer that is not up to date. */
export type ConsumerStatus = NonNullable<ConsumersStatus['outdated']>[number]

export interface TracardiResource extends KubeObject {
  spec: TracardiResourceSpec
  status?: TracardiResourceStatus
}

export const tracardiResources: ResourceType<TracardiResource> = { group, version, plural, kind, namespaced: true }

/**
 * Reads a spec that may come from a newer CRD. Keys that this program does not know are dropped, and any service id is
 * taken (the caller says UnsupportedService). Whatever else it does not understand is named by its path, never by its value.
 */
export function parseSpec(spec: unknown): { ok: true; spec: TracardiResourceSpec } | { ok: false; fields: string[] } {
  const result = specParser.safeParse(spec)
  if (result.success) return { ok: true, spec: result.data }
  return { ok: false, fields: [...new Set(result.error.issues.map((issue) => fieldPath(issue.path)))] }
}

function fieldPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (text, part) => (typeof part === 'number' ? `${text}[${part}]` : `${text}.${String(part)}`),
    'spec',
  )
}

/** The target with its defaults. */
export interface EffectiveTarget {
  readonly name: string
  /** Field → key of the target Secret, where the default keys are not wanted. */
  readonly keys: ReadonlyMap<string, string>
  readonly deletionPolicy: DeletionPolicy
  /** How many version Secrets are kept beside the one in force. */
  readonly historyLimit: number
}

/** Undefined for a resource that only checks: it has neither a target nor a consumer. */
export function effectiveTarget(resourceName: string, spec: TracardiResourceSpec): EffectiveTarget | undefined {
  const target = spec.target ?? undefined
  if (target === undefined && (spec.consumers ?? []).length === 0) return undefined
  const keys = new Map<string, string>()
  for (const [field, key] of Object.entries(target?.keys ?? {})) if (key !== null) keys.set(field, key)
  return {
    name: target?.name ?? defaultTargetName(resourceName),
    keys,
    deletionPolicy: target?.deletionPolicy ?? 'Retain',
    historyLimit: target?.historyLimit ?? 3,
  }
}

/** Whether some consumer wants the credentials put into its pods: then each version of them is a Secret of its own. */
export function injects(spec: TracardiResourceSpec): boolean {
  return (spec.consumers ?? []).some(({ inject }) => inject !== undefined && inject !== null)
}
