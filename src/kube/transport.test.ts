import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { KubeConfig, type Cluster, type User } from '@kubernetes/client-node'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { isNotFound, KubeError, OperatorError } from './errors.ts'
import { FakeClock } from './fake-clock.ts'
import { Transport } from './transport.ts'

type Handler = (request: IncomingMessage, response: ServerResponse, body: string) => void

const describeCall = { verb: 'get', resource: 'secrets', namespace: 'shop', name: 'keys' }

let clock: FakeClock
let directory: string
let server: Server
let handler: Handler
let sockets: Set<Socket>
let connections: number
let requests: {
  method: string | undefined
  url: string | undefined
  headers: IncomingMessage['headers']
  body: string
}[]
let transports: Transport[]
let measured: string[]

beforeEach(async () => {
  clock = new FakeClock()
  directory = mkdtempSync(join(tmpdir(), 'transport-'))
  sockets = new Set()
  connections = 0
  requests = []
  transports = []
  measured = []
  handler = (_request, response) => {
    response.end('{"ok":true}')
  }
  server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => {
      requests.push({ method: request.method, url: request.url, headers: request.headers, body })
      handler(request, response, body)
    })
  })
  server.on('connection', (socket) => {
    connections++
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})

afterEach(async () => {
  for (const transport of transports) await transport[Symbol.asyncDispose]()
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  rmSync(directory, { recursive: true })
})

function address(): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

function kubeConfig(user: Partial<User> = {}, cluster: Partial<Cluster> = {}): KubeConfig {
  const config = new KubeConfig()
  config.loadFromOptions({
    clusters: [{ name: 'c', server: address(), skipTLSVerify: true, ...cluster }],
    users: [{ name: 'u', ...user }],
    contexts: [{ name: 'x', cluster: 'c', user: 'u' }],
    currentContext: 'x',
  })
  return config
}

function create(config = kubeConfig()): Transport {
  const transport = new Transport({
    kubeConfig: config,
    userAgent: 'operator/1',
    clock,
    metrics: { request: (verb, resource, code) => measured.push(`${verb} ${resource} ${code}`) },
  })
  transports.push(transport)
  return transport
}

/** Real sockets take their time, which the fake clock does not see. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await setImmediate()
}

async function failure(promise: Promise<unknown>): Promise<KubeError> {
  const error: unknown = await promise.catch((caught: unknown) => caught)
  if (!(error instanceof KubeError)) throw new Error('expected a KubeError', { cause: error })
  expect(error).not.toHaveProperty('cause')
  return error
}

/** A token of its own in each test, so that nothing in the repository looks like one. */
function tokenFile(token: string): { file: string; user: Partial<User> } {
  const file = join(directory, 'token')
  writeFileSync(file, `${token}\n`)
  return { file, user: { authProvider: { name: 'tokenFile', config: { tokenFile: file } } } }
}

const get = { method: 'GET', path: '/api/v1/x', describe: describeCall }

