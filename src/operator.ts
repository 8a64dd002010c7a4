/** The composition root: builds every part of the operator, starts them in order and stops them in the reverse one. */
import { hostname } from 'node:os'
import { randomUUID } from 'node:crypto'
import type { KubeConfig } from '@kubernetes/client-node'
import { componentName } from './api/names.ts'
import { injects, tracardiResources } from './api/tracardi-resource.ts'
import type { TracardiResource } from './api/tracardi-resource.ts'
import { CredentialsController, secretKeysOf } from './controllers/credentials-controller.ts'
import { DeliveryController, releaseKey } from './controllers/delivery-controller.ts'
import { SecretCache, identity, lastAppliedAnnotation } from './credentials/secret-cache.ts'
import { SecretPoller } from './credentials/secret-poller.ts'
import { InForce } from './delivery/in-force.ts'
import { InjectionMode } from './delivery/injection-mode.ts'
import { sightOf } from './delivery/not-injected.ts'
import type { InjectionCheck } from './delivery/not-injected.ts'
import { carriersOf, injectionIndex } from './delivery/plan.ts'
import { consumerIndex, consumersOf, keyOf, podLabelIndex, resourcesOf, workloadStores } from './delivery/selection.ts'
import type { Refusal } from './delivery/stamps.ts'
import { affectedResources } from './delivery/standing.ts'
import type { Visibility } from './delivery/visibility.ts'
import {
  isPatched,
  mayBeAbsent,
  standsAlone,
  stripWorkload,
  workloadKinds,
  workloadTypes,
} from './delivery/workloads.ts'
import type { Workload, WorkloadKind } from './delivery/workloads.ts'
import { KubeClient } from './kube/client.ts'
import { systemClock } from './kube/clock.ts'
import { Controller } from './kube/controller.ts'
import { isMissingPermission } from './kube/errors.ts'
import { EventRecorder } from './kube/event-recorder.ts'
import { ageSeconds, notReady } from './kube/freshness.ts'
import type { Freshness } from './kube/freshness.ts'
import { LeaderElector, fenced } from './kube/leader-election.ts'
import { objectKey, secrets } from './kube/objects.ts'
import type { KubeObject, ResourceType, Secret } from './kube/objects.ts'
import { Permissions } from './kube/permissions.ts'
import type { Permission } from './kube/permissions.ts'
import { RateLimiter, throttled } from './kube/rate-limiter.ts'
import { ReflectorGroup } from './kube/reflector-group.ts'
import { Reflector } from './kube/reflector.ts'
import { Store } from './kube/store.ts'
import { Transport } from './kube/transport.ts'
import type { Connection } from './kube/transport.ts'
import type { Settings } from './settings.ts'
import { startHttpServer } from './telemetry/http-server.ts'
import type { Logger } from './telemetry/log.ts'
import { createMetrics } from './telemetry/metrics.ts'

/** Reconciles at the same time. They wait for the API server most of the time; more would only queue there. */
const workers = 32

/** Status of one resource is written at most once in this time because of its consumers, in milliseconds. */
const consumerStatusPaceMs = 1000

/**
 * Annotations of Secrets can be as large as the Secrets: small pages keep what is parsed at once, and so the heap, small.
 */
const secretPageSize = 50

/** With --secret-access=Get no Secret is asked for more often than this, whatever --cache-ttl is, in milliseconds. */
const shortestPollMs = 1000

/** Events wait so long: the writes that they tell of come first, in milliseconds. */
const eventDelayMs = 500

/** How long reconciles in progress and waiting Events may take once the operator has to stop, in milliseconds. */
const drainMs = 10_000

export interface OperatorOptions {
  readonly settings: Settings
  readonly kubeConfig: KubeConfig
  readonly version: string
  readonly log: Logger
  /** How long calls and watches may be silent. Default: what transport, client and reflector say. */
  readonly patience?: { readonly callMs: number; readonly listMs: number; readonly watchMs: number }
}

/** How the operator ended: told to, or because another replica took the Lease. */
export type Ending = 'Stopped' | 'LeaseLost'

