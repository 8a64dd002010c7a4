// Figures into a table that people read. Everything here is pure.
import type { Calls } from './audit-log.ts'

export interface Figures {
  /** Milliseconds from just before the write of a Secret is sent to the event that shows the patched Deployment. */
  fromSent: number[]
  /** The same from the answer to that write. */
  fromAnswer: number[]
  /** Milliseconds from just before the first write to the event that shows the last patched Deployment, a burst each. */
  bursts: number[]
  /** All calls of the single rotations, trailing ones included. */
  rotationCalls: Calls
  /** Of one rotation right after the rest. */
  rotationAfterRestCalls: Calls
  restCalls: Calls
}

export interface Machine {
  cores: number
  cpu: string
  node: string
  kubernetes: string
  /** Load average of the minute before the run: much of it, and the figures are those of other programs as well. */
  loadBefore: number
}

export interface Shape {
  resources: number
  rotations: number
  burst: number
  rounds: number
  restSeconds: number
}

export interface Report {
  shape: Shape
  bareClient: Figures
  operator: Figures
}

export interface Comparison {
  name: string
  unit: 'ms' | 's'
  bareClient: number
  operator: number
  ratio: number
  /** The ratio that the operator should not exceed; without one the row is only there to read. */
  aim?: number
}

const aim = 2

/** Nearest rank: a value that was measured, never one between two. NaN without values. */
export const percentile = (values: readonly number[], percent: number): number => {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? Number.NaN
}

export const compare = ({ bareClient, operator, shape }: Report): Comparison[] => {
  const row = (name: string, unit: 'ms' | 's', pick: (figures: Figures) => number, rowAim?: number): Comparison => ({
    name,
    unit,
    bareClient: pick(bareClient),
    operator: pick(operator),
    ratio: pick(operator) / pick(bareClient),
    ...(rowAim === undefined ? {} : { aim: rowAim }),
  })
  const seconds = (figures: Figures) => percentile(figures.bursts, 50) / 1000
  return [
    row('Secret write sent → Deployment patched, p50', 'ms', ({ fromSent }) => percentile(fromSent, 50), aim),
    row('Secret write sent → Deployment patched, p99', 'ms', ({ fromSent }) => percentile(fromSent, 99), aim),
    row('Secret write answered → Deployment patched, p50', 'ms', ({ fromAnswer }) => percentile(fromAnswer, 50)),
    row('Secret write answered → Deployment patched, p99', 'ms', ({ fromAnswer }) => percentile(fromAnswer, 99)),
    row(`${shape.burst} rotations at once → last Deployment, median`, 's', seconds, aim),
  ]
}

const cell = (text: string): string => text.padStart(12)

export const line = (name: string, ...cells: string[]): string =>
  `${name.padEnd(52)}${cells.map(cell).join('')}`.trimEnd()

/** Two cells: the aim, and whether it was met. */
export const verdict = (value: number, limit: number, text: string): string[] => [
  `<= ${text}`,
  value <= limit ? 'met' : 'MISSED',
]

const count = (calls: Calls, key: string, divisor: number): string => {
  const value = (calls[key] ?? 0) / divisor
  return value === 0 ? '-' : Number.isInteger(value) ? String(value) : value.toFixed(2)
}

export const callTable = (title: string, bare: Calls, ours: Calls, divisor = 1): string[] => {
  const keys = [...new Set([...Object.keys(bare), ...Object.keys(ours)])].sort()
  const rows = keys.map((key) => line(`  ${key}`, count(bare, key, divisor), count(ours, key, divisor)))
  return [line(title, 'bare client', 'operator'), ...(rows.length === 0 ? [line('  none', '-', '-')] : rows)]
}

/** A rotation with one consumer, as the design promises it (§8.4). */
const rotationPromise =
  '  aim: one read of each Secret, one write of the target, one patch of the consumer, two of the status at most, Events, no list'

export const machineLine = ({ cores, cpu, node, kubernetes, loadBefore }: Machine): string =>
  `${cores} cores (${cpu}), Node.js ${node}, Kubernetes ${kubernetes}, load before ${loadBefore.toFixed(1)}`

export const comparisonRow = (row: Comparison): string =>
  line(
    row.name,
    `${row.bareClient.toFixed(row.unit === 's' ? 2 : 1)} ${row.unit}`,
    `${row.operator.toFixed(row.unit === 's' ? 2 : 1)} ${row.unit}`,
    `${row.ratio.toFixed(2)}x`,
    ...(row.aim === undefined ? [] : verdict(row.ratio, row.aim, `${row.aim.toFixed(1)}x`)),
  )

export const rotationsTable = (report: Report): string => {
  const { shape, bareClient, operator } = report
  return [
    `Rotations: ${shape.resources} resources, ${bareClient.fromSent.length} single rotations and ${bareClient.bursts.length} bursts of ${shape.burst} each, in ${shape.rounds} round(s)`,
    '',
    line('', 'bare client', 'operator', 'ratio', 'aim'),
    ...compare(report).map(comparisonRow),
    '',
    ...callTable(
      `Calls of one rotation, mean of ${shape.rotations}`,
      bareClient.rotationCalls,
      operator.rotationCalls,
      shape.rotations,
    ),
    rotationPromise,
    '',
    ...callTable(
      `Calls of one rotation after ${shape.restSeconds} s at rest`,
      bareClient.rotationAfterRestCalls,
      operator.rotationAfterRestCalls,
    ),
    '',
    ...callTable(`Calls in ${shape.restSeconds} s at rest`, bareClient.restCalls, operator.restCalls),
    '  aim: none but those of the Lease',
  ].join('\n')
}
