/** The cluster of a kubeconfig, seen with the rights of whoever runs the command. Nothing here changes anything there. */
import { KubeConfig } from '@kubernetes/client-node'
import { componentName } from '../../api/names.ts'
import { KubeClient } from '../../kube/client.ts'
import { systemClock } from '../../kube/clock.ts'
import { Transport } from '../../kube/transport.ts'
import { UsageError } from '../io.ts'

/** The flags that kubectl has under the same names. */
export interface ClusterFlags {
  readonly namespace?: string
  readonly context?: string
  readonly kubeconfig?: string
}

export interface ClusterConnection extends AsyncDisposable {
  readonly client: KubeClient
  /** Of the flag, else of the context, else `default`. */
  readonly namespace: string
}

/** @throws UsageError when no cluster is named, or the one that is named cannot be found */
export function connect(flags: ClusterFlags, version: string): ClusterConnection {
  const kubeConfig = new KubeConfig()
  try {
    if (flags.kubeconfig === undefined) kubeConfig.loadFromDefault()
    else kubeConfig.loadFromFile(flags.kubeconfig)
  } catch {
    // The library's message may repeat pieces of the file.
    throw new UsageError('the kubeconfig cannot be read: name a file that kubectl can use with --kubeconfig.')
  }
  if (flags.context !== undefined) {
    if (kubeConfig.getContextObject(flags.context) === null) {
      const known = kubeConfig.getContexts().map(({ name }) => name)
      throw new UsageError(`the kubeconfig has no such context. Its contexts: ${known.join(', ')}.`)
    }
    kubeConfig.setCurrentContext(flags.context)
  }
  const context = kubeConfig.getCurrentContext()
  // Where nothing is configured, the library makes up an address under this name.
  if (context === 'loaded-context' || kubeConfig.getCurrentCluster() === null)
    throw new UsageError('no cluster is configured: set KUBECONFIG, or name a file with --kubeconfig.')
  const transport = new Transport({ kubeConfig, userAgent: `${componentName}-cli/${version}`, clock: systemClock })
  return {
    client: new KubeClient(transport),
    namespace: flags.namespace ?? kubeConfig.getContextObject(context)?.namespace ?? 'default',
    [Symbol.asyncDispose]: () => transport[Symbol.asyncDispose](),
  }
}
