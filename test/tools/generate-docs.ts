/** The parts of the documentation that are made from the source: they stand between two comments in files written by hand. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { FieldDefinition, ServiceDefinition, VariantDefinition } from '../../src/catalogue/definition.ts'
import { services } from '../../src/catalogue/services.ts'
import type { TracardiType } from '../../src/catalogue/tracardi-types.ts'
import { tracardiTypes } from '../../src/catalogue/tracardi-types.ts'
import { defaultTargetKeys } from '../../src/catalogue/target-keys.ts'
import { explainFinding } from '../../src/credentials/finding-pages.ts'
import type { FindingPage } from '../../src/credentials/finding-pages.ts'
import { findingCodes, waivableCodes } from '../../src/credentials/findings.ts'
import { settings, variableOf } from '../../src/settings.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'

const root = join(import.meta.dirname, '..', '..')

/** Files with the generated parts as the source has them now. Throws when a file lacks the comments of a part. */
export async function generatedDocs(): Promise<{ path: string; content: string }[]> {
  return [
    withParts('README.md', { services: serviceSummary() }),
    withParts('docs/settings.md', { settings: settingsTable() }),
    withParts('docs/metrics.md', { metrics: await metricsTable() }),
    withParts('docs/services.md', { services: serviceSections(), findings: findingList() }),
    ...findingPages(),
  ]
}

function withParts(path: string, parts: Readonly<Record<string, string>>): { path: string; content: string } {
  let content = readFileSync(join(root, path), 'utf8')
  for (const [name, part] of Object.entries(parts)) {
    const begin = `<!-- generated: ${name} -->`
    const end = `<!-- end of generated: ${name} -->`
    const from = content.indexOf(begin)
    const to = content.indexOf(end)
    if (from < 0 || to < from) throw new Error(`${path} has no "${begin}" followed by "${end}"`)
    content = `${content.slice(0, from)}${begin}\n\n${part}\n\n${content.slice(to)}`
  }
  return { path, content }
}

