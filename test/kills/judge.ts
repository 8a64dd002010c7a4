/** Judges what an operator did that was killed again and again. It knows nothing of how the operator works. All pure. */
import { revisionOf } from '../../src/credentials/versions.ts'

/** One version of a target Secret as the API server told of it. */
export interface TargetVersion {
  readonly resource: string
  readonly contents: string
  readonly id: string | undefined
  /** Written by the test, in the part of somebody who edits or deletes it. */
  readonly byOther: boolean
  readonly deleted: boolean
}

/** One version of a workload's pod template: resource → the id that its stamp names. */
export interface TemplateVersion {
  readonly workload: string
  readonly stamps: Readonly<Record<string, string>>
}

/** What the API server's audit log says of one object: the operator's writes that it accepted. */
export interface AcceptedWrites {
  readonly targets: Readonly<Record<string, number>>
  readonly workloads: Readonly<Record<string, number>>
}

export interface History {
  /** In the order in which they were written, for each object. */
  readonly targets: readonly TargetVersion[]
  /** Likewise; the first of each workload is the template before the operator came. */
  readonly templates: readonly TemplateVersion[]
  readonly accepted: AcceptedWrites
  /** Resource → every contents that its target may ever have held. */
  readonly valid: Readonly<Record<string, ReadonlySet<string>>>
}

/** How things stand when everything has been given the time to come to rest. */
export interface FinalState {
  readonly resources: readonly FinalResource[]
  readonly workloads: readonly FinalWorkload[]
  /** Secrets that carry the operator's label and whose resource is gone or has another target. */
  readonly strays: readonly string[]
}

export interface FinalResource {
  readonly name: string
  /** The contents that its source calls for; undefined while that is not valid. */
  readonly wanted: string | undefined
  readonly target: { readonly id: string | undefined; readonly contents: string } | undefined
  /** The id that its status names. */
  readonly reported: string | undefined
  readonly consumers: readonly string[]
}

export interface FinalWorkload {
  readonly name: string
  readonly stamps: Readonly<Record<string, string>>
  /** The stamps of each of its pods. */
  readonly pods: readonly Readonly<Record<string, string>>[]
  /** Revisions that the workload's own controller counted: of ReplicaSets, or ControllerRevisions. */
  readonly rollouts: number
}

/** One line for each fault. All must be empty. */
export interface Verdict {
  /** A workload that does not carry what is in force, or whose pods do not; a target that is not what it should be. */
  readonly lost: readonly string[]
  /** More restarts than deliveries, or deliveries without a reason. */
  readonly doubled: readonly string[]
  /** Contents that were never valid, or an id that was never in force. */
  readonly invalid: readonly string[]
  /** Targets of resources that are gone. */
  readonly leftBehind: readonly string[]
  /** The history has holes, so the other lists prove nothing. */
  readonly unseen: readonly string[]
}

export function judge(history: History, final: FinalState): Verdict {
  return {
    lost: lostIn(final),
    doubled: [...doubledStamps(history), ...doubledRollouts(history, final), ...ungroundedIds(history)],
    invalid: invalidIn(history),
    leftBehind: final.strays.map((name) => `the Secret ${name} belongs to nobody`),
    unseen: unseenIn(history),
  }
}

/** What does not yet stand as it should. Empty as soon as all has come to rest, or it never will be. */
export function lostIn({ resources, workloads }: FinalState): string[] {
  const lost: string[] = []
  for (const { name, wanted, target, reported, consumers } of resources) {
    if (wanted !== undefined && target?.contents !== wanted) {
      lost.push(
        `${name}: its target ${target === undefined ? 'is not there' : 'holds other credentials than the source'}`,
      )
    }
    if (target === undefined) continue
    if (reported !== target.id)
      lost.push(`${name}: its status says ${String(reported)} instead of ${String(target.id)}`)
    for (const consumer of consumers) {
      const workload = workloads.find((candidate) => candidate.name === consumer)
      const stamp = workload?.stamps[name]
      if (stamp !== target.id || stamp === undefined)
        lost.push(`${consumer}: ${String(stamp)} of ${name} instead of ${String(target.id)}`)
      const pods = workload?.pods ?? []
      if (pods.length === 0) lost.push(`${consumer}: no pods`)
      for (const pod of pods)
        if (pod[name] !== target.id)
          lost.push(`${consumer}: a pod with ${String(pod[name])} of ${name}, not ${String(target.id)}`)
    }
  }
  return lost
}

