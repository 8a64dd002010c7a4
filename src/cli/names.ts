/** Names that may be shown, and how. */
import { looksLikeCredential } from '../credentials/credential-names.ts'
import { printableName } from '../credentials/names.ts'

/** `key "apiKey"`, or only what kind of thing it is. */
export function shown(what: string, name: string): string {
  return looksLikeCredential(name)
    ? `${what} (its name is not shown: it looks like a credential)`
    : `${what} "${printableName(name)}"`
}

/** A name of an object as Kubernetes takes it. */
export function isObjectName(name: string): boolean {
  return name.length <= 253 && /^[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?$/.test(name)
}
