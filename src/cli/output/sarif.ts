/** SARIF 2.1.0, for code scanning of GitHub and others. */
import { inputName } from '../read-files.ts'
import type { Location, Report, Reported } from '../report.ts'
import { pageOf } from '../pages.ts'
import { relativePath } from './paths.ts'
import { nameOf } from './human.ts'

export const sarifSchema = 'https://json.schemastore.org/sarif-2.1.0.json'

export function renderSarif(report: Report, version: string, workingDirectory: string): string {
  const codes = [...new Set(report.findings.map(({ code }) => code))].sort()
  const log = {
    $schema: sarifSchema,
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'tracardi-operator',
            semanticVersion: version,
            rules: codes.map(ruleOf),
          },
        },
        columnKind: 'utf16CodeUnits',
        invocations: [
          {
            executionSuccessful: report.failures.length === 0,
            toolExecutionNotifications: report.failures.map(({ file, line, column, message }) => ({
              level: 'error',
              message: { text: message },
              locations: [
                {
                  physicalLocation: {
                    artifactLocation: artifactOf(file, workingDirectory),
                    ...(line === undefined ? {} : { region: { startLine: line, startColumn: column ?? 1 } }),
                  },
                },
              ],
            })),
          },
        ],
        results: report.findings.map((finding) => resultOf(finding, codes, workingDirectory)),
      },
    ],
  }
  return `${JSON.stringify(log, null, 2)}\n`
}

function ruleOf(code: Reported['code']): object {
  const page = pageOf(code)
  return {
    id: code,
    ...(page === undefined
      ? {}
      : {
          shortDescription: { text: firstSentence(page.meaning) },
          fullDescription: { text: page.meaning },
          help: { text: [page.mend, ...page.commands].join('\n') },
          defaultConfiguration: { level: page.severity },
        }),
  }
}

function firstSentence(text: string): string {
  return text.split(/(?<=\.) /)[0] ?? text
}

function resultOf(finding: Reported, codes: readonly string[], workingDirectory: string): object {
  const { code, level, waived, message, location, object, key } = finding
  return {
    ruleId: code,
    ruleIndex: codes.indexOf(code),
    level,
    message: { text: message },
    locations: [
      {
        physicalLocation: { artifactLocation: artifactOf(location.file, workingDirectory), region: regionOf(location) },
        logicalLocations: [
          { kind: 'object', name: object.name, fullyQualifiedName: `${object.kind} ${nameOf(object)}` },
        ],
      },
    ],
    // The same finding keeps its identity when lines move.
    partialFingerprints: {
      'finding/v1': [code, object.kind, nameOf(object), finding.secret ?? '', key ?? ''].join('|'),
    },
    ...(waived ? { suppressions: [{ kind: 'inSource', justification: 'spec.credentials.waive' }] } : {}),
  }
}

function regionOf({ line, column, endLine, endColumn }: Location): object {
  return { startLine: line, startColumn: column, endLine, endColumn }
}

function artifactOf(file: string, workingDirectory: string): object {
  if (file === inputName) return { uri: 'stdin' }
  const path = relativePath(file, workingDirectory)
  const uri = path.split('/').map(encodeURIComponent).join('/')
  return path.startsWith('/') || path.startsWith('..') ? { uri } : { uri, uriBaseId: '%SRCROOT%' }
}
