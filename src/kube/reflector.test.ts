import { beforeEach, describe, expect, it } from 'vitest'
import { silentLogger } from '../telemetry/log.ts'
import type { ListOptions, ListResult, WatchEvent, WatchOptions } from './client.ts'
import { KubeError, type KubeErrorOptions } from './errors.ts'
import { FakeClock } from './fake-clock.ts'
import { secrets, type KubeObject, type ResourceType, type Secret } from './objects.ts'
import { Reflector } from './reflector.ts'
import { Store } from './store.ts'

function secret(name: string, resourceVersion: number): Secret {
  return {
    metadata: { namespace: 'shop', name, uid: `uid-${name}`, resourceVersion: String(resourceVersion) },
    data: { key: 'dmFsdWU=' },
  }
}

function failure(options: Partial<KubeErrorOptions>): KubeError {
  return new KubeError({ status: 0, verb: 'watch', resource: 'secrets', ...options })
}

type Step = WatchEvent<Secret> | KubeError | 'end'

/** A watch that the test feeds. */
class ScriptedWatch {
  readonly options: WatchOptions
  readonly startedAt: number
  readonly #steps: Step[] = []
  #wake = Promise.withResolvers<undefined>()

  constructor(options: WatchOptions, startedAt: number) {
    this.options = options
    this.startedAt = startedAt
    options.signal.addEventListener('abort', () => {
      this.push('end')
    })
  }

  push(...steps: Step[]): void {
    this.#steps.push(...steps)
    this.#wake.resolve(undefined)
  }

  async *events(): AsyncGenerator<WatchEvent<Secret>, void, undefined> {
    for (;;) {
      const step = this.#steps.shift()
      if (step === 'end') return
      if (step instanceof KubeError) throw step
      if (step !== undefined) yield step
      else {
        await this.#wake.promise
        this.#wake = Promise.withResolvers()
      }
    }
  }
}

type Answer<T> = T | KubeError

let clock: FakeClock
let stop: AbortController
let store: Store<Secret>
let lists: { options: ListOptions; at: number }[]
let watches: ScriptedWatch[]
let errors: string[]
let counted: string[]
/** Answers to come; without one, a list is empty and a watch is quiet. */
let listAnswers: Answer<ListResult<Secret>>[]
let watchErrors: KubeError[]
/** What a look at one object says that the server has reached, and when it was asked. */
let reached: number
let lookedAt: Secret | KubeError | undefined | 'AsKnown'
let looks: number[]

beforeEach(() => {
  clock = new FakeClock()
  stop = new AbortController()
  store = new Store({ clock })
  lists = []
  watches = []
  errors = []
  counted = []
  listAnswers = []
  watchErrors = []
  reached = 1_000_000
  lookedAt = 'AsKnown'
  looks = []
})

function page(resourceVersion: number, items: Secret[] = [], next?: string): ListResult<Secret> {
  return { items, resourceVersion: String(resourceVersion), continue: next }
}

function start(options: Partial<ConstructorParameters<typeof Reflector<Secret>>[0]> = {}) {
  const client = {
    list: (_type: ResourceType<KubeObject>, listOptions: ListOptions) => {
      if (listOptions.limit === 1) {
        looks.push(clock.monotonic())
        if (lookedAt instanceof KubeError) return Promise.reject(lookedAt)
        const name = /(?:^|,)metadata[.]name=([^,]+)$/.exec(listOptions.fieldSelector ?? '')?.[1] ?? ''
        const known = store.get(`${listOptions.namespace ?? ''}/${name}`)
        const found = lookedAt === 'AsKnown' ? known : lookedAt
        return Promise.resolve(page(reached, found === undefined ? [] : [found]))
      }
      lists.push({ options: listOptions, at: clock.monotonic() })
      const answer = listAnswers.shift() ?? page(100)
      return answer instanceof KubeError ? Promise.reject(answer) : Promise.resolve(answer)
    },
    watch: (_type: ResourceType<KubeObject>, watchOptions: WatchOptions) => {
      const error = watchErrors.shift()
      const watch = new ScriptedWatch(watchOptions, clock.monotonic())
      watches.push(watch)
      return error === undefined ? Promise.resolve(watch.events()) : Promise.reject(error)
    },
  } as unknown as ConstructorParameters<typeof Reflector<Secret>>[0]['client']
  const reflector = new Reflector<Secret>({
    name: 'secrets',
    client,
    type: secrets,
    store,
    clock,
    random: () => 0.5,
    log: silentLogger,
    metrics: {
      list: () => counted.push('list'),
      watch: () => counted.push('watch'),
      error: (_name, reason) => counted.push(reason),
    },
    onError: (error) => errors.push(error.reason),
    ...options,
  })
  return { reflector, running: reflector.run(stop.signal) }
}

