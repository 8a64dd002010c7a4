import { describe, expect, test } from 'vitest'
import {
  idsBefore,
  isCredentialsId,
  nextCredentialsId,
  orderVersions,
  revisionOf,
  surplusVersions,
} from './versions.ts'

test.each<[string | undefined, number | undefined]>([
  ['1-4f2c9', 1],
  ['7-00000', 7],
  ['120-zz9z9', 120],
  ['999999999999999-4f2c9', 999_999_999_999_999],
  // Larger numbers are no longer exact.
  ['1000000000000000-4f2c9', undefined],
  [undefined, undefined],
  ['', undefined],
  ['0-4f2c9', undefined],
  ['07-4f2c9', undefined],
  ['-7-4f2c9', undefined],
  ['7-4f2c', undefined],
  ['7-4f2c91', undefined],
  ['7-4F2C9', undefined],
  ['7_4f2c9', undefined],
  ['7-4f2c9\n', undefined],
  [' 7-4f2c9', undefined],
  ['7-4f2c9 8-4f2c9', undefined],
])('revisionOf(%j) is %s', (id, revision) => {
  expect(revisionOf(id)).toBe(revision)
  expect(isCredentialsId(id)).toBe(revision !== undefined)
})

describe('nextCredentialsId', () => {
  const uid = '0b1f6c1e-8d55-4a34-9c1b-2f7b00b4f2c9'

  test.each<[string, (string | undefined)[], string]>([
    ['the first', [], '1-4f2c9'],
    ['nothing seen', [undefined, undefined], '1-4f2c9'],
    ['no ids', ['latest', '', '9'], '1-4f2c9'],
    ['one', ['3-4f2c9'], '4-4f2c9'],
    ['the highest, wherever it stands', ['3-4f2c9', undefined, '12-4f2c9', '9-4f2c9'], '13-4f2c9'],
    ['numbers are compared, not texts', ['9-4f2c9', '10-4f2c9'], '11-4f2c9'],
    ['of another resource of that name', ['5-aaaaa'], '6-4f2c9'],
  ])('%s', (_, seen, expected) => {
    expect(nextCredentialsId(uid, seen)).toBe(expected)
  })

  test.each([
    [uid, '1-4f2c9'],
    [uid.toUpperCase(), '1-4f2c9'],
    ['ab-cd-e', '1-abcde'],
    ['x-1', '1-000x1'],
    ['', '1-00000'],
  ])('a uid like %j gives an id', (odd, expected) => {
    expect(nextCredentialsId(odd, [])).toBe(expected)
    expect(isCredentialsId(nextCredentialsId(odd, []))).toBe(true)
  })
})

test.each<[string | undefined, string[], string[]]>([
  [undefined, [], []],
  ['1-aaaaa', [], ['1-aaaaa']],
  ['10-aaaaa', ['8-aaaaa', '9-aaaaa', '8-aaaaa', '10-aaaaa'], ['10-aaaaa', '9-aaaaa', '8-aaaaa']],
  // Given before it, and never in force.
  ['3-aaaaa', ['2-aaaaa', '11-aaaaa', 'nonsense'], ['3-aaaaa', '11-aaaaa', '2-aaaaa']],
  [undefined, ['2-aaaaa', '3-bbbbb'], ['3-bbbbb', '2-aaaaa']],
])('the order of %s and %j', (first, others, expected) => {
  expect(orderVersions(first, others)).toEqual(expected)
})

test('no more than a status holds, and those are the newest', () => {
  const others = Array.from({ length: 40 }, (_, index) => `${String(index + 1)}-aaaaa`)
  const versions = orderVersions('41-aaaaa', others)
  expect([versions.length, versions[1], versions.at(-1)]).toEqual([32, '40-aaaaa', '10-aaaaa'])
})

test.each<[string, number, string[]]>([
  ['1-aaaaa', 3, []],
  ['3-aaaaa', 3, ['2-aaaaa', '1-aaaaa']],
  ['12-aaaaa', 3, ['11-aaaaa', '10-aaaaa', '9-aaaaa']],
  ['12-aaaaa', 0, []],
])('the ids before %s, at most %i', (id, count, expected) => {
  expect(idsBefore(id, count)).toEqual(expected)
})

test.each<[number, string[], string[]]>([
  [3, [], ['2-a', '1-a']],
  [5, [], []],
  [0, [], ['5-a', '4-a', '3-a', '2-a', '1-a']],
  [3, ['2-a', '6-a'], ['1-a']],
  [1, ['1-a', '2-a', '3-a', '4-a'], []],
])('with a history of %i and the stamps %j these may go: %j', (limit, stamps, expected) => {
  expect(surplusVersions(['6-a', '5-a', '4-a', '3-a', '2-a', '1-a'], limit, stamps)).toEqual(expected)
})
