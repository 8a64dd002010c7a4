/** What kubectl and Helm do to a workload, in one mode: nothing is lost, nothing is rolled without need. */
import { readFile } from 'node:fs/promises'
import { expect } from 'vitest'
import { runMatrix } from '../../git/matrix.ts'
import type { Mode } from '../../git/matrix.ts'
import { command, modeTable, reportFile } from '../../git/report.ts'
import type { AuditLog } from '../support/audit-log.ts'
import type { Kube } from '../support/kube.ts'

/** Helm 3 may have to be built. */
export const buildTimeoutMs = 900_000

export async function check(kube: Kube, audit: AuditLog, mode: Mode): Promise<void> {
  const { outcomes, failures } = await runMatrix(kube, audit, mode)
  expect(failures).toEqual([])
  const written = await readFile(reportFile, 'utf8')
  expect(written, `${reportFile} says something else: run ${command}`).toContain(modeTable(outcomes, mode))
}
