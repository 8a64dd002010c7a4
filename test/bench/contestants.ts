// The two programs that are compared, each a process of its own that ends with the bench, however that ends.
import { spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Writable } from 'node:stream'
import { bareClientAgent, informerClientAgent, operatorAgent } from './shapes.ts'

/** A program that the bench starts. */
export interface Program {
  name: string
  namespace: string
  userAgent: string
  /** Of node. */
  args: string[]
}

export interface Contestant extends Program {
  name: 'bare client' | 'operator'
}

const root = join(import.meta.dirname, '..', '..')

/** With a selector one source goes to all Deployments with these labels, else each source to its own. */
export const bareClientIn = (namespace: string, selector?: string): Contestant => ({
  name: 'bare client',
  namespace,
  userAgent: bareClientAgent,
  args: [join(import.meta.dirname, 'bare-client.ts'), namespace, ...(selector === undefined ? [] : [selector])],
})

/** `namespace` is the one of its Lease. It works in all of them. */
export const operatorIn = (namespace: string, httpAddress = '127.0.0.1:0'): Contestant => ({
  name: 'operator',
  namespace,
  userAgent: operatorAgent,
  args: [join(root, 'dist', 'main.js'), '--http-address', httpAddress, '--namespace', namespace],
})

/** The informers of @kubernetes/client-node, at work in all namespaces. `namespace` only names its log. */
export const informerClientIn = (namespace: string, httpAddress: string): Program => ({
  name: 'informers',
  namespace,
  userAgent: informerClientAgent,
  args: [join(import.meta.dirname, 'informer-client.ts'), httpAddress],
})

/** Runs a program and asks it to end once file descriptor 3 closes, which it does whatever ends the bench. */
const guard = `
"$@" 3<&- &
program=$!
{ read -r _ <&3; kill "$program"; } 2>/dev/null &
watcher=$!
exec 3<&-
wait "$program"
status=$?
kill -9 "$watcher" 2>/dev/null
exit "$status"
`

export class RunningContestant implements AsyncDisposable {
  /** Rejects when it ends before it is stopped. */
  readonly failed: Promise<never>
  readonly #ended: Promise<void>
  readonly #pipe: Writable
  #stopping = false

  constructor(contestant: Program, kubeconfigPath: string, directory: string) {
    const logPath = join(directory, `${contestant.namespace}.log`)
    const output = openSync(logPath, 'a')
    const child = spawn('sh', ['-c', guard, 'guard', process.execPath, ...contestant.args], {
      env: { ...process.env, KUBECONFIG: kubeconfigPath },
      // A session of its own, so that Ctrl-C reaches it through the bench only.
      detached: true,
      stdio: ['ignore', output, output, 'pipe'],
    })
    closeSync(output)
    this.#pipe = child.stdio[3] as Writable
    // The guard may be gone before its pipe is closed.
    this.#pipe.on('error', () => undefined)
    const { promise: ended, resolve } = Promise.withResolvers<undefined>()
    const { promise: failed, reject } = Promise.withResolvers<never>()
    child.on('error', reject).on('exit', (code) => {
      resolve(undefined)
      if (this.#stopping) return
      void readFile(logPath, 'utf8').then((log) => {
        const end = log.trimEnd().split('\n').slice(-10).join('\n')
        reject(new Error(`the ${contestant.name} ended by itself (${String(code)}). The end of its log:\n${end}`))
      }, reject)
    })
    failed.catch(() => undefined)
    this.#ended = ended
    this.failed = failed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping = true
    this.#pipe.destroy()
    await this.#ended
  }
}
