/** docs/git.md: what a run of the matrix has shown. */
import { join } from 'node:path'
import { table } from '../support/markdown.ts'
import { steps, tools } from './matrix.ts'
import type { Outcome } from './matrix.ts'

export const reportFile = join(import.meta.dirname, '..', '..', 'docs', 'git.md')
export const command = 'node test/git/main.ts --write-docs'

/** The whole page. */
export function report(outcomes: readonly Outcome[], versions: string): string {
  const rows = steps.map(({ id, title }) => [title, ...tools.map((tool) => cell(outcomes, tool, id))])
  return `${[
    '# What Git does to a stamp',
    `Written by \`${command}\`. Do not edit.`,
    `The stamp is a label of the pod template that no manifest has. Real tools that own a manifest change it, on a real control plane, while credentials are in force; then they go back to what it was (\`helm rollback\`, or the old manifest again). What was seen:`,
    table(['The manifest', ...tools.map((tool) => (tool.startsWith('kubectl') ? `\`${tool}\`` : tool))], rows),
    `**kept**: the stamp was never away, the operator did nothing, and nothing was rolled but by the change itself. **put back**: the tool took the stamp out or changed it, and the operator put it back with one patch; the pods may be replaced without it and with it. **refused**: server-side apply found the operator as the owner of the label, and changed nothing. **stamped anew**: it is a new workload. Where there are two words, the second is for the way back.`,
    `In all cells the workload carries what is in force in the end. \`kubectl diff\` of the manifest, asked as that tool would ask, is empty, so that nothing is out of sync; it was not asked while an old stamp stood in the manifest. An old stamp in a manifest, as in one that was exported from a cluster, is a mistake: take it out.${versions === '' ? '' : ` ${versions}`}`,
  ].join('\n\n')}\n`
}

/** The table in a page: what does not depend on versions. */
export function tableOf(text: string): string[] {
  return text.split('\n').filter((line) => line.startsWith('|'))
}

function cell(outcomes: readonly Outcome[], tool: Outcome['tool'], step: string): string {
  const outcome = outcomes.find((one) => one.tool === tool && one.step === step)
  if (outcome === undefined) return ''
  return outcome.change === outcome.back ? outcome.change : `${outcome.change}, ${outcome.back}`
}
