/** The versions of a resource's credentials: immutable Secrets beside the target, one for each id that can be injected. */
import { versionName } from '../api/names.ts'
import { effectiveTarget, injects } from '../api/tracardi-resource.ts'
import type { TracardiResource } from '../api/tracardi-resource.ts'
import { identity } from '../credentials/secret-cache.ts'
import type { SecretCache, SecretSnapshot } from '../credentials/secret-cache.ts'
import { isVersion, newVersion, ownerPatch, sameContents, withoutContents } from '../credentials/target.ts'
import type { TargetDesire, TargetOwner } from '../credentials/target.ts'
import { isCredentialsId } from '../credentials/versions.ts'
import type { KubeClient } from '../kube/client.ts'
import { isAlreadyExists, isNotFound } from '../kube/errors.ts'
import { secrets } from '../kube/objects.ts'
import type { Secret } from '../kube/objects.ts'
import type { Store } from '../kube/store.ts'

/**
 * The names of the versions that a status tells of. Only of a resource that injects, or did until lately: for any other the
 * list has the id in force alone, which has no Secret of its own.
 */
export function versionNamesOf(resource: TracardiResource): string[] {
  const target = effectiveTarget(resource.metadata.name, resource.spec)
  const versions = resource.status?.versions ?? []
  if (target === undefined || !(injects(resource.spec) || versions.length > 1)) return []
  return versions.filter(isCredentialsId).map((id) => versionName(target.name, id))
}

/** What stands under the name of a version. Foreign: it is no version of this resource. Other: one with other contents. */
export type VersionState = 'Ready' | 'Foreign' | 'Other'

export class VersionKeeper {
  readonly #client: KubeClient
  readonly #store: Store<Secret>
  readonly #cache: SecretCache
  /** Key of a resource → name of a version that was seen to be right → what it was then. */
  readonly #seen = new Map<string, Map<string, Secret>>()
  /** Key of a resource → versions that its status does not tell of yet, so that the store has not kept them. */
  readonly #untracked = new Map<string, Secret[]>()

  constructor(options: { client: KubeClient; secretStore: Store<Secret>; cache: SecretCache }) {
    this.#client = options.client
    this.#store = options.secretStore
    this.#cache = options.cache
  }

  /**
   * Makes the version unless it is there. A POST that finds one is no failure: the process before may have been killed in
   * between.
   * @param isNew the target does not carry the id yet, so most likely there is no such version
   * @throws KubeError
   */
  async ensure(
    key: string,
    targetName: string,
    desire: TargetDesire,
    owner: TargetOwner,
    isNew: boolean,
    signal: AbortSignal,
  ): Promise<VersionState> {
    const { namespace } = owner
    const name = versionName(targetName, desire.id)
    const uid = this.#store.get(`${namespace}/${name}`)?.metadata.uid
    if (uid !== undefined && this.#seen.get(key)?.get(name)?.metadata.uid === uid) return 'Ready'
    const found = isNew && uid === undefined ? undefined : await this.#look(key, name, desire, owner, signal)
    if (found !== undefined) return found
    try {
      const made = await this.#client.create(secrets, namespace, newVersion(targetName, desire, owner), { signal })
      this.#remember(key, made)
      return 'Ready'
    } catch (error) {
      if (!isAlreadyExists(error)) throw error
      this.#cache.invalidate(namespace, name)
      const present = await this.#look(key, name, desire, owner, signal)
      // Gone again: tried again.
      if (present === undefined) throw error
      return present
    }
  }

  async #look(
    key: string,
    name: string,
    desire: TargetDesire,
    owner: TargetOwner,
    signal: AbortSignal,
  ): Promise<VersionState | undefined> {
    using secret = await this.#cache.read(owner.namespace, name, signal)
    if (secret === undefined) return undefined
    this.#seen.get(key)?.delete(name)
    if (!isVersion(secret, desire.id, owner)) return 'Foreign'
    if (!sameContents(secret.data, desire.contents)) return 'Other'
    this.#remember(key, secretOf(secret, owner.namespace))
    return 'Ready'
  }

