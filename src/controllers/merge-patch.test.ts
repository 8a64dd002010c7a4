import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { equal, mergePatch } from './merge-patch.ts'

/** RFC 7396, section 2. */
function apply(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch
  const result = new Map(isObject(target) ? Object.entries(target) : [])
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) result.delete(key)
    else result.set(key, apply(result.get(key), value))
  }
  return Object.fromEntries(result)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

describe('mergePatch', () => {
  test.each<[string, object, object, unknown]>([
    ['nothing', {}, {}, undefined],
    ['equal', { a: 1, b: [1, { c: 2 }], d: { e: 'f' } }, { d: { e: 'f' }, b: [1, { c: 2 }], a: 1 }, undefined],
    ['a key that is undefined counts as absent', { a: 1 }, { a: 1, b: undefined }, undefined],
    ['a null that is there already counts as absent', { a: 1, b: null }, { a: 1 }, undefined],
    ['added', {}, { a: { b: 1 } }, { a: { b: 1 } }],
    ['changed', { a: 1, b: 2 }, { a: 1, b: 3 }, { b: 3 }],
    ['removed', { a: 1, b: 2 }, { a: 1 }, { b: null }],
    ['removed because undefined', { a: 1, b: 2 }, { a: 1, b: undefined }, { b: null }],
    ['only what differs in an object', { a: { b: 1, c: 2, d: 3 } }, { a: { b: 1, c: 5 } }, { a: { c: 5, d: null } }],
    ['an object that is empty now', { a: { b: 1 } }, { a: {} }, { a: { b: null } }],
    ['an empty object is not nothing', {}, { a: {} }, { a: {} }],
    ['a list is replaced whole', { a: [1, 2, 3] }, { a: [1, 2] }, { a: [1, 2] }],
    ['an element of a list', { a: [{ b: 1, c: 1 }] }, { a: [{ b: 2, c: 1 }] }, { a: [{ b: 2, c: 1 }] }],
    ['a list for an object', { a: { b: 1 } }, { a: [1] }, { a: [1] }],
    ['an object for a list', { a: [1] }, { a: { b: 1 } }, { a: { b: 1 } }],
    [
      'false, zero and the empty text are values',
      { a: true, b: 1, c: 'x' },
      { a: false, b: 0, c: '' },
      { a: false, b: 0, c: '' },
    ],
  ])('%s', (_, before, after, patch) => {
    expect(mergePatch(before, after)).toEqual(patch)
  })

  const leaf = fc.oneof(fc.boolean(), fc.integer({ min: 0, max: 3 }), fc.constantFrom('', 'x', 'y'))
  const key = fc.constantFrom('a', 'b', 'c', 'd')
  const value = fc.letrec((tie) => ({
    value: fc.oneof({ depthSize: 'small' }, leaf, tie('object'), fc.array(tie('value'), { maxLength: 2 })),
    object: fc.dictionary(key, tie('value'), { maxKeys: 4 }),
  }))
  const { object } = value

  test('applied to what was before it gives what is after', () => {
    fc.assert(
      fc.property(object, object, (before, after) => {
        const patch = mergePatch(before, after)
        expect(apply(before, patch ?? {})).toEqual(after)
        // Nothing is written that need not be.
        expect(patch === undefined).toBe(equal(before, after))
        if (patch !== undefined) expect(patch).not.toEqual({})
        expect(mergePatch(apply(before, patch ?? {}) as object, after)).toBeUndefined()
      }),
      { numRuns: 500 },
    )
  })

  test('what is given is left as it is', () => {
    fc.assert(
      fc.property(object, object, (before, after) => {
        const texts = [JSON.stringify(before), JSON.stringify(after)]
        mergePatch(before, after)
        expect([JSON.stringify(before), JSON.stringify(after)]).toEqual(texts)
      }),
    )
  })
})

test.each<[unknown, unknown, boolean]>([
  [1, 1, true],
  [1, '1', false],
  [null, null, true],
  [null, {}, false],
  [[], {}, false],
  [[1, 2], [2, 1], false],
  [[1], [1, undefined], false],
  [{ a: 1, b: undefined }, { a: 1 }, true],
  [{ a: { b: [{ c: 1 }] } }, { a: { b: [{ c: 1 }] } }, true],
  [{ a: { b: [{ c: 1 }] } }, { a: { b: [{ c: 2 }] } }, false],
  [{ a: 1 }, { b: 1 }, false],
])('equal(%j, %j) is %s', (a, b, expected) => {
  expect(equal(a, b)).toBe(expected)
  expect(equal(b, a)).toBe(expected)
})
