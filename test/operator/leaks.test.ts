// No secret value, nor a piece of one, in anything that the operator says: log, Events, status, metrics, metadata.
import { randomInt } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { services } from '../../src/catalogue/services.ts'
import { AuditLog, isOf } from './support/audit-log.ts'
import {
  createNamespace,
  deployment,
  hex,
  randomText,
  resource,
  secret,
  valid,
  waitForConditions,
} from './support/fixtures.ts'
import { Kube, sleep, waitFor } from './support/kube.ts'
import { Canaries } from './support/canaries.ts'

let kube: Kube
let ns: string
let audit: AuditLog
const canaries = new Canaries()

beforeAll(async () => {
  kube = await Kube.connect(inject('kubeconfig'))
  audit = new AuditLog(inject('auditLog'))
  ns = await createNamespace(kube, 'leaks')
})

afterAll(async () => {
  await kube.remove('namespaces', undefined, ns)
  await kube[Symbol.asyncDispose]()
})

/** What people do to a value, each on top of a fresh canary of the right or of a wrong shape. */
const mistakes: ((value: string) => string | Buffer)[] = [
  (value) => `${value}\n`,
  (value) => `${value}\r\n`,
  (value) => `  ${value}`,
  (value) => `\ufeff${value}`,
  (value) => `"${value}"`,
  (value) => Buffer.from(value).toString('base64'),
  (value) => Buffer.from(value, 'utf16le'),
  (value) => value.slice(0, -3),
  (value) => `${value}${randomText(9)}`,
  (value) => `API_KEY=${value}`,
  (value) => `{"key":"${value}"}`,
  (value) => `${value}\n${value}`,
  (value) => value.replace(/^(.{12})/, '$1\u200b'),
  (value) => `\${${value}}`,
  (value) => `https://${value}:${value}@${value}.example.com:99999/${value}?${value}#${value}`,
  (value) => `redis://${value}#${value}@${value}:${value}/${value}`,
  (value) => `redis://:${value}@/0`,
  (value) => `${value}:6379,password=${value},ssl=${value}`,
  (value) => `%zz${value}%`,
]

const base32 = (length: number): string =>
  Array.from({ length }, () => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.charAt(randomInt(32))).join('')

/**
 * Values with which a service is content. What is public by its nature is a canary too. These services have every form
 * of value that there is in the catalogue; what is said of a form is the same in all.
 */
const shapes: Record<string, () => Record<string, string>> = {
  ...valid,
  redis: () => ({ url: `redis://${randomText(20)}:${randomText(24)}@${randomText(20)}.internal:6379/0` }),
  airtable: () => ({ apiKey: `pat${randomText(14)}.${hex(64)}` }),
  aws: () => ({ accessKeyId: `AKIA${base32(16)}`, secretAccessKey: randomText(40) }),
  clicksend: () => ({ username: randomText(20), apiKey: [8, 4, 4, 4, 12].map((n) => base32(n)).join('-') }),
  elasticsearch: () => ({
    url: `https://${randomText(20)}.internal:9200`,
    apiKey: Buffer.from(`${randomText(20)}:${randomText(22)}`).toString('base64'),
  }),
  matomo: () => ({ url: `https://${randomText(20)}.internal`, tokenAuth: hex(32) }),
  salesforce: () => ({
    instanceUrl: `https://${randomText(20)}.my.salesforce.com`,
    clientId: `3MVG9${randomText(80)}`,
    clientSecret: randomText(64),
  }),
  telegram: () => ({ botToken: `${randomInt(10 ** 9, 10 ** 10)}:${randomText(35)}` }),
}

/** Writes the Secret of a service, as the API or as kubectl apply does. */
async function write(by: 'api' | 'apply', name: string, values: Record<string, string | Buffer>): Promise<void> {
  canaries.plant(Object.values(values))
  const manifest = secret(name, values)
  if (by === 'apply') {
    await kube.apply(ns, manifest)
    return
  }
  const present = await kube.get('secrets', ns, name)
  if (present === undefined) await kube.create('secrets', ns, manifest)
  else {
    const removed = Object.fromEntries(Object.keys(present.data ?? {}).map((key) => [key, null]))
    await kube.patch('secrets', ns, name, { data: { ...removed, ...manifest.data } })
  }
}

