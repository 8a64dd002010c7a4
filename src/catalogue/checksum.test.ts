import { expect, it } from 'vitest'
import { accountOfKeyId } from './aws-account.ts'
import { crc32Tail } from './checksum.ts'

it('ends a token as GitHub does', () => {
  // The sample of GitHub's own announcement, without its prefix.
  expect(crc32Tail('zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ')).toBe('0mLq17')
  expect(crc32Tail('')).toBe('000000')
})

it.each([
  ['ASIA', 'QNZGKIQY56JQ7WML', '029608264753'],
  ['ASIA', 'Y34FZKBOKMUTVV7A', '609629065308'],
  ['AKIA', 'IOSFODNN7EXAMPLE', undefined],
  ['AKIA', 'QNZGKIQY56JQ7WM1', undefined],
  ['AIDA', 'QNZGKIQY56JQ7WML', undefined],
])('%s... holds the number of an account', (prefix, body, account) => {
  expect(accountOfKeyId(prefix + body)).toBe(account)
})
