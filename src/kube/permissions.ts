/** Which rights the operator lacks: seen in the answers to its calls, told once, and asked for again until they are there. */
import type { Logger } from '../telemetry/log.ts'
import type { Clock, Random } from './clock.ts'
import { KubeError, isMissingPermission } from './errors.ts'
import type { CallDescription, Connection } from './transport.ts'

/** What RBAC grants or not. */
export interface Permission {
  readonly verb: string
  /** `secrets`, `deployments.apps`, `tracardiresources.tracardi.com/status` */
  readonly resource: string
  /** undefined: in all namespaces. */
  readonly namespace: string | undefined
}

/** For messages: `the verb list on deployments.apps in the namespace shop`. */
export function describePermission({ verb, resource, namespace }: Permission): string {
  const where = namespace === undefined ? 'all namespaces' : `the namespace ${namespace}`
  return `the verb ${verb} on ${resource} in ${where}`
}

/** What has to be done about it, as a sentence. */
export function grantText(permission: Permission): string {
  return `Grant the operator's ServiceAccount ${describePermission(permission)}; it goes on by itself then.`
}

export interface PermissionMetrics {
  missing(permission: Permission, isMissing: boolean): void
}

interface Entry {
  readonly permission: Permission
  /**
   * Objects that were refused by name → Clock.monotonic() of the last time. A Role may grant single names: success with
   * one says nothing of another.
   */
  readonly names: Map<string, number>
  /** It was refused in a call that names no object. */
  unnamed: boolean
  /** Who waits was woken since the last refusal. */
  woken: boolean
}

/** The API server is asked so often, in milliseconds, for what is missing: one small call for each right. */
const reviewMs = 20_000

/** A name that was not refused for so long is wanted no more; who wants it tries at least every five minutes. */
const nameLifetimeMs = 1_200_000

/** More are not told apart: a bound for memory and metrics. */
const maxEntries = 1_000
const maxNames = 1_000

const reviewPath = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews'
const reviewCall: CallDescription = { verb: 'create', resource: 'selfsubjectaccessreviews.authorization.k8s.io' }

/** Passes every call on, and learns from its answer. */
export class Permissions implements Connection {
  readonly #connection: Connection
  readonly #clock: Clock
  readonly #random: Random
  readonly #log: Logger
  readonly #metrics: PermissionMetrics | undefined
  readonly #onGranted: (permission: Permission) => void
  readonly #entries = new Map<string, Entry>()
  #timer: { cancel(): void } | undefined
  #closed = false

  constructor(options: {
    connection: Connection
    clock: Clock
    random: Random
    log: Logger
    metrics?: PermissionMetrics
    /** Called when a right that was missing is there: who was refused may try again at once. */
    onGranted: (permission: Permission) => void
  }) {
    this.#connection = options.connection
    this.#clock = options.clock
    this.#random = options.random
    this.#log = options.log.child({ component: 'permissions' })
    this.#metrics = options.metrics
    this.#onGranted = options.onGranted
  }

  /** What is missing, as far as it was asked for. */
  get missing(): Permission[] {
    return Array.from(this.#entries.values(), ({ permission }) => permission)
  }

  async request(options: Parameters<Connection['request']>[0]): Promise<unknown> {
    return this.#observed(options.describe, this.#connection.request(options))
  }

  async stream(options: Parameters<Connection['stream']>[0]): Promise<AsyncIterable<string>> {
    return this.#observed(options.describe, this.#connection.stream(options))
  }

  /** Asks no more. */
  close(): void {
    this.#closed = true
    this.#timer?.cancel()
  }

  async #observed<T>(call: CallDescription, answer: Promise<T>): Promise<T> {
    try {
      const value = await answer
      this.#granted(call)
      return value
    } catch (error) {
      if (isMissingPermission(error)) this.#refused(call)
      else if (passedAuthorization(error)) this.#granted(call)
      throw error
    }
  }

