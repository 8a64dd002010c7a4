// npm run bench: how fast a new credential reaches a Deployment, beside a client that does the minimum, in the same run.
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { availableParallelism, cpus, loadavg } from 'node:os'
import { join, resolve as resolvePath } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { parse } from 'yaml'
import { startCluster, type Cluster } from '../cluster/cluster.ts'
import { Api, type KubeObject } from './api.ts'
import { AuditLog, type Calls } from './audit-log.ts'
import { bareClient, operator, RunningContestant, type Contestant } from './contestants.ts'
import { compare, table, type Figures, type Report, type Shape } from './report.ts'
import * as shapes from './shapes.ts'

const usage = `Usage: npm run bench -- [--json FILE] [--rest-seconds N] [--quick] [--directory DIRECTORY]

Starts a control plane and measures the operator beside a bare client, one after the other, on the same objects.
Prints a table to stdout and progress to stderr. A missed aim is printed; the exit code is 0 once all was measured.

  --json FILE            also write every measured value
  --rest-seconds N       how long to count the calls at rest (60, with --quick 5)
  --quick                fewer resources and rotations: for a first look
  --directory DIRECTORY  where to leave the audit log and the logs of all programs
  --help                 this text`

const full: Shape = { resources: 200, rotations: 100, burst: 100, rounds: 2, restSeconds: 60 }
const quick: Shape = { resources: 100, rotations: 40, burst: 100, rounds: 1, restSeconds: 5 }

const burstsARound = 3
const warmUps = 10
/** Between two single rotations: time for the cluster to get over the one before. */
const gapMs = 50
const timeoutMs = 60_000
/** The operator writes the state of consumers up to a second later; so long without a call means that it is through. */
const quietMs = 2500

const note = (text: string): void => {
  process.stderr.write(`${text}\n`)
}

class UsageError extends Error {}

