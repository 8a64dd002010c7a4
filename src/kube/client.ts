/** The verbs of the Kubernetes API for any resource, on plain JSON objects. */
import { KubeError, knownApiReason, parseRetryAfter } from './errors.ts'
import { resourceName, type KubeObject, type ResourceType } from './objects.ts'
import type { CallDescription, Connection } from './transport.ts'

/** A line of a watch. A BOOKMARK's object has nothing but its resourceVersion. */
export type WatchEvent<T> =
  | { type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'; object: T }
  | { type: 'ERROR'; status: number; reason: string | undefined; retryAfterSeconds: number | undefined }

export interface ListResult<T> {
  items: T[]
  resourceVersion: string
  /** Where the next page begins; undefined on the last one. */
  continue: string | undefined
}

export interface ListOptions {
  namespace?: string
  limit?: number
  continue?: string
  resourceVersion?: string
  resourceVersionMatch?: string
  labelSelector?: string
  fieldSelector?: string
  metadataOnly?: boolean
  signal?: AbortSignal
}

export interface WatchOptions {
  namespace?: string
  resourceVersion: string
  timeoutSeconds: number
  metadataOnly?: boolean
  labelSelector?: string
  fieldSelector?: string
  inactivityMs?: number
  signal: AbortSignal
}

export interface PatchOptions {
  patchType: 'merge' | 'strategic' | 'json'
  subresource?: string
  signal?: AbortSignal
}

const patchContentTypes = {
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  json: 'application/json-patch+json',
}

// No fallback to application/json behind it: a server that cannot do this must not send the values of Secrets instead.
const acceptMetadata = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1'
const acceptMetadataList = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1'

function withSignal(signal: AbortSignal | undefined): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

function hasMetadata(value: unknown): value is { metadata: Record<string, unknown> } {
  return isRecord(value) && isRecord(value['metadata'])
}

/** Typed access to any resource. Every method throws KubeError and nothing else. */
export class KubeClient {
  readonly #connection: Connection
  readonly #fieldManager: string | undefined
  readonly #listTimeoutMs: number

  /**
   * @param options.fieldManager who writes, as managedFields record it; default: the server takes the user agent
   * @param options.listTimeoutMs deadline of a list; default: 60 s, for a page of large objects takes its time on a slow link
   */
  constructor(connection: Connection, options: { fieldManager?: string; listTimeoutMs?: number } = {}) {
    this.#connection = connection
    this.#fieldManager = options.fieldManager
    this.#listTimeoutMs = options.listTimeoutMs ?? 60_000
  }

  async get<T extends KubeObject>(
    type: ResourceType<T>,
    namespace: string | undefined,
    name: string,
    options: { metadataOnly?: boolean; signal?: AbortSignal } = {},
  ): Promise<T> {
    const describe = description('get', type, namespace, name)
    const answer = await this.#connection.request({
      method: 'GET',
      path: path(type, namespace, name),
      ...(options.metadataOnly === true ? { accept: acceptMetadata } : {}),
      ...withSignal(options.signal),
      describe,
    })
    return checked(answer, describe) as T
  }

  async list<T extends KubeObject>(type: ResourceType<T>, options: ListOptions): Promise<ListResult<T>> {
    const describe = description('list', type, options.namespace)
    const answer = await this.#connection.request({
      method: 'GET',
      path: path(type, options.namespace),
      query: {
        limit: options.limit?.toString(),
        continue: options.continue,
        resourceVersion: options.resourceVersion,
        resourceVersionMatch: options.resourceVersionMatch,
        labelSelector: options.labelSelector,
        fieldSelector: options.fieldSelector,
      },
      ...(options.metadataOnly === true ? { accept: acceptMetadataList } : {}),
      ...withSignal(options.signal),
      timeoutMs: this.#listTimeoutMs,
      describe,
    })
    if (!hasMetadata(answer)) throw invalid(describe)
    const { resourceVersion, continue: next } = answer.metadata
    const items = (answer as { items?: unknown }).items ?? []
    if (typeof resourceVersion !== 'string' || !Array.isArray(items) || !items.every(hasMetadata))
      throw invalid(describe)
    return {
      items: items as unknown as T[],
      resourceVersion,
      continue: typeof next === 'string' && next !== '' ? next : undefined,
    }
  }

  /**
   * The changes after `resourceVersion`, with bookmarks. The iterator ends when the server ends the watch in order or
   * the signal aborts, and throws KubeError (status 0) when the connection dies, is silent for `inactivityMs`, or
   * brings a line that is not an event.
   */
  async watch<T extends KubeObject>(
    type: ResourceType<T>,
    options: WatchOptions,
  ): Promise<AsyncIterable<WatchEvent<T>>> {
    const describe = description('watch', type, options.namespace)
    const lines = await this.#connection.stream({
      path: path(type, options.namespace),
      query: {
        watch: 'true',
        allowWatchBookmarks: 'true',
        resourceVersion: options.resourceVersion,
        timeoutSeconds: options.timeoutSeconds.toString(),
        labelSelector: options.labelSelector,
        fieldSelector: options.fieldSelector,
      },
      ...(options.metadataOnly === true ? { accept: acceptMetadata } : {}),
      ...(options.inactivityMs === undefined ? {} : { inactivityMs: options.inactivityMs }),
      signal: options.signal,
      describe,
    })
    return events(lines, describe) as AsyncIterable<WatchEvent<T>>
  }

  async create<T extends KubeObject>(
    type: ResourceType<T>,
    namespace: string | undefined,
    body: unknown,
    options: { signal?: AbortSignal } = {},
  ): Promise<T> {
    const name = hasMetadata(body) && typeof body.metadata['name'] === 'string' ? body.metadata['name'] : undefined
    const describe = description('create', type, namespace, name)
    return await this.#write<T>('POST', path(type, namespace), body, describe, options.signal)
  }

  /**
   * Changes an object. The caller puts metadata.resourceVersion (and uid, except on a status) into the patch: that is
   * the fence which keeps a late write from landing on something newer. Custom resources know no strategic patch.
   */
  async patch<T extends KubeObject>(
    type: ResourceType<T>,
    namespace: string | undefined,
    name: string,
    patch: unknown,
    options: PatchOptions,
  ): Promise<T> {
    const { subresource, patchType, signal } = options
    const describe = description('patch', type, namespace, name, subresource)
    return await this.#write<T>(
      'PATCH',
      path(type, namespace, name, subresource),
      patch,
      describe,
      signal,
      patchContentTypes[patchType],
    )
  }

  /** Replaces an object. Its resourceVersion is the fence. */
  async update<T extends KubeObject>(
    type: ResourceType<T>,
    namespace: string | undefined,
    name: string,
    body: T,
    options: { signal?: AbortSignal } = {},
  ): Promise<T> {
    const describe = description('update', type, namespace, name)
    return await this.#write<T>('PUT', path(type, namespace, name), body, describe, options.signal)
  }

  /** Deletes an object, given uid or resourceVersion only that very one (else 409). Dependents go in the background. */
  async delete(
    type: ResourceType<KubeObject>,
    namespace: string | undefined,
    name: string,
    options: { uid?: string; resourceVersion?: string; signal?: AbortSignal } = {},
  ): Promise<void> {
    const { uid, resourceVersion, signal } = options
    const preconditions = {
      ...(uid === undefined ? {} : { uid }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
    }
    await this.#connection.request({
      method: 'DELETE',
      path: path(type, namespace, name),
      body: { apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy: 'Background', preconditions },
      ...withSignal(signal),
      describe: description('delete', type, namespace, name),
    })
  }

  async #write<T extends KubeObject>(
    method: string,
    path: string,
    body: unknown,
    describe: CallDescription,
    signal: AbortSignal | undefined,
    contentType?: string,
  ): Promise<T> {
    const answer = await this.#connection.request({
      method,
      path,
      query: { fieldManager: this.#fieldManager },
      body,
      ...(contentType === undefined ? {} : { contentType }),
      ...withSignal(signal),
      describe,
    })
    return checked(answer, describe) as T
  }
}

