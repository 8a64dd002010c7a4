/** Time and chance, passed in everywhere so that tests decide them. */

/** A source of time. `now` is for what people and other programs read, `monotonic` for every duration and deadline. */
export interface Clock {
  /** Wall clock in milliseconds since the epoch. It may jump. */
  now(): number
  /** Milliseconds that never go back; only differences mean something. */
  monotonic(): number
  /** Runs `callback` once after `ms` milliseconds. A pending timer does not keep the process alive. */
  setTimeout(callback: () => void, ms: number): { cancel(): void }
  /** Resolves after `ms` milliseconds, or as soon as the signal aborts. It never rejects: look at the signal afterwards. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

/** Returns a number of [0, 1), as Math.random does. */
export type Random = () => number

/** Node.js fires a timer of more than 2^31-1 ms at once, so longer ones are cut; whoever waits looks at the time anyway. */
const longestTimer = 2 ** 31 - 1

/** The `sleep` of a clock, made of its `setTimeout`. */
export function sleepWith(clock: Pick<Clock, 'setTimeout'>, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) {
      resolve()
      return
    }
    const finish = (): void => {
      timer.cancel()
      signal?.removeEventListener('abort', finish)
      resolve()
    }
    const timer = clock.setTimeout(finish, ms)
    signal?.addEventListener('abort', finish, { once: true })
  })
}

/** The clock of the machine. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimeout(callback, ms) {
    const timer = setTimeout(callback, Math.min(Math.max(ms, 0), longestTimer))
    timer.unref()
    return {
      cancel() {
        clearTimeout(timer)
      },
    }
  },
  sleep: (ms, signal) => sleepWith(systemClock, ms, signal),
}
