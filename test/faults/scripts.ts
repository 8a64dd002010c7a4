/** Random scripts of faults: several of them after one another, while credentials change. */
import fc from 'fast-check'
import { sleep, type Kube } from '../operator/support/kube.ts'
import { Subject, targetOf, type Values } from './operator.ts'
import { faults, kindNames, kinds, whyNot, type FaultRow, type Kind } from './table.ts'

interface Step {
  readonly fault: FaultRow
  readonly kind: Kind
  /** How long the fault is on, and how long all is well before the next one, in milliseconds. */
  readonly onMs: number
  readonly offMs: number
  readonly change: 'Rotate' | 'Spoil' | 'DeleteTarget' | 'CutWatches' | 'None'
}

export type Script = readonly Step[]

const pairs = faults
  // What only the next relist mends would need one in each script.
  .filter(({ resyncMs }) => resyncMs === undefined)
  .flatMap((fault) => kindNames.filter((kind) => whyNot(fault, kind) === undefined).map((kind) => ({ fault, kind })))

const script: fc.Arbitrary<Script> = fc.array(
  fc
    .record({
      pair: fc.constantFrom(...pairs),
      onMs: fc.integer({ min: 50, max: 1_200 }),
      offMs: fc.integer({ min: 0, max: 600 }),
      change: fc.constantFrom('Rotate', 'Rotate', 'Spoil', 'DeleteTarget', 'CutWatches', 'None'),
    })
    .map(({ pair, ...rest }) => ({ ...pair, ...rest })),
  { minLength: 2, maxLength: 5 },
)

/** The same seed gives the same scripts, whatever their number. */
export function makeScripts(seed: number, count: number): Script[] {
  return fc.sample(script, { seed, numRuns: count })
}

/** A line that tells the script. */
export function describeScript(steps: Script): string {
  return steps
    .map(
      ({ fault, kind, onMs, offMs, change }) => `${change} with "${fault.name}" of ${kind} for ${onMs} ms, +${offMs}`,
    )
    .join('; ')
}

export interface ScriptOutcome {
  readonly calls: number
  readonly recoveredMs: number
  readonly restarts: number
  readonly problems: readonly string[]
}

/** A message about one thing, at most so often in a script. */
const mostLines = 15

/** @param trace gets what the operator said, the calls that a fault met, and the changes */
export async function runScript(kube: Kube, steps: Script, trace: string[] = []): Promise<ScriptOutcome> {
  await using subject = await Subject.create(kube, { impatient: true, trace })
  const { proxy } = subject
  const note = (text: string): void => {
    trace.push(`${(performance.now() / 1000).toFixed(3)} ${text}`)
  }
  let current: Step | undefined
  let met = 0
  let pending: Promise<void>[] = []
  proxy.before = async (call) => {
    const step = current
    if (step === undefined || !kinds[step.kind](call)) return { kind: 'Forward' }
    met++
    note(`MET ${targetOf(call)}`)
    return step.fault.act({
      call,
      proxy,
      number: met,
      later: (ms, run) => {
        pending.push(sleep(ms).then(run))
      },
    })
  }
  await subject.start({ impatient: true })
  let values: Values | undefined
  for (const [index, step] of steps.entries()) {
    met = 0
    current = step
    // The last change is one that can be waited for.
    const isLast = index === steps.length - 1
    note(`${isLast ? 'Rotate' : step.change} with "${step.fault.name}" of ${step.kind}`)
    if (isLast) values = await subject.rotate()
    else await change(subject, step.change)
    await sleep(step.onMs)
    await Promise.all(pending)
    pending = []
    current = undefined
    note('the fault is over')
    if (!isLast) await sleep(step.offMs)
  }
  const offAt = performance.now()
  await subject.waitUntilWell(values)
  const recoveredMs = performance.now() - offAt
  const problems = [...(await subject.violations()), ...subject.noise(mostLines)]
  return { calls: proxy.calls.length, recoveredMs, restarts: subject.restarts, problems }
}

async function change(subject: Subject, what: Step['change']): Promise<void> {
  switch (what) {
    case 'Rotate':
      await subject.rotate()
      return
    case 'Spoil':
      await subject.spoil()
      return
    case 'DeleteTarget':
      await subject.kube.remove('secrets', subject.namespace, 'app-credentials')
      return
    case 'CutWatches':
      subject.proxy.resetWatches()
      return
    case 'None':
  }
}
