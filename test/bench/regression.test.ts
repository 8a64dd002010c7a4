import { expect, test } from 'vitest'
import { trend } from './regression.ts'

/** The same in each run. */
const noise = (index: number): number => ((index * 7919) % 101) / 50 - 1

const points = (slope: number, disturbance: (index: number) => number): [number, number][] =>
  Array.from({ length: 40 }, (_, index) => [index * 10, 1000 + slope * index * 10 + disturbance(index)])

test('a straight line is what it is', () => {
  const { slope, margin } = trend(points(3, () => 0))
  expect(slope).toBeCloseTo(3)
  expect(margin).toBeCloseTo(0)
})

test.each([
  ['a line in noise', 0.1, noise, true],
  ['noise alone', 0, noise, false],
  ['two levels, which a line would be too sure of', 0, (index: number) => (Math.floor(index / 10) % 2) * 5, false],
])('%s', (_name, slope, disturbance, rises) => {
  const found = trend(points(slope, disturbance))
  expect(found.slope - found.margin > 0).toBe(rises)
  expect(found.slope - found.margin).toBeLessThanOrEqual(slope)
  expect(found.slope + found.margin).toBeGreaterThanOrEqual(slope)
})

test.each([
  [[]],
  [[[0, 1]]],
  [
    [
      [0, 1],
      [1, 5],
    ],
  ],
] as [number, number][][][])('%j tells nothing', (few) => {
  expect(trend(few).margin).toBe(Number.POSITIVE_INFINITY)
})
