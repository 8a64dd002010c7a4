/** Whether and how the credentials are injected, as the status says it. Pure. */
import { forbiddenEnvironmentName } from '../api/names.ts'
import { injects } from '../api/tracardi-resource.ts'
import type { ConsumerSpec, InjectionStatus, TracardiResource } from '../api/tracardi-resource.ts'
import type { Problem, StatusInput } from './status-decision.ts'

export interface InjectionInput {
  readonly resource: TracardiResource
  readonly target: StatusInput['target']
  /** undefined: not known yet; what the status says stays. */
  readonly mode: InjectionStatus['mode'] | undefined
  readonly installation: string
}

/** Neither of the two where no consumer wants anything injected. */
export interface InjectionDecision {
  readonly injection: InjectionStatus | undefined
  readonly refused: Problem | undefined
}

const nothing: InjectionDecision = { injection: undefined, refused: undefined }

/**
 * Pods and workloads are changed only while the status says how: so what could do harm is kept from them here. A target that
 * is somebody else's is injected into nothing.
 */
export function decideInjection({ resource, target, mode, installation }: InjectionInput): InjectionDecision {
  if (!injects(resource.spec) || target === undefined || target.outcome === 'Conflict') return nothing
  const refused = refusedInjection(resource.spec.consumers ?? [], target.keys ?? [])
  if (refused !== undefined) return { injection: undefined, refused }
  const before = resource.status?.injection ?? undefined
  const used = mode ?? (before?.installation === installation ? before.mode : undefined)
  return { injection: used === undefined ? undefined : { mode: used, installation }, refused: undefined }
}

const forbidden = new RegExp(forbiddenEnvironmentName, 'u')

function refusedInjection(consumers: readonly ConsumerSpec[], keys: readonly string[]): Problem | undefined {
  const problem = (reason: string, message: string): Problem => ({ reason, message, transient: false })
  for (const { kind, name, inject } of consumers) {
    const consumer =
      typeof name === 'string' ? `${kind} ${name}` : `consumer of kind ${kind} that is given by a selector`
    const env = inject?.env ?? undefined
    const prefix = env?.prefix ?? ''
    const variable = env === undefined ? undefined : keys.find((key) => forbidden.test(prefix + key))
    if (variable !== undefined) {
      const message = `The ${consumer} would get the variable ${prefix}${variable}, which changes how programs run; nothing is injected. Choose another prefix, or another key in spec.target.keys.`
      return problem('InjectionForbidden', message)
    }
    const absent = keys.length === 0 ? undefined : inject?.mount?.keys?.find((key) => !keys.includes(key))
    if (absent !== undefined) {
      const message = `The ${consumer} shall get the file ${absent}, and the target has no such key: its pods could not start, so nothing is injected. The keys are ${[...keys].sort().join(', ')}.`
      return problem('InjectionForbidden', message)
    }
  }
  return undefined
}
