/** client-go's rate limiting work queue of keys. */
import type { Clock } from './clock.ts'

export interface QueueMetrics {
  depth(name: string, depth: number): void
  add(name: string): void
  /** From `add` to `get`. */
  latency(name: string, seconds: number): void
  /** From `get` to `done`. */
  workDuration(name: string, seconds: number): void
  retry(name: string): void
  /** Told once how to ask for the work in progress, at any time. */
  inProgress?(name: string, read: () => WorkInProgress): void
}

/** How long the keys that were handed out have been worked on, in seconds. */
export interface WorkInProgress {
  /** All together. */
  readonly unfinished: number
  readonly longest: number
}

/** First in, first out; taking is constant time on average, where Array.shift moves everything. */
class Fifo {
  #items: string[] = []
  #head = 0

  get length(): number {
    return this.#items.length - this.#head
  }

  push(item: string): void {
    this.#items.push(item)
  }

  shift(): string | undefined {
    const item = this.#items[this.#head]
    if (item === undefined) return undefined
    this.#head++
    // Each item is moved once at most for each one taken.
    if (this.#head > 64 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head)
      this.#head = 0
    }
    return item
  }
}

/**
 * One Fifo for each group, taken from in turn: a group with thousands of keys does not hold up one with a single key, as
 * it would in one line. With one group it is a Fifo.
 */
class FairQueue {
  readonly #groupOf: (key: string) => string
  readonly #groups = new Map<string, Fifo>()
  /** The groups that have keys, the one whose turn it is first. */
  readonly #turns = new Fifo()
  #length = 0

  constructor(groupOf: (key: string) => string) {
    this.#groupOf = groupOf
  }

  get length(): number {
    return this.#length
  }

  push(key: string): void {
    const group = this.#groupOf(key)
    let keys = this.#groups.get(group)
    if (keys === undefined) {
      keys = new Fifo()
      this.#groups.set(group, keys)
      this.#turns.push(group)
    }
    keys.push(key)
    this.#length++
  }

  shift(): string | undefined {
    const group = this.#turns.shift()
    if (group === undefined) return undefined
    const keys = this.#groups.get(group)
    const key = keys?.shift()
    // A group is known only while it has keys: the namespaces of years must not stay in memory.
    if (keys === undefined || keys.length === 0) this.#groups.delete(group)
    else this.#turns.push(group)
    if (key !== undefined) this.#length--
    return key
  }
}

interface Delayed {
  readonly key: string
  at: number
  /** Its place in the heap. */
  index: number
}

/** A binary heap by time, in which a key can be moved forward. */
class DelayHeap {
  readonly #heap: Delayed[] = []
  readonly #byKey = new Map<string, Delayed>()

  get first(): Delayed | undefined {
    return this.#heap[0]
  }

  /** Of two times for one key, the earlier one wins. */
  set(key: string, at: number): void {
    const known = this.#byKey.get(key)
    if (known !== undefined) {
      if (at < known.at) {
        known.at = at
        this.#up(known)
      }
      return
    }
    const entry = { key, at, index: this.#heap.length }
    this.#heap.push(entry)
    this.#byKey.set(key, entry)
    this.#up(entry)
  }

  shift(): void {
    const [first] = this.#heap
    const last = this.#heap.pop()
    if (first === undefined || last === undefined) return
    this.#byKey.delete(first.key)
    if (last !== first) this.#down(last)
  }

  clear(): void {
    this.#heap.length = 0
    this.#byKey.clear()
  }

  #up(entry: Delayed): void {
    let index = entry.index
    while (index > 0) {
      const parentIndex = (index - 1) >> 1
      const parent = this.#heap[parentIndex]
      if (parent === undefined || parent.at <= entry.at) break
      this.#place(parent, index)
      index = parentIndex
    }
    this.#place(entry, index)
  }

  /** Sinks an entry from the top. */
  #down(entry: Delayed): void {
    let index = 0
    for (;;) {
      const left = this.#heap[2 * index + 1]
      const right = this.#heap[2 * index + 2]
      const child = right !== undefined && left !== undefined && right.at < left.at ? right : left
      if (child === undefined || child.at >= entry.at) break
      const childIndex = child.index
      this.#place(child, index)
      index = childIndex
    }
    this.#place(entry, index)
  }

  #place(entry: Delayed, index: number): void {
    entry.index = index
    this.#heap[index] = entry
  }
}

/**
 * A key is never handed out twice at the same time, and waits in the queue at most once: what is added while it is
 * worked on comes back after `done`.
 */
export class WorkQueue {
  readonly #name: string
  readonly #clock: Clock
  readonly #baseDelayMs: number
  readonly #maxDelayMs: number
  readonly #metrics: QueueMetrics | undefined
  readonly #queue: FairQueue
  /** Keys to be worked on: in the queue, or in work and added again. The value is when. */
  readonly #dirty = new Map<string, number>()
  /** Keys in work. The value is since when. */
  readonly #processing = new Map<string, number>()
  readonly #delayed = new DelayHeap()
  readonly #failures = new Map<string, number>()
  readonly #getters: ((key: string | undefined) => void)[] = []
  #timer: { at: number; cancel(): void } | undefined
  #waking = false
  #shuttingDown = false

