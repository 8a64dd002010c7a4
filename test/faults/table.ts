/** The table: every kind of call, every fault, and which of the two make no sense together. */
import { setTimeout as sleep } from 'node:timers/promises'
import { statusBody, type Fault, type FaultProxy, type ProxiedCall } from './proxy.ts'

/** The kinds of calls, in the order of the columns, and what each of them is. */
export const kinds = {
  list: (call) => call.verb === 'list',
  watch: (call) => call.verb === 'watch',
  get: (call) => call.verb === 'get' && call.resource === 'secrets',
  create: (call) => call.verb === 'create' && call.resource === 'secrets',
  patch: (call) => call.verb === 'patch' && (call.resource === 'secrets' || call.resource === 'deployments'),
  status: (call) => call.resource === 'tracardiresources/status',
  event: (call) => call.resource === 'events',
  lease: (call) => call.resource === 'leases',
} as const satisfies Readonly<Record<string, (call: ProxiedCall) => boolean>>

export type Kind = keyof typeof kinds
export const kindNames = Object.keys(kinds) as Kind[]

/** What a fault is told of the call that it meets. */
export interface Hit {
  readonly call: ProxiedCall
  readonly proxy: FaultProxy
  /** 1 for the first call that the fault meets. */
  readonly number: number
  /** Runs something after a time; the fault is not over before it has run. */
  readonly later: (ms: number, run: () => Promise<void> | void) => void
}

export interface FaultRow {
  readonly name: string
  /** Kinds of calls that it cannot meet, and why. */
  readonly without?: { readonly kinds: readonly Kind[]; readonly why: string }
  /** The operator runs with shorter deadlines, so that nobody has to wait for them. */
  readonly impatient?: boolean
  /** Metadata is listed again so often, in milliseconds, for what is mended by that alone. */
  readonly resyncMs?: number
  readonly act: (hit: Hit) => Fault | Promise<Fault>
}

const reads: readonly Kind[] = ['list', 'watch', 'get']
const forward: Fault = { kind: 'Forward' }
/** How long the whole server is away, or not to be trusted. */
const awayMs = 1_200
const large = 16 * 1024 * 1024

function status(code: number, reason: string, details: object = {}, headers: Record<string, string> = {}): Fault {
  return { kind: 'Answer', status: code, headers, body: statusBody(code, reason, details) }
}

/** An answer of a watch: these lines, and then its end. */
function watched(...events: readonly object[]): Fault {
  return { kind: 'Answer', status: 200, body: events.map((event) => `${JSON.stringify(event)}\n`).join('') }
}

function errorEvent(code: number, reason: string, details: object = {}): Fault {
  return watched({ type: 'ERROR', object: JSON.parse(statusBody(code, reason, details)) as object })
}

/** Cannot be read: of a watch the line, of anything else the whole answer. */
function garbled(call: ProxiedCall, alter: (body: Buffer) => Buffer | string, line: string): Fault {
  return call.verb === 'watch' ? { kind: 'Answer', status: 200, body: line } : { kind: 'Alter', alter }
}

interface AnyObject {
  metadata?: { annotations?: Record<string, string> }
  items?: AnyObject[]
}

/** An object in the answer gets an annotation of 16 MB. */
function enlarged(body: Buffer): string {
  const answer = JSON.parse(body.toString()) as AnyObject
  const object = answer.items === undefined ? answer : (answer.items[0] ?? answer)
  object.metadata = { ...object.metadata, annotations: { ...object.metadata?.annotations, large: 'x'.repeat(large) } }
  return JSON.stringify(answer)
}

function withoutMetadata(body: Buffer): string {
  const answer = JSON.parse(body.toString()) as AnyObject
  if (answer.items === undefined) delete answer.metadata
  else answer.items.push({})
  return JSON.stringify(answer)
}

/** An event of an object that is in the way of nobody, under the resourceVersion at which the watch began. */
function strangeSecret(call: ProxiedCall, metadata: object): object {
  const resourceVersion = call.query.get('resourceVersion') ?? '1'
  const identity = { name: 'nobodys', namespace: call.namespace ?? 'default', uid: 'nobodys-uid', resourceVersion }
  return { type: 'ADDED', object: { kind: 'PartialObjectMetadata', metadata: { ...identity, ...metadata } } }
}

function bookmark(call: ProxiedCall, ahead = 0): object {
  const resourceVersion = String(Number(call.query.get('resourceVersion') ?? '1') + ahead)
  return { type: 'BOOKMARK', object: { metadata: { resourceVersion } } }
}

const watchOnly = (why: string): NonNullable<FaultRow['without']> => ({
  kinds: kindNames.filter((kind) => kind !== 'watch'),
  why,
})
const writesOnly = (code: number): NonNullable<FaultRow['without']> => ({
  kinds: reads,
  why: `nothing that only reads is answered with ${String(code)}`,
})
const versionsOnly = {
  kinds: kindNames.filter((kind) => kind !== 'list' && kind !== 'watch'),
  why: 'only lists and watches begin at a resourceVersion that can be too old or too new',
}

