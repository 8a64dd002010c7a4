/**
 * What any solution has to do, and nothing else: see a Secret change, read it, write the target, patch the Deployment. No
 * cache, no queue, no check, no status, no retry. The operator is measured against it.
 *
 *   node bare-client.ts NAMESPACE [LABEL=VALUE]     (with KUBECONFIG)
 *
 * With a label every Secret goes to all Deployments that carry it, known by a watch, else to the one of the same number.
 */
import { Api, type KubeObject } from './api.ts'
import { bareClientAgent, deploymentName, indexOfSource, paths, stampOf, targetName } from './shapes.ts'

const namespace = process.argv[2] ?? 'default'
const labelSelector = process.argv[3]
const { secrets, deployments } = paths(namespace)
const api = await Api.connect(process.env['KUBECONFIG'] ?? '', bareClientAgent)
const labelled = new Set<string>()

async function deliver(name: string, index: number): Promise<void> {
  const source = (await api.call('GET', `${secrets}/${name}`)) as KubeObject & { data: Record<string, string> }
  await api.call('PATCH', `${secrets}/${targetName(index)}`, { data: source.data })
  const labels = { [stampOf(index)]: source.metadata.resourceVersion }
  const body = { spec: { template: { metadata: { labels } } } }
  const consumers = labelSelector === undefined ? [deploymentName(index)] : [...labelled]
  await Promise.all(consumers.map((consumer) => api.call('PATCH', `${deployments}/${consumer}`, body)))
}

const followDeployments = async (selector: string): Promise<void> => {
  // From 0: what is there comes first, as if it had just been made.
  for await (const { type, object } of api.watch(deployments, '0', { metadataOnly: true, labelSelector: selector })) {
    if (type === 'DELETED') labelled.delete(object.metadata.name)
    else labelled.add(object.metadata.name)
  }
}

const followSecrets = async (): Promise<void> => {
  const resourceVersion = await api.resourceVersion(secrets)
  for await (const { type, object } of api.watch(secrets, resourceVersion, { metadataOnly: true })) {
    const index = indexOfSource(object.metadata.name)
    if (type === 'MODIFIED' && index !== undefined) void deliver(object.metadata.name, index)
  }
}

await Promise.all([followSecrets(), ...(labelSelector === undefined ? [] : [followDeployments(labelSelector)])])