function last(): ScriptedWatch {
  const watch = watches.at(-1)
  if (watch === undefined) throw new Error('no watch yet')
  return watch
}

/** Where each watch began, and when. */
function watched(): [string, number][] {
  return watches.map(({ options, startedAt }) => [options.resourceVersion, startedAt])
}

const names = () => store.list().map(({ metadata }) => `${metadata.name}@${metadata.resourceVersion}`)

describe('a right that is missing', () => {
  const forbidden = () => failure({ verb: 'list', status: 403 })
  const refused = { verb: 'list', resource: 'secrets', namespace: 'shop' }

  it('is told after three refusals, holds up nobody who waits, and what is granted is taken up', async () => {
    listAnswers = [forbidden(), forbidden(), forbidden(), forbidden(), page(7, [secret('a', 1)])]
    const told: unknown[] = []
    const { reflector } = start({ namespace: 'shop', onSight: () => told.push(reflector.refusal) })
    let isSettled = false
    void reflector.waitForSettled(stop.signal).then(() => (isSettled = true))
    await clock.advance(1_200)
    expect([lists.length, reflector.refusal, isSettled]).toEqual([2, undefined, false])
    await clock.advance(2_400)
    expect([lists.length, reflector.refusal, isSettled, reflector.hasSynced]).toEqual([3, refused, true, false])
    await clock.advance(4_800 + 9_600)
    expect([reflector.refusal, reflector.hasSynced, names()]).toEqual([undefined, true, ['a@1']])
    expect(told).toEqual([refused, undefined])
  })

  it('keeps what was there, and goes on where it was', async () => {
    listAnswers = [page(7, [secret('a', 1)])]
    const { reflector } = start({ namespace: 'shop' })
    await clock.advance(2_000)
    watchErrors = Array.from({ length: 3 }, () => failure({ status: 403 }))
    last().push('end')
    await clock.advance(1_200 + 2_400 + 100)
    expect([reflector.refusal, names()]).toEqual([{ ...refused, verb: 'watch' }, ['a@1']])
    await clock.advance(4_800)
    expect([reflector.refusal, last().options.resourceVersion, lists.length]).toEqual([undefined, '1', 1])
  })

  it('on the watch alone is told as that', async () => {
    watchErrors = Array.from({ length: 5 }, () => failure({ status: 403 }))
    const { reflector } = start({ namespace: 'shop' })
    await clock.advance(10_000)
    expect([reflector.hasSynced, reflector.refusal?.verb]).toEqual([true, 'watch'])
  })

  it('is another thing than a failure, and one refusal between good answers is none', async () => {
    listAnswers = [forbidden(), failure({ status: 500 }), forbidden(), failure({ status: 500 }), page(7)]
    const { reflector } = start()
    await clock.advance(60_000)
    expect([reflector.hasSynced, reflector.refusal]).toEqual([true, undefined])
    for (let times = 0; times < 4; times++) {
      watchErrors = [failure({ status: 403 })]
      last().push('end')
      await clock.advance(130_000)
    }
    expect(reflector.refusal).toBeUndefined()
  })

  it('is asked for at once by retryNow', async () => {
    listAnswers = Array.from({ length: 6 }, forbidden)
    const { reflector } = start()
    await clock.advance(60_000)
    const before = lists.length
    reflector.retryNow()
    await clock.advance(0)
    expect([before, lists.length]).toEqual([6, 7])
    expect(reflector.hasSynced).toBe(true)
  })

  it('who waits does so no longer than the signal', async () => {
    listAnswers = Array.from({ length: 2 }, forbidden)
    const { reflector, running } = start()
    const waiting = reflector.waitForSettled(stop.signal)
    await clock.advance(0)
    stop.abort()
    await Promise.all([waiting, running])
    expect(reflector.refusal).toBeUndefined()
  })
})

