import { beforeEach, describe, expect, it } from 'vitest'
import { silentLogger } from '../telemetry/log.ts'
import { Controller } from './controller.ts'
import { KubeError } from './errors.ts'
import { EventRecorder, type KubeEvent } from './event-recorder.ts'
import { FakeClock } from './fake-clock.ts'

const regarding = {
  apiVersion: 'tracardi.com/v1beta1',
  kind: 'TracardiResource',
  namespace: 'shop',
  name: 'sms',
  uid: 'u1',
}
const told = { regarding, type: 'Normal' as const, reason: 'Delivered', action: 'Deliver', note: 'to Deployment a' }

let clock: FakeClock
let writes: { verb: string; namespace: string; name: string; body: KubeEvent; at: number }[]
let failures: (KubeError | undefined)[]
let recorder: EventRecorder

beforeEach(() => {
  clock = new FakeClock(Date.UTC(2026, 10, 24))
  writes = []
  failures = []
  recorder = start()
})

function start(startDelayMs = 0, instead: object = {}): EventRecorder {
  const write = (verb: string, namespace: string, name: string, body: KubeEvent): Promise<unknown> => {
    writes.push({ verb, namespace, name, body, at: clock.monotonic() })
    const failure = failures.shift()
    return failure === undefined ? Promise.resolve({}) : Promise.reject(failure)
  }
  const client = {
    create: (_type: unknown, namespace: string, body: KubeEvent) =>
      write('create', namespace, body.metadata.name, structuredClone(body)),
    patch: (_type: unknown, namespace: string, name: string, body: KubeEvent, options: { patchType: string }) =>
      write(`${options.patchType} patch`, namespace, name, body),
    ...instead,
  } as unknown as ConstructorParameters<typeof EventRecorder>[0]['client']
  return new EventRecorder({
    client,
    clock,
    random: () => 0.5,
    log: silentLogger,
    reportingController: 'tracardi-operator',
    reportingInstance: 'pod-1',
    startDelayMs,
  })
}

function failure(status: number, retryAfterSeconds?: number): KubeError {
  return new KubeError({
    status,
    verb: 'create',
    resource: 'events.events.k8s.io',
    retryAfterSeconds,
    ...(status === 409 ? { apiReason: 'AlreadyExists' } : {}),
  })
}

const seen = () => writes.map(({ verb, body, at }) => [verb, body.series?.count, at])

describe('an Event', () => {
  it('has what the server asks for', async () => {
    recorder.record({
      ...told,
      related: { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'shop', name: 'a', uid: 'd1' },
    })
    expect(writes.length).toBeLessThanOrEqual(1)
    await clock.advance(0)
    const time = Date.UTC(2026, 10, 24).toString(16)
    expect(writes).toEqual([
      {
        verb: 'create',
        namespace: 'shop',
        name: `sms.${time}80000000`,
        at: 0,
        body: {
          apiVersion: 'events.k8s.io/v1',
          kind: 'Event',
          metadata: { name: `sms.${time}80000000`, namespace: 'shop' },
          eventTime: '2026-11-24T00:00:00.000000Z',
          type: 'Normal',
          reason: 'Delivered',
          action: 'Deliver',
          note: 'to Deployment a',
          regarding,
          related: { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'shop', name: 'a', uid: 'd1' },
          reportingController: 'tracardi-operator',
          reportingInstance: 'pod-1',
        },
      },
    ])
  })

  it.each([
    ['x'.repeat(1024), 'x'.repeat(1024)],
    ['x'.repeat(1025), `${'x'.repeat(1021)}…`],
    ['€'.repeat(342), `${'€'.repeat(340)}…`],
    ['😀'.repeat(300), `${'😀'.repeat(255)}…`],
  ])('has a note of 1024 bytes at most', async (note, expected) => {
    recorder.record({ ...told, note })
    await clock.advance(0)
    expect(writes[0]?.body.note).toBe(expected)
    expect(Buffer.byteLength(expected)).toBeLessThanOrEqual(1024)
  })

  it.each([
    ['a'.repeat(253), /^a{232,233}\.[0-9a-f]{19}$/],
    [`${'a'.repeat(231)}${'.-'.repeat(11)}`, /^a{231}\.[0-9a-f]{19}$/],
  ])('has a name that fits', async (name, expected) => {
    recorder.record({ ...told, regarding: { ...regarding, name } })
    await clock.advance(0)
    expect(writes[0]?.name).toMatch(expected)
    expect(writes[0]?.name.length).toBeLessThanOrEqual(253)
  })

  it('of something without a namespace goes to default', async () => {
    recorder.record({ ...told, regarding: { ...regarding, namespace: '' } })
    await clock.advance(0)
    expect([writes[0]?.namespace, writes[0]?.body.regarding]).toEqual([
      'default',
      { ...regarding, namespace: undefined },
    ])
  })
})

