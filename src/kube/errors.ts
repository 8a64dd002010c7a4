/** Errors: one family, mapped once at the boundary. Their messages are ours: the API server's and libraries' hold values. */

/** What a controller does with a failed key: try again later, try again at once, or wait for the next event. */
export type Retry = 'backoff' | 'now' | 'never'

/** Every error that the program throws on purpose. The message is fit for a log line, never holds a foreign text. */
export class OperatorError extends Error {
  /** Stable, for programs: `KUBE_CONFLICT`. */
  readonly code: string
  /** CamelCase, fit for a condition: `Conflict`. */
  readonly reason: string
  readonly retry: Retry

  constructor(options: { code: string; reason: string; retry: Retry; message: string; cause?: unknown }) {
    super(options.message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = new.target.name
    this.code = options.code
    this.reason = options.reason
    this.retry = options.retry
  }
}

/** metav1.StatusReason: only these are taken from an answer, any other text is dropped. */
const apiReasons: ReadonlySet<string> = new Set([
  'Unauthorized',
  'Forbidden',
  'NotFound',
  'AlreadyExists',
  'Conflict',
  'Gone',
  'Invalid',
  'ServerTimeout',
  'StoreReadError',
  'Timeout',
  'TooManyRequests',
  'BadRequest',
  'MethodNotAllowed',
  'NotAcceptable',
  'RequestEntityTooLarge',
  'UnsupportedMediaType',
  'InternalError',
  'Expired',
  'ServiceUnavailable',
])

/** The reason of a metav1.Status if it is a known one. */
export function knownApiReason(reason: unknown): string | undefined {
  return typeof reason === 'string' && apiReasons.has(reason) ? reason : undefined
}

/** metav1.CauseType: the causes that somebody here decides by. */
const knownCauses: ReadonlySet<string> = new Set(['NamespaceTerminating', 'ResourceVersionTooLarge'])

/** The reason to assume where the answer has none, as of a proxy or a load balancer. */
const reasonOfStatus: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  405: 'MethodNotAllowed',
  406: 'NotAcceptable',
  409: 'Conflict',
  410: 'Gone',
  413: 'RequestEntityTooLarge',
  415: 'UnsupportedMediaType',
  422: 'Invalid',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
  504: 'Timeout',
}

/** Why there was no answer, or none that can be read. */
export type NoAnswer =
  | 'Unreachable' // no connection, or it died
  | 'DeadlineExceeded' // the deadline of the call passed, or a watch said nothing for too long
  | 'Aborted' // the caller's signal
  | 'InvalidResponse' // not JSON, or not the JSON it should be
  | 'NoCredentials' // token, certificate or plugin could not be read
  | 'VeryShortWatch' // a watch that ended before it began
  | 'NotLeading' // a write that was not sent: another replica may hold the lease

export interface KubeErrorOptions {
  /** HTTP status; 0 when there was no answer. */
  status: number
  verb: string
  resource: string
  namespace?: string | undefined
  name?: string | undefined
  apiReason?: string | undefined
  noAnswer?: NoAnswer | undefined
  /** A 404 of the path, not of the object: it says nothing about whether the object is there. */
  noSuchPath?: boolean | undefined
  /** A code like ECONNREFUSED. Anything that does not look like one is dropped. */
  networkCode?: string | undefined
  retryAfterSeconds?: number | undefined
  invalidFields?: readonly string[] | undefined
  causes?: readonly string[] | undefined
  /** The answer has the text of the API server's authorizer: no right, in contrast to a quota or an admission policy. */
  unauthorized?: boolean | undefined
}

/** Nothing but the authorizer forbids these. */
const readingVerbs: ReadonlySet<string> = new Set(['get', 'list', 'watch'])

/** A call to the API server that failed. It never carries the body or the headers of the answer. */
export class KubeError extends OperatorError {
  /** HTTP status; 0 when there was no answer. */
  readonly status: number
  /** get, list, watch, create, patch, update, delete */
  readonly verb: string
  /** `secrets`, `deployments.apps`, `tracardiresources.tracardi.com/status` */
  readonly resource: string
  readonly namespace: string | undefined
  readonly objectName: string | undefined
  /** `reason` of the server's Status where it is a known one. */
  readonly apiReason: string | undefined
  readonly retryAfterSeconds: number | undefined
  /** Paths of the fields that a 422 complains about, no values. */
  readonly invalidFields: readonly string[]
  /** NamespaceTerminating and ResourceVersionTooLarge, where the server gives them as details. */
  readonly causes: readonly string[]
  /** 403 because a Role does not grant the verb; a quota or an admission policy answers 403 as well. */
  readonly lacksPermission: boolean

