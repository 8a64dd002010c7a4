/**
 * Values of Secrets, for at most 60 seconds.
 *
 * The metadata watch says which uid and resourceVersion a Secret has; values are kept under exactly these. So the moment
 * the watch reports a change, what was kept can no longer be reached. Should an event ever be lost, the second bound holds:
 * after `ttlMs` nothing is served before the API server has confirmed it again.
 */
import NodeCache from 'node-cache'
import type { Clock } from '../kube/clock.ts'
import type { KubeClient } from '../kube/client.ts'
import { isNotFound } from '../kube/errors.ts'
import { compareResourceVersions, secrets } from '../kube/objects.ts'
import type { ManagedFieldsEntry, OwnerReference, Secret } from '../kube/objects.ts'
import type { Store } from '../kube/store.ts'
import { Sensitive } from './sensitive.ts'

/** A Secret as it was read. The values are the reader's own copies; dispose of them when done. */
export interface SecretSnapshot extends Disposable {
  readonly name: string
  readonly uid: string
  readonly resourceVersion: string
  readonly type: string | undefined
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  readonly ownerReferences: readonly OwnerReference[]
  readonly managedFields: readonly ManagedFieldsEntry[]
  readonly data: ReadonlyMap<string, Sensitive>
}

interface Entry {
  readonly key: string
  readonly secret: Omit<SecretSnapshot, 'data' | typeof Symbol.dispose>
  readonly values: ReadonlyMap<string, Buffer>
  /** Clock.monotonic() before the request that confirmed it was sent. */
  readonly confirmedAt: number
}

/** The longest that a value may be served without being confirmed, in milliseconds. */
export const maxCacheTtlMs = 60_000

/** `kubectl apply` leaves the whole Secret, values included, in this annotation. */
export const lastAppliedAnnotation = 'kubectl.kubernetes.io/last-applied-configuration'

/** Types that are never taken for credentials: whoever may name them would get at the cluster through the operator. */
const forbiddenTypes: ReadonlySet<string> = new Set([
  'kubernetes.io/service-account-token',
  'bootstrap.kubernetes.io/token',
  'helm.sh/release.v1',
])

export function isForbiddenType(type: string | undefined): boolean {
  return type !== undefined && forbiddenTypes.has(type)
}

const maxRounds = 5

export class SecretCache {
  readonly #client: KubeClient
  readonly #store: Store<Secret>
  readonly #clock: Clock
  readonly #ttlMs: number
  readonly #metrics: { hit(): void; miss(): void } | undefined
  readonly #cache: NodeCache
  /** The key under which the values of `namespace/name` are kept. */
  readonly #current = new Map<string, string>()
  readonly #flights = new Map<string, Promise<Entry | undefined>>()

