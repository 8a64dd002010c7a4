/** Keeps a Store equal to what the API server has: LIST, then WATCH, for ever. client-go's Reflector. */
import type { Logger } from '../telemetry/log.ts'
import { Backoff } from './backoff.ts'
import type { KubeClient, ListResult } from './client.ts'
import type { Clock, Random } from './clock.ts'
import { isGone, isMissingPermission, isNotServed, KubeError } from './errors.ts'
import { compareResourceVersions, resourceName, type KubeObject, type ResourceType } from './objects.ts'
import type { Permission } from './permissions.ts'
import type { Store } from './store.ts'

export interface ReflectorMetrics {
  /** A list began. */
  list(name: string): void
  /** A watch began. */
  watch(name: string): void
  error(name: string, reason: string): void
}

/** Objects in one answer to a list: what a server can read and we can parse without holding up anybody. */
const defaultPageSize = 500

/**
 * A watch that ends sooner than this, without an event, is a failure: to start the next one at once would be a storm. One
 * with an event is none, but the next one waits all the same.
 */
const shortestWatchMs = 1_000

/** So many refusals in a row are no accident: an API server that has just started, or a new Role, takes a moment. */
const refusalsToTell = 3

/** How often it is looked whether a kind is served by now that was not before. */
const absentRetryMs = 30_000

/** No bookmark comes in the first two minutes, then one every minute. */
const defaultInactivityMs = 150_000

export class Reflector<T extends KubeObject> {
  readonly #name: string
  readonly #client: Pick<KubeClient, 'list' | 'watch'>
  readonly #type: ResourceType<T>
  readonly #scope: { namespace?: string; labelSelector?: string; fieldSelector?: string; metadataOnly: boolean }
  readonly #store: Store<T>
  readonly #transform: (object: T) => T
  readonly #pageSize: number
  readonly #clock: Clock
  readonly #random: Random
  readonly #log: Logger
  readonly #resyncMs: number
  readonly #inactivityMs: number
  readonly #metrics: ReflectorMetrics | undefined
  readonly #onError: ((error: KubeError) => void) | undefined
  readonly #onSight: (() => void) | undefined
  readonly #onRewound: (() => void) | undefined
  readonly #isNeeded: (() => boolean) | undefined
  readonly #backoff: Backoff
  readonly #synced = Promise.withResolvers<undefined>()
  readonly #settled = Promise.withResolvers<undefined>()
  #hasSynced = false
  #lastConfirmed: number | undefined
  /** Where the next watch begins; undefined when a list has to come first. */
  #resourceVersion: string | undefined
  /** The highest that was seen, for as long as the API server does not turn out to be behind it. */
  #highest: string | undefined
  /**
   * The object that changed last, as far as it is known: if the API server still has it at that resourceVersion, it has
   * the history that we know.
   */
  #witness: Identity | undefined
  /** Something failed: before the next watch it has to be seen whether the API server still has what we know. */
  #isUncertain = false
  #nextListAt = 0
  #loggedReason: string | undefined
  #refusals = 0
  #refusal: Permission | undefined
  /** How often in a row the API server did not know the kind. */
  #absences = 0
  #isServed = true
  #pause = new AbortController()

