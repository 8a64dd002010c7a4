// K3s in a container in the place of the control plane of our own; the nodes are KWOK's here too.
import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { GenericContainer, Wait, type ContainerRuntimeClient } from 'testcontainers'
import { parse } from 'yaml'
import * as z from 'zod'
import { findEngine, ulimits, type Engine } from '../image/engine.ts'
import {
  auditPolicy,
  bringUpNodes,
  client,
  freePort,
  until,
  type Cluster,
  type ClusterOptions,
  type Credentials,
} from './cluster.ts'
import { writeServiceAccountKubeconfig } from './kubeconfig.ts'
import { Processes } from './processes.ts'
import { findPrograms } from './programs.ts'
import { messageOf } from './sources/source.ts'

const standardImage = 'rancher/k3s:v1.36.3-k3s1'

const KUBECONFIG = '/etc/rancher/k3s/k3s.yaml'

/** How long a pull may stand still. An engine that has no way out may try for minutes. */
const PULL_IDLE_MS = 10_000
const START_TIMEOUT_MS = 120_000

const progressSchema = z.array(z.looseObject({ error: z.string().optional() }))

/** Nothing once the image is there, else in one sentence why it cannot be had. */
export const pullImage = async (
  { container: { dockerode } }: Pick<ContainerRuntimeClient, 'container'>,
  image: string,
  idleMs = PULL_IDLE_MS,
): Promise<string | undefined> => {
  const isThere = (): Promise<boolean> =>
    dockerode
      .getImage(image)
      .inspect()
      .then(
        () => true,
        () => false,
      )
  if (await isThere()) return undefined
  const { promise, resolve } = Promise.withResolvers<string>()
  const giveUp = new AbortController()
  const timer = setTimeout(() => {
    resolve(`nothing came for ${idleMs / 1000} s`)
    giveUp.abort()
  }, idleMs)
  const end = (error: unknown, progress?: unknown): void => {
    // Engines answer that all is well before they begin, and put an error among the lines of progress.
    const told = progressSchema.safeParse(progress).data?.find((line) => line.error !== undefined)?.error
    resolve(told ?? (error instanceof Error ? messageOf(error) : 'the engine does not say why'))
  }
  dockerode.pull(image, { abortSignal: giveUp.signal }).then((stream) => {
    dockerode.modem.followProgress(stream, end, () => timer.refresh())
  }, end)
  try {
    const problem = await promise
    return (await isThere()) ? undefined : `${image} cannot be pulled: ${problem}`
  } finally {
    clearTimeout(timer)
  }
}

const kubeconfigSchema = z.looseObject({
  clusters: z.tuple([
    z.looseObject({ cluster: z.looseObject({ server: z.string(), 'certificate-authority-data': z.string() }) }),
  ]),
  users: z.tuple([
    z.looseObject({ user: z.looseObject({ 'client-certificate-data': z.string(), 'client-key-data': z.string() }) }),
  ]),
})

const credentialsIn = async (kubeconfigPath: string): Promise<Credentials> => {
  const config = kubeconfigSchema.parse(parse(await readFile(kubeconfigPath, 'utf8')))
  const pem = (data: string): string => Buffer.from(data, 'base64').toString()
  const [{ cluster }] = config.clusters
  const [{ user }] = config.users
  return {
    server: cluster.server,
    ca: pem(cluster['certificate-authority-data']),
    cert: pem(user['client-certificate-data']),
    key: pem(user['client-key-data']),
  }
}

export type K3sOptions = Pick<ClusterOptions, 'nodes' | 'log' | 'signal'>

/** A cluster, or in one sentence why there is none. */
export type K3sSearch = { cluster: Cluster } | { reason: string }

const toStderr = (line: string): void => {
  process.stderr.write(`${line}\n`)
}

