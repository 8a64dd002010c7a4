/** Whether what is kept of the cluster can be trusted: filled once, and confirmed by the API server not long ago. */

/**
 * A cache that nothing has confirmed for so long is stale, in milliseconds. A quiet watch brings a bookmark every minute,
 * the first after two; a dead one is noticed after two and a half. So this is reached only when the API server cannot be
 * asked at all.
 */
export const staleAfterMs = 300_000

/** What is asked of a Reflector. */
export interface Freshness {
  readonly hasSynced: boolean
  /** Clock.monotonic() of the last confirmation, undefined before the first list. */
  readonly lastConfirmed: number | undefined
}

/**
 * The names of the caches that are not filled yet, or stale, with the reason.
 * @param now Clock.monotonic()
 */
export function notReady(caches: Readonly<Record<string, readonly Freshness[]>>, now: number): string[] {
  return Object.entries(caches).flatMap(([name, reflectors]) => {
    if (reflectors.some(({ hasSynced }) => !hasSynced)) return [name]
    const seconds = ageSeconds(reflectors, now)
    return seconds * 1000 > staleAfterMs ? [`${name} (not confirmed for ${String(Math.floor(seconds))} s)`] : []
  })
}

/** How long ago the least fresh of these was confirmed, in seconds; 0 when none was filled yet. */
export function ageSeconds(reflectors: readonly Freshness[], now: number): number {
  return Math.max(0, ...reflectors.map(({ lastConfirmed }) => (now - (lastConfirmed ?? now)) / 1000))
}
