// --watch-namespaces with Roles alone in 30 namespaces: what that takes of connections and of time, and that all arrives.
import { readFile, writeFile } from 'node:fs/promises'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { join } from 'node:path'
import { helm, installChart, release } from '../operator/support/operator-process.ts'
import * as common from './bench.ts'
import { indexes, inParallel, note, quiet, stepsOf, until, withoutLease } from './bench.ts'
import { Observer } from './observer.ts'
import { line, percentile } from './report.ts'
import { ServingProgram } from './serving.ts'
import * as shapes from './shapes.ts'

const counts = { full: 30, quick: 5 }
const restSeconds = 5

/** Hands bytes on to the API server, and counts the connections that are open. */
class Counter implements AsyncDisposable {
  readonly port: number
  readonly #server: ReturnType<typeof createServer>
  readonly #open: Set<Socket>
  #made = 0

  private constructor(server: ReturnType<typeof createServer>, open: Set<Socket>) {
    this.#server = server
    this.#open = open
    this.port = (server.address() as AddressInfo).port
    server.on('connection', () => {
      this.#made += 1
    })
  }

  static async start(target: URL): Promise<Counter> {
    const open = new Set<Socket>()
    const server = createServer((client) => {
      const upstream = connect(Number(target.port), target.hostname)
      open.add(client)
      client.pipe(upstream).pipe(client)
      for (const [socket, other] of [
        [client, upstream],
        [upstream, client],
      ] as const)
        socket
          .on('error', () => undefined)
          .on('close', () => {
            other.destroy()
            open.delete(client)
          })
    })
    const { promise, resolve } = Promise.withResolvers<undefined>()
    server.listen(0, '127.0.0.1', () => {
      resolve(undefined)
    })
    await promise
    return new Counter(server, open)
  }

  get open(): number {
    return this.#open.size
  }

  /** Since the start. */
  get made(): number {
    return this.#made
  }

  [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#open) socket.destroy()
    return new Promise((resolve) => {
      this.#server.close(() => {
        resolve()
      })
    })
  }
}

export const namespaces = async (bench: common.Bench): Promise<common.Section> => {
  const count = bench.quick ? counts.quick : counts.full
  const { api, audit, cluster } = bench
  const names = indexes(count).map((index) => `bench-watched-${index}`)
  await common.namespacesGone(bench)
  await common.createNamespaces(bench, ...names)
  note(`namespaces: the chart with Roles in ${count} namespaces, and a resource with a Deployment in each`)
  const account = await installChart(cluster.kubeconfigPath, { crds: false, values: { watchNamespaces: names } })
  await inParallel(names, async (namespace) => {
    const paths = shapes.paths(namespace)
    await api.call('POST', paths.secrets, shapes.source(0))
    await api.call('POST', paths.deployments, shapes.deployment(0))
    await api.call('POST', paths.resources, shapes.resource(0))
  })
  const direct = await cluster.serviceAccountKubeconfig(release.namespace, account)
  await using counter = await Counter.start(new URL(cluster.server))
  const kubeconfigPath = join(cluster.directory, 'bench-namespaces.kubeconfig')
  const text = (await readFile(direct, 'utf8')).replaceAll(cluster.server, `https://127.0.0.1:${counter.port}`)
  await writeFile(kubeconfigPath, text, { mode: 0o600 })

  using observer = await Observer.start(api)
  const mark = await audit.mark()
  await using operator = await ServingProgram.operator(bench, release.namespace, {
    args: ['--watch-namespaces', names.join(',')],
    kubeconfigPath,
  })
  using steps = stepsOf('operator', operator.failed, observer.failed, bench.failed)
  const { attempt } = steps
  await attempt(
    '/readyz',
    until('/readyz', () => operator.isOk('/readyz'), { everyMs: 10 }),
  )
  const readySeconds = (performance.now() - operator.startedAt) / 1000
  const delivered = until('a stamp in each namespace', () => names.every((name) => observer.stamped(name) === 1))
  await attempt('the first delivery', delivered)
  const deliveredSeconds = (performance.now() - operator.startedAt) / 1000
  await attempt('quiet', quiet(bench, operator.contestant))
  const { userAgent } = operator.contestant
  const startCalls = withoutLease(await audit.since(mark, userAgent))
  const callsOf = (verb: string): number =>
    Object.entries(startCalls).reduce((sum, [call, times]) => sum + (call.startsWith(`${verb} `) ? times : 0), 0)
  const cpuSeconds = await operator.cpuSeconds()
  const residentMb = await operator.residentMb()

  note('namespaces: a change in each, one after the other, then all at once')
  const rotate = async (namespace: string): Promise<number> => {
    const change = observer.nextChange(namespace, 0)
    const sent = performance.now()
    const body = { data: shapes.newCredentials(0) }
    await api.call('PATCH', `${shapes.paths(namespace).secrets}/${shapes.sourceName(0)}`, body)
    return (await change) - sent
  }
  const oneByOne: number[] = []
  for (const name of names) oneByOne.push(await attempt(`a change in ${name}`, rotate(name)))
  const atOnce = await attempt('a change in each', Promise.all(names.map(rotate)))
  await attempt('quiet', quiet(bench, operator.contestant))
  const openAtRest = counter.open
  const restMark = await audit.mark()
  await new Promise((resolve) => setTimeout(resolve, restSeconds * 1000))
  const restCalls = withoutLease(await audit.since(restMark, userAgent))
  await operator[Symbol.asyncDispose]()
  // With its policies nobody else may write a status, and the operators of other sections are somebody else.
  await helm(cluster.kubeconfigPath, ['uninstall', release.name, '--wait'])
  await common.deleteNamespaces(bench, ...names)

  const json = {
    namespaces: count,
    readySeconds,
    deliveredSeconds,
    startCalls,
    watches: callsOf('watch'),
    connections: { open: openAtRest, made: counter.made },
    cpuSeconds,
    residentMb,
    oneByOne,
    atOnce,
    restCalls,
  }
  const table = [
    `Namespaces: ${count} of them in --watch-namespaces, with Roles and no ClusterRole; a resource with a Deployment in each`,
    '',
    line('Process start → /readyz', `${readySeconds.toFixed(2)} s`),
    line('Process start → every Deployment stamped', `${deliveredSeconds.toFixed(2)} s`),
    line('CPU until then and quiet', `${cpuSeconds.toFixed(2)} s`),
    line('Resident', `${residentMb.toFixed(1)} MB`),
    line('Watches', String(json.watches)),
    line('Lists', String(callsOf('list'))),
    line('Connections open, all HTTP/1.1', String(openAtRest)),
    line('Connections made since the start', String(counter.made)),
    line('Secret written → Deployment, one by one, median', `${percentile(oneByOne, 50).toFixed(1)} ms`),
    line('Secret written → Deployment, one by one, worst', `${percentile(oneByOne, 100).toFixed(1)} ms`),
    line('A change in each at once → last Deployment', `${Math.max(...atOnce).toFixed(0)} ms`),
    line(
      `Calls in ${restSeconds} s at rest, but those of the Lease`,
      String(Object.values(restCalls).reduce((sum, times) => sum + times, 0)),
    ),
  ].join('\n')
  return { json, table }
}
