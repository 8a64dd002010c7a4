/** For people: what is wrong, where, and how to mend it. */
import { stripVTControlCharacters, styleText } from 'node:util'
import type { Level, ObjectName, Report, Reported } from '../report.ts'
import { countLevels } from '../report.ts'

type Style = Parameters<typeof styleText>[0]

export interface HumanOptions {
  readonly colours: boolean
  /** Lines are broken there; undefined: never. */
  readonly columns: number | undefined
  /** Also lists what is right. */
  readonly verbose: boolean
}

const levelStyles: Readonly<Record<Level, Style>> = { error: 'red', warning: 'yellow', note: 'cyan' }

export function paint(style: Style, text: string, colours: boolean): string {
  return colours ? styleText(style, text, { validateStream: false }) : text
}

export function renderHuman(report: Report, options: HumanOptions): string {
  const { colours, verbose } = options
  const blocks = report.failures.map(({ file, line, column, message }) => {
    const where = [file, ...(line === undefined ? [] : [line, column ?? 1])].join(':')
    return `${paint('bold', where, colours)} ${paint('red', 'cannot be read', colours)}\n${indent(message, options)}`
  })
  blocks.push(...report.findings.map((finding) => block(finding, options)))
  const right = verbose ? report.resources.filter(({ result }) => result !== 'invalid') : []
  const lines = right.map(({ name, namespace, service, variant, result }) => {
    const object = nameOf({ kind: '', name, ...(namespace === undefined ? {} : { namespace }) })
    const said = result === 'valid' ? paint('green', 'valid', colours) : paint('cyan', 'not checked', colours)
    return `${said} ${object} (${service}${variant === undefined ? '' : `, ${variant}`})`
  })
  return [...blocks, ...(lines.length > 0 ? [lines.join('\n')] : []), summary(report, colours)].join('\n\n')
}

function block(finding: Reported, options: HumanOptions): string {
  const { level, code, location, object, message } = finding
  const { colours } = options
  const head = [
    paint('bold', `${location.file}:${location.line}:${location.column}`, colours),
    paint(levelStyles[level], level, colours),
    paint('bold', code, colours),
    paint(
      'dim',
      `${object.kind} ${nameOf(object)}${location.source === undefined ? '' : `, from ${location.source}`}`,
      colours,
    ),
  ].join(' ')
  return `${head}\n${indent(message, options)}`
}

export function nameOf({ name, namespace }: ObjectName): string {
  const shown = name === '' ? '(without a name)' : name
  return namespace === undefined ? shown : `${namespace}/${shown}`
}

function indent(text: string, { columns }: HumanOptions): string {
  return wrap(text, columns === undefined ? Infinity : Math.max(40, columns), '    ')
}

/** Breaks between words; commands are left whole, so that they can be copied. */
export function wrap(text: string, columns: number, margin: string): string {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(/ (?![^']*'(?:[^']*'[^']*')*[^']*$)/)) {
    if (line !== '' && margin.length + line.length + 1 + word.length > columns) {
      lines.push(line)
      line = word
    } else {
      line = line === '' ? word : `${line} ${word}`
    }
  }
  lines.push(line)
  return lines.map((part) => `${margin}${part}`).join('\n')
}

export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`
}

function summary(report: Report, colours: boolean): string {
  const { resources, findings, failures } = report
  const { errors, warnings } = countLevels(findings)
  const of = (result: 'valid' | 'invalid' | 'unchecked'): number =>
    resources.filter((one) => one.result === result).length
  const parts = [
    `${of('valid')} valid`,
    ...(of('invalid') > 0 ? [`${of('invalid')} invalid`] : []),
    ...(of('unchecked') > 0 ? [`${of('unchecked')} not checked for want of a Secret`] : []),
  ]
  const style: Style = failures.length + errors > 0 ? 'red' : warnings > 0 ? 'yellow' : 'green'
  const head =
    resources.length === 0
      ? `No TracardiResource in ${counted(report.files, 'file')}.`
      : `${counted(resources.length, 'TracardiResource')} in ${counted(report.files, 'file')}: ${parts.join(', ')}.`
  const counts = `${counted(errors, 'error')}, ${counted(warnings, 'warning')}.`
  const unread =
    failures.length === 0
      ? ''
      : ` ${counted(failures.length, 'file or document', 'files or documents')} could not be read.`
  const [first] = findings.filter(({ level }) => level !== 'note')
  const more = first === undefined ? '' : `\nMore about a code: tracardi-operator explain ${first.code}`
  return `${paint(style, `${head} ${counts}${unread}`, colours)}${paint('dim', more, colours)}\n`
}

/** Columns of a table, padded; the first line is its head. */
export function columnsOf(rows: readonly (readonly string[])[], gap = 2): string {
  const width = (text: string): number => stripVTControlCharacters(text).length
  const widths: number[] = []
  for (const row of rows)
    for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, width(cell))
  return rows
    .map((row) =>
      row
        .map((cell, index) =>
          index === row.length - 1 ? cell : cell + ' '.repeat((widths[index] ?? 0) - width(cell) + gap),
        )
        .join(''),
    )
    .join('\n')
}