describe('a kind that may be absent', () => {
  const unknown = (verb = 'list') => failure({ verb, status: 404, noSuchPath: true })
  const absent = () => Array.from({ length: 20 }, () => unknown())

  it('is settled and empty after three looks, without an error, and taken up when it comes', async () => {
    listAnswers = absent()
    const told: boolean[] = []
    const { reflector } = start({ isNeeded: () => true, onSight: () => told.push(reflector.isServed) })
    await clock.advance(1_200)
    expect([lists.length, reflector.isServed, reflector.hasSynced]).toEqual([2, true, false])
    await clock.advance(2_400)
    expect([lists.length, reflector.isServed, reflector.hasSynced]).toEqual([3, false, true])
    await reflector.waitForSettled(stop.signal)
    await clock.advance(30_000)
    expect(lists.map(({ at }) => at)).toEqual([0, 1_200, 3_600, 33_600])
    listAnswers = [page(7, [secret('a', 1)])]
    await clock.advance(30_000)
    expect([lists.length, reflector.isServed, names(), told]).toEqual([5, true, ['a@1'], [false, true]])
    expect([errors, counted]).toEqual([[], ['list', 'list', 'list', 'list', 'list', 'watch']])
    expect(reflector.lastConfirmed).toBe(63_600)
  })

  it('is looked for only while somebody needs it', async () => {
    listAnswers = absent()
    let isNeeded = false
    start({ isNeeded: () => isNeeded })
    await clock.advance(600_000)
    expect(lists.length).toBe(3)
    isNeeded = true
    await clock.advance(30_000)
    expect(lists.length).toBe(4)
  })

  it('empties its namespace when it goes', async () => {
    listAnswers = [page(7, [secret('a', 1)]), ...absent()]
    const { reflector } = start({ namespace: 'shop', isNeeded: () => true })
    await clock.advance(2_000)
    store.upsert({ ...secret('b', 2), metadata: { ...secret('b', 2).metadata, namespace: 'other' } })
    store.observe(secret('c', 9))
    watchErrors = [unknown('watch')]
    lookedAt = unknown()
    last().push('end')
    await clock.advance(2_000)
    expect([reflector.isServed, names()]).toEqual([true, ['a@1', 'b@2', 'c@9']])
    await clock.advance(20_000)
    expect([reflector.isServed, names(), errors]).toEqual([false, ['b@2'], []])
  })

  it('another answer between tells that it is there', async () => {
    listAnswers = [unknown(), unknown(), page(7)]
    watchErrors = [unknown('watch'), failure({ status: 500 }), unknown('watch')]
    const { reflector } = start({ isNeeded: () => true })
    await clock.advance(60_000)
    expect([reflector.isServed, reflector.hasSynced, errors]).toEqual([true, true, ['InternalError']])
  })

  it('is an error where it may not be absent', async () => {
    listAnswers = absent()
    const { reflector } = start()
    await clock.advance(10_000)
    expect([reflector.isServed, reflector.hasSynced, errors[0]]).toEqual([true, false, 'NoSuchPath'])
  })
})

