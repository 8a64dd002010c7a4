/** When credentials expire by what they say themselves. */
import type { Shape } from '../catalogue/definition.ts'
import { certificateExpiry } from './pem.ts'

/** In milliseconds since the epoch. Undefined: the value does not say. */
export function expiryOf(text: string, shape: Shape | undefined): number | undefined {
  if (shape?.pem?.includes('certificate') === true) return certificateExpiry(text)
  return jwtExpiry(text) ?? shape?.expires?.(text)
}

/** Longer tokens are not taken apart. */
const longestToken = 16 * 1024

/** The `exp` of a JWT, in milliseconds since the epoch. Undefined: the text is no JWT, or does not say. */
function jwtExpiry(text: string): number | undefined {
  if (text.length > longestToken || !/^eyJ[\w-]+\.eyJ[\w-]+\.[\w-]*$/.test(text)) return undefined
  try {
    const claims: unknown = JSON.parse(Buffer.from(text.split('.')[1] ?? '', 'base64url').toString('utf8'))
    const exp: unknown = typeof claims === 'object' && claims !== null && 'exp' in claims ? claims.exp : undefined
    return typeof exp === 'number' ? exp * 1000 : undefined
  } catch {
    // The error would quote the token.
    return undefined
  }
}
