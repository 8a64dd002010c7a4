// A whole Kubernetes control plane with KWOK as its nodes: own processes, certificates and port, nothing privileged.
import { generateKeyPairSync, randomBytes, randomInt } from 'node:crypto'
import { access, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Agent, request } from 'undici'
import { parse } from 'yaml'
import * as z from 'zod'
import { writeKubeconfig, writeServiceAccountKubeconfig, type Access } from './kubeconfig.ts'
import { ProcessEndedError, Processes } from './processes.ts'
import { findPrograms, type Programs } from './programs.ts'

export interface ClusterOptions {
  /** The version of Kubernetes, one of `kubernetesVersions()` or its first two numbers; see findPrograms. */
  kubernetes?: string
  /** How many nodes; 2 unless told. */
  nodes?: number
  /** Where the API server's audit log goes, one JSON line a call; a file in the directory unless told. */
  auditLog?: string
  /** Shows progress; stderr unless told. */
  log?: (line: string) => void
  /** Where everything of the cluster lies; it stays at the end. A temporary one that goes with the cluster unless told. */
  directory?: string
  /** Gives up the start, and leaves nothing behind. */
  signal?: AbortSignal
}

export interface Cluster extends AsyncDisposable {
  /** Of an administrator. It carries the certificate and token in itself. */
  kubeconfigPath: string
  auditLogPath: string
  directory: string
  /** https://HOST:PORT */
  server: string
  /** Settles when a process of the cluster ends by itself, which none should. */
  failed: Promise<Error>
  /** The path of a new kubeconfig with which one acts as this ServiceAccount, for a day. */
  serviceAccountKubeconfig: (namespace: string, name: string) => Promise<string>
  /** Resolves when every process is gone. May be called more than once. */
  stop: () => Promise<void>
}

/** A cluster whose processes are ours. */
export interface OwnControlPlane extends Cluster {
  /** Ends every process, does something while none runs, and starts them again. Resolves when the API server is ready. */
  restart: (meanwhile?: () => Promise<void>) => Promise<void>
}

const READY_TIMEOUT_MS = 120_000
const POLL_MS = 50
/** A port may be taken between the look and the use of it. */
const ATTEMPTS = 5

/** Each has a name of its own in the audit log. All are allowed everything: what is under test is not they. */
const users = ['admin', 'system:kube-controller-manager', 'system:kube-scheduler', 'kwok'] as const

export const auditPolicy = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  rules: [{ level: 'Metadata' }],
  omitStages: ['RequestReceived'],
}

const isFree = async (port: number): Promise<boolean> => {
  const server = createServer()
  const { promise, resolve: settle } = Promise.withResolvers<boolean>()
  server
    .once('error', () => {
      settle(false)
    })
    .listen(port, '127.0.0.1', () => {
      settle(true)
    })
  const free = await promise
  server.close()
  return free
}

/** Below the range from which systems take the ports of outgoing connections, so that those do not take it away. */
export const freePort = async (): Promise<number> => {
  for (;;) {
    const port = randomInt(10_000, 30_000)
    if (await isFree(port)) return port
  }
}

type Call = (
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  body?: unknown,
) => Promise<{ status: number; body: unknown }>

/** Of somebody who shows either a token or a certificate of his own. */
export type Credentials = Pick<Access, 'server' | 'ca'> & ({ token: string } | { cert: string; key: string })

