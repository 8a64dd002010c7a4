/** The figures of a run as a table for people. */
import type { KillsReport } from './run.ts'
import { steps, type Moment } from './steps.ts'

const moments: readonly Moment[] = ['Before', 'After', 'Late']

const cell = (text: string | number): string => String(text).padStart(9)

const row = (name: string, ...cells: (string | number)[]): string => `${name.padEnd(34)}${cells.map(cell).join('')}`

/** Whether the operator did what it promises, and the run saw all of it. */
export function isClean({ verdict }: KillsReport): boolean {
  return Object.values(verdict).every((list: readonly string[]) => list.length === 0)
}

export function table(report: KillsReport): string {
  const { seed, seconds, kills, missed, deeds, accepted, late, verdict } = report
  const total = Object.values(kills).reduce((sum, count) => sum + count, 0)
  const faults = [
    ['restarts lost', verdict.lost],
    ['restarts doubled', verdict.doubled],
    ['invalid credentials delivered', verdict.invalid],
    ['targets left behind', verdict.leftBehind],
    ['holes in this history', verdict.unseen],
  ] as const
  return [
    row('seed', seed),
    row('kills', total),
    row('  while it starts', kills['Starting'] ?? 0),
    row('  at a random moment of work', kills['Working'] ?? 0),
    row('  at a step: the call', 'lost', 'answer', 'late'),
    row('', '', 'lost'),
    ...steps.map(({ name, moments: own }) =>
      row(`    ${name}`, ...moments.map((moment) => (own.includes(moment) ? (kills[`${name} ${moment}`] ?? 0) : '-'))),
    ),
    ...(missed === 0 ? [] : [row('  of a step that did not come', missed)]),
    row('late writes', late.refused + late.landed),
    row('  refused', late.refused),
    row('  landed on what nobody had changed', late.landed),
    row('rotations', deeds.rotations),
    row('invalid contents written', deeds.invalid),
    row('targets edited by somebody', deeds.edits),
    row('targets deleted by somebody', deeds.deletions),
    row('resources deleted and made again', deeds.recreated),
    row('target writes', accepted.targets),
    row('workload patches', accepted.workloads),
    row('status patches', accepted.statuses),
    row('seconds', seconds),
    '',
    ...faults.map(([name, list]) => row(name, list.length)),
    ...faults.flatMap(([name, list]) => list.slice(0, 20).map((line) => `  ${name}: ${line}`)),
  ]
    .map((line) => line.trimEnd())
    .join('\n')
}
