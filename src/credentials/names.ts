/** Names of keys and fields: how they are compared with what was meant, and how they are shown. */

const longestShown = 253
/** Longer names are no misspelling of a field. The bound keeps the comparison of 1,000 keys cheap. */
const longestCompared = 64

/** A name fit for a message: printable ASCII, at most 253 characters (what Kubernetes allows for a key). */
export function printableName(name: string): string {
  return name.slice(0, longestShown).replace(/[^\x20-\x7e]/g, '?')
}

function normalise(name: string): string {
  return name.toLowerCase().replace(/[-_. ]/g, '')
}

/** Optimal string alignment: insertions, deletions, substitutions, and swaps of neighbours count one each. */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1
      let best = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + cost)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        best = Math.min(best, (beforeLast[j - 2] ?? 0) + 1)
      }
      row.push(best)
    }
    beforeLast = last
    last = row
  }
  return last[b.length] ?? 0
}

function tolerance(length: number): number {
  if (length <= 3) return 0
  return length <= 6 ? 1 : Math.min(3, Math.floor(length / 3))
}

/**
 * The candidate that most likely stands for one of the wanted names. Case and separators do not count.
 * @returns undefined when none is near
 */
export function nearestName(wanted: readonly string[], candidates: Iterable<string>): string | undefined {
  const targets = [...new Set(wanted.map(normalise))]
  let nearest: string | undefined
  let nearestDistance = Infinity
  for (const candidate of candidates) {
    if (candidate.length > longestCompared) continue
    const name = normalise(candidate)
    for (const target of targets) {
      const distance = nameDistance(target, name)
      if (distance < nearestDistance) {
        nearest = candidate
        nearestDistance = distance
      }
    }
  }
  return nearest
}

function nameDistance(target: string, name: string): number {
  const tolerated = tolerance(target.length)
  if (Math.abs(target.length - name.length) <= tolerated) {
    const distance = editDistance(target, name)
    if (distance <= tolerated) return distance
  }
  // `twilio-auth-token-live` means authToken, but ranks behind every misspelling.
  return target.length >= 5 && name.includes(target) ? 10 + name.length - target.length : Infinity
}