/** Calls to an API server, until the signal fires. */
export const client = (
  { server, ca, ...own }: Credentials,
  signal: AbortSignal,
): { call: Call; close: () => Promise<void> } => {
  const agent = new Agent({ connect: { ca, ...('cert' in own ? own : {}) } })
  const call: Call = async (method, path, body) => {
    const response = await request(`${server}${path}`, {
      method,
      dispatcher: agent,
      signal,
      headers: {
        ...('token' in own ? { authorization: `Bearer ${own.token}` } : {}),
        'content-type': 'application/json',
        'user-agent': 'test-cluster',
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.body.text()
    const isJson = String(response.headers['content-type']).startsWith('application/json')
    return { status: response.statusCode, body: isJson ? (JSON.parse(text) as unknown) : text }
  }
  return { call, close: () => agent.destroy() }
}

/** Asks until the answer is yes. An error counts as no: at first there is nobody who could answer. */
export const until = async (what: string, signal: AbortSignal, ask: () => Promise<boolean>): Promise<void> => {
  const deadline = Date.now() + READY_TIMEOUT_MS
  let last: unknown
  while (Date.now() < deadline) {
    signal.throwIfAborted()
    try {
      if (await ask()) return
      last = undefined
    } catch (error) {
      last = error
    }
    await sleep(POLL_MS)
  }
  throw new Error(`${what} did not come about within ${READY_TIMEOUT_MS / 1000} s`, { cause: last })
}

const writeFiles = async (directory: string, tokens: Record<string, string>): Promise<void> => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  await mkdir(join(directory, 'certificates'), { recursive: true })
  const lines = users.map((user) => `${tokens[user] ?? ''},${user},${user},"system:masters"\n`)
  const secret = { mode: 0o600 }
  await writeFile(join(directory, 'tokens.csv'), lines.join(''), secret)
  await writeFile(join(directory, 'service-account.key'), privateKey.export({ type: 'sec1', format: 'pem' }), secret)
  await writeFile(join(directory, 'service-account.pub'), publicKey.export({ type: 'spki', format: 'pem' }))
  await writeFile(join(directory, 'audit-policy.json'), JSON.stringify(auditPolicy))
}

const startApiServer = (processes: Processes, programs: Programs, port: number, auditLog: string): void => {
  // Unix sockets in the directory of the cluster: no other cluster can come to this store by mistake.
  processes.start('etcd', programs.etcd, [
    '--data-dir=etcd',
    '--listen-client-urls=unix://etcd.sock',
    '--listen-peer-urls=unix://etcd-peer.sock',
    // Nobody connects to it, but etcd wants one that looks like an address.
    '--advertise-client-urls=http://localhost:2379',
    '--unsafe-no-fsync=true',
  ])
  processes.start('kube-apiserver', programs['kube-apiserver'], [
    '--etcd-servers=unix://etcd.sock',
    '--bind-address=127.0.0.1',
    '--advertise-address=127.0.0.1',
    `--secure-port=${port}`,
    // It makes its own certificate there.
    '--cert-dir=certificates',
    // The endpoints of a Service may not be loopback addresses, and nobody needs these.
    '--endpoint-reconciler-type=none',
    '--token-auth-file=tokens.csv',
    '--authorization-mode=RBAC',
    '--allow-privileged=true',
    '--service-cluster-ip-range=10.0.0.0/24',
    `--service-account-issuer=https://127.0.0.1:${port}`,
    '--service-account-key-file=service-account.pub',
    '--service-account-signing-key-file=service-account.key',
    '--audit-policy-file=audit-policy.json',
    `--audit-log-path=${auditLog}`,
    // A log that begins anew in the middle of a test could not be counted.
    '--audit-log-maxsize=0',
    '--profiling=false',
  ])
}

const startControllers = (processes: Processes, programs: Programs): void => {
  processes.start('kube-controller-manager', programs['kube-controller-manager'], [
    '--kubeconfig=system:kube-controller-manager.kubeconfig',
    '--leader-elect=false',
    '--secure-port=0',
    '--controllers=*,-bootstrap-signer-controller,-token-cleaner-controller',
    '--service-account-private-key-file=service-account.key',
    '--root-ca-file=certificates/apiserver.crt',
    '--use-service-account-credentials=false',
    // The defaults are for clusters where others need the server too, and would slow a hundred rollouts down.
    '--kube-api-qps=200',
    '--kube-api-burst=400',
  ])
  processes.start('kube-scheduler', programs['kube-scheduler'], [
    '--kubeconfig=system:kube-scheduler.kubeconfig',
    '--leader-elect=false',
    '--secure-port=0',
    '--kube-api-qps=200',
    '--kube-api-burst=400',
  ])
}

/** Starts KWOK with this kubeconfig, and resolves when all the nodes are Ready and a Pod could run on them. */
export const bringUpNodes = async (
  processes: Processes,
  programs: Pick<Programs, 'kwok' | 'kwok-stages'>,
  { call, count, kubeconfig }: { call: Call; count: number; kubeconfig: string },
  signal: AbortSignal,
): Promise<void> => {
  startKwok(processes, programs, kubeconfig, await readdir(programs['kwok-stages']))
  for (let index = 1; index <= count; index += 1) {
    const { status } = await call('POST', '/api/v1/nodes', node(`node-${index}`))
    if (status !== 201) throw new Error(`the API server refused a node with ${status}`)
  }
  const account = '/api/v1/namespaces/default/serviceaccounts/default'
  await until('the default ServiceAccount', signal, async () => (await call('GET', account)).status === 200)
  await until('nodes that are Ready', signal, () => nodesAreReady(call, count))
  if (count > 0) await runPod(call, signal)
}

const startKwok = (
  processes: Processes,
  programs: Pick<Programs, 'kwok' | 'kwok-stages'>,
  kubeconfig: string,
  stageFiles: string[],
): void => {
  processes.start('kwok', programs.kwok, [
    `--kubeconfig=${kubeconfig}`,
    '--manage-all-nodes=true',
    '--server-address=127.0.0.1:0',
    // Without leases a node counts as lost after a minute.
    '--node-lease-duration-seconds=40',
    ...stageFiles.map((file) => `--config=${join(programs['kwok-stages'], file)}`),
  ])
}

const node = (name: string): unknown => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: {
    name,
    annotations: { 'kwok.x-k8s.io/node': 'fake' },
    labels: {
      'kubernetes.io/hostname': name,
      'kubernetes.io/os': 'linux',
      'kubernetes.io/arch': 'amd64',
      type: 'kwok',
    },
  },
})

