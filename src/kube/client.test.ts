import { describe, expect, it } from 'vitest'
import { KubeClient } from './client.ts'
import { KubeError } from './errors.ts'
import { secrets, type KubeObject, type ResourceType } from './objects.ts'
import type { CallOptions, Connection, StreamOptions } from './transport.ts'

const widgets: ResourceType<KubeObject> = {
  group: 'shop.example',
  version: 'v1beta1',
  plural: 'widgets',
  kind: 'Widget',
  namespaced: true,
}
const nodes: ResourceType<KubeObject> = { group: '', version: 'v1', plural: 'nodes', kind: 'Node', namespaced: false }
const stored = { metadata: { name: 'keys', namespace: 'shop', uid: 'u', resourceVersion: '7' } }

/** Answers everything with `answer` and remembers what was asked. */
function scripted(answer: unknown, lines: string[] = []) {
  const calls: (CallOptions | StreamOptions)[] = []
  const connection: Connection = {
    request: (options) => {
      calls.push(options)
      return Promise.resolve(answer)
    },
    stream: (options) => {
      calls.push(options)
      // eslint's require-await and for-await agree on this form only.
      return Promise.resolve({
        async *[Symbol.asyncIterator]() {
          for (const line of lines) yield await Promise.resolve(line)
        },
      })
    },
  }
  return { calls, connection, client: new KubeClient(connection, { fieldManager: 'tracardi-operator' }) }
}

describe('calls', () => {
  it.each<[string, (client: KubeClient) => Promise<unknown>, object]>([
    [
      'get',
      (client) => client.get(secrets, 'shop', 'keys'),
      {
        method: 'GET',
        path: '/api/v1/namespaces/shop/secrets/keys',
        describe: { verb: 'get', resource: 'secrets', namespace: 'shop', name: 'keys' },
      },
    ],
    [
      'get of metadata',
      (client) => client.get(nodes, undefined, 'n1', { metadataOnly: true }),
      {
        method: 'GET',
        path: '/api/v1/nodes/n1',
        accept: 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1',
        describe: { verb: 'get', resource: 'nodes', name: 'n1' },
      },
    ],
    [
      'create',
      (client) => client.create(widgets, 'shop', stored),
      {
        method: 'POST',
        path: '/apis/shop.example/v1beta1/namespaces/shop/widgets',
        query: { fieldManager: 'tracardi-operator' },
        body: stored,
        describe: { verb: 'create', resource: 'widgets.shop.example', namespace: 'shop', name: 'keys' },
      },
    ],
    ...(['merge', 'strategic', 'json'] as const).map(
      (patchType): [string, (client: KubeClient) => Promise<unknown>, object] => [
        `${patchType} patch of a status`,
        (client) => client.patch(widgets, 'shop', 'keys', [1], { patchType, subresource: 'status' }),
        {
          method: 'PATCH',
          path: '/apis/shop.example/v1beta1/namespaces/shop/widgets/keys/status',
          query: { fieldManager: 'tracardi-operator' },
          body: [1],
          contentType: `application/${{ merge: 'merge', strategic: 'strategic-merge', json: 'json' }[patchType]}-patch+json`,
          describe: { verb: 'patch', resource: 'widgets.shop.example/status', namespace: 'shop', name: 'keys' },
        },
      ],
    ),
    [
      'update',
      (client) => client.update(secrets, 'shop', 'keys', stored),
      {
        method: 'PUT',
        path: '/api/v1/namespaces/shop/secrets/keys',
        query: { fieldManager: 'tracardi-operator' },
        body: stored,
        describe: { verb: 'update', resource: 'secrets', namespace: 'shop', name: 'keys' },
      },
    ],
    [
      'delete',
      (client) => client.delete(secrets, 'shop', 'keys', { uid: 'u', resourceVersion: '7' }),
      {
        method: 'DELETE',
        path: '/api/v1/namespaces/shop/secrets/keys',
        body: {
          apiVersion: 'v1',
          kind: 'DeleteOptions',
          propagationPolicy: 'Background',
          preconditions: { uid: 'u', resourceVersion: '7' },
        },
        describe: { verb: 'delete', resource: 'secrets', namespace: 'shop', name: 'keys' },
      },
    ],
  ])('%s', async (_name, call, expected) => {
    const { calls, client } = scripted(stored)
    await call(client)
    expect(calls).toEqual([expected])
  })

  it('escape names, pass signals on, and name no manager if there is none', async () => {
    const { calls, connection } = scripted(stored)
    const { signal } = new AbortController()
    const client = new KubeClient(connection)
    await client.get(secrets, 'shop', '../x', { signal })
    await client.update(secrets, 'shop', 'keys', stored, { signal })
    expect(calls.map(({ path }) => path)).toEqual([
      '/api/v1/namespaces/shop/secrets/..%2Fx',
      '/api/v1/namespaces/shop/secrets/keys',
    ])
    expect(calls.map((call) => call.signal)).toEqual([signal, signal])
    expect(calls[1]?.query).toEqual({ fieldManager: undefined })
  })

  it.each([[undefined], [null], ['text'], [{}], [{ metadata: 'x' }]])('refuse %o as an object', async (answer) => {
    const { client } = scripted(answer)
    await expect(client.get(secrets, 'shop', 'keys')).rejects.toMatchObject({
      code: 'KUBE_INVALID_RESPONSE',
      status: 0,
      objectName: 'keys',
    })
    await expect(client.create(secrets, 'shop', { stringData: {} })).rejects.toBeInstanceOf(KubeError)
  })
})

