/**
 * Reconciles one TracardiResource: gather → inspect → decide → apply.
 *
 * What it costs: a change of a source is one read of each Secret that changed, one write of the target, one of the status,
 * and one more status once the consumers are through. Nothing is read or written at rest.
 */
import type { Clock } from '../kube/clock.ts'
import type { KubeClient } from '../kube/client.ts'
import type { ReconcileContext, ReconcileResult } from '../kube/controller.ts'
import {
  KubeError,
  OperatorError,
  isAlreadyExists,
  isConflict,
  isMissingPermission,
  isNamespaceTerminating,
  isNotFound,
} from '../kube/errors.ts'
import type { EventRecorder, EventTarget } from '../kube/event-recorder.ts'
import { objectKey, secrets } from '../kube/objects.ts'
import type { Secret } from '../kube/objects.ts'
import { grantText } from '../kube/permissions.ts'
import type { Store } from '../kube/store.ts'
import { isConditionTrue } from '../api/conditions.ts'
import { apiVersion, componentName, kind, managedByLabel, versionName } from '../api/names.ts'
import { effectiveTarget, injects, tracardiResources } from '../api/tracardi-resource.ts'
import type { InjectionStatus, TracardiResource } from '../api/tracardi-resource.ts'
import { describeFinding } from '../credentials/findings.ts'
import type { Finding } from '../credentials/findings.ts'
import { inspect } from '../credentials/inspect.ts'
import type { Inspection } from '../credentials/inspect.ts'
import { referencedSecrets } from '../credentials/resolve.ts'
import { isForbiddenType } from '../credentials/secret-cache.ts'
import type { SecretCache, SecretSnapshot } from '../credentials/secret-cache.ts'
import {
  newTarget,
  observeTarget,
  ownerPatch,
  targetContents,
  targetPatch,
  withoutContents,
} from '../credentials/target.ts'
import type { SourceVersion, TargetObservation, TargetOwner } from '../credentials/target.ts'
import { collectVersion } from '../credentials/version-collector.ts'
import { idsBefore, isCredentialsId, orderVersions, surplusVersions } from '../credentials/versions.ts'
import type { InForce } from '../delivery/in-force.ts'
import { notInjectedText, staleText } from '../delivery/not-injected.ts'
import type { InjectionSight } from '../delivery/not-injected.ts'
import { planDelivery } from '../delivery/plan.ts'
import type { DeliveryPlan } from '../delivery/plan.ts'
import { consumersOf, workloadKey } from '../delivery/selection.ts'
import type { WorkloadStores } from '../delivery/selection.ts'
import { consumerState, onTheWay } from '../delivery/stamps.ts'
import type { ConsumerState, Refusal } from '../delivery/stamps.ts'
import { absentKinds, unseenConsumers } from '../delivery/visibility.ts'
import type { Visibility } from '../delivery/visibility.ts'
import { stampOf } from '../delivery/workloads.ts'
import type { Workload } from '../delivery/workloads.ts'
import { eventsOfFindings, eventsOfStatus, eventOfTarget } from './credentials-events.ts'
import { decideInjection } from './injection-decision.ts'
import { mergePatch } from './merge-patch.ts'
import { decideProblem, decideStatus, permissionMissing, unseenText } from './status-decision.ts'
import type { Problem, StatusInput } from './status-decision.ts'
import { decideTarget } from './target-decision.ts'
import type { TargetDecision, TargetInput } from './target-decision.ts'
import { VersionKeeper, versionNamesOf } from './version-keeper.ts'

export interface CredentialsControllerOptions {
  readonly client: KubeClient
  readonly resources: Store<TracardiResource>
  /** Metadata of referenced Secrets. */
  readonly secretStore: Store<Secret>
  readonly workloads: WorkloadStores
  readonly cache: SecretCache
  readonly inForce: InForce
  readonly visibility: Visibility
  /** Key of a workload → why the API server refuses to have it stamped. */
  readonly refusals: ReadonlyMap<string, Refusal>
  /** Whether the API server injected the credentials of a resource, as it was seen after the last rollout. */
  readonly injectionSight: (workload: Workload, plan: DeliveryPlan, resource: string) => InjectionSight
  /** Called when it becomes known what is in force: the target carries a new id, or the status was confirmed. */
  readonly onInForce: (resource: TracardiResource) => void
  readonly events: EventRecorder
  readonly clock: Clock
  readonly installation: string
  /** How credentials get into pods; undefined while it is not known. */
  readonly injectionMode: () => InjectionStatus['mode'] | undefined
  /** How often it is looked whether versions that were still needed can go, at first, in milliseconds. */
  readonly collectionPeriodMs: number
}