const nodesSchema = z.object({
  items: z.array(
    z.object({
      spec: z.object({ taints: z.array(z.unknown()).optional() }),
      status: z.object({ conditions: z.array(z.object({ type: z.string(), status: z.string() })).optional() }),
    }),
  ),
})

const nodesAreReady = async (call: Call, count: number): Promise<boolean> => {
  const { items } = nodesSchema.parse((await call('GET', '/api/v1/nodes')).body)
  const ready = items.filter(
    ({ spec, status }) =>
      (spec.taints ?? []).length === 0 &&
      status.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') === true,
  )
  return ready.length === count
}

const podSchema = z.object({ status: z.object({ phase: z.string() }) })

/** A Pod that runs proves the ServiceAccounts, the admission, the scheduler and KWOK at once. */
const runPod = async (call: Call, signal: AbortSignal): Promise<void> => {
  // Not in `default`, which users find empty.
  const pods = '/api/v1/namespaces/kube-system/pods'
  const name = 'cluster-probe'
  const container = { name: 'probe', image: 'probe' }
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec: { containers: [container] } }
  await until('a Pod that is accepted', signal, async () => (await call('POST', pods, pod)).status === 201)
  await until('a Pod that runs', signal, async () => {
    const { body } = await call('GET', `${pods}/${name}`)
    return podSchema.parse(body).status.phase === 'Running'
  })
  await call('DELETE', `${pods}/${name}?gracePeriodSeconds=0`)
  await until('the end of a Pod', signal, async () => (await call('GET', `${pods}/${name}`)).status === 404)
}

interface Place {
  directory: string
  auditLog: string
  nodes: number
}

/** Everything from the first process to the first Pod. Resolves to the API server's address. */
const bringUp = async (
  processes: Processes,
  programs: Programs,
  { directory, auditLog, nodes }: Place,
  signal: AbortSignal,
): Promise<string> => {
  const tokens = Object.fromEntries(users.map((user) => [user, randomBytes(16).toString('hex')]))
  await writeFiles(directory, tokens)
  const port = await freePort()
  const server = `https://127.0.0.1:${port}`
  startApiServer(processes, programs, port, auditLog)

  const certificate = join(directory, 'certificates', 'apiserver.crt')
  await until("the API server's certificate", signal, async () => {
    // The key is written after the certificate: once it is there, the certificate is whole.
    await access(join(directory, 'certificates', 'apiserver.key'))
    return true
  })
  const ca = await readFile(certificate, 'utf8')
  const accessOf = (user: string): Access => ({ server, ca, token: tokens[user] ?? '' })
  for (const user of users) {
    await writeKubeconfig(join(directory, user === 'admin' ? 'kubeconfig' : `${user}.kubeconfig`), user, accessOf(user))
  }

  const { call, close } = client(accessOf('admin'), signal)
  try {
    await until('a ready API server', signal, async () => (await call('GET', '/readyz')).status === 200)
    startControllers(processes, programs)
    await bringUpNodes(processes, programs, { call, count: nodes, kubeconfig: 'kwok.kubeconfig' }, signal)
  } finally {
    await close()
  }
  return server
}

