/** Access key ids of AWS hold the number of their account: 40 bits in base 32 behind the prefix, from the second bit on. */

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/** The 12 digits of the account, or undefined for an id of the years before AWS put them in. */
export function accountOfKeyId(id: string): string | undefined {
  // Ids of that time go on with I or J.
  const body = /^A[KS]IA([A-Z2-7]{16})$/.exec(id)?.[1]
  if (body === undefined || /^[IJ]/.test(body)) return undefined
  let bits = 0n
  for (const character of body.slice(0, 10)) bits = bits * 32n + BigInt(alphabet.indexOf(character))
  // 50 bits: the first 48 are six bytes, of which the first bit and the last seven say something else.
  const account = ((bits >> 2n) & 0x7f_ff_ff_ff_ff_80n) >> 7n
  const digits = account.toString().padStart(12, '0')
  // Of some made-up ids it is none.
  return digits.length === 12 ? digits : undefined
}
