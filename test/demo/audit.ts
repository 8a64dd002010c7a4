// What the operator asked of the API server, by the API server's own record.
import { readFile } from 'node:fs/promises'
import * as z from 'zod'

const entrySchema = z.object({
  stage: z.string(),
  verb: z.string(),
  user: z.object({ username: z.string() }),
  userAgent: z.string().optional(),
  objectRef: z.object({ resource: z.string(), subresource: z.string().optional() }).optional(),
})

/** One call: `patch secrets`, `patch tracardiresources/status`. */
export interface Call {
  what: string
  user: string
}

/** The calls of clients whose User-Agent begins with `agent`, in order. Watches are not calls: they stay open. */
export const readCalls = async (auditLog: string, agent: string): Promise<Call[]> => {
  const lines = (await readFile(auditLog, 'utf8')).split('\n')
  // The last line may be half written.
  return lines.slice(0, -1).flatMap((line) => {
    const { stage, verb, user, userAgent = '', objectRef } = entrySchema.parse(JSON.parse(line))
    if (stage !== 'ResponseComplete' || verb === 'watch' || !userAgent.startsWith(agent)) return []
    const { resource = '', subresource } = objectRef ?? {}
    return [
      { what: `${verb} ${subresource === undefined ? resource : `${resource}/${subresource}`}`, user: user.username },
    ]
  })
}

/** How often each call was made, without those that keep the Lease. */
export const countCalls = (calls: readonly Call[]): Map<string, number> => {
  const counts = new Map<string, number>()
  for (const { what } of calls) if (!what.endsWith(' leases')) counts.set(what, (counts.get(what) ?? 0) + 1)
  return new Map([...counts].sort(([a], [b]) => a.localeCompare(b)))
}
