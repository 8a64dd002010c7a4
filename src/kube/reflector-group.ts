/** The reflectors of one kind: one for each namespace that is watched, or one for all. They fill one store together. */
import type { KubeObject } from './objects.ts'
import type { Permission } from './permissions.ts'
import type { Reflector } from './reflector.ts'

/** What a group needs of a reflector. */
type Member = Pick<
  Reflector<KubeObject>,
  'hasSynced' | 'lastConfirmed' | 'refusal' | 'retryNow' | 'run' | 'waitForSettled'
>

/** A namespace in which a right is missing holds up nobody else. */
export class ReflectorGroup {
  /** For people: `deployments`. */
  readonly name: string
  readonly #members: ReadonlyMap<string | undefined, Member>

  /**
   * @param namespaces undefined among them: all namespaces
   * @param make builds the reflector of a namespace
   */
  constructor(
    name: string,
    namespaces: readonly (string | undefined)[],
    make: (namespace: string | undefined) => Member,
  ) {
    this.name = name
    this.#members = new Map(namespaces.map((namespace) => [namespace, make(namespace)]))
  }

  get members(): readonly Member[] {
    return [...this.#members.values()]
  }

  /** Those for which no right is missing, as far as it is known. */
  get granted(): readonly Member[] {
    return this.members.filter(({ refusal }) => refusal === undefined)
  }

  /** Something of it was filled. */
  get hasAny(): boolean {
    return this.members.some(({ hasSynced }) => hasSynced)
  }

  /** The right without which the objects of a namespace are not seen, or no longer. */
  refusal(namespace: string): Permission | undefined {
    return (this.#members.get(namespace) ?? this.#members.get(undefined))?.refusal
  }

  /** Resolves when nothing is pending any more, or the signal aborts. */
  async waitForSettled(signal: AbortSignal): Promise<void> {
    await Promise.all(this.members.map((member) => member.waitForSettled(signal)))
  }

  /**
   * Runs all until the signal aborts.
   * @param after in each namespace, those begin once these are settled
   */
  async run(signal: AbortSignal, after?: ReflectorGroup): Promise<void> {
    await Promise.all(
      [...this.#members].map(async ([namespace, member]) => {
        if (after !== undefined) await after.#members.get(namespace)?.waitForSettled(signal)
        await member.run(signal)
      }),
    )
  }

  /** Ends the pauses of those that are refused. @param namespace undefined: everywhere */
  retryNow(namespace: string | undefined): void {
    for (const [own, member] of this.#members)
      if (namespace === undefined || own === undefined || own === namespace) member.retryNow()
  }
}
