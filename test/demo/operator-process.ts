// The operator as a process of this machine.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import * as z from 'zod'

const READY_TIMEOUT_MS = 30_000
const STOP_TIMEOUT_MS = 15_000
const POLL_MS = 25

export const operatorProgram = join(import.meta.dirname, '..', '..', 'dist', 'main.js')

const servingLine = z.object({ msg: z.literal('serving'), address: z.string() })

const addressIn = (line: string): string | undefined => {
  try {
    return servingLine.safeParse(JSON.parse(line)).data?.address
  } catch {
    return undefined
  }
}

/** Ends the operator when this process ends in a way that leaves no time to do it. */
const guard = (child: ChildProcess): ChildProcess =>
  spawn('sh', ['-c', 'read -r _ <&3; kill -9 "$1"', 'sh', String(child.pid)], {
    detached: true,
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
  })

export class OperatorProcess implements AsyncDisposable {
  /** The file with everything that the operator logged. */
  readonly logPath: string
  /** Settles when the operator ends without having been told to. */
  readonly failed: Promise<Error>
  readonly #child: ChildProcess
  readonly #guard: ChildProcess
  readonly #lines: string[] = []
  readonly #address: Promise<string>
  #stopping = false

  /** Starts it with a kubeconfig; `args` come after those that every run needs. */
  constructor(kubeconfig: string, logPath: string, args: readonly string[] = []) {
    this.logPath = logPath
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('TRACARDI_OPERATOR_'))
    this.#child = spawn(process.execPath, [operatorProgram, '--http-address=127.0.0.1:0', ...args], {
      // Away from the Ctrl-C of the terminal: it is stopped in order, before the cluster.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...Object.fromEntries(inherited), KUBECONFIG: kubeconfig },
    })
    this.#guard = guard(this.#child)
    this.#guard.stdio[3]?.on('error', () => undefined)
    const file = createWriteStream(logPath, { flags: 'a' })
    const { promise: address, resolve: serving } = Promise.withResolvers<string>()
    this.#address = address
    const onLine = (line: string): void => {
      this.#lines.push(line)
      file.write(`${line}\n`)
      const found = addressIn(line)
      if (found !== undefined) serving(found)
    }
    for (const stream of [this.#child.stdout, this.#child.stderr])
      if (stream !== null) createInterface({ input: stream }).on('line', onLine)
    const { promise: failed, resolve: fail } = Promise.withResolvers<Error>()
    this.failed = failed
    const onEnd = (reason: string): void => {
      this.#guard.kill('SIGKILL')
      file.end()
      if (!this.#stopping) fail(new Error(`the operator ended by itself (${reason}):\n${this.lastLines()}`))
    }
    this.#child
      .once('error', ({ message }) => {
        onEnd(message)
      })
      .once('close', (code, signal) => {
        onEnd(signal ?? `exit code ${String(code)}`)
      })
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /** Everything that it wrote to stdout and stderr. */
  get log(): string {
    return this.#lines.join('\n')
  }

  /** The end of the log, for whoever has to find out what went wrong. */
  lastLines(count = 15): string {
    return this.#lines.slice(-count).join('\n')
  }

  /** Resolves with its address once /readyz says yes. */
  async ready(signal: AbortSignal): Promise<string> {
    const failure = this.failed.then((error) => {
      throw error
    })
    const address = await Promise.race([this.#address, failure, aborted(AbortSignal.any([signal, tooLate()]))])
    const deadline = Date.now() + READY_TIMEOUT_MS
    for (;;) {
      signal.throwIfAborted()
      const response = await fetch(`http://${address}/readyz`).catch(() => undefined)
      if (response?.ok === true) return address
      if (Date.now() > deadline) throw new Error(`the operator is not ready:\n${this.lastLines()}`)
      await Promise.race([sleep(POLL_MS), failure])
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping = true
    if (this.#child.exitCode !== null || this.#child.signalCode !== null || this.#child.pid === undefined) return
    const ended = once(this.#child, 'close')
    this.#child.kill('SIGTERM')
    const inTime = await Promise.race([ended.then(() => true), sleep(STOP_TIMEOUT_MS, false, { ref: false })])
    if (inTime) return
    this.#child.kill('SIGKILL')
    await ended
  }
}

const tooLate = (): AbortSignal => AbortSignal.timeout(READY_TIMEOUT_MS)

const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    const refuse = (): void => {
      reject(signal.reason instanceof Error ? signal.reason : new Error('stopped'))
    }
    if (signal.aborted) refuse()
    else signal.addEventListener('abort', refuse, { once: true })
  })
