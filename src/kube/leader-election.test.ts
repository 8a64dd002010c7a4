import { beforeEach, describe, expect, it } from 'vitest'
import { silentLogger } from '../telemetry/log.ts'
import { KubeError } from './errors.ts'
import { FakeClock } from './fake-clock.ts'
import { fenced, LeaderElector } from './leader-election.ts'
import type { Lease } from './objects.ts'
import type { Connection } from './transport.ts'

type Client = ConstructorParameters<typeof LeaderElector>[0]['client']
type Fault = (verb: string, signal: AbortSignal | undefined) => Promise<void> | undefined

/** An API server with one Lease in it. */
class LeaseServer {
  lease: Lease | undefined
  version = 0
  calls: string[] = []

  client(identity: string, fault: Fault = () => undefined): Client {
    const call = async (verb: string, signal: AbortSignal | undefined, answer: () => Lease): Promise<Lease> => {
      this.calls.push(`${identity} ${verb}`)
      await fault(verb, signal)
      if (signal?.aborted === true) throw this.error(0, verb)
      return answer()
    }
    const client = {
      get: (_type: unknown, _namespace: string, _name: string, { signal }: { signal?: AbortSignal }) =>
        call('get', signal, () => {
          if (this.lease === undefined) throw this.error(404, 'get')
          return structuredClone(this.lease)
        }),
      create: (_type: unknown, _namespace: string, body: Lease, { signal }: { signal?: AbortSignal }) =>
        call('create', signal, () => {
          if (this.lease !== undefined) throw this.error(409, 'create', 'AlreadyExists')
          return this.write(body)
        }),
      update: (_type: unknown, _namespace: string, _name: string, body: Lease, { signal }: { signal?: AbortSignal }) =>
        call('update', signal, () => {
          if (body.metadata.resourceVersion !== this.lease?.metadata.resourceVersion)
            throw this.error(409, 'update', 'Conflict')
          return this.write(body)
        }),
    }
    return client as unknown as Client
  }

  write(lease: Lease): Lease {
    this.version++
    this.lease = structuredClone({
      ...lease,
      metadata: { ...lease.metadata, uid: 'u', resourceVersion: String(this.version) },
    })
    return structuredClone(this.lease)
  }

  error(status: number, verb: string, apiReason?: string): KubeError {
    return new KubeError({ status, verb, resource: 'leases.coordination.k8s.io', apiReason })
  }

  get holder(): string | undefined {
    return this.lease?.spec?.holderIdentity
  }
}

/** No answer until the caller gives up. */
function hang(signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) resolve()
    signal?.addEventListener('abort', () => {
      resolve()
    })
  })
}

let clock: FakeClock
let server: LeaseServer
let log: [string, number][]

beforeEach(() => {
  clock = new FakeClock(Date.UTC(2026, 10, 24))
  server = new LeaseServer()
  log = []
})

function start(identity: string, options: { fault?: Fault; clock?: FakeClock; random?: () => number } = {}) {
  const stop = new AbortController()
  let term: AbortSignal | undefined
  const note = (what: string) => log.push([`${identity} ${what}`, clock.monotonic()])
  const elector = new LeaderElector({
    client: server.client(identity, options.fault),
    namespace: 'system',
    name: 'operator',
    identity,
    clock: options.clock ?? clock,
    random: options.random ?? (() => 0),
    log: silentLogger,
    onStartedLeading(signal) {
      term = signal
      note('leads')
    },
    onStoppedLeading() {
      expect(term?.aborted).toBe(true)
      note(`stops, lease ${server.holder === identity ? 'held' : 'not held'}`)
    },
    onNewLeader: (leader) => note(`sees ${leader}`),
  })
  const running = elector.run(stop.signal)
  return { elector, stop, running, term: () => term }
}

