/** What the cluster holds, as far as we know: a cache with indexes that also knows our own writes before the watch does. */
import type { Clock } from './clock.ts'
import { compareResourceVersions, objectKey, type KubeObject } from './objects.ts'

/** Called synchronously after each change. A handler must be quick: it puts keys into queues. */
export interface EventHandler<T> {
  onAdd?(object: T): void
  onUpdate?(old: T, object: T): void
  onDelete?(object: T): void
}

interface Entry<T> {
  readonly object: T
  /** Clock.monotonic() when an answer to a call of ours brought it; undefined as soon as list or watch have. */
  readonly observedAt: number | undefined
}

/** How long an answer to a call of ours counts against a list or a watch that is behind. */
const observedLifetimeMs = 60_000

/** Deleted uids are remembered so long, and at most so many: a late answer must not bring an object back. */
const tombstoneLifetimeMs = 60_000
const maxTombstones = 10_000

/** Filled by one Reflector and by the writers. */
export class Store<T extends KubeObject> {
  readonly #clock: Clock
  readonly #indexers: ReadonlyMap<string, (object: T) => readonly string[]>
  readonly #keep: (object: T) => boolean
  readonly #transform: (object: T) => T
  readonly #onHandlerError: (error: unknown) => void
  readonly #entries = new Map<string, Entry<T>>()
  readonly #indexes = new Map<string, Map<string, Set<string>>>()
  readonly #handlers: EventHandler<T>[] = []
  /** uid → Clock.monotonic() of its deletion, oldest first. */
  readonly #tombstones = new Map<string, number>()

