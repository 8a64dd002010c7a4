/**
 * The credentialsId: a revision and the last five characters of the resource's uid, `7-4f2c9`. It is kept, never computed
 * from contents: nothing about a credential can be guessed from it, and no upgrade of the operator changes it.
 */

const idPattern = /^([1-9][0-9]{0,14})-([0-9a-z]{5})$/

/** The revision of an id; undefined for what is no id. */
export function revisionOf(id: string | undefined): number | undefined {
  const revision = id === undefined ? undefined : idPattern.exec(id)?.[1]
  return revision === undefined ? undefined : Number(revision)
}

/** Whether this is an id that some version of the operator gave. */
export function isCredentialsId(id: string | undefined): id is string {
  return revisionOf(id) !== undefined
}

/** The id that follows everything ever seen of a resource: target, status and the stamps of its consumers. */
export function nextCredentialsId(resourceUid: string, seen: Iterable<string | undefined>): string {
  let highest = 0
  for (const id of seen) highest = Math.max(highest, revisionOf(id) ?? 0)
  return `${String(highest + 1)}-${uidSuffix(resourceUid)}`
}

/** More are not kept in the status. */
const maxVersions = 32

/**
 * Ids as the status has them: the one in force (or, before there is one, the one announced) first, then from the newest on.
 * @returns each once, at most 32
 */
export function orderVersions(first: string | undefined, others: Iterable<string>): string[] {
  const ids = [...new Set(others)].filter((id) => id !== first && isCredentialsId(id))
  ids.sort((a, b) => (revisionOf(b) ?? 0) - (revisionOf(a) ?? 0))
  return [...(first === undefined ? [] : [first]), ...ids].slice(0, maxVersions)
}

/** The ids that were given before this one, the newest first, if none was skipped. For who has lost the list of them. */
export function idsBefore(id: string, count: number): string[] {
  const revision = revisionOf(id) ?? 0
  const suffix = id.slice(id.indexOf('-'))
  return Array.from({ length: Math.min(count, Math.max(0, revision - 1)) }, (_, index) => {
    return `${String(revision - 1 - index)}${suffix}`
  })
}

/**
 * The versions that may go if no pod and no revision of a workload names them: older ones beyond those that are kept.
 * @param versions in the order of the status, the one in force first
 * @param historyLimit how many are kept beside that
 * @param stamps what pod templates name
 */
export function surplusVersions(
  versions: readonly string[],
  historyLimit: number,
  stamps: readonly string[],
): readonly string[] {
  return versions.slice(1 + historyLimit).filter((id) => !stamps.includes(id))
}

function uidSuffix(uid: string): string {
  const plain = uid.toLowerCase().replaceAll(/[^0-9a-z]/g, '')
  return plain.slice(-5).padStart(5, '0')
}
