import { expect, it } from 'vitest'
import { Backoff } from './backoff.ts'
import { FakeClock } from './fake-clock.ts'

const options = { initialMs: 800, maxMs: 30_000, resetMs: 120_000 }

it('doubles up to the maximum', () => {
  const backoff = new Backoff({ ...options, clock: new FakeClock(), random: () => 0 })
  const pauses = Array.from({ length: 8 }, () => backoff.next())
  expect(pauses).toEqual([800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000])
  expect(backoff.count).toBe(8)
})

it('adds up to as much again by chance', () => {
  const backoff = new Backoff({ ...options, clock: new FakeClock(), random: () => 0.5 })
  expect([backoff.next(), backoff.next()]).toEqual([1_200, 2_400])
})

it('begins anew after two quiet minutes, not counting the pause itself', async () => {
  const clock = new FakeClock()
  const backoff = new Backoff({ ...options, clock, random: () => 0 })
  backoff.next()
  backoff.next()
  await clock.advance(1_600 + 120_000)
  expect(backoff.next()).toBe(3_200)
  await clock.advance(3_200 + 120_001)
  expect(backoff.next()).toBe(800)
})