describe('request', () => {
  it('sends and reads JSON', async () => {
    handler = (_request, response) => {
      response.statusCode = 201
      response.end('{"metadata":{"name":"ü"}}')
    }
    const transport = create(kubeConfig({ token: 't0' }, { server: `${address()}/clusters/one/` }))
    const answer = await transport.request({
      method: 'PATCH',
      path: '/api/v1/x',
      query: { fieldManager: 'me & you', none: undefined },
      body: { a: 'ü' },
      contentType: 'application/merge-patch+json',
      accept: 'application/json;as=Table',
      describe: describeCall,
    })
    expect(answer).toEqual({ metadata: { name: 'ü' } })
    expect(requests).toMatchObject([
      {
        method: 'PATCH',
        url: '/clusters/one/api/v1/x?fieldManager=me+%26+you',
        body: '{"a":"ü"}',
        headers: {
          authorization: 'Bearer t0',
          'user-agent': 'operator/1',
          'content-type': 'application/merge-patch+json',
          accept: 'application/json;as=Table',
        },
      },
    ])
    expect(measured).toEqual(['get secrets 201'])
  })

  it('takes an empty answer', async () => {
    handler = (_request, response) => response.end()
    expect(await create().request({ ...get, method: 'DELETE' })).toBeUndefined()
    expect(requests[0]?.headers).not.toHaveProperty('content-type')
  })

  it('uses connections again, and no more than 32', async () => {
    const transport = create()
    for (let i = 0; i < 10; i++) await transport.request(get)
    // A second one is opened while the first is still saying that it is done.
    expect(connections).toBeLessThanOrEqual(2)
    await Promise.all(Array.from({ length: 100 }, () => transport.request(get)))
    expect(connections).toBeLessThanOrEqual(32)
    expect(requests).toHaveLength(110)
  })

  it.each<[number, Record<string, string>, unknown, object]>([
    [404, {}, { reason: 'NotFound' }, { code: 'KUBE_NOT_FOUND', apiReason: 'NotFound' }],
    [409, {}, { reason: 'AlreadyExists' }, { code: 'KUBE_ALREADY_EXISTS', retry: 'now' }],
    [
      429,
      { 'retry-after': '5' },
      { reason: 'TooManyRequests', details: { retryAfterSeconds: 2 } },
      { retryAfterSeconds: 5 },
    ],
    [503, {}, { details: { retryAfterSeconds: 2 } }, { code: 'KUBE_SERVICE_UNAVAILABLE', retryAfterSeconds: 2 }],
    [422, {}, { reason: 'Invalid', details: { causes: [{ field: 'spec.a' }] } }, { invalidFields: ['spec.a'] }],
    [502, {}, '<html>foreign</html>', { code: 'KUBE_UNEXPECTED_STATUS', apiReason: undefined }],
    [301, { location: '/foreign' }, '', { code: 'KUBE_UNEXPECTED_STATUS' }],
  ])('%i %o %o is an error without foreign words', async (status, headers, body, expected) => {
    handler = (_request, response) => {
      response.writeHead(status, headers)
      response.end(typeof body === 'string' ? body : JSON.stringify({ ...(body as object), message: 'foreign' }))
    }
    const error = await failure(create().request(get))
    expect(error).toMatchObject({
      status,
      verb: 'get',
      resource: 'secrets',
      namespace: 'shop',
      objectName: 'keys',
      ...expected,
    })
    expect(`${error.message}${JSON.stringify(error)}`).not.toContain('foreign')
  })

  it.each(['{"data":{"password":"hunter2', 'hunter2'])('%s is no JSON, and is not quoted', async (body) => {
    handler = (_request, response) => response.end(body)
    const error = await failure(create().request(get))
    expect(error).toMatchObject({ status: 0, code: 'KUBE_INVALID_RESPONSE' })
    expect(`${error.stack ?? ''}${JSON.stringify(error)}`).not.toContain('hunter2')
  })

  it.each([
    [undefined, 10_000],
    [300, 300],
  ])('has a deadline (%o)', async (timeoutMs, ms) => {
    handler = () => undefined
    const transport = create()
    const calling = failure(transport.request({ ...get, ...(timeoutMs === undefined ? {} : { timeoutMs }) }))
    await until(() => requests.length === 1)
    await clock.advance(ms - 1)
    expect(sockets.size).toBe(1)
    await clock.advance(1)
    expect(await calling).toMatchObject({ code: 'KUBE_DEADLINE_EXCEEDED', status: 0 })
    // A connection on which nothing came back is not used again.
    await until(() => sockets.size === 0)
    expect([requests.length, clock.pending, measured]).toEqual([1, 0, ['get secrets <error>']])
  })

  it('has a deadline for the body too', async () => {
    handler = (_request, response) => response.write('{"half":')
    const calling = failure(create().request(get))
    await until(() => measured.length === 1)
    await clock.advance(10_000)
    expect(await calling).toMatchObject({ code: 'KUBE_DEADLINE_EXCEEDED' })
  })

  it('ends with the signal of the caller', async () => {
    handler = () => undefined
    const transport = create()
    const controller = new AbortController()
    const calling = failure(transport.request({ ...get, signal: controller.signal }))
    await until(() => requests.length === 1)
    controller.abort()
    expect(await calling).toMatchObject({ code: 'KUBE_ABORTED' })
    expect(await failure(transport.request({ ...get, signal: controller.signal }))).toMatchObject({
      code: 'KUBE_ABORTED',
    })
    expect([requests.length, clock.pending]).toEqual([1, 0])
  })

  it.each([
    ['GET', 2],
    ['POST', 1],
  ])('%s on a connection that dies is sent %i times', async (method, times) => {
    handler = (request) => request.socket.destroy()
    const error = await failure(create().request({ ...get, method }))
    expect(error.code).toBe('KUBE_UNREACHABLE')
    expect(requests).toHaveLength(times)
  })

  it('a GET on a connection that the server closed succeeds on another', async () => {
    handler = (request, response) => {
      if (requests.length === 2) request.socket.destroy()
      else response.end('{}')
    }
    const transport = create()
    await transport.request(get)
    expect(await transport.request(get)).toEqual({})
    expect(requests).toHaveLength(3)
  })

  it.each([
    ['that met its deadline', 10_000, undefined],
    ['that its caller gave up after a while', 2_000, new AbortController()],
  ])('new connections take the place of all that were idle after a call %s', async (_name, ms, caller) => {
    const waiting: (() => void)[] = []
    handler = (_request, response) => waiting.push(() => response.end('{}'))
    const transport = create()
    const first = [transport.request(get), transport.request(get)]
    await until(() => waiting.length === 2)
    for (const finish of waiting.splice(0)) finish()
    await Promise.all(first)
    expect(connections).toBe(2)
    // A load balancer has forgotten both.
    const old = new Set(sockets)
    handler = (request, response) => {
      if (requests.length === 3) old.add(request.socket)
      if (!old.has(request.socket)) response.end('{}')
    }
    const dark = failure(transport.request({ ...get, ...(caller !== undefined && { signal: caller.signal }) }))
    await until(() => requests.length === 3)
    await clock.advance(ms)
    caller?.abort()
    await dark
    expect(await transport.request(get)).toEqual({})
    await until(() => ![...old].some((socket) => sockets.has(socket)))
  })

  it('says which way a connection failed, by code', async () => {
    const free = createServer()
    await new Promise<void>((resolve) => free.listen(0, '127.0.0.1', resolve))
    const { port } = free.address() as AddressInfo
    await new Promise((resolve) => free.close(resolve))
    const error = await failure(create(kubeConfig({}, { server: `http://127.0.0.1:${port}` })).request(get))
    expect(error.message).toBe('get secrets keys in shop: Unreachable, ECONNREFUSED')
  })

  it('fails when the transport is disposed of', async () => {
    handler = () => undefined
    const transport = create()
    const calling = failure(transport.request(get))
    await until(() => requests.length === 1)
    await transport[Symbol.asyncDispose]()
    expect(await calling).toMatchObject({ code: 'KUBE_UNREACHABLE' })
  })

  it.each([
    ['of the path', '404 page not found', 'NoSuchPath', false],
    ['of the object', '{"kind":"Status","reason":"NotFound"}', 'NotFound', true],
  ])('tells a 404 %s', async (_name, text, reason, isAbsent) => {
    handler = (_request, response) => {
      response.statusCode = 404
      response.end(text)
    }
    const error = await failure(create().request(get))
    expect([error.reason, isNotFound(error)]).toEqual([reason, isAbsent])
  })

  it('goes through a proxy', async () => {
    const transport = create(kubeConfig({}, { server: 'http://cluster.test:8080', proxyUrl: address() }))
    expect(await transport.request(get)).toEqual({ ok: true })
    expect(requests[0]?.headers.host).toBe('cluster.test:8080')
  })
})

