// The image that is shipped: built by its Dockerfile, run against a control plane of its own as the chart would run it.
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { chmod, copyFile, mkdir, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { GenericContainer, Wait, type StartedTestContainer, type WaitStrategy } from 'testcontainers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { startCluster, type Cluster } from '../cluster/cluster.ts'
import {
  contentsOf,
  createNamespace,
  deployment,
  resource,
  secret,
  twilioSpec,
  valid,
  waitForConditions,
} from '../operator/support/fixtures.ts'
import { Kube, waitFor } from '../operator/support/kube.ts'
import { installChart, release, type LogEntry } from '../operator/support/operator-process.ts'
import { ensureBaseImages, type BaseImages } from './base-image.ts'
import { buildImage } from './build.ts'
import { findEngine, ulimits, type Engine } from './engine.ts'

const root = join(import.meta.dirname, '..', '..')

/** `npm ci` takes most of it. */
const buildTimeoutMs = 900_000

/** Kubernetes gives 30 s unless told. */
const longestStopMs = 10_000

const log = (line: string): void => {
  process.stderr.write(`${line}\n`)
}

const found = await findEngine(log)
const reason = 'reason' in found ? found.reason : undefined
if (reason !== undefined) log(`The tests of the image are skipped: ${reason}.`)

/** What testcontainers has no words for. */
class HardenedContainer extends GenericContainer {
  withReadOnlyRootFilesystem(): this {
    this.hostConfig.ReadonlyRootfs = true
    return this
  }
}

describe.skipIf(reason !== undefined)(`the image${reason === undefined ? '' : ` (skipped: ${reason})`}`, () => {
  const image = `localhost/tracardi-operator:test-${randomUUID()}`
  const parts = new AsyncDisposableStack()
  let engine: Engine
  let bases: BaseImages
  let cluster: Cluster
  let kube: Kube
  let kubeconfig: string
  let manifests: string

  beforeAll(async () => {
    if ('reason' in found) throw new Error(found.reason)
    engine = parts.use(found.engine)
    bases = await ensureBaseImages(engine.client, log)
    await buildImage(engine.client, { context: root, name: image, args: { ...bases, VERSION: '1.2.3-test' } })
    parts.defer(() => engine.client.container.dockerode.getImage(image).remove({ force: true }))
    cluster = parts.use(await startCluster({ nodes: 1 }))
    kube = parts.use(await Kube.connect(cluster.kubeconfigPath))
    const account = await installChart(cluster.kubeconfigPath, { crds: true })
    kubeconfig = join(cluster.directory, 'operator.kubeconfig')
    await copyFile(await cluster.serviceAccountKubeconfig(release.namespace, account), kubeconfig)
    // The user of the image is not the owner; the folder around it keeps others out.
    await chmod(kubeconfig, 0o644)
    manifests = join(cluster.directory, 'manifests')
    await mkdir(manifests)
    await writeFile(join(manifests, 'sms.yaml'), stringify(resource('sms', twilioSpec('source', ['app']))))
  }, buildTimeoutMs)

  afterAll(() => parts.disposeAsync())

  /** As the chart: no capability, no way to get one, nothing to write to. On the network of this machine. */
  const start = (args: string[], wait: WaitStrategy): Promise<StartedTestContainer> =>
    new HardenedContainer(image)
      .withReadOnlyRootFilesystem()
      .withDroppedCapabilities('ALL')
      .withSecurityOpt('no-new-privileges')
      .withUlimits(ulimits)
      .withNetworkMode('host')
      .withBindMounts([
        { source: kubeconfig, target: '/kubeconfig', mode: 'ro' },
        { source: manifests, target: '/manifests', mode: 'ro' },
      ])
      .withEnvironment({ KUBECONFIG: '/kubeconfig' })
      .withCommand(args)
      .withWaitStrategy(wait)
      .withStartupTimeout(30_000)
      .start()

  const inspect = () => engine.client.container.dockerode.getImage(image).inspect()

  /** What a container has written so far, stdout and stderr each. */
  const outputOf = async (container: StartedTestContainer): Promise<{ stdout: string; stderr: string }> => {
    const { dockerode } = engine.client.container
    const raw = await dockerode.getContainer(container.getId()).logs({ stdout: true, stderr: true, follow: false })
    const output = { stdout: '', stderr: '' }
    // Each piece has a header: which stream in the first byte, how long in the last four.
    for (let at = 0; at + 8 <= raw.length;) {
      const end = at + 8 + raw.readUInt32BE(at + 4)
      output[raw[at] === 2 ? 'stderr' : 'stdout'] += raw.toString('utf8', at + 8, end)
      at = end
    }
    return output
  }

  /** stdout carries JSON lines, and stderr nothing. */
  const logOf = async (container: StartedTestContainer): Promise<LogEntry[]> => {
    const { stdout, stderr } = await outputOf(container)
    expect(stderr).toBe('')
    const lines = stdout.split('\n').filter((line) => line !== '')
    return lines.map((line) => JSON.parse(line) as LogEntry)
  }

  /** The paths of all files of the image. */
  const filesOf = async (): Promise<string[]> => {
    const { dockerode } = engine.client.container
    const container = await dockerode.createContainer({ Image: image, NetworkDisabled: true })
    try {
      const archive = await container.export()
      const tar = spawn('tar', ['--list', '--file', '-'], { stdio: ['pipe', 'pipe', 'inherit'] })
      archive.pipe(tar.stdin)
      const files: string[] = []
      for await (const file of createInterface({ input: tar.stdout })) files.push(file)
      return files
    } finally {
      await container.remove({ force: true })
    }
  }

  test('holds one bundle, no node_modules, and is little more than its base', async () => {
    const files = await filesOf()
    const own = files.filter((file) => /^(?:\.\/)?app\/./.test(file)).map((file) => basename(file))
    // What main.js imports, and nothing of an earlier build, no source map.
    expect(own).toContain('main.js')
    expect(
      own.filter((file) => !/^(?:main|(?:chunk|(?:plan-|why-)?command|operator|heap)-[A-Z0-9]+)\.js$/.test(file)),
    ).toEqual([])
    expect(own.length).toBeLessThan(16)
    expect(files.filter((file) => file.includes('node_modules'))).toEqual([])
    const { Size } = await inspect()
    const base = await engine.client.container.dockerode.getImage(bases.RUNTIME_IMAGE).inspect()
    const added = Size - base.Size
    const mb = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`
    log(`The image has ${mb(Size)}: ${mb(base.Size)} of ${bases.RUNTIME_IMAGE}, ${mb(added)} of its own.`)
    expect(added).toBeGreaterThan(0)
    expect(added).toBeLessThan(5e6)
  })

  test('says what it is, and that it runs as a user with a number, not root', async () => {
    const { Config } = await inspect()
    expect(Config).toMatchObject({
      User: '65532:65532',
      Entrypoint: ['node', '/app/main.js'],
      Labels: {
        'org.opencontainers.image.title': 'tracardi-operator',
        'org.opencontainers.image.licenses': 'Apache-2.0',
        'org.opencontainers.image.version': '1.2.3-test',
      },
    })
    expect(Config.Env).toContain('NODE_ENV=production')
  })

  test.each([
    [['--version'], /^tracardi-operator \d+\.\d+\.\d+\n$/],
    [['--help'], /^Usage: tracardi-operator [^]*--http-address=HOST:PORT/],
    [['explain', 'twilio', '--manifest'], /^kind: TracardiResource$/m],
    // The manifests of a pull request, as docs/cli.md mounts them; without their Secrets there is nothing to complain of.
    [['validate', '/manifests'], /^1 TracardiResource in 1 file: [^]* 0 errors, 0 warnings/m],
  ])('%j', async (args, wanted) => {
    await using container = await start(args, Wait.forOneShotStartup())
    const { stdout, stderr } = await outputOf(container)
    expect(stderr).toBe('')
    expect(stdout).toMatch(wanted)
  })

  test('confined as by the chart: ready, reconciles, and ends with 0 on SIGTERM', async () => {
    const begun = performance.now()
    await using container = await start(
      ['--http-address=127.0.0.1:0', `--namespace=${release.namespace}`],
      Wait.forLogMessage(/"msg":"working"/),
    )
    const entries = await logOf(container)
    const url = `http://${String(entries.find(({ msg }) => msg === 'serving')?.['address'])}`
    await waitFor(
      '/readyz',
      async () => (await fetch(`${url}/readyz`)).status,
      (status) => status === 200,
    )
    log(`The container was ready after ${((performance.now() - begun) / 1000).toFixed(1)} s.`)

    const status = await evaluate(container, read('/proc/1/status'))
    const none = '0000000000000000'
    for (const line of [
      'Uid:\t65532\t65532\t65532\t65532',
      'Gid:\t65532\t65532\t65532\t65532',
      'NoNewPrivs:\t1',
      ...['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'].map((name) => `${name}:\t${none}`),
    ])
      expect(status.split('\n')).toContain(line)
    expect((await evaluate(container, read('/proc/1/cmdline'))).split('\0')).toContain('/app/main.js')
    const mounts = await evaluate(container, read('/proc/1/mounts'))
    expect(mounts).toMatch(/^\S+ \/ \S+ ro[, ]/m)

    const ns = await createNamespace(kube, 'image')
    const values = valid.twilio()
    await kube.create('deployments', ns, deployment('app'))
    await kube.create('secrets', ns, secret('source', values))
    await kube.create('tracardiresources', ns, resource('sms', twilioSpec('source', ['app'])))
    await waitForConditions(kube, ns, 'sms', { Ready: 'True Delivered' })
    const next = valid.twilio()
    await kube.patch('secrets', ns, 'source', secret('source', next))
    await waitForConditions(kube, ns, 'sms', { Ready: 'True Delivered' }, { credentialsId: /^2-/ })
    const delivered = Object.values((await contentsOf(kube, ns, 'sms-credentials')) ?? {})
    expect(delivered).toContain(next.authToken)
    expect(delivered).not.toContain(values.authToken)

    const running = engine.client.container.dockerode.getContainer(container.getId())
    const ended = running.wait() as Promise<{ StatusCode: number }>
    const asked = performance.now()
    await running.kill({ signal: 'SIGTERM' })
    const ending = await Promise.race([ended, sleep(longestStopMs, undefined, { ref: false })])
    expect(ending, `it ends within ${longestStopMs / 1000} s`).toMatchObject({ StatusCode: 0 })
    log(`The container ended ${((performance.now() - asked) / 1000).toFixed(1)} s after SIGTERM.`)

    const all = await logOf(container)
    expect(all.at(-1)?.msg).toBe('stopped')
    expect(all.filter(({ level }) => level === 'error')).toEqual([])
    expect(JSON.stringify(all)).not.toContain(next.authToken)
    const [lease] = await kube.list('leases', release.namespace)
    expect(lease?.spec?.holderIdentity ?? '').toBe('')
  }, 120_000)
})

const read = (file: string): string => `fs.readFileSync(${JSON.stringify(file)}, 'utf8')`

/** Prints an expression in a second process of the container. */
async function evaluate(container: StartedTestContainer, expression: string): Promise<string> {
  const { exitCode, output } = await container.exec(['node', '--print', expression])
  if (exitCode !== 0) throw new Error(`node --print ended with ${exitCode}: ${output}`)
  return output
}
