// The HTTP endpoints of an operator that the bench starts, as the kubelet and Prometheus use them.
import { request } from 'undici'
import { freePort } from '../cluster/cluster.ts'
import { operatorIn, RunningContestant, type Contestant } from './contestants.ts'
import type { Bench } from './bench.ts'

export class ServingOperator implements AsyncDisposable {
  readonly contestant: Contestant
  readonly failed: Promise<never>
  /** Just before the process was started, in milliseconds of `performance.now()`. */
  readonly startedAt: number
  readonly #running: RunningContestant
  readonly #origin: string

  private constructor({ cluster }: Bench, contestant: Contestant, origin: string) {
    this.contestant = contestant
    this.#origin = origin
    this.startedAt = performance.now()
    this.#running = new RunningContestant(contestant, cluster.kubeconfigPath, cluster.directory)
    this.failed = this.#running.failed
  }

  static async start(bench: Bench, namespace: string): Promise<ServingOperator> {
    const address = `127.0.0.1:${await freePort()}`
    return new ServingOperator(bench, operatorIn(namespace, address), `http://${address}`)
  }

  /** Whether it answers 200. Before it serves there is nobody who could answer. */
  async isOk(path: '/livez' | '/readyz'): Promise<boolean> {
    try {
      const { statusCode, body } = await request(`${this.#origin}${path}`)
      await body.dump()
      return statusCode === 200
    } catch {
      return false
    }
  }

  /** Resident memory of the process in MB (10^6 bytes), as it says itself. */
  async residentMb(): Promise<number> {
    const { body } = await request(`${this.#origin}/metrics`)
    const value = /^process_resident_memory_bytes (\S+)$/m.exec(await body.text())?.[1]
    if (value === undefined) throw new Error('/metrics has no process_resident_memory_bytes')
    return Number(value) / 1e6
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running[Symbol.asyncDispose]()
  }
}
