/** An operator in this process, behind a proxy of its own, with one resource to look after. */
import { KubeConfig } from '@kubernetes/client-node'
import { idAnnotation, stampLabel } from '../../src/api/names.ts'
import { runOperator } from '../../src/operator.ts'
import { parseArguments } from '../../src/settings.ts'
import type { Logger } from '../../src/telemetry/log.ts'
import {
  conditionsOf,
  createNamespace,
  deployment,
  replicaSetsOf,
  resource,
  secret,
  stampOf,
  twilioSpec,
  valid,
} from '../operator/support/fixtures.ts'
import { waitFor, type Kube } from '../operator/support/kube.ts'
import { startFaultProxy, type FaultProxy, type ProxiedCall } from './proxy.ts'

/** Deadlines that a test can wait for. */
const impatience = { callMs: 1_000, listMs: 1_500, watchMs: 2_500 }
const heartbeatMs = 500

/** A line of the log, and what tells it from others: everything but the times and ids of one reconcile. */
export interface Line {
  readonly level: string
  readonly text: string
}

export type Values = Readonly<Record<string, string>>

/** A resource `app` with its Secret `source`, its target and its Deployment `app`, in a namespace of their own. */
export class Subject implements AsyncDisposable {
  readonly kube: Kube
  readonly proxy: FaultProxy
  readonly namespace: string
  /** What was said at level info and above. */
  readonly log: Line[] = []
  readonly #trace: string[] | undefined
  /** How often the operator had to be started again, as the kubelet would. */
  restarts = 0
  readonly #stop = new AbortController()
  readonly #invalid: Values[] = []
  #running: Promise<void> = Promise.resolve()

  private constructor(kube: Kube, proxy: FaultProxy, namespace: string, trace: string[] | undefined) {
    this.#trace = trace
    this.kube = kube
    this.proxy = proxy
    this.namespace = namespace
  }

  /** @param options.trace gets every line that is said, at any level, with the seconds since this process began */
  static async create(kube: Kube, options: { impatient?: boolean; trace?: string[] } = {}): Promise<Subject> {
    const proxy = await startFaultProxy({
      kubeconfig: kube.kubeconfigPath,
      ...(options.impatient === true && { heartbeatMs }),
    })
    const namespace = await createNamespace(kube, 'faults')
    const subject = new Subject(kube, proxy, namespace, options.trace)
    await kube.create('secrets', namespace, secret('source', valid.twilio()))
    await kube.create('deployments', namespace, deployment('app', { replicas: 0 }))
    await kube.create('tracardiresources', namespace, resource('app', twilioSpec('source', ['app'])))
    return subject
  }

  async start(options: { impatient?: boolean; resyncMs?: number } = {}): Promise<void> {
    const flags = {
      namespace: this.namespace,
      'installation-id': this.namespace,
      'watch-namespaces': this.namespace,
      'http-address': '127.0.0.1:0',
    }
    const args = Object.entries(flags).map(([name, value]) => `--${name}=${value}`)
    const parsed = parseArguments(args, {})
    if (parsed.kind !== 'settings') throw new Error('the flags are wrong')
    const settings = { ...parsed.settings, ...(options.resyncMs !== undefined && { resyncMs: options.resyncMs }) }
    const path = await this.proxy.kubeconfig()
    const patience = options.impatient === true ? { patience: impatience } : {}
    const run = async (): Promise<void> => {
      for (;;) {
        const kubeConfig = new KubeConfig()
        kubeConfig.loadFromFile(path)
        const log = this.#logger({})
        const ending = await runOperator(
          { settings, kubeConfig, version: '0.0.0', log, ...patience },
          this.#stop.signal,
        )
        if (ending === 'Stopped') return
        this.restarts++
      }
    }
    this.#running = run()
    // It is looked at when the subject is disposed of.
    this.#running.catch(() => undefined)
  }

  /** Puts other values into the source, which pass their check. */
  async rotate(): Promise<Values> {
    const values = valid.twilio()
    await this.#write(values)
    return values
  }

  /** Puts values into the source that must never arrive anywhere. */
  async spoil(): Promise<void> {
    const values = { ...valid.twilio(), authToken: `too-short-${String(this.#invalid.length)}` }
    this.#invalid.push(values)
    await this.#write(values)
  }

