/**
 * What a program of @kubernetes/client-node does that delivers as the operator does, and no more: informers of
 * TracardiResources, Secrets and Deployments in all namespaces, the target written when it differs, the Deployment patched.
 * No check, no status, no Event, no retry.
 *
 *   node informer-client.ts HOST:PORT     (with KUBECONFIG)
 *
 * Serves /livez, /readyz (200 once all informers have listed) and the two lines of /metrics that the bench reads.
 */
import { createServer } from 'node:http'
import {
  AppsV1Api,
  CoreV1Api,
  CustomObjectsApi,
  KubeConfig,
  makeInformer,
  PatchStrategy,
  setHeaderOptions,
  V1Secret,
  type KubernetesObject,
  type V1Deployment,
} from '@kubernetes/client-node'
import type { TracardiResource } from '../../src/api/tracardi-resource.ts'

/** As many as the operator has workers. */
const atOnce = 32

type Resource = KubernetesObject & Pick<TracardiResource, 'spec'>

const [host = '', port = ''] = (process.argv[2] ?? '').split(':')
const kubeConfig = new KubeConfig()
kubeConfig.loadFromDefault()
const core = kubeConfig.makeApiClient(CoreV1Api)
const apps = kubeConfig.makeApiClient(AppsV1Api)
const custom = kubeConfig.makeApiClient(CustomObjectsApi)

const definition = { group: 'tracardi.com', version: 'v1beta1', plural: 'tracardiresources' }
const resources = makeInformer<Resource>(
  kubeConfig,
  `/apis/${definition.group}/${definition.version}/${definition.plural}`,
  async () => (await custom.listClusterCustomObject(definition)) as { items: Resource[] },
)
const secrets = makeInformer<V1Secret>(kubeConfig, '/api/v1/secrets', () => core.listSecretForAllNamespaces())
const deployments = makeInformer<V1Deployment>(kubeConfig, '/apis/apps/v1/deployments', () =>
  apps.listDeploymentForAllNamespaces(),
)

const keyOf = ({ metadata }: KubernetesObject): string => `${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`

/** Secret → the resources that name it. */
const bySource = new Map<string, Set<string>>()
/** Keys of resources to look at. One that is worked on waits for its end. */
const waiting = new Set<string>()
const working = new Set<string>()
let ready = false

const mergePatch = setHeaderOptions('Content-Type', PatchStrategy.MergePatch)

const deliver = async (namespace: string, name: string): Promise<void> => {
  const resource = resources.get(name, namespace)
  const sourceName = resource?.spec.credentials.secretRef?.name ?? ''
  const source = secrets.get(sourceName, namespace)
  if (resource === undefined || source?.data === undefined) return
  const { data, metadata } = source
  const target = `${name}-informers`
  const present = secrets.get(target, namespace)
  const isSame = Object.entries(data).every(([key, value]) => present?.data?.[key] === value)
  if (present === undefined)
    await core.createNamespacedSecret({
      namespace,
      body: Object.assign(new V1Secret(), { metadata: { name: target }, data }),
    })
  else if (!isSame) await core.patchNamespacedSecret({ namespace, name: target, body: { data } }, mergePatch)
  const stamp = `bench/${name}`
  const version = metadata?.resourceVersion ?? ''
  for (const { name: consumer } of resource.spec.consumers ?? []) {
    const deployment = deployments.get(consumer ?? '', namespace)
    if (deployment === undefined || deployment.spec?.template.metadata?.labels?.[stamp] === version) continue
    const body = { spec: { template: { metadata: { labels: { [stamp]: version } } } } }
    await apps.patchNamespacedDeployment({ namespace, name: consumer ?? '', body }, mergePatch)
  }
}

const work = (): void => {
  if (!ready) return
  for (const key of waiting) {
    if (working.size >= atOnce) return
    if (working.has(key)) continue
    waiting.delete(key)
    working.add(key)
    const [namespace = '', name = ''] = key.split('/')
    void deliver(namespace, name).finally(() => {
      working.delete(key)
      work()
    })
  }
}

const look = (key: string): void => {
  waiting.add(key)
  work()
}

const onResource = (resource: Resource): void => {
  const key = keyOf(resource)
  const source = `${resource.metadata?.namespace ?? ''}/${resource.spec.credentials.secretRef?.name ?? ''}`
  bySource.set(source, (bySource.get(source) ?? new Set()).add(key))
  look(key)
}
const onSecret = (secret: V1Secret): void => {
  for (const key of bySource.get(keyOf(secret)) ?? []) look(key)
}
for (const verb of ['add', 'update'] as const) {
  resources.on(verb, onResource)
  secrets.on(verb, onSecret)
}

createServer((request, response) => {
  const { user, system } = process.cpuUsage()
  if (request.url === '/readyz' && !ready) response.writeHead(503)
  response.end(
    `process_cpu_seconds_total ${String((user + system) / 1e6)}\nprocess_resident_memory_bytes ${String(process.memoryUsage.rss())}\n`,
  )
}).listen(Number(port), host)

await resources.start()
await secrets.start()
await deployments.start()
ready = true
work()
