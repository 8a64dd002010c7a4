import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest'
import { startCluster } from './cluster.ts'
import { writeServiceAccountKubeconfig } from './kubeconfig.ts'
import { kubernetesVersions } from './programs.ts'
import { run } from './sources/source.ts'
import { kubectlPath } from './tools.ts'

const kubectl = async (kubeconfig: string, args: string[], input?: unknown): Promise<string> => {
  const { code, stdout, stderr } = await run(await kubectlPath(), ['--kubeconfig', kubeconfig, ...args], {
    ...(input === undefined ? {} : { input: JSON.stringify(input) }),
  })
  if (code !== 0) throw new Error(stderr)
  return stdout
}

const deployment = (annotations: Record<string, string>) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web' },
  spec: {
    replicas: 3,
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web' }, annotations },
      spec: { containers: [{ name: 'web', image: 'web' }] },
    },
  },
})

describe('the cluster of this run', () => {
  const namespace = `cluster-${process.pid}`
  const kube = (args: string[], input?: unknown) => kubectl(inject('kubeconfig'), ['-n', namespace, ...args], input)

  beforeAll(() => kube(['create', 'namespace', namespace]))
  afterAll(() => kube(['delete', 'namespace', namespace, '--ignore-not-found', '--wait=false']))

  it('makes the Pods of a Deployment Ready, and rolls them when the template changes', async () => {
    await kube(['apply', '-f', '-'], deployment({ round: '1' }))
    await kube(['rollout', 'status', 'deployment/web', '--timeout=30s'])
    const rounds =
      "jsonpath={.items[*].metadata.annotations['round']} {.items[*].status.conditions[?(@.type=='Ready')].status}"
    const pods = ['get', 'pods', '--field-selector=status.phase=Running', '-o', rounds]
    expect(await kube(pods)).toBe('1 1 1 True True True')

    await kube(['apply', '-f', '-'], deployment({ round: '2' }))
    await kube(['rollout', 'status', 'deployment/web', '--timeout=30s'])
    await vi.waitUntil(async () => (await kube(pods)) === '2 2 2 True True True', { timeout: 20_000 })
    const revisions = ['get', 'replicasets', '-o', 'jsonpath={.items[*].spec.replicas}', '--sort-by=.spec.replicas']
    expect(await kube(revisions)).toBe('0 3')
  })

  it('lets one act as a ServiceAccount, with its rights only', async () => {
    await kube(['create', 'serviceaccount', 'limited'])
    const path = join(inject('clusterDirectory'), `${namespace}.kubeconfig`)
    await writeServiceAccountKubeconfig(path, inject('kubeconfig'), namespace, 'limited')
    const user = await kubectl(path, ['auth', 'whoami', '-o', 'jsonpath={.status.userInfo.username}'])
    expect(user).toBe(`system:serviceaccount:${namespace}:limited`)
    await expect(kubectl(path, ['get', 'secrets'])).rejects.toThrow('Forbidden')
  })

  it('brings the deletion of a namespace to its end', async () => {
    const doomed = `${namespace}-doomed`
    await kubectl(inject('kubeconfig'), ['create', 'namespace', doomed])
    await kubectl(inject('kubeconfig'), ['-n', doomed, 'apply', '-f', '-'], deployment({}))
    await kubectl(inject('kubeconfig'), ['-n', doomed, 'rollout', 'status', 'deployment/web', '--timeout=30s'])
    await kubectl(inject('kubeconfig'), ['delete', 'namespace', doomed, '--timeout=40s'])
    await expect(kubectl(inject('kubeconfig'), ['get', 'namespace', doomed])).rejects.toThrow('NotFound')
  })

  it.skipIf(inject('auditLog') === '')('writes each call into the audit log, with its user agent', async () => {
    await kube(['create', 'configmap', 'audited'])
    const calls = (await readFile(inject('auditLog'), 'utf8'))
      .split('\n')
      .filter((line) => line.includes('"audited"') && line.includes(`"${namespace}"`))
      .map((line) => JSON.parse(line) as { verb: string; userAgent: string })
    expect(calls).toHaveLength(1)
    expect(calls[0]).toMatchObject({ verb: 'create', userAgent: expect.stringMatching(/^kubectl/) as unknown })
  })
})

// Clusters that start beside the one under all the other tests take their time on a small machine.
vi.setConfig({ testTimeout: 180_000 })

