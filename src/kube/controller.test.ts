import { beforeEach, describe, expect, it } from 'vitest'
import type { Logger } from '../telemetry/log.ts'
import { Controller, type ReconcileContext, type ReconcileResult } from './controller.ts'
import { KubeError, OperatorError, type Retry } from './errors.ts'
import { FakeClock } from './fake-clock.ts'

interface Line {
  level: string
  message: string
  [field: string]: unknown
}

function recordingLogger(lines: Line[], bound: object = {}): Logger {
  const at = (level: string) => (fields: object, message: string) =>
    void (message === 'reconciled' ? reconciled : lines).push({ ...bound, ...fields, level, message })
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => recordingLogger(lines, { ...bound, ...fields }),
  }
}

function failure(retry: Retry, code = 'BROKEN'): OperatorError {
  return new OperatorError({ code, reason: 'Broken', retry, message: 'never logged' })
}

let clock: FakeClock
let lines: Line[]
/** The one line that every reconcile ends with. */
let reconciled: Line[]
let stop: AbortController
let lost: AbortController
/** When each reconcile began. */
let calls: [string, number][]
let results: string[]

beforeEach(() => {
  clock = new FakeClock()
  lines = []
  reconciled = []
  stop = new AbortController()
  lost = new AbortController()
  calls = []
  results = []
})

type Reconcile = (
  key: string,
  context: ReconcileContext,
) => ReconcileResult | undefined | Promise<ReconcileResult | undefined>

function start(reconcile: Reconcile, options: { workers?: number; random?: () => number } = {}) {
  const controller = new Controller({
    name: 'test',
    workers: options.workers ?? 1,
    clock,
    random: options.random ?? (() => 0.5),
    log: recordingLogger(lines),
    reconcile: async (key, context) => {
      calls.push([key, clock.monotonic()])
      return await reconcile(key, context)
    },
    metrics: { reconcile: (name, result) => results.push(`${name} ${result}`) },
  })
  return { controller, running: controller.run(stop.signal, lost.signal) }
}

describe('results', () => {
  it('success ends it', async () => {
    const { controller } = start(() => undefined)
    controller.enqueue('a')
    controller.enqueue('a')
    await clock.advance(1_000_000)
    expect([calls, results, lines]).toEqual([[['a', 0]], ['test success'], []])
  })

  it('requeue comes back at once, requeueAfterMs in its time', async () => {
    const answers: ReconcileResult[] = [{ requeue: true }, { requeueAfterMs: 500 }, {}]
    const { controller } = start(() => answers.shift())
    controller.enqueueAfter('a', 100)
    await clock.advance(10_000)
    expect(calls).toEqual([
      ['a', 100],
      ['a', 100],
      ['a', 600],
    ])
    expect(results).toEqual(['test requeue', 'test requeue_after', 'test success'])
  })

  it('an event during a reconcile brings it back once', async () => {
    const { controller } = start(async () => {
      await clock.sleep(50)
      return undefined
    })
    controller.enqueue('a')
    await clock.advance(10)
    controller.enqueue('a')
    controller.enqueue('a')
    await clock.advance(1_000)
    expect(calls).toEqual([
      ['a', 0],
      ['a', 50],
    ])
  })
})

it('every reconcile ends with one line at debug, under the id of those within', async () => {
  let failures = 1
  const { controller } = start(
    async (_key, { log }) => {
      log.info({}, 'changed something')
      await clock.sleep(40)
      if (failures-- > 0) throw failure('backoff')
      return {}
    },
    { random: Math.random },
  )
  controller.enqueue('a')
  await clock.advance(1_000)
  const changes = lines.filter(({ level }) => level === 'info')
  expect(reconciled).toMatchObject([
    { level: 'debug', controller: 'test', key: 'a', result: 'error', seconds: 0.04 },
    { level: 'debug', controller: 'test', key: 'a', result: 'success', seconds: 0.04 },
  ])
  expect(reconciled.map(({ reconcileID }) => reconcileID)).toEqual(changes.map(({ reconcileID }) => reconcileID))
  expect(new Set(changes.map(({ reconcileID }) => reconcileID)).size).toBe(2)
})

it('says how many workers there are and how many are at work', async () => {
  const seen: string[] = []
  const controller = new Controller({
    name: 'test',
    workers: 2,
    clock,
    random: () => 0.5,
    log: recordingLogger(lines),
    reconcile: () => clock.sleep(10).then(() => undefined),
    metrics: { reconcile: () => undefined, workers: (name, active, all) => seen.push(`${name} ${active}/${all}`) },
  })
  void controller.run(stop.signal)
  controller.enqueue('a')
  controller.enqueue('b')
  await clock.advance(1_000)
  expect(seen).toEqual(['test 0/2', 'test 1/2', 'test 2/2', 'test 1/2', 'test 0/2'])
})

