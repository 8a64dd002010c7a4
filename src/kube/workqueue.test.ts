import * as fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { FakeClock } from './fake-clock.ts'
import { WorkQueue } from './workqueue.ts'

let clock: FakeClock
let queue: WorkQueue

beforeEach(() => {
  clock = new FakeClock()
  queue = new WorkQueue({ name: 'test', clock })
})

/** Everything that can be had now. */
async function drain(): Promise<string[]> {
  const keys: string[] = []
  while (queue.length > 0) {
    const key = await queue.get()
    if (key !== undefined) keys.push(key)
  }
  for (const key of keys) queue.done(key)
  return keys
}

describe('add, get, done', () => {
  it('hands out in order, each key once', async () => {
    for (const key of ['a', 'b', 'a', 'c', 'b']) queue.add(key)
    expect(queue.length).toBe(3)
    expect(await drain()).toEqual(['a', 'b', 'c'])
  })

  it('keeps a key that is in work from being handed out, and brings it back once afterwards', async () => {
    queue.add('a')
    expect(await queue.get()).toBe('a')
    queue.add('a')
    queue.add('a')
    expect(queue.length).toBe(0)
    queue.done('a')
    expect(await drain()).toEqual(['a'])
    expect(queue.length).toBe(0)
  })

  it('forgets a key that was not added again', async () => {
    queue.add('a')
    await queue.get()
    queue.done('a')
    queue.done('a')
    queue.done('never seen')
    expect(queue.length).toBe(0)
  })

  it('wakes those who wait, first come first served', async () => {
    const got: (string | undefined)[] = []
    const waiting = [1, 2].map(async () => got.push(await queue.get()))
    queue.add('a')
    queue.add('b')
    await Promise.all(waiting)
    expect(got).toEqual(['a', 'b'])
  })

  it('takes additions of one moment for one, although somebody waits', async () => {
    const waiting = [queue.get(), queue.get()]
    queue.add('a')
    queue.add('a')
    queue.add('b')
    queue.shutDown()
    expect([await Promise.all(waiting), queue.length]).toEqual([['a', 'b'], 0])
  })

  it('stays in order over many keys', async () => {
    const keys = Array.from({ length: 1_000 }, (_, i) => `key-${i}`)
    for (const key of keys.slice(0, 600)) queue.add(key)
    const first = []
    for (let i = 0; i < 500; i++) first.push(await queue.get())
    for (const key of keys.slice(600)) queue.add(key)
    expect([...first, ...(await drain())]).toEqual(keys)
  })
})

describe('addAfter', () => {
  it('adds when the time has come', async () => {
    queue.addAfter('b', 20)
    queue.addAfter('a', 10)
    queue.addAfter('now', 0)
    queue.addAfter('past', -1)
    expect(await drain()).toEqual(['now', 'past'])
    await clock.advance(9)
    expect(queue.length).toBe(0)
    await clock.advance(1)
    expect(await drain()).toEqual(['a'])
    await clock.advance(10)
    expect(await drain()).toEqual(['b'])
    expect(clock.pending).toBe(0)
  })

  it.each([
    [30, 10],
    [10, 30],
  ])('of %i and %i, the earlier one wins, once', async (first, second) => {
    queue.addAfter('a', first)
    queue.addAfter('a', second)
    await clock.advance(10)
    expect(await drain()).toEqual(['a'])
    await clock.advance(100)
    expect(queue.length).toBe(0)
  })

  it('comes out in order of time, for any times', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 1, max: 500 })), { maxLength: 60 }),
        async (adds) => {
          clock = new FakeClock()
          queue = new WorkQueue({ name: 'test', clock })
          const due = new Map<string, number>()
          for (const [key, ms] of adds) {
            queue.addAfter(String(key), ms)
            due.set(String(key), Math.min(ms, due.get(String(key)) ?? Infinity))
          }
          const times: number[] = []
          const worker = (async () => {
            for (let key = await queue.get(); key !== undefined; key = await queue.get()) {
              expect(clock.monotonic()).toBe(due.get(key))
              due.delete(key)
              times.push(clock.monotonic())
              queue.done(key)
            }
          })()
          await clock.advance(500)
          queue.shutDown()
          await worker
          expect(due.size).toBe(0)
          expect(times).toEqual(times.toSorted((a, b) => a - b))
        },
      ),
      { numRuns: 50 },
    )
  })
})

describe('addRateLimited', () => {
  it('doubles from 5 ms to 5 minutes, for each key by itself', async () => {
    const delays: number[] = []
    for (let i = 0; i < 18; i++) {
      const start = clock.monotonic()
      queue.addRateLimited('a')
      const getting = queue.get()
      while (clock.pending > 0) await clock.advance(delays.length < 16 ? 1 : 1_000)
      await getting
      delays.push(clock.monotonic() - start)
      queue.done('a')
      // Steps of a millisecond are too fine for minutes.
      if (i === 9) break
    }
    expect(delays).toEqual([5, 10, 20, 40, 80, 160, 320, 640, 1_280, 2_560])
    expect([queue.numRequeues('a'), queue.numRequeues('b')]).toEqual([10, 0])
    queue.addRateLimited('b')
    await clock.advance(5)
    expect(await drain()).toEqual(['b'])
  })

  it('never waits longer than the maximum, and begins anew after forget', async () => {
    for (let i = 0; i < 2_000; i++) queue.addRateLimited('other')
    await clock.advance(5)
    await drain()
    queue.addRateLimited('other')
    await clock.advance(299_999)
    expect(queue.length).toBe(0)
    await clock.advance(1)
    expect(await drain()).toEqual(['other'])
    queue.forget('other')
    expect(queue.numRequeues('other')).toBe(0)
    queue.addRateLimited('other')
    await clock.advance(5)
    expect(await drain()).toEqual(['other'])
  })

  it('waits at least as long as it is told', async () => {
    queue.addRateLimited('a', 3_000)
    await clock.advance(2_999)
    expect(queue.length).toBe(0)
    await clock.advance(1)
    expect(await drain()).toEqual(['a'])
  })
})

