/** Reads the API server's audit log: who asked for what. */
import { open, stat } from 'node:fs/promises'
import * as z from 'zod'

const entrySchema = z.object({
  stage: z.string(),
  verb: z.string(),
  requestURI: z.string(),
  userAgent: z.string().optional(),
  user: z.object({ username: z.string() }),
  objectRef: z
    .object({
      resource: z.string().optional(),
      subresource: z.string().optional(),
      namespace: z.string().optional(),
      name: z.string().optional(),
    })
    .optional(),
  responseStatus: z.object({ code: z.number().optional(), reason: z.string().optional() }).optional(),
})

export type AuditEntry = z.infer<typeof entrySchema>

const writes: ReadonlySet<string> = new Set(['create', 'update', 'patch', 'delete', 'deletecollection'])

export class AuditLog {
  readonly #path: string

  constructor(path: string) {
    this.#path = path
  }

  /** A place in the log: everything that is answered from now on stands behind it. */
  async mark(): Promise<number> {
    return (await stat(this.#path)).size
  }

  /** The operator's calls after a mark: a watch counts when it begins, everything else when it is answered. */
  async operatorCalls(mark: number): Promise<AuditEntry[]> {
    await using file = await open(this.#path)
    const { size } = await file.stat()
    // The mark may have been set amid a line that was being written: its call was answered before.
    const start = Math.max(0, mark - 1)
    const buffer = Buffer.alloc(Math.max(0, size - start))
    const { bytesRead } = await file.read(buffer, 0, buffer.length, start)
    const text = buffer.toString('latin1', 0, bytesRead)
    return text
      .slice(mark === 0 ? 0 : text.indexOf('\n') + 1, text.lastIndexOf('\n') + 1)
      .split('\n')
      .filter((line) => line.includes('"userAgent":"tracardi-operator/'))
      .map((line) => entrySchema.parse(JSON.parse(line)))
      .filter(({ stage, verb }) => stage === (verb === 'watch' ? 'ResponseStarted' : 'ResponseComplete'))
  }
}

export function isWrite({ verb }: AuditEntry): boolean {
  return writes.has(verb)
}

export function isOf(namespace: string): (entry: AuditEntry) => boolean {
  return (entry) => entry.objectRef?.namespace === namespace
}

/** `patch deployments/sms-sender`, `create events`: what a call was, for comparison and for messages. */
export function describeCall({ verb, objectRef }: AuditEntry): string {
  const { resource = '?', subresource, name } = objectRef ?? {}
  const what = subresource === undefined ? resource : `${resource}.${subresource}`
  // The server gives Events and what is listed their names, or they have none.
  return name === undefined || resource === 'events' ? `${verb} ${what}` : `${verb} ${what}/${name}`
}

/** How often each call occurred. */
export function tally(entries: readonly AuditEntry[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const entry of entries) {
    const call = describeCall(entry)
    counts[call] = (counts[call] ?? 0) + 1
  }
  return counts
}
