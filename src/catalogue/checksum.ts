/** Checksums that vendors put at the end of their tokens, so that a mistyped one can be told without asking them. */
import { crc32 } from 'node:zlib'

const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/**
 * The CRC-32 of a text in base 62, six characters long, as GitHub and npm end their tokens with.
 * @param text the characters between the prefix and the checksum
 */
export function crc32Tail(text: string): string {
  let rest = crc32(text)
  let tail = ''
  while (tail.length < 6) {
    tail = (digits[rest % 62] ?? '') + tail
    rest = Math.floor(rest / 62)
  }
  return tail
}
