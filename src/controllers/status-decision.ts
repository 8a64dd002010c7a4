/** What the status says: from findings, the target's fate and the consumers to conditions. Pure; see docs/status.md. */
import { setCondition, findCondition, removeCondition } from '../api/conditions.ts'
import type { Condition, InjectionStatus, TracardiResource, TracardiResourceStatus } from '../api/tracardi-resource.ts'
import { describeFinding } from '../credentials/findings.ts'
import type { Finding } from '../credentials/findings.ts'
import type { Inspection } from '../credentials/inspect.ts'
import type { SourceVersion } from '../credentials/target.ts'
import { orderVersions } from '../credentials/versions.ts'
import { needsPolicyText } from '../delivery/stamps.ts'
import type { ConsumerState } from '../delivery/stamps.ts'
import type { Unseen } from '../delivery/visibility.ts'
import { notInstalledText, unpatchedKinds } from '../delivery/workloads.ts'
import type { WorkloadKind } from '../delivery/workloads.ts'
import { grantText } from '../kube/permissions.ts'
import type { Permission } from '../kube/permissions.ts'

/** Something that keeps the operator from doing its work, in words. */
export interface Problem {
  readonly reason: string
  readonly message: string
  /** Whether a retry can mend it; else it needs a person. */
  readonly transient: boolean
  /** Secrets could not be read, so nothing can be said of them. */
  readonly unread?: boolean
}

export interface StatusInput {
  readonly resource: TracardiResource
  readonly inspection: Pick<Inspection, 'findings' | 'unresolved' | 'valid'>
  /** undefined: the resource only checks. */
  readonly target:
    | {
        readonly name: string
        readonly outcome: 'InForce' | 'NothingYet' | 'Conflict' | 'Lost'
        readonly credentialsId: string | undefined
        readonly announced: string | undefined
        readonly sources: readonly SourceVersion[]
        /** Ids of versions that are there, besides the one in force. */
        readonly versions?: readonly string[]
        /** Of what stands or shall stand under that name; undefined when that is not known. */
        readonly keys?: readonly string[]
      }
    | undefined
  readonly consumers: readonly ConsumerState[]
  /** undefined: nothing is injected, for no consumer wants it, or nothing may be. */
  readonly injection?: InjectionStatus | undefined
  /** Why nothing is injected although a consumer wants it. */
  readonly refused?: Problem | undefined
  /** What went wrong while reading or writing. */
  readonly problem: Problem | undefined
  /** Kinds of its consumers that cannot be seen, for want of a right. */
  readonly unseen: readonly Unseen[]
  /** Kinds of its consumers that are not installed in the cluster. */
  readonly absent?: readonly WorkloadKind[]
  /** The right without which changes of Secrets are not noticed; undefined: it is there. */
  readonly unwatched: Permission | undefined
  /** Milliseconds since the epoch. */
  readonly now: number
}

export interface StatusDecision {
  readonly status: TracardiResourceStatus
  /** When to look again although nothing changed, in milliseconds. */
  readonly requeueAfterMs: number | undefined
}

/** For how long a missing Secret is waited for before it counts as stalled. */
export const missingGraceMs = 60_000

const maxOutdated = 10

/** The reason for everything that waits for a right to be granted. */
export const permissionMissing = 'PermissionMissing'

/** Reasons that say by themselves what they are about. */
const injectionReasons: ReadonlySet<string> = new Set([
  'InjectionConflict',
  'InjectionNeedsPolicy',
  'InjectionNeedsRestart',
  'NotInjected',
])

interface Verdict {
  readonly ready: boolean
  readonly reason: string
  readonly message: string
  readonly flag: 'Reconciling' | 'Stalled' | undefined
}