it('starts two at once that know nothing of each other', async () => {
  await using first = await startCluster({ nodes: 1, log: () => undefined })
  const [second] = await Promise.all([
    startCluster({ nodes: 3, log: () => undefined }),
    kubectl(first.kubeconfigPath, ['create', 'namespace', 'only-here']),
  ])
  try {
    const nodes = ['get', 'nodes', '-o', 'name']
    expect((await kubectl(first.kubeconfigPath, nodes)).trim().split('\n')).toHaveLength(1)
    expect((await kubectl(second.kubeconfigPath, nodes)).trim().split('\n')).toHaveLength(3)
    await expect(kubectl(second.kubeconfigPath, ['get', 'namespace', 'only-here'])).rejects.toThrow('NotFound')
  } finally {
    await second.stop()
  }
  await expect(stat(second.directory)).rejects.toThrow('ENOENT')
  // The first one is not touched by the end of the second.
  await kubectl(first.kubeconfigPath, ['get', '--raw', '/readyz'])
})

describe('npm run cluster', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cluster-test-'))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  const main = join(import.meta.dirname, 'main.ts')

  /** Processes that inherited a variable, whoever their parent is by now. */
  const processesWith = async (mark: string): Promise<string[]> => {
    const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
    const environments = await Promise.all(
      // A process that ended meanwhile, or of another user, is none of ours.
      pids.map((pid) => readFile(join('/proc', pid, 'environ'), 'utf8').catch(() => '')),
    )
    return pids.filter((_, index) => environments[index]!.includes(mark))
  }

  const start = async (name: string, [command, ...args]: readonly [string, ...string[]]) => {
    const temporary = await mkdtemp(join(folder, name))
    const kubeconfig = join(folder, `${name}.kubeconfig`)
    const child = spawn(command, [...args, '--kubeconfig', kubeconfig, '--nodes', '1'], {
      cwd: join(import.meta.dirname, '..', '..'),
      env: { ...process.env, TMPDIR: temporary, CLUSTER_TEST_MARK: temporary },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const exited = once(child, 'exit')
    const [line] = (await once(child.stdout, 'data')) as [Buffer]
    expect(line.toString()).toMatch(/^Kubernetes answers at https:\/\/127\.0\.0\.1:\d+, kubeconfig .*\n$/)
    await kubectl(kubeconfig, ['get', '--raw', '/readyz'])
    return { child, exited, temporary, mark: `CLUSTER_TEST_MARK=${temporary}` }
  }

  const direct = [process.execPath, main] as const
  const npm = ['npm', 'run', '--silent', 'cluster', '--'] as const

  it.skipIf(process.platform !== 'linux').each([
    { how: 'node', command: direct, signal: 'SIGINT', exit: [0, null] },
    // Nothing runs in a process that is killed: its children must notice by themselves.
    { how: 'node', command: direct, signal: 'SIGKILL', exit: [null, 'SIGKILL'] },
    { how: 'npm', command: npm, signal: 'SIGTERM', exit: [0, null] },
    { how: 'npm', command: npm, signal: 'SIGKILL', exit: [null, 'SIGKILL'] },
  ] as const)('ends with $signal to $how and leaves no process and no file', async ({ command, how, signal, exit }) => {
    const { child, exited, mark, temporary } = await start(`${how}-${signal}-`, command)
    expect((await processesWith(mark)).length).toBeGreaterThan(5)
    expect((await readdir(temporary)).some((name) => name.includes('tracardi'))).toBe(true)
    child.kill(signal)
    expect(await exited).toEqual(exit)
    await vi.waitFor(
      async () => {
        expect(await processesWith(mark)).toEqual([])
        // npm leaves files of its own there.
        expect((await readdir(temporary)).filter((name) => name.includes('tracardi'))).toEqual([])
      },
      { timeout: 10_000 },
    )
  })

  it.each([
    { args: [], says: '--kubeconfig FILE is needed' },
    { args: ['--kubeconfig', 'x', '--node', '2'], says: '--node' },
    { args: ['--kubeconfig', 'x', '--nodes', 'two'], says: '--nodes takes a number' },
    {
      args: ['--kubeconfig', 'x', '--kubernetes', '1.2.3'],
      says: `Kubernetes 1.2.3 is not known here; there is ${kubernetesVersions().join(', ')}`,
    },
  ])('refuses $args', async ({ args, says }) => {
    const { code, stdout, stderr } = await run(process.execPath, [main, ...args])
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain(says)
  })

  it('tells about itself', async () => {
    const { code, stdout } = await run(process.execPath, [main, '--help'])
    expect(code).toBe(0)
    expect(stdout).toMatch(/^Usage: npm run cluster/)
  })
})
