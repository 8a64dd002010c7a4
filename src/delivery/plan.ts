/** What a workload should get from all its resources together: stamps and injections, and what stands in the way. Pure. */
import { stampLabel } from '../api/names.ts'
import type { InjectionStatus, TracardiResource } from '../api/tracardi-resource.ts'
import { effectiveTarget } from '../api/tracardi-resource.ts'
import type { Store } from '../kube/store.ts'
import { inForceToInject } from './in-force.ts'
import type { InForce } from './in-force.ts'
import {
  collisionsAmong,
  collisionsWithin,
  describeCollision,
  difference,
  hasContainer,
  injectionOf,
} from './injection.ts'
import type { Claim, Injection, PodPatch } from './injection.ts'
import { hasVersions, parseVersionName, versionsIn } from './pod-parts.ts'
import { objectKey } from '../kube/objects.ts'
import { entriesFor, resourcesOf } from './selection.ts'
import type { WorkloadStores } from './selection.ts'
import {
  isPatched,
  kindOf,
  noParts,
  patchedKinds,
  podLabels,
  stampOf,
  takesInjection,
  templateOwner,
} from './workloads.ts'
import type { Workload } from './workloads.ts'

export interface PlanContext {
  /** With the index `consumers`, see consumerIndex. */
  readonly resources: Store<TracardiResource>
  readonly inForce: InForce
  /** The installation of this operator: what another one injects is left to that one. */
  readonly installation: string
}

/** What keeps an injection from being whole; it needs a person. */
export interface InjectionProblem {
  readonly reason: 'InjectionConflict' | 'ContainerNotFound'
  readonly message: string
}

/** One resource that has the workload as consumer. */
export interface PlannedDelivery {
  readonly resource: TracardiResource
  /** Its credentials are put into the pods; else the workload reads the target by itself. */
  readonly injects: boolean
  /** How; undefined: it is not known yet. */
  readonly mode: InjectionStatus['mode'] | undefined
  /** Its pods are never replaced for these credentials. */
  readonly isNeverRestarted: boolean
  readonly problem: InjectionProblem | undefined
  /** What a person may want to know; empty: nothing. */
  readonly remark: string
  /** Something of it is to be patched. */
  readonly isPending: boolean
}

export interface DeliveryPlan {
  /** Label → credentialsId: the stamps that the template lacks. */
  readonly stamps: Readonly<Record<string, string>>
  /** undefined: what is injected is right. */
  readonly pods: PodPatch | undefined
  /** The resources of which something is put in, changed or taken out, beside the stamp. */
  readonly injected: readonly TracardiResource[]
  /** How many resources have something in force for it. */
  readonly sharers: number
  /** By the name of the resource. */
  readonly deliveries: ReadonlyMap<string, PlannedDelivery>
}

interface Draft {
  readonly resource: TracardiResource
  readonly isNeverRestarted: boolean
  readonly injects: boolean
  readonly mode: InjectionStatus['mode'] | undefined
  /** What the workload may carry now; undefined: it stays as it is. */
  readonly credentialsId: string | undefined
  /** undefined: not known, or none. */
  readonly injection: Injection | undefined
}

export function planDelivery(context: PlanContext, workload: Workload): DeliveryPlan {
  const parts = workload.pods ?? noParts
  const isTouched = isPatched(kindOf(workload))
  const all = resourcesOf(context.resources, workload)
  const drafts = all
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .map((resource) => draft(context, resource, workload))
  const problems = new Map<string, InjectionProblem>()
  const remarks = new Map<string, string>()
  const frozen = new Set<string>()
  const claim = claimIn(context, workload, all)

  const injections = drafts.flatMap(({ injection }) => injection ?? [])
  const object = `${kindOf(workload)} ${workload.metadata.name}`
  for (const injection of injections) {
    if (hasContainer(parts, injection)) continue
    const message = `${object} has no container that is named in spec.consumers[].inject.containers; correct the names there.`
    problems.set(injection.resource, { reason: 'ContainerNotFound', message })
    frozen.add(injection.resource)
  }
  for (const collision of collisionsAmong(parts, injections)) {
    frozen.add(collision.resource)
    if (problems.has(collision.resource)) continue
    const message = `${object}: ${describeCollision(collision)}`
    problems.set(collision.resource, { reason: 'InjectionConflict', message })
  }
  for (const { injection, mode } of drafts) {
    if (injection === undefined || frozen.has(injection.resource)) continue
    for (const collision of collisionsWithin(parts, injection, claim)) {
      const message = describeCollision(collision)
      // Whoever defines a variable that is injected at admission means it so: the API server lets it win.
      if (mode === 'Policy' && collision.what === 'variable') {
        if (!remarks.has(injection.resource)) remarks.set(injection.resource, message)
      } else if (!problems.has(injection.resource)) {
        problems.set(injection.resource, { reason: 'InjectionConflict', message })
      }
    }
  }

  const stamps: Record<string, string> = {}
  const patched: Injection[] = []
  const withdrawn = new Set<string>()
  const isStampable = templateOwner(workload) === undefined
  for (const { resource, credentialsId, injection, mode, injects, isNeverRestarted } of drafts) {
    const { name } = resource.metadata
    if (!isTouched || isNeverRestarted || frozen.has(name)) continue
    if (!injects) withdrawn.add(name)
    if (credentialsId === undefined) continue
    // The pods of a CronJob are always new: there is nothing to restart, but its template may take an injection.
    if (isStampable && (kindOf(workload) !== 'CronJob' || mode === 'Patch'))
      if (stampOf(workload, name) !== credentialsId) stamps[stampLabel(name)] = credentialsId
    if (mode === 'Patch' && injection !== undefined) patched.push(injection)
    if (mode === 'Policy') withdrawn.add(name)
  }
  if (isTouched && hasVersions(parts)) {
    for (const resource of stampedBy(context, workload)) {
      const isConsumer = drafts.some((each) => each.resource.metadata.name === resource.metadata.name)
      if (!isConsumer) withdrawn.add(resource.metadata.name)
    }
  }
  const { patch, resources } = difference(parts, patched, withdrawn, claim)
  const namespace = workload.metadata.namespace ?? ''
  return {
    stamps,
    pods: patch,
    injected: [...resources].flatMap((name) => context.resources.get(`${namespace}/${name}`) ?? []),
    sharers: drafts.filter(({ resource }) => context.inForce.of(resource) !== undefined).length,
    deliveries: new Map(
      drafts.map(({ resource, mode, injects, isNeverRestarted }) => {
        const { name } = resource.metadata
        return [
          name,
          {
            resource,
            injects,
            mode,
            isNeverRestarted,
            problem: problems.get(name),
            remark: remarks.get(name) ?? '',
            isPending: stampLabel(name) in stamps || resources.has(name),
          },
        ]
      }),
    ),
  }
}