const adminSchema = z.object({
  clusters: z.tuple([
    z.object({ cluster: z.object({ server: z.string(), 'certificate-authority-data': z.string() }) }),
  ]),
  users: z.tuple([z.object({ user: z.object({ token: z.string() }) })]),
})

const untilReady = async (kubeconfigPath: string, signal: AbortSignal): Promise<void> => {
  const { clusters, users: admins } = adminSchema.parse(parse(await readFile(kubeconfigPath, 'utf8')))
  const { server, 'certificate-authority-data': data } = clusters[0].cluster
  const ca = Buffer.from(data, 'base64').toString()
  const { call, close } = client({ server, ca, token: admins[0].user.token }, signal)
  try {
    await until('a ready API server', signal, async () => (await call('GET', '/readyz')).status === 200)
  } finally {
    await close()
  }
}

const portWasTaken = (error: unknown): boolean =>
  error instanceof ProcessEndedError && error.log.includes('address already in use')

/**
 * Starts a control plane and resolves once its API answers and Pods can run. It ends with `stop`, and with this process
 * however that ends. Throws an error that says what went wrong, with the end of the log of the program at fault.
 */
export const startCluster = async (options: ClusterOptions = {}): Promise<OwnControlPlane> => {
  const log = options.log ?? ((line) => process.stderr.write(`${line}\n`))
  const programs = await findPrograms({ env: process.env, log, signal: options.signal }, options.kubernetes)
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await startOnce(programs, options)
    } catch (error) {
      if (!portWasTaken(error) || attempt === ATTEMPTS) throw error
      log('another program took the port of the API server; trying another one')
    }
  }
}

const startOnce = async (programs: Programs, options: ClusterOptions): Promise<OwnControlPlane> => {
  const directory = resolve(options.directory ?? (await mkdtemp(join(tmpdir(), 'tracardi-cluster-'))))
  const auditLog = resolve(options.auditLog ?? join(directory, 'audit.log'))
  for (const name of ['etcd', 'certificates']) await rm(join(directory, name), { recursive: true, force: true })
  await mkdir(directory, { recursive: true })
  const processes = new Processes(directory, options.directory === undefined)
  const giveUp = new AbortController()
  void processes.failed.then((error) => {
    giveUp.abort(error)
  })
  const signal = options.signal === undefined ? giveUp.signal : AbortSignal.any([giveUp.signal, options.signal])
  try {
    const server = await bringUp(processes, programs, { directory, auditLog, nodes: options.nodes ?? 2 }, signal)
    const kubeconfigPath = join(directory, 'kubeconfig')
    return {
      kubeconfigPath,
      auditLogPath: auditLog,
      directory,
      server,
      failed: processes.failed,
      serviceAccountKubeconfig: async (namespace, name) => {
        const path = join(directory, `${namespace}.${name}.kubeconfig`)
        await writeServiceAccountKubeconfig(path, kubeconfigPath, namespace, name)
        return path
      },
      restart: async (meanwhile = () => Promise.resolve()) => {
        // The controller manager gives the API server ten seconds, and ends for good.
        await processes.restart(meanwhile, {
          first: ['etcd', 'kube-apiserver'],
          untilUp: () => untilReady(kubeconfigPath, giveUp.signal),
        })
      },
      stop: () => processes.stop(),
      [Symbol.asyncDispose]: () => processes.stop(),
    }
  } catch (error) {
    await processes.stop()
    throw error
  }
}
