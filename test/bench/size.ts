// Whether a resource costs the same among 5,000 as among 100, beside what the informers of @kubernetes/client-node take.
import type { Calls } from './audit-log.ts'
import * as common from './bench.ts'
import { indexes, inParallel, note, stepsOf, until, withoutLease } from './bench.ts'
import { line, percentile, verdict } from './report.ts'
import { ServingProgram } from './serving.ts'
import * as shapes from './shapes.ts'

const longMs = 900_000
/** What a resource costs among the most of them, against what it costs among the next fewer. */
const aimGrowth = 1.1

interface Shape {
  sizes: number[]
  namespaces: number
  /** Of a process that finds all delivered. */
  starts: number
  /** The same work at every size: so many at once, so many times. */
  rotations: number
  rounds: number
}

const full: Shape = { sizes: [100, 1000, 5000], namespaces: 50, starts: 3, rotations: 100, rounds: 9 }
const quick: Shape = { sizes: [100, 300, 900], namespaces: 50, starts: 2, rotations: 100, rounds: 3 }

interface Cost {
  cpuSeconds: number
  calls: Calls
}

interface Start extends Cost {
  readySeconds: number
  residentMb: number
  /** From the start of the process to the last target; undefined when none was missing. */
  deliveredSeconds?: number
}

/** Of one program among so many resources. */
interface Figures {
  /** Nothing is delivered yet. */
  first: Start
  /** All is delivered already: as after an upgrade. */
  again: Start[]
  /** Each of so many rotations at once. */
  rounds: Cost[]
}

type Name = 'informers' | 'operator'

const startProgram = (bench: common.Bench, name: Name): Promise<ServingProgram> =>
  name === 'operator'
    ? ServingProgram.operator(bench, 'bench-size')
    : ServingProgram.informers(bench, 'bench-size-informers')

const isEvent = (call: string): boolean => call.endsWith(' events.events.k8s.io')

/** Without those of the Lease, and without Events: of a burst not all are written, whatever its size. */
const countOf = (calls: Calls): number =>
  Object.entries(withoutLease(calls)).reduce((sum, [call, count]) => sum + (isEvent(call) ? 0 : count), 0)

/** Resources in many namespaces, each with its Secret; one in five has a Deployment to restart. */
class Crowd {
  readonly size: number
  readonly namespaces: string[]
  readonly #bench: common.Bench

  constructor(bench: common.Bench, size: number, namespaces: number) {
    this.#bench = bench
    this.size = size
    this.namespaces = indexes(namespaces).map((index) => `bench-size-${size}-${index}`)
  }

  #paths(index: number): ReturnType<typeof shapes.paths> {
    return shapes.paths(this.namespaces[index % this.namespaces.length] ?? '')
  }

  /** Spread evenly over the namespaces. */
  #hasConsumer(index: number): boolean {
    const { length } = this.namespaces
    return (Math.floor(index / length) + 2 * (index % length)) % 5 === 0
  }

  async create(): Promise<void> {
    const { api, failed } = this.#bench
    await common.createNamespaces(this.#bench, ...this.namespaces)
    const create = async (index: number): Promise<void> => {
      const { secrets, deployments, resources } = this.#paths(index)
      const hasConsumer = this.#hasConsumer(index)
      const resource = hasConsumer ? shapes.resource(index) : shapes.resourceWithoutConsumers(index)
      await api.call('POST', secrets, shapes.source(index))
      if (hasConsumer) await api.call('POST', deployments, shapes.deployment(index))
      await api.call('POST', resources, resource)
    }
    await Promise.race([inParallel(indexes(this.size), create), failed])
  }

  /** New credentials for the first of them, always the same: then their targets are in the cache at every size. */
  async rotate(count: number): Promise<void> {
    const { api, failed } = this.#bench
    const write = (index: number): Promise<unknown> => {
      const body = { data: shapes.newCredentials(index) }
      return api.call('PATCH', `${this.#paths(index).secrets}/${shapes.sourceName(index)}`, body)
    }
    await Promise.race([inParallel(indexes(count), write), failed])
  }

  /** What one program made is in the way of the other one, or would be counted as its burden. */
  async removeTargets(): Promise<void> {
    const { api } = this.#bench
    for (const namespace of this.namespaces)
      await api.call(
        'DELETE',
        `${shapes.paths(namespace).secrets}?labelSelector=app.kubernetes.io/managed-by=tracardi-operator`,
      )
  }
}

