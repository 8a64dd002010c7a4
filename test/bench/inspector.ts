// The heap of a running Node process, by its inspector: what is in use after everything that can be collected is.
import { request } from 'undici'
import * as z from 'zod'
import { until } from './bench.ts'

/** In bytes. */
export interface Memory {
  /** In the heap, but compiled code. */
  objects: number
  /** What V8 has compiled. It goes on with that for long: more and more functions turn out to be worth it. */
  code: number
  external: number
  rss: number
}

const targetsSchema = z.tuple([z.object({ webSocketDebuggerUrl: z.string() })])
const memorySchema = z.object({ objects: z.number(), code: z.number(), external: z.number(), rss: z.number() })
const answerSchema = z.object({ id: z.number(), result: z.unknown(), error: z.unknown() }).partial({ error: true })
const evaluatedSchema = z.object({ result: z.object({ value: z.string() }) })

/** Runs in the process itself. */
const expression = `(() => {
  const { heapUsed, external, rss } = process.memoryUsage()
  const spaces = process.getBuiltinModule('node:v8').getHeapSpaceStatistics()
  const code = spaces
    .filter(({ space_name: name }) => /code|trusted/.test(name))
    .reduce((sum, { space_used_size: used }) => sum + used, 0)
  return JSON.stringify({ objects: heapUsed - code, code, external, rss })
})()`

export class Inspector implements Disposable {
  readonly #socket: WebSocket
  readonly #waiting = new Map<number, (result: unknown) => void>()
  #next = 1

  private constructor(socket: WebSocket) {
    this.#socket = socket
    socket.addEventListener('message', ({ data }) => {
      const { id, result } = answerSchema.parse(JSON.parse(String(data)))
      this.#waiting.get(id)?.(result)
      this.#waiting.delete(id)
    })
  }

  /** To a process that was started with `--inspect=127.0.0.1:PORT`. */
  static async connect(port: number): Promise<Inspector> {
    const ask = async (): Promise<string> => {
      const { body } = await request(`http://127.0.0.1:${port}/json/list`)
      const [{ webSocketDebuggerUrl }] = targetsSchema.parse(await body.json())
      return webSocketDebuggerUrl
    }
    let url = ''
    await until('the inspector', () =>
      ask().then(
        (found) => {
          url = found
          return true
        },
        () => false,
      ),
    )
    const socket = new WebSocket(url)
    const { promise, resolve, reject } = Promise.withResolvers<undefined>()
    socket.addEventListener('open', () => {
      resolve(undefined)
    })
    socket.addEventListener('error', () => {
      reject(new Error('the inspector cannot be connected to'))
    })
    await promise
    return new Inspector(socket)
  }

  async memoryAfterGc(): Promise<Memory> {
    // Twice: what the first finds finalizers of is gone only with the second.
    await this.#call('HeapProfiler.collectGarbage')
    await this.#call('HeapProfiler.collectGarbage')
    const { result } = evaluatedSchema.parse(await this.#call('Runtime.evaluate', { expression }))
    return memorySchema.parse(JSON.parse(result.value))
  }

  #call(method: string, params: object = {}): Promise<unknown> {
    const id = this.#next++
    const { promise, resolve } = Promise.withResolvers<unknown>()
    this.#waiting.set(id, resolve)
    this.#socket.send(JSON.stringify({ id, method, params }))
    return promise
  }

  [Symbol.dispose](): void {
    this.#socket.close()
  }
}
