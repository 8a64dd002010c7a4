/** docs/git.md: what a run of the matrix has shown. */
import { join } from 'node:path'
import { table } from '../support/markdown.ts'
import { modes, steps, tools } from './matrix.ts'
import type { Mode, Outcome } from './matrix.ts'

export const reportFile = join(import.meta.dirname, '..', '..', 'docs', 'git.md')
export const command = 'node test/git/main.ts --write-docs'

const headings: Readonly<Record<Mode, string>> = {
  none: '## Without injection',
  Policy: '## Injected by policies',
  Patch: '## Injected by patch',
}

const abouts: Readonly<Record<Mode, string>> = {
  none: 'The manifest names the target Secret itself; the operator changes the stamp alone.',
  Policy:
    'The API server injects into the pods, and keeps the stamp as it is whoever writes. The template of the workload never has what is injected.',
  Patch:
    'The operator puts variables, volume and mounts into the template, in one patch with the stamp. What the table says holds for all of them together. A container that is renamed takes along what was in it, and `kubectl replace` and `kubectl rollout undo` bring a template without it: only the operator can put that back, one rollout later.',
}

/** The whole page. */
export function report(outcomes: readonly Outcome[], versions: string): string {
  return `${[
    '# What Git does to a stamp, and to what is injected',
    `Written by \`${command}\`. Do not edit.`,
    `The stamp is a label of the pod template that no manifest has, and what is [injected](injection.md) is in none either. Real tools that own a manifest change it, on a real control plane, while credentials are in force; then they go back to what it was (\`helm rollback\`, or the old manifest again). What was seen:`,
    ...modes.flatMap((mode) => [headings[mode], abouts[mode], modeTable(outcomes, mode)]),
    '## What the words mean',
    `**kept**: it was never away, the operator did nothing, and nothing was rolled but by the change itself. **put back**: the tool took it out or changed it, and the operator put it back with one patch; the pods may be replaced without it and with it. **refused**: server-side apply found the operator as the owner of the label, and changed nothing. **stamped anew**: it is a new workload, which the operator patches. **right at once**: it is a new workload, right from its first pods on. Where there are two words, the second is for the way back.`,
    `In all cells the workload carries what is in force in the end, and where it is injected all its pods read that version and no other. \`kubectl diff\` of the manifest, asked as that tool would ask, is empty, so that nothing is out of sync; it was not asked while an old stamp stood in the manifest. An old stamp in a manifest, as in one that was exported from a cluster, is a mistake: take it out. ${versions}`,
  ].join('\n\n')}\n`
}

export function modeTable(outcomes: readonly Outcome[], mode: Mode): string {
  const ofMode = outcomes.filter((outcome) => outcome.mode === mode)
  const rows = steps.map(({ id, title }) => [title, ...tools.map((tool) => cell(ofMode, tool, id))])
  return table(['The manifest', ...tools.map((tool) => (tool.startsWith('kubectl') ? `\`${tool}\`` : tool))], rows)
}

function cell(outcomes: readonly Outcome[], tool: Outcome['tool'], step: string): string {
  const outcome = outcomes.find((one) => one.tool === tool && one.step === step)
  if (outcome === undefined) return ''
  return outcome.change === outcome.back ? outcome.change : `${outcome.change}, ${outcome.back}`
}
