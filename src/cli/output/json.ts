/** For programs. The form is documented in docs/cli.md; fields may be added, and none is taken away or changed. */
import type { Report } from '../report.ts'
import { countLevels, exitCodeOf } from '../report.ts'

export function renderJson(report: Report, strict: boolean): string {
  const { files, secrets, resources, findings, failures } = report
  const result = {
    formatVersion: 1,
    exitCode: exitCodeOf(report, strict),
    summary: { files, resources: resources.length, secrets, ...countLevels(findings), failures: failures.length },
    resources,
    findings,
    failures,
  }
  return `${JSON.stringify(result, null, 2)}\n`
}
