// Finds the programs of a control plane: each in the first source of the list that has it.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { cached } from './sources/cached.ts'
import { environment } from './sources/environment.ts'
import { goModules } from './sources/go-modules.ts'
import type { Context, Item, ProgramSet, Source } from './sources/source.ts'

/** In the order in which they are asked. A source that makes something puts it where `cached` finds it. */
const sources: Source[] = [environment, cached, goModules]

/** The go.mod files are the one place where versions stand. */
const versionOf = (set: ProgramSet['name'], module: string): string => {
  const text = readFileSync(join(import.meta.dirname, 'go', set, 'go.mod'), 'utf8')
  const version = new RegExp(`^\\s*(?:require )?${module.replaceAll('.', '\\.')} (v\\S+)`, 'm').exec(text)?.[1]
  if (version === undefined) throw new Error(`test/cluster/go/${set}/go.mod does not require ${module}`)
  return version
}

const programSets = (): ProgramSet[] => [
  {
    name: 'kubernetes',
    version: versionOf('kubernetes', 'k8s.io/kubernetes'),
    items: ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'],
  },
  { name: 'etcd', version: versionOf('etcd', 'go.etcd.io/etcd/server/v3'), items: ['etcd'] },
  { name: 'kwok', version: versionOf('kwok', 'sigs.k8s.io/kwok'), items: ['kwok', 'kwok-stages'] },
]

/** The path of each program, and of the folder with KWOK's stage files. */
export type Programs = Record<Item['name'], string>

const findItem = async (item: Item, context: Context): Promise<string> => {
  const tried: string[] = []
  for (const source of sources) {
    const found = await source.find(item, context)
    if ('path' in found) return found.path
    tried.push(`  ${source.name}: ${found.missing}`)
  }
  throw new Error(
    [
      `${item.name} ${item.set.version} was not found. Tried, in this order:`,
      ...tried,
      'What to do: install the Go toolchain (1.26 or newer), from which everything is built, or put the programs',
      'etcd, kube-apiserver, kube-controller-manager, kube-scheduler, kwok and the folder kwok-stages into one folder',
      'and name it in KUBEBUILDER_ASSETS.',
    ].join('\n'),
  )
}

/** Throws an error that says what was tried and what to do. A first call may build for minutes, and says so. */
export const findPrograms = async (context: Context): Promise<Programs> => {
  const found: Partial<Programs> = {}
  const sets = programSets()
  // One set after the other: a build uses all the cores there are.
  for (const set of sets) {
    const paths = set.items.map(async (name) => [name, await findItem({ name, set }, context)] as const)
    Object.assign(found, Object.fromEntries(await Promise.all(paths)))
  }
  return found as Programs
}