type Verdict = Pick<Inspection, 'findings' | 'unresolved' | 'valid' | 'expiresAt'>

/** What is known of a resource that has nothing to be written, and of what it was concluded. No values. */
interface Settled {
  readonly fingerprint: string
  /** Name → uid of the versions. */
  readonly versions: ReadonlyMap<string, string>
  readonly verdict: Verdict
  readonly target: StatusInput['target']
}

/** How long the status of a new delivery waits, so that it does not hold up the workloads, in milliseconds. */
export const statusDelayMs = 200

/** For how long nothing is looked at again by itself, in milliseconds: longer timers are not to be relied on. */
const longestWaitMs = 12 * 3_600_000

/** What the API server takes for a Secret, all values together; see core/v1 MaxSecretSize. */
const maxSecretBytes = 1_048_576

/** So many ids in a row may be taken by Secrets of others; who finds more needs a person. */
const maxSpent = 8

/** A collection that is looked at again and again is looked at ever more seldom, up to so many times the period. */
const longestCollectionFactor = 32

/** When versions were looked at that something still needed. */
interface Look {
  readonly versions: string
  readonly nextAt: number
  readonly factor: number
}

export class CredentialsController {
  readonly #options: CredentialsControllerOptions
  readonly #settled = new Map<string, Settled>()
  /** What was found about a resource when it was last looked at, waived findings included. */
  readonly #found = new Map<string, { readonly service: string; readonly findings: readonly Finding[] }>()
  /** The resourceVersion that our own last write of a status gave, so that its echo is no reason to look again. */
  readonly #written = new Map<string, string>()
  /** The same of its target. */
  readonly #writtenTargets = new Map<string, string>()
  readonly #versions: VersionKeeper
  readonly #looks = new Map<string, Look>()
  /** Rights for want of which versions are not collected, as they were told. */
  readonly #toldRights = new Set<string>()

  constructor(options: CredentialsControllerOptions) {
    this.#options = options
    this.#versions = new VersionKeeper(options)
  }

  /** Whether a change of this resource is only the echo of our own write. */
  isOwnWrite(resource: TracardiResource): boolean {
    return this.#written.get(objectKey(resource)) === resource.metadata.resourceVersion
  }

  /** Whether a change of a Secret is only the echo of our own write of this resource's target. */
  isOwnTargetWrite(key: string, secret: Secret): boolean {
    return this.#writtenTargets.get(key) === secret.metadata.resourceVersion || this.#versions.isKnown(key, secret)
  }

  /** A right was granted: versions that could not be collected may go now. */
  collectAgain(): void {
    this.#looks.clear()
    this.#toldRights.clear()
  }

  /** Forgets what was concluded about a resource that is gone. */
  forget(key: string): void {
    this.#settled.delete(key)
    this.#found.delete(key)
    this.#written.delete(key)
    this.#writtenTargets.delete(key)
    this.#versions.forget(key)
    this.#looks.delete(key)
  }

