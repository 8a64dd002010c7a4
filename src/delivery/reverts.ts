/**
 * Another controller may own a workload's pod template and take the stamp out again as often as it is put in. Without a
 * brake that would be a restart at each turn, as fast as the API server answers.
 */

const memoryMs = 600_000
const firstRestMs = 1000
const longestRestMs = 300_000
/** So often the same stamps are put back at once: a person, or a sync, does it once. */
const tolerated = 2

interface Put {
  signature: string
  at: number
  times: number
}

/** Remembers which stamps a workload was given last, and how often in a row. Losing this costs a few restarts at most. */
export class Reverts {
  readonly #puts = new Map<string, Put>()

  /**
   * How long to wait before these stamps are put back, in milliseconds; 0: now.
   * @param signature the stamps that are missing
   */
  wait(key: string, signature: string, now: number): number {
    const put = this.#puts.get(key)
    if (put?.signature !== signature || now - put.at > memoryMs || put.times <= tolerated) return 0
    const restMs = Math.min(firstRestMs * 2 ** (put.times - tolerated), longestRestMs)
    return Math.max(0, put.at + restMs - now)
  }

  /** These stamps were put in. Returns how often in a row by now. */
  record(key: string, signature: string, now: number): number {
    const put = this.#puts.get(key)
    if (put?.signature === signature && now - put.at <= memoryMs) {
      put.at = now
      return ++put.times
    }
    this.#puts.set(key, { signature, at: now, times: 1 })
    return 1
  }

  /** The workload is gone. */
  forget(key: string): void {
    this.#puts.delete(key)
  }
}