describe('credentials', () => {
  const authorizations = () => requests.map(({ headers }) => headers.authorization)

  it.each([
    [{ username: 'user', password: 'pass' }, 'authorization', `Basic ${btoa('user:pass')}`],
    [{ token: 't1', impersonateUser: 'other' }, 'impersonate-user', 'other'],
    [{ token: 't1' }, 'authorization', 'Bearer t1'],
    [{}, 'authorization', undefined],
  ])('of %o', async (user, header, value) => {
    await create(kubeConfig(user)).request(get)
    expect(requests[0]?.headers[header]).toBe(value)
  })

  it('a token file is read again after a minute', async () => {
    const { file, user } = tokenFile('one')
    const transport = create(kubeConfig(user))
    await transport.request(get)
    writeFileSync(file, 'two')
    await clock.advance(59_999)
    await transport.request(get)
    await clock.advance(1)
    // This one still goes with the old token: reading does not hold it up.
    await transport.request(get)
    let last: string | undefined
    for (let i = 0; i < 100 && last !== 'Bearer two'; i++) {
      await transport.request(get)
      last = authorizations().at(-1)
    }
    expect([authorizations().slice(0, 3), last]).toEqual([['Bearer one', 'Bearer one', 'Bearer one'], 'Bearer two'])
    expect(connections).toBeLessThanOrEqual(2)
  })

  it('a refused token is read again at once', async () => {
    const { file, user } = tokenFile('one')
    handler = (request, response) => {
      response.statusCode = request.headers.authorization === 'Bearer two' ? 200 : 401
      response.end('{}')
    }
    const transport = create(kubeConfig(user))
    expect(await failure(transport.request(get))).toMatchObject({ code: 'KUBE_UNAUTHORIZED' })
    expect(requests).toHaveLength(2)
    writeFileSync(file, 'two')
    expect(
      await Promise.all([transport.request({ ...get, method: 'POST', body: {} }), transport.request(get)]),
    ).toEqual([{}, {}])
    expect(authorizations().at(-1)).toBe('Bearer two')
    await expect(
      transport.stream({ path: '/w', signal: new AbortController().signal, describe: describeCall }),
    ).resolves.toBeDefined()
  })

  it('that cannot be read are an error without a path, until they can', async () => {
    const { file, user } = tokenFile('one')
    rmSync(file)
    const transport = create(kubeConfig(user))
    const error = await failure(transport.request(get))
    expect(error).toMatchObject({ code: 'KUBE_NO_CREDENTIALS', message: 'get secrets keys in shop: NoCredentials' })
    writeFileSync(file, 'one')
    expect(await transport.request(get)).toEqual({ ok: true })
  })

  it('that cannot be read again are used as they were', async () => {
    const { file, user } = tokenFile('one')
    const transport = create(kubeConfig(user))
    await transport.request(get)
    rmSync(file)
    await clock.advance(120_000)
    await transport.request(get)
    await transport.request(get)
    expect(authorizations()).toEqual(['Bearer one', 'Bearer one', 'Bearer one'])
  })

  it('a new certificate brings new connections, and calls under way end on the old ones', async () => {
    const caFile = join(directory, 'ca.crt')
    writeFileSync(caFile, 'one')
    const transport = create(kubeConfig({}, { caFile }))
    const waiting: (() => void)[] = []
    handler = (request, response) => {
      if (request.url === '/slow') waiting.push(() => response.end('{"slow":true}'))
      else response.end('{}')
    }
    const slow = transport.request({ ...get, path: '/slow', timeoutMs: 1_000_000 })
    await until(() => waiting.length === 1)
    await transport.request(get)
    expect(connections).toBe(2)
    writeFileSync(caFile, 'two')
    await clock.advance(60_000)
    for (let i = 0; i < 100 && connections === 2; i++) await transport.request(get)
    expect(connections).toBe(3)
    for (const finish of waiting) finish()
    expect(await slow).toEqual({ slow: true })
  })

  it('are read again before the call after one that had no answer', async () => {
    const { file, user } = tokenFile('one')
    const transport = create(kubeConfig(user))
    await transport.request(get)
    handler = (request) => request.socket.destroy()
    await failure(transport.request({ ...get, method: 'POST' }))
    writeFileSync(file, 'two')
    handler = (_request, response) => response.end('{}')
    await transport.request(get)
    expect(authorizations().at(-1)).toBe('Bearer two')
  })

  it('of a plugin are kept, and asked for anew when refused', async () => {
    const credential = (token: string) =>
      JSON.stringify({ apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential', status: { token } })
    const file = join(directory, 'credential')
    writeFileSync(file, credential('one'))
    const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: 'cat', args: [file] }
    let valid = 'Bearer one'
    handler = (request, response) => {
      response.statusCode = request.headers.authorization === valid ? 200 : 401
      response.end('{}')
    }
    const transport = create(kubeConfig({ exec }))
    await transport.request(get)
    writeFileSync(file, credential('two'))
    valid = 'Bearer two'
    await transport.request(get)
    expect(authorizations()).toEqual(['Bearer one', 'Bearer one', 'Bearer two'])
  })

  it('of a plugin that fails are an error without its words', async () => {
    const exec = {
      apiVersion: 'client.authentication.k8s.io/v1',
      command: 'sh',
      args: ['-c', 'echo hunter2 >&2; exit 1'],
    }
    const error = await failure(create(kubeConfig({ exec })).request(get))
    expect(error.code).toBe('KUBE_NO_CREDENTIALS')
    expect(error.stack).not.toContain('hunter2')
  })

  it('of a plugin that hangs do not hold up a call beyond its deadline', async () => {
    const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: 'sleep', args: ['1'] }
    const calling = failure(create(kubeConfig({ exec })).request(get))
    await clock.advance(10_000)
    expect(await calling).toMatchObject({ code: 'KUBE_DEADLINE_EXCEEDED' })
  })
})

