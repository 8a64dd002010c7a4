/**
 * Keeps the metadata of referenced Secrets current without list or watch, for installations that grant `get` alone: RBAC
 * cannot tell a metadata-only list from one of values, so who may list metadata may list every value of the namespace.
 *
 * Each referenced Secret is asked for once in a period, spread evenly over it. That answer holds no values; the cache reads
 * those when the resourceVersion has moved.
 */
import type { Logger } from '../telemetry/log.ts'
import type { KubeClient } from '../kube/client.ts'
import type { Clock, Random } from '../kube/clock.ts'
import { KubeError, isMissingPermission, isNotFound } from '../kube/errors.ts'
import { secrets } from '../kube/objects.ts'
import type { Secret } from '../kube/objects.ts'
import type { Store } from '../kube/store.ts'
import { WorkQueue } from '../kube/workqueue.ts'
import { identity } from './secret-cache.ts'

/** Requests under way at the same time: enough for thousands of Secrets, no burden for the API server. */
const workers = 4

export class SecretPoller {
  readonly #client: Pick<KubeClient, 'get'>
  readonly #store: Store<Secret>
  readonly #isReferenced: (key: string) => boolean
  readonly #random: Random
  readonly #log: Logger
  readonly #periodMs: number
  readonly #onAnswer: ((key: string, error: KubeError | undefined) => void) | undefined
  readonly #queue: WorkQueue
  readonly #tracked = new Set<string>()
  readonly #failing = new Set<string>()

  constructor(options: {
    client: Pick<KubeClient, 'get'>
    /** Where the metadata goes, as a reflector would put it there. */
    store: Store<Secret>
    /** Whether a resource still names the Secret `namespace/name`; those that none names are forgotten. */
    isReferenced: (key: string) => boolean
    clock: Clock
    random: Random
    log: Logger
    /** Each Secret is asked for at most once in this time, in milliseconds. */
    periodMs: number
    /** Told how each request ended, undefined for well; an absent Secret is no error. */
    onAnswer?: (key: string, error: KubeError | undefined) => void
  }) {
    this.#client = options.client
    this.#store = options.store
    this.#isReferenced = options.isReferenced
    this.#random = options.random
    this.#log = options.log.child({ poller: 'secrets' })
    this.#periodMs = options.periodMs
    this.#onAnswer = options.onAnswer
    this.#queue = new WorkQueue({ name: 'secrets', clock: options.clock })
  }

  /** Secrets that a resource names, as `namespace/name`. The first request comes at a random moment of the next period. */
  track(keys: Iterable<string>): void {
    for (const key of keys) {
      if (this.#tracked.has(key)) continue
      this.#tracked.add(key)
      this.#queue.addAfter(key, this.#periodMs * this.#random())
    }
  }

  /** Number of Secrets that are asked for. */
  get size(): number {
    return this.#tracked.size
  }

  /** Asks until the signal aborts. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const stop = (): void => {
      this.#queue.shutDown()
    }
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
    await Promise.all(Array.from({ length: workers }, () => this.#work(signal)))
  }

  async #work(signal: AbortSignal): Promise<void> {
    for (;;) {
      const key = await this.#queue.get()
      if (key === undefined || signal.aborted) return
      if (this.#isReferenced(key)) {
        // The period counts from the question: a slow answer must not make it longer.
        this.#queue.addAfter(key, this.#periodMs)
        await this.#ask(key, signal)
      } else {
        this.#tracked.delete(key)
        this.#failing.delete(key)
        // The store keeps only what is referenced, and drops this one when it comes by.
        const known = this.#store.get(key)
        if (known !== undefined) this.#store.upsert(known)
      }
      this.#queue.done(key)
    }
  }

  async #ask(key: string, signal: AbortSignal): Promise<void> {
    const [namespace = '', name = ''] = key.split('/', 2)
    // Only this one is known to be gone by a 404: another may be created while the request is under way.
    const asked = this.#store.get(key)?.metadata.uid
    try {
      const secret = await this.#client.get(secrets, namespace, name, { metadataOnly: true, signal })
      this.#store.upsert(identity(secret))
    } catch (error) {
      if (signal.aborted) return
      if (!isNotFound(error)) {
        this.#report(key, error)
        return
      }
      if (asked !== undefined) this.#store.observeAbsent(key, asked)
    }
    this.#failing.delete(key)
    this.#onAnswer?.(key, undefined)
  }

  /** What is known stays as it is, and is asked for again in the next period. */
  #report(key: string, error: unknown): void {
    const fields =
      error instanceof KubeError
        ? { key, code: error.code, reason: error.reason, status: error.status }
        : { key, code: 'UNEXPECTED' }
    // A missing right is told elsewhere, once for all Secrets.
    if (this.#failing.has(key) || isMissingPermission(error))
      this.#log.debug(fields, 'the metadata of a Secret could not be read again')
    else this.#log.warn(fields, 'the metadata of a Secret could not be read, trying again in the next period')
    this.#failing.add(key)
    if (error instanceof KubeError) this.#onAnswer?.(key, error)
  }
}