describe('acquire', () => {
  it('creates the lease when there is none', async () => {
    const { elector } = start('a')
    await clock.advance(0)
    expect(server.lease).toMatchObject({
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: 'operator', namespace: 'system' },
      spec: {
        holderIdentity: 'a',
        leaseDurationSeconds: 15,
        acquireTime: '2026-11-24T00:00:00.000000Z',
        renewTime: '2026-11-24T00:00:00.000000Z',
        leaseTransitions: 0,
      },
    })
    expect([elector.isLeader, log]).toEqual([
      true,
      [
        ['a sees a', 0],
        ['a leads', 0],
      ],
    ])
  })

  it('of two that create it, one leads', async () => {
    const electors = [start('a'), start('b')]
    await clock.advance(60_000)
    expect(electors.map(({ elector }) => elector.isLeader)).toEqual([true, false])
    expect(log.filter(([what]) => what.endsWith('leads'))).toEqual([['a leads', 0]])
  })

  it('waits for the whole term by its own clock, however old the times in the lease look', async () => {
    server.write({
      metadata: { name: 'operator', uid: '', resourceVersion: '' },
      spec: {
        holderIdentity: 'gone',
        leaseDurationSeconds: 15,
        renewTime: '2001-01-01T00:00:00.000000Z',
        acquireTime: '2001-01-01T00:00:00.000000Z',
        leaseTransitions: 4,
      },
    })
    const { elector } = start('a')
    await clock.advance(14_999)
    expect([elector.isLeader, server.holder]).toEqual([false, 'gone'])
    await clock.advance(2_001)
    expect([elector.isLeader, server.lease?.spec?.leaseTransitions, server.lease?.spec?.acquireTime]).toEqual([
      true,
      5,
      '2026-11-24T00:00:16.000000Z',
    ])
    expect(log.map(([what]) => what)).toEqual(['a sees gone', 'a sees a', 'a leads'])
  })

  it('waits while the other renews, even if its clock stands still', async () => {
    const other: Lease = {
      metadata: { name: 'operator', uid: '', resourceVersion: '' },
      spec: { holderIdentity: 'b', leaseDurationSeconds: 15, leaseTransitions: 0 },
    }
    server.write(other)
    const { elector } = start('a')
    for (let i = 0; i < 10; i++) {
      await clock.advance(10_000)
      server.write({ ...other, spec: { ...other.spec, renewTime: `2001-01-01T00:00:0${i}.000000Z` } })
    }
    expect([elector.isLeader, server.holder]).toEqual([false, 'b'])
  })

  it('takes a released lease at once, and its own from before a restart', async () => {
    server.write({
      metadata: { name: 'operator', uid: '', resourceVersion: '' },
      spec: { holderIdentity: '', leaseDurationSeconds: 1, leaseTransitions: 2 },
    })
    start('a')
    await clock.advance(0)
    expect(server.lease?.spec).toMatchObject({ holderIdentity: 'a', leaseTransitions: 3 })
    start('a')
    await clock.advance(0)
    expect(server.lease?.spec).toMatchObject({ holderIdentity: 'a', leaseTransitions: 3 })
    expect(log.filter(([what]) => what === 'a leads')).toHaveLength(2)
  })

  it('asks every two seconds, spread by chance, and goes on after errors', async () => {
    let failing = true
    start('a', { random: () => 0.5, fault: () => (failing ? Promise.reject(server.error(500, 'get')) : undefined) })
    await clock.advance(9_600)
    expect(server.calls).toEqual(['a get', 'a get', 'a get', 'a get'])
    failing = false
    await clock.advance(3_200)
    expect(server.holder).toBe('a')
  })

  it('stops waiting with the signal', async () => {
    server.write({
      metadata: { name: 'operator', uid: '', resourceVersion: '' },
      spec: { holderIdentity: 'b', leaseDurationSeconds: 15 },
    })
    const { stop, running } = start('a')
    await clock.advance(5_000)
    stop.abort()
    await running
    expect([clock.pending, server.holder]).toEqual([0, 'b'])
  })
})

