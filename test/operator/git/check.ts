/** What kubectl and Helm do to a workload, in one mode: nothing is lost, nothing is rolled without need. */
import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { helm3Path } from '../../cluster/tools.ts'
import { runMatrix } from '../../git/matrix.ts'
import type { Mode } from '../../git/matrix.ts'
import { command, modeTable, reportFile } from '../../git/report.ts'
import { AuditLog } from '../support/audit-log.ts'
import { Kube } from '../support/kube.ts'

/** Helm 3 may have to be built. */
export const buildTimeoutMs = 900_000

export async function check(kube: Kube, audit: AuditLog, mode: Mode): Promise<void> {
  const { outcomes, failures } = await runMatrix(kube, audit, mode)
  expect(failures).toEqual([])
  const written = await readFile(reportFile, 'utf8')
  expect(written, `${reportFile} says something else: run ${command}`).toContain(modeTable(outcomes, mode))
}

/** On the cluster of all tests, whose operator patches. A file for each mode, so that they run side by side. */
export function testOnSharedCluster(mode: Mode): void {
  let kube: Kube

  beforeAll(async () => {
    kube = await Kube.connect(inject('kubeconfig'))
    await helm3Path()
  }, buildTimeoutMs)

  afterAll(() => kube[Symbol.asyncDispose]())

  test(mode, { timeout: 400_000 }, async () => {
    await check(kube, new AuditLog(inject('auditLog')), mode)
  })
}
