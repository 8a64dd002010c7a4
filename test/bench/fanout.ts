// One rotation that reaches 500 Deployments through one resource, found by a label of their pods.
import * as z from 'zod'
import type { Api } from './api.ts'
import type { Calls } from './audit-log.ts'
import * as common from './bench.ts'
import { indexes, note, quiet, stepsOf, until, withoutLease } from './bench.ts'
import { bareClientIn, operatorIn, RunningContestant, type Contestant } from './contestants.ts'
import { Observer } from './observer.ts'
import { callTable, comparisonRow, line, percentile, verdict } from './report.ts'
import * as shapes from './shapes.ts'

const bareClient = bareClientIn('bench-fanout-bare-client', shapes.fanOutSelector)
const operator = operatorIn('bench-fanout-operator')
const aims = { ratio: 2, listedConsumers: 10 }
const longMs = 300_000

interface Shape {
  deployments: number
  /** All rounds together. */
  rotations: number
  rounds: number
}

const full: Shape = { deployments: 500, rotations: 6, rounds: 2 }
const quick: Shape = { deployments: 200, rotations: 3, rounds: 1 }

interface Figures {
  /** Milliseconds from just before the write of the Secret is sent to the event that shows the last patched Deployment. */
  last: number[]
  /** The same for the first of them. */
  first: number[]
  /** Of all rotations, trailing ones included. */
  calls: Calls
}

interface StatusFigures {
  /** The longest that the status ever was, in bytes of JSON. */
  bytes: number
  /** The most consumers that it ever listed. */
  listed: number
}

const watchedSchema = z.object({
  status: z.looseObject({ consumers: z.object({ outdated: z.array(z.unknown()).default([]) }).optional() }).optional(),
})

/** Follows the status until the signal aborts. */
const followStatus = async (api: Api, figures: StatusFigures, signal: AbortSignal): Promise<void> => {
  const { resources } = shapes.paths(operator.namespace)
  for await (const { object } of api.watch(resources, await api.resourceVersion(resources), { signal })) {
    const { status } = watchedSchema.parse(object)
    if (status === undefined) continue
    figures.bytes = Math.max(figures.bytes, Buffer.byteLength(JSON.stringify(status)))
    figures.listed = Math.max(figures.listed, status.consumers?.outdated.length ?? 0)
  }
}

const setUp = async (bench: common.Bench, deploymentCount: number): Promise<void> => {
  await common.createNamespaces(bench, bareClient.namespace, operator.namespace)
  for (const { name, namespace } of [bareClient, operator]) {
    const { secrets, deployments, resources } = shapes.paths(namespace)
    await common.createAll(bench, deployments, deploymentCount, shapes.fanOutDeployment)
    await bench.api.call('POST', secrets, shapes.source(0))
    if (name === 'operator') await bench.api.call('POST', resources, shapes.fanOutResource())
    else await bench.api.call('POST', secrets, shapes.emptyTarget(0))
  }
}

