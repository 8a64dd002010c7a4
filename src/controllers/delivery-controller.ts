/**
 * Reconciles one workload with what is in force for the resources that name it: gather → plan → one patch.
 *
 * Level-based: what the template should carry, stamps and injections, is compared with what it carries, so a crash at any
 * moment loses no restart and repeats none.
 */
import { injectionFinalizer, kind as resourceKind, stampLabel } from '../api/names.ts'
import { injects, tracardiResources } from '../api/tracardi-resource.ts'
import type { TracardiResource } from '../api/tracardi-resource.ts'
import type { InForce } from '../delivery/in-force.ts'
import { Pace } from '../delivery/pace.ts'
import { Reverts } from '../delivery/reverts.ts'
import {
  checkFingerprint,
  expectedInjections,
  isMended,
  lookAtPods,
  mendingLabels,
  notInjectedText,
} from '../delivery/not-injected.ts'
import type { ExpectedInjection, InjectionCheck } from '../delivery/not-injected.ts'
import { carriersOf, planDelivery } from '../delivery/plan.ts'
import type { DeliveryPlan } from '../delivery/plan.ts'
import { keyOf, resourcesOf } from '../delivery/selection.ts'
import type { WorkloadStores } from '../delivery/selection.ts'
import { deliveryPatch, patchTypeOf } from '../delivery/stamps.ts'
import type { Refusal } from '../delivery/stamps.ts'
import type { Visibility } from '../delivery/visibility.ts'
import {
  isPatched,
  kindOf,
  patchedKinds,
  stampOf,
  stripWorkload,
  workloadKinds,
  workloadTypes,
} from '../delivery/workloads.ts'
import type { Workload, WorkloadKind } from '../delivery/workloads.ts'
import type { Clock } from '../kube/clock.ts'
import type { KubeClient } from '../kube/client.ts'
import type { ReconcileContext, ReconcileResult } from '../kube/controller.ts'
import { KubeError, isConflict, isMissingPermission, isNotFound } from '../kube/errors.ts'
import type { EventRecorder } from '../kube/event-recorder.ts'
import { objectKey, pods, resourceName } from '../kube/objects.ts'
import { grantText } from '../kube/permissions.ts'
import type { Store } from '../kube/store.ts'
import { eventTarget } from './credentials-controller.ts'

export interface DeliveryControllerOptions {
  readonly client: KubeClient
  /** With the index `consumers`, see consumerIndex. */
  readonly resources: Store<TracardiResource>
  readonly workloads: WorkloadStores
  readonly inForce: InForce
  /** Key of a workload → why the API server refused its last patch; gone with the next that it takes. */
  readonly refusals: Map<string, Refusal>
  /** Called when a refusal of a consumer of this resource comes or goes. */
  readonly onRefusal: (resource: TracardiResource) => void
  /** Key of a workload → whether the API server injected, as it was seen after its last rollout. */
  readonly checks: Map<string, InjectionCheck>
  /** Looks whether what is installed still injects by admission policies. */
  readonly confirmPolicy: (signal: AbortSignal) => Promise<boolean>
  readonly events: EventRecorder
  readonly clock: Clock
  readonly installation: string
  readonly visibility: Pick<Visibility, 'workloads'>
}

/** Controllers of the workload write its status all the time: a conflict is normal and answered by reading again. */
const maxConflicts = 5

/** After so many times of putting the same stamps back an Event says so. */
const revertsToTell = 4

/** How often it is looked whether all workloads can be seen again, in milliseconds. */
const unseenRetryMs = 60_000

/**
 * How often it is looked whether pods were replaced that had nothing injected, in milliseconds. So long they are left to
 * themselves as well: what is being installed at the moment is there by then.
 */
const missedRetryMs = 60_000

const tracardiResourcesName = resourceName(tracardiResources)

export class DeliveryController {
  readonly #options: DeliveryControllerOptions
  readonly #pace = new Pace()
  readonly #reverts = new Reverts()
  /** Key of a workload that is being patched → uids of the resources that are injected by it. */
  readonly #injecting = new Map<string, ReadonlySet<string>>()

  constructor(options: DeliveryControllerOptions) {
    this.#options = options
  }

  /** Whether a workload is to be patched now. */
  isDue(workload: Workload): boolean {
    const plan = planDelivery(this.#options, workload)
    return isWork(plan) || this.#unchecked(workload, plan).length > 0
  }

  /** What of a rollout that is through is not known to be injected. */
  #unchecked(workload: Workload, plan: DeliveryPlan): readonly ExpectedInjection[] {
    const expected = expectedInjections(workload, plan)
    const known = this.#options.checks.get(keyOf(workload))
    return known?.missed.size === 0 && known.fingerprint === checkFingerprint(workload, expected) ? [] : expected
  }

