/** The reflectors of one kind: one for each namespace that is watched, or one for all. They fill one store together. */
import type { KubeObject } from './objects.ts'
import type { Permission } from './permissions.ts'
import { untilAborted } from './reflector.ts'
import type { Reflector } from './reflector.ts'

/** What a group needs of a reflector. */
type Member = Pick<
  Reflector<KubeObject>,
  'hasSynced' | 'isServed' | 'lastConfirmed' | 'refusal' | 'retryNow' | 'run' | 'waitForSettled'
>

interface Place {
  readonly member: Member
  /** Resolved once it is wanted, for ever after. */
  readonly wanted: PromiseWithResolvers<undefined>
  isWanted: boolean
}

/** A namespace in which a right is missing holds up nobody else. */
export class ReflectorGroup {
  /** For people: `deployments`. */
  readonly name: string
  readonly #places: ReadonlyMap<string | undefined, Place>
  readonly #onBegun: (namespace: string | undefined) => void

  /**
   * @param namespaces undefined among them: all namespaces
   * @param make builds the reflector of a namespace
   */
  constructor(
    name: string,
    namespaces: readonly (string | undefined)[],
    make: (namespace: string | undefined) => Member,
    options: {
      /** Each begins only once it is wanted; until then there is none, as far as others can see. */
      isLazy?: boolean
      /** Told when one that was wanted late is settled. */
      onBegun?: (namespace: string | undefined) => void
    } = {},
  ) {
    const { isLazy = false, onBegun = () => undefined } = options
    this.name = name
    this.#onBegun = onBegun
    this.#places = new Map(
      namespaces.map((namespace) => [
        namespace,
        { member: make(namespace), wanted: Promise.withResolvers<undefined>(), isWanted: !isLazy },
      ]),
    )
  }

  /** Those that run, or are about to. */
  get members(): readonly Member[] {
    return [...this.#places.values()].filter(({ isWanted }) => isWanted).map(({ member }) => member)
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
    return this.#of(namespace)?.member.refusal
  }

  /** Whether the API server knows the kind, as far as it was asked for the objects of a namespace. */
  isServed(namespace: string): boolean {
    return this.#of(namespace)?.member.isServed ?? true
  }

  /** The objects of a namespace are needed from now on. */
  want(namespace: string): void {
    const place = this.#of(namespace)
    if (place === undefined) return
    place.isWanted = true
    place.wanted.resolve(undefined)
  }

  /** Whether all objects of a namespace are there, or known to be out of reach. */
  isSettled(namespace: string): boolean {
    const place = this.#of(namespace)
    return place === undefined || place.member.hasSynced || place.member.refusal !== undefined
  }

  #of(namespace: string): Place | undefined {
    return this.#places.get(namespace) ?? this.#places.get(undefined)
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
      [...this.#places].map(async ([namespace, place]) => {
        const { member } = place
        if (after !== undefined) await after.#places.get(namespace)?.member.waitForSettled(signal)
        if (place.isWanted) {
          await member.run(signal)
          return
        }
        await untilAborted(place.wanted.promise, signal)
        if (!signal.aborted) await Promise.all([member.run(signal), this.#tellBegun(namespace, member, signal)])
      }),
    )
  }

  async #tellBegun(namespace: string | undefined, member: Member, signal: AbortSignal): Promise<void> {
    await member.waitForSettled(signal)
    if (!signal.aborted) this.#onBegun(namespace)
  }

  /** Ends the pauses of those that are refused. @param namespace undefined: everywhere */
  retryNow(namespace: string | undefined): void {
    for (const [own, { member }] of this.#places)
      if (namespace === undefined || own === undefined || own === namespace) member.retryNow()
  }
}