describe('renew', () => {
  it('is one update every two seconds', async () => {
    const { elector } = start('a')
    await clock.advance(0)
    server.calls = []
    await clock.advance(10_000)
    expect(server.calls).toEqual(Array.from({ length: 5 }, () => 'a update'))
    expect(server.lease?.spec).toMatchObject({
      renewTime: '2026-11-24T00:00:10.000000Z',
      acquireTime: '2026-11-24T00:00:00.000000Z',
      leaseTransitions: 0,
    })
    expect(elector.isLeader).toBe(true)
  })

  it('keeps what others wrote into the lease', async () => {
    start('a')
    await clock.advance(0)
    const lease = server.lease
    if (lease !== undefined)
      server.write({
        ...lease,
        metadata: { ...lease.metadata, labels: { team: 'x' } },
        spec: { ...lease.spec, strategy: 'y' } as NonNullable<Lease['spec']>,
      })
    await clock.advance(4_000)
    expect(server.lease).toMatchObject({
      metadata: { labels: { team: 'x' } },
      spec: { strategy: 'y', renewTime: '2026-11-24T00:00:04.000000Z' },
    })
  })

  it('bears failures for ten seconds from the last success, then stops, before another can take over', async () => {
    let failing = false
    const a = start('a', { fault: () => (failing ? Promise.reject(server.error(500, 'update')) : undefined) })
    await clock.advance(3_000)
    const b = start('b')
    failing = true
    await clock.advance(8_999)
    expect([a.elector.isLeader, a.term()?.aborted]).toEqual([true, false])
    await clock.advance(20_000)
    await a.running
    const times = Object.fromEntries(log)
    expect(times['a stops, lease held']).toBeLessThanOrEqual(2_000 + 10_000 + 2_000)
    expect(times['b leads']).toBeGreaterThanOrEqual(3_000 + 15_000)
    expect([a.elector.isLeader, b.elector.isLeader, server.lease?.spec?.leaseTransitions]).toEqual([false, true, 1])
  })

  it('survives a failure that passes', async () => {
    let failing = false
    const { elector } = start('a', { fault: () => (failing ? Promise.reject(server.error(0, 'update')) : undefined) })
    await clock.advance(1_000)
    failing = true
    await clock.advance(6_500)
    failing = false
    await clock.advance(60_000)
    expect([elector.isLeader, log.length]).toEqual([true, 2])
  })

  it('a call that hangs is cut off after five seconds, and another is made', async () => {
    let hanging = false
    const a = start('a', { fault: (_verb, signal) => (hanging ? hang(signal) : undefined) })
    await clock.advance(1_000)
    hanging = true
    await clock.advance(6_000)
    hanging = false
    await clock.advance(60_000)
    expect(a.elector.isLeader).toBe(true)
    hanging = true
    await clock.advance(12_000)
    await a.running
    expect([a.term()?.aborted, log.at(-1)]).toEqual([true, ['a stops, lease held', 77_000]])
  })

  it('counts from when a renewal was sent, not from when its answer came', async () => {
    let calls = 0
    const a = start('a', {
      fault: (_verb, signal) => (++calls <= 2 ? undefined : calls === 3 ? clock.sleep(4_000) : hang(signal)),
    })
    // Sent at 2 s, answered at 6 s; nothing is answered from then on.
    await clock.advance(11_999)
    expect(a.term()?.aborted).toBe(false)
    await clock.advance(1)
    await a.running
    expect(log.at(-1)).toEqual(['a stops, lease held', 12_000])
  })

  it('gives up at once when another one holds the lease', async () => {
    const a = start('a')
    await clock.advance(1_000)
    server.write({
      metadata: { name: 'operator', uid: '', resourceVersion: '' },
      spec: { holderIdentity: 'thief', leaseDurationSeconds: 15 },
    })
    await clock.advance(1_000)
    await a.running
    expect(log.slice(-2)).toEqual([
      ['a sees thief', 2_000],
      ['a stops, lease not held', 2_000],
    ])
    expect(server.holder).toBe('thief')
  })

  it('does not believe to lead when the process slept through the term', async () => {
    const sleepy = new FakeClock()
    const { elector } = start('a', { clock: sleepy })
    await sleepy.advance(0)
    expect(elector.isLeader).toBe(true)
    // Time passes without any timer having run yet.
    const monotonic = sleepy.monotonic.bind(sleepy)
    sleepy.monotonic = () => monotonic() + 15_000
    expect(elector.isLeader).toBe(false)
  })
})

