import NodeCache from 'node-cache'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { KubeClient } from '../kube/client.ts'
import { KubeError } from '../kube/errors.ts'
import { FakeClock } from '../kube/fake-clock.ts'
import type { Secret } from '../kube/objects.ts'
import { Store } from '../kube/store.ts'
import type { CallOptions } from '../kube/transport.ts'
import { SecretCache, identity, lastAppliedAnnotation, maxCacheTtlMs } from './secret-cache.ts'
import type { SecretSnapshot } from './secret-cache.ts'

interface World {
  readonly cache: SecretCache
  readonly store: Store<Secret>
  readonly clock: FakeClock
  /** What the API server has. */
  readonly server: Map<string, Secret>
  /** Paths of all requests. */
  readonly requests: string[]
  readonly counts: { hits: number; misses: number }
  /** Every buffer that the cache has ever kept. */
  readonly buffers: Buffer[]
  /** Holds the next answers back until it is called. What is answered was read when the request came. */
  hold(): () => void
  fail(error: Error): void
}

const open: SecretCache[] = []

function world(ttlMs = 60_000, keep: (secret: Secret) => boolean = () => true): World {
  const clock = new FakeClock()
  const store = new Store<Secret>({ clock, keep })
  const server = new Map<string, Secret>()
  const requests: string[] = []
  const counts = { hits: 0, misses: 0 }
  const failures: Error[] = []
  let gate: Promise<void> = Promise.resolve()
  const request = async ({ method, path, describe }: CallOptions): Promise<unknown> => {
    requests.push(`${method} ${path}`)
    const answer = structuredClone(server.get(`${describe.namespace ?? ''}/${describe.name ?? ''}`))
    await gate
    const failure = failures.shift()
    if (failure !== undefined) throw failure
    if (answer === undefined) throw new KubeError({ ...describe, status: 404, apiReason: 'NotFound' })
    return answer
  }
  const stream = () => Promise.reject(new Error('nobody watches here'))
  const set = vi.spyOn(NodeCache.prototype, 'set')
  const cache = new SecretCache({
    client: new KubeClient({ request, stream }),
    store,
    clock,
    ttlMs,
    metrics: { hit: () => counts.hits++, miss: () => counts.misses++ },
  })
  open.push(cache)
  return {
    cache,
    store,
    clock,
    server,
    requests,
    counts,
    get buffers() {
      return set.mock.calls.flatMap(([, entry]) => [...(entry as { values: Map<string, Buffer> }).values.values()])
    },
    hold() {
      const { promise, resolve } = Promise.withResolvers<undefined>()
      gate = promise.then(() => undefined)
      return () => {
        resolve(undefined)
        gate = Promise.resolve()
      }
    },
    fail: (error) => failures.push(error),
  }
}

afterEach(() => {
  for (const cache of open.splice(0)) cache.close()
  vi.restoreAllMocks()
  vi.useRealTimers()
})

function secret(resourceVersion: string, value: string, uid = 'uid'): Secret {
  return {
    metadata: { name: 'live', namespace: 'shop', uid, resourceVersion },
    type: 'Opaque',
    data: { key: Buffer.from(value).toString('base64') },
  }
}

/** Changes the Secret on the server; `seen`: the watch tells of it. */
function write(w: World, object: Secret, seen: boolean): void {
  w.server.set('shop/live', object)
  if (seen) w.store.upsert(identity(object))
}

function text(snapshot: SecretSnapshot | undefined): string | undefined {
  const value = snapshot?.data.get('key')
  return value === undefined ? undefined : Buffer.from(value.reveal()).toString()
}

async function read(w: World): Promise<string | undefined> {
  using snapshot = await w.cache.read('shop', 'live')
  return text(snapshot)
}

