// A container engine for the tests: the one that answers, else, where that is allowed, Podman with storage of its own.
import { access, mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { getContainerRuntimeClient, type ContainerRuntimeClient } from 'testcontainers'
import { Agent, request } from 'undici'
import { Processes } from '../cluster/processes.ts'
import { messageOf, run } from '../cluster/sources/source.ts'

export interface Engine extends AsyncDisposable {
  /** For people: which engine, and whose. */
  readonly name: string
  readonly client: ContainerRuntimeClient
}

/** An engine, or in one sentence why there is none. */
export type EngineSearch = { engine: Engine } | { reason: string }

const packages = ['podman', 'runc']

/** For every container: a sandbox may forbid the higher limits that Podman would choose, and no engine these. */
export const ulimits = { nofile: { soft: 1024, hard: 4096 }, nproc: { soft: 1024, hard: 2048 } }

/** For machines and sandboxes without systemd, bridges or CAP_SYS_RESOURCE. */
const containersConf = `[containers]
default_ulimits = [${Object.entries(ulimits)
  .map(([name, { soft, hard }]) => `"${name}=${soft}:${hard}"`)
  .join(', ')}]
netns = "host"
log_driver = "k8s-file"

[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
`

const START_TIMEOUT_MS = 30_000
const POLL_MS = 100

/**
 * Looks for an engine on whose host network the control plane of the tests can be reached: one that answers by
 * DOCKER_HOST or a socket in its usual place, then Podman. That is started, and installed where CI=true or
 * TRACARDI_TEST_INSTALL=true says that it may be, by root on Debian alone. Sets DOCKER_HOST of this process then.
 * @param log shows one line of progress
 */
export async function findEngine(log: (line: string) => void): Promise<EngineSearch> {
  const running = await answering()
  if (running !== undefined) return running
  if (process.platform !== 'linux' || process.getuid?.() !== 0) {
    return { reason: 'no container engine answers: start one, and set DOCKER_HOST if its socket has an unusual place' }
  }
  const problem = await ensurePodman(log)
  if (problem !== undefined) return { reason: `no container engine answers, and ${problem}` }
  try {
    return { engine: await startPodman() }
  } catch (error) {
    return { reason: `no container engine answers, and Podman cannot be started: ${messageOf(error)}` }
  }
}

/** testcontainers looks for an engine once in the life of a process, so it must not look before there is one. */
async function answering(): Promise<EngineSearch | undefined> {
  const { DOCKER_HOST, XDG_RUNTIME_DIR } = process.env
  const sockets = [
    ...(DOCKER_HOST?.startsWith('unix://') === true ? [DOCKER_HOST.slice('unix://'.length)] : []),
    '/var/run/docker.sock',
    ...(XDG_RUNTIME_DIR === undefined
      ? []
      : ['docker.sock', 'podman/podman.sock'].map((s) => join(XDG_RUNTIME_DIR, s))),
    '/run/podman/podman.sock',
  ]
  for (const socket of sockets) {
    if (!(await answers(socket))) continue
    const client = await connect(socket)
    const { operatingSystem, serverVersion } = client.info.containerRuntime
    const name = `${operatingSystem}, version ${String(serverVersion)}`
    if (operatingSystem === 'Docker Desktop')
      return { reason: `the container engine (${name}) runs on another machine than the control plane` }
    return { engine: { name, client, [Symbol.asyncDispose]: () => Promise.resolve() } }
  }
  return undefined
}

async function answers(socketPath: string): Promise<boolean> {
  const agent = new Agent({ connect: { socketPath } })
  try {
    const { statusCode, body } = await request('http://engine/_ping', { dispatcher: agent, headersTimeout: 5_000 })
    await body.dump()
    return statusCode === 200
  } catch {
    return false
  } finally {
    await agent.destroy()
  }
}

function connect(socket: string): Promise<ContainerRuntimeClient> {
  process.env['DOCKER_HOST'] = `unix://${socket}`
  return getContainerRuntimeClient()
}

/** Nothing when Podman is there, else why it is not. */
async function ensurePodman(log: (line: string) => void): Promise<string | undefined> {
  // Podman comes with either of two runtimes; the one that containers.conf names must be there too.
  const missing = async (): Promise<boolean> => {
    const found = await Promise.all(['podman', 'runc'].map((file) => run(file, ['--version']).catch(() => undefined)))
    return found.some((finished) => finished?.code !== 0)
  }
  if (!(await missing())) return undefined
  const { CI, TRACARDI_TEST_INSTALL } = process.env
  if (CI !== 'true' && TRACARDI_TEST_INSTALL !== 'true')
    return 'Podman is not installed; with TRACARDI_TEST_INSTALL=true the tests install it on Debian'
  const isDebian = await access('/etc/debian_version').then(
    () => true,
    () => false,
  )
  if (!isDebian) return 'Podman is not installed, and this is no Debian, on which the tests could install it'
  log('installing Podman with apt-get')
  const apt = ['-o', 'DPkg::Lock::Timeout=120', '-o', 'Acquire::Retries=1']
  for (const args of [
    ['update', '--quiet'],
    ['install', '--quiet', '--yes', '--no-install-recommends', ...packages],
  ]) {
    const { code, stderr } = await run('apt-get', [...apt, ...args], {
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    })
    if (code !== 0) return `apt-get ${args.join(' ')} failed: ${stderr.trim().split('\n').at(-1) ?? ''}`
  }
  return (await missing()) ? 'what apt-get installed does not run' : undefined
}

/**
 * Starts the API service of Podman in PID and mount namespaces of its own: with the service, however it ends, all of
 * its containers and mounts end, and the folder can be removed.
 */
async function startPodman(): Promise<Engine> {
  const directory = await mkdtemp(join(tmpdir(), 'tracardi-podman-'))
  await using parts = new AsyncDisposableStack()
  const processes = parts.use(new Processes(directory, true))
  const config = join(directory, 'containers.conf')
  const socket = join(directory, 'podman.sock')
  await writeFile(config, containersConf)
  processes.start('podman', 'env', [
    `CONTAINERS_CONF=${config}`,
    // A build that is broken off leaves its files there.
    `TMPDIR=${directory}`,
    // Without a shell of its own in each step, which would need more rights than a sandbox gives.
    'BUILDAH_ISOLATION=chroot',
    'unshare',
    ...['--mount', '--pid', '--fork', '--kill-child', '--mount-proc'],
    'podman',
    ...['--root', join(directory, 'storage'), '--runroot', join(directory, 'run'), '--tmpdir', join(directory, 'tmp')],
    ...['system', 'service', '--time=0', `unix://${socket}`],
  ])
  await started(socket, processes.failed)
  // Ryuk is an image that may be out of reach, and the namespaces do its work.
  process.env['TESTCONTAINERS_RYUK_DISABLED'] = 'true'
  const client = await connect(socket)
  const whole = parts.move()
  return {
    name: `Podman ${String(client.info.containerRuntime.serverVersion)}, of this run`,
    client,
    [Symbol.asyncDispose]: () => whole.disposeAsync(),
  }
}

/** Resolves once it answers. Throws when it ends before, or takes too long. */
async function started(socket: string, failed: Promise<Error>): Promise<void> {
  let failure: Error | undefined
  void failed.then((error) => {
    failure = error
  })
  const deadline = Date.now() + START_TIMEOUT_MS
  while (Date.now() < deadline) {
    if (failure !== undefined) throw failure
    if (await answers(socket)) return
    await sleep(POLL_MS)
  }
  throw new Error(`it does not answer within ${START_TIMEOUT_MS / 1000} s`)
}
