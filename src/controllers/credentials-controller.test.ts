import { createHash } from 'node:crypto'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { tracardiResources } from '../api/tracardi-resource.ts'
import type { TracardiResource, TracardiResourceSpec, TracardiResourceStatus } from '../api/tracardi-resource.ts'
import { SecretCache, identity } from '../credentials/secret-cache.ts'
import { Sensitive } from '../credentials/sensitive.ts'
import { InForce } from '../delivery/in-force.ts'
import type { InjectionSight } from '../delivery/not-injected.ts'
import { consumerIndex, podLabelIndex, workloadStores } from '../delivery/selection.ts'
import type { Refusal } from '../delivery/stamps.ts'
import { stripWorkload } from '../delivery/workloads.ts'
import type { Workload } from '../delivery/workloads.ts'
import { KubeClient } from '../kube/client.ts'
import { KubeError } from '../kube/errors.ts'
import type { EventRecorder } from '../kube/event-recorder.ts'
import { FakeClock } from '../kube/fake-clock.ts'
import { objectKey, resourceName, secrets } from '../kube/objects.ts'
import type { KubeObject, ManagedFieldsEntry, Secret } from '../kube/objects.ts'
import type { Permission } from '../kube/permissions.ts'
import { Store } from '../kube/store.ts'
import type { CallOptions } from '../kube/transport.ts'
import type { Logger } from '../telemetry/log.ts'
import { CredentialsController, secretKeysOf, statusDelayMs, targetNameOf } from './credentials-controller.ts'

const key = 'shop/mail'
const namespace = 'shop'

/** A key of the right form, another one for each number. */
function apiKey(number: number): string {
  const text = createHash('sha512').update(String(number)).digest('base64url')
  return `SG.${text.slice(0, 22)}.${text.slice(22, 65)}`
}

/** RFC 7396. */
function merge(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch
  const result = new Map(Object.entries(target ?? {}))
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) result.delete(name)
    else result.set(name, merge(result.get(name), value))
  }
  return Object.fromEntries(result)
}

interface Call {
  readonly verb: string
  readonly name: string
  readonly body: unknown
}

/** An API server in memory, the parts of the operator over it, and a record of what was asked and said. */
class World {
  readonly clock = new FakeClock(Date.UTC(2026, 0, 2, 3, 4, 5))
  readonly resources = new Store<TracardiResource>({ clock: this.clock, indexers: { consumers: consumerIndex } })
  readonly secretStore = new Store<Secret>({ clock: this.clock })
  readonly workloads = workloadStores(() => this.#workloadStore())
  readonly deployments = this.workloads.Deployment
  readonly objects = new Map<string, KubeObject>()
  readonly calls: Call[] = []
  readonly events: { type: string; reason: string; note: string }[] = []
  /** Everything that was said: Events, log lines, statuses, errors. */
  readonly said: string[] = []
  /** Called as a request arrives, before it takes effect. */
  onRequest: (call: string) => void = () => undefined
  /** Called after it has taken effect, before the answer. */
  onAnswer: (call: string) => void = () => undefined
  #resourceVersion = 100
  readonly installation: string
  cache: SecretCache
  controller: CredentialsController
  /** What became known to be in force, in order. */
  readonly delivered: (string | undefined)[] = []
  readonly refusals = new Map<string, Refusal>()
  injectionSight: InjectionSight = 'Right'
  /** What names a version, as `pods 1-4f2c9`. */
  readonly naming = new Set<string>()
  injectionMode: 'Policy' | 'Patch' | undefined = 'Policy'
  /** Rights that are missing, by kind of workload or `secrets`. */
  readonly hidden = new Map<string, Permission>()

  constructor(installation: string) {
    this.installation = installation
    const { cache, controller } = this.#start()
    this.cache = cache
    this.controller = controller
  }

  /** A new process: nothing is left in memory but what lists bring. */
  restart(): void {
    this.cache.close()
    const { cache, controller } = this.#start()
    this.cache = cache
    this.controller = controller
  }

  #workloadStore(): Store<Workload> {
    return new Store<Workload>({ clock: this.clock, indexers: { podLabels: podLabelIndex } })
  }