  /**
   * Which of these ids have a version. What the watch knows is not asked for.
   * @throws KubeError
   */
  async existing(
    key: string,
    targetName: string,
    ids: readonly string[],
    owner: TargetOwner,
    signal: AbortSignal,
  ): Promise<string[]> {
    const { namespace } = owner
    const found = await Promise.all(
      ids.map(async (id) => {
        const name = versionName(targetName, id)
        const stored = this.#store.get(`${namespace}/${name}`)
        if (stored !== undefined) {
          this.#remember(key, stored)
          return [id]
        }
        const secret = await this.#metadata(namespace, name, signal)
        if (secret === undefined || !isVersion(withoutContents(secret), id, owner)) {
          this.#seen.get(key)?.delete(name)
          return []
        }
        this.#remember(key, secret)
        return [id]
      }),
    )
    return found.flat()
  }

  /**
   * Lets versions go with the resource, or stay.
   * @throws KubeError
   */
  async setOwner(
    targetName: string,
    ids: readonly string[],
    desire: TargetDesire,
    owner: TargetOwner,
    signal: AbortSignal,
  ): Promise<void> {
    const { namespace } = owner
    for (const id of ids) {
      const name = versionName(targetName, id)
      const secret = await this.#metadata(namespace, name, signal)
      const metadata = secret === undefined ? undefined : withoutContents(secret)
      if (metadata === undefined || !isVersion(metadata, id, owner)) continue
      const patch = ownerPatch(metadata, desire, owner)
      if (patch !== undefined) await this.#client.patch(secrets, namespace, name, patch, { patchType: 'merge', signal })
    }
  }

  async #metadata(namespace: string, name: string, signal: AbortSignal): Promise<Secret | undefined> {
    try {
      return await this.#client.get(secrets, namespace, name, { metadataOnly: true, signal })
    } catch (error) {
      if (!isNotFound(error)) throw error
      return undefined
    }
  }

  #remember(key: string, secret: Secret): void {
    const seen = this.#seen.get(key) ?? new Map<string, Secret>()
    this.#seen.set(key, seen.set(secret.metadata.name, identity(secret)))
    const { namespace = '', name, uid } = secret.metadata
    if (this.#store.get(`${namespace}/${name}`)?.metadata.uid === uid) return
    this.#untracked.set(key, [...(this.#untracked.get(key) ?? []), identity(secret)])
  }

  /** Name → uid of those of these versions that were seen. */
  uids(key: string, targetName: string, ids: readonly string[]): Map<string, string> {
    const seen = this.#seen.get(key)
    return new Map(
      ids.flatMap((id) => {
        const name = versionName(targetName, id)
        const uid = seen?.get(name)?.metadata.uid
        return uid === undefined ? [] : [[name, uid] as const]
      }),
    )
  }

  /**
   * The status names its versions now, so they belong to the Secrets that are kept: the watch may have told of them before,
   * when nobody wanted to know.
   */
  track(key: string): void {
    for (const secret of this.#untracked.get(key) ?? []) this.#store.observe(secret)
    this.#untracked.delete(key)
  }

  /** Whether a change of a Secret only tells of a version as it was seen here. */
  isKnown(key: string, secret: Secret): boolean {
    const { name, resourceVersion } = secret.metadata
    return this.#seen.get(key)?.get(name)?.metadata.resourceVersion === resourceVersion
  }

  /** A version is gone. */
  drop(key: string, namespace: string, name: string): void {
    const uid = this.#seen.get(key)?.get(name)?.metadata.uid
    this.#seen.get(key)?.delete(name)
    if (uid !== undefined) this.#store.observeAbsent(`${namespace}/${name}`, uid)
  }

  /** The resource is gone. */
  forget(key: string): void {
    this.#seen.delete(key)
    this.#untracked.delete(key)
  }

  forgetAll(): void {
    this.#seen.clear()
    this.#untracked.clear()
  }
}

function secretOf({ name, uid, resourceVersion }: SecretSnapshot, namespace: string): Secret {
  return { metadata: { name, namespace, uid, resourceVersion } }
}