  constructor(options: {
    name: string
    clock: Clock
    /** The first delay of addRateLimited; it doubles with each. Default: 5 ms. */
    baseDelayMs?: number
    /** Default: 5 minutes. */
    maxDelayMs?: number
    /** Groups of keys take turns. Default: all keys are of one group, first in, first out. */
    groupOf?: (key: string) => string
    metrics?: QueueMetrics
  }) {
    this.#name = options.name
    this.#clock = options.clock
    this.#baseDelayMs = options.baseDelayMs ?? 5
    this.#maxDelayMs = options.maxDelayMs ?? 300_000
    this.#queue = new FairQueue(options.groupOf ?? (() => ''))
    this.#metrics = options.metrics
    this.#metrics?.inProgress?.(this.#name, () => this.#workInProgress())
  }

  #workInProgress(): WorkInProgress {
    const now = this.#clock.monotonic()
    let unfinished = 0
    let longest = 0
    for (const since of this.#processing.values()) {
      const seconds = (now - since) / 1000
      unfinished += seconds
      longest = Math.max(longest, seconds)
    }
    return { unfinished, longest }
  }

  /** Keys that wait to be handed out now. */
  get length(): number {
    return this.#queue.length
  }

  add(key: string): void {
    if (this.#shuttingDown || this.#dirty.has(key)) return
    this.#dirty.set(key, this.#clock.monotonic())
    this.#metrics?.add(this.#name)
    if (!this.#processing.has(key)) this.#enqueue(key)
  }

  /** Adds the key after `ms` milliseconds. Of several delays of one key, the one that ends first counts. */
  addAfter(key: string, ms: number): void {
    if (this.#shuttingDown) return
    if (ms <= 0) {
      this.add(key)
      return
    }
    this.#delayed.set(key, this.#clock.monotonic() + ms)
    this.#schedule()
  }

  /** Adds the key after its back-off, or after `atLeastMs` milliseconds if that is longer. */
  addRateLimited(key: string, atLeastMs = 0): void {
    const failures = this.#failures.get(key) ?? 0
    this.#failures.set(key, failures + 1)
    this.#metrics?.retry(this.#name)
    this.addAfter(key, Math.max(Math.min(this.#baseDelayMs * 2 ** failures, this.#maxDelayMs), atLeastMs))
  }

  /** Ends the back-off of a key. */
  forget(key: string): void {
    this.#failures.delete(key)
  }

  /** How often addRateLimited was called since `forget`. */
  numRequeues(key: string): number {
    return this.#failures.get(key) ?? 0
  }

  /** The next key, as soon as there is one; undefined once the queue is shut down and empty. `done` must follow. */
  get(): Promise<string | undefined> {
    const key = this.#queue.shift()
    if (key !== undefined) return Promise.resolve(this.#handOut(key))
    if (this.#shuttingDown) return Promise.resolve(undefined)
    return new Promise((resolve) => this.#getters.push(resolve))
  }

  /** Work on the key has ended, well or not. */
  done(key: string): void {
    const since = this.#processing.get(key)
    if (since === undefined) return
    this.#processing.delete(key)
    this.#metrics?.workDuration(this.#name, (this.#clock.monotonic() - since) / 1000)
    if (this.#dirty.has(key)) this.#enqueue(key)
  }

  /** What waits for its time is dropped and nothing more is taken; what is queued is still handed out. */
  shutDown(): void {
    this.#shuttingDown = true
    this.#timer?.cancel()
    this.#delayed.clear()
    this.#wake()
    for (const resolve of this.#getters.splice(0)) resolve(undefined)
  }

  #enqueue(key: string): void {
    this.#queue.push(key)
    this.#metrics?.depth(this.#name, this.#queue.length)
    if (this.#getters.length === 0 || this.#waking) return
    // Not at once: one event often adds a key several times in a row, and that is one piece of work.
    this.#waking = true
    queueMicrotask(() => {
      this.#wake()
    })
  }

  #wake(): void {
    this.#waking = false
    while (this.#getters.length > 0) {
      const key = this.#queue.shift()
      if (key === undefined) return
      this.#getters.shift()?.(this.#handOut(key))
    }
  }

  #handOut(key: string): string {
    const now = this.#clock.monotonic()
    this.#metrics?.depth(this.#name, this.#queue.length)
    this.#metrics?.latency(this.#name, (now - (this.#dirty.get(key) ?? now)) / 1000)
    this.#dirty.delete(key)
    this.#processing.set(key, now)
    return key
  }

  /** One timer, for the key that is due first. */
  #schedule(): void {
    const first = this.#delayed.first
    if (first === undefined || (this.#timer !== undefined && this.#timer.at <= first.at)) return
    this.#timer?.cancel()
    const { at } = first
    const timer = this.#clock.setTimeout(() => {
      this.#timer = undefined
      this.#release()
    }, at - this.#clock.monotonic())
    this.#timer = {
      at,
      cancel: () => {
        timer.cancel()
      },
    }
  }

  #release(): void {
    const now = this.#clock.monotonic()
    for (let first = this.#delayed.first; first !== undefined && first.at <= now; first = this.#delayed.first) {
      this.#delayed.shift()
      this.add(first.key)
    }
    // Timers may fire a little early; then the key that is due first is still there.
    this.#schedule()
  }
}
