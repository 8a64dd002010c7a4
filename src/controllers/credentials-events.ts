/** The Events that explain what happened to a resource. Pure; one for a change, none for a repetition. */
import { findCondition } from '../api/conditions.ts'
import type { TracardiResourceStatus } from '../api/tracardi-resource.ts'
import { describeFinding } from '../credentials/findings.ts'
import type { Finding } from '../credentials/findings.ts'
import type { TargetDecision } from './target-decision.ts'

export interface EventContent {
  readonly type: 'Normal' | 'Warning'
  readonly reason: string
  readonly action: string
  readonly note: string
}

/** Reasons of Ready that say that something is on its way, which needs no Event. */
const quietReasons: ReadonlySet<string> = new Set(['RollingOut'])

/** The Event that follows a write of the target; none when only its record of sources was renewed. */
export function eventOfTarget(
  name: string,
  decision: Extract<TargetDecision, { action: 'Create' | 'Update' }>,
): EventContent | undefined {
  const { id } = decision.desire
  switch (decision.why) {
    case 'Recorded':
      return undefined
    case 'Recreated':
    case 'Mended': {
      const how = decision.why === 'Mended' ? 'changed' : 'deleted'
      const note = `The Secret ${name} had been ${how} by hand; it holds ${id} again.`
      return { type: 'Warning', reason: 'TargetMended', action: 'WriteTarget', note }
    }
    case 'First':
    case 'Lost':
    case 'Rotated':
      return {
        type: 'Normal',
        reason: 'CredentialsInForce',
        action: 'WriteTarget',
        note: `The credentials passed their checks: ${id} is in force in the Secret ${name}.`,
      }
  }
}

/** More than these are a Secret of something else; the status counts them. */
const mostFindings = 10

/**
 * One Event for each finding that is new, besides the one in the message of Ready, which has its own Event.
 * @param known texts of the findings that were there before; undefined when this process has not looked yet: then only a
 * change of the status tells what is new
 * @param namespace of the resource
 */
export function eventsOfFindings(
  before: TracardiResourceStatus | undefined,
  after: TracardiResourceStatus,
  findings: readonly Finding[],
  known: ReadonlySet<string> | undefined,
  namespace: string | undefined,
): EventContent[] {
  const was = findCondition(before?.conditions ?? [], 'CredentialsValid')
  const is = findCondition(after.conditions ?? [], 'CredentialsValid')
  if (known === undefined && was?.status === is?.status && was?.message === is?.message) return []
  const ready = findCondition(after.conditions ?? [], 'Ready')?.message ?? ''
  return findings
    .filter((finding) => !finding.waived)
    .map((finding) => ({ reason: finding.code, note: describeFinding(finding, namespace) }))
    .filter(({ note }) => known?.has(note) !== true && !ready.startsWith(note))
    .slice(0, mostFindings)
    .map((content) => ({ type: 'Warning', action: 'Inspect', ...content }))
}

/** The Events that follow a change of status. */
export function eventsOfStatus(
  before: TracardiResourceStatus | undefined,
  after: TracardiResourceStatus,
): EventContent[] {
  const was = findCondition(before?.conditions ?? [], 'Ready')
  const is = findCondition(after.conditions ?? [], 'Ready')
  if (is === undefined || quietReasons.has(is.reason)) return []
  if (was?.status === is.status && was.reason === is.reason && was.message === is.message) return []
  const type = is.status === 'True' ? 'Normal' : 'Warning'
  return [{ type, reason: is.reason, action: 'Reconcile', note: is.message }]
}
