/** metav1.Condition, as the API conventions have it. */
import { OperatorError } from '../kube/errors.ts'
import type { Condition } from './tracardi-resource.ts'

/** The longest message that the CRD takes, in characters. */
export const maxConditionMessageLength = 32_768
const reasonPattern = /^[A-Za-z](?:[A-Za-z0-9_,:]*[A-Za-z0-9_])?$/

/**
 * The conditions with this one in place of the one of its type. `lastTransitionTime` (seconds, UTC) moves only when the
 * status flips. A message that is too long is cut. When nothing changes, the same array comes back.
 * @param now milliseconds since the epoch
 * @throws OperatorError for a reason that the API server would refuse
 */
export function setCondition(
  conditions: readonly Condition[] | undefined,
  next: Omit<Condition, 'lastTransitionTime'>,
  now: number,
): readonly Condition[] {
  if (!reasonPattern.test(next.reason) || next.reason.length > 1024) {
    throw new OperatorError({
      code: 'API_CONDITION_REASON',
      reason: 'InternalError',
      retry: 'never',
      message: `The reason given for condition ${next.type} is not in CamelCase.`,
    })
  }
  const current = findCondition(conditions, next.type)
  const condition: Condition = {
    ...next,
    message: shorten(next.message),
    lastTransitionTime: current?.status === next.status ? current.lastTransitionTime : timestamp(now),
  }
  if (current === undefined) return [...(conditions ?? []), condition]
  if (conditions === undefined || same(current, condition)) return conditions ?? []
  return conditions.map((other) => (other === current ? condition : other))
}

/** The conditions without those of this type. When there is none, the same array comes back. */
export function removeCondition(conditions: readonly Condition[] | undefined, type: string): readonly Condition[] {
  if (conditions === undefined) return []
  return findCondition(conditions, type) === undefined ? conditions : conditions.filter((other) => other.type !== type)
}

export function findCondition(conditions: readonly Condition[] | undefined, type: string): Condition | undefined {
  return conditions?.find((condition) => condition.type === type)
}

export function isConditionTrue(conditions: readonly Condition[] | undefined, type: string): boolean {
  return findCondition(conditions, type)?.status === 'True'
}

function same(a: Condition, b: Condition): boolean {
  return (
    a.status === b.status &&
    a.reason === b.reason &&
    a.message === b.message &&
    a.observedGeneration === b.observedGeneration &&
    a.lastTransitionTime === b.lastTransitionTime
  )
}

function shorten(message: string): string {
  if (message.length <= maxConditionMessageLength) return message
  // Half a surrogate pair at the end would not survive the way to the API server and back, and be written for ever.
  return `${message.slice(0, maxConditionMessageLength - 1).replace(/[\uD800-\uDBFF]$/, '')}…`
}

function timestamp(now: number): string {
  return new Date(now).toISOString().replace(/\.\d+Z$/, 'Z')
}