describe('list', () => {
  it('comes in pages, and is complete before anybody sees it', async () => {
    listAnswers = [page(7, [secret('a', 1)], 'p2'), page(7, [secret('b', 2)], 'p3'), page(7, [secret('c', 3)])]
    const { reflector } = start({ namespace: 'shop', metadataOnly: true, labelSelector: 'a=b', fieldSelector: 'c=d' })
    const synced = reflector.waitForSync(stop.signal)
    expect([reflector.hasSynced, reflector.lastConfirmed]).toEqual([false, undefined])
    await clock.advance(0)
    expect(await synced).toBe(true)
    expect(await reflector.waitForSync(stop.signal)).toBe(true)
    expect([reflector.hasSynced, reflector.lastConfirmed, names()]).toEqual([true, 0, ['a@1', 'b@2', 'c@3']])
    const scope = {
      namespace: 'shop',
      metadataOnly: true,
      labelSelector: 'a=b',
      fieldSelector: 'c=d',
      limit: 500,
      signal: stop.signal,
    }
    expect(lists.map(({ options }) => options)).toEqual([
      scope,
      { ...scope, continue: 'p2' },
      { ...scope, continue: 'p3' },
    ])
    expect(last().options).toMatchObject({
      namespace: 'shop',
      metadataOnly: true,
      labelSelector: 'a=b',
      fieldSelector: 'c=d',
      resourceVersion: '7',
      timeoutSeconds: 450,
      inactivityMs: 150_000,
    })
  })

  it('of one namespace leaves what others brought into the store', async () => {
    const { metadata } = secret('z', 1)
    store.upsert({ metadata: { ...metadata, namespace: 'blog' } })
    store.upsert(secret('y', 2))
    listAnswers = [page(7, [secret('a', 1)])]
    start({ namespace: 'shop' })
    await clock.advance(0)
    expect(names()).toEqual(['z@1', 'a@1'])
  })

  it('falls back to one without pages when they expire amid', async () => {
    listAnswers = [
      page(7, [secret('a', 1)], 'p2'),
      failure({ status: 410, apiReason: 'Expired' }),
      page(9, [secret('a', 1), secret('b', 8)]),
    ]
    start()
    await clock.advance(0)
    expect(lists.map(({ options }) => [options.limit, options.continue])).toEqual([
      [500, undefined],
      [500, 'p2'],
      [undefined, undefined],
    ])
    expect([names(), watched(), errors]).toEqual([['a@1', 'b@8'], [['9', 0]], []])
  })

  it('is tried again with growing pauses', async () => {
    listAnswers = Array.from({ length: 8 }, () => failure({ status: 500 }))
    const { reflector } = start()
    await clock.advance(300_000)
    const pauses = lists.map(({ at }, index) => at - (lists[index - 1]?.at ?? 0))
    expect(pauses).toEqual([0, 1_200, 2_400, 4_800, 9_600, 19_200, 38_400, 45_000, 45_000])
    expect([reflector.hasSynced, errors.length]).toEqual([true, 8])
  })

  it('obeys Retry-After', async () => {
    listAnswers = [failure({ status: 429, retryAfterSeconds: 9 })]
    start()
    await clock.advance(100_000)
    expect(lists.map(({ at }) => at)).toEqual([0, 9_000])
  })

  it('strips every object, and leaves out what cannot be stripped', async () => {
    listAnswers = [page(1, [secret('a', 1), secret('odd', 1)])]
    start({
      transform: ({ metadata }) => {
        if (metadata.name === 'odd') throw new Error('odd')
        return { metadata }
      },
    })
    await clock.advance(0)
    last().push({ type: 'ADDED', object: secret('odd', 2) }, { type: 'ADDED', object: secret('b', 3) })
    await clock.advance(0)
    expect(store.list()).toEqual([{ metadata: secret('a', 1).metadata }, { metadata: secret('b', 3).metadata }])
    expect(counted.filter((entry) => entry === 'TransformFailed')).toHaveLength(2)
  })
})