  constructor(options: KubeErrorOptions) {
    const { status, verb, resource, namespace, name } = options
    const reason =
      status === 0
        ? (options.noAnswer ?? 'Unreachable')
        : options.noSuchPath === true
          ? 'NoSuchPath'
          : (options.apiReason ?? reasonOfStatus[status] ?? 'UnexpectedStatus')
    const code = `KUBE_${reason.replaceAll(/(?<=[a-z])(?=[A-Z])/g, '_').toUpperCase()}`
    const target = [resource, name, namespace === undefined ? undefined : `in ${namespace}`].filter(
      (part) => part !== undefined,
    )
    const network =
      options.networkCode !== undefined && /^[A-Z][A-Z0-9_]{2,60}$/.test(options.networkCode)
        ? options.networkCode
        : undefined
    const outcome =
      status === 0 ? (network === undefined ? reason : `${reason}, ${network}`) : `${reason}, HTTP ${status}`
    super({
      code,
      reason,
      retry: reason === 'Conflict' || reason === 'AlreadyExists' ? 'now' : 'backoff',
      message: `${verb} ${target.join(' ')}: ${outcome}`,
    })
    this.status = status
    this.verb = verb
    this.resource = resource
    this.namespace = namespace
    this.objectName = name
    this.apiReason = options.apiReason
    this.retryAfterSeconds = options.retryAfterSeconds
    this.invalidFields = options.invalidFields ?? []
    this.causes = options.causes ?? []
    this.lacksPermission = status === 403 && (options.unauthorized === true || readingVerbs.has(verb))
  }
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

/** At most this many seconds are waited because a server says so. */
const longestRetryAfter = 600

/** Seconds of a Retry-After header or of `details.retryAfterSeconds`; undefined for anything else, dates too. */
export function parseRetryAfter(value: unknown): number | undefined {
  const seconds = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value
  return typeof seconds === 'number' && seconds > 0 ? Math.min(seconds, longestRetryAfter) : undefined
}

/** What the API server's authorizer answers, whatever the mode of authorization. Only whether it fits is kept. */
const authorizerText = /is forbidden: User ".*" cannot [a-z]+ resource "/s

/** What is fit to be kept of a metav1.Status. Keys in brackets are dropped from field paths, indexes stay. */
export function readStatus(
  body: unknown,
): Pick<KubeErrorOptions, 'apiReason' | 'retryAfterSeconds' | 'invalidFields' | 'causes' | 'unauthorized'> {
  const status = record(body)
  const message = status['message']
  const details = record(status['details'])
  const causes = Array.isArray(details['causes']) ? details['causes'].slice(0, 50).map(record) : []
  const fields = causes
    .map((cause) => cause['field'])
    .filter((field) => typeof field === 'string')
    .map((field) => field.replaceAll(/\[(?!\d+\])[^\]]*\]?/g, '[*]'))
    .filter((field) => /^[A-Za-z0-9_.[\]*-]{1,200}$/.test(field))
  return {
    apiReason: knownApiReason(status['reason']),
    retryAfterSeconds: parseRetryAfter(details['retryAfterSeconds']),
    invalidFields: [...new Set(fields)],
    causes: causes
      .map((cause) => cause['reason'])
      .filter((reason) => typeof reason === 'string' && knownCauses.has(reason)) as string[],
    unauthorized: typeof message === 'string' && authorizerText.test(message.slice(0, 2000)),
  }
}

/** The API server has looked for the object, and there is none. */
export function isNotFound(error: unknown): boolean {
  return error instanceof KubeError && error.status === 404 && error.reason === 'NotFound'
}

/** The API server does not know the kind, or not yet: as it starts it says so of all. */
export function isNotServed(error: unknown): boolean {
  return error instanceof KubeError && error.reason === 'NoSuchPath'
}

/** 409 because the object has changed meanwhile; not AlreadyExists. */
export function isConflict(error: unknown): boolean {
  return error instanceof KubeError && error.status === 409 && error.reason === 'Conflict'
}

export function isAlreadyExists(error: unknown): boolean {
  return error instanceof KubeError && error.status === 409 && error.reason === 'AlreadyExists'
}

export function isForbidden(error: unknown): boolean {
  return error instanceof KubeError && error.status === 403
}

/** A right is missing: somebody has to grant it. */
export function isMissingPermission(error: unknown): boolean {
  return error instanceof KubeError && error.lacksPermission
}

/** The resourceVersion or the continue token is too old for the server. */
export function isGone(error: unknown): boolean {
  return error instanceof KubeError && (error.status === 410 || error.reason === 'Expired')
}

/** Nothing can be created in this namespace any more. */
export function isNamespaceTerminating(error: unknown): boolean {
  return error instanceof KubeError && error.status === 403 && error.causes.includes('NamespaceTerminating')
}
