// The processes of one cluster, each under a guard that ends it when this process ends, however that happens.
import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Writable } from 'node:stream'

const LOG_LINES = 15

/** A process ended that should have gone on. The message carries the end of its log. */
export class ProcessEndedError extends Error {
  readonly log: string

  constructor(name: string, reason: string, log: string) {
    super(`${name} ended (${reason}). The end of its log:\n${log}`)
    this.log = log
  }
}

interface Guarded {
  child: ChildProcess
  ended: Promise<void>
}

interface Running extends Guarded {
  name: string
  file: string
  args: string[]
  /** Its end is our doing. */
  released: boolean
}

export class Processes implements AsyncDisposable {
  /** Settles once, when a process ends that should not. */
  readonly failed: Promise<ProcessEndedError>
  readonly #fail: (error: ProcessEndedError) => void
  readonly #directory: string
  #running: Running[] = []
  readonly #sweep: Guarded | undefined
  #stopping = false

  /** `directory` is where the processes run and log; with `remove` it goes with them. */
  constructor(directory: string, remove: boolean) {
    this.#directory = directory
    const { promise, resolve } = Promise.withResolvers<ProcessEndedError>()
    this.failed = promise
    this.#fail = resolve
    if (remove) this.#sweep = guarded('sweep.sh', [directory], 'ignore', '/')
  }

  /** Starts a program; its output goes to NAME.log in the directory. */
  start(name: string, file: string, args: string[]): void {
    const output = openSync(join(this.#directory, `${name}.log`), 'a')
    const process = {
      ...guarded('guard.sh', [file, ...args], output, this.#directory),
      name,
      file,
      args,
      released: false,
    }
    closeSync(output)
    this.#running.push(process)
    process.child.on('error', (error) => void this.#ended(process, error.message))
    process.child.on('exit', (code, signal) => void this.#ended(process, signal ?? `exit code ${String(code)}`))
  }

  /**
   * Ends all processes, does something while none runs, and starts them again as they were.
   * @param first the names of those without which the others do not start
   * @param untilUp resolves when these are up
   */
  async restart(
    meanwhile: () => Promise<void>,
    { first, untilUp }: { first: readonly string[]; untilUp: () => Promise<void> },
  ): Promise<void> {
    const running = this.#running
    this.#running = []
    for (const process of running) {
      process.released = true
      release(process)
    }
    await Promise.all(running.map(({ ended }) => ended))
    await meanwhile()
    const isFirst = ({ name }: Running): boolean => first.includes(name)
    for (const { name, file, args } of running.filter(isFirst)) this.start(name, file, args)
    await untilUp()
    for (const { name, file, args } of running.filter((process) => !isFirst(process))) this.start(name, file, args)
  }

  /** Resolves when every process is gone, and the directory if it was to go too. */
  async stop(): Promise<void> {
    this.#stopping = true
    for (const process of this.#running) release(process)
    await Promise.all(this.#running.map(({ ended }) => ended))
    if (this.#sweep === undefined) return
    release(this.#sweep)
    await this.#sweep.ended
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  async #ended({ name, released }: Running, reason: string): Promise<void> {
    if (this.#stopping || released) return
    const text = await readFile(join(this.#directory, `${name}.log`), 'utf8').catch(() => '(no log)')
    const log = text.trimEnd().split('\n').slice(-LOG_LINES).join('\n')
    this.#fail(new ProcessEndedError(name, reason, log))
  }
}

const guarded = (script: string, args: string[], output: number | 'ignore', cwd: string): Guarded => {
  const child = spawn('sh', [join(import.meta.dirname, script), ...args], {
    cwd,
    // A session of its own: Ctrl-C in a terminal, and a signal to the group of the run, do not reach it.
    detached: true,
    stdio: ['ignore', output, output, 'pipe'],
  })
  const ended = new Promise<void>((resolve) => {
    child
      .once('exit', () => {
        resolve()
      })
      .once('error', () => {
        resolve()
      })
  })
  // The guard may be gone before its pipe is closed.
  child.stdio[3]?.on('error', () => undefined)
  return { child, ended }
}

const release = ({ child }: Guarded): void => {
  const pipe = child.stdio[3] as Writable | null
  pipe?.destroy()
}