  constructor(options: {
    client: KubeClient
    /** Metadata of the referenced Secrets, kept by a reflector. */
    store: Store<Secret>
    clock: Clock
    ttlMs: number
    metrics?: { hit(): void; miss(): void }
  }) {
    this.#client = options.client
    this.#store = options.store
    this.#clock = options.clock
    this.#ttlMs = Math.min(options.ttlMs, maxCacheTtlMs)
    this.#metrics = options.metrics
    const ttlSeconds = Math.max(1, Math.ceil(this.#ttlMs / 1000))
    this.#cache = new NodeCache({ stdTTL: ttlSeconds, checkperiod: ttlSeconds, useClones: false })
    // node-cache hands out what it drops, by time or by del(): the bytes are overwritten there and nowhere else.
    this.#cache.on('del', (key: string, entry: Entry) => {
      wipe(entry)
      const path = pathOf(key)
      if (this.#current.get(path) === key) this.#current.delete(path)
    })
    this.#store.addEventHandler({
      onUpdate: (_old, secret) => {
        this.#forget(secret, secret.metadata.resourceVersion)
      },
      onDelete: (secret) => {
        this.#forget(secret, undefined)
      },
    })
  }

  /**
   * The Secret as it is now, or was at most `ttlMs` ago with no event since; undefined when there is none.
   * Concurrent readers of one Secret share one request. Throws KubeError.
   */
  async read(namespace: string, name: string, signal?: AbortSignal): Promise<SecretSnapshot | undefined> {
    const path = `${namespace}/${name}`
    for (let round = 1; ; round++) {
      signal?.throwIfAborted()
      const kept = this.#kept(path)
      if (kept !== undefined) {
        this.#metrics?.hit()
        return snapshot(kept)
      }
      let flight = this.#flights.get(path)
      if (flight === undefined) {
        this.#metrics?.miss()
        flight = this.#fetch(namespace, name, path).finally(() => this.#flights.delete(path))
        this.#flights.set(path, flight)
      }
      const entry = await untilAborted(flight, signal)
      if (entry === undefined) return undefined
      const known = this.#store.get(path)
      // The request may have been answered before the change that the watch has reported meanwhile.
      const outdated =
        known !== undefined &&
        compareResourceVersions(entry.secret.resourceVersion, known.metadata.resourceVersion) < 0 &&
        round < maxRounds
      if (!outdated) return snapshot(entry)
    }
  }

  /** Takes what the API server answered to a write of ours, so that it need not be read. */
  prime(secret: Secret): void {
    this.#store.observe(identity(secret))
    this.#keep(toEntry(secret, this.#clock.monotonic()))
  }

  /** Drops what is kept of a Secret: a write has shown that it is outdated. */
  invalidate(namespace: string, name: string): void {
    this.#drop(`${namespace}/${name}`)
  }

  /** Drops everything: nothing that was read is known to be what there is. */
  clear(): void {
    for (const key of this.#cache.keys()) this.#cache.del(key)
    this.#current.clear()
  }

  /** Number of Secrets whose values are in memory. */
  get size(): number {
    return this.#cache.keys().length
  }

  /** Overwrites everything and stops the timer. */
  close(): void {
    this.clear()
    this.#cache.close()
  }

  #kept(path: string): Entry | undefined {
    const known = this.#store.get(path)
    if (known === undefined) return undefined
    const entry = this.#cache.get<Entry>(cacheKey(path, known.metadata.uid, known.metadata.resourceVersion))
    if (entry === undefined || this.#clock.monotonic() - entry.confirmedAt >= this.#ttlMs) return undefined
    return entry
  }

  async #fetch(namespace: string, name: string, path: string): Promise<Entry | undefined> {
    const sentAt = this.#clock.monotonic()
    // Only this one is known to be gone by a 404: another may have been created, and reported, while it was under way.
    const asked = this.#store.get(path)?.metadata.uid
    try {
      const secret = await this.#client.get(secrets, namespace, name)
      this.#store.observe(identity(secret))
      const entry = toEntry(secret, sentAt)
      this.#keep(entry)
      return entry
    } catch (error) {
      if (!isNotFound(error)) throw error
      if (asked !== undefined) this.#store.observeAbsent(path, asked)
      if (this.#store.get(path) === undefined) this.#drop(path)
      return undefined
    }
  }

  #keep(entry: Entry): void {
    const path = pathOf(entry.key)
    const known = this.#store.get(path)
    // What the watch has overtaken meanwhile, or what nobody refers to any more, is not kept at all.
    if (known === undefined || cacheKey(path, known.metadata.uid, known.metadata.resourceVersion) !== entry.key) return
    // A reader that waits for this entry takes its copies right after: the cache keeps its own, to be overwritten later.
    const values = new Map([...entry.values].map(([key, value]) => [key, Buffer.from(value)]))
    if (this.#current.get(path) !== entry.key) this.#drop(path)
    else this.#cache.del(entry.key)
    this.#current.set(path, entry.key)
    this.#cache.set(entry.key, { ...entry, values })
  }

  #forget(secret: Secret, unlessResourceVersion: string | undefined): void {
    const path = `${secret.metadata.namespace ?? ''}/${secret.metadata.name}`
    if (
      unlessResourceVersion !== undefined &&
      this.#current.get(path) === cacheKey(path, secret.metadata.uid, unlessResourceVersion)
    )
      return
    this.#drop(path)
  }

  #drop(path: string): void {
    const key = this.#current.get(path)
    if (key === undefined) return
    this.#current.delete(path)
    this.#cache.del(key)
  }
}

/** The part of a Secret that the store keeps: nothing of its contents. Also the reflector's transform. */
export function identity(secret: Secret): Secret {
  const { name, namespace, uid, resourceVersion } = secret.metadata
  return { metadata: { name, ...(namespace !== undefined && { namespace }), uid, resourceVersion } }
}

function cacheKey(path: string, uid: string, resourceVersion: string): string {
  return `${path}/${uid}/${resourceVersion}`
}

/** `namespace/name` of a key. */
function pathOf(key: string): string {
  return key.split('/', 2).join('/')
}

function toEntry(secret: Secret, confirmedAt: number): Entry {
  const { metadata } = secret
  const { [lastAppliedAnnotation]: _, ...annotations } = metadata.annotations ?? {}
  return {
    key: cacheKey(`${metadata.namespace ?? ''}/${metadata.name}`, metadata.uid, metadata.resourceVersion),
    secret: {
      name: metadata.name,
      uid: metadata.uid,
      resourceVersion: metadata.resourceVersion,
      type: secret.type,
      labels: metadata.labels ?? {},
      annotations,
      ownerReferences: metadata.ownerReferences ?? [],
      managedFields: metadata.managedFields ?? [],
    },
    // Of a forbidden type not even the values are kept.
    values: new Map(
      Object.entries((isForbiddenType(secret.type) ? undefined : secret.data) ?? {}).map(([key, value]) => [
        key,
        Buffer.from(value, 'base64'),
      ]),
    ),
    confirmedAt,
  }
}

function snapshot(entry: Entry): SecretSnapshot {
  const data = new Map([...entry.values].map(([key, value]) => [key, Sensitive.of(Buffer.from(value))]))
  return {
    ...entry.secret,
    data,
    [Symbol.dispose]() {
      for (const value of data.values()) value.wipe()
    },
  }
}

function wipe(entry: Entry): void {
  for (const value of entry.values.values()) value.fill(0)
}

async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise
  return new Promise<T>((resolve, reject) => {
    const onAbort = (): void => {
      reject(signal.reason as Error)
    }
    signal.addEventListener('abort', onAbort, { once: true })
    promise.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', onAbort)
    })
  })
}
