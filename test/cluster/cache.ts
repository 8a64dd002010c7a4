// A folder outside the checkout that keeps what took long to build, shared by all checkouts and runs of this user.
// An entry is one folder with a manifest. It appears by one rename, so it is there completely or not at all.
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import * as z from 'zod'
import { lock } from '../tools/lock.mjs'

const MANIFEST = 'manifest.json'

const manifestSchema = z.array(
  z.object({ file: z.string(), size: z.number(), mtimeMs: z.number().optional(), sha256: z.string() }),
)

/** A variable that is empty counts as not set, as the XDG specification wants it. */
const variable = (env: NodeJS.ProcessEnv, name: string): string | undefined =>
  env[name] === '' ? undefined : env[name]

export const cacheFolder = (env: NodeJS.ProcessEnv): string =>
  variable(env, 'TRACARDI_TEST_CACHE') ??
  join(variable(env, 'XDG_CACHE_HOME') ?? join(homedir(), '.cache'), 'tracardi-operator')

export const entryPath = (env: NodeJS.ProcessEnv, name: string, version: string): string =>
  join(cacheFolder(env), `${name}-${version}-${process.platform}-${process.arch}`)

const sha256 = async (path: string): Promise<string> =>
  // That of Web Crypto works on the thread pool, on several files at once.
  Buffer.from(await crypto.subtle.digest('SHA-256', await readFile(path))).toString('hex')

const filesOf = async (folder: string): Promise<string[]> =>
  (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && entry.name !== MANIFEST)
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort()

/** Callers of this process that ask at the same time about the same entry get the same answer. */
const shared = <T>(work: Map<string, Promise<T>>, entry: string, begin: () => Promise<T>): Promise<T> => {
  const running = work.get(entry) ?? begin().finally(() => work.delete(entry))
  work.set(entry, running)
  return running
}

const checks = new Map<string, Promise<string | undefined>>()
const fills = new Map<string, Promise<void>>()

/** Nothing when every file of the entry is as it was when it was made, else what is wrong. */
export const checkEntry = (entry: string): Promise<string | undefined> => shared(checks, entry, () => check(entry))

const check = async (entry: string): Promise<string | undefined> => {
  const text = await readFile(join(entry, MANIFEST), 'utf8').catch(() => undefined)
  if (text === undefined) return `${entry} is not there yet`
  let manifest
  try {
    manifest = manifestSchema.parse(JSON.parse(text))
  } catch {
    return `${entry} has a manifest that cannot be read`
  }
  const problems = await Promise.all(
    manifest.map(async ({ file, size, mtimeMs, sha256: expected }) => {
      const path = join(entry, file)
      const found = await stat(path).catch(() => undefined)
      if (found === undefined) return `${path} is missing`
      // As git does: what has its old size and time is taken for what it was, hashing 360 MB at each start is not.
      if (found.size === size && found.mtimeMs === mtimeMs) return undefined
      return found.size === size && (await sha256(path)) === expected ? undefined : `${path} is damaged`
    }),
  )
  return problems.find((problem) => problem !== undefined)
}

/**
 * Makes an entry unless a sound one is there. Two runs at once: the second waits for the first.
 * `fill` writes into the folder it is given, which is thrown away when it throws.
 */
export const fillEntry = (
  entry: string,
  log: (line: string) => void,
  fill: (folder: string) => Promise<void>,
): Promise<void> => shared(fills, entry, () => fillOnce(entry, log, fill))

const fillOnce = async (
  entry: string,
  log: (line: string) => void,
  fill: (folder: string) => Promise<void>,
): Promise<void> => {
  if ((await checkEntry(entry)) === undefined) return
  await mkdir(dirname(entry), { recursive: true })
  await using _lock = await lock(`${entry}.lock`, () => {
    log(`waiting for another run that fills ${entry}`)
  })
  const problem = await checkEntry(entry)
  if (problem === undefined) return
  // Folders of runs that were killed. Nobody else works on this entry while the lock is held.
  const begun = (await readdir(dirname(entry))).filter((name) => name.startsWith(`${basename(entry)}.new-`))
  await Promise.all(begun.map((name) => rm(join(dirname(entry), name), { recursive: true, force: true })))
  const folder = `${entry}.new-${process.pid}`
  await mkdir(folder)
  try {
    await fill(folder)
    const manifest = await Promise.all(
      (await filesOf(folder)).map(async (file) => {
        const path = join(folder, file)
        const { size, mtimeMs } = await stat(path)
        return { file, size, mtimeMs, sha256: await sha256(path) }
      }),
    )
    await writeFile(join(folder, MANIFEST), JSON.stringify(manifest, undefined, 1))
    // Programs of a damaged entry may be running; they keep their open files.
    await rm(entry, { recursive: true, force: true })
    await rename(folder, entry)
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    throw error
  }
}
