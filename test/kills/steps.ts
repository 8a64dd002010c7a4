/** The steps of the pipeline at which the operator is killed, as calls that pass the proxy; and the plan of a run. */
import type { ProxiedCall } from '../faults/proxy.ts'
import type { Chance } from './random.ts'

export interface Step {
  readonly name: string
  readonly matches: (call: ProxiedCall) => boolean
  /** It comes with each start, whatever happens. */
  readonly atStart: boolean
  /** It needs an operator that asks for the Lease. */
  readonly leads: boolean
  readonly moments: readonly Moment[]
}

/**
 * `Before`: the call is on its way and never arrives. `After`: it was carried out, and its answer never arrives. `Late`:
 * it arrives when the next process has been at work already.
 */
export type Moment = 'Before' | 'After' | 'Late'

const workloads: ReadonlySet<string> = new Set(['deployments', 'statefulsets'])

function step(
  name: string,
  matches: (call: ProxiedCall) => boolean,
  options: { atStart?: boolean; leads?: boolean; late?: boolean } = {},
): Step {
  const { atStart = false, leads = false, late = false } = options
  return { name, matches, atStart, leads, moments: ['Before', 'After', ...(late ? (['Late'] as const) : [])] }
}

export const steps: readonly Step[] = [
  step('list', ({ verb }) => verb === 'list', { atStart: true }),
  step('watch', ({ verb }) => verb === 'watch', { atStart: true }),
  step('Secret get', ({ verb, resource }) => verb === 'get' && resource === 'secrets'),
  step('target create', ({ verb, resource }) => verb === 'create' && resource === 'secrets', { late: true }),
  step('target patch', ({ verb, resource }) => verb === 'patch' && resource === 'secrets', { late: true }),
  step('workload patch', ({ verb, resource }) => verb === 'patch' && workloads.has(resource), { late: true }),
  step('status patch', ({ verb, resource }) => verb === 'patch' && resource === 'tracardiresources/status', {
    late: true,
  }),
  step('Event', ({ verb, resource }) => verb === 'create' && resource === 'events'),
  step('Lease create', ({ verb, resource }) => verb === 'create' && resource === 'leases', {
    atStart: true,
    leads: true,
  }),
  step('Lease renew', ({ verb, resource }) => verb === 'update' && resource === 'leases', {
    atStart: true,
    leads: true,
  }),
]

/** When one process is killed. */
export type Kill =
  | { readonly kind: 'Step'; readonly step: Step; readonly moment: Moment }
  /** At this part of the time that a start takes. */
  | { readonly kind: 'Starting'; readonly part: number }
  /** So long after a change, in milliseconds. */
  | { readonly kind: 'Working'; readonly delayMs: number }

/** The longest time after a change at which a kill at random falls: by then a rotation is through. */
const longestDelayMs = 250

/** Three of five kills are at a step, each moment of each step in turn; the others at random moments. Shuffled. */
export function planKills(count: number, chance: Chance): Kill[] {
  const points = steps.flatMap((own) => own.moments.map((moment): Kill => ({ kind: 'Step', step: own, moment })))
  const atSteps = Math.round(count * 0.6)
  const kills: Kill[] = []
  while (kills.length < atSteps) kills.push(...chance.shuffled(points).slice(0, atSteps - kills.length))
  while (kills.length < count) {
    kills.push(
      chance.once(0.4)
        ? { kind: 'Starting', part: chance.next() }
        : { kind: 'Working', delayMs: Math.floor(chance.next() * longestDelayMs) },
    )
  }
  return chance.shuffled(kills)
}