describe('watch', () => {
  it('brings changes; the next one goes on where events and bookmarks ended', async () => {
    listAnswers = [page(10, [secret('a', 1), secret('b', 2)])]
    const { reflector } = start()
    await clock.advance(5_000)
    last().push(
      { type: 'ADDED', object: secret('c', 11) },
      { type: 'MODIFIED', object: secret('a', 12) },
      { type: 'DELETED', object: secret('b', 13) },
    )
    await clock.advance(1_000)
    expect([names(), reflector.lastConfirmed]).toEqual([['a@12', 'c@11'], 5_000])
    last().push('end')
    await clock.advance(1_000)
    last().push({ type: 'BOOKMARK', object: { metadata: { name: '', uid: '', resourceVersion: '40' } } })
    await clock.advance(1_000)
    expect([names(), reflector.lastConfirmed]).toEqual([['a@12', 'c@11'], 7_000])
    last().push('end')
    await clock.advance(0)
    expect(watched()).toEqual([
      ['10', 0],
      ['13', 6_000],
      ['40', 8_000],
    ])
    expect([lists.length, errors, reflector.lastConfirmed]).toEqual([1, [], 8_000])
  })

  it.each([
    ['dies', failure({})],
    ['is silent for too long', failure({ noAnswer: 'DeadlineExceeded' })],
    ['brings nonsense', failure({ noAnswer: 'InvalidResponse' })],
    ['brings an error', { type: 'ERROR' as const, status: 500, reason: 'InternalError', retryAfterSeconds: undefined }],
  ])('that %s is started again from where it was, after a pause', async (_name, step) => {
    listAnswers = [page(10)]
    const { reflector } = start()
    await clock.advance(50_000)
    last().push({ type: 'ADDED', object: secret('a', 11) })
    await clock.advance(1)
    last().push(step)
    await clock.advance(1_200)
    expect(watched()).toEqual([
      ['10', 0],
      ['11', 51_201],
    ])
    expect([lists.length, errors.length, reflector.lastConfirmed]).toEqual([1, 1, 50_000])
  })

  it.each([
    ['429', failure({ status: 429, retryAfterSeconds: 20 }), 20_000],
    ['503', failure({ status: 503 }), 1_200],
    ['403', failure({ status: 403 }), 1_200],
    ['a refused connection', failure({ networkCode: 'ECONNREFUSED' }), 1_200],
  ])('answered with %s is tried again without a list', async (_name, error, pause) => {
    listAnswers = [page(10, [secret('a', 9)])]
    watchErrors = [error]
    start()
    await clock.advance(30_000)
    // Not from 10: nobody knows whether what came between 9 and 10 is still what we saw.
    expect(watched()).toEqual([
      ['10', 0],
      ['9', pause],
    ])
    expect(lists).toHaveLength(1)
  })

  it.each<[string, Step]>([
    ['an answer', failure({ status: 410, apiReason: 'Expired' })],
    ['an event', { type: 'ERROR', status: 410, reason: 'Expired', retryAfterSeconds: undefined }],
    ['an event without a reason', { type: 'ERROR', status: 410, reason: undefined, retryAfterSeconds: undefined }],
  ])('410 as %s brings a new list at once, and is no error', async (_name, step) => {
    listAnswers = [page(10, [secret('a', 1)]), page(50, [secret('b', 45)])]
    if (step instanceof KubeError) watchErrors = [step]
    start()
    await clock.advance(0)
    if (!(step instanceof KubeError)) last().push(step)
    await clock.advance(0)
    expect([lists.map(({ at }) => at), watched().at(-1), names(), errors]).toEqual([[0, 0], ['50', 0], ['b@45'], []])
    expect(counted).toContain(
      step instanceof KubeError || step === 'end' || step.type !== 'ERROR' || step.reason !== undefined
        ? 'Expired'
        : 'Gone',
    )
  })

  it('410 again and again does not become a storm of lists', async () => {
    watchErrors = Array.from({ length: 100 }, () => failure({ status: 410 }))
    start()
    await clock.advance(60_000)
    expect(lists.map(({ at }) => at)).toEqual([0, 0, 2_400, 7_200, 16_800, 36_000])
  })

  it.each([
    ['too large', failure({ status: 504, causes: ['ResourceVersionTooLarge'] })],
    ['nonsense', failure({ status: 400 })],
  ])('a resourceVersion that is %s, as after a restore, brings a list after a pause', async (_name, error) => {
    listAnswers = [page(10), page(5)]
    watchErrors = [error]
    start()
    await clock.advance(10_000)
    expect([lists.map(({ at }) => at), watched().at(-1)]).toEqual([
      [0, 1_200],
      ['5', 1_200],
    ])
  })

  it('that ends at once without an event is an error', async () => {
    const { reflector } = start()
    await clock.advance(500)
    last().push('end')
    await clock.advance(1_199)
    expect([watches.length, errors, reflector.lastConfirmed]).toEqual([1, ['VeryShortWatch'], 0])
    await clock.advance(1)
    expect(watches).toHaveLength(2)
    last().push({ type: 'ADDED', object: secret('a', 101) }, 'end')
    await clock.advance(999)
    expect([watches.length, errors.length]).toEqual([2, 1])
    await clock.advance(1)
    expect([watches.length, errors.length]).toEqual([3, 1])
  })

  it('that ends at once with an event each time is no storm', async () => {
    start()
    await clock.advance(0)
    for (let i = 0; i < 60; i++) {
      last().push({ type: 'BOOKMARK', object: secret('', 101) }, 'end')
      await clock.advance(100)
    }
    expect([watches.length, errors.length]).toEqual([7, 0])
  })

  it('of a cluster that was restored from a backup is not waited for: what it has is listed', async () => {
    listAnswers = [
      page(500, [secret('a', 400), secret('gone', 450)]),
      page(300, [secret('a', 200), secret('back', 250)]),
    ]
    start()
    await clock.advance(10)
    store.observe(secret('a', 510))
    store.observeAbsent('shop/back', 'uid-back')
    reached = 300
    last().push(failure({ noAnswer: 'Unreachable', verb: 'watch' }))
    await clock.advance(1_200)
    expect([looks, watched(), names()]).toEqual([
      [],
      [
        ['500', 0],
        ['300', 1_210],
      ],
      ['a@200', 'back@250'],
    ])
  })

  it('of a cluster that lost a write of ours, which no watch had brought yet: it is not held against what there is', async () => {
    listAnswers = [page(500, [secret('a', 400)]), page(505, [secret('a', 400)])]
    let rewound = 0
    start({ onRewound: () => rewound++ })
    await clock.advance(10)
    store.observe(secret('a', 510))
    last().push(failure({ noAnswer: 'Unreachable', verb: 'watch' }))
    await clock.advance(1_200)
    expect([looks, watched().map(([from]) => from), names()]).toEqual([[], ['500', '505'], ['a@400']])
    expect(rewound).toBe(1)
  })

  it('that goes back says nothing to be believed: the place is looked up', async () => {
    listAnswers = [page(500, [secret('a', 400), secret('b', 40)])]
    start()
    await clock.advance(10)
    last().push({ type: 'BOOKMARK', object: secret('', 499) })
    await clock.advance(1_200)
    expect([looks.length, watched().map(([from]) => from), errors]).toEqual([1, ['500', '400'], ['InvalidResponse']])
  })

  it.each<[string, Secret | undefined, string[]]>([
    ['has it as it was then', secret('a', 200), ['a@200', 'back@250']],
    ['does not have it', undefined, ['back@250']],
    ['has it, changed since', secret('a', 900), ['a@900', 'back@250']],
  ])(
    'of a restored cluster that has overtaken what we know: it %s, and all is listed',
    async (_name, restored, expected) => {
      listAnswers = [
        page(500, [secret('a', 400), secret('gone', 350)]),
        page(1_000, [...(restored === undefined ? [] : [restored]), secret('back', 250)]),
      ]
      start()
      await clock.advance(10)
      lookedAt = restored
      last().push(failure({ noAnswer: 'Unreachable', verb: 'watch' }))
      await clock.advance(1_200)
      expect([looks.length, watched().map(([from]) => from), names()]).toEqual([1, ['500', '1000'], expected])
    },
  )

  it('after a deletion there is nothing to look at: all is listed', async () => {
    listAnswers = [page(500, [secret('a', 400), secret('b', 350)]), page(600, [secret('b', 350)])]
    start()
    await clock.advance(10)
    last().push({ type: 'DELETED', object: secret('a', 510) })
    await clock.advance(1)
    last().push(failure({ noAnswer: 'Unreachable', verb: 'watch' }))
    await clock.advance(1_200)
    expect([looks, lists.length, watched().map(([from]) => from), names()]).toEqual([[], 2, ['500', '600'], ['b@350']])
  })

  it('goes on when handlers and listeners throw', async () => {
    store = new Store({ clock })
    store.addEventHandler({
      onAdd() {
        throw new Error('handler')
      },
    })
    listAnswers = [failure({ status: 500 }), page(1, [secret('a', 1)])]
    start({
      onError() {
        throw new Error('listener')
      },
    })
    await clock.advance(2_000)
    last().push({ type: 'ADDED', object: secret('b', 2) })
    await clock.advance(0)
    expect([names(), counted]).toEqual([
      ['a@1', 'b@2'],
      ['list', 'InternalError', 'HandlerFailed', 'list', 'watch'],
    ])
  })

  it('survives an error that nobody foresaw', async () => {
    listAnswers = [{ items: undefined as unknown as Secret[], resourceVersion: '1', continue: undefined }]
    start()
    await clock.advance(10_000)
    expect([errors, lists.length, watches.length]).toEqual([['InvalidResponse'], 2, 1])
  })
})