describe('errors', () => {
  it('back off, exponentially, until a success', async () => {
    let failures = 4
    const { controller } = start(() => {
      if (failures-- > 0) throw failure('backoff')
      return undefined
    })
    controller.enqueue('a')
    await clock.advance(10_000)
    expect(calls.map(([, at]) => at)).toEqual([0, 5, 15, 35, 75])
    failures = 1
    controller.enqueue('a')
    await clock.advance(100)
    expect(calls.slice(5).map(([, at]) => at)).toEqual([10_000, 10_005])
  })

  it('"now" comes back after 20 ms five times, then backs off', async () => {
    let failures = 8
    const { controller } = start(() => {
      if (failures-- > 0) throw failure('now')
      return undefined
    })
    controller.enqueue('a')
    await clock.advance(10_000)
    expect(calls.map(([, at]) => at)).toEqual([0, 20, 40, 60, 80, 100, 105, 115, 135])
    expect(lines.filter(({ level }) => level === 'warn')).toHaveLength(1)
  })

  it('"never" waits for the next event', async () => {
    const { controller } = start(() => {
      throw failure('never')
    })
    controller.enqueue('a')
    await clock.advance(10_000_000)
    expect(calls).toHaveLength(1)
    controller.enqueue('a')
    await clock.advance(1)
    expect(calls).toHaveLength(2)
    expect(lines.map(({ level, code }) => [level, code])).toEqual([
      ['warn', 'BROKEN'],
      ['debug', 'BROKEN'],
    ])
  })

  it('obey Retry-After', async () => {
    let failed = false
    const { controller } = start(() => {
      if (failed) return undefined
      failed = true
      throw new KubeError({ status: 429, verb: 'get', resource: 'secrets', retryAfterSeconds: 7 })
    })
    controller.enqueue('a')
    await clock.advance(6_999)
    expect(calls).toHaveLength(1)
    await clock.advance(701)
    expect(calls).toHaveLength(2)
  })

  it('do not touch other keys', async () => {
    const { controller } = start((key) => {
      if (key === 'bad') throw failure('backoff')
      return undefined
    })
    for (const key of ['bad', 'good', 'fine']) controller.enqueue(key)
    await clock.advance(0)
    expect(calls.map(([key]) => key)).toEqual(['bad', 'good', 'fine'])
  })
})

describe('logging', () => {
  it('says the same error once as a warning, and again after a success', async () => {
    const outcomes = ['A', 'A', 'A', 'B', 'B', undefined, 'B', undefined]
    const { controller } = start(() => {
      const code = outcomes.shift()
      if (code !== undefined) throw failure('backoff', code)
      if (outcomes.length > 0) controller.enqueueAfter('a', 5)
      return undefined
    })
    controller.enqueue('a')
    await clock.advance(10_000)
    expect(lines.map(({ level, code }) => `${level} ${String(code)}`)).toEqual([
      'warn A',
      'debug A',
      'debug A',
      'warn B',
      'debug B',
      'warn B',
    ])
  })

  it('names the call that failed, and no message', async () => {
    const { controller } = start(() => {
      throw new KubeError({
        status: 403,
        verb: 'patch',
        resource: 'secrets',
        namespace: 'shop',
        name: 'keys',
        apiReason: 'Forbidden',
      })
    })
    controller.enqueue('shop/a')
    await clock.advance(0)
    expect(lines).toEqual([
      {
        level: 'warn',
        message: 'reconcile failed, trying again',
        controller: 'test',
        key: 'shop/a',
        reconcileID: '80000000',
        code: 'KUBE_FORBIDDEN',
        reason: 'Forbidden',
        verb: 'patch',
        resource: 'secrets',
        status: 403,
        namespace: 'shop',
        name: 'keys',
      },
    ])
  })

  it('says where an unexpected error comes from, without a word of what it says', async () => {
    const secret = 'hunter2'
    const errors = [
      new TypeError(`cannot read ${secret}\n    at ${secret}`),
      secret as unknown as Error,
      Object.assign(new Error(secret), { stack: secret }),
    ]
    const { controller } = start(() => {
      const error = errors.shift()
      return error === undefined ? undefined : Promise.reject(error)
    })
    controller.enqueue('a')
    await clock.advance(1_000)
    expect(lines.map(({ code, error }) => [code, error])).toEqual([
      ['UNEXPECTED', 'TypeError'],
      ['UNEXPECTED', 'string'],
      ['UNEXPECTED', 'Error'],
    ])
    expect(lines[0]?.['stack']).toContainEqual(expect.stringMatching(/^at .*controller\.test\.ts/))
    expect(JSON.stringify(lines)).not.toContain(secret)
  })
})