  /** Looks once, when a rollout is through, whether its pods say that they got what they should: see not-injected.ts. */
  async #check(
    key: string,
    workload: Workload,
    plan: DeliveryPlan,
    context: ReconcileContext,
  ): Promise<ReconcileResult | undefined> {
    const { client, checks, clock, events, onRefusal } = this.#options
    const expected = this.#unchecked(workload, plan)
    if (expected.length === 0) return undefined
    const fingerprint = checkFingerprint(workload, expected)
    const before = checks.get(key)
    const missed = new Set<string>()
    const stale = new Set<string>()
    for (const one of expected) {
      const { resource, selector } = one
      try {
        const { items } = await client.list(pods, {
          namespace: workload.metadata.namespace ?? '',
          labelSelector: selector,
          metadataOnly: true,
          signal: context.signal,
        })
        const seen = lookAtPods(workload, items, one)
        if (seen !== 'Injected') (seen === 'Missed' ? missed : stale).add(resource.metadata.name)
      } catch (error) {
        // The permissions say what is missing; what cannot be seen is not made up.
        if (!isMissingPermission(error)) throw error
      }
    }
    const now = clock.monotonic()
    const since = before?.fingerprint === fingerprint && before.missed.size > 0 ? before.since : now
    checks.set(key, { fingerprint, missed, stale, since })
    for (const { resource } of expected) {
      const { name } = resource.metadata
      // A status that tells of a rollout waits for the first look at its pods.
      if (before?.fingerprint !== fingerprint || missed.has(name) !== before.missed.has(name)) onRefusal(resource)
      if (!missed.has(name) || before?.missed.has(name) === true) continue
      const note = notInjectedText(workload, name)
      const regarding = eventTarget(resource)
      const related = workloadTarget(workload)
      events.record({ regarding, related, type: 'Warning', reason: 'NotInjected', action: 'Inject', note })
    }
    if (missed.size === 0) return undefined
    const left = since + missedRetryMs - now
    if (left > 0) return { requeueAfterMs: left }
    await this.#mend(
      workload,
      expected.filter(({ resource: { metadata } }) => missed.has(metadata.name) && !isMended(workload, metadata.name)),
      context,
    )
    return { requeueAfterMs: missedRetryMs }
  }

  /** Replaces the pods of a workload once, so that the API server injects what it has not. */
  async #mend(workload: Workload, missed: readonly ExpectedInjection[], context: ReconcileContext): Promise<void> {
    const { client, workloads, events, confirmPolicy } = this.#options
    const { signal } = context
    const kind = kindOf(workload)
    if (missed.length === 0 || !isPatched(kind)) return
    // Else it is about to be patched.
    if (!(await confirmPolicy(signal))) return
    const { namespace, name } = workload.metadata
    const patch = deliveryPatch(workload, { stamps: mendingLabels(missed), pods: undefined })
    const patched = await client.patch(workloadTypes[kind], namespace, name, patch, { patchType: 'strategic', signal })
    workloads[kind].observe(stripWorkload(kind)(patched))
    for (const { resource } of missed) {
      context.log.info({ resource: resource.metadata.name }, 'pods without their credentials are replaced')
      events.record({
        regarding: workloadTarget(workload),
        related: eventTarget(resource),
        type: 'Normal',
        reason: 'InjectionMended',
        action: 'Inject',
        note: `Pods were started without the credentials of the TracardiResource ${resource.metadata.name}; they are replaced once.`,
      })
    }
  }

  async reconcile(key: string, context: ReconcileContext): Promise<ReconcileResult | undefined> {
    const { client, workloads, clock } = this.#options
    const [kindName, namespace = '', name = ''] = key.split('/')
    if (kindName === resourceKind) return this.#release(`${namespace}/${name}`, context)
    const kind = workloadKinds.find((known) => known === kindName)
    if (kind === undefined) return undefined
    let workload = workloads[kind].get(`${namespace}/${name}`)
    for (let conflicts = 0; ; conflicts++) {
      if (workload === undefined || workload.metadata.deletionTimestamp !== undefined) {
        this.#settle(key, workload)
        this.#reverts.forget(key)
        this.#options.checks.delete(key)
        return undefined
      }
      const plan = planDelivery(this.#options, workload)
      if (!isWork(plan)) {
        this.#settle(key, workload)
        return this.#check(key, workload, plan, context)
      }
      const signature = JSON.stringify([plan.stamps, plan.pods])
      const now = clock.monotonic()
      const waitMs = Math.max(
        this.#pace.wait(key, plan.sharers, signature, now),
        this.#reverts.wait(key, signature, now),
      )
      if (waitMs > 0) return { requeueAfterMs: waitMs }
      try {
        await this.#hold(key, plan, context.signal)
        const patched = await client.patch(workloadTypes[kind], namespace, name, deliveryPatch(workload, plan), {
          patchType: patchTypeOf(kind),
          signal: context.signal,
        })
        workloads[kind].observe(stripWorkload(kind)(patched))
        this.#settle(key, workload)
        this.#announce(workload, plan, context)
        if (this.#reverts.record(key, signature, clock.monotonic()) === revertsToTell) this.#announceReverts(workload)
        return undefined
      } catch (error) {
        if (isNotFound(error)) {
          this.#settle(key, workload)
          return undefined
        }
        if (!isConflict(error) || conflicts >= maxConflicts) {
          this.#refused(key, workload, error)
          throw error
        }
        // Of a resource that has changed, the watch brings what it is now.
        if (error instanceof KubeError && error.resource === tracardiResourcesName) throw error
        workload = await this.#reread(key, kind, workload, context.signal)
      } finally {
        this.#injecting.delete(key)
      }
    }
  }

  /** Nothing is to be done any more, or it was done. */
  #settle(key: string, workload: Workload | undefined): void {
    this.#pace.settle(key)
    if (!this.#options.refusals.delete(key) || workload === undefined) return
    for (const resource of this.#resources(workload)) this.#options.onRefusal(resource)
  }

  async #reread(
    key: string,
    kind: WorkloadKind,
    workload: Workload,
    signal: AbortSignal,
  ): Promise<Workload | undefined> {
    const { client, workloads } = this.#options
    const { namespace, name } = workload.metadata
    try {
      const read = stripWorkload(kind)(await client.get(workloadTypes[kind], namespace, name, { signal }))
      workloads[kind].observe(read)
      return read
    } catch (error) {
      if (isNotFound(error)) return undefined
      this.#refused(key, workload, error)
      throw error
    }
  }

  #resources(workload: Workload): TracardiResource[] {
    return resourcesOf(this.#options.resources, workload).filter(
      (resource) => resource.metadata.deletionTimestamp === undefined,
    )
  }

  /** What is about to be patched into a workload is not released meanwhile: see releaseResource. */
  async #hold(key: string, plan: DeliveryPlan, signal: AbortSignal): Promise<void> {
    const { client, resources } = this.#options
    const put = plan.injected.filter(({ metadata }) => plan.deliveries.get(metadata.name)?.mode === 'Patch')
    if (put.length === 0) return
    this.#injecting.set(key, new Set(put.map(({ metadata }) => metadata.uid)))
    for (const resource of put)
      if (!isHeld(resource)) resources.observe(await patchFinalizers(client, resource, true, signal))
  }

  /** Lets a resource go that nothing is injected of any more. */
  async #release(key: string, context: ReconcileContext): Promise<ReconcileResult | undefined> {
    const { client, resources, visibility } = this.#options
    const resource = resources.get(key)
    if (resource === undefined || !this.isReleasable(resource)) return undefined
    const namespace = resource.metadata.namespace ?? ''
    // What cannot be seen may have it still.
    if (patchedKinds.some((kind) => visibility.workloads(kind, namespace) !== undefined))
      return { requeueAfterMs: unseenRetryMs }
    try {
      resources.observe(await patchFinalizers(client, resource, false, context.signal))
    } catch (error) {
      if (!isNotFound(error)) throw error
    }
    context.log.info({ resource: resource.metadata.name }, 'nothing of it is injected any more')
    return undefined
  }

  /** Whether a resource is held that need not be any more. */
  isReleasable(resource: TracardiResource): boolean {
    if (!isHeld(resource)) return false
    const { metadata, spec, status } = resource
    const stays = metadata.deletionTimestamp === undefined && injects(spec) && status?.injection?.mode !== 'Policy'
    if (stays || [...this.#injecting.values()].some((uids) => uids.has(metadata.uid))) return false
    return carriersOf(this.#options.workloads, resource).every((one) => one.metadata.deletionTimestamp !== undefined)
  }

  #announce(before: Workload, { stamps, injected }: DeliveryPlan, context: ReconcileContext): void {
    for (const resource of injected) {
      const { name } = resource.metadata
      if (stampLabel(name) in stamps) continue
      context.log.info({ resource: name }, 'injection changed')
      this.#options.events.record({
        regarding: workloadTarget(before),
        related: eventTarget(resource),
        type: 'Normal',
        reason: 'InjectionChanged',
        action: 'Inject',
        note: `What the TracardiResource ${name} injects has changed: ${effectOn(before)}.`,
      })
    }
    for (const resource of this.#resources(before)) {
      const { name } = resource.metadata
      const id = stamps[stampLabel(name)]
      if (id === undefined) continue
      const old = stampOf(before, name)
      context.log.info({ resource: name, from: old, to: id }, 'workload stamped')
      this.#options.events.record({
        regarding: workloadTarget(before),
        related: eventTarget(resource),
        type: 'Normal',
        reason: 'CredentialsStamped',
        action: 'Stamp',
        note: `The TracardiResource ${name} went ${old === undefined ? '' : `from ${old} `}to ${id}: ${effectOn(before)}.`,
      })
    }
  }

  #announceReverts(workload: Workload): void {
    const object = `${kindOf(workload)} ${workload.metadata.name}`
    for (const resource of this.#resources(workload)) {
      const { name } = resource.metadata
      this.#options.events.record({
        regarding: eventTarget(resource),
        related: workloadTarget(workload),
        type: 'Warning',
        reason: 'StampReverted',
        action: 'Stamp',
        note: `Something takes the label ${stampLabel(name)} out of the pod template of the ${object} again and again; it is put back ever more slowly. Set the label in what generates that workload, or withdraw the consumer.`,
      })
    }
  }

  /** Remembers what a person has to mend, so that the status can say it. */
  #refused(key: string, workload: Workload, error: unknown): void {
    if (!(error instanceof KubeError) || (error.status !== 403 && error.status !== 422)) return
    const { refusals, events, onRefusal } = this.#options
    const { status } = error
    const refusal: Refusal = isMissingPermission(error)
      ? { reason: 'PermissionMissing', message: `The operator may not stamp it. ${grantText(error)}` }
      : {
          reason: 'StampRefused',
          message: `The API server refuses the stamp (HTTP ${String(status)}): ${status === 403 ? 'an admission policy is in the way' : 'it does not take the workload with that label'}. It is tried again.`,
        }
    const { reason, message } = refusal
    if (refusals.get(key)?.message === message) return
    refusals.set(key, refusal)
    for (const resource of this.#resources(workload)) {
      onRefusal(resource)
      events.record({
        regarding: eventTarget(resource),
        related: workloadTarget(workload),
        type: 'Warning',
        reason,
        action: 'Stamp',
        note: `${kindOf(workload)} ${workload.metadata.name}: ${message}`,
      })
    }
  }
}