  #refused(call: CallDescription): void {
    const permission = permissionOf(call)
    const key = keyOf(permission)
    let entry = this.#entries.get(key)
    if (entry === undefined) {
      if (this.#entries.size >= maxEntries) return
      entry = { permission, names: new Map(), unnamed: false, woken: false }
      this.#entries.set(key, entry)
      const { verb, resource, namespace } = permission
      this.#log.warn(
        { verb, resource, namespace },
        'a permission is missing: grant it to the ServiceAccount of the operator',
      )
      this.#metrics?.missing(permission, true)
    }
    entry.woken = false
    const name = nameOf(call)
    if (name === undefined) entry.unnamed = true
    else if (entry.names.has(name) || entry.names.size < maxNames) entry.names.set(name, this.#clock.monotonic())
    this.#arm()
  }

  #granted(call: CallDescription): void {
    // Nearly always nothing is missing.
    if (this.#entries.size === 0) return
    const key = keyOf(permissionOf(call))
    const entry = this.#entries.get(key)
    if (entry === undefined) return
    const name = nameOf(call)
    if (name === undefined) {
      this.#end(key, entry)
      return
    }
    if (!entry.names.delete(name)) return
    if (entry.names.size === 0 && !entry.unnamed) this.#end(key, entry)
    else if (!entry.woken) {
      // Most likely the others may go on as well.
      entry.woken = true
      this.#onGranted(entry.permission)
    }
  }

  #end(key: string, { permission, woken }: Entry): void {
    this.#forget(key, permission, 'a permission that was missing is there')
    if (!woken) this.#onGranted(permission)
  }

  #forget(key: string, permission: Permission, message: string): void {
    this.#entries.delete(key)
    const { verb, resource, namespace } = permission
    this.#log.info({ verb, resource, namespace }, message)
    this.#metrics?.missing(permission, false)
  }

  #arm(): void {
    if (this.#timer !== undefined || this.#closed || this.#entries.size === 0) return
    this.#timer = this.#clock.setTimeout(
      () => {
        void this.#review().finally(() => {
          this.#timer = undefined
          this.#arm()
        })
      },
      reviewMs * (0.9 + 0.2 * this.#random()),
    )
  }

  /** Asks the API server, one after the other, whether what was missing is there. Whoever is signed in may ask that. */
  async #review(): Promise<void> {
    for (const [key, entry] of [...this.#entries]) {
      if (this.#closed) return
      const oldest = this.#clock.monotonic() - nameLifetimeMs
      for (const [name, at] of entry.names) if (at < oldest) entry.names.delete(name)
      if (!entry.unnamed && entry.names.size === 0) {
        this.#forget(key, entry.permission, 'a permission that was missing is needed no more')
        continue
      }
      if ((await this.#isAllowed(entry.permission)) && this.#entries.get(key) === entry) this.#end(key, entry)
    }
  }

  /** False also when there was no answer: then those who were refused find out themselves, with their own pauses. */
  async #isAllowed({ verb, resource, namespace }: Permission): Promise<boolean> {
    const [whole = '', subresource] = resource.split('/')
    const dot = whole.indexOf('.')
    const resourceAttributes = {
      verb,
      resource: dot === -1 ? whole : whole.slice(0, dot),
      ...(dot !== -1 && { group: whole.slice(dot + 1) }),
      ...(subresource !== undefined && { subresource }),
      ...(namespace !== undefined && { namespace }),
    }
    const body = {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec: { resourceAttributes },
    }
    try {
      const answer = await this.#connection.request({ method: 'POST', path: reviewPath, body, describe: reviewCall })
      return (answer as { status?: { allowed?: unknown } } | undefined)?.status?.allowed === true
    } catch {
      return false
    }
  }
}

function permissionOf({ verb, resource, namespace }: CallDescription): Permission {
  return { verb, resource, namespace }
}

/** RBAC cannot tie `create` to a name. */
function nameOf({ verb, name }: CallDescription): string | undefined {
  return verb === 'create' ? undefined : name
}

function keyOf({ verb, resource, namespace }: Permission): string {
  return `${verb} ${resource} ${namespace ?? ''}`
}

/** The API server authorizes before it looks at anything else, so these answers show that the right is there. */
function passedAuthorization(error: unknown): boolean {
  return error instanceof KubeError && error.status >= 400 && error.status < 500 && ![401, 429].includes(error.status)
}
