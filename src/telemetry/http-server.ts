/** /livez, /readyz and /metrics: what the kubelet and Prometheus ask. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Registry } from 'prom-client'

export interface HttpServerOptions {
  /** `HOST:PORT` or `:PORT`; port 0 takes a free one. */
  readonly address: string
  readonly registry: Registry
  /** Names of what is not ready yet; empty when ready. */
  readonly notReady: () => readonly string[]
}

export interface HttpServer {
  /** The address it listens on, with the port that was taken. */
  readonly address: string
  close(): Promise<void>
}

/** Splits `HOST:PORT`, `[V6]:PORT` or `:PORT`; undefined when it is none of these. */
export function parseAddress(address: string): { host: string | undefined; port: number } | undefined {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:\s]*)):(\d{1,5})$/.exec(address)
  if (match === null) return undefined
  const port = Number(match[3])
  if (port > 65_535) return undefined
  const host = match[1] ?? match[2]
  return { host: host === '' ? undefined : host, port }
}

/** Starts to listen. Rejects when the address cannot be taken. */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const parsed = parseAddress(options.address)
  if (parsed === undefined) throw new RangeError('the HTTP address is not HOST:PORT')
  const server = createServer((request, response) => {
    const path = (request.url ?? '').split('?', 1)[0]
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.writeHead(405, { allow: 'GET, HEAD' }).end()
      return
    }
    switch (path) {
      case '/livez':
        response.writeHead(200, { 'content-type': 'text/plain' }).end('ok\n')
        return
      case '/readyz': {
        const missing = options.notReady()
        const body = missing.length === 0 ? 'ok\n' : `not ready: ${missing.join(', ')}\n`
        response.writeHead(missing.length === 0 ? 200 : 503, { 'content-type': 'text/plain' }).end(body)
        return
      }
      case '/metrics':
        options.registry.metrics().then(
          (text) => response.writeHead(200, { 'content-type': options.registry.contentType }).end(text),
          () => response.writeHead(500).end(),
        )
        return
      default:
        response.writeHead(404).end()
    }
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(parsed.port, parsed.host, () => {
      server.off('error', reject)
      resolve()
    })
  })
  const { address, family, port } = server.address() as AddressInfo
  return {
    address: family === 'IPv6' ? `[${address}]:${String(port)}` : `${address}:${String(port)}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve()
        })
        server.closeAllConnections()
      }),
  }
}
