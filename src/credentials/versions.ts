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

function uidSuffix(uid: string): string {
  const plain = uid.toLowerCase().replaceAll(/[^0-9a-z]/g, '')
  return plain.slice(-5).padStart(5, '0')
}