  /** Forgets everything, as a process that has just started. */
  forgetAll(): void {
    for (const known of [this.#settled, this.#found, this.#written, this.#writtenTargets, this.#looks]) known.clear()
    this.#versions.forgetAll()
  }

  /** Service and code of every finding that is not waived, once for each resource. */
  findings(): (readonly [service: string, code: string])[] {
    return [...this.#found.values()].flatMap(({ service, findings }) => {
      const codes = new Set(findings.filter(({ waived }) => !waived).map(({ code }) => code))
      return [...codes].map((code) => [service, code] as const)
    })
  }

  async reconcile(key: string, context: ReconcileContext): Promise<ReconcileResult | undefined> {
    const resource = this.#options.resources.get(key)
    if (resource === undefined || resource.metadata.deletionTimestamp !== undefined) {
      this.forget(key)
      return undefined
    }
    const fingerprint = fingerprintOf(
      resource,
      (name) => this.#options.secretStore.get(`${resource.metadata.namespace ?? ''}/${name}`)?.metadata,
    )
    const settled = this.#settled.get(key)
    const isCurrent =
      settled !== undefined &&
      (settled.verdict.expiresAt ?? Infinity) > this.#now() &&
      this.#areThere(resource, settled.versions)
    if (isCurrent && settled.fingerprint === fingerprint) {
      return this.#writeStatus(resource, settled.verdict, settled.target, undefined, context)
    }
    this.#settled.delete(key)
    try {
      return await this.#inspectAndApply(key, resource, context)
    } catch (error) {
      const problem = problemOf(error)
      if (problem === undefined) throw error
      await this.#patchStatus(resource, decideProblem(resource, problem, this.#now()), context)
      throw error
    }
  }

  async #inspectAndApply(
    key: string,
    resource: TracardiResource,
    context: ReconcileContext,
  ): Promise<ReconcileResult | undefined> {
    const { cache } = this.#options
    const namespace = resource.metadata.namespace ?? ''
    const targetName = targetNameOf(resource)
    const names = referencedSecrets(resource.spec.credentials)
    using held = new DisposableStack()
    const read = async (name: string): Promise<SecretSnapshot | undefined> => {
      const secret = await cache.read(namespace, name, context.signal)
      if (secret !== undefined) held.use(secret)
      return secret
    }
    const owner = this.#owner(resource)
    const [readTarget, ...readSources] = await Promise.allSettled([
      targetName === undefined ? Promise.resolve(undefined) : read(targetName),
      ...names.map(read),
    ])
    let targetSecret: SecretSnapshot | undefined
    let sourceSecrets: (SecretSnapshot | undefined)[]
    try {
      targetSecret = valueOf(readTarget)
      sourceSecrets = readSources.map(valueOf)
    } catch (error) {
      if (readTarget.status === 'fulfilled') this.#keepInForce(resource, observeTarget(readTarget.value, owner))
      else if (isMissingPermission(readTarget.reason)) await this.#keepInForceUnread(resource, owner, context.signal)
      throw error
    }

    const sources: SourceVersion[] = []
    const inspected = new Map<string, SecretSnapshot | 'NotFound' | 'ForbiddenType' | 'OperatorOwned'>()
    names.forEach((name, index) => {
      const secret = sourceSecrets[index]
      if (secret !== undefined) sources.push({ name, uid: secret.uid, resourceVersion: secret.resourceVersion })
      inspected.set(name, secret === undefined ? 'NotFound' : (refusal(secret) ?? secret))
    })
    const inspection = inspect({
      service: resource.spec.service,
      credentials: resource.spec.credentials,
      secrets: inspected,
      now: this.#options.clock.now(),
    })
    if (targetName === undefined) {
      const verdict = verdictOf(inspection)
      this.#settle(key, resource, sources, verdict, undefined)
      return await this.#writeStatus(resource, verdict, undefined, undefined, context)
    }

    const { contents, problem } = contentsOf(resource, inspection)
    const present = observeTarget(targetSecret, owner)
    this.#seen(resource, present)
    const input = {
      resource,
      target: present,
      targetName,
      contents,
      sources,
      stamps: this.#stamps(resource),
      stampsHidden: unseenConsumers(resource, this.#options.visibility).some(({ kind }) => kind !== 'CronJob'),
    }
    const versions = await this.#keepVersions(key, resource, input, owner, context).catch((error: unknown) => {
      this.#keepInForce(resource, present)
      throw error
    })
    const { decision } = versions
    if (decision.action === 'Elsewhere') {
      // The other installation writes the status; two that did would never come to rest.
      context.log.warn({ installation: decision.installation, target: targetName }, 'ManagedElsewhere')
      this.#options.events.record({
        regarding: eventTarget(resource),
        type: 'Warning',
        reason: 'ManagedElsewhere',
        action: 'Reconcile',
        note: `The Secret ${targetName} is kept by the installation ${decision.installation} of the operator; this one, ${this.#options.installation}, leaves the resource alone. If it shall take over, start it with --installation-id=${decision.installation}.`,
      })
      return undefined
    }
    let inPlace: SourceVersion | undefined
    try {
      inPlace = await this.#applyTarget(resource, targetName, versions, targetSecret, owner, context)
    } catch (error) {
      this.#keepInForce(resource, present)
      throw error
    }
    const verdict = verdictOf(inspection)
    const keys = contents ?? (present.state === 'Ours' ? present.secret.data : undefined)
    const target = targetStatus(targetName, decision, versions.older, [...(keys?.keys() ?? [])])
    // Who is injected into waits for the status.
    const delivers = isNewInForce(decision) && (resource.spec.consumers ?? []).length > 0 && !injects(resource.spec)
    if (problem === undefined && inPlace !== undefined && decision.action !== 'Hold')
      this.#settle(key, resource, [...sources, inPlace], verdict, target)
    // The workloads first. What is decided is on the target, should this process end before the status is written.
    if (delivers && problem === undefined) return { requeueAfterMs: statusDelayMs }
    return await this.#writeStatus(resource, verdict, target, problem, context)
  }

  /**
   * What is in force could not be changed, or it is not known what it should be. What the target says is delivered all the
   * same, also by a process that has just started; an edited target says nothing.
   */
  #keepInForce(resource: TracardiResource, target: TargetObservation<unknown>): void {
    this.#seen(resource, target)
    if (target.state === 'Ours' && !target.edited && isCredentialsId(target.id)) this.#tell(resource, target.id)
  }

  /** Workloads get what the target carries, whoever wrote it: the answer to a write of ours may have been lost. */
  #tell(resource: TracardiResource, credentialsId: string): void {
    const { inForce, onInForce } = this.#options
    if (inForce.targetCarries(resource, credentialsId)) onInForce(resource)
  }

  /** Remembers the names of the keys that what is in force has: they are injected one by one. */
  #seen(resource: TracardiResource, target: TargetObservation<unknown>): void {
    if (target.state !== 'Ours' || target.id === undefined || target.provenance === undefined) return
    this.#options.inForce.seen(resource.metadata.uid, target.id, target.provenance.keys)
  }

  /** The same by the metadata of the target, which may be had although its contents may not. */
  async #keepInForceUnread(resource: TracardiResource, owner: TargetOwner, signal: AbortSignal): Promise<void> {
    const { client, inForce } = this.#options
    const name = targetNameOf(resource)
    if (inForce.of(resource) !== undefined || name === undefined) return
    const { namespace } = owner
    const options = { namespace, fieldSelector: `metadata.name=${name}`, metadataOnly: true, signal }
    try {
      const { items } = await client.list(secrets, options)
      this.#keepInForce(resource, observeTarget(items[0] && withoutContents(items[0]), owner))
    } catch (error) {
      // Then it stays unknown what is in force, and nothing is delivered.
      if (!(error instanceof KubeError)) throw error
    }
  }

  /** Decides, and makes sure of the version that the target will name: it comes first, so that nothing names one in vain. */
  async #keepVersions(
    key: string,
    resource: TracardiResource,
    input: TargetInput & { readonly targetName: string },
    owner: TargetOwner,
    context: ReconcileContext,
  ): Promise<{ decision: TargetDecision; older: readonly string[] }> {
    const { targetName, target } = input
    const { signal } = context
    const spent: string[] = []
    const others: string[] = []
    let decision = decideTarget(input)
    while (injects(resource.spec) && (decision.action === 'Create' || decision.action === 'Update')) {
      const { desire } = decision
      const isNew = target?.state !== 'Ours' || target.id !== desire.id
      const state = await this.#versions.ensure(key, targetName, desire, owner, isNew, signal)
      if (state === 'Ready') break
      const name = versionName(targetName, desire.id)
      context.log.warn({ secret: name, state }, 'the name of a version is taken: the next id')
      if (spent.push(desire.id) >= maxSpent) throw new VersionsTaken(name)
      if (state === 'Other') others.push(desire.id)
      decision = decideTarget({ ...input, spent })
    }
    if (decision.action === 'Elsewhere') return { decision, older: [] }
    const status = resource.status?.versions ?? []
    const id = decision.action === 'Create' || decision.action === 'Update' ? decision.desire.id : undefined
    // A status that was lost, or a resource that was created again: what was kept before is found by its names.
    const known =
      status.length === 0 && id !== undefined && injects(resource.spec)
        ? idsBefore(id, effectiveTarget(resource.metadata.name, resource.spec)?.historyLimit ?? 0)
        : status
    const isTracked = injects(resource.spec) || status.length > 1
    const first = id ?? decisionAnnounces(decision)
    const candidates = isTracked
      ? known.filter((each) => each !== first && !spent.includes(each) && isCredentialsId(each))
      : []
    return {
      decision,
      older: [...others, ...(await this.#versions.existing(key, targetName, candidates, owner, signal))],
    }
  }

  #areThere(resource: TracardiResource, versions: ReadonlyMap<string, string>): boolean {
    const namespace = resource.metadata.namespace ?? ''
    return [...versions].every(
      ([name, uid]) => this.#options.secretStore.get(`${namespace}/${name}`)?.metadata.uid === uid,
    )
  }

  /**
   * Writes the target and returns the version of it that is in place then. A lost race is found by the API server and
   * answered by gathering again.
   */
  async #applyTarget(
    resource: TracardiResource,
    name: string,
    { decision, older }: { readonly decision: TargetDecision; readonly older: readonly string[] },
    present: SecretSnapshot | undefined,
    owner: TargetOwner,
    context: ReconcileContext,
  ): Promise<SourceVersion | undefined> {
    const { client, cache, events, inForce, onInForce } = this.#options
    if (decision.action !== 'Create' && decision.action !== 'Update') return present
    const { namespace } = owner
    const { signal } = context
    let written: Secret
    try {
      if (decision.action === 'Create') {
        written = await client.create(secrets, namespace, newTarget(name, decision.desire, owner), { signal })
      } else {
        const patch = present === undefined ? undefined : targetPatch(present, decision.desire, owner)
        if (patch === undefined) {
          this.#tell(resource, decision.desire.id)
          return present
        }
        const injected = injects(resource.spec) ? [decision.desire.id] : []
        // Versions stay and go with the target. They are changed before it: should this process end, the target tells.
        if (present !== undefined && ownerPatch(present, decision.desire, owner) !== undefined)
          await this.#versions.setOwner(name, [...injected, ...older], decision.desire, owner, signal)
        written = await client.patch(secrets, namespace, name, patch, { patchType: 'merge', signal })
      }
    } catch (error) {
      if (isConflict(error) || isAlreadyExists(error) || isNotFound(error)) cache.invalidate(namespace, name)
      throw error
    }
    this.#writtenTargets.set(objectKey(resource), written.metadata.resourceVersion)
    cache.prime(written)
    inForce.seen(resource.metadata.uid, decision.desire.id, decision.desire.provenance.keys)
    inForce.targetCarries(resource, decision.desire.id)
    // Also when the id is the one of before: the keys may have become known only now.
    onInForce(resource)
    const { uid, resourceVersion } = written.metadata
    const inPlace = { name, uid, resourceVersion }
    const event = eventOfTarget(name, decision)
    if (event === undefined) return inPlace
    context.log.info({ target: name, credentialsId: decision.desire.id, why: decision.why }, 'target written')
    events.record({ regarding: eventTarget(resource), ...event })
    return inPlace
  }

  async #writeStatus(
    resource: TracardiResource,
    verdict: Verdict,
    target: StatusInput['target'],
    problem: Problem | undefined,
    context: ReconcileContext,
  ): Promise<ReconcileResult | undefined> {
    const consumers = this.#consumers(resource, target?.credentialsId)
    const unseen = unseenConsumers(resource, this.#options.visibility)
    const isThrough =
      problem === undefined &&
      unseen.length === 0 &&
      consumers.every(({ state }) => state === 'Updated' || state === 'Stale' || state === 'Missing')
    const collected = isThrough ? await this.#collect(resource, target, context) : undefined
    const kept = collected?.target ?? target
    const { status, requeueAfterMs } = decideStatus({
      resource,
      inspection: verdict,
      target: kept,
      consumers,
      ...decideInjection({
        resource,
        target: kept,
        mode: this.#options.injectionMode(),
        installation: this.#options.installation,
      }),
      problem,
      unseen,
      absent: absentKinds(resource, this.#options.visibility),
      unwatched: this.#options.visibility.secrets(resource),
      now: this.#now(),
    })
    try {
      await this.#patchStatus(resource, status, context)
    } catch (error) {
      // Who may not tell of it may deliver it nevertheless.
      if (isMissingPermission(error) && target?.credentialsId !== undefined) this.#tell(resource, target.credentialsId)
      throw error
    }
    this.#versions.track(objectKey(resource))
    this.#tellFindings(resource, status, [...verdict.unresolved, ...verdict.findings])
    if (this.#options.inForce.confirm(resource.metadata.uid, target?.credentialsId)) this.#options.onInForce(resource)
    const expiry = verdict.expiresAt === undefined ? Infinity : Math.max(0, verdict.expiresAt - this.#now())
    const next = Math.min(
      requeueAfterMs ?? Infinity,
      collected?.againAfterMs ?? Infinity,
      expiry === Infinity ? expiry : Math.min(expiry, longestWaitMs),
    )
    return next === Infinity ? undefined : { requeueAfterMs: next }
  }

  /**
   * Deletes the versions that are too many and that nothing needs. What cannot be deleted stays, and is looked at again later:
   * this is no reason to hold up a status.
   */
  async #collect(
    resource: TracardiResource,
    target: StatusInput['target'],
    context: ReconcileContext,
  ): Promise<{ target: StatusInput['target']; againAfterMs: number | undefined } | undefined> {
    const { client, clock, collectionPeriodMs } = this.#options
    const older = target?.versions ?? []
    if (target?.credentialsId === undefined || older.length === 0) return undefined
    const key = objectKey(resource)
    const owner = this.#owner(resource)
    const limit = injects(resource.spec)
      ? (effectiveTarget(resource.metadata.name, resource.spec)?.historyLimit ?? 0)
      : 0
    const surplus = surplusVersions(orderVersions(target.credentialsId, older), limit, this.#stamps(resource))
    if (surplus.length === 0) return undefined
    const versions = surplus.join(' ')
    const look = this.#looks.get(key)
    const now = clock.monotonic()
    if (look?.versions === versions && look.nextAt > now) return { target, againAfterMs: look.nextAt - now }
    const gone: string[] = []
    try {
      for (const id of surplus) {
        if ((await collectVersion(client, { targetName: target.name, id, owner }, context.signal)) === 'Kept') continue
        gone.push(id)
        context.log.info({ target: target.name, credentialsId: id }, 'a version that nothing needs was deleted')
      }
    } catch (error) {
      if (!(error instanceof KubeError)) throw error
      context.log.debug({ code: error.code, reason: error.reason }, 'versions could not be collected')
      if (isMissingPermission(error)) this.#tellUncollected(resource, error)
    }
    const left = surplus.filter((id) => !gone.includes(id)).join(' ')
    const factor = look?.versions === left ? Math.min(look.factor * 2, longestCollectionFactor) : 1
    if (left === '') this.#looks.delete(key)
    else this.#looks.set(key, { versions: left, nextAt: now + collectionPeriodMs * factor, factor })
    const remaining = { ...target, versions: older.filter((id) => !gone.includes(id)) }
    const settled = this.#settled.get(key)
    if (settled !== undefined) {
      const ids = [target.credentialsId, ...remaining.versions]
      const there = this.#versions.uids(key, target.name, ids)
      this.#settled.set(key, { ...settled, target: remaining, versions: there })
    }
    for (const id of gone) this.#versions.drop(key, owner.namespace, versionName(target.name, id))
    return { target: remaining, againAfterMs: left === '' ? undefined : collectionPeriodMs * factor }
  }

  /** Once for each namespace. */
  #tellUncollected(resource: TracardiResource, error: KubeError): void {
    const right = `${error.verb} ${error.resource} ${error.namespace ?? ''}`
    if (this.#toldRights.has(right)) return
    this.#toldRights.add(right)
    this.#options.events.record({
      regarding: eventTarget(resource),
      type: 'Warning',
      reason: permissionMissing,
      action: 'Collect',
      note: `Older versions of the target are kept for want of a right. ${grantText(error)}`,
    })
  }

  #tellFindings(
    resource: TracardiResource,
    status: NonNullable<TracardiResource['status']>,
    findings: readonly Finding[],
  ): void {
    const key = objectKey(resource)
    const before = this.#found.get(key)
    this.#found.set(key, { service: resource.spec.service, findings })
    // The same list: it was told of when it was made.
    if (before?.findings.length === findings.length && findings.every((one, index) => one === before.findings[index]))
      return
    const { namespace } = resource.metadata
    const known = before && new Set(before.findings.map((finding) => describeFinding(finding, namespace)))
    for (const event of eventsOfFindings(resource.status, status, findings, known, namespace))
      this.#options.events.record({ regarding: eventTarget(resource), ...event })
  }

  async #patchStatus(
    resource: TracardiResource,
    status: NonNullable<TracardiResource['status']>,
    context: ReconcileContext,
  ): Promise<void> {
    const { client, resources, events } = this.#options
    const patch = mergePatch(resource.status ?? {}, status)
    if (patch === undefined) return
    const { namespace, name, uid, resourceVersion } = resource.metadata
    const body = { metadata: { uid, resourceVersion }, status: patch }
    const written = await client.patch(tracardiResources, namespace, name, body, {
      patchType: 'merge',
      subresource: 'status',
      signal: context.signal,
    })
    this.#written.set(objectKey(resource), written.metadata.resourceVersion)
    resources.observe(written)
    const ready = status.conditions?.find(({ type }) => type === 'Ready')
    context.log.info(
      {
        ready: ready?.status,
        reason: ready?.reason,
        credentialsId: status.credentialsId,
        consumers: status.consumers?.summary,
      },
      'status written',
    )
    for (const event of eventsOfStatus(resource.status, status))
      events.record({ regarding: eventTarget(resource), ...event })
  }

  /**
   * Remembers a verdict under the versions that it was made of, as they were read: not those of the store, which may have
   * moved on meanwhile.
   */
  #settle(
    key: string,
    resource: TracardiResource,
    versions: readonly SourceVersion[],
    verdict: Verdict,
    target: StatusInput['target'],
  ): void {
    const found = new Map(versions.map((version) => [version.name, version]))
    const fingerprint = fingerprintOf(resource, (name) => found.get(name))
    if (fingerprint === undefined) return
    const id = target?.credentialsId
    const ids = [...(id !== undefined && injects(resource.spec) ? [id] : []), ...(target?.versions ?? [])]
    const there = target === undefined ? new Map<string, string>() : this.#versions.uids(key, target.name, ids)
    this.#settled.set(key, { fingerprint, versions: there, verdict, target })
  }

  #consumers(resource: TracardiResource, credentialsId: string | undefined): ConsumerState[] {
    const { workloads, refusals, injectionSight, visibility } = this.#options
    const namespace = resource.metadata.namespace ?? ''
    return consumersOf(workloads, resource).map((consumer) => {
      const { name } = resource.metadata
      const plan = consumer.workload === undefined ? undefined : planDelivery(this.#options, consumer.workload)
      const state = consumerState(consumer, name, credentialsId, plan?.deliveries.get(name))
      const permission = state.state === 'Missing' ? visibility.workloads(consumer.kind, namespace) : undefined
      if (permission !== undefined) {
        const message = unseenText([{ kind: consumer.kind, permission }])
        return { ...state, state: 'Held', reason: permissionMissing, message }
      }
      const key = workloadKey(consumer.kind, namespace, consumer.name)
      if (state.state === 'Updated' && consumer.workload !== undefined && plan !== undefined) {
        const { workload } = consumer
        const sight = injectionSight(workload, plan, name)
        if (sight === 'Missed')
          return { ...state, state: 'Held', reason: 'NotInjected', message: notInjectedText(workload, name) }
        if (sight === 'Stale') return { ...state, state: 'Stale', reason: 'Stale', message: staleText(workload, name) }
        // A rollout is through when its pods were looked at. What was said before stays until then.
        if (sight === 'NotLookedAt' && !saysUpToDate(resource)) return { ...state, ...onTheWay }
      }
      const refusal = refusals.get(key)
      return refusal === undefined || state.reason !== 'RollingOut' ? state : { ...state, state: 'Held', ...refusal }
    })
  }

  #stamps(resource: TracardiResource): string[] {
    return consumersOf(this.#options.workloads, resource).flatMap(({ workload }) => {
      const stamp = workload === undefined ? undefined : stampOf(workload, resource.metadata.name)
      return stamp === undefined ? [] : [stamp]
    })
  }

  #owner(resource: TracardiResource): TargetOwner {
    const { namespace = '', name, uid } = resource.metadata
    return { installation: this.#options.installation, namespace, resource: name, resourceUid: uid }
  }

  #now(): number {
    return this.#options.clock.now()
  }
}

