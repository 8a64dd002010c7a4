/** What a run has shown: one table for the terminal, and docs/compatibility.md. */
import { join, relative } from 'node:path'
import { table } from '../support/markdown.ts'
import { deliveryTests, hasPolicies, isFor, servers } from './plan.ts'
import type { ServerResult } from './run.ts'

const root = join(import.meta.dirname, '..', '..')
export const reportFile = join(root, 'docs', 'compatibility.md')
export const command = 'npm run test:matrix -- --write-docs'

const sum = ({ files }: ServerResult, what: 'passed' | 'failed' | 'skipped'): number =>
  files.reduce((all, file) => all + file[what], 0)

/** For the terminal. */
export function summary(results: readonly ServerResult[]): string {
  const head = [
    'Kubernetes',
    'injects by',
    'files',
    'passed',
    'failed',
    'skipped',
    'not for this server',
    'seconds',
    '',
  ]
  const rows = results.map((result) => [
    result.version,
    result.mode || 'unknown',
    String(result.files.length),
    ...(['passed', 'failed', 'skipped'] as const).map((what) => String(sum(result, what))),
    notFor(result.version).join(', ') || 'none',
    result.seconds.toFixed(0),
    result.problems.length === 0 ? 'ok' : 'FAILED',
  ])
  const problems = results.flatMap(({ version, problems: each }) => each.map((problem) => `${version}: ${problem}`))
  return [table(head, rows), ...problems].join('\n')
}

function notFor(version: string): string[] {
  return deliveryTests
    .filter((one) => !isFor(version, one))
    .map(({ file }) => relative('test/operator', file).replace('.test.ts', ''))
}

/** The rows: the same for every run in which nothing failed. */
export function compatibilityTable(): string {
  const versions = servers()
  const cell = (version: string, one: (typeof deliveryTests)[number]): string => (isFor(version, one) ? 'yes' : '–')
  return table(
    ['Kubernetes', ...versions],
    [
      ['credentials are injected by', ...versions.map((version) => (hasPolicies(version) ? 'policies' : 'patches'))],
      ...deliveryTests.map((one) => [
        `[${one.what}](../${one.file})`,
        ...versions.map((version) => cell(version, one)),
      ]),
    ],
  )
}

/**
 * The whole page.
 * @param results of a run in which nothing failed, on every server
 */
export function report(results: readonly ServerResult[]): string {
  const counts = results.map((result) => {
    const skipped = sum(result, 'skipped')
    return `${sum(result, 'passed')} tests on ${result.version}${skipped === 0 ? '' : ` (${skipped} skipped)`}`
  })
  return `${[
    '# Compatibility',
    `Written by \`${command}\`. Do not edit.`,
    'The tests of delivery ran on a real control plane of each of these versions, with the operator and the chart as they are. `npm test` runs all tests on the version that is the default of `npm run cluster`.',
    compatibilityTable(),
    '**yes**: all its tests passed. **–**: not for this server. MutatingAdmissionPolicies, with which the API server itself [injects](injection.md), are in Kubernetes from 1.36 on; on an older one the same arrives by patches of the pod template, which [differ in a few things](injection.md#by-patch). Without `inject` there is no difference.',
    `Older versions were not tried. The chart can be installed from 1.29 on, and its [policies about authors](security.md#who-may-write-a-tracardiresource) need 1.30. This run: ${counts.join(', ')}.`,
  ].join('\n\n')}\n`
}
