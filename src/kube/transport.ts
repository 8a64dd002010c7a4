/** HTTP to the API server: pooled connections, deadlines, fresh credentials, and errors that hold nothing foreign. */
import type { KubeConfig } from '@kubernetes/client-node'
import { Agent, ProxyAgent, type Dispatcher } from 'undici'
import { readAccess, readEndpoint, type Access, type Endpoint } from './authentication.ts'
import type { Clock } from './clock.ts'
import { KubeError, parseRetryAfter, readStatus, type NoAnswer } from './errors.ts'

/** Who is called, for errors and metrics. `resource` is `secrets`, `deployments.apps`, `deployments.apps/status`. */
export interface CallDescription {
  verb: string
  resource: string
  namespace?: string
  name?: string
}

export interface TransportMetrics {
  /** After each answer; `code` is the HTTP status, or `<error>` without one. A retried call counts twice. */
  request(verb: string, resource: string, code: string, seconds: number): void
}

export interface CallOptions {
  method: string
  /** Below the address of the cluster, with a slash in front, encoded. */
  path: string
  query?: Record<string, string | undefined>
  /** Sent as JSON. */
  body?: unknown
  contentType?: string
  accept?: string
  signal?: AbortSignal
  timeoutMs?: number
  describe: CallDescription
}

export interface StreamOptions {
  path: string
  query?: Record<string, string | undefined>
  accept?: string
  signal: AbortSignal
  /** A stream that says nothing for so many milliseconds is dead. Default: 150 s, bookmarks come every 60 s. */
  inactivityMs?: number
  describe: CallDescription
}

/** What KubeClient needs of a transport; tests script it. */
export type Connection = Pick<Transport, 'request' | 'stream'>

/** Certificates and tokens are read again after this time; the kubelet renews them in time for it. */
const accessLifetimeMs = 60_000

/** An API server closes what was idle for 90 s, some load balancers after 60 s; we are first. */
const keepAliveMs = 30_000

/**
 * Calls go over HTTP/1.1 with up to 32 connections. Measured against a kube-apiserver on the same machine, a small GET
 * takes 0.75 ms at the median where HTTP/2 takes 1.07 ms, and at a concurrency of 32 it takes 6 to 9 ms against 8 to
 * 11 ms. And a connection that died silently is dropped with the first call that times out on it, while an HTTP/2
 * session is kept until several have.
 */
const callConnections = 32

/** A call that its caller gave up after so long without an answer has most likely met a dark connection. */
const silentMs = 2_000

/** How long a call waits for certificates and tokens to be read again before it goes on with those that it has. */
const rereadMs = 1_000

/** Retried once with credentials that were read anew, or, if reading, over another connection. */
const attempts = 2

interface Session {
  readonly access: Access
  readonly calls: Dispatcher
  readonly watches: Dispatcher
}

/** The signal of one call: the caller's, and a deadline on the injected clock. It remembers which of them it was. */
class Guard implements Disposable {
  readonly #clock: Clock
  readonly #outer: AbortSignal | undefined
  readonly #controller = new AbortController()
  #timer: { cancel(): void } | undefined
  #cause: NoAnswer | undefined

  constructor(clock: Clock, outer: AbortSignal | undefined) {
    this.#clock = clock
    this.#outer = outer
    if (outer?.aborted === true) this.#onAbort()
    else outer?.addEventListener('abort', this.#onAbort, { once: true })
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Why it was aborted, undefined if it was not. */
  get cause(): NoAnswer | undefined {
    return this.#cause
  }

  /** Replaces a deadline that was set before. */
  expireAfter(ms: number): void {
    this.#timer?.cancel()
    this.#timer = this.#clock.setTimeout(() => {
      this.#abort('DeadlineExceeded')
    }, ms)
  }