  constructor(options: {
    clock: Clock
    /** By name: the values under which an object is found. */
    indexers?: Record<string, (object: T) => readonly string[]>
    /** What it refuses is neither stored nor reported; a stored object that it refuses now is gone, as far as handlers see. */
    keep?: (object: T) => boolean
    /** Strips what `observe` brings, as the Reflector's transform strips the rest. */
    transform?: (object: T) => T
    onHandlerError?: (error: unknown) => void
  }) {
    this.#clock = options.clock
    this.#indexers = new Map(Object.entries(options.indexers ?? {}))
    this.#keep = options.keep ?? (() => true)
    this.#transform = options.transform ?? ((object) => object)
    this.#onHandlerError = options.onHandlerError ?? (() => undefined)
    for (const name of this.#indexers.keys()) this.#indexes.set(name, new Map())
  }

  /** @param key `namespace/name`, see objectKey */
  get(key: string): T | undefined {
    return this.#entries.get(key)?.object
  }

  list(): T[] {
    return Array.from(this.#entries.values(), (entry) => entry.object)
  }

  /** @throws RangeError for an index that does not exist: a mistake in the program */
  byIndex(index: string, value: string): T[] {
    const values = this.#indexes.get(index)
    if (values === undefined) throw new RangeError(`no index ${index}`)
    const found: T[] = []
    for (const key of values.get(value) ?? []) {
      const entry = this.#entries.get(key)
      if (entry !== undefined) found.push(entry.object)
    }
    return found
  }

  get size(): number {
    return this.#entries.size
  }

  /** What is stored already is replayed as onAdd. */
  addEventHandler(handler: EventHandler<T>): void {
    this.#handlers.push(handler)
    for (const object of this.list()) this.#call(() => handler.onAdd?.(object))
  }

  /**
   * For the reflector: a complete list. What is not in it is gone, unless we know it to be newer than the list.
   * @param options.namespace what the list is complete for; undefined: for all namespaces
   * @param options.askedAt Clock.monotonic() when it was asked for. Such a list has everything that was answered before,
   * whatever the resourceVersions say: where it has not, the cluster was restored from a backup.
   * @param options.isRewound the cluster was restored from a backup: what we know to be newer, or deleted, is so no more
   * @returns whether it was restored, by what was said or is known here
   */
  replace(
    objects: readonly T[],
    resourceVersion: string,
    options: { namespace?: string | undefined; askedAt?: number; isRewound?: boolean } = {},
  ): { isRewound: boolean } {
    const { namespace, askedAt = -Infinity } = options
    const isRewound = options.isRewound === true || this.#lacksOurs(resourceVersion, namespace, askedAt)
    if (isRewound) this.#tombstones.clear()
    const listed = new Set<string>()
    const changes: (() => void)[] = []
    for (const object of objects) {
      const key = objectKey(object)
      listed.add(key)
      if (!isRewound && (this.#isNewerThanList(key, resourceVersion) || this.#wasDeleted(object, askedAt))) continue
      this.#tombstones.delete(object.metadata.uid)
      changes.push(this.#put(key, object, undefined))
    }
    for (const [key, { object }] of this.#entries) {
      if (namespace !== undefined && object.metadata.namespace !== namespace) continue
      if (listed.has(key) || (!isRewound && this.#isNewerThanList(key, resourceVersion))) continue
      this.#bury(object.metadata.uid)
      changes.push(this.#drop(key))
    }
    // Handlers see the whole new state, whichever of them runs first.
    for (const notify of changes) notify()
    return { isRewound }
  }

  /** For the reflector: a watch event. Only what a call of ours brought meanwhile is newer. */
  upsert(object: T): void {
    const key = objectKey(object)
    const entry = this.#entries.get(key)
    if (this.#wasDeleted(object)) return
    if (
      entry !== undefined &&
      this.#isFresh(entry) &&
      compareResourceVersions(object.metadata.resourceVersion, entry.object.metadata.resourceVersion) < 0
    )
      return
    this.#put(key, object, undefined)()
  }

  /** For the reflector: a deletion event. */
  remove(object: T): void {
    const { uid, resourceVersion } = object.metadata
    this.#bury(uid)
    const key = objectKey(object)
    const stored = this.#entries.get(key)?.object.metadata
    if (stored === undefined) return
    // Another object of that name that is newer than this deletion is its successor.
    if (stored.uid !== uid && compareResourceVersions(stored.resourceVersion, resourceVersion) > 0) return
    this.#drop(key)()
  }

  /**
   * For writers: what the API server answered to a write or a GET of ours. Taken unless something newer is stored, or
   * that uid was seen deleted. Until list or watch confirm it, it stands against an older list for at most 60 seconds.
   */
  observe(object: T): void {
    if (this.#tombstones.has(object.metadata.uid)) return
    const key = objectKey(object)
    const stored = this.#entries.get(key)?.object.metadata
    if (stored !== undefined && compareResourceVersions(object.metadata.resourceVersion, stored.resourceVersion) <= 0)
      return
    this.#put(key, this.#transform(object), this.#clock.monotonic())()
  }

  /** For writers: a GET or a write of ours was answered with 404, or our DELETE with success. */
  observeAbsent(key: string, uid: string): void {
    this.#bury(uid)
    if (this.#entries.get(key)?.object.metadata.uid === uid) this.#drop(key)()
  }

  #isFresh(entry: Entry<T>): boolean {
    return entry.observedAt !== undefined && this.#clock.monotonic() - entry.observedAt <= observedLifetimeMs
  }

  /** Something stands here on our word alone: neither list nor watch have brought it yet. */
  get hasUnconfirmed(): boolean {
    return [...this.#entries.values()].some(({ observedAt }) => observedAt !== undefined)
  }

  /** Whether a list is behind what was answered to us before it was asked for. */
  #lacksOurs(resourceVersion: string, namespace: string | undefined, askedAt: number): boolean {
    return [...this.#entries.values()].some(
      ({ object: { metadata }, observedAt }) =>
        observedAt !== undefined &&
        observedAt < askedAt &&
        (namespace === undefined || metadata.namespace === namespace) &&
        compareResourceVersions(metadata.resourceVersion, resourceVersion) > 0,
    )
  }

  #isNewerThanList(key: string, resourceVersion: string): boolean {
    const entry = this.#entries.get(key)
    return (
      entry !== undefined &&
      this.#isFresh(entry) &&
      compareResourceVersions(entry.object.metadata.resourceVersion, resourceVersion) > 0
    )
  }

  /** Not for ever: a cluster that was restored from a backup has deleted objects again. */
  #wasDeleted(object: T, askedAt = -Infinity): boolean {
    const at = this.#tombstones.get(object.metadata.uid)
    return at !== undefined && at >= askedAt && this.#clock.monotonic() - at <= tombstoneLifetimeMs
  }

  #bury(uid: string): void {
    const now = this.#clock.monotonic()
    this.#tombstones.delete(uid)
    this.#tombstones.set(uid, now)
    for (const [old, at] of this.#tombstones) {
      if (now - at <= tombstoneLifetimeMs && this.#tombstones.size <= maxTombstones) break
      this.#tombstones.delete(old)
    }
  }

  /** Stores an object and returns what tells the handlers. */
  #put(key: string, object: T, observedAt: number | undefined): () => void {
    const old = this.#entries.get(key)?.object
    if (!this.#keep(object)) return this.#drop(key)
    if (old !== undefined) this.#unindex(key, old)
    this.#entries.set(key, { object, observedAt })
    for (const [name, indexer] of this.#indexers) {
      const values = this.#indexes.get(name)
      for (const value of indexer(object)) {
        const keys = values?.get(value)
        if (keys === undefined) values?.set(value, new Set([key]))
        else keys.add(key)
      }
    }
    if (old === undefined) return this.#notify((handler) => handler.onAdd?.(object))
    if (old.metadata.uid === object.metadata.uid) {
      if (old.metadata.resourceVersion === object.metadata.resourceVersion) return () => undefined
      return this.#notify((handler) => handler.onUpdate?.(old, object))
    }
    // Deleted and created again while nobody looked.
    this.#bury(old.metadata.uid)
    const deleted = this.#notify((handler) => handler.onDelete?.(old))
    const added = this.#notify((handler) => handler.onAdd?.(object))
    return () => {
      deleted()
      added()
    }
  }

  /** Takes an object out and returns what tells the handlers. */
  #drop(key: string): () => void {
    const object = this.#entries.get(key)?.object
    if (object === undefined) return () => undefined
    this.#forget(key, object)
    return this.#notify((handler) => handler.onDelete?.(object))
  }

  #forget(key: string, object: T): void {
    this.#unindex(key, object)
    this.#entries.delete(key)
  }

  #unindex(key: string, object: T): void {
    for (const [name, indexer] of this.#indexers) {
      const values = this.#indexes.get(name)
      for (const value of indexer(object)) {
        const keys = values?.get(value)
        keys?.delete(key)
        if (keys?.size === 0) values?.delete(value)
      }
    }
  }

  #notify(call: (handler: EventHandler<T>) => void): () => void {
    return () => {
      for (const handler of this.#handlers) {
        this.#call(() => {
          call(handler)
        })
      }
    }
  }

  /** What goes wrong in one handler must reach neither the others nor the watch. */
  #call(run: () => void): void {
    try {
      run()
    } catch (error) {
      this.#onHandlerError(error)
    }
  }
}
