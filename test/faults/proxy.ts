/**
 * An HTTPS server in front of a real kube-apiserver. It passes every call on, or does what a script tells: the faults that
 * neither a real server nor a real network has on demand.
 */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer as createHttpsServer } from 'node:https'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Agent } from 'undici'
import { parse, stringify } from 'yaml'
import * as z from 'zod'
import { freePort } from '../cluster/cluster.ts'
import { makeCertificate } from './certificate.ts'
import { reset } from './reset.ts'

export type Verb = 'list' | 'watch' | 'get' | 'create' | 'patch' | 'update' | 'delete'

export interface ProxiedCall {
  readonly verb: Verb
  /** `secrets`, `deployments`, `tracardiresources/status`, `leases`, `events`. Empty for anything but a resource. */
  readonly resource: string
  readonly namespace: string | undefined
  readonly name: string | undefined
  readonly userAgent: string
  readonly query: URLSearchParams
  /** Parsed JSON; undefined without one. */
  readonly body: unknown
  /** 1 for the first call that came to the proxy. */
  readonly number: number
  /** performance.now() when it came. */
  readonly at: number
}

/** Where a call is when its connection breaks: not yet passed on; carried out but not answered; amid the answer. */
export type Moment = 'BeforeForwarding' | 'BeforeAnswer' | 'AmidBody'

/** What happens to one call. */
export type Fault =
  | { readonly kind: 'Forward' }
  /** The connection is reset. */
  | { readonly kind: 'Reset'; readonly when: Moment }
  /** Nothing more comes, in neither direction, and the connection stays. */
  | { readonly kind: 'Dark'; readonly when: Moment }
  /** An answer of our own; the server sees nothing. Then the answer ends, or does not and the connection goes dark. */
  | {
      readonly kind: 'Answer'
      readonly status: number
      readonly headers?: Readonly<Record<string, string>>
      readonly body: string | Buffer
      readonly then?: 'End' | 'Dark'
    }
  /** The server's answer, changed. Not for watches. */
  | { readonly kind: 'Alter'; readonly alter: (body: Buffer) => Buffer | string }
  /** The answer comes in small pieces. */
  | { readonly kind: 'Trickle'; readonly bytes: number; readonly everyMs: number }

/** How all connections are. `Refuse`: those that are there are reset, new ones refused. `Dark`: nothing passes. */
export type Partition = 'Open' | 'Refuse' | 'Dark'

export interface FaultProxy extends AsyncDisposable {
  readonly url: string
  /**
   * A kubeconfig file that leads through the proxy: certificate authority and token are files beside it, as in a pod.
   * @param options.token of another user than the one of the kubeconfig that the proxy was started with
   */
  kubeconfig(options?: { readonly token?: string }): Promise<string>
  /** Asked before a call is passed on. It may take its time: meanwhile the call is held back, and then goes on its way. */
  before: (call: ProxiedCall) => Fault | Promise<Fault>
  /** Asked when the real server has answered and before the client gets it; it may hold the answer back. */
  after: (call: ProxiedCall, status: number) => void | Promise<void>
  partition(mode: Partition): Promise<void>
  /** Connections that are there go dark for ever, as those do that a load balancer has forgotten. New ones work. */
  forgetConnections(): void
  /** Watches that run now are reset, and nothing else. */
  resetWatches(): void
  /** Another certificate from here on, and every connection is reset. Clients trust it after `publishCertificate`. */
  replaceCertificate(): void
  publishCertificate(): Promise<void>
  /** Tokens given out so far are refused with 401; the token files get new ones with `publishTokens`. */
  expireTokens(): void
  publishTokens(): Promise<void>
  /** Every call that came, answered or not, refused tokens included. */
  readonly calls: readonly ProxiedCall[]
  /** Connections that are open now. */
  readonly connections: number
}

const sourceSchema = z.object({
  'current-context': z.string(),
  contexts: z.array(z.object({ name: z.string(), context: z.looseObject({ cluster: z.string(), user: z.string() }) })),
  clusters: z.array(
    z.object({
      name: z.string(),
      cluster: z.object({ server: z.string(), 'certificate-authority-data': z.string() }),
    }),
  ),
  users: z.array(z.object({ name: z.string(), user: z.object({ token: z.string() }) })),
})

const forward: Fault = { kind: 'Forward' }
const hopByHop: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'transfer-encoding',
  'upgrade',
  'te',
  'trailer',
])

