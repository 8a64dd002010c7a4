// What the sections of the bench share: one control plane, and steps that never wait for ever.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Cluster } from '../cluster/cluster.ts'
import type { Api } from './api.ts'
import type { AuditLog, Calls } from './audit-log.ts'
import type { Program } from './contestants.ts'

export interface Bench {
  api: Api
  audit: AuditLog
  cluster: Cluster
  /** Fewer objects and repetitions: for a first look. */
  quick: boolean
  /** How long to count the calls at rest, in seconds; as the section sees fit unless told. */
  restSeconds?: number
  /** Rejects when going on makes no sense: it was told to stop, or a part of it broke. */
  failed: Promise<never>
}

/** What a section found: for programs, and for people. */
export interface Section {
  json: object
  table: string
}

const stepTimeoutMs = 60_000
/** The operator writes the state of consumers up to a second later; so long without a call means that it is through. */
const quietMs = 2500
/** Enough to keep the API server busy. */
const createdAtOnce = 32

export const note = (text: string): void => {
  process.stderr.write(`${text}\n`)
}

export const indexes = (count: number): number[] => Array.from({ length: count }, (_, index) => index)

/** Asks every `everyMs` until the answer is yes. Throws when that takes longer than `ms`. */
export const until = async (
  what: string,
  ask: () => Promise<boolean> | boolean,
  { ms = stepTimeoutMs, everyMs = 100 }: { ms?: number; everyMs?: number } = {},
): Promise<void> => {
  const deadline = performance.now() + ms
  while (!(await ask())) {
    if (performance.now() > deadline) throw new Error(`${what} did not come about within ${ms / 1000} s`)
    await sleep(everyMs)
  }
}

/** Waits until the contestant makes no call but those of its Lease. */
export const quiet = async (
  { audit }: Bench,
  { name, userAgent }: Program,
  options: { ms?: number } = {},
): Promise<void> => {
  const ask = async () => {
    const mark = await audit.mark()
    await sleep(quietMs)
    return Object.keys(withoutLease(await audit.since(mark, userAgent))).length === 0
  }
  await until(`quiet of the ${name}`, ask, options)
}

/** Waits until so many targets are there. Quiet alone may be that of an operator that does not hold the Lease yet. */
export const delivered = async ({ api }: Bench, namespace: string, count: number, ms: number): Promise<void> => {
  const path = `/api/v1/namespaces/${namespace}/secrets?labelSelector=app.kubernetes.io/managed-by=tracardi-operator`
  const ask = async () => ((await api.call('GET', path)) as { items: unknown[] }).items.length === count
  await until(`${count} targets`, ask, { ms, everyMs: 1000 })
}

export const withoutLease = (calls: Calls): Calls =>
  Object.fromEntries(Object.entries(calls).filter(([call]) => !call.endsWith(' leases.coordination.k8s.io')))

export interface Steps extends Disposable {
  /** The result of a step, unless it takes too long or `failed` rejects before. */
  attempt: <T>(what: string, work: Promise<T>, ms?: number) => Promise<T>
}

/** No step may wait for ever: not for a program that has ended, nor for one that does not do its work. */
export const stepsOf = (name: string, ...failed: Promise<never>[]): Steps => {
  const timeout = new AbortController()
  return {
    attempt: async (what, work, ms = stepTimeoutMs) => {
      const late = sleep(ms, undefined, { signal: timeout.signal }).then(() => {
        throw new Error(`${name}: ${what} took more than ${ms / 1000} s`)
      })
      late.catch(() => undefined)
      return Promise.race([work, late, ...failed])
    },
    [Symbol.dispose]: () => {
      timeout.abort()
    },
  }
}

/** Creates the objects of the indexes from `first` up to but not including `end`. */
export const createAll = async (
  { api, failed }: Bench,
  path: string,
  end: number,
  object: (index: number) => unknown,
  first = 0,
): Promise<void> => {
  const all = indexes(end - first).map((offset) => first + offset)
  await Promise.race([inParallel(all, (index) => api.call('POST', path, object(index))), failed])
}

/** Does it for each, so many at once that the API server is busy. */
export const inParallel = async <T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> => {
  const rest = items.values()
  const doSome = async (): Promise<void> => {
    for (const item of rest) await work(item)
  }
  await Promise.all(indexes(createdAtOnce).map(doSome))
}

export const createNamespaces = async ({ api }: Bench, ...names: string[]): Promise<void> => {
  for (const name of names)
    await api.call('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } })
}

/** Does not wait until they are gone: after the last section nobody needs that. */
export const deleteNamespaces = async ({ api }: Bench, ...names: string[]): Promise<void> => {
  for (const name of names) await api.call('DELETE', `/api/v1/namespaces/${name}`)
}

/** The section before may have left some that are on their way out: the figures of the next one would be theirs as well. */
export const namespacesGone = async ({ api, failed }: Bench): Promise<void> => {
  const gone = async () => {
    const { items } = (await api.call('GET', '/api/v1/namespaces')) as { items: { metadata: { name: string } }[] }
    return !items.some(({ metadata }) => metadata.name.startsWith('bench-'))
  }
  await Promise.race([until('the end of the namespaces of another section', gone, { ms: 300_000 }), failed])
}