describe('the same again', () => {
  it('becomes a series: written at once the first time, then once a minute', async () => {
    recorder.record(told)
    await clock.advance(10_000)
    recorder.record(told)
    await clock.advance(1_000)
    for (let i = 0; i < 5; i++) {
      recorder.record(told)
      await clock.advance(1_000)
    }
    await clock.advance(100_000)
    expect(seen()).toEqual([
      ['create', undefined, 0],
      ['merge patch', 2, 10_000],
      ['merge patch', 7, 70_000],
    ])
    expect(writes[2]?.body).toEqual({ series: { count: 7, lastObservedTime: '2026-11-24T00:00:15.000000Z' } })
    expect(new Set(writes.map(({ name }) => name)).size).toBe(1)
  })

  it('before it was written is one write', async () => {
    for (let i = 0; i < 3; i++) recorder.record(told)
    await clock.advance(0)
    expect(seen().at(-1)?.[1]).toBe(3)
    expect(writes.length).toBeLessThanOrEqual(2)
  })

  it.each([
    ['type', { type: 'Warning' as const }],
    ['reason', { reason: 'Other' }],
    ['action', { action: 'Other' }],
    ['note', { note: 'other' }],
    ['object', { regarding: { ...regarding, uid: 'u2' } }],
    ['related object', { related: { ...regarding, uid: 'd1' } }],
  ])('is something else with another %s', async (_name, change) => {
    recorder.record(told)
    recorder.record({ ...told, ...change })
    await clock.advance(0)
    expect(writes.map(({ verb }) => verb)).toEqual(['create', 'create'])
  })

  it('after six minutes is a new Event', async () => {
    recorder.record(told)
    await clock.advance(360_001)
    recorder.record(told)
    await clock.advance(0)
    expect(seen()).toEqual([
      ['create', undefined, 0],
      ['create', undefined, 360_001],
    ])
  })

  it('is created anew when the Event has expired', async () => {
    recorder.record(told)
    await clock.advance(1_000)
    failures = [failure(404)]
    recorder.record(told)
    await clock.advance(0)
    expect(seen().slice(1)).toEqual([
      ['merge patch', 2, 1_000],
      ['create', 2, 1_000],
    ])
    expect(writes[2]?.name).not.toBe(writes[0]?.name)
    expect(writes[2]?.body).toMatchObject({ regarding, note: told.note, metadata: { name: writes[2]?.name } })
  })
})