/** Whether the status says already that all consumers have what is in force. */
function saysUpToDate({ status }: TracardiResource): boolean {
  return isConditionTrue(status?.conditions, 'ConsumersUpToDate')
}

/** The name of the target that a resource wants; undefined when it only checks. */
export function targetNameOf(resource: TracardiResource): string | undefined {
  return effectiveTarget(resource.metadata.name, resource.spec)?.name
}

/** Every Secret that a resource has to do with: its sources, its target and its versions, as `namespace/name`. */
export function secretKeysOf(resource: TracardiResource): string[] {
  const namespace = resource.metadata.namespace ?? ''
  const target = targetNameOf(resource)
  const own = target === undefined ? [] : [target, ...versionNamesOf(resource)]
  return [...referencedSecrets(resource.spec.credentials), ...own].map((name) => `${namespace}/${name}`)
}

export function eventTarget(resource: TracardiResource): EventTarget {
  const { namespace = '', name, uid } = resource.metadata
  return { apiVersion, kind, namespace, name, uid }
}

/** Whether the target got an id that it did not have. */
function isNewInForce(decision: TargetDecision): boolean {
  return (decision.action === 'Create' || decision.action === 'Update') && decision.why !== 'Recorded'
}

/** The versions of all that a verdict rests on; undefined when something of it is not there or not known. */
function fingerprintOf(
  resource: TracardiResource,
  versionOf: (name: string) => { readonly uid: string; readonly resourceVersion: string } | undefined,
): string | undefined {
  const { metadata, spec } = resource
  const target = targetNameOf(resource)
  const parts = [metadata.uid, String(metadata.generation ?? 0)]
  for (const name of [...referencedSecrets(spec.credentials), ...(target === undefined ? [] : [target])]) {
    const version = versionOf(name)
    if (version === undefined) return undefined
    parts.push(`${name}=${version.uid}/${version.resourceVersion}`)
  }
  return parts.join(' ')
}

