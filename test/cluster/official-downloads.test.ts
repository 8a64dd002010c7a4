import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createSilentServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { findPrograms } from './programs.ts'
import { cached } from './sources/cached.ts'
import { goBuilds } from './sources/go-builds.ts'
import { officialDownloadsWith, pinned, type Checksums } from './sources/official-downloads.ts'
import { run, type Context, type Found, type Item, type ProgramSet } from './sources/source.ts'
import { stageFiles, stageName } from './sources/stages.ts'

const platform = `${process.platform}-${process.arch}`
const arch = process.arch === 'x64' ? 'amd64' : process.arch
const limits = { connect: 500, idle: 500, progress: 10_000 }

const sets = {
  kubernetes: {
    name: 'kubernetes',
    version: 'v1.2.3',
    items: ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'],
  },
  etcd: { name: 'etcd', version: 'v4.5.6', items: ['etcd'] },
  kwok: { name: 'kwok', version: 'v0.7.8', items: ['kwok', 'kwok-stages'] },
} satisfies Partial<Record<ProgramSet['name'], ProgramSet>>

const program = (name: string): Buffer => Buffer.from(`#!/bin/sh\necho ${name}\n`)
const sum = (contents: Buffer): string => createHash('sha256').update(contents).digest('hex')

let folder: string
let server: Server
/** What the server answers, by path. */
let answers: Map<string, Buffer | RequestListener>
let asked: string[]
let checksums: Checksums

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'downloads-test-'))
  asked = []
  answers = new Map()
  const archive = `etcd-v4.5.6-${process.platform}-${arch}`
  await mkdir(join(folder, archive))
  await writeFile(join(folder, archive, 'etcd'), program('etcd'))
  await writeFile(join(folder, archive, 'README.md'), 'not wanted')
  await run('tar', ['-czf', join(folder, 'etcd.tar.gz'), '-C', folder, archive])
  const etcd = await readFile(join(folder, 'etcd.tar.gz'))
  answers.set(`/github.com/etcd-io/etcd/releases/download/v4.5.6/${archive}.tar.gz`, etcd)
  const kubernetes = sets.kubernetes.items.map((name) => [name, sum(program(name))] as const)
  for (const [name] of kubernetes) {
    answers.set(`/dl.k8s.io/v1.2.3/bin/${process.platform}/${arch}/${name}`, program(name))
  }
  const kwok = `/github.com/kubernetes-sigs/kwok`
  answers.set(`${kwok}/releases/download/v0.7.8/kwok-${process.platform}-${arch}`, program('kwok'))
  for (const file of stageFiles) {
    answers.set(`${kwok}/raw/v0.7.8/kustomize/stage/${file}`, (_request, response) => {
      response.writeHead(302, { location: `/elsewhere/${file}` }).end()
    })
    answers.set(`/elsewhere/${file}`, Buffer.from(file))
  }
  const stages = stageFiles.map((file) => [`kwok-stages/${stageName(file)}`, sum(Buffer.from(file))] as const)
  checksums = {
    kubernetes: { 'v1.2.3': { [platform]: Object.fromEntries(kubernetes) } },
    etcd: { 'v4.5.6': { [platform]: { etcd: sum(etcd) } } },
    kwok: { 'v0.7.8': { [platform]: { kwok: sum(program('kwok')), ...Object.fromEntries(stages) } } },
  }
  server = createServer((request, response) => {
    const path = request.url ?? ''
    asked.push(path)
    const answer = answers.get(path)
    if (typeof answer === 'function') answer(request, response)
    else if (answer === undefined) response.writeHead(404).end('none')
    else response.end(answer)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
})

afterEach(async () => {
  server.closeAllConnections()
  server.close()
  await rm(folder, { recursive: true, force: true })
})