  constructor(options: {
    /** For logs and metrics. */
    name: string
    client: Pick<KubeClient, 'list' | 'watch'>
    type: ResourceType<T>
    /** Default: all namespaces. */
    namespace?: string
    labelSelector?: string
    fieldSelector?: string
    store: Store<T>
    /** Objects come without spec, data and status. */
    metadataOnly?: boolean
    /** Strips; runs on every object as it is parsed. */
    transform?: (object: T) => T
    /** Objects in a page of the list. Default: 500. */
    pageSize?: number
    clock: Clock
    random: Random
    log: Logger
    /** A new list after this time ±10 %, the first after 50 to 110 % of it. Default: 10 minutes. */
    resyncMs?: number
    /** A watch that says nothing for so long is dead. Default: 150 s. */
    inactivityMs?: number
    metrics?: ReflectorMetrics
    /** Told of every failure but an expired resourceVersion, which is none. */
    onError?: (error: KubeError) => void
    /** Told when `refusal` or `isServed` has changed. */
    onSight?: () => void
    /**
     * Told when the API server has gone back to older data. The same resourceVersion may stand for other contents from here
     * on: whatever was concluded under one is to be forgotten.
     */
    onRewound?: () => void
    /**
     * For a kind whose CRD may be absent: whether anybody wants its objects. While the API server does not know the kind,
     * the store is empty, and it is looked for every half minute as long as this says so. Default: not to know it is an
     * error like any other.
     */
    isNeeded?: () => boolean
  }) {
    this.#name = options.name
    this.#client = options.client
    this.#type = options.type
    this.#scope = {
      ...(options.namespace === undefined ? {} : { namespace: options.namespace }),
      ...(options.labelSelector === undefined ? {} : { labelSelector: options.labelSelector }),
      ...(options.fieldSelector === undefined ? {} : { fieldSelector: options.fieldSelector }),
      metadataOnly: options.metadataOnly ?? false,
    }
    this.#store = options.store
    this.#transform = options.transform ?? ((object) => object)
    this.#pageSize = options.pageSize ?? defaultPageSize
    this.#clock = options.clock
    this.#random = options.random
    this.#log = options.log.child({ reflector: options.name })
    this.#resyncMs = options.resyncMs ?? 600_000
    this.#inactivityMs = options.inactivityMs ?? defaultInactivityMs
    this.#metrics = options.metrics
    this.#onError = options.onError
    this.#onSight = options.onSight
    this.#onRewound = options.onRewound
    this.#isNeeded = options.isNeeded
    this.#backoff = new Backoff({
      clock: options.clock,
      random: options.random,
      initialMs: 800,
      maxMs: 30_000,
      resetMs: 120_000,
    })
  }

  /** LIST then WATCH for ever; resolves when the signal aborts. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        if (this.#resourceVersion === undefined || this.#clock.monotonic() >= this.#nextListAt) await this.#list(signal)
        else if (this.#isUncertain) await this.#checkPlace(this.#resourceVersion, signal)
        await this.#watch(signal)
      } catch (error) {
        // The loop leaves by the signal only, whatever happened.
        if (isAborted(signal)) return
        await this.#recover(error, signal)
      }
    }
  }

  /** The store has been filled once. */
  get hasSynced(): boolean {
    return this.#hasSynced
  }

  /** The right without which the store is not kept up to date: it is as it was before, or empty. */
  get refusal(): Permission | undefined {
    return this.#refusal
  }

  /** Whether the API server knows the kind; false only for one that may be absent. */
  get isServed(): boolean {
    return this.#isServed
  }

  /** Resolves when the store has been filled, or it is known that a right is missing for it, or the signal aborts. */
  async waitForSettled(signal: AbortSignal): Promise<void> {
    await untilAborted(this.#settled.promise, signal)
  }

  /** What keeps it from listing and watching may be mended: the present pause ends. */
  retryNow(): void {
    this.#pause.abort()
  }

  /** Resolves to true when the store has been filled, to false when the signal aborts before. */
  async waitForSync(signal: AbortSignal): Promise<boolean> {
    if (!this.#hasSynced) await untilAborted(this.#synced.promise, signal)
    return this.#hasSynced
  }

  /**
   * Clock.monotonic() when the API server last confirmed the contents: by a list, an event, a bookmark, a watch that
   * ended in order. Undefined before the first list.
   */
  get lastConfirmed(): number | undefined {
    return this.#lastConfirmed
  }

  async #list(signal: AbortSignal): Promise<void> {
    const first = !this.#hasSynced
    // Should it fail, the watch goes on from where it is, and the list is tried again before long.
    this.#nextListAt = this.#clock.monotonic() + this.#resyncMs * 0.1 * (0.9 + 0.2 * this.#random())
    this.#metrics?.list(this.#name)
    const { items, resourceVersion, askedAt } = await this.#listPages(signal)
    if (signal.aborted) return
    const seemsRewound =
      (this.#highest !== undefined && compareResourceVersions(resourceVersion, this.#highest) < 0) ||
      isOlderIn(items, this.#witness)
    const { isRewound } = this.#store.replace(items, resourceVersion, {
      namespace: this.#scope.namespace,
      askedAt,
      isRewound: seemsRewound,
    })
    this.#resourceVersion = resourceVersion
    this.#highest = resourceVersion
    this.#witness = newestOf(items)
    this.#isUncertain = false
    this.#absences = 0
    this.#confirm()
    // Many reflectors start at the same moment; they must not list at the same moment ever after.
    const spread = first ? 0.5 + 0.6 * this.#random() : 0.9 + 0.2 * this.#random()
    this.#nextListAt = this.#clock.monotonic() + this.#resyncMs * spread
    this.#setSynced()
    this.#setServed(true)
    if (!isRewound) return
    this.#log.warn({}, 'the API server has older data than before; what was known of newer is dropped')
    this.#tell(this.#onRewound)
  }

  #setSynced(): void {
    this.#hasSynced = true
    this.#synced.resolve(undefined)
    this.#settled.resolve(undefined)
  }

  /**
   * A cluster that was restored from a backup takes a watch from a resourceVersion that it has yet to reach, or has reached
   * again by other changes: without a word, and without what happened before. So the place is looked up after a failure,
   * by the object that changed last. A resourceVersion alone proves nothing: a server that starts writes much.
   */
  async #checkPlace(known: string, signal: AbortSignal): Promise<void> {
    const witness = this.#witness
    // Our own writes may have come after it, and be lost.
    if (witness === undefined || this.#store.hasUnconfirmed) {
      await this.#list(signal)
      return
    }
    const { fieldSelector } = this.#scope
    const byName = `metadata.name=${witness.name}`
    const { items, resourceVersion } = await this.#client.list(this.#type, {
      ...this.#scope,
      ...(witness.namespace !== undefined && { namespace: witness.namespace }),
      fieldSelector: fieldSelector === undefined ? byName : `${fieldSelector},${byName}`,
      limit: 1,
      signal,
    })
    if (signal.aborted) return
    this.#absences = 0
    const isProven =
      compareResourceVersions(resourceVersion, known) >= 0 &&
      items[0]?.metadata.resourceVersion === witness.resourceVersion
    if (!isProven) {
      await this.#list(signal)
      return
    }
    // What came after it on another history would be left out by a watch from a bookmark.
    this.#resourceVersion = witness.resourceVersion
    this.#isUncertain = false
  }

  async #listPages(signal: AbortSignal): Promise<{ items: T[]; resourceVersion: string; askedAt: number }> {
    let items: T[] = []
    let askedAt = this.#clock.monotonic()
    let next: string | undefined
    for (;;) {
      let page: ListResult<T>
      try {
        page = await this.#client.list(this.#type, {
          ...this.#scope,
          limit: this.#pageSize,
          ...(next === undefined ? {} : { continue: next }),
          signal,
        })
      } catch (error) {
        // The snapshot that the pages come from is gone. All at once needs none.
        if (next === undefined || !isGone(error)) throw error
        items = []
        askedAt = this.#clock.monotonic()
        page = await this.#client.list(this.#type, { ...this.#scope, signal })
      }
      for (const item of page.items) {
        const object = this.#prepare(item)
        if (object !== undefined) items.push(object)
      }
      if (page.continue === undefined) return { items, resourceVersion: page.resourceVersion, askedAt }
      next = page.continue
    }
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const resourceVersion = this.#resourceVersion
    if (resourceVersion === undefined || signal.aborted) return
    const startedAt = this.#clock.monotonic()
    const end = new AbortController()
    const resync = this.#clock.setTimeout(() => {
      end.abort()
    }, this.#nextListAt - startedAt)
    let events = 0
    try {
      this.#metrics?.watch(this.#name)
      const watch = await this.#client.watch(this.#type, {
        ...this.#scope,
        resourceVersion,
        // Spread, so that an API server which restarts does not see all of them come back together each time.
        timeoutSeconds: Math.floor(300 + 300 * this.#random()),
        inactivityMs: this.#inactivityMs,
        signal: AbortSignal.any([signal, end.signal]),
      })
      this.#refusals = 0
      this.#refuse(undefined)
      if (this.#loggedReason !== undefined) this.#log.info({}, 'watching again')
      this.#loggedReason = undefined
      for await (const event of watch) {
        if (isAborted(signal)) return
        if (event.type === 'ERROR') {
          const { status, reason, retryAfterSeconds } = event
          throw new KubeError({ ...this.#describe('watch'), status, apiReason: reason, retryAfterSeconds })
        }
        events++
        if (compareResourceVersions(event.object.metadata.resourceVersion, this.#resourceVersion ?? '') < 0)
          throw new KubeError({ ...this.#describe('watch'), status: 0, noAnswer: 'InvalidResponse' })
        if (event.type !== 'BOOKMARK') {
          this.#apply(event.type, event.object)
          this.#witness = event.type === 'DELETED' ? undefined : identityOf(event.object)
        }
        this.#resourceVersion = event.object.metadata.resourceVersion
        this.#highest = this.#resourceVersion
        this.#confirm()
      }
    } finally {
      resync.cancel()
    }
    if (isAborted(end.signal) || isAborted(signal)) return
    const lastedMs = this.#clock.monotonic() - startedAt
    if (events === 0 && lastedMs < shortestWatchMs) {
      throw new KubeError({ ...this.#describe('watch'), status: 0, noAnswer: 'VeryShortWatch' })
    }
    this.#confirm()
    if (lastedMs < shortestWatchMs) await this.#clock.sleep(shortestWatchMs - lastedMs, signal)
  }

  #apply(type: 'ADDED' | 'MODIFIED' | 'DELETED', object: T): void {
    const prepared = this.#prepare(object)
    if (prepared === undefined) return
    if (type === 'DELETED') this.#store.remove(prepared)
    else this.#store.upsert(prepared)
  }

  /** An object that the transform cannot take is left out: one must not keep all others from being seen. */
  #prepare(object: T): T | undefined {
    try {
      return this.#transform(object)
    } catch {
      this.#metrics?.error(this.#name, 'TransformFailed')
      this.#log.error(
        { namespace: object.metadata.namespace, name: object.metadata.name },
        'an object could not be read',
      )
      return undefined
    }
  }

  #confirm(): void {
    this.#lastConfirmed = this.#clock.monotonic()
  }

  async #recover(error: unknown, signal: AbortSignal): Promise<void> {
    const gone = isGone(error)
    const kubeError =
      error instanceof KubeError
        ? error
        : new KubeError({ ...this.#describe('watch'), status: 0, noAnswer: 'InvalidResponse' })
    // A resourceVersion that the server does not know, or not yet, comes from before a restore: it is of no use.
    if (gone || kubeError.causes.includes('ResourceVersionTooLarge') || kubeError.status === 400)
      this.#resourceVersion = undefined
    if (kubeError.verb === 'watch') this.#isUncertain = true
    if (this.#isNeeded !== undefined && isNotServed(kubeError)) {
      await this.#waitForKind(this.#isNeeded, signal)
      return
    }
    this.#metrics?.error(this.#name, kubeError.reason)
    const pause = Math.max(this.#backoff.next(), (kubeError.retryAfterSeconds ?? 0) * 1000)
    if (gone) {
      this.#log.debug({ code: kubeError.code }, 'the resourceVersion has expired, listing again')
      // That is normal after a while without events. One after another is not.
      if (this.#backoff.count === 1) return
    } else {
      this.#report(kubeError)
    }
    if (isMissingPermission(kubeError) && ++this.#refusals >= refusalsToTell) {
      this.#refuse(this.#describe(kubeError.verb))
    }
    await this.#rest(pause, signal)
  }

  /** Until there is another reason to ask again. */
  async #rest(ms: number, signal: AbortSignal): Promise<void> {
    this.#pause = new AbortController()
    await this.#clock.sleep(ms, AbortSignal.any([signal, this.#pause.signal]))
  }

  /**
   * The API server does not know the kind: its CRD is not installed, or not any more. That is no failure. It says so of
   * every kind while it starts, so it is believed only after some times.
   */
  async #waitForKind(isNeeded: () => boolean, signal: AbortSignal): Promise<void> {
    if (++this.#absences < refusalsToTell) {
      await this.#rest(this.#backoff.next(), signal)
      return
    }
    this.#resourceVersion = undefined
    this.#witness = undefined
    this.#store.replace([], '0', { namespace: this.#scope.namespace, isRewound: true })
    this.#refuse(undefined)
    this.#confirm()
    this.#setSynced()
    this.#setServed(false)
    do await this.#rest(absentRetryMs * (0.9 + 0.2 * this.#random()), signal)
    while (!isNeeded() && !signal.aborted)
  }

  #setServed(isServed: boolean): void {
    if (this.#isServed === isServed) return
    this.#isServed = isServed
    this.#log.debug({ isServed }, 'whether the kind is served has changed')
    this.#tell(this.#onSight)
  }

  #refuse(permission: Permission | undefined): void {
    if (permission?.verb === this.#refusal?.verb) return
    this.#refusal = permission
    if (permission !== undefined) this.#settled.resolve(undefined)
    this.#tell(this.#onSight)
  }

  #tell(handler: (() => void) | undefined): void {
    try {
      handler?.()
    } catch {
      this.#metrics?.error(this.#name, 'HandlerFailed')
    }
  }

  #report(error: KubeError): void {
    const fields = {
      code: error.code,
      verb: error.verb,
      resource: error.resource,
      status: error.status,
      namespace: error.namespace,
    }
    // A missing right is told elsewhere, once for all who lack it.
    if (this.#loggedReason === error.reason || isMissingPermission(error))
      this.#log.debug(fields, 'list or watch failed again')
    else this.#log.warn(fields, 'list or watch failed, trying again')
    if (!isMissingPermission(error)) this.#loggedReason = error.reason
    try {
      this.#onError?.(error)
    } catch {
      this.#metrics?.error(this.#name, 'HandlerFailed')
    }
  }

  #describe(verb: string): { verb: string; resource: string; namespace: string | undefined } {
    return { verb, resource: resourceName(this.#type), namespace: this.#scope.namespace }
  }
}

/** Resolves when the promise does, or the signal aborts. */
export async function untilAborted(promise: Promise<unknown>, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  const { promise: aborted, resolve } = Promise.withResolvers<undefined>()
  const onAbort = (): void => {
    resolve(undefined)
  }
  signal.addEventListener('abort', onAbort, { once: true })
  await Promise.race([promise, aborted])
  signal.removeEventListener('abort', onAbort)
}

/** Behind a function, for the compiler believes that a signal once found unaborted stays so. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted
}

type Identity = Pick<KubeObject['metadata'], 'name' | 'namespace' | 'resourceVersion'>

function identityOf({ metadata: { name, namespace, resourceVersion } }: KubeObject): Identity {
  return { name, ...(namespace !== undefined && { namespace }), resourceVersion }
}

function newestOf(objects: readonly KubeObject[]): Identity | undefined {
  let newest: KubeObject | undefined
  for (const object of objects) {
    const { resourceVersion } = object.metadata
    if (newest === undefined || compareResourceVersions(resourceVersion, newest.metadata.resourceVersion) > 0)
      newest = object
  }
  return newest === undefined ? undefined : identityOf(newest)
}

/** Whether a list has this object with an older resourceVersion: no history that goes on does that. */
function isOlderIn(objects: readonly KubeObject[], known: Identity | undefined): boolean {
  if (known === undefined) return false
  const listed = objects.find(
    ({ metadata }) => metadata.name === known.name && metadata.namespace === known.namespace,
  )?.metadata
  return listed !== undefined && compareResourceVersions(listed.resourceVersion, known.resourceVersion) < 0
}