const measure = async (
  bench: common.Bench,
  observer: Observer,
  contestant: Contestant,
  { deployments, rotations, rounds }: Shape,
  figures: Figures,
): Promise<void> => {
  const { api, audit } = bench
  const { name, namespace, userAgent } = contestant
  const started = await audit.mark()
  await using running = new RunningContestant(contestant, bench.cluster.kubeconfigPath, bench.cluster.directory)
  using steps = stepsOf(name, running.failed, observer.failed, bench.failed)
  const { attempt } = steps
  /** Nothing may be left of a rotation when the next one begins: not the contestant's work, not the control plane's. */
  const settled = async (): Promise<void> => {
    const ask = () => observer.unsettled(namespace) === 0
    await attempt('the Deployment controller', until('settled Deployments', ask, { ms: longMs }), longMs)
    await attempt('quiet', quiet(bench, contestant, { ms: longMs }), longMs)
  }
  const rotate = async (): Promise<{ first: number; last: number }> => {
    const changes = indexes(deployments).map((index) => observer.nextChange(namespace, index))
    const body = { data: shapes.newCredentials(0) }
    const sent = performance.now()
    await api.call('PATCH', `${shapes.paths(namespace).secrets}/${shapes.sourceName(0)}`, body)
    const times = await Promise.all(changes)
    return { first: Math.min(...times) - sent, last: Math.max(...times) - sent }
  }

  note(`fanout, ${name}: starts and warms up`)
  const watching = async () => {
    const calls = await audit.since(started, userAgent)
    return (calls['watch secrets'] ?? 0) > 0 && (calls['watch deployments.apps'] ?? 0) > 0
  }
  await attempt('the start', until(`a watch of the ${name}`, watching))
  if (name === 'operator') {
    const stamped = () => observer.stamped(namespace) === deployments
    await attempt('the first delivery', until('a stamp on every Deployment', stamped))
  }
  await settled()
  await attempt('the warm-up', rotate())
  await settled()

  const count = rotations / rounds
  note(`fanout, ${name}: ${count} rotations that reach ${deployments} Deployments`)
  const mark = await audit.mark()
  for (let step = 0; step < count; step += 1) {
    const { first, last } = await attempt('a rotation', rotate())
    figures.first.push(first)
    figures.last.push(last)
    await settled()
  }
  for (const [call, times] of Object.entries(withoutLease(await audit.since(mark, userAgent))))
    figures.calls[call] = (figures.calls[call] ?? 0) + times
}

const noFigures = (): Figures => ({ first: [], last: [], calls: {} })

export const fanOut = async (bench: common.Bench): Promise<common.Section> => {
  const shape = bench.quick ? quick : full
  await common.namespacesGone(bench)
  using observer = await Observer.start(bench.api)
  note(`fanout: creates ${shape.deployments} Deployments for each contestant`)
  await setUp(bench, shape.deployments)
  const status: StatusFigures = { bytes: 0, listed: 0 }
  const following = new AbortController()
  const followed = followStatus(bench.api, status, following.signal)
  followed.catch(() => undefined)
  const figuresOf = { 'bare client': noFigures(), operator: noFigures() }
  const { 'bare client': bare, operator: ours } = figuresOf
  try {
    for (let round = 0; round < shape.rounds; round += 1) {
      // Every other round the other way round, so that whatever drifts in a run hits both alike.
      const order = round % 2 === 0 ? [bareClient, operator] : [operator, bareClient]
      for (const contestant of order) await measure(bench, observer, contestant, shape, figuresOf[contestant.name])
    }
  } finally {
    following.abort()
  }
  await followed
  await common.deleteNamespaces(bench, bareClient.namespace, operator.namespace)

  const comparison = (['first', 'last'] as const).map((which) => {
    const [bareSeconds, ourSeconds] = [bare, ours].map((figures) => percentile(figures[which], 50) / 1000)
    return {
      name: `Secret write sent → ${which} Deployment patched, median`,
      unit: 's' as const,
      bareClient: bareSeconds ?? Number.NaN,
      operator: ourSeconds ?? Number.NaN,
      ratio: (ourSeconds ?? Number.NaN) / (bareSeconds ?? Number.NaN),
      ...(which === 'last' ? { aim: aims.ratio } : {}),
    }
  })
  const statusPatches = (ours.calls['patch tracardiresources.tracardi.com/status'] ?? 0) / shape.rotations
  const table = [
    `Fan-out: ${shape.rotations} rotations of one resource with ${shape.deployments} Deployments, found by label`,
    '',
    line('', 'bare client', 'operator', 'ratio', 'aim'),
    ...comparison.map(comparisonRow),
    line(
      'Consumers listed in status, at most',
      '-',
      String(status.listed),
      '-',
      ...verdict(status.listed, aims.listedConsumers, String(aims.listedConsumers)),
    ),
    line('Status, at most', '-', `${status.bytes} B`),
    '',
    ...callTable(`Calls of one rotation, mean of ${shape.rotations}`, bare.calls, ours.calls, shape.rotations),
    '  aim: one read of the Secret, one write of the target, one patch of each Deployment, the status at most once a second, no list',
  ].join('\n')
  return {
    json: { shape, bareClient: bare, operator: ours, comparison, status: { ...status, patches: statusPatches }, aims },
    table,
  }
}