/** One client's connection: bytes go to and fro, until they are held or dropped. */
class Line {
  readonly #client: Socket
  readonly #server: Socket
  #state: 'Open' | 'Held' | 'Dead' = 'Open'
  #held: (() => void)[] = []

  constructor(client: Socket, server: Socket) {
    this.#client = client
    this.#server = server
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      from.on('data', (chunk: Buffer) => {
        this.#pass(() => to.write(chunk))
      })
      from.on('end', () => {
        this.#pass(() => to.end())
      })
      from.on('error', () => undefined)
    }
    // Who hangs up is gone, also where nobody hears of it: nothing more can reach him.
    client.on('close', () => server.destroy())
    server.on('close', () => {
      this.#pass(() => {
        client.destroySoon()
      })
    })
  }

  hold(): void {
    if (this.#state === 'Open') this.#state = 'Held'
  }

  release(): void {
    if (this.#state !== 'Held') return
    this.#state = 'Open'
    for (const send of this.#held.splice(0)) send()
  }

  forget(): void {
    this.#state = 'Dead'
    this.#held = []
  }

  reset(): void {
    this.#state = 'Dead'
    reset(this.#client)
    this.#server.destroy()
  }

  #pass(send: () => void): void {
    if (this.#state === 'Open') send()
    else if (this.#state === 'Held') this.#held.push(send)
  }
}

/**
 * @param options.kubeconfig of the real cluster, with its certificate and a token in it
 * @param options.heartbeatMs watches that are well get an empty line so often, for clients whose watchdog is impatient
 */
export async function startFaultProxy(options: {
  readonly kubeconfig: string
  readonly heartbeatMs?: number
}): Promise<FaultProxy> {
  const source = sourceSchema.parse(parse(await readFile(options.kubeconfig, 'utf8')))
  const context = source.contexts.find(({ name }) => name === source['current-context'])?.context
  const cluster = source.clusters.find(({ name }) => name === context?.cluster)?.cluster
  const user = source.users.find(({ name }) => name === context?.user)?.user
  if (context === undefined || cluster === undefined || user === undefined)
    throw new Error(`${options.kubeconfig} lacks the cluster or the user of its current context`)
  const directory = await mkdtemp(join(tmpdir(), 'tracardi-faults-'))
  const upstream = new Agent({
    connect: { ca: Buffer.from(cluster['certificate-authority-data'], 'base64').toString() },
    // Over HTTP/2 one call that breaks takes all others with it.
    allowH2: false,
    headersTimeout: 0,
    bodyTimeout: 0,
  })

  let certificate = makeCertificate()
  const caFile = join(directory, 'ca.crt')
  const publishCertificate = (): Promise<void> => writeFile(caFile, certificate.certificate)
  await publishCertificate()

  /** A token that a client shows → the token of the real server; undefined: expired. */
  const tokens = new Map<string, string | undefined>()
  const tokenFiles = new Map<string, string>()
  const publishToken = async (file: string, real: string): Promise<void> => {
    const token = randomBytes(16).toString('hex')
    tokens.set(token, real)
    await writeFile(file, token, { mode: 0o600 })
  }

  const calls: ProxiedCall[] = []
  const lines = new Map<number, Line>()
  const watches = new Set<Line>()
  let mode: Partition = 'Open'
  const inner = createHttpsServer({ key: certificate.key, cert: certificate.certificate, keepAliveTimeout: 0 })
  inner.requestTimeout = 0
  inner.timeout = 0
  inner.on('tlsClientError', () => undefined)
  inner.on('request', (request, response) => {
    void serve(request, response).catch(() => {
      lineOf(request)?.reset()
    })
  })
  inner.listen(0, '127.0.0.1')
  await once(inner, 'listening')
  const innerPort = (inner.address() as AddressInfo).port

  /** Which connection a request came by: the port of our own connection behind it is known on both sides. */
  const lineOf = (request: IncomingMessage): Line | undefined => lines.get(request.socket.remotePort ?? -1)

  const outer: Server = createServer((client) => {
    client.pause()
    client.on('error', () => undefined)
    const server = connect(innerPort, '127.0.0.1')
    server.on('error', () => client.destroy())
    server.once('connect', () => {
      const port = server.localPort ?? -1
      const line = new Line(client, server)
      lines.set(port, line)
      server.once('close', () => {
        if (lines.get(port) === line) lines.delete(port)
      })
      if (mode === 'Dark') line.hold()
      client.resume()
    })
  })
  const port = await freePort()
  const listen = async (): Promise<void> => {
    outer.listen(port, '127.0.0.1')
    await once(outer, 'listening')
  }
  await listen()

  const proxy: FaultProxy = {
    url: `https://127.0.0.1:${String(port)}`,
    async kubeconfig({ token = user.token } = {}) {
      const number = String(tokenFiles.size + 1)
      const tokenFile = join(directory, `token-${number}`)
      tokenFiles.set(tokenFile, token)
      await publishToken(tokenFile, token)
      const path = join(directory, `kubeconfig-${number}`)
      const config = {
        apiVersion: 'v1',
        kind: 'Config',
        'current-context': 'proxy',
        clusters: [{ name: 'proxy', cluster: { server: proxy.url, 'certificate-authority': caFile } }],
        // A tokenFile is known to client-node in this place only, as it makes it of a ServiceAccount in a pod.
        users: [{ name: 'proxy', user: { 'auth-provider': { name: 'tokenFile', config: { tokenFile } } } }],
        contexts: [{ name: 'proxy', context: { ...context, cluster: 'proxy', user: 'proxy' } }],
      }
      await writeFile(path, stringify(config), { mode: 0o600 })
      return path
    },
    before: () => forward,
    after: () => undefined,
    async partition(wanted) {
      if (wanted === mode) return
      const was = mode
      mode = wanted
      if (wanted === 'Refuse') {
        const closed = once(outer, 'close')
        outer.close()
        resetAll()
        await closed
      }
      if (was === 'Refuse') await listen()
      for (const line of lines.values()) {
        if (wanted === 'Dark') line.hold()
        else line.release()
      }
    },
    forgetConnections() {
      for (const line of lines.values()) line.forget()
    },
    resetWatches() {
      for (const line of watches) line.reset()
    },
    replaceCertificate() {
      certificate = makeCertificate()
      inner.setSecureContext({ key: certificate.key, cert: certificate.certificate })
      resetAll()
    },
    publishCertificate,
    expireTokens() {
      for (const token of tokens.keys()) tokens.set(token, undefined)
    },
    async publishTokens() {
      for (const [file, real] of tokenFiles) await publishToken(file, real)
    },
    calls,
    get connections() {
      return lines.size
    },
    async [Symbol.asyncDispose]() {
      resetAll()
      outer.close()
      inner.close()
      inner.closeAllConnections()
      await upstream.destroy()
      await rm(directory, { recursive: true, force: true })
    },
  }

  function resetAll(): void {
    for (const line of lines.values()) line.reset()
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('error', () => undefined)
    const text = await readAll(request)
    const call = describeCall(request, text, calls.length + 1)
    calls.push(call)
    const token = tokens.get(request.headers.authorization?.replace(/^Bearer /, '') ?? '')
    if (token === undefined) {
      response.writeHead(401, { 'content-type': 'application/json' }).end(statusBody(401, 'Unauthorized'))
      return
    }
    const fault = await proxy.before(call)
    const line = lineOf(request)
    if (fault.kind === 'Answer') {
      response.writeHead(fault.status, { 'content-type': 'application/json', ...fault.headers })
      if (fault.then !== 'Dark') response.end(fault.body)
      else response.write(fault.body)
      return
    }
    const breaks = fault.kind === 'Reset' || fault.kind === 'Dark' ? fault : undefined
    const breakLine = (): void => {
      if (breaks?.kind === 'Reset') line?.reset()
      else line?.forget()
    }
    if (breaks?.when === 'BeforeForwarding') {
      breakLine()
      return
    }
    const gone = new AbortController()
    const answer = await upstream.request({
      origin: cluster?.server ?? '',
      path: request.url ?? '/',
      method: request.method ?? 'GET',
      headers: { ...endToEnd(request.headers), authorization: `Bearer ${token}` },
      body: text.length === 0 ? null : text,
      // What is on its way to the server arrives, whether or not somebody still waits for the answer.
      ...(call.verb === 'watch' && { signal: gone.signal }),
    })
    answer.body.on('error', () => undefined)
    if (call.verb === 'watch') {
      response.once('close', () => {
        gone.abort()
      })
      if (response.destroyed) gone.abort()
    }
    await proxy.after(call, answer.statusCode)
    if (breaks?.when === 'BeforeAnswer') {
      // A watch goes on for minutes; any other answer is waited for, so that the call is carried out.
      if (call.verb === 'watch') gone.abort()
      else await answer.body.dump()
      breakLine()
      return
    }
    const headers = endToEnd(answer.headers)
    if (fault.kind === 'Alter') {
      const altered = Buffer.from(fault.alter(Buffer.from(await answer.body.arrayBuffer())))
      response.writeHead(answer.statusCode, { ...headers, 'content-length': altered.length })
      response.end(altered)
      return
    }
    response.writeHead(answer.statusCode, headers)
    response.flushHeaders()
    using heart = new DisposableStack()
    let isBetweenLines = true
    if (call.verb === 'watch') {
      if (line !== undefined) watches.add(line)
      const beat =
        options.heartbeatMs === undefined || fault.kind !== 'Forward'
          ? undefined
          : setInterval(() => {
              if (isBetweenLines) response.write('\n')
            }, options.heartbeatMs)
      heart.defer(() => {
        clearInterval(beat)
        if (line !== undefined) watches.delete(line)
      })
    }
    for await (const chunk of answer.body as AsyncIterable<Buffer>) {
      if (response.destroyed) break
      isBetweenLines = chunk.at(-1) === 0x0a
      if (breaks !== undefined) {
        // Half of it has arrived before the rest is lost.
        await write(response, chunk.subarray(0, Math.ceil(chunk.length / 2)))
        await new Promise((resolve) => setTimeout(resolve, 20))
        breakLine()
        gone.abort()
        return
      }
      if (fault.kind === 'Trickle') await trickle(response, chunk, fault)
      else await write(response, chunk)
    }
    response.end()
  }

  return proxy
}

/** A metav1.Status as the API server writes it. */
export function statusBody(code: number, reason: string, details: object = {}, message = reason): string {
  return JSON.stringify({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message,
    reason,
    details,
    code,
  })
}

async function readAll(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks)
}

async function write(response: ServerResponse, chunk: Buffer): Promise<void> {
  if (response.destroyed || response.write(chunk)) return
  await Promise.race([once(response, 'drain'), once(response, 'close')])
}

async function trickle(
  response: ServerResponse,
  chunk: Buffer,
  { bytes, everyMs }: { readonly bytes: number; readonly everyMs: number },
): Promise<void> {
  for (let at = 0; at < chunk.length && !response.destroyed; at += bytes) {
    await write(response, chunk.subarray(at, at + bytes))
    await new Promise((resolve) => setTimeout(resolve, everyMs))
  }
}

function endToEnd(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string | string[]> {
  const kept: Record<string, string | string[]> = {}
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && !hopByHop.has(name) && name !== 'host') kept[name] = value
  }
  return kept
}

/** `/api/v1/namespaces/N/secrets/NAME`, `/apis/GROUP/VERSION/namespaces/N/PLURAL/NAME/SUBRESOURCE`, and without a namespace. */
const resourcePath =
  /^\/(?:api|apis\/[^/]+)\/v[^/]+(?:\/namespaces\/(?<namespace>[^/]+)(?=\/))?\/(?<plural>[^/]+)(?:\/(?<name>[^/]+)(?:\/(?<sub>[^/]+))?)?$/

function describeCall(request: IncomingMessage, text: Buffer, number: number): ProxiedCall {
  const url = new URL(request.url ?? '/', 'https://localhost')
  const { namespace, plural = '', name, sub } = resourcePath.exec(url.pathname)?.groups ?? {}
  const watches = ['true', '1'].includes(url.searchParams.get('watch') ?? '')
  const verbs: Readonly<Record<string, Verb>> = { POST: 'create', PATCH: 'patch', PUT: 'update', DELETE: 'delete' }
  const reading: Verb = watches ? 'watch' : name === undefined ? 'list' : 'get'
  let body: unknown
  try {
    body = text.length === 0 ? undefined : JSON.parse(text.toString())
  } catch {
    // Not JSON: nobody decides by it.
  }
  return {
    verb: verbs[request.method ?? ''] ?? reading,
    resource: sub === undefined ? plural : `${plural}/${sub}`,
    namespace,
    name,
    userAgent: request.headers['user-agent'] ?? '',
    query: url.searchParams,
    body,
    number,
    at: performance.now(),
  }
}