describe('failures', () => {
  it.each([0, 401, 429, 500, 503])('%i is tried again with growing pauses, then given up', async (status) => {
    failures = Array.from({ length: 10 }, () => failure(status))
    recorder.record(told)
    await clock.advance(500_000)
    expect(writes.map(({ at }) => at)).toEqual([0, 1_500, 4_500, 10_500, 22_500, 46_500])
    expect(recorder.dropped).toBe(1)
  })

  it('a 404 of the path is tried again: a server that starts says it', async () => {
    failures = [new KubeError({ status: 404, noSuchPath: true, verb: 'create', resource: 'events' })]
    recorder.record(told)
    await clock.advance(10_000)
    expect([writes.length, recorder.dropped]).toEqual([2, 0])
  })

  it('obey Retry-After', async () => {
    failures = [failure(429, 20)]
    recorder.record(told)
    await clock.advance(100_000)
    expect(writes.map(({ at }) => at)).toEqual([0, 20_000])
    expect(recorder.dropped).toBe(0)
  })

  it.each([403, 404, 422])('%i is final, and the next one goes on', async (status) => {
    failures = [failure(status)]
    recorder.record(told)
    recorder.record({ ...told, note: 'next' })
    await clock.advance(100_000)
    expect([writes.map(({ body }) => body.note), recorder.dropped]).toEqual([[told.note, 'next'], 1])
  })

  it('an attempt that arrived although its answer did not is success', async () => {
    failures = [failure(0), failure(409)]
    recorder.record(told)
    await clock.advance(100_000)
    expect([writes.length, recorder.dropped]).toEqual([2, 0])
  })

  it('a call without an end is given up after 30 s and tried again, whether it heeds its signal or not', async () => {
    const signals: AbortSignal[] = []
    const hang = (_type: unknown, _namespace: string, body: KubeEvent, { signal }: { signal: AbortSignal }) => {
      signals.push(signal)
      writes.push({ verb: 'create', namespace: '', name: '', body, at: clock.monotonic() })
      return signals.length === 1 ? new Promise<never>(() => undefined) : Promise.resolve({})
    }
    recorder = start(0, { create: hang })
    recorder.record(told)
    recorder.record({ ...told, note: 'next' })
    await clock.advance(29_999)
    expect([writes.length, signals[0]?.aborted]).toEqual([1, false])
    await clock.advance(1)
    expect(signals[0]?.aborted).toBe(true)
    await clock.advance(10_000)
    expect(writes.map(({ body, at }) => [body.note, at])).toEqual([
      [told.note, 0],
      [told.note, 31_500],
      ['next', 31_500],
    ])
    expect([recorder.dropped, clock.pending]).toEqual([0, 0])
  })

  it('drop the oldest beyond a thousand that wait', async () => {
    failures = [failure(500)]
    for (let i = 0; i < 1_051; i++)
      recorder.record({ ...told, regarding: { ...regarding, uid: `u${i}` }, note: `note ${i}` })
    await clock.advance(100_000)
    expect(recorder.dropped).toBe(50)
    expect(writes.slice(0, 3).map(({ body }) => body.note)).toEqual(['note 0', 'note 0', 'note 51'])
    expect(writes.at(-1)?.body.note).toBe('note 1050')
  })
})

it('one object gets fifty different Events at once, then one in ten seconds', async () => {
  for (let i = 0; i < 60; i++) recorder.record({ ...told, note: `note ${i}` })
  recorder.record({ ...told, regarding: { ...regarding, uid: 'u2' } })
  await clock.advance(0)
  expect([writes.length, recorder.dropped]).toEqual([51, 10])
  await clock.advance(10_000)
  for (let i = 100; i < 105; i++) recorder.record({ ...told, note: `note ${i}` })
  await clock.advance(0)
  expect([writes.length, recorder.dropped]).toEqual([52, 14])
})

