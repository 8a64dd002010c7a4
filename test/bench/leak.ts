// Whether the operator grows with the work that it has done: much of it in a short time, and what is in use after it.
import * as common from './bench.ts'
import { indexes, inParallel, note, stepsOf, until } from './bench.ts'
import { freePort } from '../cluster/cluster.ts'
import { Inspector, type Memory } from './inspector.ts'
import { Observer } from './observer.ts'
import { trend } from './regression.ts'
import { line } from './report.ts'
import { ServingProgram } from './serving.ts'
import * as shapes from './shapes.ts'

const namespace = 'bench-leak'
const resources = 50
/** So many resources are deleted and made again with each sample: what is kept by uid would add up. */
const recreated = 5
/** Rounds of one rotation of every resource between two samples. */
const roundsASample = 2

/** Numbers of rotations. */
interface Shape {
  warmUp: number
  measured: number
}

/** Two hours at one rotation a second. Before, V8 compiles: for some 15,000 rotations its code grows, and then no more. */
const full: Shape = { warmUp: 24_000, measured: 7200 }
const quick: Shape = { warmUp: 200, measured: 500 }

interface Sample extends Memory {
  /** Done since the start of the process. */
  rotations: number
}

export const leak = async (bench: common.Bench): Promise<common.Section> => {
  const shape = bench.quick ? quick : full
  const { api } = bench
  await common.namespacesGone(bench)
  await common.createNamespaces(bench, namespace)
  const paths = shapes.paths(namespace)
  await common.createAll(bench, paths.secrets, resources, shapes.source)
  await common.createAll(bench, paths.deployments, resources, shapes.deployment)
  await common.createAll(bench, paths.resources, resources, shapes.resource)
  using observer = await Observer.start(api)
  const port = await freePort()
  const nodeArgs = [`--inspect=127.0.0.1:${port}`]
  await using operator = await ServingProgram.operator(bench, namespace, { nodeArgs })
  using steps = stepsOf('operator', operator.failed, observer.failed, bench.failed)
  using inspector = await steps.attempt('the inspector', Inspector.connect(port))
  const stamped = until('a stamp on every Deployment', () => observer.stamped(namespace) === resources)
  await steps.attempt('the first delivery', stamped)

  let rotations = 0
  const rotateAll = async (): Promise<void> => {
    const changes = indexes(resources).map((index) => observer.nextChange(namespace, index))
    await inParallel(indexes(resources), (index) =>
      api.call('PATCH', `${paths.secrets}/${shapes.sourceName(index)}`, { data: shapes.newCredentials(index) }),
    )
    await Promise.all(changes)
    rotations += resources
  }
  const recreateSome = async (): Promise<void> => {
    const first = (rotations / resources) * recreated
    await inParallel(indexes(recreated), async (offset) => {
      const index = (first + offset) % resources
      await api.call('DELETE', `${paths.resources}/${shapes.resourceName(index)}`)
      await api.call('POST', paths.resources, shapes.resource(index))
    })
  }
  const samples: Sample[] = []
  const work = async (count: number, keep: boolean): Promise<void> => {
    for (const end = rotations + count; rotations < end;) {
      for (let round = 0; round < roundsASample; round += 1) await steps.attempt('rotations', rotateAll())
      await steps.attempt('deletions', recreateSome())
      const memory = await steps.attempt('a sample', inspector.memoryAfterGc())
      if (keep) samples.push({ rotations, ...memory })
    }
  }
  note(`leak: ${shape.warmUp} rotations to warm up`)
  await work(shape.warmUp, false)
  note(`leak: ${shape.measured} rotations, with a sample after each ${roundsASample * resources}`)
  const began = performance.now()
  await work(shape.measured, true)
  const seconds = (performance.now() - began) / 1000
  await common.deleteNamespaces(bench, namespace)

  const row = (name: string, pick: (sample: Sample) => number): { cells: string; json: object } => {
    const { slope, margin } = trend(samples.map((sample) => [sample.rotations, pick(sample)]))
    const rises = slope - margin > 0
    const values = samples.map(pick)
    const mb = (value: number): string => `${(value / 1e6).toFixed(1)} MB`
    const cells = line(
      name,
      mb(Math.min(...values)),
      mb(Math.max(...values)),
      `${slope.toFixed(0)} B`,
      `± ${margin.toFixed(0)} B`,
      ...(Number.isFinite(margin) ? [rises ? 'RISES' : 'no rise'] : ['too few']),
    )
    return { cells, json: { bytesARotation: slope, margin, rises } }
  }
  const rows = {
    objects: row('Objects in the heap', ({ objects }) => objects),
    code: row('Compiled code in the heap', ({ code }) => code),
    external: row('Outside of the heap', ({ external }) => external),
    resident: row('Resident', ({ rss }) => rss),
  }
  const table = [
    `Leak: ${shape.measured} rotations of ${resources} resources in ${seconds.toFixed(0)} s, after ${shape.warmUp} to warm up; ${samples.length} samples`,
    '',
    line('After a forced garbage collection', 'least', 'most', 'a rotation', '95 %'),
    ...Object.values(rows).map(({ cells }) => cells),
    '  a rotation: the slope, and half its 95 % confidence interval; no rise: zero or less is within it (aim)',
  ].join('\n')
  const trends = Object.fromEntries(Object.entries(rows).map(([name, { json }]) => [name, json]))
  return { json: { shape, resources, seconds, samples, ...trends }, table }
}
