// Whether a namespace with thousands of changes holds up one with a single change, beside a program with one plain queue.
import * as common from './bench.ts'
import { indexes, inParallel, note, stepsOf, until } from './bench.ts'
import { line, percentile, verdict } from './report.ts'
import { ServingProgram } from './serving.ts'
import * as shapes from './shapes.ts'

const large = 'bench-fairness-large'
const small = 'bench-fairness-small'
const longMs = 900_000
/** Of the time that the whole backlog takes: in one line it would be about all that is left of it. */
const aimShare = 0.1

interface Shape {
  resources: number
  /** Rotations of the one with nothing else to do. */
  alone: number
  /** Between two rotations of the one, in milliseconds. */
  gapMs: number
}

const full: Shape = { resources: 5000, alone: 20, gapMs: 500 }
const quick: Shape = { resources: 1000, alone: 10, gapMs: 250 }

type Name = 'one queue' | 'operator'

interface Figures {
  /** Milliseconds from just before the write of the Secret is sent to the event that shows its target, with nothing else. */
  alone: number[]
  /** The same while the other namespace has work. */
  beside: number[]
  /** What was left of the other namespace's work when the one was rotated, in milliseconds, one for one. */
  left: number[]
  /** From the first rotation of the other namespace to its last target. */
  backlogSeconds: number
}

/** The targets of a program in one namespace, as the API server tells of them. */
class Targets implements Disposable {
  readonly failed: Promise<never>
  readonly #watching = new AbortController()
  readonly #waiting = new Map<string, (at: number) => void>()

  constructor(bench: common.Bench, namespace: string, resourceVersion: string) {
    const { promise, reject } = Promise.withResolvers<never>()
    this.failed = promise
    promise.catch(() => undefined)
    const follow = async (): Promise<void> => {
      const options = { metadataOnly: true, signal: this.#watching.signal }
      for await (const { type, object } of bench.api.watch(shapes.paths(namespace).secrets, resourceVersion, options)) {
        if (type === 'DELETED') continue
        this.#waiting.get(object.metadata.name)?.(performance.now())
        this.#waiting.delete(object.metadata.name)
      }
    }
    follow().catch(reject)
  }

  static async start(bench: common.Bench, namespace: string): Promise<Targets> {
    return new Targets(bench, namespace, await bench.api.resourceVersion(shapes.paths(namespace).secrets))
  }

  nextChange(name: string): Promise<number> {
    return new Promise((resolve) => this.#waiting.set(name, resolve))
  }

  [Symbol.dispose](): void {
    this.#watching.abort()
  }
}

const measure = async (bench: common.Bench, name: Name, shape: Shape): Promise<Figures> => {
  const { api } = bench
  await using program =
    name === 'operator'
      ? await ServingProgram.operator(bench, small)
      : await ServingProgram.informers(bench, 'bench-fairness-informers')
  const targetOf = (index: number): string =>
    name === 'operator' ? shapes.targetName(index) : `${shapes.resourceName(index)}-informers`
  using ofSmall = await Targets.start(bench, small)
  using ofLarge = await Targets.start(bench, large)
  using steps = stepsOf(name, program.failed, ofSmall.failed, ofLarge.failed, bench.failed)
  const { attempt } = steps
  const rotate = async (namespace: string, index: number): Promise<void> => {
    const body = { data: shapes.newCredentials(index) }
    await api.call('PATCH', `${shapes.paths(namespace).secrets}/${shapes.sourceName(index)}`, body)
  }
  const rotateOne = async (): Promise<number> => {
    const change = ofSmall.nextChange(targetOf(0))
    const sent = performance.now()
    await rotate(small, 0)
    return (await change) - sent
  }
  const quiet = (): Promise<void> => attempt('quiet', common.quiet(bench, program.contestant, { ms: longMs }), longMs)

  note(`fairness, ${name}: starts and delivers`)
  await attempt(
    '/readyz',
    until('/readyz', () => program.isOk('/readyz'), { ms: longMs }),
    longMs,
  )
  await quiet()
  const alone: number[] = []
  for (let step = 0; step < shape.alone; step += 1) alone.push(await attempt('a rotation', rotateOne()))
  await quiet()

  note(`fairness, ${name}: ${shape.resources} rotations in one namespace, and single ones in the other`)
  const began = performance.now()
  const changes = indexes(shape.resources).map((index) => ofLarge.nextChange(targetOf(index)))
  let busy = true
  const backlog = Promise.all([
    inParallel(indexes(shape.resources), (index) => rotate(large, index)),
    Promise.all(changes),
  ]).then(([, times]) => {
    busy = false
    return Math.max(...times)
  })
  const beside: number[] = []
  const startedAt: number[] = []
  const gap = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, shape.gapMs))
  const single = async (): Promise<void> => {
    await gap()
    while (busy) {
      startedAt.push(performance.now())
      beside.push(await rotateOne())
      await gap()
    }
  }
  const [end] = await attempt('the backlog', Promise.all([backlog, single()]), longMs)
  await quiet()
  return {
    alone,
    beside,
    left: startedAt.map((at) => Math.max(0, end - at)),
    backlogSeconds: (end - began) / 1000,
  }
}

export const fairness = async (bench: common.Bench): Promise<common.Section> => {
  const shape = bench.quick ? quick : full
  await common.namespacesGone(bench)
  await common.createNamespaces(bench, large, small)
  note(`fairness: creates ${shape.resources} resources in one namespace, and one in another`)
  for (const [namespace, count] of [
    [large, shape.resources],
    [small, 1],
  ] as const) {
    const { secrets, resources } = shapes.paths(namespace)
    await common.createAll(bench, secrets, count, shapes.source)
    await common.createAll(bench, resources, count, shapes.resourceWithoutConsumers)
  }
  const figures: Record<Name, Figures> = {
    'one queue': await measure(bench, 'one queue', shape),
    operator: await measure(bench, 'operator', shape),
  }
  await common.deleteNamespaces(bench, large, small)

  const { 'one queue': reference, operator } = figures
  const row = (name: string, pick: (figures: Figures) => number, digits = 0, unit = 'ms'): string =>
    line(name, ...[reference, operator].map((found) => `${pick(found).toFixed(digits)} ${unit}`))
  const share = ({ beside, backlogSeconds }: Figures): number => percentile(beside, 100) / 1000 / backlogSeconds
  const table = [
    `Fairness: ${shape.resources} rotations at once in one namespace, and single ones in another meanwhile`,
    '',
    line('Secret written → target, of the single ones', 'one queue', 'operator', 'aim'),
    row('  with nothing else, median', ({ alone }) => percentile(alone, 50)),
    row('  beside the others, median', ({ beside }) => percentile(beside, 50)),
    row('  beside the others, worst', ({ beside }) => percentile(beside, 100)),
    line(
      '  the worst, as a part of the time of all',
      ...[reference, operator].map((found) => `${(share(found) * 100).toFixed(1)} %`),
      ...verdict(share(operator), aimShare, `${(aimShare * 100).toFixed(0)} %`),
    ),
    row('Until all of the others have their targets', ({ backlogSeconds }) => backlogSeconds, 1, 's'),
    line('Single rotations meanwhile', ...[reference, operator].map(({ beside }) => String(beside.length))),
    `  one queue: the informers of @kubernetes/client-node and what waits in the order in which it came`,
  ].join('\n')
  return { json: { shape, figures, aimShare }, table }
}