/** Waits until a program has nothing more to do. */
const finish = async (bench: common.Bench, program: ServingProgram): Promise<void> => {
  using steps = stepsOf(program.contestant.name, program.failed, bench.failed)
  await steps.attempt('quiet', common.quiet(bench, program.contestant, { ms: longMs }), longMs)
}

/** Starts a program, does something with it once it has nothing more to do, and ends it. */
const startOnce = async (
  bench: common.Bench,
  name: Name,
  use: (program: ServingProgram) => Promise<void> = () => Promise.resolve(),
): Promise<Start> => {
  const mark = await bench.audit.mark()
  const startedAt = Date.now()
  await using program = await startProgram(bench, name)
  const { userAgent } = program.contestant
  using steps = stepsOf(name, program.failed, bench.failed)
  const ready = until('/readyz', () => program.isOk('/readyz'), { ms: longMs, everyMs: 50 })
  await steps.attempt('/readyz', ready, longMs)
  const readySeconds = (performance.now() - program.startedAt) / 1000
  await finish(bench, program)
  const deliveredAt = await bench.audit.lastAt(mark, userAgent, 'create secrets')
  const start = {
    readySeconds,
    calls: await bench.audit.since(mark, userAgent),
    cpuSeconds: await steps.attempt('/metrics', program.cpuSeconds()),
    residentMb: await steps.attempt('/metrics', program.residentMb()),
    ...(deliveredAt === undefined ? {} : { deliveredSeconds: (deliveredAt - startedAt) / 1000 }),
  }
  await use(program)
  return start
}

const measure = async (bench: common.Bench, name: Name, crowd: Crowd, shape: Shape): Promise<Figures> => {
  const { starts, rotations, rounds } = shape
  note(`size, ${name}: the first delivery of ${crowd.size}`)
  const first = await startOnce(bench, name)
  const again: Start[] = []
  for (let step = 1; step < starts; step += 1) {
    note(`size, ${name}: started again among ${crowd.size}`)
    again.push(await startOnce(bench, name))
  }
  note(`size, ${name}: ${rounds} times ${rotations} rotations among ${crowd.size}`)
  const costs: Cost[] = []
  const rotate = async (program: ServingProgram): Promise<void> => {
    for (let round = 0; round < rounds; round += 1) {
      const mark = await bench.audit.mark()
      const before = await program.cpuSeconds()
      await crowd.rotate(rotations)
      await finish(bench, program)
      const calls = await bench.audit.since(mark, program.contestant.userAgent)
      costs.push({ calls, cpuSeconds: (await program.cpuSeconds()) - before })
    }
  }
  again.push(await startOnce(bench, name, rotate))
  return { first, again, rounds: costs }
}

const median = (values: number[]): number => percentile(values, 50)

/** What is compared from size to size. */
const rowsOf = (size: number, { rotations }: Shape, empty: Start[], { first, again, rounds }: Figures) => {
  // What the start takes without any resource is no resource's cost.
  const fixedCpu = median(empty.map(({ cpuSeconds }) => cpuSeconds))
  const fixedCalls = median(empty.map(({ calls }) => countOf(calls)))
  const ms = (cpuSeconds: number): number => ((cpuSeconds - fixedCpu) / size) * 1000
  const calls = (cost: Cost): number => (countOf(cost.calls) - fixedCalls) / size
  // The first rounds warm up what the start has not needed.
  const warm = rounds.slice(Math.floor(rounds.length / 3))
  return {
    ready: median(again.map(({ readySeconds }) => readySeconds)),
    delivered: first.deliveredSeconds ?? Number.NaN,
    firstCpu: ms(first.cpuSeconds),
    firstCalls: calls(first),
    againCpu: ms(median(again.map(({ cpuSeconds }) => cpuSeconds))),
    againCalls: median(again.map(calls)),
    rotationCpu: (median(warm.map(({ cpuSeconds }) => cpuSeconds)) / rotations) * 1000,
    rotationCalls: median(warm.map((cost) => countOf(cost.calls))) / rotations,
    resident: median(again.map(({ residentMb }) => residentMb)),
  }
}

type Rows = ReturnType<typeof rowsOf>

