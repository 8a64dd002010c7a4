// What a place that programs can come from must offer. `programs.ts` holds the ordered list of them.
import { spawn } from 'node:child_process'

/** One thing that tests need: an executable, or a folder of manifests. */
export interface Item {
  /** File name, also the name in messages. */
  name:
    | 'etcd'
    | 'kube-apiserver'
    | 'kube-controller-manager'
    | 'kube-scheduler'
    | 'kwok'
    | 'kwok-stages'
    | 'helm'
    | 'rollouts-controller'
    | 'rollouts-crds'
  set: ProgramSet
}

/** Items that are released, and therefore built or downloaded, together. */
export interface ProgramSet {
  name: 'kubernetes' | 'etcd' | 'kwok' | 'helm-3' | 'argo-rollouts'
  /** With the leading v, for example v1.36.3. */
  version: string
  items: Item['name'][]
}

export interface Context {
  env: NodeJS.ProcessEnv
  /** Shows one line of progress to whoever waits. */
  log: (line: string) => void
  signal?: AbortSignal | undefined
}

/** A path, or in one sentence why this source does not have the item. */
export type Found = { path: string } | { missing: string }

export interface Source {
  /** For messages: "not found in <name>: <missing>". */
  name: string
  /** Throws only where going on to the next source would hide a mistake of the user, or when aborted. */
  find: (item: Item, context: Context) => Promise<Found>
}

export const isFolder = (name: Item['name']): boolean => name === 'kwok-stages' || name === 'rollouts-crds'

/** What makes a program print its version, and do nothing else. */
export const versionArgs = (name: string): string[] => (name === 'helm' ? ['version'] : ['--version'])

export interface Finished {
  code: number | null
  stdout: string
  stderr: string
}

/** Runs a program to its end. Rejects when it cannot be started or the signal fires. */
export const run = async (
  file: string,
  args: string[],
  options: {
    cwd?: string
    env?: NodeJS.ProcessEnv
    signal?: AbortSignal | undefined
    input?: string
    onStderr?: (line: string) => void
  } = {},
): Promise<Finished> => {
  const child = spawn(file, args, {
    stdio: 'pipe',
    env: options.env ?? process.env,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  })
  let stdout = ''
  let stderr = ''
  let partial = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
    const lines = (partial + text).split('\n')
    partial = lines.pop() ?? ''
    for (const line of lines) options.onStderr?.(line)
  })
  // A program that does not read its input closes it; its exit code tells what went wrong.
  child.stdin.on('error', () => undefined).end(options.input ?? '')
  const { promise, resolve, reject } = Promise.withResolvers<number | null>()
  child.on('error', reject).on('close', resolve)
  return { code: await promise, stdout, stderr }
}

/** Nothing when the program runs and prints a version, else what went wrong. */
export const checkRuns = async (path: string, args = ['--version']): Promise<string | undefined> => {
  try {
    const { code, stdout, stderr } = await run(path, args)
    return code === 0 ? undefined : `${path} ${args.join(' ')} ended with ${String(code)}: ${(stderr || stdout).trim()}`
  } catch (error) {
    return `${path} cannot be run: ${messageOf(error)}`
  }
}

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