  /** Everything is as it should be: the newest values in the target, their id on the workload and in the status. */
  async waitUntilWell(values: Values | undefined, timeoutMs = 60_000): Promise<string> {
    const { kube, namespace } = this
    const read = async () => {
      const [target, app, object] = await Promise.all([
        kube.get('secrets', namespace, 'app-credentials'),
        kube.get('deployments', namespace, 'app'),
        kube.get('tracardiresources', namespace, 'app'),
      ])
      const contents = Object.values(target?.data ?? {}).map((value) => Buffer.from(value, 'base64').toString())
      return {
        holds:
          values === undefined ? contents.length > 0 : Object.values(values).every((value) => contents.includes(value)),
        id: target?.metadata.annotations?.[idAnnotation],
        stamp: stampOf(app, 'app'),
        reported: object?.status?.credentialsId,
        ready: conditionsOf(object)['Ready'],
      }
    }
    const { id = '' } = await waitFor(
      `the resource in ${namespace} to be well`,
      read,
      ({ holds, id, stamp, reported, ready }) =>
        holds && id !== undefined && stamp === id && reported === id && ready?.startsWith('True') === true,
      { timeoutMs },
    )
    return id
  }

  /** What must never happen, whatever else did: an empty list when it did not. */
  async violations(): Promise<string[]> {
    const found: string[] = []
    const ids = new Set<string>()
    const bad = new Set(this.#invalid.map(({ authToken = '' }) => Buffer.from(authToken).toString('base64')))
    for (const { verb, resource: plural, body } of this.proxy.calls) {
      const object = body as WrittenObject | undefined
      if (plural === 'secrets' && (verb === 'create' || verb === 'patch')) {
        const id = object?.metadata?.annotations?.[idAnnotation]
        if (typeof id === 'string') ids.add(id)
        if (Object.values(object?.data ?? {}).some((value) => value !== null && bad.has(value)))
          found.push('values that failed their check were written into the target')
      }
      const stamp = object?.spec?.template?.metadata?.labels?.[stampLabel('app')]
      if (plural === 'deployments' && stamp !== undefined && !ids.has(stamp))
        found.push(`a workload was stamped with ${stamp} before that was in force`)
    }
    const stamps = (await replicaSetsOf(this.kube, this.namespace, 'app')).map(
      ({ spec }) => spec.template.metadata?.labels?.[stampLabel('app')],
    )
    if (new Set(stamps).size !== stamps.length) found.push('pods were replaced without new credentials')
    return found
  }

  /** The line at level warn or error that was repeated most, if any was repeated more often than it may be. */
  noise(most: number): string[] {
    const counts = new Map<string, number>()
    for (const { level, text } of this.log) {
      if (level !== 'info') counts.set(text, (counts.get(text) ?? 0) + 1)
    }
    return [...counts].filter(([, count]) => count > most).map(([text, count]) => `${String(count)} times: ${text}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    try {
      await this.#running
    } finally {
      await this.proxy[Symbol.asyncDispose]()
    }
  }

  async #write(values: Values): Promise<void> {
    const data = Object.fromEntries(
      Object.entries(values).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
    )
    await this.kube.patch('secrets', this.namespace, 'source', { data })
  }

  #logger(context: object): Logger {
    const at =
      (level: string) =>
      (fields: object, message: string): void => {
        const { reconcileID: _id, ...rest } = { ...context, ...fields } as Record<string, unknown>
        const text = `${message} ${JSON.stringify(rest)}`
        this.#trace?.push(`${(performance.now() / 1000).toFixed(3)} ${level} ${text}`)
        if (level !== 'debug') this.log.push({ level, text })
      }
    return {
      debug: at('debug'),
      info: at('info'),
      warn: at('warn'),
      error: at('error'),
      child: (fields) => this.#logger({ ...context, ...fields }),
    }
  }
}

interface WrittenObject {
  metadata?: { annotations?: Record<string, unknown> }
  data?: Record<string, string | null>
  spec?: { template?: { metadata?: { labels?: Record<string, string> } } }
}

/** Calls to one object, or of one list or watch, are told apart by this. */
export function targetOf({ verb, resource: plural, name = '' }: ProxiedCall): string {
  return `${verb} ${plural}/${name}`
}
