/** How this installation gets credentials into pods: by the admission policies of its chart, or by patches. */
import type { InjectionStatus } from '../api/tracardi-resource.ts'
import { Backoff } from '../kube/backoff.ts'
import type { KubeClient } from '../kube/client.ts'
import type { Clock, Random } from '../kube/clock.ts'
import { KubeError } from '../kube/errors.ts'
import type { KubeObject, ResourceType } from '../kube/objects.ts'
import type { Logger } from '../telemetry/log.ts'

const admission = { group: 'admissionregistration.k8s.io', version: 'v1', namespaced: false } as const
const policyTypes: readonly ResourceType<KubeObject>[] = [
  { ...admission, plural: 'mutatingadmissionpolicies', kind: 'MutatingAdmissionPolicy' },
  { ...admission, plural: 'mutatingadmissionpolicybindings', kind: 'MutatingAdmissionPolicyBinding' },
]

/** How the names of the chart's policies begin; each has a binding of the same name. Together they inject, or not at all. */
export const policyNames = ['inject-pods', 'stamp-jobs', 'stamp-workloads'] as const

export interface InjectionModeOptions {
  readonly client: Pick<KubeClient, 'get'>
  /** Auto: what is installed decides. */
  readonly wanted: 'Auto' | InjectionStatus['mode']
  /** How the names of the policies of this installation end; empty: it has none. */
  readonly policies: string
  /** How often it is looked whether they are there, in milliseconds. */
  readonly periodMs: number
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  /** Called when the mode becomes known, and when it changes. */
  readonly onChange: () => void
}

export class InjectionMode {
  readonly #options: InjectionModeOptions
  #mode: InjectionStatus['mode'] | undefined

  constructor(options: InjectionModeOptions) {
    this.#options = options
    if (options.wanted !== 'Auto') this.#mode = options.wanted
    else if (options.policies === '') this.#mode = 'Patch'
  }

  /** undefined: not known yet. What is in use then stays. */
  get current(): InjectionStatus['mode'] | undefined {
    return this.#mode
  }

  /**
   * Looks once. A policy that is not there, or may not be looked at, is none; without an answer all stays as it is.
   * @returns whether there was an answer
   */
  async look(signal?: AbortSignal): Promise<boolean> {
    const { client, wanted, policies, log, onChange } = this.#options
    if (wanted !== 'Auto' || policies === '') return true
    const names = policyNames.map((name) => `${name}.${policies}`)
    const options = { metadataOnly: true, ...(signal !== undefined && { signal }) }
    let mode: InjectionStatus['mode'] = 'Policy'
    try {
      await Promise.all(policyTypes.flatMap((type) => names.map((name) => client.get(type, undefined, name, options))))
    } catch (error) {
      if (!(error instanceof KubeError)) throw error
      if (error.status !== 403 && error.status !== 404) return false
      mode = 'Patch'
    }
    if (mode === this.#mode) return true
    this.#mode = mode
    log.info({ mode }, 'credentials are injected this way')
    onChange()
    return true
  }

  /** Looks again in each period until the signal aborts, sooner when there was no answer. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { wanted, policies, periodMs, clock, random } = this.#options
    if (wanted !== 'Auto' || policies === '') return
    const backoff = new Backoff({ clock, random, initialMs: 1000, maxMs: 60_000, resetMs: 120_000 })
    while (!signal.aborted) {
      const answered = await this.look(signal)
      await clock.sleep(answered ? periodMs * (0.9 + 0.2 * random()) : backoff.next(), signal)
    }
  }
}
