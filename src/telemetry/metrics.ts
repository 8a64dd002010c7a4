/**
 * The numbers that /metrics serves, under client-go's and controller-runtime's names where those have one. Times are in
 * seconds. Label values are bounded: verbs, kinds, reasons and names of controllers, never names of objects;
 * a namespace only where a right is missing in it.
 */
import { Counter, Gauge, Histogram, Registry } from 'prom-client'

const fastBuckets = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10]

/** Everything that the operator counts; one instance a process. */
export interface Metrics {
  readonly registry: Registry
  readonly transport: { request(verb: string, resource: string, code: string, seconds: number): void }
  readonly reflector: {
    list(name: string): void
    watch(name: string): void
    error(name: string, reason: string): void
  }
  readonly queue: {
    depth(name: string, depth: number): void
    add(name: string): void
    latency(name: string, seconds: number): void
    workDuration(name: string, seconds: number): void
    retry(name: string): void
    inProgress(name: string, read: () => { readonly unfinished: number; readonly longest: number }): void
  }
  readonly controller: {
    reconcile(controller: string, result: 'success' | 'error' | 'requeue' | 'requeue_after', seconds: number): void
    workers(controller: string, active: number, all: number): void
  }
  readonly cache: { hit(): void; miss(): void }
  /** How long a call waited for --qps, in seconds. */
  readonly rateLimiter: (verb: string, seconds: number) => void
  leader(isLeader: boolean): void
  /** Asked at each scrape: how long ago the API server confirmed a cache, in seconds. */
  cacheAge(name: string, read: () => number): void
  /** Asked at each scrape: service and status of Ready of every resource. */
  resources(read: () => readonly (readonly [service: string, ready: string])[]): void
  /** Asked at each scrape: service and code of every finding that is not waived, once for each resource. */
  findings(read: () => readonly (readonly [service: string, code: string])[]): void
  readonly permissions: {
    missing(permission: { verb: string; resource: string; namespace: string | undefined }, isMissing: boolean): void
  }
}

