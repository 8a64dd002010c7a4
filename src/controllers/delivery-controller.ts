/**
 * Reconciles one workload with what is in force for the resources that name it: gather → plan → one patch.
 *
 * Level-based: the stamps that the template should carry are compared with those it carries, so a crash at any moment loses
 * no restart and repeats none.
 */
import { stampLabel } from '../api/names.ts'
import type { TracardiResource } from '../api/tracardi-resource.ts'
import type { InForce } from '../delivery/in-force.ts'
import { Pace } from '../delivery/pace.ts'
import { Reverts } from '../delivery/reverts.ts'
import { resourcesOf } from '../delivery/selection.ts'
import type { WorkloadStores } from '../delivery/selection.ts'
import { missingStamps, stampPatch } from '../delivery/stamps.ts'
import type { Refusal } from '../delivery/stamps.ts'
import { kindOf, stampOf, stripWorkload, workloadKinds, workloadTypes } from '../delivery/workloads.ts'
import type { Workload, WorkloadKind } from '../delivery/workloads.ts'
import type { Clock } from '../kube/clock.ts'
import type { KubeClient } from '../kube/client.ts'
import type { ReconcileContext, ReconcileResult } from '../kube/controller.ts'
import { KubeError, isConflict, isMissingPermission, isNotFound } from '../kube/errors.ts'
import type { EventRecorder } from '../kube/event-recorder.ts'
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
  readonly events: EventRecorder
  readonly clock: Clock
}

/** Controllers of the workload write its status all the time: a conflict is normal and answered by reading again. */
const maxConflicts = 5

/** After so many times of putting the same stamps back an Event says so. */
const revertsToTell = 4

export class DeliveryController {
  readonly #options: DeliveryControllerOptions
  readonly #pace = new Pace()
  readonly #reverts = new Reverts()

  constructor(options: DeliveryControllerOptions) {
    this.#options = options
  }

  /** Whether a workload lacks a stamp now. */
  isDue(workload: Workload): boolean {
    return Object.keys(this.#missing(workload).stamps).length > 0
  }

  async reconcile(key: string, context: ReconcileContext): Promise<ReconcileResult | undefined> {
    const { client, workloads, clock } = this.#options
    const [kindName, namespace = '', name = ''] = key.split('/')
    const kind = workloadKinds.find((known) => known === kindName)
    if (kind === undefined) return undefined
    let workload = workloads[kind].get(`${namespace}/${name}`)
    for (let conflicts = 0; ; conflicts++) {
      if (workload === undefined || workload.metadata.deletionTimestamp !== undefined) {
        this.#settle(key, workload)
        this.#reverts.forget(key)
        return undefined
      }
      const { stamps, sharers } = this.#missing(workload)
      if (Object.keys(stamps).length === 0) {
        this.#settle(key, workload)
        return undefined
      }
      const signature = JSON.stringify(stamps)
      const now = clock.monotonic()
      const waitMs = Math.max(this.#pace.wait(key, sharers, signature, now), this.#reverts.wait(key, signature, now))
      if (waitMs > 0) return { requeueAfterMs: waitMs }
      try {
        const patched = await client.patch(workloadTypes[kind], namespace, name, stampPatch(workload, stamps), {
          patchType: 'strategic',
          signal: context.signal,
        })
        workloads[kind].observe(stripWorkload(kind)(patched))
        this.#settle(key, workload)
        this.#announce(workload, stamps, context)
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
        workload = await this.#reread(key, kind, workload, context.signal)
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

  /** The stamps that the workload lacks, and how many resources have something in force for it. */
  #missing(workload: Workload): { stamps: Record<string, string>; sharers: number } {
    const deliveries = this.#resources(workload).map((resource) => ({
      resource: resource.metadata.name,
      credentialsId: this.#options.inForce.of(resource),
    }))
    const sharers = deliveries.filter((delivery) => delivery.credentialsId !== undefined).length
    return { stamps: missingStamps(workload, deliveries), sharers }
  }

  #announce(before: Workload, stamps: Readonly<Record<string, string>>, context: ReconcileContext): void {
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
        note: `The TracardiResource ${name} went ${old === undefined ? '' : `from ${old} `}to ${id}: the pods are replaced.`,
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
    apiVersion: `${group}/${version}`,
    kind,
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    uid: metadata.uid,
  }
}
