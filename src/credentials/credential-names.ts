/** Which names may be shown. Whoever mixed up a key and its value has a credential for a name. */
import { foreignCredential } from '../catalogue/foreign.ts'
import { services } from '../catalogue/services.ts'

/** Tokens of a fixed length. Those that only letters and digits make up could be words as well. */
const tokens = [...services.values()].flatMap((service) =>
  [
    ...service.fields.map((field) => field.shape),
    ...service.variants.flatMap(({ shapes }) => Object.values(shapes ?? {})),
  ].filter((shape) => shape?.length !== undefined),
)

/** No service has this id, so that nothing counts as its own. */
const nobody = { id: '' }

/** True for what looks like a credential. */
export function looksLikeToken(name: string): boolean {
  const digits = name.match(/\d/g)?.length ?? 0
  return (
    foreignCredential(name, nobody) !== undefined ||
    (digits >= 3 && tokens.some((shape) => shape?.pattern.test(name) === true)) ||
    // Both cases and several digits, as in no name of words.
    (digits >= 3 && name.length >= 16 && /[a-z]/.test(name) && /[A-Z]/.test(name))
  )
}

/** True for what looks like a credential, and for what no person would choose as a name of a key, a field or a service. */
export function looksLikeCredential(name: string): boolean {
  return name.length > 63 || looksLikeToken(name)
}
