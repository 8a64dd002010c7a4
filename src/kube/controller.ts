/** Workers that reconcile keys, with controller-runtime's semantics. */
import type { Logger } from '../telemetry/log.ts'
import type { Clock, Random } from './clock.ts'
import { isMissingPermission, KubeError, OperatorError } from './errors.ts'
import { WorkQueue, type QueueMetrics } from './workqueue.ts'

/** What one reconcile gets. */
export interface ReconcileContext {
  /** Aborts at the deadline, and when a shutdown has waited long enough. */
  readonly signal: AbortSignal
  /** Ties the log lines of one reconcile together. */
  readonly reconcileID: string
  readonly log: Logger
}

export interface ReconcileResult {
  /** Again after this time, should nothing happen before. */
  requeueAfterMs?: number
  /** Again at once, without back-off. */
  requeue?: boolean
}

export interface ControllerMetrics {
  reconcile(controller: string, result: 'success' | 'error' | 'requeue' | 'requeue_after', seconds: number): void
  /** How many workers there are, and how many of them are at work. */
  workers?(controller: string, active: number, all: number): void
}

/** The pause before a key is tried again that lost a race, and how often that is done before it backs off. */
const raceDelayMs = 20
const maxRaces = 5

/** How long a reconcile may take to end once its signal has aborted; then its worker goes on without it. */
const graceMs = 10_000

/**
 * Reconciles each key by one worker at a time. A reconcile that does not heed its signal holds its key, until it ends after
 * all, and no worker. An error with retry `now` brings the key back after about 20 ms, five
 * times in a row at most; one with `never` ends it until the next event; any other backs off, for as long as the API
 * server asked at least.
 */
export class Controller {
  readonly #name: string
  readonly #workers: number
  readonly #clock: Clock
  readonly #random: Random
  readonly #log: Logger
  readonly #reconcile: (key: string, context: ReconcileContext) => Promise<ReconcileResult | undefined>
  readonly #timeoutMs: number
  readonly #drainMs: number
  readonly #metrics: ControllerMetrics | undefined
  readonly #queue: WorkQueue
  #active = 0
  /** key → races lost in a row. */
  readonly #races = new Map<string, number>()
  /** key → the error that was logged last, until it succeeds. */
  readonly #logged = new Map<string, string>()

