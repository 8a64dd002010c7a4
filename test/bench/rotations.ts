// How fast a new credential reaches a Deployment, one by one, at once and after a rest.
import { setTimeout as sleep } from 'node:timers/promises'
import * as common from './bench.ts'
import { indexes, note, quiet, stepsOf, until, withoutLease } from './bench.ts'
import { bareClientIn, operatorIn, RunningContestant, type Contestant } from './contestants.ts'
import { Observer } from './observer.ts'
import { compare, rotationsTable, type Figures, type Shape } from './report.ts'
import * as shapes from './shapes.ts'

const full: Shape = { resources: 200, rotations: 100, burst: 100, rounds: 2, restSeconds: 60 }
const quick: Shape = { resources: 100, rotations: 40, burst: 100, rounds: 1, restSeconds: 5 }

const burstsARound = 3
const warmUps = 10
/** Between two single rotations: time for the cluster to get over the one before. */
const gapMs = 50

const bareClient = bareClientIn('bench-bare-client')
const operator = operatorIn('bench-operator')

interface RotationsBench extends common.Bench {
  observer: Observer
  shape: Shape
}

const setUp = async (bench: RotationsBench): Promise<void> => {
  const { shape } = bench
  await common.createNamespaces(bench, bareClient.namespace, operator.namespace)
  for (const { name, namespace } of [bareClient, operator]) {
    const { secrets, deployments, resources } = shapes.paths(namespace)
    await common.createAll(bench, secrets, shape.resources, shapes.source)
    await common.createAll(bench, deployments, shape.resources, shapes.deployment)
    if (name === 'operator') await common.createAll(bench, resources, shape.resources, shapes.resource)
    else await common.createAll(bench, secrets, shape.resources, shapes.emptyTarget)
  }
}

interface Rotation {
  sent: number
  answered: number
  patched: number
}

/** Writes new credentials and waits for the Deployment. */
const rotate = async (
  { api, observer }: RotationsBench,
  { namespace }: Contestant,
  index: number,
): Promise<Rotation> => {
  const body = { data: shapes.newCredentials(index) }
  const change = observer.nextChange(namespace, index)
  const sent = performance.now()
  await api.call('PATCH', `${shapes.paths(namespace).secrets}/${shapes.sourceName(index)}`, body)
  const answered = performance.now()
  return { sent, answered, patched: await change }
}

/** Milliseconds until the last of them. */
const rotateAtOnce = async (bench: RotationsBench, contestant: Contestant, count: number): Promise<number> => {
  const rotations = await Promise.all(indexes(count).map((index) => rotate(bench, contestant, index)))
  return Math.max(...rotations.map(({ patched }) => patched)) - Math.min(...rotations.map(({ sent }) => sent))
}

const measure = async (
  bench: RotationsBench,
  contestant: Contestant,
  figures: Figures,
  round: number,
): Promise<void> => {
  const { audit, observer, shape } = bench
  const { name, namespace, userAgent } = contestant
  const started = await audit.mark()
  await using running = new RunningContestant(contestant, bench.cluster.kubeconfigPath, bench.cluster.directory)
  using steps = stepsOf(name, running.failed, observer.failed, bench.failed)
  const { attempt } = steps
  note(`round ${round + 1}/${shape.rounds}, ${name}: starts and warms up`)
  const watching = async () => ((await audit.since(started, userAgent))['watch secrets'] ?? 0) > 0
  await attempt('the start', until(`a watch of the ${name}`, watching))
  if (contestant.name === 'operator')
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
  await attempt('the rest', sleep(shape.restSeconds * 1000), shape.restSeconds * 1000 + 60_000)
  figures.restCalls = await audit.since(mark, userAgent)
  mark = await audit.mark()
  await attempt('a rotation', rotate(bench, contestant, 0))
  await attempt('quiet', quiet(bench, contestant))
  figures.rotationAfterRestCalls = withoutLease(await audit.since(mark, userAgent))
}

const noFigures = (): Figures => ({
  fromSent: [],
  fromAnswer: [],
  bursts: [],
  rotationCalls: {},
  rotationAfterRestCalls: {},
  restCalls: {},
})

export const rotations = async (base: common.Bench): Promise<common.Section> => {
  const { restSeconds } = base
  const shape = { ...(base.quick ? quick : full), ...(restSeconds === undefined ? {} : { restSeconds }) }
  await common.namespacesGone(base)
  using observer = await Observer.start(base.api)
  const bench: RotationsBench = { ...base, observer, shape }
  note(`rotations: creates ${shape.resources} Secrets and Deployments for each contestant`)
  await setUp(bench)
  const figures: Record<Contestant['name'], Figures> = { 'bare client': noFigures(), operator: noFigures() }
  for (let round = 0; round < shape.rounds; round += 1) {
    // Every other round the other way round, so that whatever drifts in a run hits both alike.
    const order = round % 2 === 0 ? [bareClient, operator] : [operator, bareClient]
    for (const contestant of order) await measure(bench, contestant, figures[contestant.name], round)
  }
  await common.deleteNamespaces(bench, bareClient.namespace, operator.namespace)
  const report = { shape, bareClient: figures['bare client'], operator: figures.operator }
  return { json: { ...report, comparison: compare(report) }, table: rotationsTable(report) }
}
