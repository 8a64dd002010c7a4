// Programs from the official releases. Nothing is kept whose SHA-256 is not the one in checksums.json.
import { createHash } from 'node:crypto'
import { createWriteStream, readFileSync } from 'node:fs'
import { chmod, mkdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { EnvHttpProxyAgent, fetch, type Dispatcher } from 'undici'
import * as z from 'zod'
import { fillEntry } from '../cache.ts'
import { itemIn, setEntry } from './cached.ts'
import {
  checkRuns,
  messageOf,
  run,
  versionArgs,
  type Context,
  type Found,
  type Item,
  type ProgramSet,
  type Source,
} from './source.ts'
import { stageFiles, stageName } from './stages.ts'

/** SHA-256 in hex, by program set, version, platform (as `process` has it) and file. */
const checksumsSchema = z.partialRecord(
  z.enum(['kubernetes', 'etcd', 'kwok', 'helm-3', 'argo-rollouts']),
  z.record(z.string(), z.record(z.string(), z.record(z.string(), z.string().regex(/^[0-9a-f]{64}$/)))),
)

export type Checksums = z.infer<typeof checksumsSchema>

export const pinned = checksumsSchema.parse(
  JSON.parse(readFileSync(join(import.meta.dirname, '..', 'checksums.json'), 'utf8')),
)

/** All in milliseconds. */
interface Limits {
  /** Until there is a connection, with the look-up of the name. */
  connect: number
  /** How long nothing may come, before the answer or in the middle of it. */
  idle: number
  /** How often a download says that it is alive. */
  progress: number
}

const limits: Limits = { connect: 3_000, idle: 5_000, progress: 10_000 }

const platform = `${process.platform}-${process.arch}`

interface Download {
  /** Where it goes in the entry of the cache, and its name in checksums.json. */
  file: string
  host: 'dl.k8s.io' | 'github.com' | 'get.helm.sh'
  path: string
  /** What of it is wanted where it is an archive; the checksum is that of the archive. */
  member?: string
}

interface Job {
  set: ProgramSet
  downloads: Download[]
  /** By file. */
  sums: Record<string, string>
  /** What stands before the name of the host. */
  base: string
}

const downloadsOf = ({ name, version, items }: ProgramSet): Download[] => {
  const os = process.platform
  const arch = process.arch === 'x64' ? 'amd64' : process.arch
  switch (name) {
    case 'kubernetes':
      return items.map((file) => ({ file, host: 'dl.k8s.io', path: `${version}/bin/${os}/${arch}/${file}` }))
    case 'etcd': {
      const archive = `etcd-${version}-${os}-${arch}`
      const path = `etcd-io/etcd/releases/download/${version}/${archive}.tar.gz`
      return [{ file: 'etcd', host: 'github.com', path, member: `${archive}/etcd` }]
    }
    case 'helm-3': {
      const path = `helm-${version}-${os}-${arch}.tar.gz`
      return [{ file: 'helm', host: 'get.helm.sh', path, member: `${os}-${arch}/helm` }]
    }
    case 'argo-rollouts':
      return []
    case 'kwok': {
      const kwok = 'kubernetes-sigs/kwok'
      const program = `${kwok}/releases/download/${version}/kwok-${os}-${arch}`
      return [
        { file: 'kwok', host: 'github.com', path: program },
        ...stageFiles.map((file): Download => {
          const path = `${kwok}/raw/${version}/kustomize/stage/${file}`
          return { file: `kwok-stages/${stageName(file)}`, host: 'github.com', path }
        }),
      ]
    }
  }
}

/** Nothing came, or not all of it: there is no point in asking this host again. */
class UnreachableError extends Error {}

/** The innermost reason: undici says "fetch failed" for everything, and a connection to several addresses has many. */
const reasonOf = (error: unknown): string => {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0])
  if (error instanceof Error && error.cause !== undefined) return reasonOf(error.cause)
  return messageOf(error)
}

/** Downloads into a file and resolves to its SHA-256. */
const save = async (
  url: string,
  path: string,
  dispatcher: Dispatcher,
  onBytes: (bytes: number) => void,
  signal: AbortSignal | undefined,
): Promise<string> => {
  try {
    const response = await fetch(url, { dispatcher, ...(signal === undefined ? {} : { signal }) })
    if (!response.ok || response.body === null) {
      await response.body?.cancel()
      throw new Error(`${url} was answered with ${response.status}`)
    }
    const hash = createHash('sha256')
    const count = async function* (source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
      for await (const chunk of source) {
        hash.update(chunk)
        onBytes(chunk.length)
        yield chunk
      }
    }
    await pipeline(response.body, count, createWriteStream(path))
    return hash.digest('hex')
  } catch (error) {
    if (signal?.aborted === true) throw error
    // Both of undici; an answer that is not wanted and a disk that is full have no such name.
    if (
      error instanceof TypeError ||
      (error instanceof Error && 'code' in error && String(error.code).startsWith('UND_'))
    )
      throw new UnreachableError(`${url}: ${reasonOf(error)}`, { cause: error })
    throw error
  }
}

