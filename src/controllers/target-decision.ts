/**
 * The gate: what shall be in force, given what the sources hold and what stands under the target's name. Pure.
 *
 * The target changes only when the credentials are valid, and what is in force is read from the cluster: the id and the
 * provenance stand on the target beside the contents.
 */
import { findCondition } from '../api/conditions.ts'
import type { TracardiResource } from '../api/tracardi-resource.ts'
import { sameContents, sameSources } from '../credentials/target.ts'
import type { Provenance, SourceVersion, TargetDesire, TargetObservation } from '../credentials/target.ts'
import type { Sensitive } from '../credentials/sensitive.ts'
import { isCredentialsId, nextCredentialsId } from '../credentials/versions.ts'

export interface TargetInput {
  readonly resource: TracardiResource
  /** undefined: the resource wants none, it only checks. */
  readonly target: TargetObservation | undefined
  /** The name under which `target` was looked for. */
  readonly targetName: string | undefined
  /** What the target should hold; undefined when the credentials did not pass. */
  readonly contents: ReadonlyMap<string, Sensitive> | undefined
  readonly sources: readonly SourceVersion[]
  /** Stamps that consumers carry for this resource. */
  readonly stamps: readonly string[]
  /** There may be stamps that cannot be seen, for want of a right. */
  readonly stampsHidden: boolean
  /** Ids whose version Secret is another one: they cannot be in force. */
  readonly spent?: readonly string[]
}

export type TargetDecision =
  /** Nothing to write, and nothing is in force; `announced` is the id that the first valid contents will get. */
  | {
      readonly action: 'Keep'
      readonly announced: string | undefined
    }
  | { readonly action: 'Create'; readonly desire: TargetDesire; readonly why: 'First' | 'Recreated' | 'Lost' }
  | { readonly action: 'Update'; readonly desire: TargetDesire; readonly why: 'Rotated' | 'Mended' | 'Recorded' }
  | { readonly action: 'Conflict'; readonly announced: string }
  /**
   * Nothing is written: a new id is due, and what stands on the target does not tell which ones were given before. The
   * stamps would, but cannot be seen; so an id could come a second time, for other contents.
   */
  | { readonly action: 'Hold'; readonly announced: string }
  | { readonly action: 'Elsewhere'; readonly installation: string }
  /** It was in force, is gone or altered, and cannot be made again. */
  | { readonly action: 'Lost'; readonly how: 'Deleted' | 'Edited'; readonly announced: string }

/** Decides what happens to the target. */
export function decideTarget(input: TargetInput): TargetDecision {
  const { resource, target, targetName, contents, sources, stamps, stampsHidden, spent = [] } = input
  const status = resource.status
  const generation = resource.metadata.generation ?? 0
  const lastId = isCredentialsId(status?.credentialsId ?? undefined) ? (status?.credentialsId ?? undefined) : undefined
  // Until something is in force, the first of the versions is only announced.
  const given = (status?.versions ?? []).slice(lastId === undefined ? 1 : 0)
  const seen = [lastId, ...(target?.state === 'Ours' ? [target.id] : []), ...stamps, ...given, ...spent]
  const next = (): string => {
    const announced = status?.versions?.[0]
    const following = nextCredentialsId(resource.metadata.uid, seen)
    // An id that was announced is given, unless something newer has been seen since.
    return lastId === undefined &&
      announced !== undefined &&
      nextCredentialsId(resource.metadata.uid, [announced, ...seen]) !== following
      ? announced
      : following
  }

  if (target === undefined) return { action: 'Keep', announced: undefined }
  if (target.state === 'Elsewhere') return { action: 'Elsewhere', installation: target.installation }
  if (target.state === 'Foreign') return { action: 'Conflict', announced: next() }

  const deleteWithResource = resource.spec.target?.deletionPolicy === 'Delete'
  const desire = (id: string, made: ReadonlyMap<string, Sensitive>): TargetDesire => ({
    id,
    contents: made,
    provenance: { resourceUid: resource.metadata.uid, generation, sources, keys: [...made.keys()].sort() },
    deleteWithResource,
  })

  if (target.state === 'Absent') {
    if (contents === undefined) {
      // Once lost it stays so until there are valid contents again; the status is the witness.
      const hadTarget = lastId !== undefined || findCondition(status?.conditions, 'Ready')?.reason === 'TargetLost'
      return hadTarget && status?.target?.name === targetName
        ? { action: 'Lost', how: 'Deleted', announced: next() }
        : { action: 'Keep', announced: next() }
    }
    const sameAsBefore =
      lastId !== undefined &&
      !spent.includes(lastId) &&
      status?.observedGeneration === generation &&
      sameSources(status.sources ?? [], sources)
    if (sameAsBefore) return { action: 'Create', desire: desire(lastId, contents), why: 'Recreated' }
    if (stampsHidden) return { action: 'Hold', announced: next() }
    return { action: 'Create', desire: desire(next(), contents), why: lastId === undefined ? 'First' : 'Lost' }
  }

  const { id, provenance, secret } = target
  if (!target.edited && id !== undefined && provenance !== undefined) {
    // Only its name is lost: the same contents get another.
    const isSpent = spent.includes(id)
    const same = isSpent ? next() : id
    const why = isSpent ? 'Rotated' : 'Recorded'
    if (contents === undefined) {
      // What is in force stays; whether it goes with the resource may have changed.
      return { action: 'Update', desire: { ...desire(same, secret.data), provenance }, why }
    }
    // The same sources and the same spec: nothing is compared, so that another default name in a newer operator waits for
    // the next change instead of restarting a fleet.
    if (madeOf(provenance, resource, sources)) {
      return { action: 'Update', desire: { ...desire(same, secret.data), provenance }, why }
    }
    return sameContents(contents, secret.data)
      ? { action: 'Update', desire: desire(same, contents), why }
      : { action: 'Update', desire: desire(next(), contents), why: 'Rotated' }
  }

  if (contents === undefined) return { action: 'Lost', how: 'Edited', announced: next() }
  // Somebody's edit may have touched id and provenance as well: then the status is the witness.
  const keptId = lastId ?? id
  const isSpent = keptId !== undefined && spent.includes(keptId)
  if (
    keptId !== undefined &&
    !isSpent &&
    keptId === id &&
    provenance !== undefined &&
    sameSources(provenance.sources, sources) &&
    sameContents(contents, secret.data)
  ) {
    // The edit came to nothing. From other sources the same contents say nothing of what the id stood for before.
    return { action: 'Update', desire: desire(keptId, contents), why: 'Recorded' }
  }
  const kept =
    keptId !== undefined &&
    !isSpent &&
    (lastId === undefined
      ? provenance !== undefined && madeOf(provenance, resource, sources)
      : status?.observedGeneration === generation && sameSources(status.sources ?? [], sources))
  if (!kept && stampsHidden) return { action: 'Hold', announced: next() }
  return { action: 'Update', desire: desire(kept ? keptId : next(), contents), why: kept ? 'Mended' : 'Rotated' }
}

function madeOf(provenance: Provenance, resource: TracardiResource, sources: readonly SourceVersion[]): boolean {
  return (
    provenance.resourceUid === resource.metadata.uid &&
    provenance.generation === (resource.metadata.generation ?? 0) &&
    sameSources(provenance.sources, sources)
  )
}
