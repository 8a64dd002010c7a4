import { describe, expect, it } from 'vitest'
import { systemClock } from './clock.ts'
import { FakeClock } from './fake-clock.ts'

describe('systemClock', () => {
  it('tells the time', () => {
    expect(Math.abs(systemClock.now() - Date.now())).toBeLessThan(1_000)
    expect(systemClock.monotonic()).toBeLessThanOrEqual(systemClock.monotonic())
  })

  it('runs timers, negative ones too, and not cancelled ones', async () => {
    const ran: string[] = []
    systemClock.setTimeout(() => ran.push('cancelled'), 0).cancel()
    await new Promise<void>((resolve) => {
      systemClock.setTimeout(() => {
        ran.push('run')
        resolve()
      }, -5)
    })
    await systemClock.sleep(2)
    expect(ran).toEqual(['run'])
  })

  it('does not fire a timer at once that is longer than Node.js can count', async () => {
    let fired = false
    const timer = systemClock.setTimeout(() => (fired = true), 2 ** 40)
    await systemClock.sleep(5)
    timer.cancel()
    expect(fired).toBe(false)
  })

  it('sleeps no longer than the signal lets it, and never rejects', async () => {
    const controller = new AbortController()
    const sleeping = systemClock.sleep(60_000, controller.signal)
    controller.abort(new Error('enough'))
    await expect(sleeping).resolves.toBeUndefined()
    await expect(systemClock.sleep(60_000, controller.signal)).resolves.toBeUndefined()
  })
})

describe('FakeClock', () => {
  it('stands still until it is moved', async () => {
    const clock = new FakeClock(1_000)
    await clock.advance(0)
    expect([clock.now(), clock.monotonic()]).toEqual([1_000, 0])
    await clock.advance(250)
    expect([clock.now(), clock.monotonic()]).toEqual([1_250, 250])
  })

  it('runs timers in order, at their own time, and those that they set', async () => {
    const clock = new FakeClock()
    const ran: [string, number][] = []
    const note = (name: string) => () => ran.push([name, clock.monotonic()])
    clock.setTimeout(note('c'), 30)
    clock.setTimeout(note('a'), 10)
    clock.setTimeout(() => {
      note('b')()
      clock.setTimeout(note('b2'), 5)
    }, 20)
    clock.setTimeout(note('never'), 15).cancel()
    clock.setTimeout(note('later'), 31)
    await clock.advance(30)
    expect(ran).toEqual([
      ['a', 10],
      ['b', 20],
      ['b2', 25],
      ['c', 30],
    ])
    expect(clock.pending).toBe(1)
  })

  it('lets promises settle between timers', async () => {
    const clock = new FakeClock()
    const times: number[] = []
    const loop = async () => {
      for (let i = 0; i < 3; i++) {
        await clock.sleep(10)
        times.push(clock.monotonic())
      }
    }
    const running = loop()
    await clock.advance(100)
    await running
    expect(times).toEqual([10, 20, 30])
  })

  it('ends a sleep when its signal aborts and leaves no timer', async () => {
    const clock = new FakeClock()
    const controller = new AbortController()
    const sleeping = clock.sleep(1_000, controller.signal)
    controller.abort()
    await sleeping
    expect(clock.pending).toBe(0)
  })
})