/** Runs until the signal aborts or the Lease is lost. Rejects when it cannot start. */
export async function runOperator(options: OperatorOptions, signal: AbortSignal): Promise<Ending> {
  const { settings, kubeConfig, version, log, patience } = options
  const clock = systemClock
  const random = Math.random
  const metrics = createMetrics(version)
  await using transport = new Transport({
    kubeConfig,
    userAgent: `${componentName}/${version}`,
    clock,
    metrics: metrics.transport,
    ...(patience !== undefined && { requestTimeoutMs: patience.callMs }),
  })
  const { qps, burst } = settings
  const limiter = qps === 0 ? undefined : new RateLimiter({ clock, qps, burst, onWait: metrics.rateLimiter })
  let elector: LeaderElector | undefined
  const permissions = new Permissions({
    connection: transport,
    clock,
    random,
    log,
    metrics: metrics.permissions,
    onGranted: ({ namespace }) => {
      for (const group of Object.values(groups)) group.retryNow(namespace)
      credentials.collectAgain()
      reconsider(namespace, () => true)
      for (const key of refusals.keys())
        if (namespace === undefined || key.split('/')[1] === namespace) deliveryQueue.enqueue(key)
    },
  })
  const clientOn = (connection: Connection): KubeClient =>
    new KubeClient(connection, {
      fieldManager: componentName,
      ...(patience !== undefined && { listTimeoutMs: patience.listMs }),
    })
  const paced = limiter === undefined ? permissions : throttled(permissions, limiter)
  const client = clientOn(fenced(paced, () => !settings.leaderElect || elector?.isLeader === true))
  const identityOfReplica = `${hostname()}_${randomUUID()}`
  const onHandlerError = (): void => {
    log.error({}, 'an event handler failed')
  }

  const resources = new Store<TracardiResource>({
    clock,
    indexers: { secrets: secretKeysOf, consumers: consumerIndex },
    transform: stripMetadata,
    onHandlerError,
  })
  // Only what a resource names is kept: the memory does not grow with the Secrets of the cluster.
  const secretStore = new Store<Secret>({
    clock,
    keep: (secret) => resources.byIndex('secrets', objectKey(secret)).length > 0,
    onHandlerError,
  })
  const workloads = workloadStores(
    () =>
      new Store<Workload>({
        clock,
        indexers: { podLabels: podLabelIndex, injections: injectionIndex },
        // Nearly all pods, Jobs and ReplicaSets come from another workload: they take no memory.
        keep: standsAlone,
        onHandlerError,
      }),
  )
  const cache = new SecretCache({
    client,
    store: secretStore,
    clock,
    ttlMs: settings.cacheTtlMs,
    metrics: metrics.cache,
  })
  const events = new EventRecorder({
    // An Event tells what was done, also when the Lease is lost by now; it is this process's own object.
    client: clientOn(paced),
    clock,
    random,
    log,
    reportingController: `tracardi.com/${componentName}`,
    reportingInstance: identityOfReplica,
    startDelayMs: eventDelayMs,
  })

  const injectionMode = new InjectionMode({
    client: clientOn(paced),
    wanted: settings.injectionMode,
    policies: settings.injectionPolicies,
    periodMs: settings.resyncMs,
    clock,
    random,
    log,
    onChange: () => {
      reconsider(undefined, ({ spec }) => injects(spec))
    },
  })
  const inForce = new InForce()
  const visibility: Visibility = {
    workloads: (kind, namespace) => groups[kind].refusal(namespace),
    isServed: (kind, namespace) => groups[kind].isServed(namespace),
    secrets: (resource) =>
      groups.secrets.refusal(resource.metadata.namespace ?? '') ??
      secretKeysOf(resource).flatMap((key) => unpolled.get(key) ?? [])[0],
  }
  const refusals = new Map<string, Refusal>()
  const checks = new Map<string, InjectionCheck>()
  const credentials = new CredentialsController({
    client,
    resources,
    secretStore,
    workloads,
    cache,
    inForce,
    visibility,
    refusals,
    injectionSight: (workload, plan, resource) => sightOf(checks.get(keyOf(workload)), workload, plan, resource),
    onInForce: (resource) => {
      deliver(resource)
    },
    events,
    clock,
    installation: settings.installationId,
    injectionMode: () => injectionMode.current,
    collectionPeriodMs: settings.resyncMs,
  })
  const delivery = new DeliveryController({
    client,
    resources,
    workloads,
    inForce,
    refusals,
    checks,
    confirmPolicy: async (signal) => (await injectionMode.look(signal)) && injectionMode.current === 'Policy',
    onRefusal: (resource) => {
      credentialsQueue.enqueueAfter(objectKey(resource), consumerStatusPaceMs)
    },
    events,
    clock,
    installation: settings.installationId,
    visibility,
  })
  const controllerOptions = { clock, random, log, workers, queueMetrics: metrics.queue, metrics: metrics.controller }
  const credentialsQueue = new Controller({
    ...controllerOptions,
    name: 'credentials',
    groupOf: (key) => key.split('/')[0] ?? '',
    reconcile: (key, context) => {
      const resource = resources.get(key)
      // It comes back as soon as its consumers can be seen: see wantConsumers.
      if (resource !== undefined && !wantConsumers(resource)) return Promise.resolve(undefined)
      return credentials.reconcile(key, context)
    },
  })
  const deliveryQueue = new Controller({
    ...controllerOptions,
    name: 'delivery',
    groupOf: (key) => key.split('/')[1] ?? '',
    reconcile: (key, context) => delivery.reconcile(key, context),
  })

  const deliver = (resource: TracardiResource): void => {
    const consumers = consumersOf(workloads, resource).flatMap(({ workload }) => workload ?? [])
    for (const workload of new Set([...consumers, ...carriersOf(workloads, resource)])) {
      if (delivery.isDue(workload)) deliveryQueue.enqueue(keyOf(workload))
      if (!injects(resource.spec)) continue
      // What one of them injects may be in the way of another, or is so no more.
      for (const other of resourcesOf(resources, workload))
        if (other.metadata.uid !== resource.metadata.uid && injects(other.spec))
          credentialsQueue.enqueueAfter(objectKey(other), consumerStatusPaceMs)
    }
    if (delivery.isReleasable(resource)) deliveryQueue.enqueue(releaseKey(resource))
  }
  /** `namespace/name` of Secrets that may not be asked for → the right that is missing. */
  const unpolled = new Map<string, Permission>()
  const poller =
    settings.secretAccess === 'Get'
      ? new SecretPoller({
          client,
          store: secretStore,
          isReferenced: (key) => resources.byIndex('secrets', key).length > 0,
          clock,
          random,
          log,
          periodMs: Math.max(settings.cacheTtlMs, shortestPollMs),
          onAnswer: (key, error) => {
            const isRefused = isMissingPermission(error)
            if (isRefused === unpolled.has(key)) return
            if (error !== undefined && isRefused) unpolled.set(key, error)
            else unpolled.delete(key)
            for (const resource of resources.byIndex('secrets', key)) credentialsQueue.enqueue(objectKey(resource))
          },
        })
      : undefined
  /** Something has changed that stands in no object: looks again at the resources of a namespace, or of all. */
  const reconsider = (namespace: string | undefined, concerns: (resource: TracardiResource) => boolean): void => {
    for (const resource of resources.list())
      if ((namespace === undefined || resource.metadata.namespace === namespace) && concerns(resource))
        credentialsQueue.enqueue(objectKey(resource))
  }
  /** Begins to watch kinds that nobody had as consumers. Returns whether all of its kinds can be seen, or never will be. */
  const wantConsumers = ({ metadata, spec }: TracardiResource): boolean => {
    const { namespace = '' } = metadata
    const kinds = workloadKinds.filter((kind) => (spec.consumers ?? []).some((consumer) => consumer.kind === kind))
    for (const kind of kinds) groups[kind].want(namespace)
    return kinds.every((kind) => groups[kind].isSettled(namespace))
  }
  /** The cluster was restored from a backup: what was concluded before is worth nothing, as if this process had just started. */
  const startAgain = (): void => {
    cache.clear()
    inForce.forgetAll()
    checks.clear()
    credentials.forgetAll()
    reconsider(undefined, () => true)
  }
  resources.addEventHandler({
    onAdd: (resource) => {
      wantConsumers(resource)
      poller?.track(secretKeysOf(resource))
      credentialsQueue.enqueue(objectKey(resource))
      deliver(resource)
    },
    onUpdate: (old, resource) => {
      wantConsumers(resource)
      poller?.track(secretKeysOf(resource))
      const key = objectKey(resource)
      if (!credentials.isOwnWrite(resource)) credentialsQueue.enqueue(key)
      // What workloads did while the status was being written was judged by the one of before.
      if (deliveryText(old) !== deliveryText(resource)) credentialsQueue.enqueueAfter(key, consumerStatusPaceMs)
      if (old.metadata.generation !== resource.metadata.generation) deliver(old)
      deliver(resource)
    },
    onDelete: (resource) => {
      credentials.forget(objectKey(resource))
      inForce.forget(resource.metadata.uid)
      deliver(resource)
    },
  })
  const onSecret = (secret: Secret, isDeletion = false): void => {
    for (const resource of resources.byIndex('secrets', objectKey(secret))) {
      const key = objectKey(resource)
      // A deletion carries the version that was written last, by us or not.
      if (isDeletion || !credentials.isOwnTargetWrite(key, secret)) credentialsQueue.enqueue(key)
    }
  }
  secretStore.addEventHandler({
    onAdd: (secret) => {
      onSecret(secret)
    },
    onUpdate: (old, secret) => {
      if (old.metadata.resourceVersion !== secret.metadata.resourceVersion || old.metadata.uid !== secret.metadata.uid)
        onSecret(secret)
    },
    onDelete: (secret) => {
      onSecret(secret, true)
    },
  })
  const planning = { resources, inForce, installation: settings.installationId }
  const onWorkload = (old: Workload | undefined, workload: Workload | undefined): void => {
    if (workload !== undefined && delivery.isDue(workload)) deliveryQueue.enqueue(keyOf(workload))
    for (const key of old === undefined ? [] : injectionIndex(old)) {
      const resource = resources.get(key)
      if (resource !== undefined && delivery.isReleasable(resource)) deliveryQueue.enqueue(releaseKey(resource))
    }
    for (const resource of affectedResources(planning, old, workload))
      credentialsQueue.enqueueAfter(objectKey(resource), consumerStatusPaceMs)
  }
  for (const kind of workloadKinds) {
    workloads[kind].addEventHandler({
      onAdd: (workload) => {
        onWorkload(undefined, workload)
      },
      onUpdate: onWorkload,
      onDelete: (workload) => {
        onWorkload(workload, undefined)
      },
    })
  }

  const reflectorOptions = {
    client,
    clock,
    random,
    log,
    resyncMs: settings.resyncMs,
    metrics: metrics.reflector,
    ...(patience !== undefined && { inactivityMs: patience.watchMs }),
  }
  // undefined: all namespaces. The reflectors of one kind fill one store together.
  const watched = settings.watchNamespaces.length === 0 ? [undefined] : settings.watchNamespaces
  const reflect = <T extends KubeObject>(
    type: ResourceType<T>,
    store: Store<T>,
    transform: (object: T) => T,
    options: {
      namespaces?: readonly undefined[]
      metadataOnly?: boolean
      pageSize?: number
      /** Whether a resource says something else when a right for these objects is missing, or they come to be seen. */
      concerns?: (resource: TracardiResource) => boolean
      /** Watched only once they are wanted: see ReflectorGroup. */
      isLazy?: boolean
      /** The API server may not know the kind: see Reflector. */
      mayBeAbsent?: boolean
    } = {},
  ): ReflectorGroup => {
    const {
      concerns = () => false,
      namespaces = watched,
      isLazy = false,
      mayBeAbsent: isOptional = false,
      ...others
    } = options
    return new ReflectorGroup(
      type.plural,
      namespaces,
      (namespace) =>
        new Reflector({
          ...reflectorOptions,
          name: type.plural,
          type,
          store,
          transform,
          onSight: () => {
            reconsider(namespace, concerns)
          },
          onRewound: startAgain,
          ...(isOptional && { isNeeded: () => resources.list().some(concerns) }),
          ...others,
          ...(namespace !== undefined && { namespace }),
        }),
      {
        isLazy,
        onBegun: (namespace) => {
          reconsider(namespace, concerns)
        },
      },
    )
  }
  const reflectWorkloads = (kind: WorkloadKind): ReflectorGroup =>
    reflect(workloadTypes[kind], workloads[kind], stripWorkload(kind), {
      concerns: ({ spec }) => (spec.consumers ?? []).some((consumer) => consumer.kind === kind),
      // Clusters have many of them, or none at all, and few resources have them as consumers.
      isLazy: !isPatched(kind) || mayBeAbsent(kind),
      mayBeAbsent: mayBeAbsent(kind),
    })
  const groups = {
    tracardiresources: reflect(tracardiResources, resources, stripMetadata),
    Deployment: reflectWorkloads('Deployment'),
    StatefulSet: reflectWorkloads('StatefulSet'),
    DaemonSet: reflectWorkloads('DaemonSet'),
    CronJob: reflectWorkloads('CronJob'),
    Rollout: reflectWorkloads('Rollout'),
    ReplicaSet: reflectWorkloads('ReplicaSet'),
    Job: reflectWorkloads('Job'),
    Pod: reflectWorkloads('Pod'),
    // Without list and watch of Secrets, the poller does that.
    secrets: reflect(secrets, secretStore, identity, {
      ...(poller !== undefined && { namespaces: [] }),
      metadataOnly: true,
      pageSize: secretPageSize,
      concerns: () => true,
    }),
  }
  // What is refused comes later, if ever. Where there are no resources at all, there is nothing to do.
  const caches = (): Record<string, readonly Freshness[]> =>
    Object.fromEntries(
      Object.values(groups).map((group) => [
        group.name,
        group === groups.tracardiresources && !group.hasAny ? group.members : group.granted,
      ]),
    )
  const http = await startHttpServer({
    address: settings.httpAddress,
    registry: metrics.registry,
    notReady: () => notReady(caches(), clock.monotonic()),
  })
  for (const group of Object.values(groups))
    metrics.cacheAge(group.name, () => ageSeconds(group.members, clock.monotonic()))
  metrics.findings(() => credentials.findings())
  metrics.resources(() => resources.list().map(({ spec, status }) => [spec.service, readyOf(status)]))
  log.info({ version, address: http.address, installation: settings.installationId }, 'serving')

  // Watches outlive the workers: what is in progress when the operator stops still needs current stores.
  const watching = new AbortController()
  const working = new AbortController()
  // Once the Lease is lost, not even what is in progress may write: another replica may have taken over.
  const lost = new AbortController()
  const running: Promise<void>[] = []
  let ending: Ending = 'Stopped'
  const work = async (): Promise<void> => {
    for (const group of Object.values(groups)) await group.waitForSettled(working.signal)
    if (working.signal.aborted) return
    log.info(
      { resources: resources.size, workloads: workloadKinds.reduce((sum, kind) => sum + workloads[kind].size, 0) },
      'working',
    )
    await Promise.all([
      credentialsQueue.run(working.signal, lost.signal),
      deliveryQueue.run(working.signal, lost.signal),
    ])
  }
  try {
    // Which Secrets are kept depends on the resources: these have to be known first.
    for (const group of Object.values(groups))
      running.push(group.run(watching.signal, group === groups.secrets ? groups.tracardiresources : undefined))
    if (poller !== undefined) running.push(poller.run(watching.signal))
    running.push(injectionMode.run(watching.signal))
    if (settings.leaderElect) {
      metrics.leader(false)
      let worker: Promise<void> | undefined
      elector = new LeaderElector({
        // Not throttled: the Lease must not be lost behind a queue of other calls.
        client: clientOn(permissions),
        namespace: settings.namespace,
        name: componentName,
        identity: identityOfReplica,
        clock,
        random,
        log,
        onStartedLeading: () => {
          metrics.leader(true)
          worker = work()
        },
        onStoppedLeading: () => {
          metrics.leader(false)
          if (!leading.signal.aborted) lost.abort()
          working.abort()
        },
      })
      // The Lease is released only after the last write: its signal aborts when the workers are through.
      const leading = new AbortController()
      const elected = elector.run(leading.signal)
      await Promise.race([aborted(signal), elected])
      if (!signal.aborted) ending = 'LeaseLost'
      working.abort()
      await atMost(worker ?? Promise.resolve(), drainMs)
      leading.abort()
      await atMost(elected, drainMs)
    } else {
      const worker = work()
      await aborted(signal)
      working.abort()
      await atMost(worker, drainMs)
    }
    await events.flush(1000)
  } finally {
    working.abort()
    watching.abort()
    permissions.close()
    await atMost(Promise.all(running), drainMs)
    cache.close()
    await http.close()
  }
  return ending
}

/** What of a status decides what workloads get. */
function deliveryText({ status }: TracardiResource): string {
  const { credentialsId, versions, target, injection } = status ?? {}
  return JSON.stringify([credentialsId, versions, target, injection])
}

/** The status of the condition Ready; Unknown before there is one. */
function readyOf(status: TracardiResource['status']): string {
  return status?.conditions?.find(({ type }) => type === 'Ready')?.status ?? 'Unknown'
}

/** Drops what nobody reads from a resource that is kept in memory; `kubectl apply` repeats the whole spec in an annotation. */
function stripMetadata<T extends KubeObject>(object: T): T {
  const { managedFields: _managedFields, annotations, ...metadata } = object.metadata
  const { [lastAppliedAnnotation]: _lastApplied, ...others } = annotations ?? {}
  return { ...object, metadata: { ...metadata, ...(Object.keys(others).length > 0 && { annotations: others }) } }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else
      signal.addEventListener(
        'abort',
        () => {
          resolve()
        },
        { once: true },
      )
  })
}

async function atMost(promise: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise((resolve) => {
    timer = setTimeout(resolve, ms)
  })
  await Promise.race([promise, timeout])
  clearTimeout(timer)
}
