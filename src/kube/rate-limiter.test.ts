import { beforeEach, expect, test } from 'vitest'
import { FakeClock } from './fake-clock.ts'
import { RateLimiter, throttled } from './rate-limiter.ts'
import type { CallOptions, Connection } from './transport.ts'

let clock: FakeClock
let sentAt: number[]
let connection: Connection

const call: CallOptions = { method: 'GET', path: '/', describe: { verb: 'get', resource: 'secrets' } }

beforeEach(() => {
  clock = new FakeClock()
  sentAt = []
  const send = () => {
    sentAt.push(clock.monotonic())
    return Promise.resolve([] as never)
  }
  connection = { request: send, stream: send }
})

test('a burst goes at once, the rest at the rate, and no call is lost', async () => {
  const { request } = throttled(connection, new RateLimiter({ clock, qps: 10, burst: 3 }))
  const all = Promise.all(Array.from({ length: 6 }, () => request(call)))
  await clock.advance(10_000)
  await all
  expect(sentAt).toEqual([0, 0, 0, 100, 200, 300])
})

test('over any time no more than the burst and the rate', async () => {
  const qps = 5
  const burst = 4
  const { request } = throttled(connection, new RateLimiter({ clock, qps, burst }))
  for (let round = 0; round < 40; round++) {
    void request(call)
    if (round % 3 === 0) void request(call)
    await clock.advance(130)
  }
  await clock.advance(60_000)
  expect(sentAt).toHaveLength(54)
  for (const [index, from] of sentAt.entries())
    for (const [more, to] of sentAt.slice(index).entries())
      expect(more + 1).toBeLessThanOrEqual(burst + ((to - from) / 1000) * qps + 1e-9)
})

test('a rest gives back no more than the burst', async () => {
  const limiter = new RateLimiter({ clock, qps: 100, burst: 2 })
  await clock.advance(3_600_000)
  expect([limiter.reserve(), limiter.reserve(), limiter.reserve()]).toEqual([0, 0, 10])
})

test('who gives up waiting is let go, to be told by the connection', async () => {
  const waits: [string, number][] = []
  const limiter = new RateLimiter({ clock, qps: 1, burst: 1, onWait: (verb, seconds) => waits.push([verb, seconds]) })
  const { request, stream } = throttled(connection, limiter)
  const stop = new AbortController()
  void request(call)
  void stream({ path: '/', signal: stop.signal, describe: { verb: 'watch', resource: 'secrets' } })
  await clock.advance(300)
  expect(sentAt).toEqual([0])
  stop.abort()
  await clock.advance(0)
  expect(sentAt).toEqual([0, 300])
  expect(waits).toEqual([
    ['get', 0],
    ['watch', 1],
  ])
})