/** With padding, as Prettier leaves it. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = [head, ...rows].map((row) =>
    row.map((cell) => cell.replaceAll('|', '\\|').replaceAll('<', '&lt;').replaceAll('\n', ' ')),
  )
  const widths = head.map((_, column) => Math.max(3, ...cells.map((row) => row[column]?.length ?? 0)))
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`
  const [first = [], ...others] = cells
  return [line(first), line(widths.map((width) => '-'.repeat(width))), ...others.map(line)].join('\n')
}

function code(text: string): string {
  return `\`${text}\``
}

function codes(texts: readonly string[]): string {
  return texts.map(code).join(', ')
}

function sorted(): ServiceDefinition[] {
  return [...services.values()].sort((a, b) => a.id.localeCompare(b.id))
}

function serviceSummary(): string {
  return table(
    ['`service`', 'What', 'Sets of credentials'],
    sorted().map((service) => [
      `[${code(service.id)}](docs/services.md#${service.id})`,
      service.title,
      service.open === true
        ? 'any keys'
        : service.variants
            .filter(({ sameAs }) => sameAs === undefined)
            .map(({ required, keys }) =>
              codes(required.map((field) => keys?.[field]?.[0] ?? field)).replaceAll(', ', ' + '),
            )
            .filter((set, index, sets) => sets.indexOf(set) === index)
            .join(', '),
    ]),
  )
}

function settingsTable(): string {
  return table(
    ['Flag', 'Variable', 'Default', 'What it is'],
    Object.values(settings).map(({ flag, value, fallback, help, ...rest }) => [
      code(`--${flag}=${value}`),
      code(variableOf(flag)),
      'shownDefault' in rest ? rest.shownDefault : fallback === undefined ? '' : code(fallback),
      help,
    ]),
  )
}

async function metricsTable(): Promise<string> {
  const metrics = await createMetrics('').registry.getMetricsAsJSON()
  return table(
    ['Metric', 'Type', 'What it is'],
    metrics
      .map(({ name, type, help }) => [code(name), String(type), help])
      .sort(([a = ''], [b = '']) => a.localeCompare(b)),
  )
}

function serviceSections(): string {
  return sorted().map(serviceSection).join('\n\n')
}

function serviceSection(service: ServiceDefinition): string {
  const variants = service.variants.filter(({ sameAs }) => sameAs === undefined)
  const { docs, notConfirmed = [] } = service
  return [
    `## ${service.id}`,
    `${service.title}. ${service.description}`,
    `Where to get it: ${service.getCredential}${docs === undefined ? '' : ` See the [vendor's page](${docs}).`}`,
    ...(service.fields.length === 0 || service.open === true ? [] : setsAndFields(service, variants)),
    `In Tracardi: ${inTracardi(service)}`,
    ...(notConfirmed.length === 0 ? [] : [`Not confirmed: ${notConfirmed.join(' ')}`]),
  ].join('\n\n')
}

function setsAndFields(service: ServiceDefinition, variants: readonly VariantDefinition[]): string[] {
  return [
    'One of these sets of fields is needed:',
    table(
      ['Set', 'Needed', 'May be added', 'What it is'],
      variants.map(({ id, required, optional, description }) => [
        code(id),
        required.length === 0 ? 'nothing' : codes(required),
        optional.length === 0 ? 'nothing' : codes(optional),
        description,
      ]),
    ),
    'Fields:',
    table(
      ['Field', 'Secret', 'Also found as', 'Keys in the target', 'What is checked'],
      service.fields.map((field) => fieldRow(service, field)),
    ),
  ]
}

const editions: Readonly<Record<TracardiType['edition'], string>> = {
  oss: '',
  commercial: ' (commercial edition)',
  legacy: ' (older versions)',
  'plugin-only': ' (only plugins know it)',
}

function inTracardi({ tracardi }: ServiceDefinition): string {
  if ('none' in tracardi) return tracardi.none
  const named = tracardi.map(({ type, variants = [] }) => {
    const edition = editions[tracardiTypes.get(type)?.edition ?? 'oss']
    return `${code(type)}${edition}${variants.length === 0 ? '' : `, made of ${codes(variants)}`}`
  })
  return `the type ${named.join('; the type ')}.`
}

function fieldRow(service: ServiceDefinition, field: FieldDefinition): string[] {
  const others = [...new Set([...field.aliases, ...field.env])]
  return [
    code(field.name),
    field.secret ? 'yes' : 'no',
    others.length === 0 ? 'no other name' : codes(others),
    codes(defaultTargetKeys(service, field.name)),
    checkOf(service, field),
  ]
}

function checkOf(service: ServiceDefinition, field: FieldDefinition): string {
  const shapes = [
    ...(field.shape === undefined ? [] : [{ where: '', shape: field.shape }]),
    ...service.variants.flatMap(({ id, shapes: own }) => {
      const shape = own?.[field.name]
      return shape === undefined ? [] : [{ where: `in ${code(id)} `, shape }]
    }),
  ]
  if (shapes.length === 0) return 'no known form; common mistakes all the same'
  return shapes
    .map(({ where, shape }) => `${where}${shape.expected}${shape.confidence === 'guess' ? ' (else a warning)' : ''}`)
    .join('; ')
}

function findingList(): string {
  const waivable: ReadonlySet<string> = new Set(waivableCodes)
  return [
    'Every code has [a page](findings/README.md): what it means, how it comes about, how to mend it.',
    `Codes that \`waive\` can name: ${codes(waivableCodes)}.`,
    `Codes that it cannot, because a value is not there or a choice was not made: ${codes(findingCodes.filter((name) => !waivable.has(name)))}.`,
  ].join('\n\n')
}

const notice = '<!-- Generated from src/credentials/finding-pages.ts by `npm run generate`. Do not edit. -->'

/** A page for each code, and one that lists them. */
function findingPages(): { path: string; content: string }[] {
  const pages = findingCodes.map(explainFinding).filter((page) => page !== undefined)
  return [
    { path: 'docs/findings/README.md', content: findingIndex(pages) },
    ...pages.map((page) => ({ path: `docs/findings/${page.code}.md`, content: findingPage(page) })),
  ]
}

function findingIndex(pages: readonly FindingPage[]): string {
  const rows = (severity: FindingPage['severity']): string[][] =>
    pages
      .filter((page) => page.severity === severity)
      .map((page) => [`[${page.code}](${page.code}.md)`, page.meaning, page.waivable ? 'yes' : 'no'])
  return [
    '# Findings',
    notice,
    'Each finding has a code, which is the reason of the condition `CredentialsValid` and of an Event, a label of the metric `tracardi_operator_findings`, and what `spec.credentials.waive` names. No message holds a value or a piece of one.',
    '## Errors',
    'They keep credentials from coming into force. What was in force before stays so, and running pods are not affected. Where the form of a value is only guessed, the same code warns.',
    table(['Code', 'What it means', 'Can be waived'], rows('error')),
    '## Warnings',
    'They block nothing, and stand in the message of `CredentialsValid`.',
    table(['Code', 'What it means', 'Can be waived'], rows('warning')),
    '',
  ]
    .join('\n\n')
    .replace(/\n+$/, '\n')
}

function findingPage(page: FindingPage): string {
  const effect =
    page.severity === 'error'
      ? 'An error: the credentials do not come into force. What was in force before stays so.'
      : 'A warning: it blocks nothing.'
  const waiver = page.waivable
    ? `If the value is right all the same, list ${code(page.code)} under \`spec.credentials.waive\`.`
    : 'It cannot be waived.'
  return [
    `# ${page.code}`,
    notice,
    `\`\`\`text\n${page.message}\n\`\`\``,
    page.meaning,
    `${effect} ${waiver}`,
    '## How it comes about',
    page.causes,
    '## How to mend it',
    page.mend,
    `\`\`\`sh\n${page.commands.join('\n')}\n\`\`\``,
    'All codes: [findings](README.md).',
    '',
  ]
    .join('\n\n')
    .replace(/\n+$/, '\n')
}
