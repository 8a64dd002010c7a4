// The bases of the image: those that the Dockerfile names, or, where they cannot be pulled, some made of this machine.
import { chmod, copyFile, mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile, cp } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { ImageName, type ContainerRuntimeClient } from 'testcontainers'
import { messageOf, run } from '../cluster/sources/source.ts'
import { buildImage } from './build.ts'

/** The value for each ARG of the Dockerfile that names a base. */
export type BaseImages = Record<'BUILD_IMAGE' | 'RUNTIME_IMAGE', string>

const root = join(import.meta.dirname, '..', '..')

/** A registry out of reach may not answer at all. One that does shows progress more often than that. */
const QUIET_MS = 10_000

const localDockerfile = `FROM scratch AS runtime
COPY runtime/ /
ENV PATH=/usr/local/bin:/usr/bin:/bin

FROM runtime AS build
COPY build/ /
`

/** Has both bases in the engine when it resolves. Says by `log` which they are and why. */
export async function ensureBaseImages(
  client: ContainerRuntimeClient,
  log: (line: string) => void,
): Promise<BaseImages> {
  const named = await namedInDockerfile()
  for (const image of Object.values(named)) {
    const problem = await pull(client, image)
    if (problem === undefined) continue
    log(`${image} cannot be pulled (${problem}); in place of both bases, some are made of this machine's node and npm`)
    // Ryuk, which testcontainers would start to tidy up after a crash, is an image too.
    process.env['TESTCONTAINERS_RYUK_DISABLED'] = 'true'
    return makeLocal(client)
  }
  return named
}

async function namedInDockerfile(): Promise<BaseImages> {
  const text = await readFile(join(root, 'Dockerfile'), 'utf8')
  const find = (name: keyof BaseImages): string => {
    const value = new RegExp(`^ARG ${name}=(\\S+)$`, 'm').exec(text)?.[1]
    if (value === undefined) throw new Error(`the Dockerfile has no default for ${name}`)
    return value
  }
  return { BUILD_IMAGE: find('BUILD_IMAGE'), RUNTIME_IMAGE: find('RUNTIME_IMAGE') }
}

/** Nothing when the engine has the image now, else what went wrong. */
async function pull(client: ContainerRuntimeClient, image: string): Promise<string | undefined> {
  if (await client.image.exists(ImageName.fromString(image)).catch(() => false)) return undefined
  const quiet = new AbortController()
  const timer = setTimeout(() => {
    quiet.abort()
  }, QUIET_MS)
  const gaveUp = new Promise<string>((resolve) => {
    quiet.signal.addEventListener('abort', () => {
      resolve(`nothing was heard for ${QUIET_MS / 1000} s`)
    })
  })
  const follow = async (): Promise<string | undefined> => {
    try {
      const output = await client.container.dockerode.pull(image, { abortSignal: quiet.signal })
      for await (const line of createInterface({ input: output })) {
        timer.refresh()
        const { error } = JSON.parse(line) as { error?: string }
        if (error !== undefined) return error
      }
      return undefined
    } catch (error) {
      return messageOf(error)
    }
  }
  try {
    return await Promise.race([follow(), gaveUp])
  } finally {
    clearTimeout(timer)
  }
}

/** From nothing: the node of the npm package `node`, for the first stage npm and a shell too. */
async function makeLocal(client: ContainerRuntimeClient): Promise<BaseImages> {
  const context = await mkdtemp(join(tmpdir(), 'tracardi-base-image-'))
  try {
    const runtime = join(context, 'runtime')
    const build = join(context, 'build')
    const require = createRequire(import.meta.url)
    await addProgram(runtime, join(dirname(require.resolve('node/package.json')), 'bin', 'node'), '/usr/local/bin/node')
    await addProgram(build, await which('sh'), '/bin/sh')
    await addProgram(build, await which('env'), '/usr/bin/env')
    const environment = await addNpm(build)
    const lines = Object.entries(environment).map(([name, value]) => `ENV ${name}=${JSON.stringify(value)}\n`)
    await writeFile(join(context, 'Dockerfile'), localDockerfile + lines.join(''))
    const nameOf = (target: string): string => `localhost/tracardi-operator-test-base:${target}`
    for (const target of ['runtime', 'build']) await buildImage(client, { context, target, name: nameOf(target) })
    return { BUILD_IMAGE: nameOf('build'), RUNTIME_IMAGE: nameOf('runtime') }
  } finally {
    await rm(context, { recursive: true, force: true })
  }
}

async function which(program: string): Promise<string> {
  const { code, stdout } = await run('sh', ['-c', `command -v ${program}`])
  if (code !== 0) throw new Error(`there is no ${program} on the PATH`)
  return realpath(stdout.trim())
}

async function add(folder: string, source: string, target: string): Promise<void> {
  const path = join(folder, target)
  await mkdir(dirname(path), { recursive: true })
  await copyFile(source, path)
}

/** With the libraries and the dynamic loader that it needs, at the paths where it looks for them. */
async function addProgram(folder: string, source: string, target: string): Promise<void> {
  await add(folder, source, target)
  await chmod(join(folder, target), 0o755)
  const { code, stdout } = await run('ldd', [source])
  if (code !== 0) throw new Error(`ldd cannot tell the libraries of ${source}`)
  for (const [, path] of stdout.matchAll(/(?:=> |^\s*)(\/\S+) \(0x/gm)) {
    if (path !== undefined) await add(folder, await realpath(path), path)
  }
}

/** The npm of this machine and how it reaches its registry. Returns the environment that it needs. */
async function addNpm(folder: string): Promise<Record<string, string>> {
  const npm = dirname(dirname(await which('npm')))
  await cp(npm, join(folder, 'usr/local/lib/node_modules/npm'), { recursive: true })
  await mkdir(join(folder, 'usr/local/bin'), { recursive: true })
  await symlink('../lib/node_modules/npm/bin/npm-cli.js', join(folder, 'usr/local/bin/npm'))
  const config = async (key: string): Promise<string> =>
    (await run('npm', ['config', 'get', key], { cwd: root })).stdout.trim()
  const [registry, ownAuthority] = await Promise.all([config('registry'), config('cafile')])
  const authorities = [ownAuthority, process.env['NODE_EXTRA_CA_CERTS']].find(
    (file) => file !== undefined && file !== '' && file !== 'null',
  )
  if (authorities === undefined) return { NPM_CONFIG_REGISTRY: registry }
  const inside = '/etc/ssl/certs/ca-certificates.crt'
  await add(folder, authorities, inside)
  return { NPM_CONFIG_REGISTRY: registry, NODE_EXTRA_CA_CERTS: inside }
}