/** Builds the whole status. */
export function decideStatus(input: StatusInput): StatusDecision {
  const { resource, target, inspection, now } = input
  const { namespace } = resource.metadata
  const previous = resource.status ?? {}
  const generation = resource.metadata.generation ?? 0
  let conditions: readonly Condition[] = previous.conditions ?? []
  const set = (type: string, status: 'True' | 'False' | 'Unknown', reason: string, message: string): void => {
    conditions = setCondition(conditions, { type, status, reason, message, observedGeneration: generation }, now)
  }

  const missing = inspection.unresolved[0]
  if (missing === undefined && input.unwatched !== undefined)
    set('SecretsResolved', 'Unknown', permissionMissing, unwatchedText(input.unwatched))
  else if (missing === undefined)
    set('SecretsResolved', 'True', 'Resolved', 'Every referenced Secret and key was found.')
  else set('SecretsResolved', 'False', missing.code, summarise(inspection.unresolved, namespace))

  const waitedMs = missing === undefined ? 0 : now - transitionTime(conditions, 'SecretsResolved', now)
  const errors = inspection.findings.filter((finding) => finding.severity === 'error' && !finding.waived)
  if (missing !== undefined) set('CredentialsValid', 'Unknown', missing.code, 'Not every value is there to be checked.')
  else if (errors[0] !== undefined)
    set(
      'CredentialsValid',
      'False',
      errors[0].code,
      [summarise(errors, namespace), ...waivedText(inspection.findings)].join(' '),
    )
  else set('CredentialsValid', 'True', 'Valid', validMessage(resource, inspection.findings))

  const verdict = judge(input, waitedMs)
  if (target === undefined) conditions = removeCondition(conditions, 'ConsumersUpToDate')
  else {
    const { status, reason, message } = consumersCondition(input)
    set('ConsumersUpToDate', status, reason, message)
  }

  for (const flag of ['Reconciling', 'Stalled']) {
    if (verdict.flag === flag) set(flag, 'True', verdict.reason, verdict.message)
    else conditions = removeCondition(conditions, flag)
  }
  set('Ready', verdict.ready ? 'True' : 'False', verdict.reason, verdict.message)

  const present = input.consumers.filter((consumer) => consumer.state !== 'Missing')
  const updated = present.filter((consumer) => consumer.state === 'Updated').length
  // Only some fit in: those that need a person come first.
  const outdated = (['Failed', 'Held', 'Outdated', 'Stale', 'Missing'] as const).flatMap((state) =>
    input.consumers.filter((consumer) => consumer.state === state),
  )
  const status: TracardiResourceStatus = {
    observedGeneration: generation,
    conditions: [...conditions],
    ...(target?.credentialsId !== undefined && { credentialsId: target.credentialsId }),
    ...(target !== undefined && target.outcome !== 'Conflict' && { target: { name: target.name } }),
    ...(target !== undefined && versionsOf(target)),
    ...(input.injection !== undefined && { injection: input.injection }),
    ...(target?.credentialsId !== undefined && { sources: [...target.sources] }),
    ...(target !== undefined && {
      consumers: {
        total: present.length,
        updated,
        failed: present.filter((consumer) => consumer.state === 'Failed').length,
        summary: `${String(updated)}/${String(present.length)}`,
        ...(outdated.length > 0 && {
          outdated: outdated
            .slice(0, maxOutdated)
            .map(({ kind, name, reason, message }) => ({ kind, name, reason, message })),
        }),
      },
    }),
  }
  return { status, requeueAfterMs: requeueAfter(verdict, missing, waitedMs) }
}

function versionsOf(target: NonNullable<StatusInput['target']>): { versions?: string[] } {
  const versions = orderVersions(target.credentialsId ?? target.announced, target.versions ?? [])
  return versions.length === 0 ? {} : { versions }
}

function requeueAfter(verdict: Verdict, missing: Finding | undefined, waitedMs: number): number | undefined {
  return missing !== undefined && verdict.flag === 'Reconciling' ? Math.max(1000, missingGraceMs - waitedMs) : undefined
}

