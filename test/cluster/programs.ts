// Finds the programs of a control plane, and what else some tests need: each in the first source of the list that has it.
import { cached } from './sources/cached.ts'
import { environment } from './sources/environment.ts'
import { goBuilds } from './sources/go-builds.ts'
import { goModules } from './sources/go-modules.ts'
import { officialDownloads, pinned } from './sources/official-downloads.ts'
import type { Context, Item, ProgramSet, Source } from './sources/source.ts'

/** In the order in which they are asked. A source that makes something puts it where `cached` finds it. */
const sources: Source[] = [environment, cached, officialDownloads, goModules]

/** What `--kubernetes` may be, without the leading v; the default is the first. */
export const kubernetesVersions = (): string[] => {
  const built = goBuilds('kubernetes').map(({ version }) => version)
  return [...new Set([...built, ...Object.keys(pinned.kubernetes ?? {})])].map((version) => version.slice(1))
}

export class UnknownVersionError extends Error {
  constructor(version: string, known: string[]) {
    super(`Kubernetes ${version} is not known here; there is ${known.join(', ')}`)
  }
}

/**
 * The version that is meant, without the leading v.
 * @param wanted a version, or the first two numbers of one: 1.35; undefined or empty: the default
 * @throws UnknownVersionError when it is not one that can be had
 */
export const knownKubernetes = (wanted: string | undefined): string => {
  const known = kubernetesVersions()
  const text = wanted?.replace(/^v/, '') ?? ''
  const version = text === '' ? known[0] : known.find((one) => one === text || one.startsWith(`${text}.`))
  if (version === undefined) throw new UnknownVersionError(text, known)
  return version
}

const programSets = (kubernetes: string | undefined): ProgramSet[] => [
  {
    name: 'kubernetes',
    version: `v${knownKubernetes(kubernetes)}`,
    items: ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'],
  },
  { name: 'etcd', version: goBuilds('etcd')[0].version, items: ['etcd'] },
  { name: 'kwok', version: goBuilds('kwok')[0].version, items: ['kwok', 'kwok-stages'] },
]

const controlPlaneAdvice = [
  '(or put the programs etcd, kube-apiserver, kube-controller-manager, kube-scheduler, kwok and the folder kwok-stages',
  'into one folder and name it in KUBEBUILDER_ASSETS).',
]

/** The path of each program, and of the folder with KWOK's stage files. */
export type Programs = Record<Exclude<Item['name'], 'helm' | keyof RolloutsPrograms>, string>

/** The path of the controller of Argo Rollouts, and of the folder with its CRDs. */
export interface RolloutsPrograms {
  'rollouts-controller': string
  'rollouts-crds': string
}

const findItem = async (item: Item, context: Context, from: Source[], advice: string[]): Promise<string> => {
  const tried: string[] = []
  for (const source of from) {
    const found = await source.find(item, context)
    if ('path' in found) return found.path
    tried.push(`  ${source.name}: ${found.missing}`)
  }
  throw new Error(
    [
      `${item.name} ${item.set.version} was not found. Tried, in this order:`,
      ...tried,
      'What to do: install the Go toolchain (1.26 or newer), from which everything is built',
      ...advice,
    ].join('\n'),
  )
}

/**
 * Throws an error that says what was tried and what to do. A first call may build for minutes, and says so.
 * @param kubernetes see knownKubernetes; what TRACARDI_TEST_KUBERNETES says unless told
 */
export const findPrograms = async (context: Context, kubernetes?: string): Promise<Programs> => {
  const found: Partial<Programs> = {}
  const sets = programSets(kubernetes ?? context.env['TRACARDI_TEST_KUBERNETES'])
  // One set after the other: a build uses all the cores there are.
  for (const set of sets) {
    const paths = set.items.map(
      async (name) => [name, await findItem({ name, set }, context, sources, controlPlaneAdvice)] as const,
    )
    Object.assign(found, Object.fromEntries(await Promise.all(paths)))
  }
  return found as Programs
}

/** Of the program of Helm 3: on a PATH or in a folder of yours `helm` may be any version, so neither is looked into. */
export const findHelm3 = (context: Context): Promise<string> => {
  const set: ProgramSet = { name: 'helm-3', version: goBuilds('helm-3')[0].version, items: ['helm'] }
  return findItem({ name: 'helm', set }, context, [cached, officialDownloads, goModules], [])
}

/** Argo Rollouts, which a few tests put beside the control plane. */
export const findRollouts = async (context: Context): Promise<RolloutsPrograms> => {
  const items = ['rollouts-controller', 'rollouts-crds'] as const
  const set: ProgramSet = { name: 'argo-rollouts', version: goBuilds('argo-rollouts')[0].version, items: [...items] }
  const find = (name: Item['name']): Promise<string> => findItem({ name, set }, context, sources, [])
  // One after the other: the first may build both.
  return { 'rollouts-controller': await find(items[0]), 'rollouts-crds': await find(items[1]) }
}