/**
 * The ids that a workload was given, in turn: each must be newer than the one before. Of a resource that was deleted and
 * made again that is so for the ids of each: the last of the first may still be on its way to the workload, unseen by
 * whoever gives the other its first. But the first must never come back.
 */
function doubledStamps({ templates }: History): string[] {
  const doubled: string[] = []
  const last = new Map<string, string>()
  const gone = new Set<string>()
  for (const { workload, stamps } of templates) {
    for (const [resource, id] of Object.entries(stamps)) {
      const key = `${workload} ${resource}`
      const before = last.get(key)
      last.set(key, id)
      if (before === undefined || before === id) continue
      const isSame = makerOf(before) === makerOf(id)
      if (!isSame) gone.add(`${key} ${makerOf(before)}`)
      const isBack = isSame ? (revisionOf(id) ?? 0) <= (revisionOf(before) ?? 0) : gone.has(`${key} ${makerOf(id)}`)
      if (isBack) doubled.push(`${workload}: from ${before} of ${resource} to ${id}`)
    }
  }
  return doubled
}

/** What in an id tells resources of one name apart. */
function makerOf(id: string): string {
  return id.slice(id.indexOf('-') + 1)
}

/** Each rollout needs a template of its own, and each template an id that the workload had not had. */
function doubledRollouts({ templates }: History, { workloads }: FinalState): string[] {
  return workloads.flatMap(({ name, rollouts }) => {
    const own = templates.filter(({ workload }) => workload === name)
    const first = own[0]?.stamps ?? {}
    const ids = new Set<string>()
    for (const { stamps } of own)
      for (const [resource, id] of Object.entries(stamps)) if (first[resource] !== id) ids.add(`${resource} ${id}`)
    const changes = own.length - 1
    return [
      ...(changes > ids.size
        ? [`${name}: ${String(changes)} changes of its template for ${String(ids.size)} ids`]
        : []),
      ...(rollouts > ids.size + 1 ? [`${name}: ${String(rollouts)} rollouts for ${String(ids.size)} ids`] : []),
    ]
  })
}

/** A new id for contents that were in force already, though nobody had touched the target. */
function ungroundedIds({ targets }: History): string[] {
  const doubled: string[] = []
  const last = new Map<string, TargetVersion>()
  for (const version of targets) {
    const before = last.get(version.resource)
    last.set(version.resource, version)
    if (before === undefined || [before, version].some(({ byOther, deleted }) => byOther || deleted)) continue
    if (before.contents === version.contents && before.id !== version.id)
      doubled.push(`${version.resource}: ${String(version.id)} holds what ${String(before.id)} held already`)
    if (before.contents !== version.contents && before.id === version.id)
      doubled.push(`${version.resource}: ${String(version.id)} stands for two sets of credentials`)
  }
  return doubled
}

function invalidIn({ targets, templates, valid }: History): string[] {
  const invalid: string[] = []
  const inForce = new Set<string>()
  for (const { resource, contents, id, byOther, deleted } of targets) {
    if (byOther || deleted) continue
    inForce.add(`${resource} ${String(id)}`)
    if (valid[resource]?.has(contents) !== true) invalid.push(`${resource}: ${String(id)} was never valid`)
  }
  for (const { workload, stamps } of templates) {
    for (const [resource, id] of Object.entries(stamps))
      if (!inForce.has(`${resource} ${id}`)) invalid.push(`${workload}: ${id} of ${resource} was never in force`)
  }
  return [...new Set(invalid)]
}

/** Every accepted write of the operator makes one version, and every version that is nobody else's comes from one. */
function unseenIn({ targets, templates, accepted }: History): string[] {
  const seen = (counts: Readonly<Record<string, number>>, of: (name: string) => number): string[] =>
    Object.entries(counts).flatMap(([name, count]) =>
      of(name) === count ? [] : [`${name}: ${String(count)} writes of the operator, but ${String(of(name))} versions`],
    )
  return [
    ...seen(
      accepted.targets,
      (name) => targets.filter(({ resource, byOther, deleted }) => resource === name && !byOther && !deleted).length,
    ),
    ...seen(accepted.workloads, (name) => templates.filter(({ workload }) => workload === name).length - 1),
  ]
}