describe('kubeconfig', () => {
  it.each<[string, Partial<Cluster>]>([
    ['no address', { server: 'nowhere' }],
    ['another scheme', { server: 'ftp://127.0.0.1' }],
    ['a SOCKS proxy', { proxyUrl: 'socks5://127.0.0.1:1' }],
  ])('with %s is refused', (_name, cluster) => {
    expect(() => create(kubeConfig({}, cluster))).toThrow(OperatorError)
  })

  it('without a cluster is refused', () => {
    expect(() => create(new KubeConfig())).toThrow('the kubeconfig has no current cluster')
  })
})

describe('stream', () => {
  let stop: AbortController
  const open = (transport = create(), inactivityMs?: number) =>
    transport.stream({
      path: '/w',
      query: { watch: 'true' },
      signal: stop.signal,
      describe: { verb: 'watch', resource: 'secrets' },
      ...(inactivityMs === undefined ? {} : { inactivityMs }),
    })

  beforeEach(() => {
    stop = new AbortController()
  })

  async function collect(lines: AsyncIterable<string>, into: string[] = []): Promise<string[]> {
    for await (const line of lines) into.push(line)
    return into
  }

  it.each([
    ['whole', ['one\ntwo\n']],
    ['in pieces', ['o', 'ne\nt', 'wo', '\n']],
    ['with empty ones', ['one\n\n\ntwo\n']],
    ['without an end', ['one\ntwo']],
  ])('reads lines that come %s', async (_name, chunks) => {
    handler = (_request, response) => {
      for (const chunk of chunks) response.write(chunk)
      response.end()
    }
    expect(await collect(await open())).toEqual(['one', 'two'])
    expect([requests[0]?.url, measured, clock.pending]).toEqual(['/w?watch=true', ['watch secrets 200'], 0])
  })

  it('reads characters and long lines that come in pieces', async () => {
    const line = `ü€😀${'x'.repeat(300_000)}`
    const bytes = Buffer.from(`${line}\n${line}\n`)
    handler = (_request, response) => {
      const send = (start: number) => {
        if (start >= bytes.length) response.end()
        else
          response.write(
            bytes.subarray(start, start < 20 ? start + 1 : start + 70_001),
            () =>
              void setImmediate().then(() => {
                send(start < 20 ? start + 1 : start + 70_001)
              }),
          )
      }
      send(0)
    }
    expect(await collect(await open())).toEqual([line, line])
  })

  it('fails when the connection dies', async () => {
    handler = (request, response) => {
      response.write('one\ntw', () => request.socket.destroy())
    }
    const lines: string[] = []
    const error = await failure(collect(await open(), lines))
    expect(error).toMatchObject({ code: 'KUBE_UNREACHABLE', status: 0, verb: 'watch' })
    expect(lines).toEqual(['one'])
  })

  it.each([
    [undefined, 150_000],
    [500, 500],
  ])('fails when nothing comes (%o), each byte counts', async (inactivityMs, ms) => {
    let response: ServerResponse | undefined
    handler = (_request, answering) => {
      response = answering
      answering.write('one\n')
    }
    const lines: string[] = []
    const reading = failure(collect(await open(create(), inactivityMs), lines))
    await until(() => lines.length === 1)
    await clock.advance(ms - 1)
    response?.write('two\n')
    await until(() => lines.length === 2)
    await clock.advance(ms - 1)
    response?.write('three\n')
    await until(() => lines.length === 3)
    await clock.advance(ms)
    expect(await reading).toMatchObject({ code: 'KUBE_DEADLINE_EXCEEDED' })
    await until(() => sockets.size === 0)
    expect(clock.pending).toBe(0)
  })

  it('ends quietly with the signal', async () => {
    handler = (_request, response) => response.write('one\ntwo\n')
    const lines: string[] = []
    const reading = collect(await open(), lines)
    await until(() => lines.length === 2)
    stop.abort()
    await reading
    await until(() => sockets.size === 0)
    expect([lines, clock.pending]).toEqual([['one', 'two'], 0])
  })

  it('brings no more lines after the signal', async () => {
    handler = (_request, response) => response.write('one\ntwo\n')
    const lines: string[] = []
    for await (const line of await open()) {
      lines.push(line)
      stop.abort()
    }
    expect(lines).toEqual(['one'])
  })

  it('lets go of the connection when the reader leaves', async () => {
    handler = (_request, response) => response.write('one\n')
    for await (const line of await open()) {
      expect(line).toBe('one')
      break
    }
    await until(() => sockets.size === 0)
    expect(clock.pending).toBe(0)
  })

  it('has a deadline for the beginning', async () => {
    handler = () => undefined
    const opening = failure(open())
    await until(() => requests.length === 1)
    await clock.advance(10_000)
    expect(await opening).toMatchObject({ code: 'KUBE_DEADLINE_EXCEEDED' })
    expect(clock.pending).toBe(0)
  })

  it('an answer that is none is an error', async () => {
    handler = (_request, response) => {
      response.writeHead(410)
      response.end('{"reason":"Expired"}')
    }
    expect(await failure(open())).toMatchObject({ status: 410, apiReason: 'Expired' })
  })

  it('holds many at once, and calls do not wait for them', async () => {
    handler = (request, response) => {
      if (request.url?.startsWith('/w') === true) response.write('one\n')
      else response.end('{}')
    }
    const transport = create()
    const seen: string[][] = Array.from({ length: 120 }, () => [])
    const reading = seen.map(async (lines) => await collect(await open(transport), lines))
    await until(() => seen.every((lines) => lines.length === 1))
    expect(await transport.request(get)).toEqual({})
    stop.abort()
    await Promise.all(reading)
  })
})
