/** docs/faults.md: what a run of the table has shown. */
import { join } from 'node:path'
import { table } from '../support/markdown.ts'
import type { Outcome } from './combination.ts'
import { faults, kindNames, whyNot } from './table.ts'

export const reportFile = join(import.meta.dirname, '..', '..', 'docs', 'faults.md')
export const command = 'node test/faults/main.ts --write-docs'

const none = '–'

export function report(outcomes: readonly Outcome[], about: string): string {
  const cells = new Map(outcomes.map((outcome) => [`${outcome.fault}/${outcome.kind}`, cell(outcome)]))
  const rows = faults.map((fault) => [
    fault.name,
    ...kindNames.map((kind) => cells.get(`${fault.name}/${kind}`) ?? none),
  ])
  const reasons = faults.flatMap((fault) => {
    const kinds = kindNames.filter((kind) => whyNot(fault, kind) !== undefined)
    return kinds[0] === undefined ? [] : [[fault.name, kinds.join(', '), whyNot(fault, kinds[0]) ?? '']]
  })
  return (
    [
      '# What faults do to the operator',
      `Written by \`${command}\`. Do not edit.`,
      `Every kind of call to the API server meets every fault, on a real control plane behind a proxy that makes the faults (\`test/faults\`). In each combination the fault is on for two seconds (4.5 for the Lease) while credentials are rotated, spoiled and rotated again; then it is off, and nothing else happens. It is a failure when the newest credentials are not with the workload and in the status within a minute; when invalid ones, or a stamp of what is not in force, were ever written; when pods were replaced twice; when the same call came more than 25 times meanwhile; when a message about one thing stands in the log more than six times; when a promise was rejected and nobody knew.`,
      `A cell says how many calls of the kind came while the fault was on, of all objects together, and how long after its end everything was right. Reflectors list and watch six kinds of objects in the namespace, and pause 0.8 to 1.6 s after a failure, twice as long after each further one, at most 30 to 60 s; reconciles pause 5 ms, twice as long after each further failure, at most 5 minutes; Retry-After is obeyed. ${about}`,
      table(['Fault', ...kindNames], rows),
      'The kinds of calls: **get** reads a Secret, **create** makes a target, **patch** changes a target or a workload, **status** writes that of a TracardiResource, **event** tells an Event, **lease** renews the leadership. Where "half-open" or "slow trickle" stands, the operator ran with deadlines of 1 s for calls and 2.5 s for silent watches, which are 10 s and 150 s.',
      'Combinations that do not exist:',
      table(['Fault', 'Not with', 'Because'], reasons),
      'An Event that was refused with 403 or 422 is not sent again, and 409 means that it is there.',
      '',
    ]
      .join('\n\n')
      .trimEnd() + '\n'
  )
}

/** The rows and columns of the table in a report, and which cells are empty: what does not change from run to run. */
export function shapeOf(text: string): string[] {
  const lines = text.split('\n').filter((line) => line.startsWith('|'))
  return lines
    .slice(0, faults.length + 2)
    .filter((line) => !line.startsWith('| --'))
    .map((line) =>
      line
        .split('|')
        .map((part) => part.trim().replaceAll(/^\d+ calls?, \d+\.\d s$/g, '#'))
        .join('|'),
    )
}

function cell({ calls, recoveredMs }: Outcome): string {
  return `${String(calls)} call${calls === 1 ? '' : 's'}, ${(recoveredMs / 1000).toFixed(1)} s`
}