describe('what is served', () => {
  test('everything of the Secret, without what kubectl apply repeats of it', async () => {
    const w = world()
    const whole: Secret = {
      metadata: {
        name: 'live',
        namespace: 'shop',
        uid: 'uid',
        resourceVersion: '1',
        labels: { a: 'b' },
        annotations: { note: 'x', [lastAppliedAnnotation]: '{"data":{"key":"dg=="}}' },
        ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'o', uid: 'o' }],
        managedFields: [{ manager: 'kubectl' }],
      },
      type: 'kubernetes.io/basic-auth',
      data: { key: Buffer.from([0, 255, 10]).toString('base64'), empty: '' },
    }
    write(w, whole, false)
    const snapshot = (await w.cache.read('shop', 'live'))!
    const { data, [Symbol.dispose]: _, ...rest } = snapshot
    expect(rest).toEqual({
      name: 'live',
      uid: 'uid',
      resourceVersion: '1',
      type: 'kubernetes.io/basic-auth',
      labels: { a: 'b' },
      annotations: { note: 'x' },
      ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'o', uid: 'o' }],
      managedFields: [{ manager: 'kubectl' }],
    })
    expect([...data].map(([key, value]) => [key, [...value.reveal()]])).toEqual([
      ['key', [0, 255, 10]],
      ['empty', []],
    ])
    expect(w.requests).toEqual(['GET /api/v1/namespaces/shop/secrets/live'])
  })

  test('one without data, labels and annotations', async () => {
    const w = world()
    write(w, { metadata: { name: 'live', namespace: 'shop', uid: 'uid', resourceVersion: '1' } }, true)
    const snapshot = await w.cache.read('shop', 'live')
    expect(snapshot).toMatchObject({
      type: undefined,
      labels: {},
      annotations: {},
      ownerReferences: [],
      managedFields: [],
    })
    expect(snapshot?.data.size).toBe(0)
  })

  test.each(['kubernetes.io/service-account-token', 'bootstrap.kubernetes.io/token', 'helm.sh/release.v1'])(
    'of the type %s nothing but that it is there: its values are not even kept',
    async (type) => {
      const w = world()
      write(w, { ...secret('1', 'one'), type }, true)
      const snapshot = await w.cache.read('shop', 'live')
      expect(snapshot).toMatchObject({ name: 'live', type })
      expect(snapshot?.data.size).toBe(0)
      expect(w.buffers).toEqual([])
    },
  )

  test('the second reader is served from memory', async () => {
    const w = world()
    write(w, secret('1', 'one'), true)
    expect([await read(w), await read(w), await read(w)]).toEqual(['one', 'one', 'one'])
    expect(w.requests).toHaveLength(1)
    expect(w.counts).toEqual({ hits: 2, misses: 1 })
    expect(w.cache.size).toBe(1)
  })

  test('one that the watch has not told of yet: the GET itself tells the store', async () => {
    const w = world()
    write(w, secret('1', 'one'), false)
    expect([await read(w), await read(w)]).toEqual(['one', 'one'])
    expect(w.requests).toHaveLength(1)
    expect(w.store.get('shop/live')).toEqual({
      metadata: { name: 'live', namespace: 'shop', uid: 'uid', resourceVersion: '1' },
    })
  })

  test('Secrets of the same name in other namespaces are others', async () => {
    const w = world()
    write(w, secret('1', 'one'), true)
    w.server.set('other/live', {
      ...secret('2', 'two'),
      metadata: { name: 'live', namespace: 'other', uid: 'u2', resourceVersion: '2' },
    })
    expect(text(await w.cache.read('other', 'live'))).toBe('two')
    expect(await read(w)).toBe('one')
    expect(w.cache.size).toBe(2)
  })
})

