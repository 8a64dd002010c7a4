// Sees every Deployment as the API server tells of it: when its stamp changes, and whether its controller has caught up.
import type { Api, KubeObject } from './api.ts'
import { deploymentName } from './shapes.ts'

type WatchedDeployment = KubeObject & {
  metadata: { generation: number }
  spec: { template: { metadata: { labels: Record<string, string | undefined> } } }
  status?: { observedGeneration?: number }
}

const path = '/apis/apps/v1/deployments'

export class Observer implements Disposable {
  /** Rejects when the watch breaks. */
  readonly failed: Promise<never>
  readonly #watching = new AbortController()
  readonly #stamps = new Map<string, string>()
  readonly #waiting = new Map<string, (at: number) => void>()
  /** Those whose last change the Deployment controller has not acted on yet. */
  readonly #unsettled = new Set<string>()

  private constructor(api: Api, resourceVersion: string) {
    const { promise, reject } = Promise.withResolvers<never>()
    this.failed = promise
    promise.catch(() => undefined)
    this.#watch(api, resourceVersion).catch(reject)
  }

  static async start(api: Api): Promise<Observer> {
    return new Observer(api, await api.resourceVersion(path))
  }

  /** How many Deployments of a namespace carry a stamp. */
  stamped(namespace: string): number {
    return [...this.#stamps.keys()].filter((key) => key.startsWith(`${namespace}/`)).length
  }

  /** How many Deployments of a namespace the control plane itself still has work with. */
  unsettled(namespace: string): number {
    return [...this.#unsettled].filter((key) => key.startsWith(`${namespace}/`)).length
  }

  /** When the stamp changes next, in milliseconds of `performance.now()`. */
  nextChange(namespace: string, index: number): Promise<number> {
    return new Promise((resolve) => this.#waiting.set(`${namespace}/${deploymentName(index)}`, resolve))
  }

  [Symbol.dispose](): void {
    this.#watching.abort()
  }

  async #watch(api: Api, resourceVersion: string): Promise<void> {
    for await (const { type, object } of api.watch(path, resourceVersion, { signal: this.#watching.signal })) {
      const at = performance.now()
      const { metadata, spec, status } = object as WatchedDeployment
      const key = `${metadata.namespace ?? ''}/${metadata.name}`
      if (type === 'DELETED' || status?.observedGeneration === metadata.generation) this.#unsettled.delete(key)
      else this.#unsettled.add(key)
      const stamp = Object.entries(spec.template.metadata.labels).find(([name]) =>
        name.startsWith('credentials.tracardi.com/'),
      )?.[1]
      if (stamp === undefined || this.#stamps.get(key) === stamp) continue
      this.#stamps.set(key, stamp)
      this.#waiting.get(key)?.(at)
      this.#waiting.delete(key)
    }
  }
}
