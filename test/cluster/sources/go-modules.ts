// Programs built by the Go toolchain from the modules beside this folder, whose go.sum pins every source file.
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fillEntry } from '../cache.ts'
import { itemIn, setEntry } from './cached.ts'
import { goBuilds } from './go-builds.ts'
import {
  isFolder,
  messageOf,
  run,
  type Context,
  type Found,
  type Item,
  type ProgramSet,
  type Source,
} from './source.ts'
import { stageFiles, stageName } from './stages.ts'

/** How often a build says that it is alive. */
const PROGRESS_MS = 10_000

const goEnvironment = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv => ({
  ...env,
  GOFLAGS: '-mod=readonly',
  GOWORK: 'off',
  CGO_ENABLED: '0',
  // The programs run on this machine, whatever the caller builds for.
  GOOS: '',
  GOARCH: '',
})

/** Of the Go module that has exactly this version. */
const folderOf = ({ name, version }: ProgramSet): string | undefined =>
  goBuilds(name).find((build) => build.version === version)?.folder

const go = async (set: ProgramSet, context: Context, args: string[], onStderr?: (line: string) => void) => {
  const folder = folderOf(set) ?? '.'
  const { code, stdout, stderr } = await run('go', args, {
    cwd: folder,
    env: goEnvironment(context.env),
    signal: context.signal,
    ...(onStderr === undefined ? {} : { onStderr }),
  })
  if (code === 0) return stdout.trim()
  // `go build -v` names the packages it compiles; what is left are the complaints.
  const complaints = stderr.split('\n').filter((line) => !/^[\w.]+\/\S*$|^\w+$|^go: downloading /.test(line.trim()))
  throw new Error(`go ${args[0] ?? ''} in ${folder} failed: ${complaints.slice(-15).join('\n').trim()}`)
}

const build = async (set: ProgramSet, context: Context, target: string, packages: string[], ldflags: string) => {
  const what = set.items.filter((name) => !isFolder(name)).join(', ')
  const started = Date.now()
  let lines = 0
  const report = setInterval(() => {
    const seconds = Math.round((Date.now() - started) / 1000)
    context.log(`building ${what} ${set.version}: ${seconds} s, ${lines} modules and packages done`)
  }, PROGRESS_MS)
  try {
    const args = ['build', '-v', '-trimpath', '-buildvcs=false', '-ldflags', ldflags, '-o', target, ...packages]
    await go(set, context, args, () => (lines += 1))
  } finally {
    clearInterval(report)
  }
  context.log(`built ${what} ${set.version} in ${Math.round((Date.now() - started) / 1000)} s`)
}

/** The folder of a module in the module cache. */
const sourceOf = (set: ProgramSet, context: Context, module: string): Promise<string> =>
  go(set, context, ['list', '-m', '-f', '{{.Dir}}', module])

const copyFiles = async (from: string, to: string, files: string[], rename = (file: string) => file) => {
  await mkdir(to)
  // Not a copy of the file: those of the module cache are read-only, with folders that cannot be emptied.
  for (const file of files) await writeFile(join(to, rename(file)), await readFile(join(from, file)))
}

const kubernetesFlags = (version: string): string => {
  const [major = '', minor = ''] = version.slice(1).split('.')
  const variable = 'k8s.io/component-base/version'
  return `-s -w -X ${variable}.gitVersion=${version} -X ${variable}.gitMajor=${major} -X ${variable}.gitMinor=${minor}`
}

const fill: Record<ProgramSet['name'], (set: ProgramSet, context: Context, folder: string) => Promise<void>> = {
  kubernetes: async (set, context, folder) => {
    const packages = set.items.map((name) => `k8s.io/kubernetes/cmd/${name}`)
    await build(set, context, `${folder}/`, packages, kubernetesFlags(set.version))
  },
  etcd: (set, context, folder) => build(set, context, join(folder, 'etcd'), ['go.etcd.io/etcd/server/v3'], '-s -w'),
  'helm-3': (set, context, folder) => {
    const flags = `-s -w -X helm.sh/helm/v3/internal/version.version=${set.version}`
    return build(set, context, join(folder, 'helm'), ['helm.sh/helm/v3/cmd/helm'], flags)
  },
  kwok: async (set, context, folder) => {
    await build(set, context, join(folder, 'kwok'), ['sigs.k8s.io/kwok/cmd/kwok'], '-s -w')
    const source = join(await sourceOf(set, context, 'sigs.k8s.io/kwok'), 'kustomize', 'stage')
    await copyFiles(source, join(folder, 'kwok-stages'), stageFiles, stageName)
  },
  'argo-rollouts': async (set, context, folder) => {
    const module = 'github.com/argoproj/argo-rollouts'
    await build(set, context, `${folder}/`, [`${module}/cmd/rollouts-controller`], '-s -w')
    const source = join(await sourceOf(set, context, module), 'manifests', 'crds')
    const files = (await readdir(source)).filter((file) => file.endsWith('-crd.yaml'))
    await copyFiles(source, join(folder, 'rollouts-crds'), files)
  },
}

const find = async (item: Item, context: Context): Promise<Found> => {
  const { set } = item
  if (folderOf(set) === undefined) return { missing: `no folder of test/cluster/go has ${set.name} ${set.version}` }
  const entry = setEntry(context.env, set)
  try {
    const version = await run('go', ['version'], { env: goEnvironment(context.env) }).catch(() => undefined)
    if (version === undefined) return { missing: 'there is no `go` program on the PATH' }
    await fillEntry(entry, context.log, async (folder) => {
      context.log(`building ${set.name} ${set.version} from its Go module (once; the first build takes some minutes)`)
      await fill[set.name](set, context, folder)
    })
    return await itemIn(entry, item)
  } catch (error) {
    if (context.signal?.aborted === true) throw error
    return { missing: messageOf(error) }
  }
}

export const goModules: Source = { name: 'Go modules', find }