/** The row of the table of situations that holds; the most serious first. */
function judge(input: StatusInput, waitedMs: number): Verdict {
  const { inspection, target, problem } = input
  const stays =
    target?.credentialsId === undefined ? '' : ` ${target.credentialsId} stays in force; running pods are not affected.`

  if (target?.outcome === 'Lost') {
    return stalled(
      'TargetLost',
      `The Secret ${target.name} was deleted or changed by hand and cannot be made again, because the source is not valid: ${firstText(input) || (problem?.message ?? '')}`,
    )
  }
  if (target?.outcome === 'Conflict') {
    return stalled(
      'TargetConflict',
      `The Secret ${target.name} exists and does not belong to this resource. Choose another spec.target.name, or delete that Secret: kubectl delete secret ${target.name}`,
    )
  }
  if (input.unwatched !== undefined) {
    const texts = [unwatchedText(input.unwatched), firstText(input)].filter((text) => text !== '')
    return stalled(permissionMissing, texts.join(' ') + stays)
  }
  const missing = inspection.unresolved[0]
  if (missing !== undefined) {
    const message = summarise(inspection.unresolved, input.resource.metadata.namespace) + stays
    return waitedMs >= missingGraceMs ? stalled(missing.code, message) : waiting(missing.code, message)
  }
  const error = inspection.findings.find((finding) => finding.severity === 'error' && !finding.waived)
  if (error !== undefined || !inspection.valid) {
    const nothing = target === undefined || stays !== '' ? '' : ' Nothing is in force yet.'
    return stalled(error?.code ?? 'Invalid', firstText(input) + stays + nothing)
  }
  if (problem !== undefined) {
    return problem.transient ? waiting(problem.reason, problem.message) : stalled(problem.reason, problem.message)
  }
  if (input.refused !== undefined) return stalled(input.refused.reason, input.refused.message)
  if (target === undefined) {
    return {
      ready: true,
      reason: 'Valid',
      message: validMessage(input.resource, inspection.findings),
      flag: undefined,
    }
  }
  if (input.unseen.length > 0) {
    const nothing =
      target.credentialsId === undefined ? ' Nothing is put in force meanwhile: an id could be given twice.' : stays
    return stalled(permissionMissing, unseenText(input.unseen) + nothing)
  }
  const forbidden = input.consumers.find(({ reason }) => reason === permissionMissing)
  if (forbidden !== undefined) {
    return stalled(permissionMissing, `${forbidden.kind} ${forbidden.name}: ${forbidden.message}`)
  }
  const failed = input.consumers.find((consumer) => consumer.state === 'Failed')
  if (failed !== undefined) {
    return stalled('ConsumerUnavailable', `${failed.kind} ${failed.name}: ${failed.message}`)
  }
  const held = input.consumers.filter((consumer) => consumer.state === 'Held')
  const outdated = input.consumers.filter((consumer) => consumer.state === 'Outdated')
  if (outdated.length > 0) {
    return waiting('RollingOut', consumersText([...outdated, ...held], 'does not run the credentials in force yet'))
  }
  if (held[0] !== undefined) {
    const { reason } = held[0]
    return stalled(
      injectionReasons.has(reason) ? reason : `Consumer${reason}`,
      `${held[0].kind} ${held[0].name}: ${held[0].message}`,
    )
  }
  const needed = needsPolicy(input)
  if (needed !== undefined) return stalled(needed.reason, needed.message)
  const inForce = `${target.credentialsId ?? ''} is in force in the Secret ${target.name}.`
  const ready = (reason: string, message: string): Verdict => ({
    ready: true,
    reason,
    message: (message === '' ? inForce : `${inForce} ${message}`) + absentText(input),
    flag: undefined,
  })
  const absent = input.consumers.find((consumer) => consumer.state === 'Missing')
  if (absent !== undefined) return ready('ConsumerNotFound', absent.message)
  const stale = input.consumers.filter((consumer) => consumer.state === 'Stale')
  if (stale.length > 0) return ready('ConsumerStale', staleConsumersText(stale))
  return input.consumers.length === 0 ? ready('NoConsumers', '') : ready('Delivered', 'Every consumer has it.')
}

/** Kinds whose pods get credentials by the policies alone, where these are not in use: whatever comes would be without. */
function needsPolicy({ resource, injection }: StatusInput): Omit<Problem, 'transient'> | undefined {
  if (injection?.mode !== 'Patch') return undefined
  const kinds = unpatchedKinds.filter((kind) => (resource.spec.consumers ?? []).some((one) => one.kind === kind))
  return kinds.length === 0 ? undefined : { reason: 'InjectionNeedsPolicy', message: needsPolicyText(kinds) }
}

/** The first, and how many more. */
function staleConsumersText(stale: readonly ConsumerState[]): string {
  const more = stale.length > 1 ? ` And ${String(stale.length - 1)} more.` : ''
  return `${stale[0]?.message ?? ''}${more}`
}

/** What may explain that there is no consumer; begins with a space. */
function absentText({ absent = [] }: StatusInput): string {
  return absent.map((kind) => ` ${notInstalledText(kind)}`).join('')
}

