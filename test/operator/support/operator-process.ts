/** Starts the built operator as a process, the way a container would. */
import { spawn } from 'node:child_process'
import { open, readFile, stat } from 'node:fs/promises'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from '../../cluster/sources/source.ts'
import { helmPath } from '../../cluster/tools.ts'
import { waitFor } from './kube.ts'

const root = join(import.meta.dirname, '..', '..', '..')
const program = join(root, 'dist', 'main.js')

/** How long a stopped operator may take before the test gives up on it, in milliseconds. */
const longestStopMs = 20_000

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export interface OperatorProcess extends AsyncDisposable {
  readonly pid: number
  readonly exited: Promise<Exit>
  readonly stdoutFile: string
  readonly stderrFile: string
  /** Where it serves health and metrics, once it does. */
  url: () => Promise<string>
  /** The entries of its log so far. Throws when a line is not JSON. */
  log: () => Promise<LogEntry[]>
  /** Resolves once an entry with this message is there. */
  waitForLog: (message: string) => Promise<LogEntry>
  /** Sends the signal and waits for the end. */
  stop: (signal?: NodeJS.Signals) => Promise<Exit>
}

export interface LogEntry {
  readonly level: string
  readonly time: string
  readonly msg: string
  readonly [key: string]: unknown
}

export interface OperatorOptions {
  /** undefined: no KUBECONFIG. */
  readonly kubeconfig?: string
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Where its output goes; it must exist. */
  readonly directory: string
  /** Names the two files of output. */
  readonly name?: string
}

let counter = 0

/** Starts the operator; it need not be ready when this resolves. */
export async function startOperator(options: OperatorOptions): Promise<OperatorProcess> {
  counter += 1
  const name = `${options.name ?? 'operator'}-${process.pid}-${counter}`
  const stdoutFile = join(options.directory, `${name}.stdout`)
  const stderrFile = join(options.directory, `${name}.stderr`)
  await using stdout = await open(stdoutFile, 'w')
  await using stderr = await open(stderrFile, 'w')
  const child = spawn(process.execPath, [program, '--http-address', '127.0.0.1:0', ...(options.args ?? [])], {
    cwd: options.directory,
    stdio: ['ignore', stdout.fd, stderr.fd],
    env: {
      HOME: options.directory,
      PATH: process.env['PATH'] ?? '',
      ...(options.kubeconfig !== undefined && { KUBECONFIG: options.kubeconfig }),
      ...options.env,
    },
  })
  const { promise: exited, resolve, reject } = Promise.withResolvers<Exit>()
  child.once('error', reject).once('exit', (code, signal) => {
    resolve({ code, signal })
  })
  const isRunning = (): boolean => child.exitCode === null && child.signalCode === null
  const log = (): Promise<LogEntry[]> => readLog(stdoutFile)
  const waitForLog = async (message: string): Promise<LogEntry> => {
    const entries = await waitFor(
      `a log entry of the operator that says "${message}"`,
      log,
      (all) => !isRunning() || all.some(({ msg }) => msg === message),
    )
    const entry = entries.find(({ msg }) => msg === message)
    if (entry !== undefined) return entry
    const output = (await readFile(stdoutFile, 'utf8')) + (await readFile(stderrFile, 'utf8'))
    throw new Error(`the operator ended with ${String(child.exitCode ?? child.signalCode)}: ${output}`)
  }
  const stop = async (signal: NodeJS.Signals = 'SIGTERM'): Promise<Exit> => {
    if (isRunning()) child.kill(signal)
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
    }, longestStopMs)
    try {
      return await exited
    } finally {
      clearTimeout(timer)
    }
  }
  return {
    pid: child.pid ?? 0,
    exited,
    stdoutFile,
    stderrFile,
    url: async () => `http://${String((await waitForLog('serving'))['address'])}`,
    log,
    waitForLog,
    stop,
    [Symbol.asyncDispose]: async () => {
      await stop()
    },
  }
}

/** The whole lines of a log, parsed. Throws when one is not a JSON object with level, time and msg. */
export async function readLog(file: string): Promise<LogEntry[]> {
  const text = await readFile(file, 'utf8')
  return text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .slice(0, -1)
    .map((line) => {
      const entry = JSON.parse(line) as LogEntry
      if (typeof entry.level !== 'string' || typeof entry.time !== 'string' || typeof entry.msg !== 'string')
        throw new Error(`not an entry of a log: ${line}`)
      return entry
    })
}

/** Builds dist/main.js, unless it is younger than every source. `npm test` has built it already. */
export async function buildIfNeeded(): Promise<void> {
  const built = await stat(program).catch(() => undefined)
  const sources = await readdir(join(root, 'src'), { recursive: true })
  const times = await Promise.all(sources.map(async (file) => (await stat(join(root, 'src', file))).mtimeMs))
  if (built !== undefined && Math.max(...times) < built.mtimeMs) return
  const { code, stdout, stderr } = await run('npm', ['run', '--silent', 'build'], { cwd: root })
  if (code !== 0) throw new Error(`npm run build: ${stdout}${stderr}`)
}

/** What the tests give to the release and to its namespace. */
export const release = { name: 'tracardi-operator', namespace: 'tracardi-system' } as const

/** Runs the real Helm, in the namespace of the release unless told. Throws with what it said when it fails. */
export async function helm(
  kubeconfig: string,
  args: readonly string[],
  namespace: string = release.namespace,
): Promise<string> {
  const { code, stdout, stderr } = await run(await helmPath(), [
    ...args,
    `--kubeconfig=${kubeconfig}`,
    `--namespace=${namespace}`,
  ])
  if (code !== 0) throw new Error(`helm ${args.join(' ')}: ${stdout}${stderr}`)
  return stdout
}

/** The folder of the chart. */
export const chart = join(root, 'charts', 'tracardi-operator')

/**
 * Installs the chart with the real Helm: the ServiceAccount and its rights. No Pod: nothing would run in it.
 * @param options.crds whether the chart brings the CRD; false where it is there already
 * @param options.values more values of the chart
 * @returns the name of the ServiceAccount
 */
export async function installChart(
  kubeconfig: string,
  options: { crds: boolean; values?: Readonly<Record<string, unknown>> },
): Promise<string> {
  const values = { replicas: 0, crds: { install: options.crds }, ...options.values }
  const flags = Object.entries(values).map(([key, value]) => `--set-json=${key}=${JSON.stringify(value)}`)
  await helm(kubeconfig, ['install', release.name, chart, '--create-namespace', ...flags, '--wait'])
  return release.name
}