/** Why this Secret is no source of credentials; undefined: it is one. */
export function refusal(secret: SecretSnapshot): 'ForbiddenType' | 'OperatorOwned' | undefined {
  if (isForbiddenType(secret.type)) return 'ForbiddenType'
  return secret.labels[managedByLabel] === componentName ? 'OperatorOwned' : undefined
}

function verdictOf({ findings, unresolved, valid, expiresAt }: Inspection): Verdict {
  return { findings, unresolved, valid, expiresAt }
}

/** What the target should hold; undefined when the credentials did not pass, or `problem` is in the way. */
export function contentsOf(
  resource: TracardiResource,
  inspection: Inspection,
): { contents: ReturnType<typeof targetContents>['contents'] | undefined; problem: Problem | undefined } {
  if (!inspection.valid || inspection.service === undefined) return { contents: undefined, problem: undefined }
  const { contents, conflicts } = targetContents(inspection.service, inspection.fields, resource.spec.target?.keys)
  if (conflicts[0] !== undefined) {
    const message = `Two fields would be written under the key ${conflicts[0]} of the target; give one of them another key in spec.target.keys.`
    return { contents: undefined, problem: { reason: 'TargetKeyConflict', message, transient: false } }
  }
  let bytes = 0
  for (const [key, value] of contents) bytes += key.length + value.byteLength
  if (bytes > maxSecretBytes) {
    const message =
      'The target would be larger than the 1 MiB that a Secret may hold; the source holds far too long values.'
    return { contents: undefined, problem: { reason: 'TargetTooLarge', message, transient: false } }
  }
  return { contents, problem: undefined }
}

