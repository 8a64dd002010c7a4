/** A client-side limit of calls, for administrators who want one; client-go's flowcontrol. */
import type { Clock } from './clock.ts'
import type { Connection } from './transport.ts'

export interface RateLimiterOptions {
  readonly clock: Clock
  /** Calls a second, on average. Must be above 0. */
  readonly qps: number
  /** Calls that may be made at once after a rest. At least 1. */
  readonly burst: number
  /** Told how long each call waited, in seconds. */
  readonly onWait?: (verb: string, seconds: number) => void
}

/** A token bucket. Who comes first goes first. */
export class RateLimiter {
  readonly #options: RateLimiterOptions
  #tokens: number
  #countedAt: number

  constructor(options: RateLimiterOptions) {
    this.#options = options
    this.#tokens = options.burst
    this.#countedAt = options.clock.monotonic()
  }

  /** Takes a token, and says in how many milliseconds it is there. */
  reserve(): number {
    const { clock, qps, burst } = this.#options
    const now = clock.monotonic()
    this.#tokens = Math.min(burst, this.#tokens + ((now - this.#countedAt) / 1000) * qps)
    this.#countedAt = now
    // A debt is what makes those who come later wait longer.
    this.#tokens -= 1
    return this.#tokens >= 0 ? 0 : (-this.#tokens / qps) * 1000
  }

  /** Resolves when the call may be made, or as soon as the signal aborts. */
  async wait(verb: string, signal?: AbortSignal): Promise<void> {
    const ms = this.reserve()
    this.#options.onWait?.(verb, ms / 1000)
    if (ms > 0) await this.#options.clock.sleep(ms, signal)
  }
}

/** The same connection, with calls and watches held back until the limiter lets them go. Their deadlines begin then. */
export function throttled(connection: Connection, limiter: RateLimiter): Connection {
  return {
    async request(options) {
      await limiter.wait(options.describe.verb, options.signal)
      return await connection.request(options)
    },
    async stream(options) {
      await limiter.wait(options.describe.verb, options.signal)
      return await connection.stream(options)
    },
  }
}