const labels: { key: keyof Rows; name: string; digits: number; flat: boolean }[] = [
  { key: 'ready', name: 'Process start → /readyz, all delivered, s', digits: 2, flat: false },
  { key: 'delivered', name: 'Process start → last target, nothing delivered, s', digits: 1, flat: false },
  { key: 'firstCpu', name: 'First delivery: CPU a resource, ms', digits: 2, flat: true },
  { key: 'firstCalls', name: 'First delivery: calls a resource', digits: 2, flat: true },
  { key: 'againCpu', name: 'Started again: CPU a resource, ms', digits: 2, flat: true },
  { key: 'againCalls', name: 'Started again: calls a resource', digits: 2, flat: true },
  { key: 'rotationCpu', name: 'CPU a rotation, ms', digits: 2, flat: true },
  { key: 'rotationCalls', name: 'Calls a rotation', digits: 2, flat: true },
  { key: 'resident', name: 'Resident, MB', digits: 1, flat: false },
]

export const size = async (bench: common.Bench): Promise<common.Section> => {
  const shape = bench.quick ? quick : full
  const names: Name[] = ['operator', 'informers']
  await common.namespacesGone(bench)
  await common.createNamespaces(bench, 'bench-size')
  const empty: Record<Name, Start[]> = { operator: [], informers: [] }
  const figures: Record<Name, Figures[]> = { operator: [], informers: [] }
  note(`size: ${shape.starts} starts with no resource`)
  for (const name of names)
    for (let step = 0; step < shape.starts; step += 1) empty[name].push(await startOnce(bench, name))
  for (const count of shape.sizes) {
    const crowd = new Crowd(bench, count, shape.namespaces)
    note(`size: creates ${count} resources in ${shape.namespaces} namespaces`)
    await crowd.create()
    for (const name of names) {
      figures[name].push(await measure(bench, name, crowd, shape))
      await crowd.removeTargets()
    }
    await common.deleteNamespaces(bench, ...crowd.namespaces)
    if (count !== shape.sizes.at(-1)) {
      await common.deleteNamespaces(bench, 'bench-size')
      await common.namespacesGone(bench)
      await common.createNamespaces(bench, 'bench-size')
    }
  }
  await common.deleteNamespaces(bench, 'bench-size')

  const rows = Object.fromEntries(
    names.map((name) => [
      name,
      figures[name].map((found, index) => rowsOf(shape.sizes[index] ?? 0, shape, empty[name], found)),
    ]),
  ) as Record<Name, Rows[]>
  const growthOf = (name: Name, key: keyof Rows): number =>
    (rows[name].at(-1)?.[key] ?? Number.NaN) / (rows[name].at(-2)?.[key] ?? Number.NaN)
  const shownGrowth = (name: Name, key: keyof Rows): string => {
    const growth = growthOf(name, key)
    return Number.isFinite(growth) ? `${growth.toFixed(2)}x` : '-'
  }
  const tableOf = (name: Name): string[] => [
    line(
      name,
      ...shape.sizes.map((count) => count.toLocaleString('en-US')),
      'growth',
      ...(name === 'operator' ? ['aim'] : []),
    ),
    ...labels.map(({ key, name: label, digits, flat }) =>
      line(
        `  ${label}`,
        ...rows[name].map((row) => row[key].toFixed(digits)),
        ...(flat ? [shownGrowth(name, key)] : []),
        ...(flat && name === 'operator' ? verdict(growthOf(name, key), aimGrowth, `${aimGrowth.toFixed(1)}x`) : []),
      ),
    ),
  ]
  const fixed = (name: Name): string =>
    `${median(empty[name].map(({ cpuSeconds }) => cpuSeconds)).toFixed(2)} s of CPU, ${median(empty[name].map(({ calls }) => countOf(calls))).toFixed(0)} calls (${name})`
  const table = [
    `Size: resources in ${shape.namespaces} namespaces, one in five with a Deployment; ${shape.rounds} times ${shape.rotations} rotations`,
    '',
    ...tableOf('operator'),
    '',
    ...tableOf('informers'),
    '',
    `  CPU is that of the process, all threads, until it has nothing more to do. What a start takes without any resource is`,
    `  taken off: ${names.map(fixed).join('; ')}. Calls are those but Lease and Events. Growth: from ${String(shape.sizes.at(-2))} to ${String(shape.sizes.at(-1))}.`,
  ].join('\n')
  return { json: { shape, empty, figures, rows, aimGrowth }, table }
}
