// What Git does to a workload that is injected by patch.
import { afterAll, beforeAll, inject, test } from 'vitest'
import { helm3Path } from '../../cluster/tools.ts'
import { AuditLog } from '../support/audit-log.ts'
import { Kube } from '../support/kube.ts'
import { buildTimeoutMs, check } from './check.ts'

let kube: Kube

beforeAll(async () => {
  kube = await Kube.connect(inject('kubeconfig'))
  await helm3Path()
}, buildTimeoutMs)

afterAll(() => kube[Symbol.asyncDispose]())

test('Patch', { timeout: 400_000 }, async () => {
  await check(kube, new AuditLog(inject('auditLog')), 'Patch')
})
