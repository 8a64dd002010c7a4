/** One of several replicas leads: client-go's leader election with a Lease. */
import type { Logger } from '../telemetry/log.ts'
import type { KubeClient } from './client.ts'
import type { Clock, Random } from './clock.ts'
import { isConflict, isNotFound, KubeError, OperatorError } from './errors.ts'
import { leases, microTime, type Lease } from './objects.ts'
import type { Connection } from './transport.ts'

type LeaseSpec = NonNullable<Lease['spec']>

/** Releasing the lease on the way out is a courtesy to the successor, so it does not take longer than this. */
const releaseMs = 1_000

/** client-go's JitterFactor: those who wait do not ask at the same moment. */
const jitterFactor = 1.2

/**
 * The same connection, on which nothing is written unless `mayWrite` says so at that moment. A process that was paused for
 * longer than its lease finds events that came meanwhile before it finds its timers: it must not act on them, for another
 * replica has gone on since, and what it knows is of different ages.
 */
export function fenced(connection: Connection, mayWrite: () => boolean): Connection {
  return {
    async request(options) {
      if (options.method !== 'GET' && !mayWrite())
        throw new KubeError({ ...options.describe, status: 0, noAnswer: 'NotLeading' })
      return await connection.request(options)
    },
    stream: (options) => connection.stream(options),
  }
}

/**
 * Acquires a Lease and renews it. Other replicas' times are never compared with our clock: a lease counts as held until
 * it stood unchanged for its whole term by our own monotonic clock. Leadership ends, by our clock too, before another
 * replica can take over.
 */
export class LeaderElector {
  readonly #client: Pick<KubeClient, 'get' | 'create' | 'update'>
  readonly #namespace: string
  readonly #name: string
  readonly #identity: string
  readonly #clock: Clock
  readonly #random: Random
  readonly #log: Logger
  readonly #leaseDurationMs: number
  readonly #renewDeadlineMs: number
  readonly #retryPeriodMs: number
  readonly #onStartedLeading: (signal: AbortSignal) => void
  readonly #onStoppedLeading: () => void
  readonly #onNewLeader: ((identity: string) => void) | undefined
  #observed: Lease | undefined
  /** Clock.monotonic() when the lease was seen to change. */
  #observedAt = 0
  #reportedLeader: string | undefined
  #leading = false
  /** Clock.monotonic() when the last successful renewal was sent. */
  #renewedAt = -Infinity
  #loggedReason: string | undefined

  constructor(options: {
    client: Pick<KubeClient, 'get' | 'create' | 'update'>
    namespace: string
    /** Name of the Lease. */
    name: string
    /** Unique for this process. */
    identity: string
    clock: Clock
    random: Random
    log: Logger
    /** How long others wait for a silent leader. Default: 15 s. */
    leaseDurationMs?: number
    /** How long the leader goes on without a successful renewal. Default: 10 s. */
    renewDeadlineMs?: number
    /** Default: 2 s. */
    retryPeriodMs?: number
    /** Called once. The signal aborts when leadership ends, for whatever reason. */
    onStartedLeading: (signal: AbortSignal) => void
    /** Called after that signal has aborted, and before the lease is released. */
    onStoppedLeading: () => void
    /** Told of every change of the holder, ourselves included. */
    onNewLeader?: (identity: string) => void
  }) {
    this.#client = options.client
    this.#namespace = options.namespace
    this.#name = options.name
    this.#identity = options.identity
    this.#clock = options.clock
    this.#random = options.random
    this.#log = options.log.child({ lease: `${options.namespace}/${options.name}` })
    this.#leaseDurationMs = options.leaseDurationMs ?? 15_000
    this.#renewDeadlineMs = options.renewDeadlineMs ?? 10_000
    this.#retryPeriodMs = options.retryPeriodMs ?? 2_000
    this.#onStartedLeading = options.onStartedLeading
    this.#onStoppedLeading = options.onStoppedLeading
    this.#onNewLeader = options.onNewLeader
    if (this.#leaseDurationMs <= this.#renewDeadlineMs || this.#renewDeadlineMs <= jitterFactor * this.#retryPeriodMs) {
      throw new OperatorError({
        code: 'LEADER_ELECTION_TIMES',
        reason: 'InvalidSettings',
        retry: 'never',
        message: 'the lease duration must exceed the renew deadline, and that the retry period by more than a fifth',
      })
    }
  }