export const faults: readonly FaultRow[] = [
  {
    name: 'connection refused',
    async act({ number, proxy, later }) {
      if (number > 1) return forward
      later(awayMs, () => proxy.partition('Open'))
      await proxy.partition('Refuse')
      return { kind: 'Reset', when: 'BeforeForwarding' }
    },
  },
  { name: 'reset before the server sees the call', act: () => ({ kind: 'Reset', when: 'BeforeForwarding' }) },
  { name: 'carried out, reset before the answer', act: () => ({ kind: 'Reset', when: 'BeforeAnswer' }) },
  { name: 'reset amid the body', act: () => ({ kind: 'Reset', when: 'AmidBody' }) },
  {
    name: 'half-open: dark before the server sees the call',
    impatient: true,
    act: () => ({ kind: 'Dark', when: 'BeforeForwarding' }),
  },
  {
    name: 'half-open: carried out, dark before the answer',
    impatient: true,
    act: () => ({ kind: 'Dark', when: 'BeforeAnswer' }),
  },
  { name: 'half-open: dark amid the body', impatient: true, act: () => ({ kind: 'Dark', when: 'AmidBody' }) },
  {
    name: 'TLS failure, then another CA',
    act({ number, proxy, later }) {
      if (number > 1) return forward
      proxy.replaceCertificate()
      later(awayMs, () => proxy.publishCertificate())
      return { kind: 'Reset', when: 'BeforeForwarding' }
    },
  },
  {
    name: '401, then another token',
    act({ number, proxy, later }) {
      if (number > 1) return forward
      proxy.expireTokens()
      later(awayMs, () => proxy.publishTokens())
      return status(401, 'Unauthorized')
    },
  },
  { name: '403', act: () => status(403, 'Forbidden') },
  {
    name: '404 of a load balancer or a server that starts',
    act: () => ({
      kind: 'Answer',
      status: 404,
      headers: { 'content-type': 'text/plain' },
      body: '404 page not found\n',
    }),
  },
  {
    name: '409',
    without: writesOnly(409),
    act: ({ call }) => status(409, call.verb === 'create' ? 'AlreadyExists' : 'Conflict'),
  },
  { name: '410', without: versionsOnly, act: () => status(410, 'Expired') },
  {
    name: '410 as an event',
    without: watchOnly('only watches have events'),
    act: () => errorEvent(410, 'Expired'),
  },
  {
    name: '422',
    without: writesOnly(422),
    act: () => status(422, 'Invalid', { causes: [{ reason: 'FieldValueInvalid', field: 'metadata.labels' }] }),
  },
  { name: '429', act: () => status(429, 'TooManyRequests') },
  {
    name: '429 with Retry-After: 1',
    act: () => status(429, 'TooManyRequests', { retryAfterSeconds: 1 }, { 'retry-after': '1' }),
  },
  { name: '500', act: () => status(500, 'InternalError') },
  { name: '503', act: () => status(503, 'ServiceUnavailable') },
  {
    name: 'truncated JSON',
    act: ({ call }) =>
      garbled(call, (body) => body.subarray(0, body.length / 2), '{"type":"MODIFIED","object":{"metadata":{"na'),
  },
  {
    name: 'invalid JSON',
    act: ({ call }) => garbled(call, () => '<html>try again later</html>', '<html>try again later</html>\n'),
  },
  {
    name: 'an object of 16 MB',
    act: ({ call }) =>
      call.verb !== 'watch'
        ? { kind: 'Alter', alter: enlarged }
        : call.resource === 'secrets'
          ? watched(strangeSecret(call, { annotations: { large: 'x'.repeat(large) } }))
          : forward,
  },
  {
    name: 'an object without metadata',
    act: ({ call }) =>
      garbled(call, withoutMetadata, `${JSON.stringify({ type: 'ADDED', object: { kind: 'Secret' } })}\n`),
  },
  {
    name: 'slow trickle',
    impatient: true,
    act: ({ call }) =>
      call.verb === 'watch' ? { kind: 'Trickle', bytes: 64, everyMs: 20 } : { kind: 'Trickle', bytes: 10, everyMs: 50 },
  },
  {
    name: 'closes at once, for ever',
    without: watchOnly('only watches are meant to stay open'),
    act: () => watched(),
  },
  {
    name: 'one bookmark, then closes at once, for ever',
    without: watchOnly('only watches have bookmarks'),
    act: ({ call }) => watched(bookmark(call)),
  },
  {
    name: 'ERROR event (500)',
    without: watchOnly('only watches have events'),
    act: () => errorEvent(500, 'InternalError'),
  },
  {
    name: 'resourceVersion too large',
    without: versionsOnly,
    act: () =>
      status(504, 'Timeout', {
        causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
        retryAfterSeconds: 1,
      }),
  },
  {
    name: 'bookmarks and nothing else, although something happened',
    without: watchOnly('only watches have bookmarks'),
    resyncMs: 5_000,
    async act({ call }) {
      await sleep(500)
      return watched(bookmark(call, 1_000_000))
    },
  },
]

/** Why a fault cannot meet a kind of call; undefined when it can. */
export function whyNot(fault: FaultRow, kind: Kind): string | undefined {
  return fault.without?.kinds.includes(kind) === true ? fault.without.why : undefined
}