function consumersCondition(input: StatusInput): {
  status: 'True' | 'False' | 'Unknown'
  reason: string
  message: string
} {
  const { consumers, target, unseen } = input
  if (unseen.length > 0) return { status: 'Unknown', reason: permissionMissing, message: unseenText(unseen) }
  if (target?.credentialsId === undefined) {
    return { status: 'Unknown', reason: 'NothingInForce', message: 'No valid credentials are in force yet.' }
  }
  if (input.refused !== undefined) {
    return { status: 'False', reason: input.refused.reason, message: input.refused.message }
  }
  const failed = consumers.filter((consumer) => consumer.state === 'Failed')
  if (failed[0] !== undefined) {
    return { status: 'False', reason: 'ConsumerUnavailable', message: consumersText(failed, 'gave up') }
  }
  const outdated = consumers.filter((consumer) => consumer.state === 'Outdated' || consumer.state === 'Held')
  if (outdated[0] !== undefined) {
    return { status: 'False', reason: outdated[0].reason, message: consumersText(outdated, 'is not up to date') }
  }
  const needed = needsPolicy(input)
  if (needed !== undefined) return { status: 'False', ...needed }
  if (consumers.length === 0) {
    const message = `The resource has no consumer at the moment.${absentText(input)}`
    return { status: 'True', reason: 'NoConsumers', message }
  }
  const absent = consumers.filter((consumer) => consumer.state === 'Missing')
  if (absent[0] !== undefined) {
    const message = absent.map((consumer) => consumer.message).join(' ')
    return { status: 'True', reason: 'ConsumerNotFound', message: message + absentText(input) }
  }
  const stale = consumers.filter((consumer) => consumer.state === 'Stale')
  if (stale.length > 0)
    return { status: 'True', reason: 'Stale', message: staleConsumersText(stale) + absentText(input) }
  const remarks = consumers.filter(({ message }) => message !== '').slice(0, maxOutdated)
  const message = [`Every consumer carries ${target.credentialsId}.`, ...remarks.map((consumer) => consumer.message)]
  return { status: 'True', reason: 'UpToDate', message: message.join(' ') + absentText(input) }
}

/** What is said of consumers that cannot be seen. */
export function unseenText(unseen: readonly Unseen[]): string {
  const kinds = unseen.map(({ kind }) => kind).join(', ')
  const grants = unseen.map(({ permission }) => grantText(permission))
  return `The operator may not see the consumers of kind ${kinds}. ${[...new Set(grants)].join(' ')}`
}

function unwatchedText(permission: Permission): string {
  return `The operator may not see when Secrets change. ${grantText(permission)}`
}

function consumersText(consumers: readonly ConsumerState[], what: string): string {
  const [first, ...others] = consumers
  if (first === undefined) return ''
  const more = others.length === 0 ? '' : ` And ${String(others.length)} more.`
  return `${first.kind} ${first.name} ${what}: ${first.message}${more}`
}

function stalled(reason: string, message: string): Verdict {
  return { ready: false, reason, message, flag: 'Stalled' }
}

function waiting(reason: string, message: string): Verdict {
  return { ready: false, reason, message, flag: 'Reconciling' }
}

function firstText({ inspection, resource }: StatusInput): string {
  const errors = inspection.findings.filter((finding) => finding.severity === 'error' && !finding.waived)
  return summarise(inspection.unresolved.length > 0 ? inspection.unresolved : errors, resource.metadata.namespace)
}

/** The first finding, and how many more. */
export function summarise(findings: readonly Finding[], namespace?: string): string {
  const [first, ...others] = findings
  if (first === undefined) return ''
  return describeFinding(first, namespace) + (others.length === 0 ? '' : ` (and ${String(others.length)} more)`)
}

function validMessage({ spec, metadata }: TracardiResource, findings: readonly Finding[]): string {
  const warnings = findings.filter((finding) => finding.severity === 'warning' && !finding.waived)
  return [
    `The credentials have the shape that ${spec.service} expects.`,
    ...(warnings.length > 0 ? [`Warning: ${summarise(warnings, metadata.namespace)}`] : []),
    ...waivedText(findings),
  ].join(' ')
}

/** Each code once; nothing when nothing is waived. */
function waivedText(findings: readonly Finding[]): string[] {
  const waived = findings.filter((finding) => finding.waived).map((finding) => finding.code)
  return waived.length > 0 ? [`Waived: ${[...new Set(waived)].join(', ')}.`] : []
}

function transitionTime(conditions: readonly Condition[], type: string, now: number): number {
  const time = Date.parse(findCondition(conditions, type)?.lastTransitionTime ?? '')
  return Number.isNaN(time) ? now : time
}

/** The status when gathering or writing was refused: what was concluded before stays, Ready says what is in the way. */
export function decideProblem(resource: TracardiResource, problem: Problem, now: number): TracardiResourceStatus {
  const previous = resource.status ?? {}
  const observedGeneration = resource.metadata.generation ?? 0
  const { reason, message } = problem
  const flag = problem.transient ? 'Reconciling' : 'Stalled'
  let conditions: readonly Condition[] = removeCondition(
    previous.conditions ?? [],
    problem.transient ? 'Stalled' : 'Reconciling',
  )
  if (problem.unread === true) {
    conditions = setCondition(
      conditions,
      { type: 'SecretsResolved', status: 'Unknown', reason, message, observedGeneration },
      now,
    )
  }
  conditions = setCondition(conditions, { type: flag, status: 'True', reason, message, observedGeneration }, now)
  conditions = setCondition(conditions, { type: 'Ready', status: 'False', reason, message, observedGeneration }, now)
  return { ...previous, conditions: [...conditions] }
}
