// How long the operator takes from the start of its process until it serves, and until it is ready.
import * as common from './bench.ts'
import { note, stepsOf, until } from './bench.ts'
import { line, percentile, verdict } from './report.ts'
import { ServingProgram } from './serving.ts'
import * as shapes from './shapes.ts'

const namespace = 'bench-start'
const aims = { servingMs: 300, residentMb: 80 }
const sizes = [200, 1000]
/** As close as the clock of the bench needs to be without keeping the processor from the operator. */
const pollMs = 5
const longMs = 300_000

interface Start {
  /** Milliseconds from the start of the process to the first 200 of /livez. */
  servingMs: number
  /** Resident memory right after that, in MB. */
  residentMb: number
  /** Milliseconds from the start of the process to the first 200 of /readyz. */
  readyMs: number
}

const startOnce = async (bench: common.Bench): Promise<Start> => {
  await using operator = await ServingProgram.operator(bench, namespace)
  using steps = stepsOf('operator', operator.failed, bench.failed)
  const first = async (path: '/livez' | '/readyz'): Promise<number> => {
    await steps.attempt(
      path,
      until(path, () => operator.isOk(path), { everyMs: pollMs }),
    )
    return performance.now() - operator.startedAt
  }
  const servingMs = await first('/livez')
  const residentMb = await steps.attempt('/metrics', operator.residentMb())
  return { servingMs, residentMb, readyMs: await first('/readyz') }
}

const startOften = async (bench: common.Bench, times: number): Promise<Start[]> => {
  const starts: Start[] = []
  for (let step = 0; step < times; step += 1) starts.push(await startOnce(bench))
  return starts
}

/** The first delivery: afterwards a start finds the cluster as it is after an upgrade of the operator. */
const deliver = async (bench: common.Bench, size: number): Promise<void> => {
  await using operator = await ServingProgram.operator(bench, namespace)
  using steps = stepsOf('operator', operator.failed, bench.failed)
  const ready = until('/readyz', () => operator.isOk('/readyz'))
  await steps.attempt('/readyz', ready)
  await steps.attempt('the first delivery', common.delivered(bench, namespace, size, longMs), longMs)
  await steps.attempt('quiet', common.quiet(bench, operator.contestant, { ms: longMs }), longMs)
}

export const start = async (bench: common.Bench): Promise<common.Section> => {
  const times = bench.quick ? 3 : 9
  await common.namespacesGone(bench)
  await common.createNamespaces(bench, namespace)
  note(`start: ${times} times with no resource`)
  const empty = await startOften(bench, times)
  const withResources: Record<number, Start[]> = {}
  const { secrets, resources } = shapes.paths(namespace)
  let made = 0
  for (const size of sizes) {
    note(`start: ${times} times with ${size} resources`)
    await common.createAll(bench, secrets, size, shapes.source, made)
    await common.createAll(bench, resources, size, shapes.resourceWithoutConsumers, made)
    made = size
    await deliver(bench, size)
    withResources[size] = await startOften(bench, times)
  }
  await common.deleteNamespaces(bench, namespace)

  const row = (name: string, unit: string, digits: number, values: number[], limit?: number): string => {
    const show = (value: number) => `${value.toFixed(digits)} ${unit}`
    const median = percentile(values, 50)
    return line(
      name,
      show(median),
      show(Math.max(...values)),
      ...(limit === undefined ? [] : verdict(median, limit, show(limit))),
    )
  }
  const seconds = (ms: number): number => ms / 1000
  const ready = (starts: Start[]) => starts.map(({ readyMs }) => seconds(readyMs))
  const table = [
    `Start: ${times} times each; the resources have their targets already`,
    '',
    line('', 'median', 'worst', 'aim'),
    row(
      'Process start → /livez',
      's',
      2,
      empty.map(({ servingMs }) => seconds(servingMs)),
      seconds(aims.servingMs),
    ),
    row(
      'Resident memory then',
      'MB',
      1,
      empty.map(({ residentMb }) => residentMb),
      aims.residentMb,
    ),
    row('Process start → /readyz, no resource', 's', 2, ready(empty)),
    ...sizes.map((size) => row(`Process start → /readyz, ${size} resources`, 's', 2, ready(withResources[size] ?? []))),
  ].join('\n')
  return { json: { times, empty, withResources, aims }, table }
}
