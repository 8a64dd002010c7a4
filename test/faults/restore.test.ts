import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { OwnControlPlane } from '../cluster/cluster.ts'
import { secret } from '../operator/support/fixtures.ts'
import { Kube } from '../operator/support/kube.ts'
import { startClusterWithCrd } from './cluster.ts'
import { Subject } from './operator.ts'

let cluster: OwnControlPlane
let kube: Kube

beforeAll(async () => {
  cluster = await startClusterWithCrd()
  kube = await Kube.connect(cluster.kubeconfigPath)
})

afterAll(async () => {
  await kube[Symbol.asyncDispose]()
  await cluster.stop()
})

// A watch that failed again and again while the server was away is tried again after at most 45 seconds.
const patienceMs = 150_000

it('outlives a restart of the API server', { timeout: 500_000 }, async () => {
  await using subject = await Subject.create(kube)
  await subject.start()
  await subject.waitUntilWell(undefined)
  await cluster.restart()
  const values = await subject.rotate()
  await subject.waitUntilWell(values, patienceMs)
  expect(await subject.violations()).toEqual([])
})

it('outlives older data', { timeout: 500_000 }, async () => {
  await using subject = await Subject.create(kube)
  await subject.start()
  await subject.waitUntilWell(undefined)
  const data = join(cluster.directory, 'etcd')
  const backup = join(cluster.directory, 'etcd-backup')

  await cluster.restart(() => cp(data, backup, { recursive: true }))
  const values = await subject.rotate()
  const id = await subject.waitUntilWell(values, patienceMs)
  expect(id).toMatch(/^2-/)

  // The resourceVersions that the operator knows are far ahead of the older data.
  for (let i = 0; i < 200; i++) await kube.create('secrets', subject.namespace, secret(`filler-${String(i)}`, {}))
  await cluster.restart(async () => {
    await rm(data, { recursive: true })
    await cp(backup, data, { recursive: true })
  })
  const newer = await subject.rotate()
  await subject.waitUntilWell(newer, patienceMs)
  expect(await subject.violations()).toEqual([])
  expect(subject.log.filter(({ text }) => text.startsWith('the API server has older data'))).not.toEqual([])
})