function path(type: ResourceType<KubeObject>, namespace: string | undefined, ...rest: (string | undefined)[]): string {
  const group = type.group === '' ? ['api'] : ['apis', type.group]
  const scope = type.namespaced && namespace !== undefined ? ['namespaces', namespace] : []
  const segments = [...group, type.version, ...scope, type.plural, ...rest.filter((part) => part !== undefined)]
  return `/${segments.map(encodeURIComponent).join('/')}`
}

function description(
  verb: string,
  type: ResourceType<KubeObject>,
  namespace: string | undefined,
  name?: string,
  subresource?: string,
): CallDescription {
  return {
    verb,
    resource: subresource === undefined ? resourceName(type) : `${resourceName(type)}/${subresource}`,
    ...(namespace === undefined ? {} : { namespace }),
    ...(name === undefined ? {} : { name }),
  }
}

function invalid(describe: CallDescription): KubeError {
  return new KubeError({ ...describe, status: 0, noAnswer: 'InvalidResponse' })
}

function checked(answer: unknown, describe: CallDescription): KubeObject {
  if (!hasMetadata(answer)) throw invalid(describe)
  return answer as unknown as KubeObject
}

async function* events(
  lines: AsyncIterable<string>,
  describe: CallDescription,
): AsyncGenerator<WatchEvent<unknown>, void, undefined> {
  for await (const line of lines) yield event(line, describe)
}

function event(line: string, describe: CallDescription): WatchEvent<unknown> {
  let parsed: unknown
  try {
    parsed = JSON.parse(line)
  } catch {
    // The error of JSON.parse quotes the line.
    throw invalid(describe)
  }
  if (!isRecord(parsed)) throw invalid(describe)
  const { type, object } = parsed
  if (type === 'ERROR') {
    const status = isRecord(object) ? object : {}
    const details = isRecord(status['details']) ? status['details'] : {}
    return {
      type,
      status: typeof status['code'] === 'number' ? status['code'] : 500,
      reason: knownApiReason(status['reason']),
      retryAfterSeconds: parseRetryAfter(details['retryAfterSeconds']),
    }
  }
  if ((type === 'ADDED' || type === 'MODIFIED' || type === 'DELETED' || type === 'BOOKMARK') && hasMetadata(object)) {
    return { type, object }
  }
  throw invalid(describe)
}
