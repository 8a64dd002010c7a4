import { describe, expect, test } from 'vitest'
import type { TracardiResource, TracardiResourceSpec } from '../api/tracardi-resource.ts'
import { InForce } from '../delivery/in-force.ts'
import type { InjectionCheck } from '../delivery/not-injected.ts'
import type { PodSpec } from '../delivery/pod-parts.ts'
import { injectionIndex } from '../delivery/plan.ts'
import { consumerIndex, keyOf, podLabelIndex, workloadKey, workloadStores } from '../delivery/selection.ts'
import type { Refusal } from '../delivery/stamps.ts'
import { stripWorkload } from '../delivery/workloads.ts'
import type { Workload, WorkloadKind } from '../delivery/workloads.ts'
import { KubeClient } from '../kube/client.ts'
import type { ReconcileResult } from '../kube/controller.ts'
import { KubeError } from '../kube/errors.ts'
import type { KubeErrorOptions } from '../kube/errors.ts'
import type { EventRecorder } from '../kube/event-recorder.ts'
import { FakeClock } from '../kube/fake-clock.ts'
import type { Permission } from '../kube/permissions.ts'
import { Store } from '../kube/store.ts'
import type { CallOptions } from '../kube/transport.ts'
import { silentLogger } from '../telemetry/log.ts'
import { DeliveryController, releaseKey } from './delivery-controller.ts'

const namespace = 'shop'
const installation = 'tracardi-system'

interface Patch {
  readonly metadata: { uid: string; resourceVersion: string }
  readonly spec: { template: { metadata?: { labels: Record<string, string> }; spec?: PodSpec } }
}

const plurals: Record<WorkloadKind, string> = {
  Deployment: 'deployments',
  StatefulSet: 'statefulsets',
  DaemonSet: 'daemonsets',
  CronJob: 'cronjobs',
  Rollout: 'rollouts',
  ReplicaSet: 'replicasets',
  Job: 'jobs',
  Pod: 'pods',
}

/** One workload on a server in memory, and the resources that name it. */
class World {
  readonly inForce = new InForce()
  readonly refusals = new Map<string, Refusal>()
  readonly checks = new Map<string, InjectionCheck>()
  /** The policies of the chart are there. */
  isByPolicy = true
  /** The resources whose refusals came or went. */
  readonly told: string[] = []
  readonly clock = new FakeClock()
  readonly resources = new Store<TracardiResource>({ clock: this.clock, indexers: { consumers: consumerIndex } })
  readonly workloads = workloadStores(() => this.#workloadStore())
  readonly kind: WorkloadKind
  readonly events: { type: string; reason: string; note: string; regarding: object; related?: object }[] = []
  readonly calls: string[] = []
  readonly bodies: Patch[] = []
  /** When each patch arrived, in milliseconds since the beginning. */
  readonly patchedAt: number[] = []
  server: Workload | undefined
  /** What is answered to a list of pods. */
  pods: object[] = []
  /** The right to see workloads that is missing. */
  unseen: Permission | undefined
  onRequest: (call: string) => void = () => undefined
  controller: DeliveryController
  #resourceVersion = 100

  constructor(labels: Record<string, string> = {}, kind: WorkloadKind = 'Deployment') {
    this.kind = kind
    this.controller = this.#start()
    this.write(labels)
    this.watch()
  }

  restart(): void {
    this.controller = this.#start()
  }

  #start(): DeliveryController {
    const client = new KubeClient({
      request: (call) => this.#request(call),
      stream: () => Promise.reject(new Error('no')),
    })
    const events = { record: (event: World['events'][number]) => this.events.push(event) } as unknown as EventRecorder
    const { resources, workloads, inForce, refusals, clock } = this
    const onRefusal = (resource: TracardiResource): void => {
      this.told.push(resource.metadata.name)
    }
    const visibility = { workloads: () => this.unseen }
    const { checks } = this
    const confirmPolicy = (): Promise<boolean> => Promise.resolve(this.isByPolicy)
    const told = { refusals, checks, confirmPolicy, onRefusal, events }
    const options = { client, resources, workloads, inForce, ...told, clock, visibility }
    return new DeliveryController({ ...options, installation })
  }

