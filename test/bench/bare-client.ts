/**
 * What any solution has to do, and nothing else: see a Secret change, read it, write the target, patch the Deployment. No
 * cache, no queue, no check, no status, no retry. The operator is measured against it.
 *
 *   node bare-client.ts NAMESPACE     (with KUBECONFIG)
 */
import { Api, type KubeObject } from './api.ts'
import { bareClientAgent, deploymentName, indexOfSource, paths, stampOf, targetName } from './shapes.ts'

const namespace = process.argv[2] ?? 'default'
const { secrets, deployments } = paths(namespace)
const api = await Api.connect(process.env['KUBECONFIG'] ?? '', bareClientAgent)

async function deliver(name: string, index: number): Promise<void> {
  const source = (await api.call('GET', `${secrets}/${name}`)) as KubeObject & { data: Record<string, string> }
  await api.call('PATCH', `${secrets}/${targetName(index)}`, { data: source.data })
  const labels = { [stampOf(index)]: source.metadata.resourceVersion }
  await api.call('PATCH', `${deployments}/${deploymentName(index)}`, { spec: { template: { metadata: { labels } } } })
}

const resourceVersion = await api.resourceVersion(secrets)
for await (const { type, object } of api.watch(secrets, resourceVersion, { metadataOnly: true })) {
  const index = indexOfSource(object.metadata.name)
  if (type === 'MODIFIED' && index !== undefined) void deliver(object.metadata.name, index)
}
