/** Kubernetes Events (events.k8s.io/v1): told and forgotten, they never hold up or fail a reconcile. */
import type { Logger } from '../telemetry/log.ts'
import type { KubeClient } from './client.ts'
import type { Clock, Random } from './clock.ts'
import { isAlreadyExists, isMissingPermission, isNotFound, KubeError } from './errors.ts'
import { microTime, type KubeObject, type ResourceType } from './objects.ts'

/** The object that an Event is about. */
export interface EventTarget {
  apiVersion: string
  kind: string
  namespace: string
  name: string
  uid: string
}

export interface EventSeries {
  count: number
  lastObservedTime: string
}

/** events.k8s.io/v1 Event. */
export interface KubeEvent extends KubeObject {
  eventTime?: string
  type?: string
  reason?: string
  action?: string
  note?: string
  regarding?: Partial<EventTarget>
  related?: Partial<EventTarget>
  reportingController?: string
  reportingInstance?: string
  series?: EventSeries
}

export const events: ResourceType<KubeEvent> = {
  group: 'events.k8s.io',
  version: 'v1',
  plural: 'events',
  kind: 'Event',
  namespaced: true,
}

/** What the API server accepts, in bytes. */
const maxNoteBytes = 1024
const maxNameBytes = 253
const maxFieldLength = 128

/** A repetition after this time is a new Event, as in client-go. */
const seriesLifetimeMs = 360_000

/** The first repetition is written at once, later ones together. */
const seriesIntervalMs = 60_000

const maxSeries = 1_000
const maxWaiting = 1_000

/** Different Events of one object: so many at once, then one in ten seconds. What loops must not flood etcd. */
const burst = 50
const refillMs = 10_000

/** A failed write is tried so often, with growing pauses. */
const maxAttempts = 6
const firstPauseMs = 1_000
const longestPauseMs = 30_000

/** One call that has no end must not keep all other Events waiting. */
const callTimeoutMs = 30_000

interface Entry {
  body: KubeEvent & { metadata: { name: string; namespace: string } }
  count: number
  /** Wall clock. */
  lastObservedAt: number
  /** Monotonic clock. */
  touchedAt: number
  /** The count that the API server has; 0 while it has nothing. */
  written: number
  /** In the waiting list. */
  waiting: boolean
  /** Clock.monotonic() before which a repetition is not written. */
  nextWriteAt: number
  timer: { cancel(): void } | undefined
}

export class EventRecorder {
  readonly #client: Pick<KubeClient, 'create' | 'patch'>
  readonly #clock: Clock
  readonly #random: Random
  readonly #log: Logger
  readonly #reportingController: string
  readonly #reportingInstance: string
  readonly #startDelayMs: number
  /** By what makes two Events the same, the least recently seen first. */
  readonly #series = new Map<string, Entry>()
  /** uid → tokens, the least recently used first. */
  readonly #buckets = new Map<string, { tokens: number; at: number }>()
  #waiting: Entry[] = []
  #sending: Promise<void> | undefined
  #hurry = new AbortController()
  #dropped = 0
  #loggedCode: string | undefined

  constructor(options: {
    client: Pick<KubeClient, 'create' | 'patch'>
    clock: Clock
    random: Random
    log: Logger
    /** `tracardi.com/operator`-like name of the program, at most 128 characters. */
    reportingController: string
    /** Name of this process, at most 128 characters. */
    reportingInstance: string
    /** How long Events wait before the first of them is sent, in milliseconds. Default: 0. */
    startDelayMs?: number
  }) {
    this.#client = options.client
    this.#clock = options.clock
    this.#random = options.random
    this.#log = options.log.child({ component: 'events' })
    this.#reportingController = options.reportingController.slice(0, maxFieldLength)
    this.#startDelayMs = options.startDelayMs ?? 0
    this.#reportingInstance = options.reportingInstance.slice(0, maxFieldLength)
  }

  /** Events that were never written: too many, or refused. */
  get dropped(): number {
    return this.#dropped
  }

