/**
 * Several resources that change at the same moment shall cost a shared workload one restart, not one each: such a workload
 * waits for a quarter of a second of quiet, at most two seconds. A workload of one resource is never held back.
 */

export const quietMs = 250
export const longestWaitMs = 2000

interface Burst {
  readonly first: number
  last: number
  signature: string
}

/** Remembers, for each workload, since when its stamps have been changing. Losing this costs a quarter of a second. */
export class Pace {
  readonly #bursts = new Map<string, Burst>()

  /**
   * How long the workload has to wait, in milliseconds; 0 when it may be patched now.
   * @param signature what would be patched; a change of it restarts the quiet
   */
  wait(key: string, resources: number, signature: string, now: number): number {
    if (resources < 2) return 0
    let burst = this.#bursts.get(key)
    if (burst === undefined) {
      burst = { first: now, last: now, signature }
      this.#bursts.set(key, burst)
    } else if (burst.signature !== signature) {
      burst.last = now
      burst.signature = signature
    }
    return Math.max(0, Math.min(burst.last + quietMs, burst.first + longestWaitMs) - now)
  }

  /** The workload was patched, or has nothing to wait for any more. */
  settle(key: string): void {
    this.#bursts.delete(key)
  }
}
