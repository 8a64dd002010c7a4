// The API server over kept connections: as little as possible between the caller and the wire.
import { readFile } from 'node:fs/promises'
import { Agent } from 'undici'
import { parse } from 'yaml'
import * as z from 'zod'

export interface KubeObject {
  metadata: { name: string; namespace?: string; resourceVersion: string }
}

export interface WatchEvent {
  type: string
  object: KubeObject
}

export interface WatchOptions {
  metadataOnly?: boolean
  labelSelector?: string
  signal?: AbortSignal
}

const kubeconfigSchema = z.object({
  clusters: z.tuple([
    z.object({ cluster: z.object({ server: z.string(), 'certificate-authority-data': z.string() }) }),
  ]),
  users: z.tuple([z.object({ user: z.object({ token: z.string() }) })]),
})

const acceptMetadata = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1'

/** Connections to the cluster of a kubeconfig as `startCluster` writes it: one cluster, one user with a token. */
export class Api implements AsyncDisposable {
  readonly #origin: string
  readonly #headers: Record<string, string>
  readonly #agent: Agent

  private constructor(origin: string, headers: Record<string, string>, agent: Agent) {
    this.#origin = origin
    this.#headers = headers
    this.#agent = agent
  }

  static async connect(kubeconfigPath: string, userAgent: string): Promise<Api> {
    const { clusters, users } = kubeconfigSchema.parse(parse(await readFile(kubeconfigPath, 'utf8')))
    const [{ cluster }] = clusters
    const ca = Buffer.from(cluster['certificate-authority-data'], 'base64').toString('utf8')
    const headers = { authorization: `Bearer ${users[0].user.token}`, 'user-agent': userAgent }
    const agent = new Agent({
      connect: { ca },
      allowH2: false,
      connections: 32,
      keepAliveTimeout: 60_000,
      bodyTimeout: 0,
    })
    return new Api(cluster.server, headers, agent)
  }

  /** A call with a JSON answer. PATCH means a merge patch. Throws for any status but 2xx. */
  async call(method: 'GET' | 'POST' | 'PATCH' | 'DELETE', path: string, body?: unknown): Promise<unknown> {
    const contentType = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json'
    const response = await this.#agent.request({
      origin: this.#origin,
      path,
      method,
      headers: { ...this.#headers, 'content-type': contentType },
      body: body === undefined ? null : JSON.stringify(body),
    })
    const text = await response.body.text()
    if (response.statusCode >= 300) throw new Error(`${method} ${path}: HTTP ${response.statusCode}`)
    return JSON.parse(text)
  }

  /** Of a collection as it is now: a watch can go on from there. */
  async resourceVersion(path: string): Promise<string> {
    const { metadata } = (await this.call('GET', `${path}?limit=1`)) as KubeObject
    return metadata.resourceVersion
  }

  /**
   * The changes after `resourceVersion`, until the signal aborts. When the server ends the watch, as it does with one
   * that cannot keep up on a busy machine, another goes on from the last event. Throws when that is not possible.
   */
  async *watch(
    path: string,
    resourceVersion: string,
    options: WatchOptions = {},
  ): AsyncGenerator<WatchEvent, void, undefined> {
    let last = resourceVersion
    try {
      for (;;) {
        for await (const line of this.#watchOnce(path, last, options)) {
          const event = JSON.parse(line) as WatchEvent
          if (event.type === 'ERROR') throw new Error(`watch ${path}: the server cannot go on`)
          last = event.object.metadata.resourceVersion
          yield event
        }
      }
    } catch (error) {
      if (options.signal?.aborted !== true) throw error
    }
  }

  async *#watchOnce(
    path: string,
    resourceVersion: string,
    { metadataOnly = false, labelSelector, signal }: WatchOptions,
  ): AsyncGenerator<string, void, undefined> {
    const query = {
      watch: 'true',
      resourceVersion,
      timeoutSeconds: '86400',
      ...(labelSelector === undefined ? {} : { labelSelector }),
    }
    const response = await this.#agent.request({
      origin: this.#origin,
      path: `${path}?${new URLSearchParams(query).toString()}`,
      method: 'GET',
      headers: { ...this.#headers, ...(metadataOnly ? { accept: acceptMetadata } : {}) },
      ...(signal === undefined ? {} : { signal }),
    })
    if (response.statusCode !== 200) throw new Error(`watch ${path}: HTTP ${response.statusCode}`)
    let rest = Buffer.alloc(0)
    for await (const chunk of response.body as AsyncIterable<Buffer>) {
      let bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
      for (let end = bytes.indexOf(10); end !== -1; end = bytes.indexOf(10)) {
        yield bytes.subarray(0, end).toString('utf8')
        bytes = bytes.subarray(end + 1)
      }
      rest = Buffer.from(bytes)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent.destroy()
  }
}
