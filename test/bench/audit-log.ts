// What a client costs the API server, from the server's own record: one line a call.
import { open, stat } from 'node:fs/promises'
import * as z from 'zod'

/** Number of calls by verb and resource, like `patch deployments.apps`. */
export type Calls = Record<string, number>

const entrySchema = z.object({
  stage: z.string(),
  verb: z.string(),
  userAgent: z.string().optional(),
  requestURI: z.string(),
  stageTimestamp: z.string(),
  objectRef: z
    .object({ resource: z.string(), apiGroup: z.string().optional(), subresource: z.string().optional() })
    .optional(),
})

/** A watch counts when it begins, everything else when it ends. */
const countedStage = (verb: string): string => (verb === 'watch' ? 'ResponseStarted' : 'ResponseComplete')

export class AuditLog {
  readonly #path: string

  constructor(path: string) {
    this.#path = path
  }

  /** A place in the log: everything before it has been answered already. */
  async mark(): Promise<number> {
    return (await stat(this.#path)).size
  }

  /** The calls after a mark of clients whose user agent begins so. */
  async since(mark: number, userAgent: string): Promise<Calls> {
    const calls: Calls = {}
    for (const { call } of await this.#entries(mark, userAgent)) calls[call] = (calls[call] ?? 0) + 1
    return calls
  }

  /** When the last of these calls was answered, in milliseconds of `Date.now()`; undefined when there was none. */
  async lastAt(mark: number, userAgent: string, call: string): Promise<number | undefined> {
    return (await this.#entries(mark, userAgent)).findLast((entry) => entry.call === call)?.at
  }

  async #entries(mark: number, userAgent: string): Promise<{ call: string; at: number }[]> {
    const file = await open(this.#path)
    let text: string
    try {
      const { size } = await file.stat()
      const bytes = Buffer.alloc(size - mark)
      await file.read(bytes, 0, bytes.length, mark)
      text = bytes.toString('utf8')
    } finally {
      await file.close()
    }
    const entries = []
    // The last piece is empty, or a line that is not whole yet.
    for (const line of text.split('\n').slice(0, -1)) {
      if (!line.includes(userAgent)) continue
      const entry = entrySchema.parse(JSON.parse(line))
      if (entry.userAgent?.startsWith(userAgent) !== true || entry.stage !== countedStage(entry.verb)) continue
      const { objectRef: ref } = entry
      const what =
        ref === undefined
          ? entry.requestURI.replace(/\?.*/, '')
          : [[ref.resource, ref.apiGroup].filter(Boolean).join('.'), ref.subresource].filter(Boolean).join('/')
      entries.push({ call: `${entry.verb} ${what}`, at: Date.parse(entry.stageTimestamp) })
    }
    return entries
  }
}