  /** Aborts when `lastSign` is older than `ms`. One timer for many signs: streams are busy. */
  watch(lastSign: () => number, ms: number): void {
    this.#timer?.cancel()
    const rest = ms - (this.#clock.monotonic() - lastSign())
    if (rest <= 0) {
      this.#abort('DeadlineExceeded')
      return
    }
    this.#timer = this.#clock.setTimeout(() => {
      this.watch(lastSign, ms)
    }, rest)
  }

  /** Rejects when the signal aborts before the promise settles. */
  async race<T>(promise: Promise<T>): Promise<T> {
    const { promise: aborted, reject } = Promise.withResolvers<never>()
    const onAbort = (): void => {
      reject(new Error('aborted'))
    }
    if (this.signal.aborted) onAbort()
    this.signal.addEventListener('abort', onAbort, { once: true })
    try {
      return await Promise.race([promise, aborted])
    } finally {
      this.signal.removeEventListener('abort', onAbort)
    }
  }

  [Symbol.dispose](): void {
    this.#timer?.cancel()
    this.#outer?.removeEventListener('abort', this.#onAbort)
  }

  readonly #onAbort = (): void => {
    this.#abort('Aborted')
  }

  #abort(cause: NoAnswer): void {
    this.#cause ??= cause
    this.#timer?.cancel()
    this.#controller.abort()
  }
}

/** Closing waits for what is under way; a watch on the old connection ends in its time. */
function retire(session: Session): void {
  void Promise.allSettled([session.calls.close(), session.watches.close()])
}

/** The `code` of a system, TLS or undici error, if it has one. */
function networkCode(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : undefined
}

/**
 * Connections to one cluster, for as long as it lives. Tokens and certificates are read again every 60 seconds and when
 * the server refuses them; when a certificate changed, new connections replace the old ones, which finish their work.
 */
export class Transport implements AsyncDisposable {
  readonly #kubeConfig: KubeConfig
  readonly #endpoint: Endpoint
  readonly #userAgent: string
  readonly #clock: Clock
  readonly #requestTimeoutMs: number
  readonly #metrics: TransportMetrics | undefined
  #session: Session | undefined
  #readAt = -Infinity
  #reading: Promise<Session> | undefined
  /** A call had no answer. A certificate may have been replaced on the other side: what there is now is read first. */
  #suspect = false
  #disposed = false

  /** @throws OperatorError KUBE_CONFIG when the kubeconfig names no usable cluster */
  constructor(options: {
    kubeConfig: KubeConfig
    userAgent: string
    clock: Clock
    /** Deadline of a call, milliseconds. Default: 10 s. */
    requestTimeoutMs?: number
    metrics?: TransportMetrics
  }) {
    this.#kubeConfig = options.kubeConfig
    this.#endpoint = readEndpoint(options.kubeConfig)
    this.#userAgent = options.userAgent
    this.#clock = options.clock
    this.#requestTimeoutMs = options.requestTimeoutMs ?? 10_000
    this.#metrics = options.metrics
  }

