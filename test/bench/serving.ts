// The HTTP endpoints of a program that the bench starts, as the kubelet and Prometheus use them.
import { request } from 'undici'
import { freePort } from '../cluster/cluster.ts'
import { informerClientIn, operatorIn, RunningContestant, type Program } from './contestants.ts'
import type { Bench } from './bench.ts'

interface OperatorOptions {
  /** More flags. */
  args?: string[]
  /** Flags of Node itself. */
  nodeArgs?: string[]
  /** Another way to the cluster than the administrator's. */
  kubeconfigPath?: string
}

export class ServingProgram implements AsyncDisposable {
  readonly contestant: Program
  readonly failed: Promise<never>
  /** Just before the process was started, in milliseconds of `performance.now()`. */
  readonly startedAt: number
  readonly #running: RunningContestant
  readonly #origin: string

  private constructor(
    { cluster }: Bench,
    contestant: Program,
    origin: string,
    kubeconfigPath = cluster.kubeconfigPath,
  ) {
    this.contestant = contestant
    this.#origin = origin
    this.startedAt = performance.now()
    this.#running = new RunningContestant(contestant, kubeconfigPath, cluster.directory)
    this.failed = this.#running.failed
  }

  static async operator(
    bench: Bench,
    namespace: string,
    { args = [], nodeArgs = [], kubeconfigPath }: OperatorOptions = {},
  ): Promise<ServingProgram> {
    const address = `127.0.0.1:${await freePort()}`
    const program = operatorIn(namespace, address)
    const whole = { ...program, args: [...nodeArgs, ...program.args, ...args] }
    return new ServingProgram(bench, whole, `http://${address}`, kubeconfigPath)
  }

  static async informers(bench: Bench, namespace: string): Promise<ServingProgram> {
    const address = `127.0.0.1:${await freePort()}`
    return new ServingProgram(bench, informerClientIn(namespace, address), `http://${address}`)
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
    return (await this.metric('process_resident_memory_bytes')) / 1e6
  }

  /** Processor time of all its threads since its start, in seconds, as it says itself. */
  cpuSeconds(): Promise<number> {
    return this.metric('process_cpu_seconds_total')
  }

  /** The value of a metric without labels. */
  async metric(name: string): Promise<number> {
    const { body } = await request(`${this.#origin}/metrics`)
    const line = (await body.text()).split('\n').find((text) => text.startsWith(`${name} `))
    if (line === undefined) throw new Error(`/metrics has no ${name}`)
    return Number(line.slice(name.length))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running[Symbol.asyncDispose]()
  }
}