describe('deadline and shutdown', () => {
  it('a reconcile that takes too long is told, and backs off as a timeout', async () => {
    const { controller } = start(async (_key, { signal }) => {
      await clock.sleep(1_000_000, signal)
      signal.throwIfAborted()
      return undefined
    })
    controller.enqueue('a')
    await clock.advance(59_999)
    expect(lines).toEqual([])
    await clock.advance(1)
    expect(lines.map(({ code }) => code)).toEqual(['RECONCILE_TIMEOUT'])
    await clock.advance(10)
    expect(calls.map(([, at]) => at)).toEqual([0, 60_005])
  })

  it('one that hangs holds its own worker until the deadline; the others go on, and it comes back', async () => {
    let hangs = true
    const { controller } = start(
      async (key, { signal }) => {
        if (key !== 'hung' || !hangs) return undefined
        // Like a call to a server that never answers: it ends by its signal, and in no other way.
        await new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            reject(new Error('aborted'))
          })
        })
        return undefined
      },
      { workers: 2 },
    )
    controller.enqueue('hung')
    await clock.advance(1_000)
    const others = Array.from({ length: 500 }, (_, index) => `other-${index}`)
    for (const key of others) controller.enqueue(key)
    // What happens to it meanwhile is not worked on beside itself, and not forgotten.
    controller.enqueue('hung')
    await clock.advance(1_000)
    expect(calls).toEqual([['hung', 0], ...others.map((key) => [key, 1_000])])
    await clock.advance(57_999)
    expect([calls.length, lines]).toEqual([501, []])
    hangs = false
    await clock.advance(10)
    // At once for what happened meanwhile, and after its back-off.
    expect(calls.slice(501)).toEqual([
      ['hung', 60_000],
      ['hung', 60_005],
    ])
    expect([lines.map(({ code }) => code), results.filter((result) => result.endsWith('error'))]).toEqual([
      ['RECONCILE_TIMEOUT'],
      ['test error'],
    ])
  })

  it('one that does not heed its signal holds its key and no worker, and comes back when it ends after all', async () => {
    const stuck = Promise.withResolvers<undefined>()
    const { controller } = start((key) => (key === 'stuck' ? stuck.promise : undefined))
    controller.enqueue('stuck')
    controller.enqueue('other')
    await clock.advance(10)
    controller.enqueue('stuck')
    await clock.advance(69_989)
    expect([calls, lines]).toEqual([[['stuck', 0]], []])
    await clock.advance(1)
    expect(calls).toEqual([
      ['stuck', 0],
      ['other', 70_000],
    ])
    expect(lines).toMatchObject([{ level: 'error', key: 'stuck', code: 'RECONCILE_STUCK' }])
    await clock.advance(1_000_000)
    expect(calls).toHaveLength(2)
    stuck.resolve(undefined)
    await clock.advance(10)
    expect(calls.slice(2)).toEqual([['stuck', 1_070_000]])
    expect([results, clock.pending]).toEqual([['test success', 'test success', 'test success'], 0])
  })

  it('one that does not heed its signal does not hold up the end', async () => {
    const { controller, running } = start(() => new Promise<never>(() => undefined))
    controller.enqueue('a')
    await clock.advance(10)
    stop.abort()
    await clock.advance(20_000)
    await running
    expect(clock.monotonic()).toBe(20_010)
  })

  it('lets what is in progress finish, and starts nothing more', async () => {
    let finished = false
    const { controller, running } = start(async (_key, { signal }) => {
      await clock.sleep(5_000, signal)
      finished = !signal.aborted
      return { requeueAfterMs: 1 }
    })
    controller.enqueue('a')
    controller.enqueue('b')
    await clock.advance(10)
    stop.abort()
    await clock.advance(5_000)
    await running
    expect([finished, calls.map(([key]) => key), clock.pending]).toEqual([true, ['a'], 0])
  })

  it('aborts what does not finish in ten seconds', async () => {
    const { controller, running } = start(async (_key, { signal }) => {
      await clock.sleep(50_000, signal)
      return undefined
    })
    controller.enqueue('a')
    await clock.advance(10)
    stop.abort()
    await clock.advance(10_000)
    await running
    expect(clock.monotonic()).toBe(10_010)
  })

  it('aborts at once what is in progress when it is cut', async () => {
    const { controller, running } = start(async (_key, { signal }) => {
      await clock.sleep(50_000, signal)
      return undefined
    })
    controller.enqueue('a')
    await clock.advance(10)
    lost.abort()
    stop.abort()
    await clock.advance(0)
    await running
    expect(clock.monotonic()).toBe(10)
  })

  it('returns at once when nothing is in progress, or it is too late already', async () => {
    const { running } = start(() => undefined)
    stop.abort()
    await running
    await start(() => undefined).running
    expect(calls).toEqual([])
  })

  it('works on as many keys as there are workers', async () => {
    const { controller } = start(
      async () => {
        await clock.sleep(100)
        return undefined
      },
      { workers: 3 },
    )
    for (const key of ['a', 'b', 'c', 'd']) controller.enqueue(key)
    await clock.advance(1_000)
    expect(calls.map(([, at]) => at)).toEqual([0, 0, 0, 100])
  })
})
