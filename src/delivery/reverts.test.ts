import { expect, test } from 'vitest'
import { Reverts } from './reverts.ts'

test('the same stamps are put back twice at once, then with growing pauses, at most five minutes', () => {
  const reverts = new Reverts()
  let now = 0
  const pauses: number[] = []
  for (let turn = 0; turn < 14; turn++) {
    const pause = reverts.wait('w', 'a', now)
    pauses.push(pause)
    now += pause
    reverts.record('w', 'a', now)
  }
  expect(pauses).toEqual([0, 0, 0, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300].map((seconds) => seconds * 1000))
})

test('other stamps, another workload, ten minutes of peace and a workload that went start anew', () => {
  const reverts = new Reverts()
  for (let turn = 0; turn < 4; turn++) reverts.record('w', 'a', 0)
  expect(reverts.wait('w', 'a', 0)).toBe(4000)
  expect(reverts.wait('w', 'b', 0)).toBe(0)
  expect(reverts.wait('v', 'a', 0)).toBe(0)
  expect(reverts.wait('w', 'a', 600_001)).toBe(0)
  expect(reverts.record('w', 'a', 600_001)).toBe(1)
  reverts.forget('w')
  expect(reverts.record('w', 'a', 600_002)).toBe(1)
})