describe('list', () => {
  it('asks for a page of metadata', async () => {
    const { calls, client } = scripted({ metadata: { resourceVersion: '9', continue: 'next' }, items: [stored] })
    const result = await client.list(secrets, {
      namespace: 'shop',
      limit: 500,
      continue: 'here',
      resourceVersion: '5',
      resourceVersionMatch: 'Exact',
      labelSelector: 'a=b',
      fieldSelector: 'c=d',
      metadataOnly: true,
    })
    expect(result).toEqual({ items: [stored], resourceVersion: '9', continue: 'next' })
    expect(calls).toMatchObject([
      {
        path: '/api/v1/namespaces/shop/secrets',
        accept: 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1',
        query: {
          limit: '500',
          continue: 'here',
          resourceVersion: '5',
          resourceVersionMatch: 'Exact',
          labelSelector: 'a=b',
          fieldSelector: 'c=d',
        },
      },
    ])
  })

  it('knows the last page, and a list that Go writes as null', async () => {
    const { calls, client } = scripted({ metadata: { resourceVersion: '9', continue: '' }, items: null })
    expect(await client.list(widgets, {})).toEqual({ items: [], resourceVersion: '9', continue: undefined })
    expect(calls[0]).toMatchObject({ path: '/apis/shop.example/v1beta1/widgets' })
    expect(calls[0]).not.toHaveProperty('accept')
  })

  it.each([
    [{}],
    [{ metadata: {}, items: [] }],
    [{ metadata: { resourceVersion: '1' }, items: 'x' }],
    [{ metadata: { resourceVersion: '1' }, items: [1] }],
  ])('refuses %o', async (answer) => {
    await expect(scripted(answer).client.list(secrets, {})).rejects.toMatchObject({
      code: 'KUBE_INVALID_RESPONSE',
      verb: 'list',
    })
  })
})

describe('watch', () => {
  const { signal } = new AbortController()

  async function watched(lines: string[]) {
    const { client } = scripted(undefined, lines)
    const events = []
    for await (const event of await client.watch(secrets, { resourceVersion: '5', timeoutSeconds: 300, signal }))
      events.push(event)
    return events
  }

  it('asks for bookmarks, and for metadata only if told', async () => {
    const { calls, client } = scripted(undefined)
    await client.watch(secrets, {
      namespace: 'shop',
      resourceVersion: '5',
      timeoutSeconds: 333,
      metadataOnly: true,
      inactivityMs: 9,
      signal,
    })
    expect(calls).toEqual([
      {
        path: '/api/v1/namespaces/shop/secrets',
        query: {
          watch: 'true',
          allowWatchBookmarks: 'true',
          resourceVersion: '5',
          timeoutSeconds: '333',
          labelSelector: undefined,
          fieldSelector: undefined,
        },
        accept: 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1',
        inactivityMs: 9,
        signal,
        describe: { verb: 'watch', resource: 'secrets', namespace: 'shop' },
      },
    ])
  })

  it('reads events', async () => {
    const types = ['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK']
    expect(await watched(types.map((type) => JSON.stringify({ type, object: stored })))).toEqual(
      types.map((type) => ({ type, object: stored })),
    )
  })

  it.each([
    [
      { code: 410, reason: 'Expired', message: 'foreign' },
      { status: 410, reason: 'Expired', retryAfterSeconds: undefined },
    ],
    [
      { code: 429, reason: 'Odd', details: { retryAfterSeconds: 3 } },
      { status: 429, reason: undefined, retryAfterSeconds: 3 },
    ],
    [undefined, { status: 500, reason: undefined, retryAfterSeconds: undefined }],
  ])('reads the error %o', async (object, expected) => {
    expect(await watched([JSON.stringify({ type: 'ERROR', object })])).toEqual([{ type: 'ERROR', ...expected }])
  })

  it.each([
    '{"type":"ADDED","object":{"metad',
    '[]',
    '7',
    '{"type":"ODD","object":{"metadata":{}}}',
    '{"type":"ADDED","object":{}}',
  ])('refuses the line %s without quoting it', async (line) => {
    const error: unknown = await watched([line]).catch((caught: unknown) => caught)
    expect(error).toMatchObject({ code: 'KUBE_INVALID_RESPONSE', message: 'watch secrets: InvalidResponse' })
    expect(error).not.toHaveProperty('cause')
  })
})
