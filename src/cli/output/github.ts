/** Annotations of a GitHub Actions run: they show in the diff of a pull request. */
import type { Level, Report } from '../report.ts'
import { countLevels } from '../report.ts'
import { relativePath } from './paths.ts'
import { inputName } from '../read-files.ts'

const commands: Readonly<Record<Level, string>> = { error: 'error', warning: 'warning', note: 'notice' }

export function renderGithub(report: Report, workingDirectory: string): string {
  const lines = report.failures.map(({ file, line, column, message }) =>
    annotation('error', { ...place(file, workingDirectory), line, col: column, title: 'Cannot be read' }, message),
  )
  for (const { code, level, location, message } of report.findings) {
    const { file, line, column, endLine, endColumn } = location
    // GitHub shows columns only of what stands in one line.
    const end = endLine === line ? { endColumn } : { endLine }
    const properties = { ...place(file, workingDirectory), line, col: column, ...end, title: code }
    lines.push(annotation(commands[level], properties, message))
  }
  const { errors, warnings } = countLevels(report.findings)
  lines.push(`${report.resources.length} TracardiResources, ${errors} errors, ${warnings} warnings`)
  return `${lines.join('\n')}\n`
}

function place(file: string, workingDirectory: string): { file?: string } {
  return file === inputName ? {} : { file: relativePath(file, workingDirectory) }
}

function annotation(
  command: string,
  properties: Readonly<Record<string, string | number | undefined>>,
  message: string,
): string {
  const list = Object.entries(properties)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${escapeData(String(value)).replaceAll(':', '%3A').replaceAll(',', '%2C')}`)
  return `::${command} ${list.join(',')}::${escapeData(message)}`
}

function escapeData(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
}