/** The key under which a resource is released when nothing of it is injected any more. */
export function releaseKey(resource: TracardiResource): string {
  return `${resourceKind}/${objectKey(resource)}`
}

function isHeld({ metadata }: TracardiResource): boolean {
  return metadata.finalizers?.includes(injectionFinalizer) === true
}

async function patchFinalizers(
  client: KubeClient,
  resource: TracardiResource,
  isHeldThen: boolean,
  signal: AbortSignal,
): Promise<TracardiResource> {
  const { namespace, name, uid, resourceVersion, finalizers = [] } = resource.metadata
  const others = finalizers.filter((finalizer) => finalizer !== injectionFinalizer)
  const patch = {
    metadata: { uid, resourceVersion, finalizers: isHeldThen ? [...others, injectionFinalizer] : others },
  }
  return client.patch(tracardiResources, namespace, name, patch, { patchType: 'merge', signal })
}

/** What a change of the template means for the pods. */
function effectOn(workload: Workload): string {
  return kindOf(workload) === 'CronJob' ? 'new pods get it' : 'the pods are replaced'
}

function isWork({ stamps, pods }: DeliveryPlan): boolean {
  return pods !== undefined || Object.keys(stamps).length > 0
}

function workloadTarget(workload: Workload): {
  apiVersion: string
  kind: string
  namespace: string
  name: string
  uid: string
} {
  const { metadata } = workload
  const kind = kindOf(workload)
  const { group, version } = workloadTypes[kind]
  return {
    apiVersion: group === '' ? version : `${group}/${version}`,
    kind,
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    uid: metadata.uid,
  }
}