  #start(): { cache: SecretCache; controller: CredentialsController } {
    const client = new KubeClient({
      request: (call) => this.#request(call),
      stream: () => Promise.reject(new Error('no')),
    })
    const cache = new SecretCache({ client, store: this.secretStore, clock: this.clock, ttlMs: 60_000 })
    const { clock, resources, secretStore, workloads, installation } = this
    const events = {
      record: (event: { type: string; reason: string; note: string }) => {
        this.events.push(event)
        this.said.push(JSON.stringify(event))
      },
    } as unknown as EventRecorder
    const inForce = new InForce()
    const controller = new CredentialsController({
      client,
      resources,
      secretStore,
      workloads,
      cache,
      inForce,
      visibility: {
        workloads: (kind) => this.hidden.get(kind),
        isServed: (kind) => kind !== 'Rollout',
        secrets: () => this.hidden.get('secrets'),
      },
      refusals: this.refusals,
      injectionSight: () => this.injectionSight,
      onInForce: (resource) => {
        this.delivered.push(inForce.of(resources.get(objectKey(resource)) ?? resource))
      },
      events,
      clock,
      installation,
      injectionMode: () => this.injectionMode,
      collectionPeriodMs: 600_000,
    })
    return { cache, controller }
  }

  async #request({ method, body, query, describe }: CallOptions): Promise<unknown> {
    const { verb, resource, name = '' } = describe
    const call = `${verb} ${resource.replace('.tracardi.com', '')} ${name}`
    this.calls.push({ verb, name: call, body })
    await Promise.resolve()
    this.onRequest(call)
    if (verb === 'list' && resource !== 'secrets') {
      // Who names a version: one item of metadata, of one kind.
      expect(query).toMatchObject({ limit: '1' })
      const [, id = ''] = (query?.['labelSelector'] ?? '').split('credentials.tracardi.com/mail=')
      const items = this.naming.has(`${resource.replace('.apps', '')} ${id}`) ? [{ metadata: { name: 'one' } }] : []
      return { metadata: { resourceVersion: '1' }, items }
    }
    if (verb === 'list') {
      // Of metadata alone, by name.
      const found = this.objects.get(`secrets ${query?.['fieldSelector']?.replace('metadata.name=', '') ?? ''}`)
      return { metadata: { resourceVersion: '1' }, items: found === undefined ? [] : [{ metadata: found.metadata }] }
    }
    const path = `${resource.split('/')[0] ?? ''} ${name}`
    const present = this.objects.get(path)
    if (method === 'POST') {
      if (present !== undefined) throw new KubeError({ ...describe, status: 409, apiReason: 'AlreadyExists' })
      const created = structuredClone(body) as Secret
      created.metadata.uid = `uid-of-${name}-${String(this.#resourceVersion)}`
      created.metadata.managedFields = [this.claim('tracardi-operator')]
      this.put(created, path)
    } else if (present === undefined) {
      throw new KubeError({ ...describe, status: 404, apiReason: 'NotFound' })
    } else if (method === 'DELETE') {
      const { uid, resourceVersion } = present.metadata
      const { preconditions } = body as { preconditions: object }
      if (JSON.stringify(preconditions) !== JSON.stringify({ uid, resourceVersion }))
        throw new KubeError({ ...describe, status: 409, apiReason: 'Conflict' })
      this.objects.delete(path)
    } else if (method === 'PATCH') {
      const patch = body as { metadata: { uid?: string; resourceVersion?: string }; data?: object; status?: object }
      const { uid, resourceVersion } = present.metadata
      // Whatever is not fenced is a mistake, wherever it lands.
      expect(patch.metadata).toMatchObject({
        uid: expect.any(String) as string,
        resourceVersion: expect.any(String) as string,
      })
      if (patch.metadata.uid !== uid || patch.metadata.resourceVersion !== resourceVersion)
        throw new KubeError({ ...describe, status: 409, apiReason: 'Conflict' })
      const patched = merge(present, patch) as Secret & TracardiResource
      // A value that changes changes hands.
      if (patch.data !== undefined) patched.metadata.managedFields = [this.claim('tracardi-operator')]
      this.put(patched, path)
      if (patch.status !== undefined) this.said.push(JSON.stringify(patched.status))
    }
    this.onAnswer(call)
    return structuredClone(this.objects.get(path))
  }

  claim(manager: string): ManagedFieldsEntry {
    return { manager, operation: 'Update', fieldsV1: { 'f:data': { '.': {} } } }
  }

  put(object: KubeObject, path: string): void {
    object.metadata.resourceVersion = String(++this.#resourceVersion)
    this.objects.set(path, object)
  }

  /** Somebody writes a source. */
  source(value: string | undefined, name = 'live', change: Partial<Secret> = {}): void {
    const path = `secrets ${name}`
    if (value === undefined) {
      this.objects.delete(path)
    } else {
      const data = { apiKey: Buffer.from(value).toString('base64') }
      const metadata = { name, namespace, uid: `uid-of-${name}`, resourceVersion: '', labels: {} }
      this.put({ metadata, type: 'Opaque', data, ...change }, path)
    }
  }

  resource(spec: Partial<TracardiResourceSpec> = {}, uid = 'uid-of-the-resource-4f2c9'): void {
    const path = `${resourceName(tracardiResources)} mail`
    const present = this.objects.get(path) as TracardiResource | undefined
    const same = present?.metadata.uid === uid ? present : undefined
    const resource: TracardiResource = {
      metadata: { name: 'mail', namespace, uid, resourceVersion: '', generation: (same?.metadata.generation ?? 0) + 1 },
      spec: { service: 'sendgrid', credentials: { secretRef: { name: 'live' } }, target: {}, ...spec },
      ...(same?.status !== undefined && { status: same.status }),
    }
    this.put(resource, path)
  }

  workload(stamp: string | undefined, available = true): void {
    this.put(
      {
        metadata: { name: 'sender', namespace, uid: 'uid-of-sender', resourceVersion: '', generation: 1 },
        spec: {
          template: { metadata: { labels: stamp === undefined ? {} : { 'credentials.tracardi.com/mail': stamp } } },
        },
        status: { observedGeneration: 1, replicas: 1, updatedReplicas: 1, availableReplicas: available ? 1 : 0 },
      } as KubeObject,
      'deployments sender',
    )
  }

  /** Somebody changes the target by hand. */
  edit(change: (target: Secret) => void): void {
    const target = structuredClone(this.target!)
    target.metadata.managedFields?.push(this.claim('kubectl-edit'))
    change(target)
    this.put(target, 'secrets mail-credentials')
  }

  /** The watches tell of everything that has happened. */
  watch(): void {
    for (const [path, object] of this.objects) {
      const copy = structuredClone(object)
      if (path.startsWith('secrets ')) this.secretStore.upsert(identity(copy))
      else if (path.startsWith('deployments ')) this.deployments.upsert(stripWorkload('Deployment')(copy))
      else this.resources.upsert(copy as TracardiResource)
    }
    for (const store of [this.secretStore, this.deployments] as Store<KubeObject>[])
      for (const { metadata } of store.list())
        if (!this.objects.has(`${store === this.secretStore ? 'secrets' : 'deployments'} ${metadata.name}`))
          store.remove({ metadata: { ...metadata, resourceVersion: String(++this.#resourceVersion) } })
  }

  get target(): Secret | undefined {
    return this.objects.get('secrets mail-credentials')
  }

  get value(): string | undefined {
    const data = this.target?.data?.['SENDGRID_API_KEY']
    return data === undefined ? undefined : Buffer.from(data, 'base64').toString()
  }

  get status(): TracardiResourceStatus {
    return (this.objects.get(`${resourceName(tracardiResources)} mail`) as TracardiResource).status ?? {}
  }

  get ready(): string {
    const ready = this.status.conditions?.find(({ type }) => type === 'Ready')
    return `${ready?.status ?? ''}/${ready?.reason ?? ''}`
  }

  async reconcile() {
    const line = (fields: object, message: string): void => {
      this.said.push(JSON.stringify(fields) + message)
    }
    const log: Logger = { debug: line, info: line, warn: line, error: line, child: () => log }
    try {
      return await this.controller.reconcile(key, { signal: new AbortController().signal, reconcileID: '1', log })
    } catch (error) {
      this.said.push(String(error), JSON.stringify(error))
      throw error
    }
  }

  /** The calls since the last time. */
  take(): string[] {
    return this.calls.splice(0).map(({ name }) => name)
  }

  takeEvents(): string[] {
    return this.events.splice(0).map(({ reason }) => reason)
  }
}

const worlds: World[] = []

function world(installation = 'green'): World {
  const w = new World(installation)
  worlds.push(w)
  return w
}

/** A world in which the first key is in force, and all is quiet. */
async function settled(spec: Partial<TracardiResourceSpec> = {}): Promise<World> {
  const w = world()
  w.source(apiKey(1))
  w.resource(spec)
  w.watch()
  await w.reconcile()
  w.watch()
  w.take()
  w.takeEvents()
  return w
}

afterEach(() => {
  for (const w of worlds.splice(0)) {
    w.cache.close()
    const said = w.said.join('\n')
    for (let number = 0; number < 10; number++) {
      const value = apiKey(number)
      for (const piece of [value.slice(3, 25), value.slice(26), Buffer.from(value).toString('base64').slice(0, 30)])
        expect(said).not.toContain(piece)
    }
    expect(said).not.toContain('What the server says')
  }
  vi.restoreAllMocks()
})

const statusCall = 'patch tracardiresources/status mail'
const consumers: NonNullable<TracardiResourceSpec['consumers']> = [{ kind: 'Deployment', name: 'sender' }]

describe('the usual life of a resource costs', () => {
  test('at first: one read of each Secret, one target, one status', async () => {
    const w = world()
    w.source(apiKey(1))
    w.resource()
    w.watch()
    expect(await w.reconcile()).toBeUndefined()
    expect(w.take()).toEqual([
      'get secrets mail-credentials',
      'get secrets live',
      'create secrets mail-credentials',
      statusCall,
    ])
    expect(w.value).toBe(apiKey(1))
    expect(w.target?.metadata).toMatchObject({
      labels: { 'app.kubernetes.io/managed-by': 'tracardi-operator', 'tracardi.com/resource': 'mail' },
      annotations: { 'tracardi.com/owner': 'green/shop/mail', 'tracardi.com/credentials-id': '1-4f2c9' },
    })
    expect(w.status).toMatchObject({
      credentialsId: '1-4f2c9',
      observedGeneration: 1,
      target: { name: 'mail-credentials' },
    })
    expect(w.ready).toBe('True/NoConsumers')
    expect(w.takeEvents()).toEqual(['CredentialsInForce', 'NoConsumers'])
  })

  test('at rest: nothing, also after the watches have told of our own writes, and hours later', async () => {
    const w = await settled()
    for (const ms of [0, 61_000, 3_600_000]) {
      await w.clock.advance(ms)
      w.watch()
      expect(await w.reconcile()).toBeUndefined()
    }
    expect(w.take()).toEqual([])
    expect(w.takeEvents()).toEqual([])
  })

  test('a rotation: one read of the source, one patch of the target, one of the status', async () => {
    const w = await settled()
    w.source(apiKey(2))
    w.watch()
    await w.reconcile()
    expect(w.take()).toEqual(['get secrets live', 'patch secrets mail-credentials', statusCall])
    expect(w.value).toBe(apiKey(2))
    expect(w.status).toMatchObject({ credentialsId: '2-4f2c9', versions: ['2-4f2c9'] })
    // Known with the first write, confirmed with the status; then with the write of the target, before the status.
    expect(w.delivered).toEqual(['1-4f2c9', '1-4f2c9', '2-4f2c9'])
    expect(w.takeEvents()).toEqual(['CredentialsInForce', 'NoConsumers'])
    w.watch()
    await w.reconcile()
    expect(w.take()).toEqual([])
  })

  test('a rotation after a minute: the target is confirmed as well', async () => {
    const w = await settled()
    await w.clock.advance(60_000)
    w.source(apiKey(2))
    w.watch()
    await w.reconcile()
    expect(w.take()).toEqual([
      'get secrets mail-credentials',
      'get secrets live',
      'patch secrets mail-credentials',
      statusCall,
    ])
  })

  test('a source that was touched: its record on the target and in the status, no new id', async () => {
    const w = await settled()
    w.source(apiKey(1))
    w.watch()
    await w.reconcile()
    expect(w.take()).toEqual(['get secrets live', 'patch secrets mail-credentials', statusCall])
    expect(w.status.credentialsId).toBe('1-4f2c9')
    expect(w.takeEvents()).toEqual([])
  })

  test('a rotation with a consumer: one status more, when it is through', async () => {
    const w = world()
    w.source(apiKey(1))
    w.resource({ consumers })
    w.workload(undefined)
    w.watch()
    // The workload first: its stamp does not wait for the status, the status waits for it.
    expect(await w.reconcile()).toEqual({ requeueAfterMs: statusDelayMs })
    expect(w.take()).toEqual(['get secrets mail-credentials', 'get secrets live', 'create secrets mail-credentials'])
    expect(w.delivered).toEqual(['1-4f2c9'])
    await w.reconcile()
    expect(w.take()).toEqual([statusCall])
    expect(w.ready).toBe('False/RollingOut')
    // Stamped, and then rolling: nothing that the status could say.
    w.workload('1-4f2c9', false)
    w.watch()
    await w.reconcile()
    expect(w.take()).toEqual([])
    w.workload('1-4f2c9')
    w.watch()
    await w.reconcile()
    expect(w.take()).toEqual([statusCall])
    expect(w.ready).toBe('True/Delivered')
    expect(w.status.consumers).toEqual({ total: 1, updated: 1, failed: 0, summary: '1/1' })
    // It is seen afterwards that the API server did not inject.
    w.injectionSight = 'NotLookedAt'
    await w.reconcile()
    expect(w.ready).toBe('True/Delivered')
    w.injectionSight = 'Missed'
    await w.reconcile()
    expect([w.ready, w.status.consumers?.updated]).toEqual(['False/NotInjected', 0])
    // Its pods are replaced, and are right when they were looked at.
    w.injectionSight = 'NotLookedAt'
    await w.reconcile()
    expect(w.ready).toBe('False/RollingOut')
    w.injectionSight = 'Right'
    await w.reconcile()
    expect(w.ready).toBe('True/Delivered')
    w.injectionSight = 'Stale'
    await w.reconcile()
    expect([w.ready, w.status.consumers?.outdated]).toMatchObject(['True/ConsumerStale', [{ reason: 'Stale' }]])
  })

  test('a restart of the operator: reads alone', async () => {
    const w = await settled()
    w.restart()
    await w.reconcile()
    expect(w.take()).toEqual(['get secrets mail-credentials', 'get secrets live'])
    await w.reconcile()
    expect(w.take()).toEqual([])
  })

  test('a resource that only checks: one read, one status', async () => {
    const w = world()
    w.source(apiKey(1))
    w.resource({ target: null })
    w.watch()
    await w.reconcile()
    expect(w.take()).toEqual(['get secrets live', statusCall])
    expect(w.ready).toBe('True/Valid')
    w.watch()
    await w.reconcile()
    expect(w.take()).toEqual([])
  })

  test('a change of spec that yields the same contents: no read', async () => {
    const w = await settled()
    w.resource({ target: { deletionPolicy: 'Delete' } })
    w.watch()
    await w.reconcile()
    expect(w.take()).toEqual(['patch secrets mail-credentials', statusCall])
    expect(w.target?.metadata.ownerReferences).toMatchObject([
      { kind: 'TracardiResource', uid: 'uid-of-the-resource-4f2c9' },
    ])
    expect(w.status).toMatchObject({ credentialsId: '1-4f2c9', observedGeneration: 2 })
    w.watch()
    await w.reconcile()
    expect(w.take()).toEqual([])
  })

  test('one that is deleted, or unknown: nothing', async () => {
    const w = await settled()
    w.source(apiKey(2))
    w.watch()
    const resource = structuredClone(w.resources.get(key)!)
    resource.metadata.deletionTimestamp = '2026-01-02T03:04:06Z'
    resource.metadata.resourceVersion = '100000'
    w.resources.upsert(resource)
    expect(await w.reconcile()).toBeUndefined()
    w.resources.remove(resource)
    expect(await w.reconcile()).toBeUndefined()
    expect(w.take()).toEqual([])
  })
})

describe('the gate', () => {
  test.each<[string, (w: World) => void, string]>([
    [
      'a line break at the end',
      (w) => {
        w.source(`${apiKey(2)}\n`)
      },
      'TrailingNewline',
    ],
    [
      'cut off',
      (w) => {
        w.source(apiKey(2).slice(0, 60))
      },
      'Truncated',
    ],
    [
      'empty',
      (w) => {
        w.source('')
      },
      'EmptyValue',
    ],
    [
      'under no name',
      (w) => {
        w.source(apiKey(2), 'live', { data: { unrelated: '' } })
      },
      'MissingField',
    ],
    [
      'of a type that is never read',
      (w) => {
        w.source(apiKey(2), 'live', { type: 'kubernetes.io/service-account-token' })
      },
      'ForbiddenSecretType',
    ],
    [
      'of a type that is never read',
      (w) => {
        w.source(apiKey(2), 'live', { type: 'bootstrap.kubernetes.io/token' })
      },
      'ForbiddenSecretType',
    ],
    [
      'of a type that is never read',
      (w) => {
        w.source(apiKey(2), 'live', { type: 'helm.sh/release.v1' })
      },
      'ForbiddenSecretType',
    ],
    [
      'written by the operator',
      (w) => {
        const labels = { 'app.kubernetes.io/managed-by': 'tracardi-operator' }
        w.source(apiKey(2), 'live', {
          metadata: { name: 'live', namespace, uid: 'uid-of-live', resourceVersion: '', labels },
        })
      },
      'OperatorOwnedSecret',
    ],
    [
      'deleted',
      (w) => {
        w.source(undefined)
      },
      'SecretNotFound',
    ],
    [
      'of a service that a newer operator knows',
      (w) => {
        w.resource({ service: 'carrier-pigeon' })
      },
      'UnsupportedService',
    ],
  ])('%s: what is in force stays', async (_, happens, reason) => {
    const w = await settled()
    const before = structuredClone(w.target)
    happens(w)
    w.watch()
    await w.reconcile()
    expect(w.take().filter((call) => !call.startsWith('get '))).toEqual([statusCall])
    expect(w.target).toEqual(before)
    expect(w.ready).toBe(`False/${reason}`)
    expect(w.status).toMatchObject({ credentialsId: '1-4f2c9', versions: ['1-4f2c9'] })
    w.watch()
    await w.reconcile()
    expect(w.take().filter((call) => !call.startsWith('get '))).toEqual([])
    // And it goes on by itself.
    w.resource()
    w.source(apiKey(3))
    w.watch()
    await w.reconcile()
    expect([w.value, w.status.credentialsId, w.ready]).toEqual([apiKey(3), '2-4f2c9', 'True/NoConsumers'])
  })

  test('nothing in force yet: nothing is created, and the id is announced and kept', async () => {
    const w = world()
    w.source(`${apiKey(1)}\n`)
    w.resource()
    w.watch()
    await w.reconcile()
    expect(w.take()).toEqual(['get secrets mail-credentials', 'get secrets live', statusCall])
    expect(w.target).toBeUndefined()
    expect(w.status.versions).toEqual(['1-4f2c9'])
    expect(w.status).not.toHaveProperty('credentialsId')
    w.source(apiKey(1))
    w.watch()
    await w.reconcile()
    expect(w.status.credentialsId).toBe('1-4f2c9')
    expect(w.ready).toBe('True/NoConsumers')
  })

  test('two fields under one key', async () => {
    const w = await settled()
    const data = {
      apiKey: Buffer.from(apiKey(2)).toString('base64'),
      onBehalfOf: Buffer.from('sub').toString('base64'),
    }
    w.source('', 'live', { data })
    w.resource({ target: { keys: { onBehalfOf: 'SENDGRID_API_KEY' } } })
    w.watch()
    await w.reconcile()
    expect(w.ready).toBe('False/TargetKeyConflict')
    expect([w.value, w.status.credentialsId]).toEqual([apiKey(1), '1-4f2c9'])
  })

  test('more than a Secret can hold', async () => {
    const w = world()
    w.resource({
      credentials: { secretRef: { name: 'live' }, waive: ['OversizedValue', 'PatternMismatch', 'UnusualLength'] },
    })
    const data = {
      apiKey: Buffer.from(apiKey(1)).toString('base64'),
      onBehalfOf: Buffer.from('s'.repeat(1_048_576)).toString('base64'),
    }
    w.source('', 'live', { data })
    w.watch()
    await w.reconcile()
    expect(w.ready).toBe('False/TargetTooLarge')
    expect(w.target).toBeUndefined()
  })
})

describe('a Secret that is awaited', () => {
  test('for a minute it is on its way, then it needs a person; then nothing is written, and it goes on by itself', async () => {
    const w = world()
    w.resource()
    w.watch()
    const flags = () => w.status.conditions?.map(({ type }) => type).filter((type) => /Reconciling|Stalled/.test(type))
    expect(await w.reconcile()).toEqual({ requeueAfterMs: 60_000 })
    expect([w.ready, flags()]).toEqual(['False/SecretNotFound', ['Reconciling']])
    w.watch()
    await w.clock.advance(20_000)
    w.take()
    expect(await w.reconcile()).toEqual({ requeueAfterMs: 40_000 })
    expect(w.take()).not.toContain(statusCall)
    await w.clock.advance(40_000)
    expect(await w.reconcile()).toBeUndefined()
    expect(flags()).toEqual(['Stalled'])
    w.watch()
    w.take()
    await w.clock.advance(3_600_000)
    expect(await w.reconcile()).toBeUndefined()
    expect(w.take()).not.toContain(statusCall)
    w.source(apiKey(1))
    w.watch()
    await w.reconcile()
    expect([w.ready, flags()]).toEqual(['True/NoConsumers', []])
  })
})

describe('somebody else and the target', () => {
  test('edited: it is mended, with the id it had', async () => {
    const w = await settled()
    w.edit((target) => {
      target.data!['SENDGRID_API_KEY'] = Buffer.from(apiKey(9)).toString('base64')
    })
    w.watch()
    await w.reconcile()
    expect(w.take()).toEqual(['get secrets mail-credentials', 'patch secrets mail-credentials'])
    expect([w.value, w.target?.metadata.annotations?.['tracardi.com/credentials-id']]).toEqual([apiKey(1), '1-4f2c9'])
    expect(w.takeEvents()).toEqual(['TargetMended'])
  })

  test('a key added, a key removed', async () => {
    const w = await settled()
    w.edit((target) => {
      target.data = { OTHER: 'eA==' }
    })
    w.watch()
    await w.reconcile()
    expect(Object.keys(w.target?.data ?? {})).toEqual(['SENDGRID_API_KEY'])
    expect(w.value).toBe(apiKey(1))
  })

  test('deleted: it is made again, with the id it had', async () => {
    const w = await settled()
    w.objects.delete('secrets mail-credentials')
    w.watch()
    await w.reconcile()
    expect(w.take()).toEqual(['get secrets mail-credentials', 'create secrets mail-credentials'])
    expect([w.value, w.status.credentialsId]).toEqual([apiKey(1), '1-4f2c9'])
    expect(w.takeEvents()).toEqual(['TargetMended'])
  })

  test.each<[string, (w: World) => void]>([
    [
      'edited',
      (w) => {
        w.edit((target) => {
          target.data = { SENDGRID_API_KEY: 'eA==' }
        })
      },
    ],
    [
      'deleted',
      (w) => {
        w.objects.delete('secrets mail-credentials')
      },
    ],
  ])('%s while the source is bad: nothing is invented, nothing is blessed, and it stays said', async (_, happens) => {
    const w = await settled()
    w.source(`${apiKey(2)}\n`)
    happens(w)
    const before = structuredClone(w.target)
    w.watch()
    for (let round = 0; round < 3; round++) {
      await w.reconcile()
      expect(w.take().filter((call) => !call.startsWith('get '))).toEqual(round === 0 ? [statusCall] : [])
      expect(w.ready).toBe('False/TargetLost')
      expect(w.status).not.toHaveProperty('credentialsId')
      w.watch()
    }
    expect(w.target).toEqual(before)
    w.source(apiKey(3))
    w.watch()
    await w.reconcile()
    expect([w.value, w.status.credentialsId, w.ready]).toEqual([apiKey(3), '2-4f2c9', 'True/NoConsumers'])
  })

  test('the name is taken: it is left alone until it is free', async () => {
    const w = world()
    w.source(apiKey(1))
    w.source('theirs', 'mail-credentials')
    w.resource()
    w.watch()
    await w.reconcile()
    expect(w.take()).toEqual(['get secrets mail-credentials', 'get secrets live', statusCall])
    expect(w.ready).toBe('False/TargetConflict')
    expect(w.status).not.toHaveProperty('target')
    w.watch()
    await w.reconcile()
    expect(w.take()).toEqual([])
    w.objects.delete('secrets mail-credentials')
    w.watch()
    await w.reconcile()
    expect([w.value, w.ready]).toEqual([apiKey(1), 'True/NoConsumers'])
  })

  test('another installation keeps it: nothing at all is written', async () => {
    const w = await settled()
    const other = world('blue')
    for (const [path, object] of w.objects) other.objects.set(path, structuredClone(object))
    other.source(apiKey(2))
    other.watch()
    for (let round = 0; round < 2; round++) expect(await other.reconcile()).toBeUndefined()
    expect(other.take().filter((call) => !call.startsWith('get '))).toEqual([])
    expect(new Set(other.takeEvents())).toEqual(new Set(['ManagedElsewhere']))
    expect(other.said.join()).toContain('--installation-id=green')
  })

  test('a recreated resource takes up its target with the id it has', async () => {
    const w = await settled()
    w.resource({}, 'uid-of-another-aaaaa')
    w.controller.forget(key)
    w.watch()
    await w.reconcile()
    expect([w.value, w.status.credentialsId]).toEqual([apiKey(1), '1-4f2c9'])
    expect(w.takeEvents()).not.toContain('CredentialsInForce')
    w.source(apiKey(2))
    w.watch()
    await w.reconcile()
    expect([w.value, w.status.credentialsId]).toEqual([apiKey(2), '2-aaaaa'])
  })
})

describe('races', () => {
  test('the source changes while the target is written: the newer one is not taken for done', async () => {
    const w = await settled()
    w.source(apiKey(2))
    w.watch()
    w.onAnswer = (call) => {
      if (call !== 'patch secrets mail-credentials') return
      w.onAnswer = () => undefined
      w.source(apiKey(3))
      w.watch()
    }
    await w.reconcile()
    expect(w.value).toBe(apiKey(2))
    await w.reconcile()
    expect([w.value, w.status.credentialsId]).toEqual([apiKey(3), '3-4f2c9'])
    w.watch()
    w.take()
    await w.reconcile()
    expect(w.take()).toEqual([])
  })

  test('it changes while another Secret is read', async () => {
    const w = world()
    w.source(apiKey(1))
    w.source('ie', 'shared', { data: { region: Buffer.from('eu').toString('base64') } })
    w.resource({
      target: null,
      credentials: {
        secretRef: { name: 'live' },
        fields: [{ name: 'region', secretKeyRef: { name: 'shared', key: 'region' } }],
      },
    })
    w.watch()
    w.onAnswer = (call) => {
      if (call !== 'get secrets shared') return
      w.onAnswer = () => undefined
      w.source(`${apiKey(2)}\n`)
      w.watch()
    }
    await w.reconcile()
    await w.reconcile()
    expect(w.ready).toBe('False/TrailingNewline')
  })

  test('somebody creates the target first: who won is read', async () => {
    const w = world()
    w.source(apiKey(1))
    w.resource()
    w.watch()
    w.onRequest = (call) => {
      if (call.startsWith('create')) w.source('theirs', 'mail-credentials')
    }
    await expect(w.reconcile()).rejects.toMatchObject({ reason: 'AlreadyExists', retry: 'now' })
    expect(w.status).toEqual({})
    w.take()
    // The watch has not told of it.
    await w.reconcile()
    expect(w.take()).toEqual(['get secrets mail-credentials', statusCall])
    expect(w.ready).toBe('False/TargetConflict')
  })

  test('somebody changes the target first: it is read again, also before the watch tells', async () => {
    const w = await settled()
    w.source(apiKey(2))
    w.watch()
    w.edit((target) => {
      target.metadata.labels = { ...target.metadata.labels, team: 'x' }
      target.metadata.managedFields = [w.claim('tracardi-operator')]
    })
    await expect(w.reconcile()).rejects.toMatchObject({ reason: 'Conflict', retry: 'now' })
    expect([w.value, w.ready]).toEqual([apiKey(1), 'True/NoConsumers'])
    w.take()
    await w.reconcile()
    expect(w.take()).toEqual(['get secrets mail-credentials', 'patch secrets mail-credentials', statusCall])
    expect([w.value, w.status.credentialsId]).toEqual([apiKey(2), '2-4f2c9'])
    expect(w.target?.metadata.labels).toMatchObject({ team: 'x' })
  })

  test('somebody deletes the target first', async () => {
    const w = await settled()
    w.source(apiKey(2))
    w.watch()
    w.objects.delete('secrets mail-credentials')
    await expect(w.reconcile()).rejects.toMatchObject({ status: 404 })
    await w.reconcile()
    expect([w.value, w.status.credentialsId]).toEqual([apiKey(2), '2-4f2c9'])
  })

  test('the resource changes before the status is written: what was done is not done twice', async () => {
    const w = await settled()
    w.source(apiKey(2))
    w.watch()
    w.onRequest = (call) => {
      if (call !== statusCall) return
      w.onRequest = () => undefined
      w.resource()
    }
    await expect(w.reconcile()).rejects.toMatchObject({ reason: 'Conflict' })
    expect(w.value).toBe(apiKey(2))
    w.watch()
    w.take()
    await w.reconcile()
    expect(w.take().filter((call) => call.startsWith('create'))).toEqual([])
    expect(w.status).toMatchObject({ credentialsId: '2-4f2c9', observedGeneration: 2 })
    expect([w.value, w.target?.metadata.annotations?.['tracardi.com/credentials-id']]).toEqual([apiKey(2), '2-4f2c9'])
  })

  describe('the target is written, its answer is lost, and workloads were told of an older id that no status has', () => {
    async function lost(): Promise<World> {
      const w = await settled({ consumers })
      await w.reconcile()
      w.source(apiKey(2))
      w.watch()
      expect(await w.reconcile()).toEqual({ requeueAfterMs: statusDelayMs })
      expect(w.delivered.at(-1)).toBe('2-4f2c9')
      w.source(apiKey(3))
      w.watch()
      w.onAnswer = (call) => {
        if (call !== 'patch secrets mail-credentials') return
        w.onAnswer = () => undefined
        throw new KubeError({ verb: 'patch', resource: 'secrets', status: 0 })
      }
      await expect(w.reconcile()).rejects.toMatchObject({ status: 0 })
      expect(w.value).toBe(apiKey(3))
      w.watch()
      return w
    }

    test('they are told of what the target carries', async () => {
      const w = await lost()
      await w.reconcile()
      expect(w.delivered.at(-1)).toBe('3-4f2c9')
      await w.reconcile()
      w.watch()
      expect(w.status.credentialsId).toBe('3-4f2c9')
      const told = w.delivered.length
      await w.reconcile()
      expect(w.delivered).toHaveLength(told)
    })

    test('also while the status cannot be written', async () => {
      const w = await lost()
      w.onRequest = (call) => {
        if (call === statusCall) throw new KubeError({ verb: 'patch', resource: 'tracardiresources', status: 500 })
      }
      await expect(w.reconcile()).rejects.toMatchObject({ status: 500 })
      expect(w.delivered.at(-1)).toBe('3-4f2c9')
    })

    test('also while the source cannot be read', async () => {
      const w = await lost()
      w.onRequest = (call) => {
        if (call === 'get secrets live') throw new KubeError({ verb: 'get', resource: 'secrets', status: 500 })
      }
      w.source(apiKey(4))
      w.watch()
      await expect(w.reconcile()).rejects.toMatchObject({ status: 500 })
      expect(w.delivered.at(-1)).toBe('3-4f2c9')
    })

    test('also when the status is all that is left to write', async () => {
      const w = await lost()
      w.source('no key')
      w.watch()
      await w.reconcile()
      w.watch()
      expect(w.status.credentialsId).toBe('3-4f2c9')
      expect(w.delivered.at(-1)).toBe('3-4f2c9')
    })
  })

  test('killed between target and status: the id is kept', async () => {
    const w = world()
    w.source(apiKey(1))
    w.resource()
    w.watch()
    w.onRequest = (call) => {
      if (call === statusCall)
        throw new KubeError({ verb: 'patch', resource: 'tracardiresources.tracardi.com/status', status: 0 })
    }
    await expect(w.reconcile()).rejects.toThrow()
    w.onRequest = () => undefined
    w.restart()
    w.watch()
    w.take()
    await w.reconcile()
    expect(w.take()).toEqual(['get secrets mail-credentials', 'get secrets live', statusCall])
    expect(w.status.credentialsId).toBe('1-4f2c9')
  })
})

describe('what the API server refuses', () => {
  const error = (call: string, options: Partial<ConstructorParameters<typeof KubeError>[0]>) => {
    const [verb = '', resource = '', name] = call.split(' ')
    return new KubeError({ verb, resource, name, namespace, status: 500, ...options })
  }
  const refuse = (w: World, call: string, options: Partial<ConstructorParameters<typeof KubeError>[0]>): void => {
    w.onRequest = (each) => {
      if (each === call) throw error(call, options)
    }
  }

  test.each<[string, string, Partial<ConstructorParameters<typeof KubeError>[0]>, string, RegExp]>([
    [
      'to read a source',
      'get secrets live',
      { status: 403 },
      'PermissionMissing',
      /^The operator may not read the Secret live\. Grant .* the verb get on secrets in the namespace shop;/,
    ],
    [
      'to read the target',
      'get secrets mail-credentials',
      { status: 403 },
      'PermissionMissing',
      /^The operator may not read the Secret mail-credentials\./,
    ],
    [
      'to create, for want of a right',
      'create secrets mail-credentials',
      { status: 403, unauthorized: true },
      'PermissionMissing',
      /^The operator may not create the Secret mail-credentials\. Grant .* the verb create on secrets/,
    ],
    [
      'to create, because of a quota',
      'create secrets mail-credentials',
      { status: 403 },
      'Forbidden',
      /does not let the operator create secrets mail-credentials in the namespace shop: a quota/,
    ],
    [
      'because the namespace goes',
      'create secrets mail-credentials',
      { status: 403, causes: ['NamespaceTerminating'] },
      'NamespaceTerminating',
      /^The namespace shop is being deleted/,
    ],
    [
      'what is written',
      'create secrets mail-credentials',
      { status: 422, apiReason: 'Invalid', invalidFields: ['metadata.name', 'data'] },
      'TargetRefused',
      /refuses the operator's create secrets mail-credentials in the namespace shop \(metadata\.name, data\)/,
    ],
  ])('%s: the status says so, once, and it goes on by itself', async (_, call, options, reason, message) => {
    const w = world()
    w.source(apiKey(1))
    w.resource()
    w.watch()
    refuse(w, call, options)
    for (let round = 0; round < 2; round++) {
      await expect(w.reconcile()).rejects.toMatchObject({ status: options.status, retry: 'backoff' })
      expect(w.take().filter((each) => each === statusCall)).toEqual(round === 0 ? [statusCall] : [])
      expect(w.ready).toBe(`False/${reason}`)
      const flag = ['TargetRefused', 'PermissionMissing'].includes(reason) ? 'Stalled' : 'Reconciling'
      expect(w.status.conditions?.find(({ type }) => type === flag)).toMatchObject({ reason })
      expect(w.status.conditions?.find(({ type }) => type === 'Ready')?.message).toMatch(message)
      w.watch()
    }
    expect(w.takeEvents()).toEqual([reason])
    w.onRequest = () => undefined
    await w.reconcile()
    expect([w.value, w.ready]).toEqual([apiKey(1), 'True/NoConsumers'])
    const types = w.status.conditions?.map(({ type }) => type)
    expect(types).not.toContain('Reconciling')
    expect(types).not.toContain('Stalled')
  })

  test('a refusal leaves what is in force in the status', async () => {
    const w = await settled()
    w.source(apiKey(2))
    w.watch()
    refuse(w, 'patch secrets mail-credentials', { status: 403 })
    await expect(w.reconcile()).rejects.toMatchObject({ status: 403 })
    expect(w.status).toMatchObject({ credentialsId: '1-4f2c9', target: { name: 'mail-credentials' } })
    expect([w.value, w.ready]).toEqual([apiKey(1), 'False/Forbidden'])
  })

  test.each([500, 503, 429, 0])('HTTP %s is tried again and not told', async (status) => {
    const w = await settled()
    w.source(apiKey(2))
    w.watch()
    refuse(w, 'get secrets live', { status })
    await expect(w.reconcile()).rejects.toMatchObject({ status })
    expect(w.take()).toEqual(['get secrets live'])
    expect(w.ready).toBe('True/NoConsumers')
    w.onRequest = () => undefined
    await w.reconcile()
    expect(w.value).toBe(apiKey(2))
  })

  test('to write the status: that is not written into the status', async () => {
    const w = world()
    w.source(apiKey(1))
    w.resource()
    w.watch()
    w.onRequest = (call) => {
      if (call === statusCall)
        throw new KubeError({ verb: 'patch', resource: 'tracardiresources.tracardi.com/status', status: 403 })
    }
    await expect(w.reconcile()).rejects.toMatchObject({ status: 403 })
    expect(w.take().filter((call) => call === statusCall)).toHaveLength(1)
    expect(w.takeEvents()).toEqual(['CredentialsInForce'])
  })
})

describe('values', () => {
  test.each<[string, string | undefined]>([
    ['all goes well', undefined],
    ['a read fails', 'get secrets live'],
    ['a write fails', 'create secrets mail-credentials'],
    ['the status fails', statusCall],
  ])('are overwritten when a reconcile ends, if %s', async (_, failing) => {
    const made: Sensitive[] = []
    const original = Sensitive.of.bind(Sensitive)
    vi.spyOn(Sensitive, 'of').mockImplementation((bytes) => {
      const value = original(bytes)
      made.push(value)
      return value
    })
    const w = world()
    w.source(apiKey(1))
    w.source('theirs', 'mail-credentials')
    if (failing?.startsWith('create') === true) w.objects.delete('secrets mail-credentials')
    w.resource()
    w.watch()
    w.onRequest = (call) => {
      if (call === failing) throw new KubeError({ verb: 'get', resource: 'secrets', status: 500 })
    }
    await w.reconcile().catch(() => undefined)
    expect(made.length).toBeGreaterThan(0)
    for (const value of made) expect(() => value.reveal()).toThrow('wiped')
  })
})

describe('without a right', () => {
  const seeDeployments = { verb: 'list', resource: 'deployments.apps', namespace }
  const forbidden = (w: World, ...refused: string[]): void => {
    w.onRequest = (call) => {
      const [verb = '', resource = ''] = call.split(' ')
      if (refused.includes(call))
        throw new KubeError({ verb, resource, namespace, name: 'x', status: 403, unauthorized: true })
    }
  }

  test('to see workloads: nothing new is put in force, then all is', async () => {
    const w = world()
    w.hidden.set('Deployment', seeDeployments)
    w.source(apiKey(1))
    w.resource({ consumers })
    w.watch()
    for (let round = 0; round < 2; round++) {
      await w.reconcile()
      expect([w.value, w.ready, w.status.credentialsId]).toEqual([undefined, 'False/PermissionMissing', undefined])
      expect(w.status.consumers).toMatchObject({ summary: '0/1', outdated: [{ reason: 'PermissionMissing' }] })
      w.watch()
    }
    // It was delivered before, by another process.
    w.workload('7-4f2c9')
    w.hidden.clear()
    w.watch()
    await w.reconcile()
    expect([w.value, w.target?.metadata.annotations?.['tracardi.com/credentials-id']]).toEqual([apiKey(1), '8-4f2c9'])
  })

  test('to see workloads: what is in force is rotated, told without them, and told with them later', async () => {
    const w = await settled({ consumers })
    w.hidden.set('Deployment', seeDeployments)
    w.source(apiKey(2))
    w.watch()
    await w.reconcile()
    w.watch()
    await w.reconcile()
    expect([w.value, w.ready, w.status.credentialsId]).toEqual([apiKey(2), 'False/PermissionMissing', '2-4f2c9'])
    w.watch()
    w.hidden.clear()
    w.workload('2-4f2c9')
    w.watch()
    w.take()
    await w.reconcile()
    expect([w.ready, w.take()]).toEqual(['True/Delivered', [statusCall]])
  })

  test('to see CronJobs: they carry no stamp, so nothing waits', async () => {
    const w = world()
    w.hidden.set('CronJob', { ...seeDeployments, resource: 'cronjobs.batch' })
    w.source(apiKey(1))
    w.resource({ consumers: [{ kind: 'CronJob', name: 'report' }] })
    w.watch()
    await w.reconcile()
    w.watch()
    await w.reconcile()
    expect([w.value, w.ready]).toEqual([apiKey(1), 'False/PermissionMissing'])
  })

  test('to watch Secrets: it is said, and gone when it is granted', async () => {
    const w = await settled()
    w.hidden.set('secrets', { verb: 'list', resource: 'secrets', namespace })
    await w.reconcile()
    w.watch()
    expect([w.ready, w.take()]).toEqual(['False/PermissionMissing', [statusCall]])
    w.hidden.clear()
    await w.reconcile()
    expect(w.ready).toBe('True/NoConsumers')
  })

  const readTarget = 'get secrets mail-credentials'
  const readSource = 'get secrets live'
  test.each<[string, string[], string | undefined, string[]]>([
    ['the source', [readSource], '1-4f2c9', [readTarget, readSource, statusCall]],
    ['any Secret', [readSource, readTarget], '1-4f2c9', [readTarget, readSource, 'list secrets ', statusCall]],
    [
      'any Secret, not even metadata',
      [readSource, readTarget, 'list secrets '],
      undefined,
      [readTarget, readSource, 'list secrets ', statusCall],
    ],
  ])('to read %s, a process that has just started delivers what is in force', async (_, refused, id, calls) => {
    const w = await settled({ consumers })
    w.restart()
    w.delivered.length = 0
    forbidden(w, ...refused)
    w.watch()
    await expect(w.reconcile()).rejects.toMatchObject({ status: 403 })
    expect([w.delivered, w.take()]).toEqual([id === undefined ? [] : [id], calls])
    expect(w.ready).toBe('False/PermissionMissing')
    // Told once.
    await expect(w.reconcile()).rejects.toMatchObject({ status: 403 })
    expect(w.delivered).toHaveLength(id === undefined ? 0 : 1)
  })

  test.each(['edited', 'somebody else’s'])('a target that is %s says nothing of what is in force', async (how) => {
    for (const refused of [[readSource], [readSource, readTarget]]) {
      const w = await settled({ consumers })
      w.restart()
      w.delivered.length = 0
      if (how === 'edited') w.edit((target) => (target.data = { other: 'eA==' }))
      else w.source('theirs', 'mail-credentials')
      w.watch()
      forbidden(w, ...refused)
      await expect(w.reconcile()).rejects.toMatchObject({ status: 403 })
      expect(w.delivered).toEqual([])
    }
  })

  test('to write the target, a process that has just started delivers what it holds', async () => {
    const w = await settled({ consumers })
    w.restart()
    w.delivered.length = 0
    w.source(apiKey(2))
    w.watch()
    forbidden(w, 'patch secrets mail-credentials')
    await expect(w.reconcile()).rejects.toMatchObject({ status: 403 })
    expect([w.delivered, w.ready]).toEqual([['1-4f2c9'], 'False/PermissionMissing'])
  })

  test('to write the status, what is in force is delivered all the same', async () => {
    const w = await settled({ consumers })
    w.restart()
    w.delivered.length = 0
    w.workload(undefined)
    w.watch()
    forbidden(w, statusCall)
    await expect(w.reconcile()).rejects.toMatchObject({ status: 403 })
    expect(w.delivered).toEqual(['1-4f2c9'])
  })
})

describe('isOwnWrite', () => {
  test('knows the echo of the last status, and nothing else', async () => {
    const w = world()
    w.source(apiKey(1))
    w.resource()
    w.watch()
    expect(w.controller.isOwnWrite(w.resources.get(key)!)).toBe(false)
    const seen: boolean[] = []
    w.resources.addEventHandler({ onUpdate: (_old, resource) => seen.push(w.controller.isOwnWrite(resource)) })
    await w.reconcile()
    expect(seen).toEqual([true])
    w.watch()
    expect(seen).toEqual([true])
    w.resource()
    w.watch()
    expect(seen).toEqual([true, false])
    w.controller.forget(key)
    expect(w.controller.isOwnWrite(w.resources.get(key)!)).toBe(false)
  })
})

describe('names', () => {
  const resource = (spec: Partial<TracardiResourceSpec>): TracardiResource => ({
    metadata: { name: 'mail', namespace, uid: 'u', resourceVersion: '1' },
    spec: { service: 'sendgrid', credentials: { secretRef: { name: 'live' } }, ...spec },
  })
  const fields = [{ name: 'region', secretKeyRef: { name: 'shared', key: 'r' } }]
  test.each<[string, Partial<TracardiResourceSpec>, string | undefined, string[]]>([
    ['only checks', {}, undefined, ['shop/live']],
    ['no consumers', { consumers: [] }, undefined, ['shop/live']],
    ['a target by default', { target: {} }, 'mail-credentials', ['shop/live', 'shop/mail-credentials']],
    ['a target for consumers', { consumers }, 'mail-credentials', ['shop/live', 'shop/mail-credentials']],
    ['a target of that name', { target: { name: 'x' } }, 'x', ['shop/live', 'shop/x']],
    [
      'several sources',
      { credentials: { fields, secretRef: { name: 'live' } } },
      undefined,
      ['shop/live', 'shop/shared'],
    ],
  ])('%s', (_, spec, target, keys) => {
    expect(targetNameOf(resource(spec))).toBe(target)
    expect(secretKeysOf(resource(spec))).toEqual(keys)
  })
})

test('the objects of this test are those of the API', () => {
  expect([resourceName(tracardiResources), resourceName(secrets)]).toEqual([
    'tracardiresources.tracardi.com',
    'secrets',
  ])
})

describe('findings', () => {
  test('each has an Event of its own, once, and counts in the metric', async () => {
    const w = await settled()
    w.source(`${apiKey(2)}a\n`)
    w.watch()
    await w.reconcile()
    w.watch()
    // The one in the message of Ready, and the other one.
    expect(w.events.splice(0).map(({ reason, note }) => [reason, note.slice(0, 30)])).toEqual([
      ['TrailingNewline', 'Secret "live", key "apiKey": t'],
      ['UnusualLength', 'Secret "live", key "apiKey": t'],
    ])
    expect(w.controller.findings()).toEqual([
      ['sendgrid', 'TrailingNewline'],
      ['sendgrid', 'UnusualLength'],
    ])
    await w.reconcile()
    expect(w.takeEvents()).toEqual([])

    // One is mended, the other one has been told of.
    w.source(`${apiKey(2)}a`)
    w.watch()
    await w.reconcile()
    expect(w.takeEvents()).not.toContain('UnusualLength')
    expect(w.controller.findings()).toEqual([['sendgrid', 'UnusualLength']])
    w.source(apiKey(3))
    w.watch()
    await w.reconcile()
    expect(w.controller.findings()).toEqual([])
  })

  test('a process that has just started tells nothing that was told before', async () => {
    const w = await settled()
    w.source(`${apiKey(2)}a`)
    w.watch()
    await w.reconcile()
    w.watch()
    expect(w.takeEvents()).toContain('UnusualLength')
    w.restart()
    await w.reconcile()
    expect(w.takeEvents()).toEqual([])
    expect(w.controller.findings()).toEqual([['sendgrid', 'UnusualLength']])
  })

  test('what is waived is no news and does not count', async () => {
    const w = await settled({ credentials: { secretRef: { name: 'live' }, waive: ['UnusualLength'] } })
    w.source(`${apiKey(2)}a`)
    w.watch()
    await w.reconcile()
    expect(w.takeEvents()).not.toContain('UnusualLength')
    expect(w.controller.findings()).toEqual([])
    const valid = w.status.conditions?.find(({ type }) => type === 'CredentialsValid')
    expect(valid).toMatchObject({
      status: 'True',
      message: expect.stringContaining('Waived: UnusualLength.') as string,
    })
  })

  test('credentials that say when they expire are looked at again then, and a resource that is gone is forgotten', async () => {
    const w = world()
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
    const exp = Math.ceil(w.clock.now() / 1000) + 3600
    const data = {
      instanceUrl: 'https://acme.my.salesforce.com',
      accessToken: [part({ alg: 'none' }), part({ sub: 'a', exp }), 'x7'.repeat(20)].join('.'),
    }
    const encoded = Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString('base64')])
    w.source('', 'live', { data: Object.fromEntries(encoded) as Record<string, string> })
    w.resource({ service: 'salesforce' })
    w.watch()
    const result = await w.reconcile()
    expect(result?.requeueAfterMs).toBe(exp * 1000 - w.clock.now())
    w.watch()
    expect(w.ready).toBe('True/NoConsumers')
    await w.clock.advance(result?.requeueAfterMs ?? 0)
    expect(await w.reconcile()).toBeUndefined()
    expect(w.ready).toBe('False/ExpiredCredential')
    expect(w.status.credentialsId).toBeDefined()
    expect(w.controller.findings()).toEqual([['salesforce', 'ExpiredCredential']])
    w.controller.forget(key)
    expect(w.controller.findings()).toEqual([])
  })
})

describe('versions', () => {
  type Target = NonNullable<TracardiResourceSpec['target']>
  const injecting: NonNullable<TracardiResourceSpec['consumers']> = [
    { kind: 'Deployment', name: 'sender', inject: { env: {} } },
  ]
  const injection = { mode: 'Policy', installation: 'green' }

  function version(w: World, id: string): (Secret & { immutable?: boolean }) | undefined {
    return w.objects.get(`secrets mail-credentials-${id}`)
  }

  function valueOf(w: World, id: string): string {
    return Buffer.from(version(w, id)?.data?.['SENDGRID_API_KEY'] ?? '', 'base64').toString()
  }

  /** Somebody else's, under the name of a version. */
  function takeName(w: World, id: string): void {
    const metadata = { name: `mail-credentials-${id}`, namespace, uid: `foreign-${id}`, resourceVersion: '' }
    w.put({ metadata, data: {} } as Secret, `secrets ${metadata.name}`)
  }

  /** A resource that injects, the first id in force, its workload through, and all quiet. */
  async function inUse(target: Target = {}): Promise<World> {
    const w = world()
    w.source(apiKey(1))
    w.resource({ consumers: injecting, target })
    w.workload(undefined)
    w.watch()
    await w.reconcile()
    w.workload('1-4f2c9')
    w.watch()
    await w.reconcile()
    w.watch()
    await w.reconcile()
    w.take()
    w.takeEvents()
    return w
  }

  /** The next key comes into force, and the workload follows. */
  async function rotate(w: World, number: number): Promise<string[]> {
    w.source(apiKey(number))
    w.watch()
    await w.reconcile()
    w.workload(w.status.credentialsId)
    w.watch()
    await w.reconcile()
    w.watch()
    return w.take()
  }

  test('the version comes first, then the target, then the status, at once', async () => {
    const w = world()
    w.source(apiKey(1))
    w.resource({ consumers: injecting })
    w.workload(undefined)
    w.watch()
    expect(await w.reconcile()).toBeUndefined()
    expect(w.take()).toEqual([
      'get secrets mail-credentials',
      'get secrets live',
      'create secrets mail-credentials-1-4f2c9',
      'create secrets mail-credentials',
      statusCall,
    ])
    expect(version(w, '1-4f2c9')).toMatchObject({
      type: 'Opaque',
      immutable: true,
      data: w.target?.data,
      metadata: {
        labels: { 'app.kubernetes.io/managed-by': 'tracardi-operator', 'tracardi.com/resource': 'mail' },
        annotations: { 'tracardi.com/owner': 'green/shop/mail', 'tracardi.com/credentials-id': '1-4f2c9' },
      },
    })
    expect(version(w, '1-4f2c9')?.metadata.ownerReferences).toBeUndefined()
    expect(w.status).toMatchObject({ versions: ['1-4f2c9'], injection })
    w.workload('1-4f2c9')
    w.watch()
    await w.reconcile()
    expect(w.take()).toEqual([statusCall])
    w.watch()
    await w.reconcile()
    expect(w.take()).toEqual([])
  })

  test('a rotation costs one POST more', async () => {
    const w = await inUse()
    expect(await rotate(w, 2)).toEqual([
      'get secrets live',
      'create secrets mail-credentials-2-4f2c9',
      'patch secrets mail-credentials',
      statusCall,
      statusCall,
    ])
    expect(w.status.versions).toEqual(['2-4f2c9', '1-4f2c9'])
    expect([valueOf(w, '1-4f2c9'), valueOf(w, '2-4f2c9')]).toEqual([apiKey(1), apiKey(2)])
    await w.clock.advance(3_600_000)
    await w.reconcile()
    expect(w.take()).toEqual([])
  })

  test('a restart: the version is read, to see whose it is', async () => {
    const w = await inUse()
    w.restart()
    await w.reconcile()
    expect(w.take()).toEqual([
      'get secrets mail-credentials',
      'get secrets live',
      'get secrets mail-credentials-1-4f2c9',
    ])
    await w.reconcile()
    expect(w.take()).toEqual([])
  })

  test.each([1, 2, 3])(
    'a process that is killed after write %i of a rotation: the next goes on from there',
    async (last) => {
      const w = await inUse()
      w.source(apiKey(2))
      w.watch()
      let writes = 0
      w.onAnswer = (call) => {
        if (!call.startsWith('get ') && ++writes === last) throw new Error('killed')
      }
      await expect(w.reconcile()).rejects.toThrow('killed')
      w.onAnswer = () => undefined
      w.restart()
      w.watch()
      await w.reconcile()
      expect(w.status).toMatchObject({ credentialsId: '2-4f2c9', versions: ['2-4f2c9', '1-4f2c9'] })
      expect([valueOf(w, '2-4f2c9'), w.value, version(w, '3-4f2c9')]).toEqual([apiKey(2), apiKey(2), undefined])
    },
  )

  test('killed after the version, and the source has changed again: that id is spent, and its version is known', async () => {
    const w = await inUse()
    w.source(apiKey(2))
    w.watch()
    w.onAnswer = (call) => {
      if (call.startsWith('create')) throw new Error('killed')
    }
    await expect(w.reconcile()).rejects.toThrow('killed')
    w.onAnswer = () => undefined
    w.restart()
    w.source(apiKey(3))
    w.watch()
    await w.reconcile()
    expect(w.status).toMatchObject({ credentialsId: '3-4f2c9', versions: ['3-4f2c9', '2-4f2c9', '1-4f2c9'] })
    expect([valueOf(w, '2-4f2c9'), valueOf(w, '3-4f2c9'), w.value]).toEqual([apiKey(2), apiKey(3), apiKey(3)])
  })

  test("somebody else's Secret under the name: left alone, and the next id is taken", async () => {
    const w = await inUse()
    takeName(w, '2-4f2c9')
    expect((await rotate(w, 2)).slice(0, 5)).toEqual([
      'get secrets live',
      'get secrets mail-credentials-2-4f2c9',
      'create secrets mail-credentials-3-4f2c9',
      'patch secrets mail-credentials',
      statusCall,
    ])
    expect(w.status.versions).toEqual(['3-4f2c9', '1-4f2c9'])
    expect(version(w, '2-4f2c9')?.metadata.uid).toBe('foreign-2-4f2c9')
    await w.reconcile()
    expect(w.take()).toEqual([])
  })

  test('the first id that was announced is taken: the next one', async () => {
    const w = world()
    w.source(undefined)
    w.resource({ consumers: injecting })
    w.watch()
    await w.reconcile()
    expect(w.status).toMatchObject({ versions: ['1-4f2c9'], injection })
    takeName(w, '1-4f2c9')
    w.source(apiKey(1))
    w.watch()
    await w.reconcile()
    expect(w.status).toMatchObject({ credentialsId: '2-4f2c9', versions: ['2-4f2c9'] })
  })

  test('many names in a row are taken: what is in force stays, and the status says so', async () => {
    const w = await inUse()
    for (let revision = 2; revision < 10; revision++) takeName(w, `${revision}-4f2c9`)
    w.source(apiKey(2))
    w.watch()
    await expect(w.reconcile()).rejects.toMatchObject({ reason: 'VersionConflict' })
    expect([w.ready, w.status.credentialsId, w.value]).toEqual(['False/VersionConflict', '1-4f2c9', apiKey(1)])
  })

  test('the one in force is deleted by hand: made again from the target, also while the source is bad', async () => {
    const w = await inUse()
    for (const value of [apiKey(1), 'nonsense']) {
      w.source(value)
      w.watch()
      await w.reconcile()
      w.watch()
      w.take()
      w.objects.delete('secrets mail-credentials-1-4f2c9')
      w.watch()
      await w.reconcile()
      expect(w.take()).toContain('create secrets mail-credentials-1-4f2c9')
      expect([valueOf(w, '1-4f2c9'), w.status.credentialsId]).toEqual([apiKey(1), '1-4f2c9'])
      w.watch()
      await w.reconcile()
      expect(w.take()).toEqual([])
    }
  })

  test('the one in force comes back with other contents: the next id, so that no pod gets those', async () => {
    const w = await inUse()
    const other = structuredClone(version(w, '1-4f2c9')!)
    other.data = { SENDGRID_API_KEY: 'b3RoZXI=' }
    other.metadata.uid = 'another'
    w.put(other, 'secrets mail-credentials-1-4f2c9')
    w.watch()
    await w.reconcile()
    expect(w.status.versions).toEqual(['2-4f2c9', '1-4f2c9'])
    expect(valueOf(w, '2-4f2c9')).toBe(apiKey(1))
  })

  test('an older one that is deleted by hand is told of no more', async () => {
    const w = await inUse()
    await rotate(w, 2)
    w.objects.delete('secrets mail-credentials-1-4f2c9')
    w.watch()
    await w.reconcile()
    expect(w.take()).toEqual(['get secrets mail-credentials-1-4f2c9', statusCall])
    expect(w.status.versions).toEqual(['2-4f2c9'])
  })

  test('a status that was lost: what was kept is found again', async () => {
    const w = await inUse()
    await rotate(w, 2)
    await rotate(w, 3)
    const resource = w.objects.get(`${resourceName(tracardiResources)} mail`) as TracardiResource
    delete resource.status
    w.put(resource, `${resourceName(tracardiResources)} mail`)
    w.objects.delete('secrets mail-credentials-1-4f2c9')
    w.restart()
    w.watch()
    await w.reconcile()
    expect(w.status).toMatchObject({ credentialsId: '3-4f2c9', versions: ['3-4f2c9', '2-4f2c9'] })
  })

  describe('collected', () => {
    test('what nothing names, beyond the limit, once the rotation is through, in the status that says so', async () => {
      const w = await inUse({ historyLimit: 1 })
      await rotate(w, 2)
      const calls = await rotate(w, 3)
      expect(calls.slice(3)).toEqual([
        statusCall,
        'list replicasets.apps ',
        'list controllerrevisions.apps ',
        'list pods ',
        'get secrets mail-credentials-1-4f2c9',
        'delete secrets mail-credentials-1-4f2c9',
        statusCall,
      ])
      expect(w.status.versions).toEqual(['3-4f2c9', '2-4f2c9'])
      expect(version(w, '1-4f2c9')).toBeUndefined()
      w.watch()
      await w.reconcile()
      expect(w.take()).toEqual([])
    })

    test.each(['replicasets', 'controllerrevisions', 'pods'])(
      'not while %s name it; looked at ever more seldom',
      async (kind) => {
        const w = await inUse({ historyLimit: 0 })
        w.naming.add(`${kind} 1-4f2c9`)
        await rotate(w, 2)
        expect(w.status.versions).toEqual(['2-4f2c9', '1-4f2c9'])
        expect(await w.reconcile()).toEqual({ requeueAfterMs: 600_000 })
        expect(w.take()).toEqual([])
        await w.clock.advance(600_000)
        expect(await w.reconcile()).toEqual({ requeueAfterMs: 1_200_000 })
        expect(w.take()[0]).toBe('list replicasets.apps ')
        w.naming.clear()
        await w.clock.advance(1_199_999)
        await w.reconcile()
        expect(w.take()).toEqual([])
        await w.clock.advance(1)
        expect(await w.reconcile()).toBeUndefined()
        expect(w.take().slice(-2)).toEqual(['delete secrets mail-credentials-1-4f2c9', statusCall])
        expect(w.status.versions).toEqual(['2-4f2c9'])
      },
    )

    test("never somebody else's, nor one that has just changed", async () => {
      const w = await inUse({ historyLimit: 0 })
      w.onRequest = (call) => {
        if (call !== 'delete secrets mail-credentials-1-4f2c9') return
        w.put(version(w, '1-4f2c9')!, 'secrets mail-credentials-1-4f2c9')
      }
      await rotate(w, 2)
      expect([version(w, '1-4f2c9') === undefined, w.status.versions]).toEqual([false, ['2-4f2c9', '1-4f2c9']])
      takeName(w, '1-4f2c9')
      await w.clock.advance(600_000)
      await w.reconcile()
      expect(w.take().filter((call) => call.startsWith('delete'))).toEqual([])
      expect([version(w, '1-4f2c9') === undefined, w.status.versions]).toEqual([false, ['2-4f2c9']])
    })

    test('a right that is missing: kept, told once, and tried again when one is granted', async () => {
      const w = await inUse({ historyLimit: 0 })
      w.onRequest = (call) => {
        if (call === 'list pods ')
          throw new KubeError({ verb: 'list', resource: 'pods', namespace, status: 403, apiReason: 'Forbidden' })
      }
      await rotate(w, 2)
      await rotate(w, 3)
      expect(w.status.versions).toEqual(['3-4f2c9', '2-4f2c9', '1-4f2c9'])
      expect(w.ready).toBe('True/Delivered')
      expect(w.takeEvents().filter((reason) => reason === 'PermissionMissing')).toHaveLength(1)
      w.onRequest = () => undefined
      w.controller.collectAgain()
      await w.reconcile()
      expect(w.status.versions).toEqual(['3-4f2c9'])
    })

    test('all older ones, once nobody injects any more', async () => {
      const w = await inUse()
      await rotate(w, 2)
      w.resource({ consumers: [{ kind: 'Deployment', name: 'sender' }] })
      w.watch()
      await w.reconcile()
      w.watch()
      expect(w.status).toMatchObject({ versions: ['2-4f2c9'] })
      expect([w.status.injection, version(w, '1-4f2c9')]).toEqual([undefined, undefined])
      w.take()
      expect(await rotate(w, 3)).not.toContain('create secrets mail-credentials-3-4f2c9')
    })
  })

  test.each<[string, Target, Target, number]>([
    ['to go with the resource', {}, { deletionPolicy: 'Delete' }, 1],
    ['to stay', { deletionPolicy: 'Delete' }, { deletionPolicy: 'Retain' }, 0],
  ])('what was made to stay or to go is told %s, all of it, before the target', async (_, before, after, expected) => {
    const w = await inUse(before)
    await rotate(w, 2)
    w.resource({ consumers: injecting, target: after })
    w.watch()
    await w.reconcile()
    expect(w.take()).toEqual([
      'get secrets mail-credentials-2-4f2c9',
      'patch secrets mail-credentials-2-4f2c9',
      'get secrets mail-credentials-1-4f2c9',
      'patch secrets mail-credentials-1-4f2c9',
      'patch secrets mail-credentials',
      statusCall,
    ])
    for (const secret of [w.target, version(w, '1-4f2c9'), version(w, '2-4f2c9')])
      expect(secret?.metadata.ownerReferences ?? []).toHaveLength(expected)
  })

  describe('the status says', () => {
    test('nothing of an injection into a target of somebody else', async () => {
      const w = world()
      w.source(apiKey(1))
      w.source(apiKey(2), 'mail-credentials')
      w.resource({ consumers: injecting })
      w.watch()
      await w.reconcile()
      expect([w.ready, w.status.injection]).toEqual(['False/TargetConflict', undefined])
    })

    test('what is in use, while it is not known what can be; then what can be', async () => {
      const w = world()
      w.injectionMode = undefined
      w.source(apiKey(1))
      w.resource({ consumers: injecting })
      w.watch()
      await w.reconcile()
      expect(w.status).toMatchObject({ credentialsId: '1-4f2c9', versions: ['1-4f2c9'] })
      expect(w.status.injection).toBeUndefined()
      for (const [mode, expected] of [
        ['Patch', 'Patch'],
        [undefined, 'Patch'],
        ['Policy', 'Policy'],
      ] as const) {
        w.injectionMode = mode
        w.watch()
        await w.reconcile()
        expect(w.status.injection).toEqual({ mode: expected, installation: 'green' })
      }
    })

    test('that a variable is forbidden: nothing is injected, and the target is in force all the same', async () => {
      const w = await inUse()
      w.resource({
        consumers: [{ kind: 'Deployment', name: 'sender', inject: { env: { prefix: 'LD_' } } }],
      })
      w.watch()
      await w.reconcile()
      expect([w.ready, w.status.injection]).toEqual(['False/InjectionForbidden', undefined])
      expect(w.status).toMatchObject({ credentialsId: '1-4f2c9', versions: ['1-4f2c9'] })
    })
  })
})
