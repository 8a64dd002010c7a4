// What the operator keeps of Secrets that no resource names: nothing, also when they come by the thousands.
import { setTimeout as sleep } from 'node:timers/promises'
import * as common from './bench.ts'
import { note, stepsOf, until } from './bench.ts'
import { line, verdict } from './report.ts'
import { ServingProgram } from './serving.ts'
import * as shapes from './shapes.ts'

const namespace = 'bench-memory'
const aimRatio = 1.1
/** So that the operator has something to do and to keep. */
const resources = 20
const longMs = 900_000

/** Resident memory in some seconds without work, one value each, in MB: whatever is garbage has its time. */
const settledMb = async (bench: common.Bench, operator: ServingProgram): Promise<number[]> => {
  using steps = stepsOf('operator', operator.failed, bench.failed)
  const ready = until('/readyz', () => operator.isOk('/readyz'), { ms: longMs })
  await steps.attempt('/readyz', ready, longMs)
  await steps.attempt('the delivery', common.delivered(bench, namespace, resources, longMs), longMs)
  await steps.attempt('quiet', common.quiet(bench, operator.contestant, { ms: longMs }), longMs)
  const values: number[] = []
  for (let seconds = bench.quick ? 15 : 60; seconds > 0; seconds -= 1) {
    await steps.attempt('the rest', sleep(1000))
    values.push(await steps.attempt('/metrics', operator.residentMb()))
  }
  return values
}

export const memory = async (bench: common.Bench): Promise<common.Section> => {
  const unreferenced = bench.quick ? 2000 : 10_000
  await common.namespacesGone(bench)
  await common.createNamespaces(bench, namespace)
  const paths = shapes.paths(namespace)
  await common.createAll(bench, paths.secrets, resources, shapes.source)
  await common.createAll(bench, paths.resources, resources, shapes.resourceWithoutConsumers)

  const watched = async (): Promise<{ without: number[]; afterTheyCame: number[] }> => {
    await using operator = await ServingProgram.operator(bench, namespace)
    note('memory: without unreferenced Secrets')
    const without = await settledMb(bench, operator)
    note(`memory: creates ${unreferenced} Secrets of 10 KB while the operator watches`)
    await common.createAll(
      { ...bench, failed: Promise.race([bench.failed, operator.failed]) },
      paths.secrets,
      unreferenced,
      shapes.unreferenced,
    )
    return { without, afterTheyCame: await settledMb(bench, operator) }
  }
  const restarted = async (): Promise<number[]> => {
    await using operator = await ServingProgram.operator(bench, namespace)
    note(`memory: restarted with ${unreferenced} of them`)
    return await settledMb(bench, operator)
  }
  const figures = { ...(await watched()), restarted: await restarted() }
  await common.deleteNamespaces(bench, namespace)

  const base = Math.min(...figures.without)
  const row = (name: string, values: number[]): string => {
    const value = Math.min(...values)
    const ratio = value / base
    return line(
      name,
      `${value.toFixed(1)} MB`,
      `${ratio.toFixed(2)}x`,
      ...verdict(ratio, aimRatio, `${aimRatio.toFixed(1)}x`),
    )
  }
  const number = unreferenced.toLocaleString('en-US')
  const table = [
    `Memory: ${resources} resources, and Secrets of 10 KB that none of them names, as kubectl apply makes them`,
    '',
    line('Least of a time at rest', 'resident', 'ratio', 'aim'),
    line('No such Secret', `${base.toFixed(1)} MB`),
    row(`${number} came while it ran`, figures.afterTheyCame),
    row(`Restarted with ${number}`, figures.restarted),
  ].join('\n')
  return { json: { unreferenced, resources, residentMb: figures, aimRatio }, table }
}