  constructor(options: {
    name: string
    /** How many keys are worked on at the same time. */
    workers: number
    clock: Clock
    random: Random
    log: Logger
    reconcile: (key: string, context: ReconcileContext) => Promise<ReconcileResult | undefined>
    /** Deadline of one reconcile, by its signal. Default: 60 s. */
    timeoutMs?: number
    /** How long `run` lets running reconciles finish before it aborts their signals. Default: 10 s. */
    drainMs?: number
    /** Groups of keys take turns, so that a large one does not starve a small one. Default: one group. */
    groupOf?: (key: string) => string
    queueMetrics?: QueueMetrics
    metrics?: ControllerMetrics
  }) {
    this.#name = options.name
    this.#workers = options.workers
    this.#clock = options.clock
    this.#random = options.random
    this.#log = options.log.child({ controller: options.name })
    this.#reconcile = options.reconcile
    this.#timeoutMs = options.timeoutMs ?? 60_000
    this.#drainMs = options.drainMs ?? 10_000
    this.#metrics = options.metrics
    this.#queue = new WorkQueue({
      name: options.name,
      clock: options.clock,
      ...(options.groupOf === undefined ? {} : { groupOf: options.groupOf }),
      ...(options.queueMetrics === undefined ? {} : { metrics: options.queueMetrics }),
    })
  }

  /** Keys may come before `run`. */
  enqueue(key: string): void {
    this.#queue.add(key)
  }

  enqueueAfter(key: string, ms: number): void {
    this.#queue.addAfter(key, ms)
  }

  /**
   * Runs workers until the signal aborts, then lets what is in progress finish. It can run once.
   * @param cut aborts what is in progress at once: the Lease is lost, and another replica may write by now
   */
  async run(signal: AbortSignal, cut?: AbortSignal): Promise<void> {
    this.#countWorkers(0)
    const drained = new AbortController()
    const cutOff = (): void => {
      drained.abort()
    }
    if (cut?.aborted === true) cutOff()
    else cut?.addEventListener('abort', cutOff, { once: true })
    let drain: { cancel(): void } | undefined
    const stop = (): void => {
      this.#queue.shutDown()
      drain = this.#clock.setTimeout(() => {
        drained.abort()
      }, this.#drainMs)
    }
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
    await Promise.all(Array.from({ length: this.#workers }, () => this.#work(signal, drained.signal)))
    drain?.cancel()
  }

  async #work(signal: AbortSignal, drained: AbortSignal): Promise<void> {
    for (;;) {
      const key = await this.#queue.get()
      // What is still queued is seen again after the restart: everything is level-based.
      if (key === undefined || signal.aborted) return
      this.#countWorkers(1)
      await this.#process(key, drained)
      this.#countWorkers(-1)
    }
  }

  #countWorkers(change: -1 | 0 | 1): void {
    this.#active += change
    this.#metrics?.workers?.(this.#name, this.#active, this.#workers)
  }

  /** Resolves when the worker can go on: the reconcile has ended, or does not end when it should. */
  async #process(key: string, drained: AbortSignal): Promise<void> {
    const reconcileID = Math.floor(this.#random() * 2 ** 32)
      .toString(16)
      .padStart(8, '0')
    const log = this.#log.child({ key, reconcileID })
    const deadline = new AbortController()
    const timer = this.#clock.setTimeout(() => {
      deadline.abort()
    }, this.#timeoutMs)
    const signal = AbortSignal.any([deadline.signal, drained])
    const { promise: abandoned, resolve: abandon } = Promise.withResolvers<undefined>()
    let grace: { cancel(): void } | undefined
    const onAbort = (): void => {
      grace = this.#clock.setTimeout(() => {
        log.error(
          { code: 'RECONCILE_STUCK' },
          'the reconcile does not end when it should; its worker goes on without it',
        )
        abandon(undefined)
      }, graceMs)
    }
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
    const ended = this.#reconcileOnce(key, { signal, reconcileID, log }, deadline.signal).finally(() => {
      timer.cancel()
      grace?.cancel()
      signal.removeEventListener('abort', onAbort)
      this.#queue.done(key)
    })
    await Promise.race([ended, abandoned])
  }

  async #reconcileOnce(key: string, context: ReconcileContext, deadline: AbortSignal): Promise<void> {
    const { log } = context
    const startedAt = this.#clock.monotonic()
    const measure = (result: 'success' | 'error' | 'requeue' | 'requeue_after'): void => {
      const seconds = (this.#clock.monotonic() - startedAt) / 1000
      this.#metrics?.reconcile(this.#name, result, seconds)
      log.debug({ result, seconds }, 'reconciled')
    }
    try {
      const result = await this.#reconcile(key, context)
      measure(this.#succeed(key, result ?? {}))
    } catch (error) {
      measure('error')
      // Whatever an aborted call makes of it, the deadline is the reason.
      this.#fail(key, deadline.aborted ? timeout() : error, log)
    }
  }

  #succeed(key: string, result: ReconcileResult): 'success' | 'requeue' | 'requeue_after' {
    this.#queue.forget(key)
    this.#races.delete(key)
    this.#logged.delete(key)
    if (result.requeue === true) {
      this.#queue.add(key)
      return 'requeue'
    }
    if (result.requeueAfterMs === undefined) return 'success'
    this.#queue.addAfter(key, result.requeueAfterMs)
    return 'requeue_after'
  }

  #fail(key: string, error: unknown, log: Logger): void {
    const races = this.#races.get(key) ?? 0
    const retry = error instanceof OperatorError ? error.retry : 'backoff'
    if (retry === 'now' && races < maxRaces) {
      this.#races.set(key, races + 1)
      this.#queue.addAfter(key, raceDelayMs * (0.5 + this.#random()))
      log.debug(describe(error), 'lost a race, trying again')
      return
    }
    // The races stay counted until one is won: what loses for ever must not do so five times between two pauses.
    if (retry === 'never') {
      this.#queue.forget(key)
      this.#races.delete(key)
    } else {
      // Those who were told to come back after a time must not come back all at once.
      const retryAfter =
        error instanceof KubeError ? (error.retryAfterSeconds ?? 0) * 1000 * (1 + 0.1 * this.#random()) : 0
      this.#queue.addRateLimited(key, retryAfter)
    }
    const fields = describe(error)
    const fingerprint = JSON.stringify({ ...fields, stack: undefined })
    const message = retry === 'never' ? 'reconcile failed, waiting for a change' : 'reconcile failed, trying again'
    // A missing right is told elsewhere, once for all keys that lack it.
    if (this.#logged.get(key) === fingerprint || isMissingPermission(error)) log.debug(fields, message)
    else log.warn(fields, message)
    this.#logged.set(key, fingerprint)
  }
}

function timeout(): OperatorError {
  return new OperatorError({
    code: 'RECONCILE_TIMEOUT',
    reason: 'ReconcileTimeout',
    retry: 'backoff',
    message: 'the reconcile passed its deadline',
  })
}

/** What may be said of an error: never its message, for that of a library may hold a value. */
function describe(error: unknown): object {
  if (error instanceof KubeError) {
    const { code, reason, verb, resource, status, namespace, objectName } = error
    return { code, reason, verb, resource, status, namespace, name: objectName }
  }
  if (error instanceof OperatorError) return { code: error.code, reason: error.reason }
  return {
    code: 'UNEXPECTED',
    error: error instanceof Error ? error.constructor.name : typeof error,
    stack: frames(error),
  }
}

/** Where an unexpected error comes from, without its message, which stands in front of the frames. */
function frames(error: unknown): string[] | undefined {
  if (!(error instanceof Error) || error.stack === undefined) return undefined
  const head = error.message === '' ? error.name : `${error.name}: ${error.message}`
  if (!error.stack.startsWith(`${head}\n`)) return undefined
  const lines = error.stack.slice(head.length + 1).split('\n')
  return lines.slice(0, 5).map((line) => line.trim())
}
