import { chmod, mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { lock } from '../tools/lock.mjs'
import { checkEntry, entryPath, fillEntry } from './cache.ts'
import {
  findHelm3,
  findPrograms,
  findRollouts,
  knownKubernetes,
  kubernetesVersions,
  UnknownVersionError,
} from './programs.ts'
import { cached } from './sources/cached.ts'
import { environment } from './sources/environment.ts'
import { goBuilds } from './sources/go-builds.ts'
import { goModules } from './sources/go-modules.ts'
import { run, type Context, type Item } from './sources/source.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'programs-test-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const silent = (): void => undefined

const program = async (directory: string, name: string, script = 'echo v1.2.3'): Promise<string> => {
  await mkdir(directory, { recursive: true })
  const path = join(directory, name)
  await writeFile(path, `#!/bin/sh\n${script}\n`)
  await chmod(path, 0o755)
  return path
}

const item = (name: Item['name']): Item => ({ name, set: { name: 'etcd', version: 'v1.2.3', items: [name] } })

const context = (env: NodeJS.ProcessEnv): Context => ({ env: { PATH: process.env['PATH'], ...env }, log: silent })

describe('programs named by the environment', () => {
  it('are taken by their own variable before the folder', async () => {
    const own = await program(join(folder, 'own'), 'my-etcd')
    const assets = join(folder, 'assets')
    await program(assets, 'etcd')
    const both = context({ TEST_ASSET_ETCD: own, KUBEBUILDER_ASSETS: assets })
    expect(await environment.find(item('etcd'), both)).toEqual({ path: own })
    const one = context({ KUBEBUILDER_ASSETS: assets })
    expect(await environment.find(item('etcd'), one)).toEqual({ path: join(assets, 'etcd') })
  })

  it('are left to the next source when the folder lacks them: that of envtest has only some', async () => {
    const answer = await environment.find(
      item('kube-scheduler'),
      context({ KUBEBUILDER_ASSETS: join(folder, 'assets') }),
    )
    expect(answer).toEqual({ missing: expect.stringContaining('kube-scheduler does not exist') as unknown })
    const none = await environment.find(item('kube-scheduler'), context({}))
    expect(none).toEqual({ missing: expect.stringContaining('TEST_ASSET_KUBE_SCHEDULER') as unknown })
  })

  it('are an error when named one by one and not usable', async () => {
    const broken = await program(join(folder, 'broken'), 'etcd', 'echo wrong platform >&2; exit 3')
    const find = (path: string) => environment.find(item('etcd'), context({ TEST_ASSET_ETCD: path }))
    await expect(find(join(folder, 'nowhere'))).rejects.toThrow(/TEST_ASSET_ETCD is set, but .*nowhere does not exist/)
    await expect(find(broken)).rejects.toThrow(/ended with 3: wrong platform/)
  })
})

describe('the cache', () => {
  const env = (name: string) => ({ TRACARDI_TEST_CACHE: join(folder, name) })

  it('holds what was put into it, and notices every change of it', async () => {
    const entry = entryPath(env('sound'), 'etcd', 'v1.2.3')
    const find = () => cached.find(item('etcd'), context(env('sound')))
    expect(await find()).toEqual({ missing: `${entry} is not there yet` })
    const fill = async (into: string) => {
      await program(into, 'etcd')
    }
    await fillEntry(entry, silent, fill)
    expect(await find()).toEqual({ path: join(entry, 'etcd') })

    // As long as before, so that only the contents tell.
    await writeFile(join(entry, 'etcd'), (await readFile(join(entry, 'etcd'), 'utf8')).replace('1.2.3', '6.6.6'))
    expect(await find()).toEqual({ missing: `${join(entry, 'etcd')} is damaged` })
    await fillEntry(entry, silent, fill)
    expect(await checkEntry(entry)).toBeUndefined()

    await rm(join(entry, 'etcd'))
    expect(await find()).toEqual({ missing: `${join(entry, 'etcd')} is missing` })
  })

  it('keeps nothing of a filling that failed, nor of one that was killed', async () => {
    const entry = entryPath(env('failing'), 'etcd', 'v1.2.3')
    await program(`${entry}.new-1`, 'left-by-a-killed-run')
    const failing = fillEntry(entry, silent, async (into) => {
      await program(into, 'half')
      throw new Error('no disk space')
    })
    await expect(failing).rejects.toThrow('no disk space')
    expect(await readdir(join(folder, 'failing'))).toEqual([])
  })

  it('is filled once by two runs at once', async () => {
    const entry = entryPath(env('twice'), 'etcd', 'v1.2.3')
    const script = `
      const { fillEntry } = await import(${JSON.stringify(new URL('cache.ts', import.meta.url).href)})
      const { writeFile } = await import('node:fs/promises')
      await fillEntry(${JSON.stringify(entry)}, () => {}, async (folder) => {
        await new Promise((resolve) => setTimeout(resolve, 500))
        await writeFile(folder + '/etcd', 'x')
        console.log('filled')
      })`
    const args = ['--input-type=module', '--eval', script]
    const runs = await Promise.all([run(process.execPath, args), run(process.execPath, args)])
    expect(runs.map(({ code }) => code)).toEqual([0, 0])
    expect(runs.map(({ stdout }) => stdout).sort()).toEqual(['', 'filled\n'])
  })
})

describe('the lock', () => {
  it('lets one in at a time', async () => {
    const path = join(folder, 'lock')
    let inside = 0
    let waited = 0
    const enter = async () => {
      await using _held = await lock(path, () => (waited += 1))
      inside += 1
      expect(inside).toBe(1)
      await new Promise((resolve) => setTimeout(resolve, 20))
      inside -= 1
    }
    await Promise.all([enter(), enter(), enter()])
    expect(waited).toBe(2)
  })

  it('is taken from a holder that was killed', async () => {
    const path = join(folder, 'stale')
    await mkdir(path)
    const longAgo = new Date(Date.now() - 60_000)
    await utimes(path, longAgo, longAgo)
    const held = await lock(path, silent)
    await held.release()
    expect(await readdir(folder)).not.toContain('stale')
  })
})

describe('Go modules', () => {
  const version = goBuilds('etcd')[0].version
  const item = (name: Item['name']): Item => ({ name, set: { name: 'etcd', version, items: [name] } })

  it('are of one version each, and never pass one for another', async () => {
    const other: Item = { name: 'etcd', set: { name: 'etcd', version: 'v1.2.3', items: ['etcd'] } }
    expect(await goModules.find(other, context({}))).toEqual({
      missing: 'no folder of test/cluster/go has etcd v1.2.3',
    })
  })

  const withGo = async (name: string, script: string): Promise<Context> => {
    const bin = join(folder, name)
    await program(bin, 'go', script)
    return context({ PATH: `${bin}:/usr/bin:/bin`, TRACARDI_TEST_CACHE: join(folder, `${name}-cache`) })
  }

  it('say so when there is no toolchain', async () => {
    const answer = await goModules.find(item('etcd'), context({ PATH: join(folder, 'empty') }))
    expect(answer).toEqual({ missing: 'there is no `go` program on the PATH' })
  })

  it('are built read-only and for this machine, whatever the caller set', async () => {
    const record = join(folder, 'record')
    const script = `[ "$1" = version ] && exit 0
      echo "$GOFLAGS/$GOOS/$CGO_ENABLED $*" > ${record}
      while [ "$1" != -o ]; do shift; done; printf '#!/bin/sh\\n' > "$2"; chmod +x "$2"`
    const caller = await withGo('go-works', script)
    Object.assign(caller.env, { GOFLAGS: '-mod=mod', GOOS: 'plan9', CGO_ENABLED: '1' })
    const answer = await goModules.find(item('etcd'), caller)
    expect(answer).toEqual({
      path: expect.stringContaining(`/etcd-${version}-${process.platform}-${process.arch}/etcd`) as unknown,
    })
    expect(await readFile(record, 'utf8')).toMatch(
      /^-mod=readonly\/\/0 build .*-trimpath.* go\.etcd\.io\/etcd\/server\/v3$/m,
    )
    expect(await cached.find(item('etcd'), caller)).toEqual(answer)
  })

  it('pass on what the compiler complained about, and nothing else', async () => {
    const complaint =
      'echo "go: downloading a/b v1" >&2; echo "golang.org/x/net" >&2; echo "verifying x: checksum mismatch" >&2'
    const answer = await goModules.find(
      item('etcd'),
      await withGo('go-fails', `[ "$1" = version ] || { ${complaint}; exit 1; }`),
    )
    expect(answer).toEqual({ missing: expect.stringMatching(/failed: verifying x: checksum mismatch$/) as unknown })
  })
})

it('knows which versions of Kubernetes there are', async () => {
  const [standard] = kubernetesVersions()
  expect(`v${String(standard)}`).toBe(goBuilds('kubernetes')[0].version)
  const unknown = `Kubernetes 1.2.3 is not known here; there is ${String(standard)}`
  await expect(findPrograms(context({}), 'v1.2.3')).rejects.toThrow(unknown)
  await expect(findPrograms(context({ TRACARDI_TEST_KUBERNETES: '1.2.3' }))).rejects.toThrow(unknown)
  expect([undefined, '', standard, `v${String(standard)}`].map(knownKubernetes)).toEqual(Array(4).fill(standard))
  expect(knownKubernetes(standard?.split('.').slice(0, 2).join('.'))).toBe(standard)
  expect(() => knownKubernetes('1.3')).toThrow(UnknownVersionError)
  // Those that `npm run test:matrix` needs; `npm test` builds none but the first.
  for (const { version, folder } of goBuilds('kubernetes').slice(1)) {
    const line = version.slice(1).split('.').slice(0, 2).join('.')
    expect(folder).toMatch(new RegExp(`/kubernetes-${line}$`))
    expect(`v${knownKubernetes(line)}`).toBe(version)
  }
})

it('says what was tried and what to do when there is nothing anywhere', async () => {
  const nothing = context({ PATH: join(folder, 'empty'), TRACARDI_TEST_CACHE: join(folder, 'nothing') })
  const error: unknown = await findPrograms(nothing).catch((reason: unknown) => reason)
  expect(String(error)).toMatch(
    /kube-apiserver v[\d.]+ was not found\. Tried, in this order:\n {2}environment: .*\n {2}cache folder: .*\n {2}official downloads: .*\n {2}Go modules: .*\nWhat to do: /,
  )
})

it('says the same of Helm 3, which is looked for on no PATH', async () => {
  const nothing = context({ PATH: join(folder, 'empty'), TRACARDI_TEST_CACHE: join(folder, 'nothing') })
  const error: unknown = await findHelm3(nothing).catch((reason: unknown) => reason)
  expect(String(error)).toMatch(
    /helm v3\.[\d.]+ was not found\. Tried, in this order:\n {2}cache folder: .*\n {2}official downloads: .*\n {2}Go modules: /,
  )
})

it('says the same of Argo Rollouts, of which nothing is downloaded', async () => {
  const nothing = context({ PATH: join(folder, 'empty'), TRACARDI_TEST_CACHE: join(folder, 'nothing') })
  const error: unknown = await findRollouts(nothing).catch((reason: unknown) => reason)
  expect(String(error)).toMatch(
    /rollouts-controller v[\d.]+ was not found\. Tried, in this order:\n {2}environment: .*\n {2}cache folder: .*\n {2}official downloads: nothing of argo-rollouts is downloaded\n {2}Go modules: /,
  )
})