  /**
   * A JSON call with a deadline. Returns the parsed answer, undefined for an empty one.
   * @throws KubeError for any status but 2xx, and with status 0 when there was no answer that could be read
   */
  async request(options: CallOptions): Promise<unknown> {
    using guard = new Guard(this.#clock, options.signal)
    guard.expireAfter(options.timeoutMs ?? this.#requestTimeoutMs)
    const response = await this.#send(options, 'calls', guard)
    const text = await this.#text(response, options.describe, guard)
    if (text === '') return undefined
    try {
      return JSON.parse(text) as unknown
    } catch {
      // The error of JSON.parse quotes what it could not read, and that may be a Secret.
      throw new KubeError({ ...options.describe, status: 0, noAnswer: 'InvalidResponse' })
    }
  }

  /**
   * The lines of an answer that goes on. Ends when the server ends it in order, or the signal aborts.
   * @throws KubeError for any status but 2xx. The iterator throws one with status 0 when the connection dies, or when
   * no byte came for `inactivityMs`.
   */
  async stream(options: StreamOptions): Promise<AsyncIterable<string>> {
    const guard = new Guard(this.#clock, options.signal)
    try {
      guard.expireAfter(this.#requestTimeoutMs)
      const response = await this.#send({ ...options, method: 'GET' }, 'watches', guard)
      return this.#lines(response, guard, options)
    } catch (error) {
      guard[Symbol.dispose]()
      throw error
    }
  }

  /** Cuts every connection. Calls that still run fail. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true
    await Promise.allSettled([this.#session?.calls.destroy(), this.#session?.watches.destroy()])
  }

  async #send(options: CallOptions, kind: 'calls' | 'watches', guard: Guard): Promise<Dispatcher.ResponseData> {
    const { describe } = options
    const query = new URLSearchParams()
    for (const [name, value] of Object.entries(options.query ?? {})) if (value !== undefined) query.set(name, value)
    const path = `${this.#endpoint.path}${options.path}${query.size === 0 ? '' : `?${query.toString()}`}`
    const body = options.body === undefined ? undefined : Buffer.from(JSON.stringify(options.body))
    for (let attempt = 1; ; attempt++) {
      const session = await this.#open(describe, guard)
      const { access, [kind]: dispatcher } = session
      const headers: Record<string, string> = {
        'user-agent': this.#userAgent,
        accept: options.accept ?? 'application/json',
        ...access.headers,
      }
      if (body !== undefined) headers['content-type'] = options.contentType ?? 'application/json'
      const startedAt = this.#clock.monotonic()
      const measure = (code: string): void => {
        this.#metrics?.request(describe.verb, describe.resource, code, (this.#clock.monotonic() - startedAt) / 1000)
      }
      let response: Dispatcher.ResponseData
      try {
        response = await dispatcher.request({
          origin: this.#endpoint.origin,
          path,
          method: options.method,
          headers,
          body: body ?? null,
          signal: guard.signal,
        })
      } catch (error) {
        measure('<error>')
        this.#suspect = true
        const waitedMs = this.#clock.monotonic() - startedAt
        if (guard.cause === 'DeadlineExceeded' || (guard.cause === 'Aborted' && waitedMs >= silentMs))
          this.#replaceConnections(session)
        // The server may have closed an idle connection at the same moment. Only reading may be done twice.
        if (options.method === 'GET' && attempt < attempts && guard.cause === undefined && !this.#disposed) continue
        throw this.#noAnswer(error, describe, guard)
      }
      // Who stops reading must not be hit by an error event later.
      response.body.on('error', () => undefined)
      measure(String(response.statusCode))
      if (response.statusCode >= 200 && response.statusCode < 300) return response
      const text = await this.#text(response, describe, guard)
      if (response.statusCode === 401 && attempt < attempts) {
        await this.#renew(access, guard)
        continue
      }
      throw this.#failure(response, text, describe)
    }
  }

  async #text(response: Dispatcher.ResponseData, describe: CallDescription, guard: Guard): Promise<string> {
    try {
      return await response.body.text()
    } catch (error) {
      throw this.#noAnswer(error, describe, guard)
    }
  }

  #failure(response: Dispatcher.ResponseData, text: string, describe: CallDescription): KubeError {
    let body: unknown
    try {
      body = JSON.parse(text)
    } catch {
      // Proxies answer in HTML. The status says enough.
    }
    const status = readStatus(body)
    const retryAfterSeconds = parseRetryAfter(response.headers['retry-after']) ?? status.retryAfterSeconds
    const { statusCode } = response
    // An API server that starts, and a load balancer that knows no better, say 404 of everything, and give no reason.
    const noSuchPath = statusCode === 404 && status.apiReason === undefined
    return new KubeError({ ...describe, ...status, status: statusCode, retryAfterSeconds, noSuchPath })
  }

  #noAnswer(error: unknown, describe: CallDescription, guard: Guard): KubeError {
    return new KubeError({
      ...describe,
      status: 0,
      noAnswer: guard.cause ?? 'Unreachable',
      networkCode: guard.cause === undefined ? networkCode(error) : undefined,
    })
  }

  async *#lines(
    response: Dispatcher.ResponseData,
    guard: Guard,
    options: StreamOptions,
  ): AsyncGenerator<string, void, undefined> {
    let lastByteAt = this.#clock.monotonic()
    guard.watch(() => lastByteAt, options.inactivityMs ?? 150_000)
    // A line may come in many chunks; a character may be cut in two. So bytes are collected and decoded by the line.
    let parts: Buffer[] = []
    try {
      for await (const chunk of response.body as AsyncIterable<Buffer>) {
        lastByteAt = this.#clock.monotonic()
        let start = 0
        for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
          parts.push(chunk.subarray(start, end))
          const line = (parts.length === 1 ? chunk.subarray(start, end) : Buffer.concat(parts)).toString('utf8')
          parts = []
          start = end + 1
          if (line !== '') yield line
          if (guard.cause === 'Aborted') return
        }
        if (start < chunk.length) parts.push(chunk.subarray(start))
      }
      const rest = Buffer.concat(parts).toString('utf8')
      if (rest !== '') yield rest
    } catch (error) {
      if (guard.cause !== 'Aborted') throw this.#noAnswer(error, options.describe, guard)
    } finally {
      guard[Symbol.dispose]()
      response.body.destroy()
    }
  }

  /** The session, read for the first time or again. An older one goes on serving while a newer one is read. */
  async #open(describe: CallDescription, guard: Guard): Promise<Session> {
    const isOld = this.#clock.monotonic() - this.#readAt >= accessLifetimeMs
    const isSuspect = this.#suspect
    if (this.#session === undefined || isOld || isSuspect) {
      const reading = this.#read(false)
      if (this.#session === undefined) {
        try {
          return await guard.race(reading)
        } catch {
          throw new KubeError({ ...describe, status: 0, noAnswer: guard.cause ?? 'NoCredentials' })
        }
      }
      if (isSuspect) await this.#waitFor(reading, guard)
      else reading.catch(() => undefined)
    }
    return this.#session
  }

  /** The older session is there all the while, and most likely good: so not for long, and whatever comes of it. */
  async #waitFor(reading: Promise<Session>, guard: Guard): Promise<void> {
    const enough = new AbortController()
    try {
      await guard.race(Promise.race([reading, this.#clock.sleep(rereadMs, enough.signal)]))
    } catch {
      // Then with what there is.
    } finally {
      enough.abort()
    }
  }

  /**
   * A connection went dark. A load balancer that has forgotten one has forgotten those that were idle beside it: new calls
   * get new connections, instead of one deadline for each of the old. What is under way on these may end.
   */
  #replaceConnections(session: Session): void {
    if (this.#session !== session || this.#disposed) return
    const { access } = session
    this.#session = { access, ...this.#dispatchers(access) }
    retire(session)
  }

  /** The server refused these credentials. Whoever comes second finds newer ones already. */
  async #renew(refused: Access, guard: Guard): Promise<void> {
    if (this.#session?.access !== refused) return
    await guard.race(this.#read(true)).catch(() => undefined)
  }

  #read(refused: boolean): Promise<Session> {
    this.#reading ??= this.#readOnce(refused).finally(() => {
      this.#reading = undefined
    })
    return this.#reading
  }

  async #readOnce(refused: boolean): Promise<Session> {
    // Also after a failure, the next attempt waits its time: the old credentials are most likely good.
    this.#readAt = this.#clock.monotonic()
    this.#suspect = false
    const access = await readAccess(this.#kubeConfig, refused)
    const old = this.#session
    if (old?.access.fingerprint === access.fingerprint) {
      this.#session = { ...old, access }
    } else {
      this.#session = { access, ...this.#dispatchers(access) }
      if (old !== undefined) retire(old)
    }
    return this.#session
  }

  #dispatchers(access: Access): Pick<Session, 'calls' | 'watches'> {
    return { calls: this.#dispatcher(access, callConnections), watches: this.#dispatcher(access, undefined) }
  }

  /** Watches have no limit of connections: each holds one for minutes. */
  #dispatcher({ tls }: Access, connections: number | undefined): Dispatcher {
    const connect = { ...tls, keepAlive: true, keepAliveInitialDelay: 30_000, timeout: 5_000 }
    const options = {
      allowH2: false,
      pipelining: 1,
      ...(connections === undefined ? {} : { connections }),
      keepAliveTimeout: keepAliveMs,
      keepAliveMaxTimeout: keepAliveMs,
      // The guard of each call has the deadlines, on the injected clock.
      headersTimeout: 0,
      bodyTimeout: 0,
    }
    return this.#endpoint.proxyUrl === undefined
      ? new Agent({ ...options, connect })
      : new ProxyAgent({ ...options, uri: this.#endpoint.proxyUrl, requestTls: connect })
  }
}
