/** JSON merge patches (RFC 7396): the smallest one that turns one value into another. Pure. */

/** The patch that makes `before` into `after`; undefined when they are equal. Lists are replaced whole. */
export function mergePatch(before: object, after: object): Record<string, unknown> | undefined {
  const patch: Record<string, unknown> = {}
  const old = before as Record<string, unknown>
  const fresh = after as Record<string, unknown>
  for (const key of Object.keys(old))
    if (old[key] !== null && old[key] !== undefined && fresh[key] === undefined) patch[key] = null
  for (const [key, value] of Object.entries(fresh)) {
    if (value === undefined) continue
    const present = old[key]
    if (isObject(value) && isObject(present)) {
      const nested = mergePatch(present, value)
      if (nested !== undefined) patch[key] = nested
    } else if (!equal(present, value)) patch[key] = value
  }
  return Object.keys(patch).length === 0 ? undefined : patch
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Deep equality of JSON; a key that is undefined counts as absent. */
export function equal(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, index) => equal(item, b[index]))
  }
  if (isObject(a) && isObject(b)) {
    const keys = new Set([...Object.keys(a), ...Object.keys(b)])
    return [...keys].every((key) => equal(a[key], b[key]))
  }
  return false
}