const readOptions = () => {
  let values
  try {
    values = parseArgs({
      options: {
        json: { type: 'string' },
        'rest-seconds': { type: 'string' },
        quick: { type: 'boolean', default: false },
        directory: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    }).values
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
  const { 'rest-seconds': rest, json, directory, help } = values
  if (rest !== undefined && !/^\d{1,5}$/.test(rest)) throw new UsageError('--rest-seconds takes a number')
  const shape = { ...(values.quick ? quick : full), ...(rest === undefined ? {} : { restSeconds: Number(rest) }) }
  return { shape, json, directory, help }
}

type WatchedDeployment = KubeObject & {
  spec: { template: { metadata: { labels: Record<string, string | undefined> } } }
}

/** Sees every Deployment as the API server tells of it, and when its stamp changes. */
class Observer {
  /** Rejects when the watch breaks. */
  readonly failed: Promise<never>
  readonly #stamps = new Map<string, string>()
  readonly #waiting = new Map<string, (at: number) => void>()

  constructor(api: Api, resourceVersion: string, signal: AbortSignal) {
    const { promise, reject } = Promise.withResolvers<never>()
    this.failed = promise
    promise.catch(() => undefined)
    this.#watch(api, resourceVersion, signal).catch(reject)
  }

  /** How many Deployments of a namespace carry a stamp. */
  stamped(namespace: string): number {
    return [...this.#stamps.keys()].filter((key) => key.startsWith(`${namespace}/`)).length
  }

  /** When the stamp changes next, in milliseconds of `performance.now()`. */
  nextChange(namespace: string, index: number): Promise<number> {
    return new Promise((resolve) => this.#waiting.set(`${namespace}/${shapes.deploymentName(index)}`, resolve))
  }

  async #watch(api: Api, resourceVersion: string, signal: AbortSignal): Promise<void> {
    for await (const { object } of api.watch('/apis/apps/v1/deployments', resourceVersion, { signal })) {
      const at = performance.now()
      const { metadata, spec } = object as WatchedDeployment
      const key = `${metadata.namespace ?? ''}/${metadata.name}`
      const stamp = Object.entries(spec.template.metadata.labels).find(([name]) =>
        name.startsWith('credentials.tracardi.com/'),
      )?.[1]
      if (stamp === undefined || this.#stamps.get(key) === stamp) continue
      this.#stamps.set(key, stamp)
      this.#waiting.get(key)?.(at)
      this.#waiting.delete(key)
    }
  }
}

const until = async (what: string, ask: () => Promise<boolean> | boolean): Promise<void> => {
  const deadline = performance.now() + timeoutMs
  while (!(await ask())) {
    if (performance.now() > deadline) throw new Error(`${what} did not come about within ${timeoutMs / 1000} s`)
    await sleep(100)
  }
}

const indexes = (count: number): number[] => Array.from({ length: count }, (_, index) => index)

const setUp = async (api: Api, shape: Shape): Promise<void> => {
  const folder = join(import.meta.dirname, '..', '..', 'crds')
  for (const file of await readdir(folder)) {
    const definition: unknown = parse(await readFile(join(folder, file), 'utf8'))
    await api.call('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', definition)
  }
  await until('the TracardiResource API', () =>
    api.call('GET', shapes.paths('default').resources).then(
      () => true,
      () => false,
    ),
  )
  for (const { namespace } of [bareClient, operator]) {
    await api.call('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } })
    const { secrets, deployments, resources } = shapes.paths(namespace)
    const create = (path: string, object: (index: number) => unknown) =>
      Promise.all(indexes(shape.resources).map((index) => api.call('POST', path, object(index))))
    await create(secrets, shapes.source)
    await create(deployments, shapes.deployment)
    if (namespace === bareClient.namespace) await create(secrets, shapes.emptyTarget)
    else await create(resources, shapes.resource)
  }
}

interface Bench {
  api: Api
  audit: AuditLog
  cluster: Cluster
  observer: Observer
  shape: Shape
  /** Rejects when going on makes no sense: it was told to stop, or a part of it broke. */
  failed: Promise<never>
}

interface Rotation {
  sent: number
  answered: number
  patched: number
}

/** Writes new credentials and waits for the Deployment. */
const rotate = async ({ api, observer }: Bench, { namespace }: Contestant, index: number): Promise<Rotation> => {
  const body = { data: shapes.newCredentials(index) }
  const change = observer.nextChange(namespace, index)
  const sent = performance.now()
  await api.call('PATCH', `${shapes.paths(namespace).secrets}/${shapes.sourceName(index)}`, body)
  const answered = performance.now()
  return { sent, answered, patched: await change }
}

/** Milliseconds until the last of them. */
const rotateAtOnce = async (bench: Bench, contestant: Contestant, count: number): Promise<number> => {
  const rotations = await Promise.all(indexes(count).map((index) => rotate(bench, contestant, index)))
  return Math.max(...rotations.map(({ patched }) => patched)) - Math.min(...rotations.map(({ sent }) => sent))
}

/** Waits until the contestant makes no call but those of its Lease. */
const quiet = async ({ audit }: Bench, { name, userAgent }: Contestant): Promise<void> => {
  await until(`quiet of the ${name}`, async () => {
    const mark = await audit.mark()
    await sleep(quietMs)
    const calls = Object.keys(await audit.since(mark, userAgent))
    return calls.every((call) => call.endsWith(' leases.coordination.k8s.io'))
  })
}

const withoutLease = (calls: Calls): Calls =>
  Object.fromEntries(Object.entries(calls).filter(([call]) => !call.endsWith(' leases.coordination.k8s.io')))

const measure = async (bench: Bench, contestant: Contestant, figures: Figures, round: number): Promise<void> => {
  const { audit, observer, shape } = bench
  const { name, namespace, userAgent } = contestant
  const started = await audit.mark()
  await using running = new RunningContestant(contestant, bench.cluster.kubeconfigPath, bench.cluster.directory)
  const timeout = new AbortController()
  /** No step may wait for ever: not for a program that has ended, nor for one that does not do its work. */
  const attempt = async <T>(what: string, work: Promise<T>, ms = timeoutMs): Promise<T> => {
    const late = sleep(ms, undefined, { signal: timeout.signal }).then(() => {
      throw new Error(`${name}: ${what} took more than ${ms / 1000} s`)
    })
    late.catch(() => undefined)
    return Promise.race([work, late, running.failed, bench.failed])
  }
  try {
    note(`round ${round + 1}/${shape.rounds}, ${name}: starts and warms up`)
    const watching = async () => ((await audit.since(started, userAgent))['watch secrets'] ?? 0) > 0
    await attempt('the start', until(`a watch of the ${name}`, watching))
    if (contestant === operator)
      await attempt(
        'the first delivery',
        until('a stamp on every Deployment', () => observer.stamped(namespace) === shape.resources),
      )
    await attempt('quiet', quiet(bench, contestant))
    await attempt('the warm-up', rotateAtOnce(bench, contestant, shape.resources))
    await attempt('quiet', quiet(bench, contestant))

    const singles = shape.rotations / shape.rounds
    // Spread over the resources, and each of them at most once.
    const indexOf = (step: number): number => ((round * singles + step) * 7) % shape.resources
    for (let step = 0; step < warmUps; step += 1) {
      await attempt('a rotation', rotate(bench, contestant, indexOf(step)))
      await sleep(gapMs)
    }
    await attempt('quiet', quiet(bench, contestant))
    note(`round ${round + 1}/${shape.rounds}, ${name}: ${singles} single rotations`)
    let mark = await audit.mark()
    for (let step = 0; step < singles; step += 1) {
      const { sent, answered, patched } = await attempt('a rotation', rotate(bench, contestant, indexOf(step)))
      figures.fromSent.push(patched - sent)
      figures.fromAnswer.push(patched - answered)
      await sleep(gapMs)
    }
    await attempt('quiet', quiet(bench, contestant))
    for (const [call, count] of Object.entries(withoutLease(await audit.since(mark, userAgent))))
      figures.rotationCalls[call] = (figures.rotationCalls[call] ?? 0) + count

    note(`round ${round + 1}/${shape.rounds}, ${name}: ${burstsARound} times ${shape.burst} rotations at once`)
    for (let step = 0; step < burstsARound; step += 1) {
      figures.bursts.push(await attempt('a burst', rotateAtOnce(bench, contestant, shape.burst)))
      await attempt('quiet', quiet(bench, contestant))
    }
    if (round + 1 < shape.rounds) return

    note(`${name}: ${shape.restSeconds} s at rest`)
    mark = await audit.mark()
    await attempt('the rest', sleep(shape.restSeconds * 1000), shape.restSeconds * 1000 + timeoutMs)
    figures.restCalls = await audit.since(mark, userAgent)
    mark = await audit.mark()
    await attempt('a rotation', rotate(bench, contestant, 0))
    await attempt('quiet', quiet(bench, contestant))
    figures.rotationAfterRestCalls = withoutLease(await audit.since(mark, userAgent))
  } finally {
    timeout.abort()
  }
}

const noFigures = (): Figures => ({
  fromSent: [],
  fromAnswer: [],
  bursts: [],
  rotationCalls: {},
  rotationAfterRestCalls: {},
  restCalls: {},
})

const aborted = (signal: AbortSignal): Promise<Error> =>
  new Promise((resolve) => {
    const settle = (): void => {
      resolve(signal.reason as Error)
    }
    if (signal.aborted) settle()
    else signal.addEventListener('abort', settle, { once: true })
  })

const run = async (shape: Shape, directory: string | undefined, signal: AbortSignal): Promise<Report> => {
  const [loadBefore = 0] = loadavg()
  if (directory !== undefined) await mkdir(directory, { recursive: true })
  await using cluster = await startCluster({ log: note, signal, ...(directory === undefined ? {} : { directory }) })
  await using api = await Api.connect(cluster.kubeconfigPath, 'bench')
  note(`creates ${shape.resources} Secrets and Deployments for each contestant`)
  await setUp(api, shape)
  const resourceVersion = await api.resourceVersion('/apis/apps/v1/deployments')
  const { gitVersion } = (await api.call('GET', '/version')) as { gitVersion: string }
  const watching = new AbortController()
  const observer = new Observer(api, resourceVersion, watching.signal)
  const failed = Promise.race([
    observer.failed,
    cluster.failed.then((error) => Promise.reject(error)),
    aborted(signal).then((error) => Promise.reject(error)),
  ])
  failed.catch(() => undefined)
  const audit = new AuditLog(cluster.auditLogPath)
  const bench: Bench = { api, audit, cluster, observer, shape, failed }
  const figures: Record<Contestant['name'], Figures> = { 'bare client': noFigures(), operator: noFigures() }
  try {
    for (let round = 0; round < shape.rounds; round += 1) {
      // Every other round the other way round, so that whatever drifts in a run hits both alike.
      const order = round % 2 === 0 ? [bareClient, operator] : [operator, bareClient]
      for (const contestant of order) {
        await measure(bench, contestant, figures[contestant.name], round)
      }
    }
  } finally {
    watching.abort()
  }
  return {
    machine: {
      cores: availableParallelism(),
      cpu: cpus()[0]?.model ?? 'unknown',
      node: process.version,
      kubernetes: gitVersion,
      loadBefore,
    },
    shape,
    bareClient: figures['bare client'],
    operator: figures.operator,
  }
}

const main = async (): Promise<number> => {
  const { shape, json, directory, help } = readOptions()
  if (help) {
    console.log(usage)
    return 0
  }
  const stop = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const)
    process.once(name, () => {
      stop.abort(new Error(`stopped by ${name}`))
    })
  const report = await run(shape, directory === undefined ? undefined : resolvePath(directory), stop.signal)
  console.log(table(report))
  if (json !== undefined)
    await writeFile(json, `${JSON.stringify({ ...report, comparison: compare(report) }, null, 2)}\n`)
  return 0
}

try {
  process.exitCode = await main()
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error))
  if (error instanceof UsageError) console.error(`\n${usage}`)
  process.exitCode = error instanceof UsageError ? 2 : 1
}