/** What the status tells of the target. */
export function targetStatus(
  name: string,
  decision: Exclude<TargetDecision, { action: 'Elsewhere' }>,
  versions: readonly string[],
  keys: readonly string[],
): NonNullable<StatusInput['target']> {
  const announced = decisionAnnounces(decision)
  const nothing = { name, credentialsId: undefined, announced, sources: [], versions, keys }
  switch (decision.action) {
    case 'Create':
    case 'Update': {
      const { id, provenance } = decision.desire
      return { ...nothing, outcome: 'InForce', credentialsId: id, sources: provenance.sources }
    }
    case 'Keep':
    case 'Hold':
      return { ...nothing, outcome: 'NothingYet' }
    case 'Conflict':
      return { ...nothing, outcome: 'Conflict' }
    case 'Lost':
      return { ...nothing, outcome: 'Lost' }
  }
}

function decisionAnnounces(decision: TargetDecision): string | undefined {
  return 'announced' in decision ? decision.announced : undefined
}

/** One name after the other is taken by a Secret that is no version of this resource. */
class VersionsTaken extends OperatorError {
  constructor(name: string) {
    super({
      code: 'VERSIONS_TAKEN',
      reason: 'VersionConflict',
      retry: 'backoff',
      message: `The names for the next versions of the target are taken by Secrets that do not belong to this resource, up to ${name}. Choose another spec.target.name, or delete them.`,
    })
  }
}