/** Builds the metrics in a registry of their own. */
export function createMetrics(version: string): Metrics {
  const registry = new Registry()
  const registers = [registry]

  const requests = new Counter({
    name: 'rest_client_requests_total',
    help: 'Requests to the API server, by verb, resource and HTTP status code.',
    labelNames: ['verb', 'resource', 'code'],
    registers,
  })
  const requestDuration = new Histogram({
    name: 'rest_client_request_duration_seconds',
    help: 'Time that requests to the API server took, in seconds, by verb.',
    labelNames: ['verb'],
    buckets: fastBuckets,
    registers,
  })
  const rateLimiter = new Histogram({
    name: 'rest_client_rate_limiter_duration_seconds',
    help: 'Time that calls waited for --qps, in seconds, by verb.',
    labelNames: ['verb'],
    buckets: fastBuckets,
    registers,
  })
  const lists = new Counter({
    name: 'tracardi_operator_reflector_lists_total',
    help: 'LIST calls of the reflectors.',
    labelNames: ['name'],
    registers,
  })
  const watches = new Counter({
    name: 'tracardi_operator_reflector_watches_total',
    help: 'WATCH calls of the reflectors.',
    labelNames: ['name'],
    registers,
  })
  const reflectorErrors = new Counter({
    name: 'tracardi_operator_reflector_errors_total',
    help: 'Lists and watches that failed, by reason.',
    labelNames: ['name', 'reason'],
    registers,
  })
  const depth = new Gauge({
    name: 'workqueue_depth',
    help: 'Keys that wait in the workqueue.',
    labelNames: ['name'],
    registers,
  })
  const adds = new Counter({
    name: 'workqueue_adds_total',
    help: 'Keys added to the workqueue.',
    labelNames: ['name'],
    registers,
  })
  const queueDuration = new Histogram({
    name: 'workqueue_queue_duration_seconds',
    help: 'Time that keys waited in the workqueue, in seconds.',
    labelNames: ['name'],
    buckets: fastBuckets,
    registers,
  })
  const workDuration = new Histogram({
    name: 'workqueue_work_duration_seconds',
    help: 'Time that handling a key took, in seconds.',
    labelNames: ['name'],
    buckets: fastBuckets,
    registers,
  })
  const retries = new Counter({
    name: 'workqueue_retries_total',
    help: 'Keys that were added again after an error.',
    labelNames: ['name'],
    registers,
  })
  const inProgress = new Map<string, () => { readonly unfinished: number; readonly longest: number }>()
  new Gauge({
    name: 'workqueue_unfinished_work_seconds',
    help: 'How long the keys in work have been worked on by now, all together, in seconds.',
    labelNames: ['name'],
    registers,
    collect() {
      for (const [name, read] of inProgress) this.set({ name }, read().unfinished)
    },
  })
  new Gauge({
    name: 'workqueue_longest_running_processor_seconds',
    help: 'How long the key that has been in work for longest has been so, in seconds.',
    labelNames: ['name'],
    registers,
    collect() {
      for (const [name, read] of inProgress) this.set({ name }, read().longest)
    },
  })
  const reconcileErrors = new Counter({
    name: 'controller_runtime_reconcile_errors_total',
    help: 'Reconciles that failed, by controller.',
    labelNames: ['controller'],
    registers,
  })
  const activeWorkers = new Gauge({
    name: 'controller_runtime_active_workers',
    help: 'Workers that reconcile at this moment, by controller.',
    labelNames: ['controller'],
    registers,
  })
  const maxWorkers = new Gauge({
    name: 'controller_runtime_max_concurrent_reconciles',
    help: 'Reconciles that can run at the same time, by controller.',
    labelNames: ['controller'],
    registers,
  })
  const cacheAges = new Map<string, () => number>()
  new Gauge({
    name: 'tracardi_operator_cache_age_seconds',
    help: 'How long ago the API server last confirmed what is kept of a kind, in seconds. Quiet watches confirm every minute.',
    labelNames: ['name'],
    registers,
    collect() {
      for (const [name, read] of cacheAges) this.set({ name }, read())
    },
  })
  let readResources: () => readonly (readonly [string, string])[] = () => []
  new Gauge({
    name: 'tracardi_operator_resources',
    help: 'TracardiResources by service and by the status of their condition Ready.',
    labelNames: ['service', 'ready'],
    registers,
    collect() {
      this.reset()
      for (const [service, ready] of readResources()) this.inc({ service, ready })
    },
  })
  let readFindings: () => readonly (readonly [string, string])[] = () => []
  new Gauge({
    name: 'tracardi_operator_findings',
    help: 'TracardiResources whose credentials have a finding that is not waived, by service and code. From the replica that works.',
    labelNames: ['service', 'code'],
    registers,
    collect() {
      this.reset()
      for (const [service, code] of readFindings()) this.inc({ service, code })
    },
  })
  const reconciles = new Counter({
    name: 'controller_runtime_reconcile_total',
    help: 'Reconciles, by controller and result.',
    labelNames: ['controller', 'result'],
    registers,
  })
  const reconcileTime = new Histogram({
    name: 'controller_runtime_reconcile_time_seconds',
    help: 'Time that a reconcile took, in seconds.',
    labelNames: ['controller'],
    buckets: fastBuckets,
    registers,
  })
  const cacheReads = new Counter({
    name: 'tracardi_operator_credential_cache_reads_total',
    help: 'Reads of Secrets through the cache: hit (served from memory) or miss (asked the API server).',
    labelNames: ['result'],
    registers,
  })
  const leader = new Gauge({
    name: 'leader_election_master_status',
    help: 'Whether this process holds the Lease: 1 if so.',
    labelNames: ['name'],
    registers,
  })
  const missingPermission = new Gauge({
    name: 'tracardi_operator_missing_permission',
    help: 'A right that the operator lacks: 1, and gone once it is granted. Without a namespace: in all of them.',
    labelNames: ['verb', 'resource', 'namespace'],
    registers,
  })
  new Gauge({
    name: 'tracardi_operator_build_info',
    help: 'Always 1; the version is a label.',
    labelNames: ['version'],
    registers,
  }).set({ version }, 1)
  new Gauge({
    name: 'process_resident_memory_bytes',
    help: 'Resident memory of the process, in bytes.',
    registers,
    collect() {
      this.set(process.memoryUsage.rss())
    },
  })
  new Counter({
    name: 'process_cpu_seconds_total',
    help: 'User and system CPU time of the process, in seconds.',
    registers,
    collect() {
      const { user, system } = process.cpuUsage()
      this.reset()
      this.inc((user + system) / 1e6)
    },
  })

  return {
    registry,
    transport: {
      request(verb, resource, code, seconds) {
        requests.inc({ verb, resource, code })
        requestDuration.observe({ verb }, seconds)
      },
    },
    reflector: {
      list: (name) => {
        lists.inc({ name })
      },
      watch: (name) => {
        watches.inc({ name })
      },
      error: (name, reason) => {
        reflectorErrors.inc({ name, reason })
      },
    },
    queue: {
      depth: (name, value) => {
        depth.set({ name }, value)
      },
      add: (name) => {
        adds.inc({ name })
      },
      latency: (name, seconds) => {
        queueDuration.observe({ name }, seconds)
      },
      workDuration: (name, seconds) => {
        workDuration.observe({ name }, seconds)
      },
      retry: (name) => {
        retries.inc({ name })
      },
      inProgress: (name, read) => {
        inProgress.set(name, read)
      },
    },
    controller: {
      reconcile(controller, result, seconds) {
        reconciles.inc({ controller, result })
        if (result === 'error') reconcileErrors.inc({ controller })
        reconcileTime.observe({ controller }, seconds)
      },
      workers(controller, active, all) {
        activeWorkers.set({ controller }, active)
        maxWorkers.set({ controller }, all)
      },
    },
    cache: {
      hit: () => {
        cacheReads.inc({ result: 'hit' })
      },
      miss: () => {
        cacheReads.inc({ result: 'miss' })
      },
    },
    rateLimiter: (verb, seconds) => {
      rateLimiter.observe({ verb }, seconds)
    },
    leader: (isLeader) => {
      leader.set({ name: 'tracardi-operator' }, isLeader ? 1 : 0)
    },
    cacheAge: (name, read) => {
      cacheAges.set(name, read)
    },
    resources: (read) => {
      readResources = read
    },
    findings: (read) => {
      readFindings = read
    },
    permissions: {
      missing: ({ verb, resource, namespace = '' }, isMissing) => {
        const labels = { verb, resource, namespace }
        if (isMissing) missingPermission.set(labels, 1)
        else missingPermission.remove(labels)
      },
    },
  }
}