/** `startK3sIn` the first engine that `findEngine` finds. */
export const startK3s = async (options: K3sOptions = {}): Promise<K3sSearch> => {
  const found = await findEngine(options.log ?? toStderr)
  if ('reason' in found) return found
  await using parts = new AsyncDisposableStack()
  const started = await startK3sIn(parts.use(found.engine), options)
  if ('reason' in started) return started
  parts.use(started.cluster)
  const whole = parts.move()
  const stop = (): Promise<void> => whole.disposeAsync()
  return { cluster: { ...started.cluster, stop, [Symbol.asyncDispose]: stop } }
}

/**
 * Starts K3s on the network of this machine, and KWOK beside it. The image is TRACARDI_TEST_K3S_IMAGE, or K3s 1.36.3.
 * Resolves to the reason, within seconds, where the engine cannot pull the image; throws when
 * K3s is there and does not work.
 */
export const startK3sIn = async ({ name, client: engine }: Engine, options: K3sOptions = {}): Promise<K3sSearch> => {
  const log = options.log ?? toStderr
  const signal = options.signal ?? new AbortController().signal
  const image = process.env['TRACARDI_TEST_K3S_IMAGE'] ?? standardImage
  log(`pulling ${image} with ${name}`)
  const problem = await pullImage(engine, image)
  if (problem !== undefined) return { reason: problem }

  await using parts = new AsyncDisposableStack()
  const programs = await findPrograms({ env: process.env, log, signal })
  const directory = await mkdtemp(join(tmpdir(), 'tracardi-k3s-'))
  const processes = parts.use(new Processes(directory, true))
  const audit = join(directory, 'audit')
  const auditLogPath = join(audit, 'audit.log')
  await mkdir(audit)
  await writeFile(join(audit, 'policy.json'), JSON.stringify(auditPolicy))
  // There before K3s, which writes into it as root, so that it belongs to whoever reads it.
  await writeFile(auditLogPath, '')
  const container = await new GenericContainer(image)
    .withPrivilegedMode()
    .withNetworkMode('host')
    .withUlimits(ulimits)
    .withBindMounts([{ source: audit, target: '/audit', mode: 'rw' }])
    .withTmpFs({ '/run': 'rw', '/var/run': 'rw' })
    .withCommand([
      'server',
      '--bind-address=127.0.0.1',
      `--https-listen-port=${await freePort()}`,
      // No kubelet: it would pull the images of the Pods under test, and change the network of this machine.
      '--disable-agent',
      // It would take away the nodes that it does not know.
      '--disable-cloud-controller',
      '--kube-apiserver-arg=audit-policy-file=/audit/policy.json',
      '--kube-apiserver-arg=audit-log-path=/audit/audit.log',
      '--kube-apiserver-arg=audit-log-maxsize=0',
      '--disable=coredns,local-storage,metrics-server,servicelb,traefik',
    ])
    .withWaitStrategy(Wait.forSuccessfulCommand(`test -s ${KUBECONFIG}`))
    .withStartupTimeout(START_TIMEOUT_MS)
    .start()
  parts.defer(async () => {
    await container.stop()
  })

  const { output, exitCode } = await container.exec(['cat', KUBECONFIG])
  if (exitCode !== 0) throw new Error(`K3s has no ${KUBECONFIG}`)
  const kubeconfigPath = join(directory, 'kubeconfig')
  await writeFile(kubeconfigPath, output, { mode: 0o600 })
  const credentials = await credentialsIn(kubeconfigPath)
  const { call, close } = client(credentials, signal)
  try {
    await until('a ready API server', signal, async () => (await call('GET', '/readyz')).status === 200)
    await bringUpNodes(processes, programs, { call, count: options.nodes ?? 2, kubeconfig: 'kubeconfig' }, signal)
  } finally {
    await close()
  }
  const whole = parts.move()
  return {
    cluster: {
      kubeconfigPath,
      auditLogPath,
      directory,
      server: credentials.server,
      failed: processes.failed,
      serviceAccountKubeconfig: async (namespace, account) => {
        const path = join(directory, `${namespace}.${account}.kubeconfig`)
        await writeServiceAccountKubeconfig(path, kubeconfigPath, namespace, account)
        return path
      },
      stop: () => whole.disposeAsync(),
      [Symbol.asyncDispose]: () => whole.disposeAsync(),
    },
  }
}