  #workloadStore(): Store<Workload> {
    const indexers = { podLabels: podLabelIndex, injections: injectionIndex }
    return new Store<Workload>({ clock: this.clock, indexers })
  }

  async #request({ method, path, query, body, contentType, describe }: CallOptions): Promise<unknown> {
    const call = `${describe.verb} ${describe.name ?? ''}`
    if (path.includes('/tracardiresources/')) {
      this.calls.push(call)
      await Promise.resolve()
      this.onRequest(call)
      return this.#patchResource(describe.name ?? '', body as TracardiResource)
    }
    if (describe.resource === 'pods') {
      this.calls.push(`list pods ${String(query?.['labelSelector'])}`)
      await Promise.resolve()
      this.onRequest('list pods')
      return { metadata: { resourceVersion: '1' }, items: this.pods }
    }
    const api = this.kind === 'Rollout' ? 'argoproj.io/v1alpha1' : 'apps/v1'
    expect(path).toBe(`/apis/${api}/namespaces/shop/${plurals[this.kind]}/sender`)
    this.calls.push(call)
    await Promise.resolve()
    this.onRequest(call)
    if (this.server === undefined) throw new KubeError({ ...describe, status: 404, apiReason: 'NotFound' })
    if (method === 'PATCH') {
      expect(contentType).toBe(`application/${this.kind === 'Rollout' ? '' : 'strategic-'}merge-patch+json`)
      const patch = body as Patch
      this.bodies.push(patch)
      this.patchedAt.push(this.clock.monotonic())
      const { uid, resourceVersion } = this.server.metadata
      if (patch.metadata.uid !== uid || patch.metadata.resourceVersion !== resourceVersion)
        throw new KubeError({ ...describe, status: 409, apiReason: 'Conflict' })
      this.write({ ...this.labels, ...patch.spec.template.metadata?.labels })
    }
    return structuredClone(this.server)
  }

  #patchResource(name: string, { metadata }: TracardiResource): TracardiResource {
    const resource = this.resources.get(`${namespace}/${name}`)
    if (resource === undefined) throw new KubeError({ verb: 'patch', resource: 'x', status: 404 })
    expect(metadata).toEqual({
      uid: resource.metadata.uid,
      resourceVersion: resource.metadata.resourceVersion,
      finalizers: metadata.finalizers,
    })
    const resourceVersion = String(++this.#resourceVersion)
    return { ...resource, metadata: { ...resource.metadata, ...metadata, resourceVersion } }
  }

  get labels(): Record<string, string> {
    return this.server?.spec?.template?.metadata?.labels ?? {}
  }

  /** Somebody writes the workload. */
  write(labels: Record<string, string>, uid = 'uid-of-sender', pods: PodSpec = {}): void {
    const template = { metadata: { labels: { app: 'sender', ...labels } }, spec: pods }
    this.server = {
      kind: this.kind,
      metadata: { name: 'sender', namespace, uid, resourceVersion: String(++this.#resourceVersion), generation: 1 },
      spec: this.kind === 'CronJob' ? { jobTemplate: { spec: { template } } } : { replicas: 1, template },
    }
  }

  watch(): void {
    const store = this.workloads[this.kind]
    if (this.server !== undefined) store.upsert(stripWorkload(this.kind)(structuredClone(this.server)))
    else for (const workload of store.list()) store.remove(workload)
  }

  resource(
    name: string,
    credentialsId: string | undefined,
    change: Partial<TracardiResource['metadata']> = {},
    consumers: TracardiResourceSpec['consumers'] = [{ kind: this.kind, name: 'sender' }],
  ): void {
    const uid = `uid-of-${name}`
    this.inForce.confirm(uid, credentialsId)
    this.resources.upsert({
      metadata: { name, namespace, uid, resourceVersion: String(++this.#resourceVersion), ...change },
      spec: { service: 'redis', credentials: {}, consumers },
      status: credentialsId === undefined ? {} : { credentialsId },
    })
  }

  async reconcile(): Promise<ReconcileResult | undefined> {
    const key = workloadKey(this.kind, namespace, 'sender')
    return this.controller.reconcile(key, { signal: new AbortController().signal, reconcileID: '1', log: silentLogger })
  }

  take(): string[] {
    return this.calls.splice(0)
  }
}

const stamp = (name: string): string => `credentials.tracardi.com/${name}`

describe('one resource', () => {
  test('one patch, at once, with the fence and nothing but the stamp; then nothing', async () => {
    const w = new World()
    w.resource('mail', '3-4f2c9')
    const { resourceVersion } = w.server!.metadata
    expect(await w.reconcile()).toBeUndefined()
    expect(w.take()).toEqual(['patch sender'])
    expect(w.bodies).toStrictEqual([
      {
        metadata: { uid: 'uid-of-sender', resourceVersion },
        spec: { template: { metadata: { labels: { [stamp('mail')]: '3-4f2c9' } } } },
      },
    ])
    // Before the watch tells, after it has told, and after a restart.
    expect(await w.reconcile()).toBeUndefined()
    w.watch()
    expect(await w.reconcile()).toBeUndefined()
    w.restart()
    expect(await w.reconcile()).toBeUndefined()
    expect(w.take()).toEqual([])
  })

  test.each<[string, Record<string, string>, string | undefined, string[]]>([
    ['nothing in force', {}, undefined, []],
    ['nothing in force any more: the stamp stays', { [stamp('mail')]: '2-4f2c9' }, undefined, []],
    ['up to date', { [stamp('mail')]: '3-4f2c9' }, '3-4f2c9', []],
    ['an older stamp', { [stamp('mail')]: '2-4f2c9' }, '3-4f2c9', ['patch sender']],
    ['another one, put there by hand', { [stamp('mail')]: 'x' }, '3-4f2c9', ['patch sender']],
  ])('%s', async (_, labels, id, calls) => {
    const w = new World(labels)
    w.resource('mail', id)
    await w.reconcile()
    expect(w.take()).toEqual(calls)
    if (id !== undefined) expect(w.labels[stamp('mail')]).toBe(id)
  })

  test('a stamp that was lost is put back', async () => {
    const w = new World()
    w.resource('mail', '3-4f2c9')
    await w.reconcile()
    w.write({})
    w.watch()
    await w.reconcile()
    expect(w.take()).toEqual(['patch sender', 'patch sender'])
    expect(w.labels).toEqual({ app: 'sender', [stamp('mail')]: '3-4f2c9' })
  })

  test('one that is being deleted gives nothing any more, and takes nothing away', async () => {
    const w = new World({ [stamp('mail')]: '2-4f2c9' })
    w.resource('mail', '3-4f2c9', { deletionTimestamp: '2026-01-01T00:00:00Z' })
    await w.reconcile()
    expect(w.take()).toEqual([])
  })

  test('no resource names it, it is unknown, or it is being deleted: nothing', async () => {
    const w = new World({ [stamp('mail')]: '2-4f2c9' })
    await w.reconcile()
    w.resource('mail', '3-4f2c9')
    w.workloads.Deployment.upsert({
      ...w.server!,
      metadata: { ...w.server!.metadata, resourceVersion: '500', deletionTimestamp: '2026-01-01T00:00:00Z' },
    })
    await w.reconcile()
    w.server = undefined
    w.watch()
    await w.reconcile()
    expect(w.take()).toEqual([])
  })

  test('of another namespace', async () => {
    const w = new World()
    w.resource('mail', '3-4f2c9', { namespace: 'other' })
    await w.reconcile()
    expect(w.take()).toEqual([])
  })
})

describe('several resources', () => {
  /** Reconciles on every change of a resource and whenever it was asked for, as the queue would. */
  const changes = async (w: World, steps: [at: number, change: (w: World) => void][]): Promise<void> => {
    const waiting: { at: number }[] = []
    const run = async (): Promise<void> => {
      const result = await w.reconcile()
      if (result?.requeueAfterMs !== undefined) waiting.push({ at: w.clock.monotonic() + result.requeueAfterMs })
    }
    const due = steps.map(([at, change]) => ({ at, change }))
    for (;;) {
      const next = [...due, ...waiting].sort((a, b) => a.at - b.at)[0]
      if (next === undefined) return
      await w.clock.advance(next.at - w.clock.monotonic())
      if ('change' in next) {
        due.splice(due.indexOf(next as (typeof due)[number]), 1)
        ;(next as (typeof due)[number]).change(w)
      } else waiting.splice(waiting.indexOf(next), 1)
      await run()
    }
  }
  const rotate =
    (name: string, id: string) =>
    (w: World): void => {
      w.resource(name, id)
    }

  test.each<[string, [number, (w: World) => void][], number[]]>([
    [
      'at the same moment: one patch after a quarter of a second',
      [
        [0, rotate('mail', '2-a0000')],
        [0, rotate('queue', '2-b0000')],
      ],
      [250],
    ],
    ['one of them alone waits as well: the other might follow', [[0, rotate('mail', '2-a0000')]], [250]],
    [
      'shortly after each other',
      [
        [0, rotate('mail', '2-a0000')],
        [200, rotate('queue', '2-b0000')],
      ],
      [450],
    ],
    [
      'far from each other',
      [
        [0, rotate('mail', '2-a0000')],
        [1000, rotate('queue', '2-b0000')],
      ],
      [250, 1250],
    ],
    [
      'without an end: after two seconds at the latest',
      Array.from({ length: 21 }, (_, index) => [index * 100, rotate('mail', `${String(index + 2)}-a0000`)]),
      [2000],
    ],
    [
      'there and back again: nothing',
      [
        [0, rotate('mail', '2-a0000')],
        [100, rotate('mail', '1-a0000')],
      ],
      [],
    ],
  ])('%s', async (_, steps, patches) => {
    const w = new World({ [stamp('mail')]: '1-a0000', [stamp('queue')]: '1-b0000' })
    w.resource('mail', '1-a0000')
    w.resource('queue', '1-b0000')
    await changes(w, steps)
    expect(w.patchedAt).toEqual(patches)
    for (const { metadata, status } of w.resources.list())
      expect(w.labels[stamp(metadata.name)]).toBe(status?.credentialsId)
    expect(await w.reconcile()).toBeUndefined()
    expect(w.patchedAt).toEqual(patches)
  })

  test('both stamps are in the one patch', async () => {
    const w = new World()
    w.resource('mail', '2-a0000')
    w.resource('queue', '2-b0000')
    await changes(w, [[0, () => undefined]])
    expect(w.bodies.map(({ spec }) => spec.template.metadata?.labels)).toEqual([
      { [stamp('mail')]: '2-a0000', [stamp('queue')]: '2-b0000' },
    ])
  })

  test('one that has nothing in force yet holds nobody back', async () => {
    const w = new World()
    w.resource('mail', '2-a0000')
    w.resource('queue', undefined)
    expect(await w.reconcile()).toBeUndefined()
    expect(w.patchedAt).toEqual([0])
  })

  test('a workload that goes away meanwhile is waited for anew when it comes back', async () => {
    const w = new World()
    w.resource('mail', '2-a0000')
    w.resource('queue', '2-b0000')
    expect(await w.reconcile()).toEqual({ requeueAfterMs: 250 })
    await w.clock.advance(250)
    w.server = undefined
    // The watch has not told of it: the patch finds nothing.
    expect(await w.reconcile()).toBeUndefined()
    expect(w.take()).toEqual(['patch sender'])
    w.watch()
    await w.clock.advance(5000)
    w.write({}, 'uid-of-another')
    w.watch()
    expect(await w.reconcile()).toEqual({ requeueAfterMs: 250 })
  })
})

describe('races', () => {
  test('somebody writes the workload meanwhile: it is read, and patched as it is then', async () => {
    const w = new World()
    w.resource('mail', '3-4f2c9')
    w.write({ more: 'x' })
    expect(await w.reconcile()).toBeUndefined()
    expect(w.take()).toEqual(['patch sender', 'get sender', 'patch sender'])
    expect(w.labels).toEqual({ app: 'sender', more: 'x', [stamp('mail')]: '3-4f2c9' })
    expect(await w.reconcile()).toBeUndefined()
    expect(w.take()).toEqual([])
  })

  test('somebody else has stamped it meanwhile: no second patch', async () => {
    const w = new World()
    w.resource('mail', '3-4f2c9')
    w.write({ [stamp('mail')]: '3-4f2c9' })
    await w.reconcile()
    expect(w.take()).toEqual(['patch sender', 'get sender'])
  })

  test('it was deleted and created again: the stamp goes to the new one, once', async () => {
    const w = new World()
    w.resource('mail', '3-4f2c9')
    w.write({}, 'uid-of-another')
    await w.reconcile()
    expect(w.take()).toEqual(['patch sender', 'get sender', 'patch sender'])
    expect(w.bodies[1]?.metadata.uid).toBe('uid-of-another')
  })

  test('it was deleted between patch and read', async () => {
    const w = new World()
    w.resource('mail', '3-4f2c9')
    w.write({})
    w.onRequest = (call) => {
      if (call === 'get sender') w.server = undefined
    }
    expect(await w.reconcile()).toBeUndefined()
    expect(w.take()).toEqual(['patch sender', 'get sender'])
  })

  test('conflicts without end are left to the queue', async () => {
    const w = new World()
    w.resource('mail', '3-4f2c9')
    w.onRequest = (call) => {
      if (call === 'patch sender') w.write({})
    }
    await expect(w.reconcile()).rejects.toMatchObject({ reason: 'Conflict', retry: 'now' })
    expect(w.take().filter((call) => call === 'patch sender')).toHaveLength(6)
    expect(w.events).toEqual([])
  })

  test('a rotation meanwhile is seen in the next attempt', async () => {
    const w = new World()
    w.resource('mail', '3-4f2c9')
    w.write({})
    w.onRequest = (call) => {
      if (call === 'get sender') w.resource('mail', '4-4f2c9')
    }
    await w.reconcile()
    expect(w.bodies.map(({ spec }) => spec.template.metadata?.labels[stamp('mail')])).toEqual(['3-4f2c9', '4-4f2c9'])
    expect(w.events.map(({ note }) => note)).toEqual([
      'The TracardiResource mail went to 4-4f2c9: the pods are replaced.',
    ])
  })

  test('killed after the patch, and the list of the new process is older: one conflict, and no second restart', async () => {
    const before = new World()
    before.resource('mail', '3-4f2c9')
    await before.reconcile()
    const after = new World()
    after.resource('mail', '3-4f2c9')
    after.server = before.server
    await after.reconcile()
    expect(after.take()).toEqual(['patch sender', 'get sender'])
    expect(after.server).toBe(before.server)
  })
})

describe('what is said', () => {
  const sender = { apiVersion: 'apps/v1', kind: 'Deployment', namespace, name: 'sender', uid: 'uid-of-sender' }
  const mail = {
    apiVersion: 'tracardi.com/v1beta1',
    kind: 'TracardiResource',
    namespace,
    name: 'mail',
    uid: 'uid-of-mail',
  }

  test.each([
    [{}, 'The TracardiResource mail went to 3-4f2c9: the pods are replaced.'],
    [{ [stamp('mail')]: '2-4f2c9' }, 'The TracardiResource mail went from 2-4f2c9 to 3-4f2c9: the pods are replaced.'],
  ])('a stamp is an Event of the workload', async (labels, note) => {
    const w = new World(labels)
    w.resource('mail', '3-4f2c9')
    await w.reconcile()
    await w.reconcile()
    expect(w.events).toEqual([
      { regarding: sender, related: mail, type: 'Normal', reason: 'CredentialsStamped', action: 'Stamp', note },
    ])
  })

  test('what came into force during the patch is not said to be stamped', async () => {
    const w = new World({ [stamp('queue')]: '1-b0000' })
    w.resource('mail', '3-4f2c9')
    w.onRequest = () => {
      w.resource('queue', '2-b0000')
    }
    await w.reconcile()
    expect(w.events.map(({ note }) => note)).toEqual([
      'The TracardiResource mail went to 3-4f2c9: the pods are replaced.',
    ])
  })

  test.each<[string, number, Partial<KubeErrorOptions>, string[], RegExp]>([
    ['a policy', 403, { apiReason: 'Forbidden' }, ['StampRefused'], /HTTP 403.*admission policy/],
    ['a right', 403, { unauthorized: true }, ['PermissionMissing'], /Grant .* the verb patch on deployments\.apps in/],
    ['invalid', 422, { apiReason: 'Invalid' }, ['StampRefused'], /HTTP 422/],
    ['an error', 500, {}, [], /never/],
    ['no answer', 0, {}, [], /never/],
  ])('refused, %s: HTTP %s', async (_, status, options, reasons, note) => {
    const w = new World()
    w.resource('mail', '3-4f2c9')
    const error = new KubeError({ verb: 'patch', resource: 'deployments.apps', status, ...options })
    w.onRequest = () => {
      throw error
    }
    await expect(w.reconcile()).rejects.toBe(error)
    expect(w.take()).toEqual(['patch sender'])
    expect(w.events.map(({ reason }) => reason)).toEqual(reasons)
    // For the status of the resource, until it goes well.
    expect([...w.refusals.keys()]).toEqual(reasons.map(() => 'Deployment/shop/sender'))
    expect(w.told).toEqual(reasons.map(() => 'mail'))
    await expect(w.reconcile()).rejects.toBe(error)
    expect(w.events).toHaveLength(reasons.length)
    for (const event of w.events) {
      expect(event).toMatchObject({ type: 'Warning', regarding: mail, related: sender })
      expect(event.note).toMatch(note)
    }
    expect([...w.refusals.values()].map(({ reason }) => reason)).toEqual(reasons)
    w.onRequest = () => undefined
    await w.reconcile()
    expect(w.labels[stamp('mail')]).toBe('3-4f2c9')
    expect([...w.refusals.keys()]).toEqual([])
    expect(w.told).toEqual(reasons.flatMap(() => ['mail', 'mail']))
  })
})

test('who takes the stamp out again and again is answered ever more slowly, and an Event says so', async () => {
  const w = new World()
  w.resource('mail', '3-4f2c9')
  const waited: number[] = []
  for (let turn = 0; turn < 6; turn++) {
    w.write({})
    w.watch()
    for (let result = await w.reconcile(); result !== undefined; result = await w.reconcile()) {
      waited.push(result.requeueAfterMs ?? 0)
      await w.clock.advance(result.requeueAfterMs ?? 0)
    }
  }
  expect(w.take()).toHaveLength(6)
  expect(waited).toEqual([2000, 4000, 8000])
  expect(w.events.filter(({ reason }) => reason === 'StampReverted')).toHaveLength(1)
})

test('isDue: whether a workload lacks a stamp now', () => {
  const w = new World({ [stamp('mail')]: '1-a0000' })
  w.resource('mail', '2-a0000')
  w.resource('queue', undefined)
  expect(w.controller.isDue(w.server!)).toBe(true)
  w.resource('mail', '1-a0000')
  expect(w.controller.isDue(w.server!)).toBe(false)
  w.resource('mail', '2-a0000')
  const other = { ...w.server!, metadata: { ...w.server!.metadata, name: 'other' } }
  expect(w.controller.isDue(other)).toBe(false)
})

test.each(['Pod/shop/sender', 'Deployment', '', 'Deployment/shop/another'])('an unknown key: %s', async (key) => {
  const w = new World()
  w.resource('mail', '2-a0000')
  const context = { signal: new AbortController().signal, reconcileID: '1', log: silentLogger }
  expect(await w.controller.reconcile(key, context)).toBeUndefined()
  expect(w.take()).toEqual([])
})

describe('every kind', () => {
  test.each<WorkloadKind>(['Deployment', 'StatefulSet', 'DaemonSet', 'Rollout'])(
    '%s: one patch, one Event',
    async (kind) => {
      const w = new World({}, kind)
      w.resource('mail', '2-a0000')
      expect(keyOf(stripWorkload(kind)(w.server!))).toBe(`${kind}/shop/sender`)
      await w.reconcile()
      await w.reconcile()
      expect(w.take()).toEqual(['patch sender'])
      expect(w.labels[stamp('mail')]).toBe('2-a0000')
      expect(w.events).toMatchObject([
        { reason: 'CredentialsStamped', regarding: { apiVersion: expect.stringContaining('/v1') as string, kind } },
      ])
      // And when somebody writes it meanwhile.
      w.resource('mail', '3-a0000')
      w.write({ more: 'x' })
      await w.reconcile()
      expect(w.take()).toEqual(['patch sender', 'get sender', 'patch sender'])
      expect(w.labels).toMatchObject({ more: 'x', [stamp('mail')]: '3-a0000' })
    },
  )

  test('CronJob: never read, never patched', async () => {
    const w = new World({ [stamp('mail')]: '1-a0000' }, 'CronJob')
    w.resource('mail', '2-a0000')
    w.resource('queue', '1-b0000', {}, [{ kind: 'CronJob', selector: { matchLabels: { app: 'sender' } } }])
    expect(w.controller.isDue(w.workloads.CronJob.list()[0]!)).toBe(false)
    expect(await w.reconcile()).toBeUndefined()
    expect(w.take()).toEqual([])
    expect(w.events).toEqual([])
  })
})

describe('selected by labels', () => {
  const byLabels = (matchLabels: Record<string, string>): TracardiResourceSpec['consumers'] => [
    { kind: 'Deployment', selector: { matchLabels } },
  ]

  test('one patch, as if it were named', async () => {
    const w = new World({ needs: 'mail' })
    w.resource('mail', '2-a0000', {}, byLabels({ needs: 'mail', app: 'sender' }))
    expect(w.controller.isDue(w.server!)).toBe(true)
    await w.reconcile()
    expect(w.labels).toEqual({ app: 'sender', needs: 'mail', [stamp('mail')]: '2-a0000' })
    await w.reconcile()
    expect(w.take()).toEqual(['patch sender'])
  })

  test('by name and by labels at once: one stamp, and nobody to wait for', async () => {
    const w = new World({ needs: 'mail' })
    const consumers = [...byLabels({ needs: 'mail' })!, { kind: 'Deployment' as const, name: 'sender' }]
    w.resource('mail', '2-a0000', {}, consumers)
    expect(await w.reconcile()).toBeUndefined()
    expect(w.patchedAt).toEqual([0])
    expect(w.events).toHaveLength(1)
  })

  test('by two resources at once: one patch', async () => {
    const w = new World({ needs: 'mail' })
    w.resource('mail', '2-a0000', {}, byLabels({ needs: 'mail' }))
    w.resource('queue', '2-b0000')
    expect(await w.reconcile()).toEqual({ requeueAfterMs: 250 })
    await w.clock.advance(250)
    await w.reconcile()
    expect(w.bodies.map(({ spec }) => spec.template.metadata?.labels)).toEqual([
      { [stamp('mail')]: '2-a0000', [stamp('queue')]: '2-b0000' },
    ])
  })

  test.each<[string, Record<string, string>]>([
    ['another value', { needs: 'queue' }],
    ['one label of two', { needs: 'mail', tier: 'front' }],
  ])('%s: not selected', async (_, matchLabels) => {
    const w = new World({ needs: 'mail' })
    w.resource('mail', '2-a0000', {}, byLabels(matchLabels))
    expect(w.controller.isDue(w.server!)).toBe(false)
    await w.reconcile()
    expect(w.take()).toEqual([])
  })

  test('selected no more: the stamp stays, and a rotation does not reach it', async () => {
    const w = new World({ needs: 'mail' })
    w.resource('mail', '2-a0000', {}, byLabels({ needs: 'mail' }))
    await w.reconcile()
    w.write({ [stamp('mail')]: '2-a0000' })
    w.watch()
    w.take()
    w.resource('mail', '3-a0000', {}, byLabels({ needs: 'mail' }))
    await w.reconcile()
    expect(w.take()).toEqual([])
    expect(w.labels).toEqual({ app: 'sender', [stamp('mail')]: '2-a0000' })
  })

  test('it loses the label amid a conflict: it is left alone', async () => {
    const w = new World({ needs: 'mail' })
    w.resource('mail', '2-a0000', {}, byLabels({ needs: 'mail' }))
    w.write({})
    await w.reconcile()
    expect(w.take()).toEqual(['patch sender', 'get sender'])
  })
})

test('nothing is stamped for a resource that was not reconciled yet: its status may be behind its target', async () => {
  const w = new World({ [stamp('twilio')]: '8-aaaaa' })
  w.resource('twilio', '7-aaaaa')
  w.inForce.forget('uid-of-twilio')
  await w.reconcile()
  expect(w.calls).toEqual([])
  w.inForce.targetCarries(w.resources.get(`${namespace}/twilio`)!, '9-aaaaa')
  await w.reconcile()
  expect(w.labels[stamp('twilio')]).toBe('9-aaaaa')
})

test('what may not be read again after a conflict is said as well', async () => {
  const w = new World()
  w.resource('mail', '3-4f2c9')
  w.onRequest = (call) => {
    const [verb = ''] = call.split(' ')
    const refused = { verb, resource: 'deployments.apps', namespace: 'shop', name: 'sender' }
    throw verb === 'patch'
      ? new KubeError({ ...refused, status: 409, apiReason: 'Conflict' })
      : new KubeError({ ...refused, status: 403 })
  }
  await expect(w.reconcile()).rejects.toMatchObject({ status: 403, verb: 'get' })
  expect([...w.refusals.values()]).toMatchObject([{ reason: 'PermissionMissing' }])
  expect(w.events[0]?.note).toContain('the verb get on deployments.apps in the namespace shop')
})

describe('injection by patch', () => {
  const finalizer = 'tracardi.com/injection'
  const inject: TracardiResourceSpec['consumers'] = [{ kind: 'Deployment', name: 'sender', inject: { env: {} } }]
  const put = (
    w: World,
    id: string,
    metadata: Partial<TracardiResource['metadata']> = {},
    consumers = inject,
  ): void => {
    w.resource('mail', id, metadata, consumers)
    const [mail] = w.resources.list()
    const injection = { mode: 'Patch', installation } as const
    const status = {
      credentialsId: id,
      versions: [id],
      target: { name: 'mail' },
      ...(consumers === inject && { injection }),
    }
    w.resources.upsert({ ...mail!, status })
    w.inForce.seen('uid-of-mail', id, ['URL'])
  }
  const url = (id: string) => ({ name: 'URL', valueFrom: { secretKeyRef: { name: `mail-${id}`, key: 'URL' } } })
  const app = (env: object[]): PodSpec => ({ containers: [{ name: 'app', env }] }) as PodSpec
  const release = async (w: World): Promise<ReconcileResult | undefined> => {
    const context = { signal: new AbortController().signal, reconcileID: '1', log: silentLogger }
    return w.controller.reconcile('TracardiResource/shop/mail', context)
  }
  /** A workload that has it, of a resource that is held. */
  const injected = (change: Partial<TracardiResource['metadata']> = {}, consumers = inject): World => {
    const w = new World()
    w.write({ [stamp('mail')]: '2-a0000' }, 'uid-of-sender', app([url('2-a0000')]))
    w.watch()
    put(w, '2-a0000', { finalizers: ['other', finalizer], ...change }, consumers)
    return w
  }

  test('one patch for stamp and injection, after the resource is held; then nothing', async () => {
    const w = new World()
    w.write({}, 'uid-of-sender', app([]))
    w.watch()
    put(w, '2-a0000', { finalizers: ['other'] })
    expect(w.controller.isDue(w.workloads.Deployment.list()[0]!)).toBe(true)
    await w.reconcile()
    expect(w.take()).toEqual(['patch mail', 'patch sender'])
    expect(w.resources.list()[0]?.metadata.finalizers).toEqual(['other', finalizer])
    expect(w.bodies.map(({ spec }) => spec.template)).toEqual([
      { metadata: { labels: { [stamp('mail')]: '2-a0000' } }, spec: app([url('2-a0000')]) },
    ])
    w.write({ [stamp('mail')]: '2-a0000' }, 'uid-of-sender', app([url('2-a0000')]))
    w.watch()
    await w.reconcile()
    expect(w.take()).toEqual([])
    put(w, '3-a0000', { finalizers: [finalizer] })
    await w.reconcile()
    expect(w.take()).toEqual(['patch sender'])
    expect(w.events.map(({ reason }) => reason)).toEqual(['CredentialsStamped', 'CredentialsStamped'])
  })

  test('another prefix: the stamp stays, and an Event says why the pods are replaced', async () => {
    const w = injected({}, inject)
    put(w, '2-a0000', { finalizers: [finalizer] }, [{ ...inject[0]!, inject: { env: { prefix: 'P_' } } }])
    const [mail] = w.resources.list()
    const injection = { mode: 'Patch', installation } as const
    w.resources.upsert({ ...mail!, status: { ...mail!.status, injection } })
    await w.reconcile()
    expect(w.bodies.map(({ spec }) => spec.template.metadata)).toEqual([undefined])
    expect(w.events).toMatchObject([
      { reason: 'InjectionChanged', regarding: { name: 'sender' }, related: { name: 'mail' } },
    ])
  })

  test.each<[string, World, boolean]>([
    ['it is deleted', injected({ deletionTimestamp: '2026-01-01T00:00:00Z' }), true],
    ['the consumer was withdrawn', injected({}, []), true],
    ['it injects', injected(), false],
  ])('%s: taken out, and let go then', async (_, w, isTakenOut) => {
    const [mail] = w.resources.list()
    expect(releaseKey(mail!)).toBe('TracardiResource/shop/mail')
    expect([w.controller.isReleasable(mail!), await release(w), w.take()]).toEqual([false, undefined, []])
    await w.reconcile()
    expect(w.bodies.map(({ spec }) => spec.template.spec)).toEqual(
      isTakenOut ? [app([{ $patch: 'delete', name: 'URL' }])] : [],
    )
    w.take()
    w.write({ [stamp('mail')]: '2-a0000' }, 'uid-of-sender', app(isTakenOut ? [] : [url('2-a0000')]))
    w.watch()
    await w.reconcile()
    await release(w)
    expect(w.take()).toEqual(isTakenOut ? ['patch mail'] : [])
    expect(w.resources.list()[0]?.metadata.finalizers).toEqual(isTakenOut ? ['other'] : ['other', finalizer])
    await release(w)
    expect(w.take()).toEqual([])
  })

  test('a workload that is being deleted holds nothing back; one that cannot be seen does', async () => {
    const w = injected({ deletionTimestamp: '2026-01-01T00:00:00Z' })
    const [sender] = w.workloads.Deployment.list()
    const deletionTimestamp = '2026-01-01T00:00:00Z'
    w.workloads.Deployment.upsert({ ...sender!, metadata: { ...sender!.metadata, deletionTimestamp } })
    w.unseen = { verb: 'list', resource: 'deployments.apps', namespace }
    expect([await release(w), w.take()]).toEqual([{ requeueAfterMs: 60_000 }, []])
    w.unseen = undefined
    await release(w)
    expect(w.take()).toEqual(['patch mail'])
  })

  test('it is deleted while it is being injected: not let go before that is known', async () => {
    const w = new World()
    w.write({}, 'uid-of-sender', app([]))
    w.watch()
    put(w, '2-a0000', { finalizers: [finalizer] })
    let released: Promise<unknown> | undefined
    w.onRequest = (call) => {
      if (call !== 'patch sender') return
      put(w, '2-a0000', { finalizers: [finalizer], deletionTimestamp: '2026-01-01T00:00:00Z' })
      released = release(w)
    }
    await w.reconcile()
    await released
    expect(w.take()).toEqual(['patch sender'])
  })

  test.each<[string, number, Partial<KubeErrorOptions>, string[]]>([
    ['it has changed', 409, { apiReason: 'Conflict' }, []],
    ['it may not be patched', 403, { unauthorized: true }, ['PermissionMissing']],
  ])('the resource cannot be held, %s: nothing is patched', async (_, status, options, reasons) => {
    const w = new World()
    w.write({}, 'uid-of-sender', app([]))
    w.watch()
    put(w, '2-a0000')
    const error = new KubeError({ verb: 'patch', resource: 'tracardiresources.tracardi.com', status, ...options })
    w.onRequest = () => {
      throw error
    }
    await expect(w.reconcile()).rejects.toBe(error)
    expect(w.take()).toEqual(['patch mail'])
    expect(w.events.map(({ reason }) => reason)).toEqual(reasons)
  })
})

describe('injection in the API server', () => {
  const inject: TracardiResourceSpec['consumers'] = [{ kind: 'Deployment', name: 'sender', inject: { env: {} } }]
  const looked = `list pods ${stamp('mail')}=2-a0000`
  const pod = (secretName?: string) => ({
    metadata: {
      name: 'p',
      namespace,
      uid: 'p',
      resourceVersion: '1',
      labels: { 'pod-template-hash': 'h', [stamp('mail')]: '2-a0000' },
      ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'sender-h', uid: 'r', controller: true }],
      ...(secretName !== undefined && { annotations: { 'injected.tracardi.com/mail': secretName } }),
    },
  })
  /** A rollout that is through. */
  const rolledOut = (generation = 1): World => {
    const w = new World({ [stamp('mail')]: '2-a0000' })
    roll(w, generation)
    w.resource('mail', '2-a0000', {}, inject)
    const [mail] = w.resources.list()
    const injection = { mode: 'Policy', installation } as const
    w.resources.upsert({
      ...mail!,
      status: { credentialsId: '2-a0000', versions: ['2-a0000'], target: { name: 'mail' }, injection },
    })
    w.inForce.seen('uid-of-mail', '2-a0000', ['URL'])
    return w
  }
  const roll = (w: World, generation: number): void => {
    w.server = {
      ...w.server!,
      metadata: { ...w.server!.metadata, generation, resourceVersion: String(1000 + generation) },
      status: { observedGeneration: generation, replicas: 1, updatedReplicas: 1, availableReplicas: 1 },
    }
    w.watch()
  }
  const isDue = (w: World): boolean => w.controller.isDue(w.workloads.Deployment.list()[0]!)

  test('each rollout is looked at once', async () => {
    const w = rolledOut()
    w.pods = [pod('mail-2-a0000')]
    expect(isDue(w)).toBe(true)
    expect(await w.reconcile()).toBeUndefined()
    expect([w.take(), isDue(w)]).toEqual([[looked], false])
    await w.reconcile()
    // A status that tells of the rollout waited for it.
    expect([w.take(), w.events, w.told]).toEqual([[], [], ['mail']])
    roll(w, 2)
    await w.reconcile()
    expect(w.take()).toEqual([looked])
  })

  test('what is missing is told once, looked for again, and forgotten when it is there', async () => {
    const w = rolledOut()
    w.pods = [pod()]
    expect(await w.reconcile()).toEqual({ requeueAfterMs: 60_000 })
    expect(w.events).toMatchObject([
      { reason: 'NotInjected', regarding: { name: 'mail' }, related: { name: 'sender' } },
    ])
    expect([w.told, [...w.checks.values()].map(({ missed }) => [...missed])]).toEqual([['mail'], [['mail']]])
    expect(await w.reconcile()).toEqual({ requeueAfterMs: 60_000 })
    expect([w.take(), w.events.length, w.told]).toEqual([[looked, looked], 1, ['mail']])
    w.pods = [pod('mail-2-a0000')]
    expect(await w.reconcile()).toBeUndefined()
    expect([w.told, isDue(w)]).toEqual([['mail', 'mail'], false])
  })

  test('what is missing for a minute is mended by one more rollout, and no second', async () => {
    const w = rolledOut()
    const labels = { 'mended.tracardi.com/mail': '2-a0000' }
    w.pods = [pod()]
    await w.reconcile()
    await w.clock.advance(20_000)
    expect(await w.reconcile()).toEqual({ requeueAfterMs: 40_000 })
    expect(w.bodies).toEqual([])
    await w.clock.advance(40_000)
    expect(await w.reconcile()).toEqual({ requeueAfterMs: 60_000 })
    const { uid, resourceVersion } = w.server!.metadata
    expect(w.bodies).toEqual([
      {
        metadata: { uid, resourceVersion: expect.any(String) as unknown },
        spec: { template: { metadata: { labels } } },
      },
    ])
    expect(resourceVersion).not.toBe(w.bodies[0]?.metadata.resourceVersion)
    expect(w.events.map(({ reason }) => reason)).toEqual(['NotInjected', 'InjectionMended'])
    // In vain.
    w.write({ [stamp('mail')]: '2-a0000', ...labels }, undefined)
    roll(w, 2)
    await w.reconcile()
    await w.clock.advance(60_000)
    expect(await w.reconcile()).toEqual({ requeueAfterMs: 60_000 })
    expect(w.bodies).toHaveLength(1)
  })

  test('where the policies are gone it is left to the patch', async () => {
    const w = rolledOut()
    w.pods = [pod()]
    w.isByPolicy = false
    await w.reconcile()
    await w.clock.advance(60_000)
    await w.reconcile()
    expect(w.bodies).toEqual([])
  })

  test('a ReplicaSet is looked at whenever its pods change, and never touched', async () => {
    const w = new World({}, 'ReplicaSet')
    const consumers = [{ kind: 'ReplicaSet', selector: { matchLabels: { app: 'sender' } }, inject: { env: {} } }]
    w.resource('mail', '2-a0000', {}, consumers as TracardiResourceSpec['consumers'])
    const [mail] = w.resources.list()
    const injection = { mode: 'Policy', installation } as const
    w.resources.upsert({
      ...mail!,
      status: { credentialsId: '2-a0000', versions: ['2-a0000'], target: { name: 'mail' }, injection },
    })
    w.inForce.seen('uid-of-mail', '2-a0000', ['URL'])
    const [set] = w.workloads.ReplicaSet.list()
    const own = (id: string) => {
      const { metadata } = pod(`mail-${id}`)
      const ownerReferences = [
        { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'sender', uid: 'r', controller: true },
      ]
      return { metadata: { ...metadata, labels: { [stamp('mail')]: id }, ownerReferences } }
    }
    const stale = (): unknown => w.checks.get(keyOf(set!))?.stale
    w.pods = [own('1-a0000'), own('2-a0000')]
    expect(await w.reconcile()).toBeUndefined()
    expect([w.take(), w.told, stale()]).toEqual([['list pods app=sender'], ['mail'], new Set(['mail'])])
    await w.reconcile()
    expect(w.take()).toEqual([])

    w.pods = [own('2-a0000'), own('2-a0000')]
    w.write({})
    w.watch()
    await w.reconcile()
    expect([w.take(), w.told, stale()]).toEqual([['list pods app=sender'], ['mail', 'mail'], new Set()])

    // One that has none of what it should is not replaced: only a person may do that.
    w.pods = [{ metadata: { ...own('2-a0000').metadata, annotations: {} } }]
    w.write({})
    w.watch()
    await w.reconcile()
    await w.clock.advance(60_000)
    expect(await w.reconcile()).toEqual({ requeueAfterMs: 60_000 })
    expect([w.bodies, w.events.map(({ reason }) => reason)]).toEqual([[], ['NotInjected']])
  })

  test('without the right to list pods nothing is made up', async () => {
    const w = rolledOut()
    w.onRequest = () => {
      throw new KubeError({ verb: 'list', resource: 'pods', namespace, status: 403 })
    }
    expect(await w.reconcile()).toBeUndefined()
    expect([w.events, w.told, isDue(w)]).toEqual([[], ['mail'], false])
  })
})
