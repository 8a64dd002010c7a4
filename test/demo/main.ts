// npm run demo: the main job of the operator, told in a terminal, on a real control plane.
import { copyFile, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startCluster } from '../cluster/cluster.ts'
import { messageOf } from '../cluster/sources/source.ts'
import { OperatorProcess } from './operator-process.ts'
import { Shell } from './shell.ts'
import { tellStory, type Claim } from './story.ts'
import { Terminal } from './terminal.ts'

const usage = `Usage: npm run demo [-- --keep]

Starts a Kubernetes control plane on this machine, installs the operator with Helm, and shows what it does with a good
credential, a bad one and a repaired one. Ends by itself; the exit code is 0 when all went as told.

  --keep    leave the cluster and the operator running at the end, until Ctrl-C
  --help    this text`

const SYSTEM = 'tracardi-system'
const NAMESPACE = 'marketing'
const ACCOUNT = 'tracardi-operator'
const checkout = join(import.meta.dirname, '..', '..')

const readOptions = (): { keep: boolean; help: boolean } | string => {
  try {
    const { values } = parseArgs({
      options: { keep: { type: 'boolean', default: false }, help: { type: 'boolean', default: false } },
    })
    return values
  } catch (error) {
    return messageOf(error)
  }
}

/** Resolves once the demo is through, or rejects with what stopped it. */
const demonstrate = async (
  terminal: Terminal,
  claims: Claim[],
  keep: boolean,
  stop: AbortController,
): Promise<void> => {
  const { signal } = stop
  const log = (line: string): void => {
    terminal.progress(line)
  }
  terminal.title('1. A Kubernetes control plane, and the operator in it')
  const started = Date.now()
  log('starting etcd, kube-apiserver, kube-controller-manager, kube-scheduler, and KWOK with two nodes …')
  await using cluster = await startCluster({ log, signal })
  log(`Kubernetes answers after ${((Date.now() - started) / 1000).toFixed(1)} s`)
  void cluster.failed.then((error) => {
    stop.abort(error)
  })

  // Within the folder of the cluster, so that it goes with it.
  const directory = join(cluster.directory, 'demo')
  await mkdir(directory)
  const kubeconfig = join(directory, 'kubeconfig')
  await copyFile(cluster.kubeconfigPath, kubeconfig)
  const shell = await Shell.open({ terminal, directory, kubeconfig, signal })

  terminal.say('')
  terminal.say(
    'The chart brings the CRD, a ServiceAccount and its rights. Nodes of this cluster run no containers, so the chart gets no replicas: the operator runs as a process beside the cluster, with the ServiceAccount of the chart.',
  )
  await shell.show(
    `helm install tracardi-operator charts/tracardi-operator --namespace ${SYSTEM} --create-namespace --set replicas=0 --hide-notes`,
    checkout,
  )
  await shell.show('kubectl wait crd/tracardiresources.tracardi.com --for=condition=Established --timeout=30s')
  await using operator = new OperatorProcess(
    await cluster.serviceAccountKubeconfig(SYSTEM, ACCOUNT),
    join(directory, 'operator.log'),
    [`--namespace=${SYSTEM}`],
  )
  void operator.failed.then((error) => {
    stop.abort(error)
  })
  const address = await operator.ready(signal)
  await shell.show(`kubectl create namespace ${NAMESPACE}`)
  await shell.show(`kubectl config set-context --current --namespace ${NAMESPACE}`)

  let problem: Error | undefined
  try {
    const operatorUser = `system:serviceaccount:${SYSTEM}:${ACCOUNT}`
    await tellStory({ terminal, shell, operator, auditLog: cluster.auditLogPath, operatorUser }, claims)
  } catch (error) {
    problem = error instanceof Error ? error : new Error(String(error))
    if (!signal.aborted) terminal.problem(`It did not go on: ${messageOf(error)}\n${operator.lastLines()}`)
  }
  if (!signal.aborted) summarise(terminal, claims)
  if (keep && !signal.aborted) {
    printKept(terminal, directory, address, operator.logPath)
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve()
      signal.addEventListener(
        'abort',
        () => {
          resolve()
        },
        { once: true },
      )
    })
  }
  if (problem !== undefined) throw problem
}

const summarise = (terminal: Terminal, claims: readonly Claim[]): void => {
  terminal.title('What held')
  for (const { kept, text } of claims) terminal.verdict(kept, text)
}

const printKept = (terminal: Terminal, directory: string, address: string, logPath: string): void => {
  terminal.title('The cluster and the operator stay. In another terminal:')
  terminal.output(`
cd ${directory}
export KUBECONFIG=$PWD/kubeconfig

kubectl get tracardiresources -o wide
kubectl explain tracardiresource.spec
kubectl describe tracardiresource twilio-sms
kubectl delete secret twilio-sms-credentials          # it comes back, and no pod is replaced
kubectl delete secret twilio-live                     # what is in force stays in force
kubectl get events --watch

The operator logs to ${logPath} and serves http://${address}/metrics.
Ctrl-C stops both and removes everything.`)
}

const main = async (): Promise<number> => {
  const options = readOptions()
  if (typeof options === 'string') {
    console.error(`${options}\n\n${usage}`)
    return 2
  }
  if (options.help) {
    console.log(usage)
    return 0
  }
  const terminal = new Terminal()
  const claims: Claim[] = []
  const stop = new AbortController()
  let interrupted: number | undefined
  const onSignal = (code: number) => (): void => {
    interrupted ??= code
    stop.abort(new Error('stopped'))
  }
  process.on('SIGINT', onSignal(130)).on('SIGTERM', onSignal(143)).on('SIGHUP', onSignal(129))
  let problem: unknown
  try {
    await demonstrate(terminal, claims, options.keep, stop)
  } catch (error) {
    problem = error
  }
  const held = claims.length > 0 && claims.every(({ kept }) => kept)
  if (interrupted !== undefined) {
    console.log('\nStopped; nothing is left running.')
    // Who keeps the cluster ends it like this: that is no failure.
    return options.keep && held && problem === undefined ? 0 : interrupted
  }
  if (problem !== undefined || !held) {
    const reason = stop.signal.aborted ? messageOf(stop.signal.reason) : messageOf(problem ?? 'see ✗ above')
    terminal.problem(`\nNot all went as told: ${reason}`)
    return 1
  }
  terminal.say('')
  terminal.say('All went as told. `npm run demo -- --keep` leaves it all running, to play with.')
  return 0
}

process.exitCode = await main()
