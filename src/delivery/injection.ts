/**
 * What a resource puts into the pods of a workload, what of it the template has already, and what stands in the way. All pure.
 *
 * State is in the workload alone: what was injected is known by the Secret that it names. So nothing is lost with a process,
 * and nothing that somebody else wrote is taken for our own.
 */
import { injectedVolume, versionName } from '../api/names.ts'
import type { ConsumerSpec } from '../api/tracardi-resource.ts'
import { takerOf } from './pod-parts.ts'
import type { ContainerParts, PodParts, VersionMount, VersionVariable, VersionVolume } from './pod-parts.ts'

/** What one resource injects into one workload. */
export interface Injection {
  /** Its name. */
  readonly resource: string
  /** The Secret that holds the version. */
  readonly secret: string
  /** undefined: no variables. */
  readonly prefix: string | undefined
  /** The keys of the Secret. */
  readonly keys: readonly string[]
  readonly mount:
    { readonly path: string; readonly keys: readonly string[] | undefined; readonly mode: number } | undefined
  /** undefined: all. */
  readonly containers: readonly string[] | undefined
}

const defaultFileMode = 0o444

/** Reads `inject` of a consumer. */
export function injectionOf(
  resource: string,
  inject: NonNullable<ConsumerSpec['inject']>,
  version: { readonly target: string; readonly id: string; readonly keys: readonly string[] },
): Injection {
  const { env, mount } = inject
  return {
    resource,
    secret: versionName(version.target, version.id),
    prefix: env === undefined || env === null ? undefined : (env.prefix ?? ''),
    keys: version.keys,
    mount:
      mount === undefined || mount === null
        ? undefined
        : { path: mount.path, keys: mount.keys ?? undefined, mode: mount.fileMode ?? defaultFileMode },
    containers: inject.containers ?? undefined,
  }
}

function isChosen({ containers }: Injection, { name }: ContainerParts): boolean {
  return containers?.includes(name) ?? true
}

/** Whether the workload has a container that the injection is for. */
export function hasContainer(parts: PodParts, injection: Injection): boolean {
  return injection.containers === undefined || parts.containers.some((container) => isChosen(injection, container))
}

function variablesOf({ prefix, keys, secret }: Injection): VersionVariable[] {
  return prefix === undefined ? [] : keys.map((key) => ({ name: prefix + key, secret, key }))
}

function mountOf({ resource, mount }: Injection): VersionMount | undefined {
  return mount === undefined ? undefined : { path: mount.path, volume: injectedVolume(resource), readOnly: true }
}

function volumeOf({ resource, secret, mount }: Injection): VersionVolume | undefined {
  return mount === undefined
    ? undefined
    : { name: injectedVolume(resource), secret, mode: mount.mode, keys: mount.keys }
}

/** Something that an injection would put where something else is. */
export interface Collision {
  readonly resource: string
  readonly what: 'variable' | 'path' | 'volume'
  /** The variable, the path or the volume. */
  readonly name: string
  /** undefined for a volume. */
  readonly container: string | undefined
  /** Another resource that injects the same, or the field manager that wrote it, empty where that is not on record. */
  readonly with: { readonly resource: string } | { readonly manager: string }
}

/** To whom something that was injected belongs: the name of the resource. undefined: to nobody who is known. */
export type Claim = (secret: string) => string | undefined

/** Everything that two of the injections would both put into one place; each is reported for both. */
export function collisionsAmong(parts: PodParts, injections: readonly Injection[]): Collision[] {
  const found: Collision[] = []
  const meet = (
    users: Map<string, string>,
    { resource }: Injection,
    place: Pick<Collision, 'what' | 'name' | 'container'>,
  ): void => {
    const other = users.get(place.name)
    if (other === undefined) users.set(place.name, resource)
    else
      found.push({ ...place, resource, with: { resource: other } }, { ...place, resource: other, with: { resource } })
  }
  const volumes = new Map<string, string>()
  for (const injection of injections) {
    const volume = volumeOf(injection)
    if (volume !== undefined) meet(volumes, injection, { what: 'volume', name: volume.name, container: undefined })
  }
  for (const container of parts.containers) {
    const variables = new Map<string, string>()
    const paths = new Map<string, string>()
    const at = { container: container.name }
    for (const injection of injections.filter((each) => isChosen(each, container))) {
      for (const { name } of variablesOf(injection)) meet(variables, injection, { what: 'variable', name, ...at })
      const mount = mountOf(injection)
      if (mount !== undefined) meet(paths, injection, { what: 'path', name: mount.path, ...at })
    }
  }
  return found
}