describe('the bound in time', () => {
  test('a change that no event tells of is served for less than the ttl', async () => {
    const w = world()
    write(w, secret('1', 'one'), true)
    await read(w)
    write(w, secret('2', 'two'), false)
    await w.clock.advance(59_999)
    expect(await read(w)).toBe('one')
    await w.clock.advance(1)
    expect(await read(w)).toBe('two')
    expect(w.requests).toHaveLength(2)
  })

  test('a hit does not prolong it', async () => {
    const w = world()
    write(w, secret('1', 'one'), true)
    await read(w)
    for (let second = 1; second < 60; second++) {
      await w.clock.advance(1000)
      expect(await read(w)).toBe('one')
    }
    write(w, secret('2', 'two'), false)
    await w.clock.advance(1000)
    expect(await read(w)).toBe('two')
  })

  test('a deletion that no event tells of too', async () => {
    const w = world()
    write(w, secret('1', 'one'), true)
    await read(w)
    w.server.clear()
    await w.clock.advance(60_000)
    expect(await read(w)).toBeUndefined()
    expect(w.cache.size).toBe(0)
    expect(w.store.get('shop/live')).toBeUndefined()
  })

  test('counts from when the request was sent, not from its answer', async () => {
    const w = world()
    write(w, secret('1', 'one'), true)
    const release = w.hold()
    const first = read(w)
    await w.clock.advance(5_000)
    release()
    expect(await first).toBe('one')
    write(w, secret('2', 'two'), false)
    await w.clock.advance(54_999)
    expect(await read(w)).toBe('one')
    await w.clock.advance(1)
    expect(await read(w)).toBe('two')
  })

  test('confirmed unchanged, it is served for another ttl', async () => {
    const w = world()
    write(w, secret('1', 'one'), true)
    await read(w)
    await w.clock.advance(60_000)
    await read(w)
    await w.clock.advance(59_999)
    expect(await read(w)).toBe('one')
    expect(w.requests).toHaveLength(2)
    expect(w.cache.size).toBe(1)
  })

  test.each([
    [0, 0, 2],
    [1000, 999, 1],
    [1000, 1000, 2],
    // Longer than what is promised cannot be asked for.
    [10 * maxCacheTtlMs, 59_999, 1],
    [10 * maxCacheTtlMs, 60_000, 2],
  ])('ttl %s: read again after %s ms, %s requests', async (ttlMs, ms, requests) => {
    const w = world(ttlMs)
    write(w, secret('1', 'one'), true)
    await read(w)
    await w.clock.advance(ms)
    expect(await read(w)).toBe('one')
    expect(w.requests).toHaveLength(requests)
  })

  test('any sequence of lost events: never older than the ttl', async () => {
    const w = world(10_000)
    const writtenAt: number[] = []
    for (let version = 0; version < 300; version++) {
      writtenAt.push(w.clock.monotonic())
      write(w, secret(String(version + 1), String(version)), version % 7 === 0)
      await w.clock.advance((version * 7919) % 3001)
      const served = Number(await read(w))
      const outdatedSince = writtenAt[served + 1] ?? w.clock.monotonic()
      expect(w.clock.monotonic() - outdatedSince).toBeLessThan(10_000)
    }
    expect(w.requests.length).toBeLessThan(200)
  })
})

describe('events', () => {
  test('a change makes what is kept unreachable at once', async () => {
    const w = world()
    write(w, secret('1', 'one'), true)
    await read(w)
    write(w, secret('2', 'two'), true)
    expect(w.cache.size).toBe(0)
    expect(await read(w)).toBe('two')
  })

  test('so does a deletion, and a Secret of the same name that comes after it', async () => {
    const w = world()
    write(w, secret('1', 'one'), true)
    await read(w)
    w.store.remove(identity(secret('2', 'one')))
    expect(w.cache.size).toBe(0)
    w.server.clear()
    expect(await read(w)).toBeUndefined()
    write(w, secret('3', 'three', 'uid-2'), true)
    expect(await read(w)).toBe('three')
  })

  test('deleted and created again while nobody looked', async () => {
    const w = world()
    write(w, secret('1', 'one'), true)
    await read(w)
    w.server.set('shop/live', secret('9', 'nine', 'uid-2'))
    w.store.replace([identity(secret('9', 'nine', 'uid-2'))], '10')
    expect(w.cache.size).toBe(0)
    expect(await read(w)).toBe('nine')
  })

  test('the echo of what is kept already drops nothing', async () => {
    const w = world()
    write(w, secret('1', 'one'), false)
    await read(w)
    w.store.upsert(identity(secret('1', 'one')))
    w.store.replace([identity(secret('1', 'one'))], '5')
    expect(await read(w)).toBe('one')
    expect(w.requests).toHaveLength(1)
  })

  test('a read that a change has overtaken is asked again', async () => {
    const w = world()
    write(w, secret('1', 'one'), true)
    const release = w.hold()
    const first = read(w)
    await w.clock.advance(0)
    write(w, secret('2', 'two'), true)
    release()
    expect(await first).toBe('two')
    expect(w.requests).toHaveLength(2)
    expect(await read(w)).toBe('two')
    expect(w.requests).toHaveLength(2)
  })

  test('but not for ever: an API server that stays behind is believed in the end', async () => {
    const w = world()
    w.server.set('shop/live', secret('1', 'one'))
    w.store.upsert(identity(secret('2', 'two')))
    expect(await read(w)).toBe('one')
    expect(w.requests).toHaveLength(5)
    // What is known to be outdated is not kept.
    expect(w.cache.size).toBe(0)
  })

  test('a Secret that is deleted during the read leaves nothing in memory', async () => {
    const w = world()
    write(w, secret('1', 'one'), true)
    const release = w.hold()
    const first = read(w)
    await w.clock.advance(0)
    w.server.clear()
    w.store.remove(identity(secret('1', 'one')))
    release()
    await first
    expect(w.cache.size).toBe(0)
    expect(await read(w)).toBeUndefined()
  })

  test('a Secret that nobody refers to leaves nothing in memory', async () => {
    const w = world(60_000, () => false)
    write(w, secret('1', 'one'), true)
    expect(await read(w)).toBe('one')
    expect(w.cache.size).toBe(0)
  })

  test('a late answer does not throw out what a write of ours brought', async () => {
    const w = world()
    write(w, secret('1', 'one'), true)
    const release = w.hold()
    const first = read(w)
    await w.clock.advance(0)
    w.cache.prime(secret('2', 'two'))
    release()
    expect(await first).toBe('two')
    expect(w.requests).toHaveLength(1)
  })
})

