/** Growing pauses between attempts. */
import type { Clock, Random } from './clock.ts'

/** client-go's exponential back-off manager: each pause is twice the one before, plus up to as much again by chance. */
export class Backoff {
  readonly #clock: Clock
  readonly #random: Random
  readonly #initialMs: number
  readonly #maxMs: number
  readonly #resetMs: number
  #count = 0
  #lastAt = -Infinity

  /** @param options.resetMs after so long without a failure the pauses begin anew */
  constructor(options: { clock: Clock; random: Random; initialMs: number; maxMs: number; resetMs: number }) {
    this.#clock = options.clock
    this.#random = options.random
    this.#initialMs = options.initialMs
    this.#maxMs = options.maxMs
    this.#resetMs = options.resetMs
  }

  /** Failures in a row, as far as `next` was told. */
  get count(): number {
    return this.#count
  }

  /** Counts one more failure and returns the pause before the next attempt, in milliseconds. */
  next(): number {
    const now = this.#clock.monotonic()
    if (now - this.#lastAt > this.#resetMs) this.#count = 0
    const pause = Math.min(this.#initialMs * 2 ** this.#count, this.#maxMs)
    const jittered = pause * (1 + this.#random())
    this.#count++
    // Counted from the end of the pause: waiting is not success.
    this.#lastAt = now + jittered
    return jittered
  }
}
