// What kubectl and Helm do to a workload that carries a stamp: nothing is lost, nothing is rolled without need.
import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { helm3Path } from '../cluster/tools.ts'
import { modes, runMatrix } from '../git/matrix.ts'
import { command, report, reportFile, tableOf } from '../git/report.ts'
import { AuditLog } from './support/audit-log.ts'
import { Kube } from './support/kube.ts'

/** Helm 3 may have to be built. */
const buildTimeoutMs = 900_000

let kube: Kube

beforeAll(async () => {
  kube = await Kube.connect(inject('kubeconfig'))
  await helm3Path()
}, buildTimeoutMs)

afterAll(async () => {
  await kube[Symbol.asyncDispose]()
})

test.each(modes)('mode %s', { timeout: 400_000 }, async (mode) => {
  const { outcomes, failures } = await runMatrix(kube, new AuditLog(inject('auditLog')), mode)
  expect(failures).toEqual([])
  const written = await readFile(reportFile, 'utf8')
  expect(tableOf(written), `${reportFile} says something else: run ${command}`).toEqual(tableOf(report(outcomes, '')))
})
