import { expect, test } from 'vitest'
import { Pace, longestWaitMs, quietMs } from './pace.ts'

type Step = [at: number, signature: string, wait: number]

test.each<[string, number, Step[]]>([
  [
    'one resource is never held back',
    1,
    [
      [0, 'a', 0],
      [10, 'b', 0],
      [20, 'c', 0],
    ],
  ],
  ['none neither', 0, [[0, 'a', 0]]],
  [
    'a quarter of a second of quiet',
    2,
    [
      [1000, 'a', 250],
      [1100, 'a', 150],
      [1249, 'a', 1],
      [1250, 'a', 0],
      [1300, 'a', 0],
    ],
  ],
  [
    'a change restarts the quiet',
    2,
    [
      [0, 'a', 250],
      [200, 'ab', 250],
      [400, 'ab', 50],
      [449, 'abc', 250],
      [699, 'abc', 0],
    ],
  ],
  [
    'two seconds at most',
    3,
    [
      [0, '0', 250],
      [240, '1', 250],
      [480, '2', 250],
      [720, '3', 250],
      [960, '4', 250],
      [1200, '5', 250],
      [1440, '6', 250],
      [1680, '7', 250],
      [1900, '8', 100],
      [1999, '9', 1],
      [2000, '10', 0],
      [2100, '11', 0],
    ],
  ],
  [
    'who comes late does not wait again',
    2,
    [
      [0, 'a', 250],
      [10_000, 'a', 0],
    ],
  ],
])('%s', (_, resources, steps) => {
  const pace = new Pace()
  for (const [at, signature, wait] of steps) expect([at, pace.wait('w', resources, signature, at)]).toEqual([at, wait])
})

test('the bounds are those of the design', () => {
  expect([quietMs, longestWaitMs]).toEqual([250, 2000])
})

test('workloads do not wait for each other', () => {
  const pace = new Pace()
  expect(pace.wait('a', 2, 'x', 0)).toBe(250)
  expect(pace.wait('b', 2, 'x', 200)).toBe(250)
  expect(pace.wait('a', 2, 'x', 250)).toBe(0)
  expect(pace.wait('b', 2, 'x', 250)).toBe(200)
})

test('once it is settled a new burst begins', () => {
  const pace = new Pace()
  pace.wait('a', 2, 'x', 0)
  expect(pace.wait('a', 2, 'x', 250)).toBe(0)
  pace.settle('a')
  expect(pace.wait('a', 2, 'x', 300)).toBe(250)
  expect(pace.wait('a', 2, 'y', 2200)).toBe(100)
  pace.settle('never seen')
})
