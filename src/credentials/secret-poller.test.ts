import { describe, expect, test } from 'vitest'
import { KubeError } from '../kube/errors.ts'
import { FakeClock } from '../kube/fake-clock.ts'
import type { Secret } from '../kube/objects.ts'
import { Store } from '../kube/store.ts'
import { createLogger } from '../telemetry/log.ts'
import { SecretPoller } from './secret-poller.ts'

const periodMs = 60_000

function world() {
  const clock = new FakeClock()
  const referenced = new Set<string>()
  const store = new Store<Secret>({
    clock,
    keep: ({ metadata }) => referenced.has(`${metadata.namespace}/${metadata.name}`),
  })
  const events: string[] = []
  store.addEventHandler({
    onAdd: ({ metadata }) => events.push(`add ${metadata.name} ${metadata.resourceVersion}`),
    onUpdate: (_old, { metadata }) => events.push(`update ${metadata.name} ${metadata.resourceVersion}`),
    onDelete: ({ metadata }) => events.push(`delete ${metadata.name}`),
  })
  const server = new Map<string, Secret>()
  const asked: { key: string; at: number; metadataOnly: boolean | undefined }[] = []
  const answers: string[] = []
  let failure: number | undefined
  let randoms = 0
  const lines: { level: number; msg: string }[] = []
  const poller = new SecretPoller({
    client: {
      get: async <T>(
        _type: unknown,
        namespace: string | undefined,
        name: string,
        options?: { metadataOnly?: boolean },
      ) => {
        const key = `${namespace ?? ''}/${name}`
        asked.push({ key, at: clock.monotonic(), metadataOnly: options?.metadataOnly })
        await Promise.resolve()
        const call = { verb: 'get', resource: 'secrets', name }
        if (failure !== undefined) throw new KubeError({ ...call, status: failure })
        const found = server.get(key)
        if (found === undefined) throw new KubeError({ ...call, status: 404, apiReason: 'NotFound' })
        return structuredClone(found) as T
      },
    },
    store,
    isReferenced: (key) => referenced.has(key),
    clock,
    // Evenly over the period, so that a test knows when.
    random: () => (randoms++ % 10) / 10,
    log: createLogger('debug', {
      write: (line: string) => {
        lines.push(JSON.parse(line) as { level: number; msg: string })
      },
    }),
    periodMs,
    onAnswer: (key, error) => answers.push(`${key} ${error === undefined ? 'well' : error.status}`),
  })
  const put = (name: string, uid: string, resourceVersion: string): void => {
    server.set(`ns/${name}`, { metadata: { namespace: 'ns', name, uid, resourceVersion } })
  }
  const refer = (...names: string[]): void => {
    for (const name of names) referenced.add(`ns/${name}`)
    poller.track(names.map((name) => `ns/${name}`))
  }
  return {
    clock,
    store,
    events,
    server,
    asked,
    answers,
    lines,
    poller,
    referenced,
    put,
    refer,
    fail: (status: number | undefined) => (failure = status),
  }
}

describe('what is asked', () => {
  test('each Secret once in a period, for its metadata alone, spread over it', async () => {
    const { clock, poller, put, refer, asked } = world()
    const names = Array.from({ length: 10 }, (_, index) => `s${index}`)
    for (const name of names) put(name, `uid-${name}`, '1')
    refer(...names)
    // Named by a second resource as well: no second request.
    refer(...names)
    const stop = new AbortController()
    const running = poller.run(stop.signal)
    await clock.advance(5 * periodMs - 1)
    expect(asked).toHaveLength(50)
    expect(asked.every(({ metadataOnly }) => metadataOnly === true)).toBe(true)
    for (const name of names) {
      const times = asked.filter(({ key }) => key === `ns/${name}`).map(({ at }) => at)
      for (const [index, at] of times.slice(1).entries()) expect(at - (times[index] ?? 0)).toBe(periodMs)
    }
    // Never more than one in a tenth of the period.
    for (let at = 0; at < 5 * periodMs; at += periodMs / 10)
      expect(asked.filter((call) => call.at >= at && call.at < at + periodMs / 10)).toHaveLength(1)
    stop.abort()
    await clock.advance(2 * periodMs)
    await running
    expect(asked).toHaveLength(50)
  })

  test('no longer what no resource names: it is gone from the store', async () => {
    const { clock, poller, put, refer, referenced, asked, store, events } = world()
    put('a', 'u', '1')
    refer('a')
    const stop = new AbortController()
    const running = poller.run(stop.signal)
    await clock.advance(periodMs)
    expect(store.size).toBe(1)
    referenced.clear()
    const before = asked.length
    await clock.advance(3 * periodMs)
    expect(asked).toHaveLength(before)
    expect(poller.size).toBe(0)
    expect(store.size).toBe(0)
    expect(events).toEqual(['add a 1', 'delete a'])
    // Named again later.
    refer('a')
    await clock.advance(periodMs)
    expect(events).toEqual(['add a 1', 'delete a', 'add a 1'])
    stop.abort()
    await running
  })
})

describe('what comes of it', () => {
  test('a change, a deletion, a new one of that name', async () => {
    const { clock, poller, put, refer, server, events } = world()
    refer('a')
    const stop = new AbortController()
    const running = poller.run(stop.signal)
    await clock.advance(periodMs)
    expect(events).toEqual([])
    for (const change of [
      () => {
        put('a', 'u1', '5')
      },
      () => undefined,
      () => {
        put('a', 'u1', '7')
      },
      () => {
        server.clear()
      },
      () => {
        put('a', 'u2', '9')
      },
    ]) {
      change()
      await clock.advance(periodMs)
    }
    expect(events).toEqual(['add a 5', 'update a 7', 'delete a', 'add a 9'])
    stop.abort()
    await running
  })

  test('an answer that is older than our own write changes nothing', async () => {
    const { clock, poller, put, refer, store, events } = world()
    put('a', 'u', '5')
    refer('a')
    store.observe({ metadata: { namespace: 'ns', name: 'a', uid: 'u', resourceVersion: '8' } })
    const stop = new AbortController()
    const running = poller.run(stop.signal)
    await clock.advance(1)
    expect(events).toEqual(['add a 8'])
    stop.abort()
    await running
  })

  test('a failure leaves what is known, is said once, and is asked again a period later', async () => {
    const { clock, poller, put, refer, fail, store, events, asked, answers, lines } = world()
    put('a', 'u', '5')
    refer('a')
    const stop = new AbortController()
    const running = poller.run(stop.signal)
    await clock.advance(periodMs - 1)
    fail(500)
    await clock.advance(3 * periodMs)
    expect(asked).toHaveLength(4)
    expect(store.size).toBe(1)
    fail(undefined)
    put('a', 'u', '6')
    await clock.advance(periodMs)
    expect(events).toEqual(['add a 5', 'update a 6'])
    expect(answers).toEqual(['ns/a well', 'ns/a 500', 'ns/a 500', 'ns/a 500', 'ns/a well'])
    expect(lines.filter(({ msg }) => msg.includes('trying again in the next period'))).toHaveLength(1)
    stop.abort()
    await running
  })
})