describe('readers at the same time', () => {
  test('share one request', async () => {
    const w = world()
    write(w, secret('1', 'one'), true)
    const release = w.hold()
    const readers = Array.from({ length: 50 }, () => w.cache.read('shop', 'live'))
    await w.clock.advance(0)
    release()
    const snapshots = await Promise.all(readers)
    expect(snapshots.map(text)).toEqual(Array.from({ length: 50 }, () => 'one'))
    expect(w.requests).toHaveLength(1)
    // Each has copies of its own.
    snapshots[0]?.[Symbol.dispose]()
    expect(() => text(snapshots[0])).toThrow()
    expect(text(snapshots[1])).toBe('one')
    expect(await read(w)).toBe('one')
  })

  test('share its failure, and the next one asks again', async () => {
    const w = world()
    write(w, secret('1', 'one'), true)
    const failure = new KubeError({ verb: 'get', resource: 'secrets', status: 503 })
    w.fail(failure)
    const both = await Promise.allSettled([w.cache.read('shop', 'live'), w.cache.read('shop', 'live')])
    expect(both.map((result) => result.status === 'rejected' && result.reason === failure)).toEqual([true, true])
    expect(await read(w)).toBe('one')
    expect(w.requests).toHaveLength(2)
  })

  test('one that gives up takes nobody with it', async () => {
    const w = world()
    write(w, secret('1', 'one'), true)
    const release = w.hold()
    const controller = new AbortController()
    const impatient = w.cache.read('shop', 'live', controller.signal)
    const patient = w.cache.read('shop', 'live', new AbortController().signal)
    await w.clock.advance(0)
    const reason = new Error('enough')
    controller.abort(reason)
    await expect(impatient).rejects.toBe(reason)
    release()
    expect(text(await patient)).toBe('one')
    expect(w.requests).toHaveLength(1)
  })

  test('one that has given up before asks for nothing', async () => {
    const w = world()
    // Were a request sent, its failure would have nobody to catch it, and end the process.
    w.fail(new KubeError({ verb: 'get', resource: 'secrets', status: 503 }))
    await expect(w.cache.read('shop', 'live', AbortSignal.abort(new Error('over')))).rejects.toThrow('over')
    await w.clock.advance(0)
    expect(w.requests).toEqual([])
  })
})

describe('404', () => {
  test('is nothing, is not kept, and the store learns of it', async () => {
    const w = world()
    expect(await read(w)).toBeUndefined()
    expect(await read(w)).toBeUndefined()
    expect(w.requests).toHaveLength(2)
    w.store.upsert(identity(secret('1', 'one')))
    expect(await read(w)).toBeUndefined()
    expect(w.store.get('shop/live')).toBeUndefined()
  })

  test('a late one buries no Secret that was created and reported meanwhile', async () => {
    const w = world()
    const release = w.hold()
    const late = read(w)
    await w.clock.advance(0)
    write(w, secret('2', 'two', 'another'), true)
    release()
    await late
    expect(w.store.get('shop/live')?.metadata.uid).toBe('another')
    expect(await read(w)).toBe('two')
    write(w, secret('3', 'three', 'another'), true)
    expect(await read(w)).toBe('three')
  })

  test('other failures are no absence', async () => {
    const w = world()
    write(w, secret('1', 'one'), true)
    await read(w)
    await w.clock.advance(60_000)
    for (const status of [403, 500, 0]) {
      w.fail(new KubeError({ verb: 'get', resource: 'secrets', status }))
      await expect(w.cache.read('shop', 'live')).rejects.toMatchObject({ status })
    }
    expect(w.store.get('shop/live')).toBeDefined()
    expect(await read(w)).toBe('one')
  })
})