/** Everything of an injection whose place is taken by what is nobody's injection. It is left out. */
export function collisionsWithin(parts: PodParts, injection: Injection, claim: Claim): Collision[] {
  const { resource } = injection
  const found: Collision[] = []
  const meet = (manager: string | undefined, place: Pick<Collision, 'what' | 'name' | 'container'>): void => {
    if (manager !== undefined) found.push({ ...place, resource, with: { manager } })
  }
  const isFree = (secret: string): boolean => claim(secret) !== undefined
  const volume = volumeOf(injection)
  if (volume !== undefined)
    meet(volumeTaker(parts, volume.name, isFree), { what: 'volume', name: volume.name, container: undefined })
  for (const container of parts.containers.filter((each) => isChosen(injection, each))) {
    const at = { container: container.name }
    for (const { name } of variablesOf(injection))
      meet(variableTaker(container, name, isFree), { what: 'variable', name, ...at })
    const mount = mountOf(injection)
    if (mount !== undefined)
      meet(pathTaker(parts, container, mount.path, isFree), { what: 'path', name: mount.path, ...at })
  }
  return found
}

type IsFree = (secret: string) => boolean

function variableTaker(
  { variables, versionVariables }: ContainerParts,
  name: string,
  isFree: IsFree,
): string | undefined {
  const version = versionVariables.find((each) => each.name === name)
  return version === undefined ? takerOf(variables, name) : isFree(version.secret) ? undefined : ''
}

function volumeTaker({ volumes, versionVolumes }: PodParts, name: string, isFree: IsFree): string | undefined {
  const version = versionVolumes.find((each) => each.name === name)
  return version === undefined ? takerOf(volumes, name) : isFree(version.secret) ? undefined : ''
}

function pathTaker(
  parts: PodParts,
  { paths, versionMounts }: ContainerParts,
  path: string,
  isFree: IsFree,
): string | undefined {
  const version = versionMounts.find((each) => each.path === path)
  return version === undefined ? takerOf(paths, path) : volumeTaker(parts, version.volume, isFree)
}

interface ContainerPatch {
  name: string
  env?: object[]
  volumeMounts?: object[]
}

/** What a strategic merge patch changes in the spec of a pod template. */
export interface PodPatch {
  containers?: ContainerPatch[]
  initContainers?: ContainerPatch[]
  volumes?: object[]
}

export interface Difference {
  /** undefined: the template is as it should be. */
  readonly patch: PodPatch | undefined
  /** The names of the resources of which something is put in, changed or taken out. */
  readonly resources: ReadonlySet<string>
}

/**
 * The difference between what was injected and what should be.
 * @param injections none of which collides with another
 * @param withdrawn names of resources of which everything is taken out. What others have injected stays.
 */
