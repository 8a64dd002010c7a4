/** Reads what a command needs of a cluster, and remembers what it was not allowed to read. */
import { tracardiResources } from '../../api/tracardi-resource.ts'
import type { TracardiResource } from '../../api/tracardi-resource.ts'
import { podLabelIndex, workloadStores } from '../../delivery/selection.ts'
import type { WorkloadStores } from '../../delivery/selection.ts'
import { mayBeAbsent, standsAlone, stripWorkload, workloadKinds, workloadTypes } from '../../delivery/workloads.ts'
import type { Workload, WorkloadKind } from '../../delivery/workloads.ts'
import type { KubeClient } from '../../kube/client.ts'
import { systemClock } from '../../kube/clock.ts'
import { KubeError, isMissingPermission, isNotFound, isNotServed } from '../../kube/errors.ts'
import { secrets } from '../../kube/objects.ts'
import type { KubeObject, ResourceType, Secret } from '../../kube/objects.ts'
import { Store } from '../../kube/store.ts'

/** A right that whoever runs the command lacks. */
export interface Denial {
  readonly verb: string
  /** `secrets`, `deployments.apps` */
  readonly resource: string
  readonly namespace: string
  readonly name: string | undefined
}

export interface SeenWorkloads {
  readonly stores: WorkloadStores
  /** Kinds that could not be listed. */
  readonly unseen: ReadonlySet<WorkloadKind>
  /** Kinds that are not installed in the cluster. */
  readonly absent: ReadonlySet<WorkloadKind>
}

const pageSize = 500

/** For one namespace. Its methods throw KubeError for everything but a right that is missing. */
export class ClusterReader {
  readonly client: KubeClient
  readonly namespace: string
  readonly #denials = new Map<string, Denial>()

  constructor(client: KubeClient, namespace: string) {
    this.client = client
    this.namespace = namespace
  }

  /** What was refused so far, each right once. */
  get denials(): readonly Denial[] {
    return [...this.#denials.values()]
  }

  /** What was read; 'Denied' where the right for it is missing. */
  async tried<T>(read: () => Promise<T>): Promise<T | 'Denied'> {
    try {
      return await read()
    } catch (error) {
      if (!(error instanceof KubeError) || !isMissingPermission(error)) throw error
      const { verb, resource, objectName: name } = error
      this.#denials.set(`${verb} ${resource} ${name ?? ''}`, { verb, resource, namespace: this.namespace, name })
      return 'Denied'
    }
  }

  /** undefined: there is none of this name. */
  async resource(name: string): Promise<TracardiResource | undefined | 'Denied'> {
    return this.tried(async () => {
      try {
        return await this.client.get(tracardiResources, this.namespace, name)
      } catch (error) {
        if (isNotFound(error)) return undefined
        throw error
      }
    })
  }

  /** All of the namespace; none where they may not be listed. */
  async resources(): Promise<readonly TracardiResource[]> {
    const items = await this.tried(() => this.#all(tracardiResources))
    return items === 'Denied' ? [] : items
  }

  /** The metadata of a Secret; undefined: there is none, or it may not be read. */
  async secretMetadata(name: string): Promise<Secret | undefined> {
    const read = async (): Promise<Secret | undefined> => {
      try {
        return await this.client.get(secrets, this.namespace, name, { metadataOnly: true })
      } catch (error) {
        if (isNotFound(error)) return undefined
        throw error
      }
    }
    const found = await this.tried(read)
    return found === 'Denied' ? undefined : found
  }

  async workloads(kinds: ReadonlySet<string>): Promise<SeenWorkloads> {
    const unseen = new Set<WorkloadKind>()
    const absent = new Set<WorkloadKind>()
    const stores = workloadStores(
      () => new Store<Workload>({ clock: systemClock, indexers: { podLabels: podLabelIndex }, keep: standsAlone }),
    )
    const read = async (kind: WorkloadKind): Promise<void> => {
      const items = await this.tried(() => this.#all(workloadTypes[kind])).catch((error: unknown) => {
        if (!mayBeAbsent(kind) || !isNotServed(error)) throw error
        absent.add(kind)
        return []
      })
      if (items === 'Denied') unseen.add(kind)
      else stores[kind].replace(items.map(stripWorkload(kind)), '0')
    }
    await Promise.all(workloadKinds.filter((kind) => kinds.has(kind)).map(read))
    return { stores, unseen, absent }
  }

  async #all<T extends KubeObject>(type: ResourceType<T>): Promise<T[]> {
    const all: T[] = []
    let next: string | undefined
    do {
      const page = await this.client.list(type, {
        namespace: this.namespace,
        limit: pageSize,
        ...(next !== undefined && { continue: next }),
      })
      all.push(...page.items)
      next = page.continue
    } while (next !== undefined)
    return all
  }
}

/** For messages: `get secrets/twilio-live in the namespace marketing`. */
export function describeDenial({ verb, resource, namespace, name }: Denial): string {
  return `${verb} ${resource}${name === undefined ? '' : `/${name}`} in the namespace ${namespace}`
}
