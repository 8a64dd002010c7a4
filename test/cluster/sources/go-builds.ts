// What the Go modules in `test/cluster/go` build: their go.mod files are the one place where versions stand.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ProgramSet } from './source.ts'

const root = join(import.meta.dirname, '..', 'go')

const modules: Record<ProgramSet['name'], string> = {
  kubernetes: 'k8s.io/kubernetes',
  etcd: 'go.etcd.io/etcd/server/v3',
  kwok: 'sigs.k8s.io/kwok',
  'helm-3': 'helm.sh/helm/v3',
  'argo-rollouts': 'github.com/argoproj/argo-rollouts',
}

export interface GoBuild {
  /** With the leading v. */
  version: string
  /** Of the Go module. */
  folder: string
}

const versionIn = (folder: string, module: string): string => {
  const text = readFileSync(join(folder, 'go.mod'), 'utf8')
  const version = new RegExp(`^\\s*(?:require )?${module.replaceAll('.', '\\.')} (v\\S+)`, 'm').exec(text)?.[1]
  if (version === undefined) throw new Error(`${join(folder, 'go.mod')} does not require ${module}`)
  return version
}

/**
 * What can be built of a set: first the default, whose folder is called like the set, then other versions, in folders
 * called NAME-SOMETHING (for example kubernetes-1.35).
 */
export const goBuilds = (name: ProgramSet['name']): [GoBuild, ...GoBuild[]] => {
  const build = (folder: string): GoBuild => ({
    version: versionIn(join(root, folder), modules[name]),
    folder: join(root, folder),
  })
  const others = readdirSync(root).filter((folder) => folder.startsWith(`${name}-`))
  return [build(name), ...others.sort().map(build)]
}
