import { once } from 'node:events'
import { connect } from 'node:net'
import { Counter, Registry } from 'prom-client'
import { afterEach, describe, expect, test } from 'vitest'
import { parseAddress, startHttpServer } from './http-server.ts'
import type { HttpServer } from './http-server.ts'

describe('parseAddress', () => {
  test.each<[string, { host: string | undefined; port: number } | undefined]>([
    [':8080', { host: undefined, port: 8080 }],
    [':0', { host: undefined, port: 0 }],
    ['127.0.0.1:8080', { host: '127.0.0.1', port: 8080 }],
    ['localhost:65535', { host: 'localhost', port: 65_535 }],
    ['[::1]:80', { host: '::1', port: 80 }],
    ['[::]:0', { host: '::', port: 0 }],
    ['', undefined],
    ['8080', undefined],
    ['localhost', undefined],
    ['localhost:', undefined],
    [':65536', undefined],
    [':-1', undefined],
    [':80a', undefined],
    ['::1:80', undefined],
    ['[::1]', undefined],
    ['a b:80', undefined],
    ['http://localhost:80', undefined],
    ['localhost:80/', undefined],
  ])('%j', (address, expected) => {
    expect(parseAddress(address)).toEqual(expected)
  })
})

const open: HttpServer[] = []

async function start(notReady: string[] = [], registry = new Registry(), address = '127.0.0.1:0'): Promise<HttpServer> {
  const server = await startHttpServer({ address, registry, notReady: () => notReady })
  open.push(server)
  return server
}

afterEach(async () => {
  for (const server of open.splice(0)) await server.close()
})

async function ask(server: HttpServer, path: string, method = 'GET') {
  const response = await fetch(`http://${server.address}${path}`, { method })
  return { status: response.status, text: await response.text(), type: response.headers.get('content-type') }
}

describe('startHttpServer', () => {
  test('tells the port that it took', async () => {
    const server = await start()
    expect(server.address).toMatch(/^127\.0\.0\.1:[1-9]\d*$/)
    expect((await ask(server, '/livez')).status).toBe(200)
  })

  test('is alive, ready or not', async () => {
    const missing = ['secrets', 'deployments']
    const server = await start(missing)
    expect(await ask(server, '/livez')).toMatchObject({ status: 200, text: 'ok\n' })
    expect(await ask(server, '/readyz')).toMatchObject({ status: 503, text: 'not ready: secrets, deployments\n' })
    missing.length = 0
    expect(await ask(server, '/readyz?verbose')).toMatchObject({ status: 200, text: 'ok\n', type: 'text/plain' })
  })

  test('serves the metrics', async () => {
    const registry = new Registry()
    new Counter({ name: 'things_total', help: 'Things.', registers: [registry] }).inc(3)
    const server = await start([], registry)
    const answer = await ask(server, '/metrics')
    expect(answer.status).toBe(200)
    expect(answer.type).toBe(registry.contentType)
    expect(answer.text).toContain('things_total 3')
  })

  test('metrics that cannot be collected say nothing', async () => {
    const registry = new Registry()
    const collect = (): Promise<void> => Promise.reject(new Error('value-that-must-not-appear'))
    new Counter({ name: 'things_total', help: 'Things.', registers: [registry], collect })
    expect(await ask(await start([], registry), '/metrics')).toMatchObject({ status: 500, text: '' })
  })

  test.each<[string, string, number]>([
    ['GET', '/', 404],
    ['GET', '/livez/x', 404],
    ['GET', '/LIVEZ', 404],
    ['HEAD', '/livez', 200],
    ['HEAD', '/metrics', 200],
    ['POST', '/livez', 405],
    ['DELETE', '/metrics', 405],
  ])('%s %s is %s', async (method, path, status) => {
    expect((await ask(await start(), path, method)).status).toBe(status)
  })

  test('an address that is taken, or none', async () => {
    const { address } = await start()
    await expect(start([], new Registry(), address)).rejects.toMatchObject({ code: 'EADDRINUSE' })
    await expect(start([], new Registry(), 'nowhere')).rejects.toThrow(RangeError)
  })

  test('closes, whoever is still connected, and in the middle of a request', async () => {
    const server = await start()
    await ask(server, '/livez')
    const slow = connect(Number(server.address.split(':')[1]), '127.0.0.1')
    const closed = once(slow, 'close')
    slow.on('error', () => undefined)
    await once(slow, 'connect')
    slow.write('GET /livez HTTP/1.1\r\nHost: x\r\n')
    // Once this is answered the server has seen the other one.
    await ask(server, '/livez')
    await server.close()
    await closed
    await expect(ask(server, '/livez')).rejects.toThrow()
  })
})
