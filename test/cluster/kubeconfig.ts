// Kubeconfigs that carry everything in themselves, so that they can be copied anywhere.
import { readFile, writeFile } from 'node:fs/promises'
import { parse, stringify } from 'yaml'
import * as z from 'zod'
import { kubectlPath } from './tools.ts'
import { run } from './sources/source.ts'

export interface Access {
  /** https://HOST:PORT */
  server: string
  /** PEM. */
  ca: string
  token: string
}

/** Writes a kubeconfig that only its owner can read. */
export const writeKubeconfig = async (path: string, user: string, { server, ca, token }: Access): Promise<void> => {
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': user,
    clusters: [{ name: 'test', cluster: { server, 'certificate-authority-data': Buffer.from(ca).toString('base64') } }],
    users: [{ name: user, user: { token } }],
    contexts: [{ name: user, context: { cluster: 'test', user } }],
  }
  await writeFile(path, stringify(config), { mode: 0o600 })
}

const kubeconfigSchema = z.looseObject({
  'current-context': z.string(),
  contexts: z.array(z.object({ name: z.string(), context: z.looseObject({ cluster: z.string() }) })),
  clusters: z.array(z.looseObject({ name: z.string() })),
})

/**
 * Writes a kubeconfig with which one acts as a ServiceAccount of the cluster of another kubeconfig, with a token from
 * the TokenRequest API that is valid for a day. Throws when the ServiceAccount does not exist.
 */
export const writeServiceAccountKubeconfig = async (
  path: string,
  adminKubeconfig: string,
  namespace: string,
  name: string,
): Promise<void> => {
  const kubectl = await kubectlPath()
  const args = ['--kubeconfig', adminKubeconfig, 'create', 'token', name, '--namespace', namespace, '--duration', '24h']
  const { code, stdout, stderr } = await run(kubectl, args)
  if (code !== 0) throw new Error(`no token for the ServiceAccount ${namespace}/${name}: ${stderr.trim()}`)
  const config = kubeconfigSchema.parse(parse(await readFile(adminKubeconfig, 'utf8')))
  const context = config.contexts.find((candidate) => candidate.name === config['current-context'])
  const cluster = config.clusters.find((candidate) => candidate.name === context?.context.cluster)
  if (cluster === undefined) throw new Error(`${adminKubeconfig} has no cluster for its current context`)
  const own = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': name,
    clusters: [cluster],
    users: [{ name, user: { token: stdout.trim() } }],
    contexts: [{ name, context: { cluster: cluster.name, user: name, namespace } }],
  }
  await writeFile(path, stringify(own), { mode: 0o600 })
}
