/** How a cluster is reached: address, TLS material and headers, read anew each time from what a kubeconfig points to. */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { RequestOptions } from 'node:https'
import type { Cluster, KubeConfig, User } from '@kubernetes/client-node'
import { OperatorError } from './errors.ts'

/** TLS options of a connection, by the names that Node.js and undici give them. */
export interface TlsOptions {
  ca?: Buffer | string
  cert?: Buffer | string
  key?: Buffer | string
  servername?: string
  rejectUnauthorized?: boolean
}

/** What a call needs at the moment. */
export interface Access {
  readonly tls: TlsOptions
  /** Changes when new connections are needed. */
  readonly fingerprint: string
  readonly headers: Readonly<Record<string, string>>
}

/** Where the API server listens. `path` is a prefix without a slash at its end: proxies serve clusters under one. */
export interface Endpoint {
  readonly origin: string
  readonly path: string
  readonly proxyUrl: string | undefined
}

function unusable(what: string): OperatorError {
  return new OperatorError({
    code: 'KUBE_CONFIG',
    reason: 'InvalidKubeConfig',
    retry: 'never',
    message: `the kubeconfig ${what}`,
  })
}

function current(kubeConfig: KubeConfig): { cluster: Cluster; user: User | null } {
  const cluster = kubeConfig.getCurrentCluster()
  if (cluster === null) throw unusable('has no current cluster')
  return { cluster, user: kubeConfig.getCurrentUser() }
}

/** @throws OperatorError KUBE_CONFIG when there is no cluster, no usable address, or a SOCKS proxy */
export function readEndpoint(kubeConfig: KubeConfig): Endpoint {
  const { cluster } = current(kubeConfig)
  const url = URL.parse(cluster.server)
  if (url === null || !/^https?:$/.test(url.protocol)) throw unusable('has no http or https address of its cluster')
  if (cluster.proxyUrl !== undefined && !/^https?:/.test(cluster.proxyUrl))
    throw unusable('names a proxy that is neither http nor https')
  return { origin: url.origin, path: url.pathname.replace(/\/+$/, ''), proxyUrl: cluster.proxyUrl }
}

async function fileOrData(file: string | undefined, data: string | undefined): Promise<Buffer | undefined> {
  if (file !== undefined) return await readFile(file)
  return data === undefined ? undefined : Buffer.from(data, 'base64')
}

/** In a pod, the token is a file that the kubelet renews. */
function tokenFileOf(user: User): string | undefined {
  const provider = user.authProvider as { config?: { tokenFile?: unknown } } | null | undefined
  const file = provider?.config?.tokenFile
  return typeof file === 'string' ? file : undefined
}

function firstOf(value: unknown): Buffer | string | undefined {
  return typeof value === 'string' || Buffer.isBuffer(value) ? value : undefined
}

function lowerCaseKeys(headers: object | undefined): { authorization?: string } {
  return Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]))
}

/**
 * client-node keeps what an exec plugin answered until the moment it expires, and knows no refusal. So a fresh copy is
 * asked when the server says 401. The class is taken from the object: importing it costs most of a second.
 */
function withoutCache(kubeConfig: KubeConfig): KubeConfig {
  const copy = new (kubeConfig.constructor as new () => KubeConfig)()
  copy.loadFromOptions({
    clusters: kubeConfig.getClusters(),
    users: kubeConfig.getUsers(),
    contexts: kubeConfig.getContexts(),
    currentContext: kubeConfig.getCurrentContext(),
  })
  return copy
}

/**
 * Reads certificates and tokens from where they are now. Plugins and OIDC are left to client-node.
 * @param refused the API server refused what it got last: nothing is taken from a cache
 * @throws whatever the file system or a plugin throws; its text may hold secrets
 */
export async function readAccess(kubeConfig: KubeConfig, refused: boolean): Promise<Access> {
  const { cluster, user } = current(kubeConfig)
  const tls: TlsOptions = {}
  const headers: Record<string, string> = {}
  const ca = await fileOrData(cluster.caFile, cluster.caData)
  if (ca !== undefined) tls.ca = ca
  if (cluster.skipTLSVerify) tls.rejectUnauthorized = false
  if (cluster.tlsServerName !== undefined) tls.servername = cluster.tlsServerName
  if (user !== null) {
    const [cert, key] = await Promise.all([
      fileOrData(user.certFile, user.certData),
      fileOrData(user.keyFile, user.keyData),
    ])
    if (cert !== undefined) tls.cert = cert
    if (key !== undefined) tls.key = key
    await authorize(kubeConfig, user, refused, tls, headers)
    if (user.impersonateUser !== undefined) headers['impersonate-user'] = user.impersonateUser
  }
  const hash = createHash('sha256')
  for (const part of [tls.ca, tls.cert, tls.key]) hash.update(part ?? '').update('\0')
  return { tls, headers, fingerprint: hash.digest('hex') }
}

async function authorize(
  kubeConfig: KubeConfig,
  user: User,
  refused: boolean,
  tls: TlsOptions,
  headers: Record<string, string>,
): Promise<void> {
  const tokenFile = tokenFileOf(user)
  if (user.token !== undefined && user.token !== '') {
    headers['authorization'] = `Bearer ${user.token}`
  } else if (tokenFile !== undefined) {
    // A newline at the end is no part of a token, and would make an invalid header.
    headers['authorization'] = `Bearer ${(await readFile(tokenFile, 'utf8')).trim()}`
  } else if (user.username !== undefined && user.username !== '') {
    headers['authorization'] = `Basic ${Buffer.from(`${user.username}:${user.password ?? ''}`).toString('base64')}`
  } else if ((user.exec ?? user.authProvider ?? undefined) !== undefined) {
    const options: RequestOptions = {}
    await (refused ? withoutCache(kubeConfig) : kubeConfig).applyToHTTPSOptions(options)
    const { authorization } = lowerCaseKeys(options.headers)
    if (authorization !== undefined) headers['authorization'] = authorization
    const [cert, key] = [firstOf(options.cert), firstOf(options.key)]
    if (cert !== undefined) tls.cert = cert
    if (key !== undefined) tls.key = key
  }
}