  /**
   * Puts an Event on the waiting list and returns. The same again (regarding, related, type, reason, action and note)
   * becomes a series. Notes are cut at 1024 bytes. Never throws.
   */
  record(event: {
    regarding: EventTarget
    related?: EventTarget
    type: 'Normal' | 'Warning'
    reason: string
    action: string
    note: string
  }): void {
    const { regarding, related, type, reason, action, note } = event
    const key = JSON.stringify([regarding.uid, related?.uid, type, reason, action, note])
    const now = this.#clock.monotonic()
    const known = this.#series.get(key)
    this.#series.delete(key)
    if (known !== undefined && now - known.touchedAt <= seriesLifetimeMs) {
      known.count++
      known.lastObservedAt = this.#clock.now()
      known.touchedAt = now
      this.#series.set(key, known)
      this.#push(known)
      return
    }
    if (!this.#takeToken(regarding.uid, now)) {
      this.#dropped++
      return
    }
    const entry: Entry = {
      body: {
        apiVersion: 'events.k8s.io/v1',
        kind: 'Event',
        // The server adds the rest of the metadata.
        metadata: {
          name: this.#name(regarding.name),
          namespace: regarding.namespace === '' ? 'default' : regarding.namespace,
        } as KubeEvent['metadata'] & {
          namespace: string
        },
        eventTime: microTime(this.#clock.now()),
        type,
        reason: reason.slice(0, maxFieldLength),
        action: action.slice(0, maxFieldLength),
        note: cut(note),
        regarding: reference(regarding),
        ...(related === undefined ? {} : { related: reference(related) }),
        reportingController: this.#reportingController,
        reportingInstance: this.#reportingInstance,
      },
      count: 1,
      lastObservedAt: this.#clock.now(),
      touchedAt: now,
      written: 0,
      waiting: false,
      nextWriteAt: -Infinity,
      timer: undefined,
    }
    this.#series.set(key, entry)
    this.#prune(now)
    this.#push(entry)
  }

  /** Sends what is waiting, for at most `ms` milliseconds. */
  async flush(ms: number): Promise<void> {
    for (const entry of this.#series.values()) {
      if (entry.timer === undefined) continue
      entry.timer.cancel()
      entry.timer = undefined
      entry.nextWriteAt = -Infinity
      this.#push(entry)
    }
    this.#hurry.abort()
    const end = new AbortController()
    await Promise.race([this.#sending, this.#clock.sleep(ms, end.signal)])
    end.abort()
    this.#hurry = new AbortController()
  }

  #push(entry: Entry): void {
    if (entry.waiting || entry.timer !== undefined) return
    const pause = entry.nextWriteAt - this.#clock.monotonic()
    if (pause > 0) {
      entry.timer = this.#clock.setTimeout(() => {
        entry.timer = undefined
        this.#push(entry)
      }, pause)
      return
    }
    entry.waiting = true
    this.#waiting.push(entry)
    if (this.#waiting.length > maxWaiting) {
      const oldest = this.#waiting.shift()
      if (oldest !== undefined) oldest.waiting = false
      this.#dropped++
    }
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = undefined
    })
  }

  async #sendAll(): Promise<void> {
    // An Event explains a change, and must not compete with it for the API server.
    if (this.#startDelayMs > 0) await this.#clock.sleep(this.#startDelayMs, this.#hurry.signal)
    for (let entry = this.#waiting.shift(); entry !== undefined; entry = this.#waiting.shift()) {
      // From here on, a repetition goes to the end of the list again.
      entry.waiting = false
      await this.#send(entry)
    }
  }

  async #send(entry: Entry): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const { count } = entry
      if (count === entry.written) return
      try {
        await this.#inTime((signal) => this.#write(entry, signal))
        if (entry.written > 0 || count > 1) entry.nextWriteAt = this.#clock.monotonic() + seriesIntervalMs
        entry.written = count
        this.#loggedCode = undefined
        return
      } catch (error) {
        const passing = error instanceof KubeError && isPassing(error)
        const code = error instanceof KubeError ? error.code : 'UNEXPECTED'
        // A missing right is told elsewhere.
        if (this.#loggedCode === code || isMissingPermission(error))
          this.#log.debug({ code }, 'an Event could not be written')
        else this.#log.warn({ code }, 'an Event could not be written')
        this.#loggedCode = code
        // While somebody waits for the end, each is tried once more, without a pause.
        if (!passing || attempt >= maxAttempts || (this.#hurry.signal.aborted && attempt > 1)) {
          this.#dropped++
          return
        }
        const retryAfterMs = error instanceof KubeError ? (error.retryAfterSeconds ?? 0) * 1000 : 0
        const pause = Math.min(firstPauseMs * 2 ** (attempt - 1), longestPauseMs) * (1 + this.#random())
        await this.#clock.sleep(Math.max(pause, retryAfterMs), this.#hurry.signal)
      }
    }
  }

  /** Rejects as a call without an answer does when the work takes too long, whether it heeds its signal or not. */
  async #inTime(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const deadline = new AbortController()
    const { promise: late, reject } = Promise.withResolvers<never>()
    const timer = this.#clock.setTimeout(() => {
      deadline.abort()
      reject(new KubeError({ status: 0, verb: 'create', resource: 'events.events.k8s.io' }))
    }, callTimeoutMs)
    try {
      await Promise.race([work(deadline.signal), late])
    } finally {
      timer.cancel()
    }
  }

  async #write(entry: Entry, signal: AbortSignal): Promise<void> {
    const { namespace } = entry.body.metadata
    const series = { count: entry.count, lastObservedTime: microTime(entry.lastObservedAt) }
    if (entry.written > 0) {
      try {
        await this.#client.patch(
          events,
          namespace,
          entry.body.metadata.name,
          { series },
          { patchType: 'merge', signal },
        )
        return
      } catch (error) {
        // Events live for an hour by default.
        if (!isNotFound(error)) throw error
        entry.body.metadata.name = this.#name(entry.body.regarding?.name ?? '')
      }
    }
    try {
      await this.#client.create(events, namespace, entry.count > 1 ? { ...entry.body, series } : entry.body, {
        signal,
      })
    } catch (error) {
      // An attempt before this one arrived, although its answer did not.
      if (!isAlreadyExists(error)) throw error
    }
  }

  #takeToken(uid: string, now: number): boolean {
    const bucket = this.#buckets.get(uid) ?? { tokens: burst, at: now }
    const tokens = Math.min(burst, bucket.tokens + (now - bucket.at) / refillMs)
    this.#buckets.delete(uid)
    this.#buckets.set(uid, { tokens: tokens >= 1 ? tokens - 1 : tokens, at: now })
    return tokens >= 1
  }

  /** Forgets series that have ended, and more if there are too many; likewise buckets, which are full again by then. */
  #prune(now: number): void {
    for (const [key, entry] of this.#series) {
      if (now - entry.touchedAt <= seriesLifetimeMs && this.#series.size <= maxSeries) break
      this.#series.delete(key)
    }
    for (const [uid, { at }] of this.#buckets) {
      if (now - at <= burst * refillMs && this.#buckets.size <= maxSeries) break
      this.#buckets.delete(uid)
    }
  }

  /** `<object>.<time and chance>`, a DNS subdomain. */
  #name(object: string): string {
    const chance = Math.floor(this.#random() * 2 ** 32)
    const suffix = `${this.#clock.now().toString(16)}${chance.toString(16).padStart(8, '0')}`
    const head = object.slice(0, maxNameBytes - suffix.length - 1).replace(/[.-]+$/, '')
    return `${head}.${suffix}`
  }
}

/** Worth another attempt. A token that has expired is replaced before long, and a server that starts knows no path yet. */
function isPassing({ status, reason }: KubeError): boolean {
  return status === 0 || status === 401 || status === 429 || status >= 500 || reason === 'NoSuchPath'
}

function reference({ apiVersion, kind, namespace, name, uid }: EventTarget): Partial<EventTarget> {
  return { apiVersion, kind, ...(namespace === '' ? {} : { namespace }), name, uid }
}

/** The server counts bytes; no character is cut in two. */
function cut(note: string): string {
  const bytes = Buffer.from(note)
  if (bytes.length <= maxNoteBytes) return note
  let end = maxNoteBytes - Buffer.byteLength('…')
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end--
  return `${bytes.toString('utf8', 0, end)}…`
}