const unpack = async (archive: string, member: string, into: string): Promise<void> => {
  const { code, stderr } = await run('tar', ['-xzf', archive, '-C', into, '--strip-components=1', member])
  await rm(archive)
  if (code !== 0) throw new Error(`${member} cannot be unpacked: ${stderr.trim()}`)
}

/**
 * The source for a table of checksums. TRACARDI_TEST_DOWNLOADS=URL asks a mirror, which has the files under
 * URL/dl.k8s.io/… and URL/github.com/…; `off` asks nobody. What failed is not tried again by this source.
 */
export const officialDownloadsWith = (checksums: Checksums, { connect, idle, progress }: Limits = limits): Source => {
  const failures = new Map<string, string>()

  const downloadAll = async ({ set, downloads, sums, base }: Job, folder: string, context: Context): Promise<void> => {
    const dispatcher = new EnvHttpProxyAgent({
      connect: { timeout: connect },
      headersTimeout: idle,
      bodyTimeout: idle,
      httpProxy: context.env['http_proxy'] ?? context.env['HTTP_PROXY'] ?? '',
      httpsProxy: context.env['https_proxy'] ?? context.env['HTTPS_PROXY'] ?? '',
      noProxy: context.env['no_proxy'] ?? context.env['NO_PROXY'] ?? '',
    })
    let bytes = 0
    const report = setInterval(() => {
      context.log(`downloading ${set.name} ${set.version}: ${Math.round(bytes / 1e6)} MB`)
    }, progress)
    try {
      for (const { file, host, path, member } of downloads) {
        const url = `${base}${host}/${path}`
        const target = join(folder, file)
        const part = `${target}.part`
        await mkdir(dirname(target), { recursive: true })
        const sum = await save(url, part, dispatcher, (more) => (bytes += more), context.signal)
        if (sum !== sums[file]) {
          throw new Error(`${url} has the SHA-256 ${sum}, not the pinned ${sums[file] ?? ''}; it was refused`)
        }
        if (member === undefined) await rename(part, target)
        else await unpack(part, member, folder)
        if (file.includes('/')) continue
        await chmod(target, 0o755)
        // Before it is in the cache, where the next source would leave it.
        const problem = await checkRuns(target, versionArgs(file))
        if (problem !== undefined) throw new Error(`what came from ${url} does not run: ${problem}`)
      }
    } finally {
      clearInterval(report)
      await dispatcher.destroy()
    }
  }

  const find = async (item: Item, context: Context): Promise<Found> => {
    const { set } = item
    const downloads = downloadsOf(set)
    const mirror = context.env['TRACARDI_TEST_DOWNLOADS'] ?? ''
    if (mirror === 'off') return { missing: 'TRACARDI_TEST_DOWNLOADS is off' }
    if (downloads.length === 0) return { missing: `nothing of ${set.name} is downloaded` }
    const base = mirror === '' ? 'https://' : `${mirror.replace(/\/+$/, '')}/`
    const sums = checksums[set.name]?.[set.version]?.[platform] ?? {}
    const unpinned = downloads.map(({ file }) => file).filter((file) => sums[file] === undefined)
    if (unpinned.length > 0) {
      const names = set.items.length < unpinned.length ? set.items : unpinned
      return { missing: `no pinned checksum for ${names.join(', ')} ${set.version} on ${platform}, not downloaded` }
    }
    const entry = setEntry(context.env, set)
    const hosts = [...new Set(downloads.map(({ host }) => `${base}${host}`))]
    const known = [entry, ...hosts].map((key) => failures.get(key)).find((failure) => failure !== undefined)
    if (known !== undefined) return { missing: known }
    try {
      await fillEntry(entry, context.log, async (folder) => {
        context.log(`downloading ${set.name} ${set.version} from ${hosts.join(', ')}`)
        await downloadAll({ set, downloads, sums, base }, folder, context)
      })
      return await itemIn(entry, item)
    } catch (error) {
      if (context.signal?.aborted === true) throw error
      const missing = messageOf(error)
      for (const key of error instanceof UnreachableError ? hosts : [entry]) {
        if (!failures.has(key)) context.log(`not downloaded: ${missing}`)
        failures.set(key, missing)
      }
      return { missing }
    }
  }

  return { name: 'official downloads', find }
}

export const officialDownloads = officialDownloadsWith(pinned)