const address = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`

const cacheOf = (): string => join(folder, 'cache')

const context = (log: string[] = [], downloads = address()): Context => ({
  env: { PATH: process.env['PATH'], TRACARDI_TEST_CACHE: cacheOf(), TRACARDI_TEST_DOWNLOADS: downloads },
  log: (line) => log.push(line),
})

const item = (set: ProgramSet, name: Item['name'] = set.items[0]!): Item => ({ name, set })

/** Replaces the one answer whose path ends so. */
const answer = (end: string, contents: Buffer | RequestListener): void => {
  const path = [...answers.keys()].find((candidate) => candidate.endsWith(end))
  if (path === undefined) throw new Error(`nothing ends with ${end}`)
  answers.set(path, contents)
}

const missingOf = (found: Found): string => ('missing' in found ? found.missing : `found ${found.path}`)

describe('official downloads', () => {
  it.each(Object.values(sets))('bring $name into the cache, each file once', async (set) => {
    const source = officialDownloadsWith(checksums, limits)
    const found = await Promise.all(set.items.map((name) => source.find(item(set, name), context())))
    const entry = join(cacheOf(), `${set.name}-${set.version}-${platform}`)
    expect(found).toEqual(set.items.map((name) => ({ path: join(entry, name) })))
    expect(new Set(asked).size).toBe(asked.length)
    expect(await cached.find(item(set), context())).toEqual(found[0])
    // No archive, no half of a file.
    expect((await readdir(entry)).sort()).toEqual([...set.items, 'manifest.json'].sort())
    expect((await run(join(entry, set.items[0]!), [])).stdout).toBe(`${set.items[0]!}\n`)
    if (set.name !== 'kwok') return
    expect((await readdir(join(entry, 'kwok-stages'))).sort()).toEqual(stageFiles.map(stageName).sort())
  })

  interface Failure {
    what: string
    respond: Buffer | RequestListener
    says: RegExp
  }

  it.each<Failure>([
    {
      what: 'another program than the pinned one',
      respond: program('evil'),
      says: new RegExp(`has the SHA-256 ${sum(program('evil'))}, not the pinned [0-9a-f]{64}; it was refused$`),
    },
    {
      what: 'the half of it, and a connection that breaks',
      respond: (_request, response) => {
        response.writeHead(200, { 'content-length': 1000 }).write('#!/bin/sh\n', () => response.destroy())
      },
      says: /kube-scheduler: (other side closed|terminated|socket hang up|read ECONNRESET)/,
    },
    {
      what: 'the half of it, as if it were all',
      respond: program('kube-scheduler').subarray(0, 5),
      says: /; it was refused$/,
    },
    {
      what: 'that there is none',
      respond: (_request, response) => void response.writeHead(404).end('<html>'),
      says: /kube-scheduler was answered with 404$/,
    },
    { what: 'nothing', respond: () => undefined, says: /kube-scheduler: Headers Timeout Error$/ },
    {
      what: 'a beginning and then nothing',
      respond: (_request, response) => void response.writeHead(200).write('#!/bin/sh\n'),
      says: /kube-scheduler: Body Timeout Error$/,
    },
  ])('keep nothing when the server sends $what, and do not ask again', async ({ respond, says }) => {
    const source = officialDownloadsWith(checksums, limits)
    const log: string[] = []
    answer('/kube-scheduler', respond)
    const find = async (): Promise<string> => missingOf(await source.find(item(sets.kubernetes), context(log)))
    const started = performance.now()
    const first = await find()
    expect(first).toMatch(says)
    expect(performance.now() - started).toBeLessThan(10_000)
    expect(await readdir(cacheOf())).toEqual([])
    expect(log.filter((line) => line.includes(first))).toEqual([`not downloaded: ${first}`])
    const before = asked.length
    expect(await find()).toBe(first)
    expect(asked).toHaveLength(before)
  })

  it('keep no program that does not run here', async () => {
    const broken = Buffer.from('#!/bin/sh\necho wrong platform >&2; exit 3\n')
    answer('/kube-apiserver', broken)
    checksums.kubernetes!['v1.2.3']![platform]!['kube-apiserver'] = sum(broken)
    const found = await officialDownloadsWith(checksums, limits).find(item(sets.kubernetes), context())
    expect(missingOf(found)).toMatch(/kube-apiserver does not run: .*ended with 3: wrong platform$/)
    expect(await readdir(cacheOf())).toEqual([])
  })

  it('ask a host no more that is out of reach, for whatever there is on it, and go on asking others', async () => {
    const source = officialDownloadsWith(checksums, limits)
    answer('.tar.gz', () => undefined)
    const first = missingOf(await source.find(item(sets.etcd), context()))
    expect(missingOf(await source.find(item(sets.kwok), context()))).toBe(first)
    expect(asked).toHaveLength(1)
    expect(await source.find(item(sets.kubernetes), context())).toHaveProperty('path')
  })

  it.each([
    // Reserved for documentation: depending on the network it is refused or silent.
    { what: 'an address that nobody has', url: 'http://192.0.2.1' },
    { what: 'a name that nobody has', url: 'http://nowhere.invalid' },
    { what: 'a port where nobody listens', url: 'http://127.0.0.1:1' },
  ])('give up within seconds on $what', async ({ url }) => {
    const source = officialDownloadsWith(checksums, limits)
    const started = performance.now()
    const found = await source.find(item(sets.etcd), context([], url))
    expect(missingOf(found)).toMatch(new RegExp(`^${url}/github\\.com/.*: .`))
    expect(performance.now() - started).toBeLessThan(10_000)
  })

  it('give up within seconds on a server that takes the connection and says nothing', async () => {
    const silent = createSilentServer().listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const url = `https://127.0.0.1:${(silent.address() as AddressInfo).port}`
    const started = performance.now()
    const found = await officialDownloadsWith(checksums, limits).find(item(sets.etcd), context([], url))
    expect(missingOf(found)).toContain('Connect Timeout Error')
    expect(performance.now() - started).toBeLessThan(10_000)
    silent.close()
  })

  it('ask for nothing whose checksum is not known', async () => {
    delete checksums.kubernetes!['v1.2.3']![platform]!['kube-scheduler']
    const source = officialDownloadsWith(checksums, limits)
    const missing = async (wanted: Item): Promise<string> => missingOf(await source.find(wanted, context()))
    expect(await missing(item(sets.kubernetes))).toBe(
      `no pinned checksum for kube-scheduler v1.2.3 on ${platform}, not downloaded`,
    )
    expect(await missing(item({ ...sets.kwok, version: 'v9.9.9' }))).toBe(
      `no pinned checksum for kwok, kwok-stages v9.9.9 on ${platform}, not downloaded`,
    )
    expect(asked).toEqual([])
  })

  it('ask nobody when they are off', async () => {
    const found = await officialDownloadsWith(checksums, limits).find(item(sets.etcd), context([], 'off'))
    expect(found).toEqual({ missing: 'TRACARDI_TEST_DOWNLOADS is off' })
  })

  it('end when the caller gives up', async () => {
    const stop = new AbortController()
    answer('.tar.gz', () => {
      stop.abort(new Error('given up'))
    })
    const source = officialDownloadsWith(checksums, { ...limits, idle: 60_000 })
    await expect(source.find(item(sets.etcd), { ...context(), signal: stop.signal })).rejects.toThrow('given up')
    expect(await readdir(cacheOf())).toEqual([])
  })
})

describe('checksums.json', () => {
  it('has etcd and KWOK in the versions of the Go modules', () => {
    for (const name of ['etcd', 'kwok'] as const) {
      expect(Object.keys(pinned[name] ?? {}), name).toEqual(goBuilds(name).map(({ version }) => version))
    }
  })

  it("has the stage files of KWOK's source", async () => {
    const programs = await findPrograms({ env: process.env, log: () => undefined })
    const sums = pinned.kwok?.[goBuilds('kwok')[0].version]?.['linux-x64'] ?? {}
    for (const file of await readdir(programs['kwok-stages'])) {
      expect(sums[`kwok-stages/${file}`], file).toBe(sum(await readFile(join(programs['kwok-stages'], file))))
    }
    expect(Object.keys(sums)).toHaveLength(1 + stageFiles.length)
  })
})
