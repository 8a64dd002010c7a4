// npm run cluster: a control plane in the foreground.
import { readFile, rename, writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { startCluster } from './cluster.ts'
import { kubernetesVersions, UnknownVersionError } from './programs.ts'
import { messageOf } from './sources/source.ts'

const usage = `Usage: npm run cluster -- --kubeconfig FILE [--nodes N] [--kubernetes VERSION] [--audit-log FILE]

Starts a Kubernetes control plane on this machine, with KWOK as its nodes: Deployments roll and Pods become Ready,
without containers. It stays until Ctrl-C (SIGINT) or SIGTERM, and leaves nothing behind but FILE and the audit log.

  --kubeconfig FILE      where to write the kubeconfig of an administrator, once it answers and Pods can run
  --nodes N              how many nodes (2)
  --kubernetes VERSION   one of ${kubernetesVersions().join(', ')} (the first), or its first two numbers
  --audit-log FILE       where to write the API server's audit log, one JSON line a call
  --help                 this text`

const PARENT_CHECK_MS = 250

class UsageError extends Error {}

const readOptions = () => {
  let values
  try {
    values = parseArgs({
      options: {
        kubeconfig: { type: 'string' },
        nodes: { type: 'string', default: '2' },
        kubernetes: { type: 'string' },
        'audit-log': { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    }).values
  } catch (error) {
    throw new UsageError(messageOf(error))
  }
  const { help, kubeconfig, nodes, kubernetes, 'audit-log': auditLog } = values
  if (help) return undefined
  if (kubeconfig === undefined || kubeconfig === '') throw new UsageError('--kubeconfig FILE is needed')
  if (!/^\d{1,4}$/.test(nodes)) throw new UsageError('--nodes takes a number')
  return {
    kubeconfig,
    nodes: Number(nodes),
    ...(kubernetes === undefined ? {} : { kubernetes }),
    ...(auditLog === undefined ? {} : { auditLog }),
  }
}

const main = async (): Promise<number> => {
  const options = readOptions()
  if (options === undefined) {
    console.log(usage)
    return 0
  }
  const { kubeconfig, ...rest } = options
  const stop = new AbortController()
  const stopped = new Promise<undefined>((resolve) => {
    const onSignal = (): void => {
      stop.abort()
      resolve(undefined)
    }
    process.on('SIGINT', onSignal).on('SIGTERM', onSignal)
    // An npm that is killed passes no signal on.
    const parent = process.ppid
    const underNpm = process.env['npm_lifecycle_event'] === 'cluster'
    const watchParent = (): void => {
      if (process.ppid !== parent) onSignal()
    }
    if (underNpm) setInterval(watchParent, PARENT_CHECK_MS).unref()
  })
  try {
    await using cluster = await startCluster({ ...rest, signal: stop.signal })
    // By a rename, so that whoever waits for the file finds it whole.
    const unfinished = `${kubeconfig}.${process.pid}.new`
    await writeFile(unfinished, await readFile(cluster.kubeconfigPath), { mode: 0o600 })
    await rename(unfinished, kubeconfig)
    console.log(`Kubernetes answers at ${cluster.server}, kubeconfig ${kubeconfig}. Ctrl-C stops it.`)
    const error = await Promise.race([stopped, cluster.failed])
    if (error !== undefined) throw error
  } catch (error) {
    if (!stop.signal.aborted) throw error
  }
  return 0
}

try {
  process.exitCode = await main()
} catch (error) {
  console.error(messageOf(error))
  const isUsage = error instanceof UsageError || error instanceof UnknownVersionError
  if (isUsage) console.error(`\n${usage}`)
  process.exitCode = isUsage ? 2 : 1
}