function draft({ inForce, installation }: PlanContext, resource: TracardiResource, workload: Workload): Draft {
  const entries = entriesFor(resource, workload)
  const asked = entries.find((entry) => entry.inject !== undefined && entry.inject !== null)?.inject ?? undefined
  const inject = takesInjection(kindOf(workload)) ? asked : undefined
  const inPlace = inForce.of(resource)
  const isNeverRestarted = entries.every(({ restart }) => restart === 'Never')
  const common = { resource, isNeverRestarted, injects: inject !== undefined }
  if (inject === undefined) return { ...common, mode: undefined, credentialsId: inPlace, injection: undefined }
  const { injection: how, target } = resource.status ?? {}
  const mode = how?.installation === installation ? how.mode : undefined
  const keys = inForce.keysOf(resource)
  if (mode === undefined || inPlace === undefined || keys === undefined || target === undefined)
    return { ...common, mode, credentialsId: undefined, injection: undefined }
  return {
    ...common,
    mode,
    credentialsId: inForceToInject(resource, inPlace),
    injection: injectionOf(resource.metadata.name, inject, { target: target.name, id: inPlace, keys }),
  }
}

const stampPrefix = stampLabel('')

/** The resources whose stamps the template carries, as far as they are there. */
function stampedBy({ resources }: PlanContext, workload: Workload): TracardiResource[] {
  const namespace = workload.metadata.namespace ?? ''
  return Object.keys(podLabels(workload)).flatMap((label) =>
    label.startsWith(stampPrefix) ? (resources.get(`${namespace}/${label.slice(stampPrefix.length)}`) ?? []) : [],
  )
}

/** What was injected is known by the name of its Secret: by the target in it, else by the id, which the stamp repeats. */
function claimIn(context: PlanContext, workload: Workload, selecting: readonly TracardiResource[]): Claim {
  const versions = versionsIn(workload.pods ?? noParts)
  const owners = new Map<string, string>()
  if (versions.size > 0) {
    const known = [...selecting, ...stampedBy(context, workload)]
    for (const secret of versions) {
      const { target, id } = parseVersionName(secret) ?? {}
      const owner =
        known.find((resource) => targetNamesOf(resource).includes(target)) ??
        known.find(({ metadata }) => stampOf(workload, metadata.name) === id)
      if (owner !== undefined) owners.set(secret, owner.metadata.name)
    }
  }
  return (secret) => owners.get(secret)
}

function targetNamesOf({ metadata, spec, status }: TracardiResource): (string | undefined)[] {
  return [status?.target?.name, effectiveTarget(metadata.name, spec)?.name].filter((name) => name !== undefined)
}

/**
 * Index of the workloads: `namespace/name` of the resources of which something is injected, by their stamps. What carries
 * no stamp of it any more was changed by somebody else.
 */
export function injectionIndex(workload: Workload): string[] {
  const versions = [...versionsIn(workload.pods ?? noParts)]
  if (versions.length === 0) return []
  const ids = new Set(versions.map((secret) => parseVersionName(secret)?.id))
  return Object.entries(podLabels(workload)).flatMap(([label, id]) =>
    label.startsWith(stampPrefix) && ids.has(id)
      ? [`${workload.metadata.namespace ?? ''}/${label.slice(stampPrefix.length)}`]
      : [],
  )
}

/** The workloads into which something of a resource was patched; their stores have the index `injections`. */
export function carriersOf(stores: WorkloadStores, resource: TracardiResource): Workload[] {
  return patchedKinds.flatMap((kind) => stores[kind].byIndex('injections', objectKey(resource)))
}
