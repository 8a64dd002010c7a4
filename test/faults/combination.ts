/** One cell of the table: a fault meets a kind of call, and the system has to come right again. */
import { waitFor, sleep, type Kube } from '../operator/support/kube.ts'
import { Subject, targetOf, type Values } from './operator.ts'
import type { ProxiedCall } from './proxy.ts'
import { faults, kindNames, kinds, whyNot, type FaultRow, type Kind } from './table.ts'

export interface Outcome {
  readonly fault: string
  readonly kind: Kind
  /** Calls of the kind that came while the fault was on. */
  readonly calls: number
  /** The most of them that were one and the same call, again and again. */
  readonly repeated: number
  /** From the first of them to the end of the fault, in milliseconds. */
  readonly lastedMs: number
  /** From the end of the fault until everything was right, in milliseconds. */
  readonly recoveredMs: number
  /** How often the operator had to be started again because it had lost its Lease. */
  readonly restarts: number
  /** What went wrong; empty when nothing did. */
  readonly problems: readonly string[]
}

/** How long a fault is on. The Lease is renewed every two seconds, so a shorter one would not be met twice. */
const windowMs: Readonly<Record<Kind, number>> = {
  list: 2_000,
  watch: 2_000,
  get: 2_000,
  create: 2_000,
  patch: 2_000,
  status: 2_000,
  event: 2_000,
  lease: 4_500,
}

/** So long before the end of the fault the last change is made: the operator has heard of it by then. */
const settleMs = 300

/** So often a call may be repeated while the fault is on; without a back-off it would be hundreds. */
const mostRepeats = 25
/** A message about one thing may come so often: as it begins, as it changes. */
const mostLines = 6

/** Answers after which an Event is not sent again: it would be refused again, or is said to be there. */
const refusals: ReadonlySet<number> = new Set([403, 409, 422])

export async function runCombination(kube: Kube, fault: FaultRow, kind: Kind): Promise<Outcome> {
  await using subject = await Subject.create(kube, fault)
  const { proxy } = subject
  const isMet = kinds[kind]
  const met: ProxiedCall[] = []
  const pending: Promise<void>[] = []
  let refusedEvents = false
  // A function: the compiler takes a variable for what it was set to, whatever callbacks do.
  const isRefused = (): boolean => refusedEvents
  let isOn = false
  // A list comes at the start and every ten minutes, unless a watch has lost its place.
  let expire = kind === 'list'
  proxy.before = async (call) => {
    if (!isOn) return { kind: 'Forward' }
    if (expire && call.verb === 'watch')
      return { kind: 'Answer', status: 410, body: '{"kind":"Status","reason":"Expired","code":410}' }
    if (!isMet(call)) return { kind: 'Forward' }
    met.push(call)
    const action = await fault.act({
      call,
      proxy,
      number: met.length,
      later: (ms, run) => {
        pending.push(sleep(ms).then(run))
      },
    })
    if (kind === 'event' && action.kind === 'Answer' && refusals.has(action.status)) refusedEvents = true
    return action
  }

  let during: Values | undefined
  isOn = kind === 'create'
  await subject.start(fault)
  if (kind !== 'create') {
    await subject.waitUntilWell(undefined)
    isOn = true
    if (kind === 'watch' || kind === 'list') proxy.resetWatches()
    else if (kind !== 'lease') during = await subject.rotate()
  }
  await waitFor(
    `a call of the kind ${kind}`,
    () => met.length,
    (count) => count > 0,
  )
  expire = false
  const from = performance.now()
  if (kind === 'watch' || kind === 'list' || kind === 'lease') await subject.rotate()
  await sleep(windowMs[kind] / 2)
  // Its values must never arrive, however things are delayed.
  if (kind !== 'event') await subject.spoil()
  await sleep(windowMs[kind] / 2)
  await Promise.all(pending)
  // What comes right afterwards does so by itself: nothing happens any more that could be a reason to look again.
  const values = await subject.rotate()
  await sleep(settleMs)
  isOn = false
  const to = performance.now()
  const hits = met.filter(({ at }) => at <= to)
  await subject.waitUntilWell(values)
  const recoveredMs = performance.now() - to
  const problems = await subject.violations()
  if (kind === 'event' && during !== undefined && !isRefused()) {
    await waitFor(
      'the Events of what happened while they could not be written',
      () => kube.list('events', subject.namespace),
      (events) => events.filter(({ reason }) => reason === 'CredentialsInForce').length >= 3,
    )
  }
  const repeats = new Map<string, number>()
  for (const call of hits) repeats.set(targetOf(call), (repeats.get(targetOf(call)) ?? 0) + 1)
  const repeated = Math.max(0, ...repeats.values())
  if (repeated > mostRepeats) problems.push(`the same call came ${String(repeated)} times while the fault was on`)
  problems.push(...subject.noise(mostLines))
  return {
    fault: fault.name,
    kind,
    calls: hits.length,
    repeated,
    lastedMs: to - from,
    recoveredMs,
    restarts: subject.restarts,
    problems,
  }
}

/** Runs all, so many at a time, in the order given. */
export async function runAll<T, R>(
  jobs: readonly T[],
  concurrency: number,
  run: (job: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = []
  let next = 0
  const work = async (): Promise<void> => {
    for (let index = next++; index < jobs.length; index = next++) results[index] = await run(jobs[index] as T, index)
  }
  await Promise.all(Array.from({ length: concurrency }, work))
  return results
}

/** Runs the whole table. What went wrong is told, and ends nothing. */
export async function runTable(
  kube: Kube,
  concurrency: number,
  log: (line: string) => void,
): Promise<{ outcomes: Outcome[]; failures: string[] }> {
  const jobs = faults.flatMap((fault) =>
    kindNames.filter((kind) => whyNot(fault, kind) === undefined).map((kind) => ({ fault, kind })),
  )
  const outcomes: Outcome[] = []
  const failures: string[] = []
  await runAll(jobs, concurrency, async ({ fault, kind }) => {
    const name = `${fault.name}, ${kind}`
    try {
      const outcome = await runCombination(kube, fault, kind)
      outcomes.push(outcome)
      failures.push(...outcome.problems.map((problem) => `${name}: ${problem}`))
      const { calls, repeated, lastedMs, recoveredMs, restarts } = outcome
      log(
        `${name}: ${calls} calls (the same ${repeated} times) in ${(lastedMs / 1000).toFixed(1)} s, well ${(recoveredMs / 1000).toFixed(1)} s later${restarts === 0 ? '' : `, ${restarts} restarts`}`,
      )
    } catch (error) {
      failures.push(`${name}: ${error instanceof Error ? error.message : 'failed'}`)
    }
  })
  return { outcomes, failures }
}
