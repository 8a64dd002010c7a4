/** What is in force for a resource, as the cluster has it: by the target first, by the status a moment later. */
import type { TracardiResource } from '../api/tracardi-resource.ts'

/**
 * The target is written before the status. In between, the id that stands on the target is known here, so that workloads
 * need not wait for the status.
 *
 * A process that has just started does not know whether a status is behind its target: the one before may have been killed
 * in between, after it had stamped workloads. So nothing is in force for a resource before it was reconciled once; else a
 * workload would be taken back to the older id and forth again, two restarts for nothing.
 */
export class InForce {
  readonly #confirmed = new Set<string>()
  /** uid of a resource → the id that its target carries, until its status says so too. */
  readonly #ahead = new Map<string, string>()
  /** uid of a resource → the names of the keys in its target, which are no secret, and the id that they belong to. */
  readonly #keys = new Map<string, { readonly id: string; readonly keys: readonly string[] }>()

  /** The id that workloads shall carry; undefined when nothing is in force, or not known yet. */
  of(resource: TracardiResource): string | undefined {
    const { uid } = resource.metadata
    const ahead = this.#ahead.get(uid)
    if (ahead !== undefined) return ahead
    return this.#confirmed.has(uid) ? (resource.status?.credentialsId ?? undefined) : undefined
  }

  /** The keys that the target holds, sorted; undefined when they are not known yet for what is in force. */
  keysOf(resource: TracardiResource): readonly string[] | undefined {
    const contents = this.#keys.get(resource.metadata.uid)
    return contents?.id === this.of(resource) ? contents?.keys : undefined
  }

  /** The keys of the contents that have this id were seen. */
  seen(uid: string, id: string, keys: readonly string[]): void {
    this.#keys.set(uid, { id, keys })
  }

  /** The target of the resource carries this id: it was written, or read. Returns whether something else was known. */
  targetCarries(resource: TracardiResource, credentialsId: string): boolean {
    const known = this.of(resource)
    this.#ahead.set(resource.metadata.uid, credentialsId)
    return known !== credentialsId
  }

  /**
   * The status says what is in force. Returns whether something else was known.
   * @param credentialsId what the status says; undefined: nothing
   */
  confirm(uid: string, credentialsId: string | undefined): boolean {
    const ahead = this.#ahead.get(uid)
    const isNew = !this.#confirmed.has(uid) || (ahead !== undefined && ahead !== credentialsId)
    this.#confirmed.add(uid)
    this.#ahead.delete(uid)
    return isNew
  }

  /** Nothing is known any more, as in a process that has just started. */
  forgetAll(): void {
    this.#confirmed.clear()
    this.#ahead.clear()
    this.#keys.clear()
  }

  /** The resource is gone. */
  forget(uid: string): void {
    this.#confirmed.delete(uid)
    this.#ahead.delete(uid)
    this.#keys.delete(uid)
  }
}

/**
 * The id that a consumer with `inject` may carry: only one whose Secret is there. That stands in the observed status, which
 * is written after that Secret, and which the admission policies read as well. Undefined: the consumer waits.
 * @param credentialsId what is in force
 */
export function inForceToInject(resource: TracardiResource, credentialsId: string | undefined): string | undefined {
  const { versions, injection } = resource.status ?? {}
  const isThere = injection !== undefined && credentialsId !== undefined && versions?.includes(credentialsId) === true
  return isThere ? credentialsId : undefined
}
