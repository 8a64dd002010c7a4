/** A clock that stands still until a test moves it. */
import { setImmediate } from 'node:timers/promises'
import { sleepWith, type Clock } from './clock.ts'

interface FakeTimer {
  readonly at: number
  readonly callback: () => void
}

/** Wall clock and monotonic clock move together, and only by `advance`. */
export class FakeClock implements Clock {
  readonly #start: number
  #elapsed = 0
  readonly #timers = new Set<FakeTimer>()

  /** @param now the wall clock at the beginning, in milliseconds since the epoch */
  constructor(now = Date.UTC(2026, 0, 1)) {
    this.#start = now
  }

  now(): number {
    return this.#start + this.#elapsed
  }

  monotonic(): number {
    return this.#elapsed
  }

  setTimeout(callback: () => void, ms: number): { cancel(): void } {
    const timer = { at: this.#elapsed + Math.max(ms, 0), callback }
    this.#timers.add(timer)
    return {
      cancel: () => {
        this.#timers.delete(timer)
      },
    }
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return sleepWith(this, ms, signal)
  }

  /** Timers that wait. */
  get pending(): number {
    return this.#timers.size
  }

  /**
   * Moves time by `ms` milliseconds. Timers that become due run in their order, each at its own time, and all promise
   * callbacks run before the next one, so timers set by them count as well. `advance(0)` only lets promises settle.
   */
  async advance(ms: number): Promise<void> {
    const target = this.#elapsed + ms
    // The whole queue of promise callbacks is empty before an immediate runs.
    await setImmediate()
    for (let next = this.#next(target); next !== undefined; next = this.#next(target)) {
      this.#timers.delete(next)
      this.#elapsed = Math.max(this.#elapsed, next.at)
      next.callback()
      await setImmediate()
    }
    this.#elapsed = target
    await setImmediate()
  }

  #next(until: number): FakeTimer | undefined {
    let next: FakeTimer | undefined
    for (const timer of this.#timers) if (timer.at <= until && (next === undefined || timer.at < next.at)) next = timer
    return next
  }
}
