/** A cluster and operators of their own, for tests that kill an operator or count all that it does. */
import { startCluster } from '../../cluster/cluster.ts'
import { AuditLog } from './audit-log.ts'
import { Kube } from './kube.ts'
import { installChart, release, startOperator } from './operator-process.ts'
import type { OperatorProcess } from './operator-process.ts'

export interface OwnCluster extends AsyncDisposable {
  readonly kube: Kube
  readonly audit: AuditLog
  /** Of the chart's ServiceAccount. */
  readonly kubeconfig: string
  /**
   * Starts an operator as the chart's ServiceAccount. The cluster's end is its end too.
   * @param kubeconfig another way to the cluster
   */
  readonly start: (args?: readonly string[], kubeconfig?: string) => Promise<OperatorProcess>
}

/**
 * A cluster with the chart installed, its CRD included, and no operator yet.
 * @param options.namespaces created before the chart is installed
 * @param options.values of the chart, beside those that keep it from starting pods
 */
export async function startOwnCluster(
  options: { namespaces?: readonly string[]; values?: Readonly<Record<string, unknown>> } = {},
): Promise<OwnCluster> {
  await using parts = new AsyncDisposableStack()
  const cluster = parts.use(await startCluster({ nodes: 1 }))
  const kube = parts.use(await Kube.connect(cluster.kubeconfigPath))
  for (const name of options.namespaces ?? [])
    await kube.create('namespaces', undefined, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } })
  const account = await installChart(cluster.kubeconfigPath, { crds: true, values: options.values ?? {} })
  const kubeconfig = await cluster.serviceAccountKubeconfig(release.namespace, account)
  const whole = parts.move()
  return {
    kube,
    audit: new AuditLog(cluster.auditLogPath),
    kubeconfig,
    start: async (args = [], way = kubeconfig) => {
      const operator = await startOperator({
        kubeconfig: way,
        args: ['--namespace', release.namespace, ...args],
        directory: cluster.directory,
      })
      return whole.use(operator)
    },
    [Symbol.asyncDispose]: () => whole.disposeAsync(),
  }
}