describe('resync', () => {
  it.each([
    [0, [0, 5 * 60_000, 14 * 60_000, 23 * 60_000]],
    [0.5, [0, 8 * 60_000, 18 * 60_000, 28 * 60_000]],
  ])('lists again, spread by chance %d', async (chance, times) => {
    listAnswers = [page(10, [secret('lost', 1)]), page(60, [secret('found', 2)])]
    const { reflector } = start({ random: () => chance })
    await clock.advance(times[1] ?? 0)
    expect([names(), reflector.lastConfirmed, watched().at(-1)]).toEqual([['found@2'], times[1], ['60', times[1]]])
    await clock.advance(29 * 60_000 - (times[1] ?? 0))
    expect([lists.map(({ at }) => at), errors]).toEqual([times, []])
  })

  it('that fails leaves the watch going, and is tried again before long', async () => {
    listAnswers = [page(10, [secret('a', 10)]), failure({ status: 500 })]
    start()
    await clock.advance(480_000 + 1_200)
    expect(watched()).toEqual([
      ['10', 0],
      ['10', 481_200],
    ])
    await clock.advance(60_000)
    expect(lists.map(({ at }) => at)).toEqual([0, 480_000, 540_000])
  })
})

describe('stop', () => {
  it.each([
    ['during a watch', () => undefined, 1_000],
    ['during a pause', () => void (listAnswers = [failure({ status: 500 })]), 100],
  ])('%s ends it, with no timer left', async (_name, prepare, after) => {
    prepare()
    const { running } = start()
    await clock.advance(after)
    stop.abort()
    await running
    expect(clock.pending).toBe(0)
  })

  it('before the first list: nothing is asked, nobody is told it has synced', async () => {
    const { reflector, running } = start()
    const waiting = reflector.waitForSync(stop.signal)
    stop.abort()
    expect([await waiting, await reflector.waitForSync(stop.signal)]).toEqual([false, false])
    await running
    const second = start()
    await second.running
    expect(lists).toHaveLength(1)
  })
})