/** What of a failed call belongs into the status; undefined for what is simply tried again. */
function problemOf(error: unknown): Problem | undefined {
  if (error instanceof VersionsTaken) return { reason: error.reason, message: error.message, transient: false }
  if (!(error instanceof KubeError) || isConflict(error) || isAlreadyExists(error) || isNotFound(error))
    return undefined
  if (error.resource === 'tracardiresources.tracardi.com/status') return undefined
  const object = error.objectName === undefined ? '' : ` ${error.objectName}`
  const what = `${error.verb} ${error.resource}${object} in the namespace ${error.namespace ?? ''}`
  if (isNamespaceTerminating(error)) {
    const message = `The namespace ${error.namespace ?? ''} is being deleted; nothing is created in it any more.`
    return { reason: 'NamespaceTerminating', message, transient: true }
  }
  if (isMissingPermission(error)) {
    const unread = error.verb === 'get'
    const message = `The operator may not ${unread ? 'read' : error.verb} the Secret${object}. ${grantText(error)}`
    return { reason: permissionMissing, message, transient: false, unread }
  }
  if (error.status === 403) {
    const message = `The API server does not let the operator ${what}: a quota or an admission policy is in the way. It is tried again.`
    return { reason: 'Forbidden', message, transient: true }
  }
  if (error.status === 422) {
    const fields = error.invalidFields.length === 0 ? '' : ` (${error.invalidFields.join(', ')})`
    const message = `The API server refuses the operator's ${what}${fields}. A target that somebody has made immutable has to be deleted; it is made again at once: kubectl delete secret${object}`
    return { reason: 'TargetRefused', message, transient: false }
  }
  return undefined
}

/** What was read, or the failure thrown. */
function valueOf<T>(result: PromiseSettledResult<T>): T {
  if (result.status === 'fulfilled') return result.value
  throw result.reason instanceof Error
    ? result.reason
    : new OperatorError({ code: 'INTERNAL', reason: 'InternalError', retry: 'backoff', message: 'a read failed' })
}
