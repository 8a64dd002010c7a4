import { expect, test } from 'vitest'
import { ageSeconds, notReady, staleAfterMs } from './freshness.ts'

const filled = (lastConfirmed: number) => ({ hasSynced: true, lastConfirmed })
const empty = { hasSynced: false, lastConfirmed: undefined }
const now = 1_000_000

test.each([
  ['nothing is watched', {}, []],
  ['all are filled and fresh', { a: [filled(now)], b: [filled(now - staleAfterMs)] }, []],
  ['one of several is not filled yet', { a: [filled(now), empty], b: [filled(now)] }, ['a']],
  [
    'one of several was not confirmed for too long',
    { a: [filled(now), filled(now - staleAfterMs - 1)], b: [filled(now)] },
    ['a (not confirmed for 300 s)'],
  ],
  ['not filled counts before stale', { a: [empty, filled(0)] }, ['a']],
])('%s', (_what, caches, expected) => {
  expect(notReady(caches, now)).toEqual(expected)
})

test('the age is that of the least fresh', () => {
  expect(ageSeconds([filled(now - 2000), filled(now - 5000)], now)).toBe(5)
  expect(ageSeconds([], now)).toBe(0)
  expect(ageSeconds([empty], now)).toBe(0)
})