describe('prime', () => {
  test('what a write answered need not be read', async () => {
    const w = world()
    w.cache.prime(secret('4', 'four'))
    expect(await read(w)).toBe('four')
    expect(w.requests).toEqual([])
    expect(w.store.get('shop/live')?.metadata.resourceVersion).toBe('4')
  })

  test('nor does its echo drop it; the next change does', async () => {
    const w = world()
    write(w, secret('1', 'one'), true)
    await read(w)
    w.cache.prime(secret('2', 'two'))
    expect(w.cache.size).toBe(1)
    write(w, secret('2', 'two'), true)
    expect(await read(w)).toBe('two')
    expect(w.requests).toHaveLength(1)
    write(w, secret('3', 'three'), true)
    expect(await read(w)).toBe('three')
  })

  test('an answer that is older than what is known is not kept', async () => {
    const w = world()
    write(w, secret('5', 'five'), true)
    await read(w)
    w.cache.prime(secret('4', 'four'))
    expect(await read(w)).toBe('five')
    expect(w.requests).toHaveLength(1)
  })

  test('it too ends with the ttl', async () => {
    const w = world()
    w.cache.prime(secret('1', 'one'))
    write(w, secret('2', 'two'), false)
    await w.clock.advance(60_000)
    expect(await read(w)).toBe('two')
  })
})

test('invalidate: what a write has shown to be outdated is read again', async () => {
  const w = world()
  write(w, secret('1', 'one'), true)
  await read(w)
  write(w, secret('2', 'two'), false)
  w.cache.invalidate('shop', 'live')
  expect(w.cache.size).toBe(0)
  expect(await read(w)).toBe('two')
  w.cache.invalidate('shop', 'unknown')
})

describe('values are overwritten', () => {
  const zeros = (w: World): boolean => w.buffers.every((buffer) => buffer.every((byte) => byte === 0))
  const kept = async (): Promise<World> => {
    const w = world()
    write(w, secret('1', 'one'), true)
    await read(w)
    expect(w.buffers.map(String)).toEqual(['one'])
    return w
  }

  test.each<[string, (w: World) => unknown]>([
    [
      'when they change',
      (w) => {
        write(w, secret('2', 'two'), true)
      },
    ],
    [
      'when the Secret is deleted',
      (w) => {
        w.store.remove(identity(secret('1', 'one')))
      },
    ],
    [
      'when a list does not hold the Secret',
      (w) => {
        w.store.replace([], '9')
      },
    ],
    [
      'when a read finds nothing',
      async (w) => {
        w.server.clear()
        await w.clock.advance(60_000)
        await read(w)
      },
    ],
    [
      'when they are invalidated',
      (w) => {
        w.cache.invalidate('shop', 'live')
      },
    ],
    [
      'when the cache is closed',
      (w) => {
        w.cache.close()
      },
    ],
  ])('%s', async (_, happens) => {
    const w = await kept()
    await happens(w)
    expect(zeros(w)).toBe(true)
    expect(w.cache.size).toBe(0)
  })

  test('when they are confirmed, all but the newest', async () => {
    const w = await kept()
    await w.clock.advance(60_000)
    await read(w)
    expect(w.buffers.map((buffer) => buffer.toString('latin1'))).toEqual(['\0\0\0', 'one'])
  })

  test('when a write of ours replaces them', async () => {
    const w = await kept()
    w.cache.prime(secret('2', 'two'))
    expect(w.buffers.map((buffer) => buffer.toString('latin1'))).toEqual(['\0\0\0', 'two'])
  })

  test('when nobody asks for them any more', async () => {
    vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'] })
    const w = await kept()
    vi.advanceTimersByTime(121_000)
    expect(zeros(w)).toBe(true)
    expect(w.cache.size).toBe(0)
  })

  test('but copies that a reader holds stay until it lets go', async () => {
    const w = await kept()
    const snapshot = await w.cache.read('shop', 'live')
    const bytes = snapshot!.data.get('key')!.reveal()
    w.store.remove(identity(secret('1', 'one')))
    w.cache.close()
    expect(Buffer.from(bytes).toString()).toBe('one')
    snapshot![Symbol.dispose]()
    expect([...bytes]).toEqual([0, 0, 0])
  })
})

test('identity keeps nothing that could hold a value', () => {
  const whole = secret('1', 'one')
  whole.metadata.annotations = { [lastAppliedAnnotation]: 'one' }
  whole.metadata.labels = { a: 'b' }
  whole.metadata.managedFields = [{ manager: 'x' }]
  expect(identity(whole)).toStrictEqual({
    metadata: { name: 'live', namespace: 'shop', uid: 'uid', resourceVersion: '1' },
  })
  expect(identity({ metadata: { name: 'x', uid: 'u', resourceVersion: '1' } })).toStrictEqual({
    metadata: { name: 'x', uid: 'u', resourceVersion: '1' },
  })
})