  /** False as soon as the lease could have been taken by another, even if nobody noticed yet. */
  get isLeader(): boolean {
    return this.#leading && this.#clock.monotonic() - this.#renewedAt < this.#leaseDurationMs
  }

  /**
   * Returns after losing the lease, or after releasing it when the signal aborts. Abort it when the work that needs the
   * lease has stopped: the next leader may begin at once.
   */
  async run(signal: AbortSignal): Promise<void> {
    if (!(await this.#acquire(signal))) return
    if (signal.aborted) {
      await this.#release()
      return
    }
    const term = new AbortController()
    this.#leading = true
    this.#log.info({ identity: this.#identity }, 'became the leader')
    this.#onStartedLeading(term.signal)
    const lost = await this.#renew(signal)
    this.#leading = false
    term.abort()
    this.#onStoppedLeading()
    if (lost) this.#log.error({ identity: this.#identity }, 'lost the lease')
    else await this.#release()
  }

  async #acquire(signal: AbortSignal): Promise<boolean> {
    while (!signal.aborted) {
      if (await this.#tryAcquireOrRenew(this.#attemptMs, signal)) return true
      await this.#clock.sleep(this.#retryPeriodMs * (1 + jitterFactor * this.#random()), signal)
    }
    return false
  }

  /** Half of the deadline, so that there is time for another attempt when one hangs on a connection that has died. */
  get #attemptMs(): number {
    return this.#renewDeadlineMs / 2
  }

  /** Returns true when the lease was lost, false when the signal aborted. */
  async #renew(signal: AbortSignal): Promise<boolean> {
    for (;;) {
      const rest = (): number => this.#renewedAt + this.#renewDeadlineMs - this.#clock.monotonic()
      await this.#clock.sleep(Math.min(this.#retryPeriodMs, rest()), signal)
      if (signal.aborted) return false
      if (rest() <= 0) return true
      if (await this.#tryAcquireOrRenew(Math.min(this.#attemptMs, rest()), signal)) continue
      // A lease that another one holds will not become ours again by waiting.
      if (this.#holder !== this.#identity && this.#holder !== '') return true
    }
  }

  get #holder(): string {
    return this.#observed?.spec?.holderIdentity ?? ''
  }

  /** One attempt, which is over after `ms` milliseconds whatever happens. Never throws. */
  async #tryAcquireOrRenew(ms: number, signal: AbortSignal): Promise<boolean> {
    const deadline = new AbortController()
    const timer = this.#clock.setTimeout(() => {
      deadline.abort()
    }, ms)
    try {
      const held = await this.#attempt(AbortSignal.any([deadline.signal, signal]))
      this.#loggedReason = undefined
      return held
    } catch (error) {
      const fields =
        error instanceof OperatorError
          ? { code: error.code, reason: error.reason }
          : { code: 'UNEXPECTED', reason: 'Unexpected' }
      if (!signal.aborted) {
        if (this.#loggedReason === fields.reason) this.#log.debug(fields, 'could not acquire or renew the lease')
        else this.#log.warn(fields, 'could not acquire or renew the lease')
        this.#loggedReason = fields.reason
      }
      return false
    } finally {
      timer.cancel()
    }
  }

  async #attempt(signal: AbortSignal): Promise<boolean> {
    const sentAt = this.#clock.monotonic()
    if (this.#leading && this.#observed !== undefined && this.#isHeld(sentAt)) {
      // Most of the time nobody else has touched it, and one call is enough.
      try {
        const renewed = this.#claim(this.#observed.spec)
        this.#won(
          await this.#client.update(
            leases,
            this.#namespace,
            this.#name,
            { ...this.#observed, spec: renewed },
            { signal },
          ),
          sentAt,
        )
        return true
      } catch {
        // Somebody has, or there was no answer: look, then.
      }
    }
    let lease: Lease
    const readAt = this.#clock.monotonic()
    try {
      lease = await this.#client.get(leases, this.#namespace, this.#name, { signal })
    } catch (error) {
      if (!isNotFound(error)) throw error
      const body = {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: { name: this.#name, namespace: this.#namespace },
        spec: this.#claim(undefined),
      }
      this.#won(await this.#client.create(leases, this.#namespace, body, { signal }), readAt)
      return true
    }
    if (JSON.stringify(this.#observed?.spec) !== JSON.stringify(lease.spec)) this.#observedAt = this.#clock.monotonic()
    this.#observe(lease)
    if (this.#holder !== '' && this.#holder !== this.#identity && this.#isHeld(this.#clock.monotonic())) return false
    const writtenAt = this.#clock.monotonic()
    this.#won(
      await this.#client.update(
        leases,
        this.#namespace,
        this.#name,
        { ...lease, spec: this.#claim(lease.spec) },
        { signal },
      ),
      writtenAt,
    )
    return true
  }

  /** The lease as it stands was seen to change within its own term. */
  #isHeld(now: number): boolean {
    const seconds = this.#observed?.spec?.leaseDurationSeconds
    return now - this.#observedAt < (seconds === undefined ? this.#leaseDurationMs : seconds * 1000)
  }

  /** The record that makes us the holder, after `old`. */
  #claim(old: LeaseSpec | undefined): LeaseSpec {
    const now = microTime(this.#clock.now())
    const ours = old?.holderIdentity === this.#identity
    return {
      ...old,
      holderIdentity: this.#identity,
      leaseDurationSeconds: Math.ceil(this.#leaseDurationMs / 1000),
      acquireTime: ours ? (old.acquireTime ?? now) : now,
      renewTime: now,
      leaseTransitions: ours || old === undefined ? (old?.leaseTransitions ?? 0) : (old.leaseTransitions ?? 0) + 1,
    }
  }

  #won(lease: Lease, sentAt: number): void {
    // From the moment of asking: the answer may have taken long, and others count from when the server wrote.
    this.#renewedAt = sentAt
    this.#observedAt = this.#clock.monotonic()
    this.#observe(lease)
  }

  #observe(lease: Lease): void {
    this.#observed = lease
    if (this.#holder === '' || this.#holder === this.#reportedLeader) return
    this.#reportedLeader = this.#holder
    this.#log.info({ leader: this.#holder }, 'new leader')
    this.#onNewLeader?.(this.#holder)
  }

  /** Hands the lease over, if it is still ours. */
  async #release(): Promise<void> {
    const deadline = new AbortController()
    const timer = this.#clock.setTimeout(() => {
      deadline.abort()
    }, releaseMs)
    const { signal } = deadline
    const free = async (lease: Lease): Promise<void> => {
      if (lease.spec?.holderIdentity !== this.#identity) return
      const now = microTime(this.#clock.now())
      const spec = { ...lease.spec, holderIdentity: '', leaseDurationSeconds: 1, acquireTime: now, renewTime: now }
      await this.#client.update(leases, this.#namespace, this.#name, { ...lease, spec }, { signal })
      this.#log.info({ identity: this.#identity }, 'released the lease')
    }
    try {
      if (this.#observed === undefined) return
      try {
        await free(this.#observed)
      } catch (error) {
        // A renewal that was cut short by the shutdown may have arrived after all.
        if (!isConflict(error)) throw error
        await free(await this.#client.get(leases, this.#namespace, this.#name, { signal }))
      }
    } catch (error) {
      const code = error instanceof OperatorError ? error.code : 'UNEXPECTED'
      this.#log.warn({ code }, 'could not release the lease, it runs out by itself')
    } finally {
      timer.cancel()
    }
  }
}