describe('release', () => {
  it('hands over to the one that waits', async () => {
    const a = start('a')
    await clock.advance(1_000)
    start('b')
    await clock.advance(1_000)
    a.stop.abort()
    await a.running
    expect(server.lease?.spec).toMatchObject({
      holderIdentity: '',
      leaseDurationSeconds: 1,
      renewTime: '2026-11-24T00:00:02.000000Z',
    })
    expect(log.at(-1)).toEqual(['a stops, lease held', 2_000])
    await clock.advance(2_000)
    expect(log.at(-1)?.[0]).toBe('b leads')
  })

  it('also when a renewal was cut short after it had arrived', async () => {
    let cut = false
    const a = start('a', {
      fault: (verb) => {
        if (!cut || verb !== 'update') return undefined
        cut = false
        // The server has taken it, its answer is lost.
        if (server.lease !== undefined) server.write(server.lease)
        a.stop.abort()
        return Promise.reject(server.error(0, 'update'))
      },
    })
    await clock.advance(1_000)
    cut = true
    await clock.advance(1_000)
    await a.running
    expect(server.holder).toBe('')
  })

  it('leaves the lease alone that became another one’s', async () => {
    const a = start('a')
    await clock.advance(1_000)
    server.write({ metadata: { name: 'operator', uid: '', resourceVersion: '' }, spec: { holderIdentity: 'thief' } })
    a.stop.abort()
    await a.running
    expect(server.holder).toBe('thief')
  })

  it('takes a second at most', async () => {
    let hanging = false
    const a = start('a', {
      fault: (_verb, signal) => (hanging ? hang(signal) : undefined),
    })
    await clock.advance(1_000)
    hanging = true
    a.stop.abort()
    await clock.advance(1_000)
    await a.running
    expect([clock.monotonic(), clock.pending, server.holder]).toEqual([2_000, 0, 'a'])
  })

  it('is all that happens when the lease comes together with the signal', async () => {
    const a = start('a', { fault: (verb) => (verb === 'create' ? (a.stop.abort(), undefined) : undefined) })
    await clock.advance(0)
    await a.running
    expect([log.some(([what]) => what === 'a leads'), clock.pending]).toEqual([false, 0])
  })
})

describe('a fenced connection', () => {
  const asked: string[] = []
  const connection = {
    request: ({ method }: { method: string }) => Promise.resolve(asked.push(method)),
    stream: () => Promise.resolve(asked.push('WATCH')),
  } as unknown as Connection
  const describe = { verb: 'patch', resource: 'secrets', namespace: 'n', name: 'target' }
  const request = (fence: Connection, method: string) => fence.request({ method, path: '/', describe })

  it('reads at any time, and writes only while it may', async () => {
    asked.length = 0
    let leading = true
    const fence = fenced(connection, () => leading)
    for (const method of ['GET', 'POST', 'PATCH', 'PUT', 'DELETE']) await request(fence, method)
    expect(asked).toEqual(['GET', 'POST', 'PATCH', 'PUT', 'DELETE'])
    leading = false
    await request(fence, 'GET')
    for (const method of ['POST', 'PATCH', 'PUT', 'DELETE'])
      await expect(request(fence, method)).rejects.toMatchObject({
        code: 'KUBE_NOT_LEADING',
        status: 0,
        message: 'patch secrets target in n: NotLeading',
      })
    expect(asked).toHaveLength(6)
    await fence.stream({ path: '/', describe, signal: new AbortController().signal })
    expect(asked).toContain('WATCH')
  })

  it('is closed to an elector that slept through its term, before any of its timers has run', async () => {
    asked.length = 0
    const sleepy = new FakeClock()
    const { elector } = start('a', { clock: sleepy })
    const fence = fenced(connection, () => elector.isLeader)
    await expect(request(fence, 'PATCH')).rejects.toMatchObject({ reason: 'NotLeading' })
    await sleepy.advance(0)
    await request(fence, 'PATCH')
    const monotonic = sleepy.monotonic.bind(sleepy)
    sleepy.monotonic = () => monotonic() + 15_000
    await expect(request(fence, 'PATCH')).rejects.toMatchObject({ reason: 'NotLeading' })
    expect(asked).toEqual(['PATCH'])
  })
})

it('takes no notice of the wall clock, however it jumps', async () => {
  const a = start('a')
  await clock.advance(1_000)
  const b = start('b')
  const now = clock.now.bind(clock)
  for (const jump of [86_400_000, -86_400_000, 3_600_000]) {
    clock.now = () => now() + jump
    await clock.advance(60_000)
    expect([a.elector.isLeader, b.elector.isLeader]).toEqual([true, false])
  }
  expect(server.lease?.spec?.leaseTransitions).toBe(0)
})

it.each([[{ leaseDurationMs: 10_000 }], [{ renewDeadlineMs: 2_000 }]])(
  'refuses times that cannot work: %o',
  (times) => {
    const options = {
      client: server.client('a'),
      namespace: 'n',
      name: 'l',
      identity: 'a',
      clock,
      random: () => 0,
      log: silentLogger,
    }
    expect(
      () =>
        new LeaderElector({
          ...options,
          onStartedLeading: () => undefined,
          onStoppedLeading: () => undefined,
          ...times,
        }),
    ).toThrow('lease duration')
  },
)