/** Waits until the operator has read what was just written, so that it has said what it has to say. */
async function hasBeenRead(name: string, mark: number): Promise<void> {
  await waitFor(
    `a read of the Secret ${name}`,
    async () =>
      (await audit.operatorCalls(mark))
        .filter(isOf(ns))
        .map(({ verb, objectRef }) => `${verb} ${objectRef?.name ?? ''}`),
    (calls) => calls.includes(`get ${name}`),
  )
}

async function torment(id: string, good: () => Record<string, string>, by: 'api' | 'apply'): Promise<void> {
  const service = services.get(id)!
  const name = `${service.id}-${by}`
  await write(by, name, good())
  await kube.create('deployments', ns, deployment(name))
  await kube.create('tracardiresources', ns, {
    ...resource(name, {
      service: service.id,
      credentials: { secretRef: { name } },
      consumers: [{ kind: 'Deployment', name }],
    }),
  })
  await waitForConditions(kube, ns, name, { Ready: 'True Delivered' })

  const step = async (values: Record<string, string | Buffer>): Promise<void> => {
    const mark = await audit.mark()
    await write(by, name, values)
    await hasBeenRead(name, mark)
  }
  // kubectl costs a process a step: it takes every other of them.
  const taken = mistakes.filter((_, index) => by === 'api' || index % 4 === 0)
  for (const mistake of taken) {
    await step(Object.fromEntries(Object.entries(good()).map(([key, value]) => [key, mistake(value)])))
  }
  if (by === 'api') {
    for (const field of service.fields) {
      // The wrong shape under the canonical name, and a value that differs under an alias.
      await step({ ...good(), [field.name]: randomText(40) })
      const [alias] = field.aliases
      if (alias !== undefined) await step({ ...good(), [field.name]: randomText(30), [alias]: randomText(31) })
    }
    await step(Object.fromEntries(service.fields.map(({ name: field }) => [field, randomText(45)])))
    await step(Object.fromEntries(service.fields.map(({ name: field }) => [field, `SG.${randomText(22)}.${hex(43)}`])))
  }
  await step(good())
  await waitForConditions(kube, ns, name, { Ready: 'True Delivered' }, { timeoutMs: 40_000 })
}

test('no value and no piece of one is said anywhere', { timeout: 180_000 }, async () => {
  await Promise.all(
    Object.entries(shapes).flatMap(([id, good]) => [torment(id, good, 'api'), torment(id, good, 'apply')]),
  )
  // Events are sent in the background.
  await sleep(2000)

  const { stdoutFile, stderrFile, url } = inject('operator')
  const [resources, secrets, deployments] = [
    await kube.list('tracardiresources', ns),
    await kube.list('secrets', ns),
    await kube.list('deployments', ns),
  ]
  const targets = secrets.filter(({ metadata }) => metadata.name.endsWith('-credentials'))
  expect(targets).toHaveLength(resources.length)
  const said = {
    stdout: await readFile(stdoutFile, 'utf8'),
    stderr: await readFile(stderrFile, 'utf8'),
    events: JSON.stringify(await kube.list('events')),
    status: JSON.stringify(resources),
    metrics: await (await fetch(`${url}/metrics`)).text(),
    // managedFields included: names of keys only.
    targets: JSON.stringify(targets.map(({ metadata }) => metadata)),
    deployments: JSON.stringify(deployments),
  }
  expect(said.stdout).toContain('"target written"')
  expect(said.events).toContain('"Delivered"')
  for (const [where, text] of Object.entries(said)) expect(canaries.findIn(text), where).toEqual([])

  // The search itself finds what there is to be found: whole, in pieces, and encoded.
  const contents = JSON.stringify(targets.map(({ data }) => data))
  expect(canaries.findIn(contents)).not.toEqual([])
  expect(canaries.count).toBeGreaterThan(200)
})
