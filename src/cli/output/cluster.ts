/** For people: what `plan` and `why` have found. */
import type { PlannedAction, PlannedConsumer } from '../cluster/plan.ts'
import type { PlannedResource, PlanReport } from '../cluster/plan-command.ts'
import { describeDenial } from '../cluster/reader.ts'
import type { Denial } from '../cluster/reader.ts'
import type { Holder } from '../cluster/why.ts'
import type { WhyReport } from '../cluster/why-command.ts'
import { columnsOf, counted, paint, wrap } from './human.ts'

export interface ClusterTextOptions {
  readonly colours: boolean
  /** Lines are broken there; undefined: never. */
  readonly columns: number | undefined
}

type Style = Parameters<typeof paint>[0]

const words: Readonly<Record<PlannedAction, readonly [text: string, style: Style]>> = {
  Restart: ['restarts', 'yellow'],
  Stamp: ['is stamped', 'yellow'],
  Keep: ['stays', 'dim'],
  Wait: ['is awaited', 'cyan'],
  Refuse: ['is refused', 'red'],
  Withdraw: ['is let go', 'cyan'],
  Unknown: ['unknown', 'red'],
}

const results: Readonly<Record<PlannedResource['result'], readonly [text: string, style: Style]>> = {
  Accepted: ['would come into force', 'green'],
  Refused: ['would be refused', 'red'],
  Unknown: ['cannot be said', 'red'],
}

export function renderPlan({ resources, failures }: PlanReport, options: ClusterTextOptions): string {
  const { colours } = options
  const blocks = failures.map(
    ({ file, message }) =>
      `${paint('bold', file, colours)} ${paint('red', 'cannot be used', colours)}\n${indented(message, options)}`,
  )
  blocks.push(...resources.map((resource) => planBlock(resource, options)))
  const consumers = resources.flatMap((resource) => resource.consumers)
  const restarts = consumers.filter(({ action }) => action === 'Restart').length
  const refused = resources.filter(({ result }) => result === 'Refused').length
  const summary = `${counted(resources.length, 'TracardiResource')}, ${String(refused)} refused. ${counted(restarts, 'restart')} of ${counted(consumers.length, 'workload')}. Nothing was changed.`
  return `${[...blocks, paint(refused > 0 ? 'red' : 'green', summary, colours)].join('\n\n')}\n`
}

function planBlock(resource: PlannedResource, options: ClusterTextOptions): string {
  const { colours } = options
  const { namespace, name, isNew, result, reason, message, credentialsId, target, consumers } = resource
  const [text, style] = results[result]
  const head = `${paint('bold', `${namespace}/${name}`, colours)} ${isNew ? '(new)' : '(there already)'}: ${paint(style, text, colours)}, ${reason}`
  const verb = { Create: 'is created', Update: 'gets new contents', Keep: 'stays as it is' }
  const targetLine =
    target === undefined
      ? []
      : [
          `The Secret ${target.name} ${verb[target.action]}${credentialsId === undefined ? '' : `; ${credentialsId} is in force then`}.`,
        ]
  return [
    head,
    indented(message, options),
    ...targetLine.map((line) => indented(line, options)),
    ...(consumers.length === 0 ? [] : [table(consumers.map((consumer) => planRow(consumer, colours)))]),
    ...denialLines(resource.denials, options),
    ...resource.authorLacks.map((denial) =>
      indented(
        `Where the chart's admission policies are installed, the API server refuses the resource from you: you may not ${describeDenial(denial)}.`,
        options,
      ),
    ),
  ].join('\n')
}

function planRow({ kind, name, action, why }: PlannedConsumer, colours: boolean): string[] {
  const [text, style] = words[action]
  return [`${kind} ${name ?? '(by selector)'}`, paint(style, text, colours), why]
}

export function renderWhy(why: WhyReport, options: ClusterTextOptions): string {
  const { colours } = options
  const { namespace, name, isReady, reason, message, since, inForce, consumers, summary, next, events } = why
  const state = isReady ? paint('green', 'ready', colours) : paint('red', 'not ready', colours)
  const heading = (text: string): string => paint('bold', text, colours)
  const holders = consumers.map((consumer) => holderRow(consumer, colours))
  const sections: (readonly [title: string, body: string])[] = [
    [
      'In force',
      indented(
        inForce === undefined
          ? 'Nothing.'
          : `${inForce.credentialsId}${inForce.since === undefined ? '' : ` since ${inForce.since}`}, in the Secret ${inForce.target ?? ''}.`,
        options,
      ),
    ],
    [
      `Consumers${summary === undefined ? '' : ` (${summary} have it)`}`,
      holders.length === 0 ? indented('None that can be seen.', options) : table(holders),
    ],
    ['Next', indented(next, options)],
    ...(events.length === 0
      ? []
      : [['Events', table(events.map(({ at = '', ...event }) => [at, event.reason, event.note]))] as const]),
  ]
  return `${[
    `${heading(`${namespace}/${name}`)}: ${state}${reason === undefined ? '' : `, ${reason}${since === undefined ? '' : ` since ${since}`}`}`,
    ...(message === undefined ? [] : [indented(message, options)]),
    ...sections.map(([title, body]) => `\n${heading(title)}\n${body}`),
    ...denialLines(why.denials, options),
  ].join('\n')}\n`
}

function holderRow({ kind, name, stamp, state, reason, message }: Holder, colours: boolean): string[] {
  const style: Style = state === 'Updated' ? 'green' : state === 'Missing' ? 'cyan' : 'yellow'
  return [`${kind} ${name}`, stamp ?? 'no stamp', paint(style, reason, colours), message]
}

function denialLines(denials: readonly Denial[], options: ClusterTextOptions): string[] {
  return denials.map((denial) => indented(`Not seen, for you may not ${describeDenial(denial)}.`, options))
}

function table(rows: readonly (readonly string[])[]): string {
  return columnsOf(rows)
    .split('\n')
    .map((line) => `    ${line}`.trimEnd())
    .join('\n')
}

function indented(text: string, { columns }: ClusterTextOptions): string {
  return wrap(text, columns === undefined ? Infinity : Math.max(40, columns), '    ')
}