describe('10,000 Events in a burst', () => {
  const burst = Array.from({ length: 10_000 }, (_, index) => ({
    ...told,
    regarding: { ...regarding, uid: `u${index}` },
  }))

  it('of different objects: no more than a thousand are kept and sent, the newest, and the rest is counted', async () => {
    for (const event of burst) recorder.record(event)
    await clock.advance(3_600_000)
    // One is on its way before the list fills.
    expect([writes.length, recorder.dropped, clock.pending]).toEqual([1_001, 8_999, 0])
    expect(writes.slice(1).map(({ body }) => body.regarding?.uid)).toEqual(
      burst.slice(9_000).map((event) => event.regarding.uid),
    )
  })

  it('of different objects: a thousand are known when they come again, the rest is forgotten', async () => {
    for (const event of burst) recorder.record(event)
    await clock.advance(0)
    writes = []
    recorder.record({ ...told, regarding: { ...regarding, uid: 'u8999' } })
    recorder.record({ ...told, regarding: { ...regarding, uid: 'u9999' } })
    await clock.advance(0)
    expect(seen().map(([verb, count]) => [verb, count])).toEqual([
      ['create', undefined],
      ['merge patch', 2],
    ])
  })

  it('of one object, all different: fifty', async () => {
    for (const {
      regarding: { uid },
    } of burst)
      recorder.record({ ...told, note: `note of ${uid}` })
    await clock.advance(3_600_000)
    expect([writes.length, recorder.dropped, clock.pending]).toEqual([50, 9_950, 0])
  })

  it('the same ever again: the first, and its count', async () => {
    burst.forEach(() => {
      recorder.record(told)
    })
    await clock.advance(3_600_000)
    expect([writes.length, writes.at(-1)?.body.series?.count, recorder.dropped]).toEqual([2, 10_000, 0])
  })

  it.each(['takes a minute to answer', 'never answers', 'refuses all'])(
    'do not hold up a reconcile when the API %s',
    async (how) => {
      let underWay = 0
      let most = 0
      let asked = 0
      const create = async (
        _type: unknown,
        _namespace: string,
        _body: KubeEvent,
        { signal }: { signal: AbortSignal },
      ): Promise<object> => {
        asked++
        most = Math.max(most, ++underWay)
        if (how === 'never answers') await clock.sleep(Number.MAX_SAFE_INTEGER, signal)
        if (how === 'takes a minute to answer') await clock.sleep(60_000, signal)
        underWay--
        if (signal.aborted) throw failure(0)
        if (how === 'refuses all') throw failure(503)
        return {}
      }
      recorder = start(0, { create })
      const stop = new AbortController()
      const reconciled = new Set<string>()
      const controller = new Controller({
        name: 'test',
        workers: 4,
        clock,
        random: () => 0.5,
        log: silentLogger,
        reconcile: (key) => {
          recorder.record({ ...told, regarding: { ...regarding, uid: key } })
          reconciled.add(key)
          return Promise.resolve(undefined)
        },
      })
      const running = controller.run(stop.signal)
      for (const event of burst) controller.enqueue(event.regarding.uid)
      await clock.advance(0)
      expect([reconciled.size, most, asked]).toEqual([10_000, 1, 1])
      await clock.advance(600_000)
      // In ten minutes: with the pauses, six tries of a refused Event take the most of a minute.
      expect(most).toBe(1)
      expect(asked).toBeLessThanOrEqual(100)
      stop.abort()
      await clock.advance(0)
      await running
    },
  )
})

describe('flush', () => {
  it('sends what waits, the counts of series too', async () => {
    recorder.record(told)
    await clock.advance(0)
    recorder.record(told)
    await clock.advance(0)
    for (let i = 0; i < 4; i++) recorder.record(told)
    recorder.record({ ...told, note: 'last' })
    await recorder.flush(1_000)
    expect(seen().map(([, count]) => count)).toEqual([undefined, 2, undefined, 6])
    expect(clock.pending).toBe(0)
  })

  it('does not wait out the pauses of a server that fails', async () => {
    failures = [failure(500), failure(500), undefined]
    recorder.record(told)
    recorder.record({ ...told, note: 'second' })
    await clock.advance(0)
    await recorder.flush(1_000)
    expect(writes.map(({ body }) => body.note)).toEqual([told.note, told.note, 'second'])
    expect([clock.monotonic(), recorder.dropped]).toEqual([0, 1])
  })

  it('does not wait out the delay before the first Event', async () => {
    recorder = start(250)
    recorder.record(told)
    await clock.advance(249)
    expect(writes).toEqual([])
    await recorder.flush(1_000)
    expect(writes.map(({ body }) => body.note)).toEqual([told.note])
    recorder.record({ ...told, note: 'second' })
    await clock.advance(250)
    expect(writes).toHaveLength(2)
  })

  it('ends when its time is over', async () => {
    const hanging = { create: () => new Promise<never>(() => undefined) } as unknown as ConstructorParameters<
      typeof EventRecorder
    >[0]['client']
    recorder = new EventRecorder({
      client: hanging,
      clock,
      random: () => 0,
      log: silentLogger,
      reportingController: 'c',
      reportingInstance: 'i',
    })
    recorder.record(told)
    const flushing = recorder.flush(500)
    await clock.advance(500)
    await flushing
    await start().flush(500)
  })
})