describe('shutDown', () => {
  it('hands out what is queued, drops what waits, takes nothing more', async () => {
    queue.add('a')
    queue.add('b')
    queue.addAfter('later', 10)
    expect(await queue.get()).toBe('a')
    queue.shutDown()
    queue.add('c')
    queue.addAfter('d', 1)
    queue.addRateLimited('e')
    await clock.advance(100)
    expect([await queue.get(), await queue.get(), clock.pending]).toEqual(['b', undefined, 0])
  })

  it('releases those who wait', async () => {
    const waiting = [queue.get(), queue.get()]
    queue.shutDown()
    expect(await Promise.all(waiting)).toEqual([undefined, undefined])
  })
})

describe('groups', () => {
  const namespace = (key: string) => key.split('/')[0] ?? ''
  const take = async (count: number) => {
    const taken: string[] = []
    for (let index = 0; index < count; index++) {
      const key = (await queue.get()) ?? ''
      taken.push(key)
      queue.done(key)
    }
    return taken
  }

  it('take turns, each first in, first out', async () => {
    queue = new WorkQueue({ name: 'test', clock, groupOf: namespace })
    for (const key of ['big/1', 'big/2', 'big/3', 'small/1', 'big/4', 'other/1', 'small/2']) queue.add(key)
    expect(queue.length).toBe(7)
    expect(await take(7)).toEqual(['big/1', 'small/1', 'other/1', 'big/2', 'small/2', 'big/3', 'big/4'])
    expect(queue.length).toBe(0)
  })

  it('one key is next but one, however many another namespace has', async () => {
    queue = new WorkQueue({ name: 'test', clock, groupOf: namespace })
    for (let index = 0; index < 5_000; index++) queue.add(`big/${index}`)
    await take(100)
    queue.add('small/1')
    expect(await take(2)).toContain('small/1')
  })

  it('lose and repeat nothing', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c', 'd'), fc.integer({ min: 0, max: 9 })), { maxLength: 80 }),
        async (keys) => {
          queue = new WorkQueue({ name: 'test', clock, groupOf: namespace })
          const wanted = new Set(keys.map(([group, number]) => `${group}/${number}`))
          for (const key of keys) queue.add(key.join('/'))
          const taken = await take(wanted.size)
          expect(new Set(taken)).toEqual(wanted)
          expect(queue.length).toBe(0)
        },
      ),
      { numRuns: 100 },
    )
  })
})

it('measures', async () => {
  const seen: unknown[] = []
  queue = new WorkQueue({
    name: 'q',
    clock,
    metrics: {
      depth: (...args) => seen.push(['depth', ...args]),
      add: (...args) => seen.push(['add', ...args]),
      latency: (...args) => seen.push(['latency', ...args]),
      workDuration: (...args) => seen.push(['work', ...args]),
      retry: (...args) => seen.push(['retry', ...args]),
    },
  })
  queue.add('a')
  await clock.advance(250)
  await queue.get()
  await clock.advance(500)
  queue.done('a')
  queue.addRateLimited('a')
  expect(seen).toEqual([
    ['add', 'q'],
    ['depth', 'q', 1],
    ['depth', 'q', 0],
    ['latency', 'q', 0.25],
    ['work', 'q', 0.5],
    ['retry', 'q'],
  ])
})

it('tells how long the keys in work have been so', async () => {
  let read = () => ({ unfinished: NaN, longest: NaN })
  const ignore = () => undefined
  queue = new WorkQueue({
    name: 'q',
    clock,
    metrics: {
      depth: ignore,
      add: ignore,
      latency: ignore,
      workDuration: ignore,
      retry: ignore,
      inProgress: (_name, ask) => (read = ask),
    },
  })
  expect(read()).toEqual({ unfinished: 0, longest: 0 })
  queue.add('a')
  queue.add('b')
  await queue.get()
  await clock.advance(3_000)
  await queue.get()
  await clock.advance(1_000)
  expect(read()).toEqual({ unfinished: 5, longest: 4 })
  queue.done('a')
  expect(read()).toEqual({ unfinished: 1, longest: 1 })
})

it('with many workers, no key is in work twice, and the last addition of each is seen', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.integer({ min: 0, max: 5 })), { maxLength: 60 }),
      async (steps) => {
        clock = new FakeClock()
        queue = new WorkQueue({ name: 'test', clock })
        const desired = new Map<string, number>()
        const seen = new Map<string, number>()
        const busy = new Set<string>()
        const worker = async () => {
          for (let key = await queue.get(); key !== undefined; key = await queue.get()) {
            expect(busy.has(key)).toBe(false)
            busy.add(key)
            seen.set(key, desired.get(key) ?? 0)
            await clock.sleep(3)
            busy.delete(key)
            queue.done(key)
          }
        }
        const workers = [worker(), worker(), worker()]
        for (const [index, [key, pause]] of steps.entries()) {
          desired.set(key, index)
          queue.add(key)
          await clock.advance(pause)
        }
        await clock.advance(1_000)
        queue.shutDown()
        await Promise.all(workers)
        expect(seen).toEqual(desired)
      },
    ),
    { numRuns: 40 },
  )
})
