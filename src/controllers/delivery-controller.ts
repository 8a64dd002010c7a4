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
import { missingStamps, stampOf, stampPatch } from '../delivery/stamps.ts'
import type { Delivery } from '../delivery/stamps.ts'
import { deployments as deploymentType, stripDeployment } from '../delivery/workloads.ts'
import type { Deployment } from '../delivery/workloads.ts'
import type { Clock } from '../kube/clock.ts'
import type { KubeClient } from '../kube/client.ts'
import type { ReconcileContext, ReconcileResult } from '../kube/controller.ts'
import { KubeError, isConflict, isNotFound } from '../kube/errors.ts'
import type { EventRecorder } from '../kube/event-recorder.ts'
import type { Store } from '../kube/store.ts'
import { eventTarget } from './credentials-controller.ts'

export interface DeliveryControllerOptions {
  readonly client: KubeClient
  /** With the index `consumers`: workload key → the resources that name it. */
  readonly resources: Store<TracardiResource>
  readonly deployments: Store<Deployment>
  readonly inForce: InForce
  readonly events: EventRecorder
  readonly clock: Clock
}

/** Controllers of the workload write its status all the time: a conflict is normal and answered by reading again. */
const maxConflicts = 5

/** The key of a workload in the queue and in the index: `Deployment/namespace/name`. */
export function workloadKey(kind: string, namespace: string, name: string): string {
  return `${kind}/${namespace}/${name}`
}

/** The keys of all consumers that a resource names. */
export function consumerKeysOf(resource: TracardiResource): string[] {
  const namespace = resource.metadata.namespace ?? ''
  return (resource.spec.consumers ?? []).map(({ kind, name }) => workloadKey(kind, namespace, name))
}

export class DeliveryController {
  readonly #options: DeliveryControllerOptions
  readonly #pace = new Pace()

  constructor(options: DeliveryControllerOptions) {
    this.#options = options
  }

  /** The stamps that a workload lacks now. Empty: nothing to do. */
  missing(key: string, workload: Deployment): Record<string, string> {
    return missingStamps(workload, this.#deliveries(key))
  }

  async reconcile(key: string, context: ReconcileContext): Promise<ReconcileResult | undefined> {
    const { client, deployments, clock } = this.#options
    const [, namespace = '', name = ''] = key.split('/')
    let workload = deployments.get(`${namespace}/${name}`)
    for (let conflicts = 0; ; conflicts++) {
      if (workload === undefined || workload.metadata.deletionTimestamp !== undefined) {
        this.#pace.settle(key)
        return undefined
      }
      const deliveries = this.#deliveries(key)
      const stamps = missingStamps(workload, deliveries)
      if (Object.keys(stamps).length === 0) {
        this.#pace.settle(key)
        return undefined
      }
      const sharers = deliveries.filter((delivery) => delivery.credentialsId !== undefined).length
      const waitMs = this.#pace.wait(key, sharers, JSON.stringify(stamps), clock.monotonic())
      if (waitMs > 0) return { requeueAfterMs: waitMs }
      try {
        const patched = await client.patch(deploymentType, namespace, name, stampPatch(workload, stamps), {
          patchType: 'strategic',
          signal: context.signal,
        })
        deployments.observe(stripDeployment(patched))
        this.#pace.settle(key)
        this.#announce(key, workload, stamps, context)
        return undefined
      } catch (error) {
        if (isNotFound(error)) {
          this.#pace.settle(key)
          return undefined
        }
        if (!isConflict(error) || conflicts >= maxConflicts) {
          this.#announceRefusal(key, workload, error)
          throw error
        }
        workload = await this.#read(namespace, name, context.signal)
      }
    }
  }

  async #read(namespace: string, name: string, signal: AbortSignal): Promise<Deployment | undefined> {
    const { client, deployments } = this.#options
    try {
      const workload = stripDeployment(await client.get(deploymentType, namespace, name, { signal }))
      deployments.observe(workload)
      return workload
    } catch (error) {
      if (isNotFound(error)) return undefined
      throw error
    }
  }

  #resources(key: string): TracardiResource[] {
    return this.#options.resources
      .byIndex('consumers', key)
      .filter((resource) => resource.metadata.deletionTimestamp === undefined)
  }

  #deliveries(key: string): Delivery[] {
    return this.#resources(key).map((resource) => ({
      resource: resource.metadata.name,
      credentialsId: this.#options.inForce.of(resource),
    }))
  }

  #announce(
    key: string,
    before: Deployment,
    stamps: Readonly<Record<string, string>>,
    context: ReconcileContext,
  ): void {
    for (const resource of this.#resources(key)) {
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

  #announceRefusal(key: string, workload: Deployment, error: unknown): void {
    if (!(error instanceof KubeError) || (error.status !== 403 && error.status !== 422)) return
    for (const resource of this.#resources(key)) {
      this.#options.events.record({
        regarding: eventTarget(resource),
        related: workloadTarget(workload),
        type: 'Warning',
        reason: 'StampRefused',
        action: 'Stamp',
        note: `The API server refuses to let the operator patch the Deployment ${workload.metadata.name} (HTTP ${String(error.status)}); it is tried again.`,
      })
    }
  }
}

function workloadTarget({ metadata }: Deployment): {
  apiVersion: string
  kind: string
  namespace: string
  name: string
  uid: string
} {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    uid: metadata.uid,
  }
}