export function difference(
  parts: PodParts,
  injections: readonly Injection[],
  withdrawn: ReadonlySet<string>,
  claim: Claim,
): Difference {
  const resources = new Set<string>()
  const ours = new Set([...injections.map(({ resource }) => resource), ...withdrawn])
  const ownerOf = (secret: string): string | undefined => {
    const owner = claim(secret)
    return owner !== undefined && ours.has(owner) ? owner : undefined
  }
  const isFree = (secret: string): boolean => ownerOf(secret) !== undefined

  const volumes: object[] = []
  const wantedVolumes = new Map<string, VersionVolume>()
  const usable = injections.filter((injection) => {
    const volume = volumeOf(injection)
    return volume === undefined || volumeTaker(parts, volume.name, isFree) === undefined
  })
  for (const injection of usable) {
    const volume = volumeOf(injection)
    if (volume === undefined || !hasContainer(parts, injection)) continue
    wantedVolumes.set(volume.name, volume)
    const present = parts.versionVolumes.find(({ name }) => name === volume.name)
    if (present !== undefined && sameVolume(present, volume)) continue
    volumes.push(volumeEntry(volume, present))
    resources.add(injection.resource)
  }
  for (const { name, secret } of parts.versionVolumes) {
    const owner = ownerOf(secret)
    if (owner === undefined || wantedVolumes.has(name)) continue
    volumes.push({ $patch: 'delete', name })
    resources.add(owner)
  }

  const patches = parts.containers.map((container) => {
    const env: object[] = []
    const wanted = new Set<string>()
    for (const injection of injections.filter((each) => isChosen(each, container))) {
      for (const variable of variablesOf(injection)) {
        if (variableTaker(container, variable.name, isFree) !== undefined) continue
        wanted.add(variable.name)
        const present = container.versionVariables.find(({ name }) => name === variable.name)
        if (present?.secret === variable.secret && present.key === variable.key) continue
        env.push({
          name: variable.name,
          valueFrom: { secretKeyRef: { name: variable.secret, key: variable.key } },
        })
        resources.add(injection.resource)
      }
    }
    for (const { name, secret } of container.versionVariables) {
      const owner = ownerOf(secret)
      if (owner === undefined || wanted.has(name)) continue
      env.push({ $patch: 'delete', name })
      resources.add(owner)
    }

    const volumeMounts: object[] = []
    const wantedPaths = new Set<string>()
    for (const injection of usable.filter((each) => isChosen(each, container))) {
      const mount = mountOf(injection)
      if (mount === undefined || pathTaker(parts, container, mount.path, isFree) !== undefined) continue
      wantedPaths.add(mount.path)
      const present = container.versionMounts.find(({ path }) => path === mount.path)
      if (present?.volume === mount.volume && present.readOnly) continue
      volumeMounts.push({ mountPath: mount.path, name: mount.volume, readOnly: true })
      resources.add(injection.resource)
    }
    for (const { path, volume } of container.versionMounts) {
      const owner = ownerOf(parts.versionVolumes.find(({ name }) => name === volume)?.secret ?? '')
      if (owner === undefined || wantedPaths.has(path)) continue
      volumeMounts.push({ $patch: 'delete', mountPath: path })
      resources.add(owner)
    }
    const patch: ContainerPatch = {
      name: container.name,
      ...(env.length > 0 && { env }),
      ...(volumeMounts.length > 0 && { volumeMounts }),
    }
    return { init: container.init, patch }
  })
  const changed = patches.filter(({ patch }) => patch.env !== undefined || patch.volumeMounts !== undefined)
  const containers = changed.filter(({ init }) => !init).map(({ patch }) => patch)
  const initContainers = changed.filter(({ init }) => init).map(({ patch }) => patch)
  const patch: PodPatch = {
    ...(containers.length > 0 && { containers }),
    ...(initContainers.length > 0 && { initContainers }),
    ...(volumes.length > 0 && { volumes }),
  }
  return { patch: Object.keys(patch).length === 0 ? undefined : patch, resources }
}

function sameVolume(a: VersionVolume, b: VersionVolume): boolean {
  return a.secret === b.secret && a.mode === b.mode && a.keys?.join('\n') === b.keys?.join('\n')
}

function volumeEntry({ name, secret, mode, keys }: VersionVolume, present: VersionVolume | undefined): object {
  const items = keys?.map((key) => ({ key, path: key }))
  return {
    name,
    secret: {
      secretName: secret,
      defaultMode: mode,
      // A merge leaves what it does not name.
      ...(items !== undefined ? { items } : present?.keys !== undefined && { items: null }),
    },
  }
}

/** What is said of a collision, and what to do. */
export function describeCollision({ resource, what, name, container, with: other }: Collision): string {
  const place = container === undefined ? '' : ` of the container ${container}`
  const thing = { variable: `the variable ${name}`, path: `the mount path ${name}`, volume: `the volume ${name}` }[what]
  const fix = {
    variable: 'give one of them a prefix in spec.consumers[].inject.env, or another key in spec.target.keys',
    path: 'give one of them another spec.consumers[].inject.mount.path',
    volume: 'name one of the resources otherwise',
  }[what]
  if ('resource' in other) {
    const [first, second] = [resource, other.resource].sort()
    return `The resources ${first ?? ''} and ${second ?? ''} both inject ${thing}${place}: ${fix}.`
  }
  const manager = other.manager === '' ? '' : ` (field manager ${other.manager})`
  const own = {
    variable: 'take it out of the manifest, or set a prefix in spec.consumers[].inject.env',
    path: 'take it out of the manifest, or set another spec.consumers[].inject.mount.path',
    volume: 'name the volume otherwise in the manifest',
  }[what]
  return `Its manifest has ${thing}${place} itself${manager}, which wins: ${own}.`
}
