// The objects that both contestants work on, and the credentials that go through them: well formed, and new each time.
import { randomBytes, randomInt } from 'node:crypto'

export const bareClientAgent = 'bare-client'
export const operatorAgent = 'tracardi-operator/'
/** Its watches have another one, and are not counted. */
export const informerClientAgent = 'kubernetes-client-javascript/'

const numbered = (prefix: string, index: number): string => `${prefix}-${String(index).padStart(4, '0')}`

export const sourceName = (index: number): string => numbered('source', index)
export const resourceName = (index: number): string => numbered('resource', index)
export const targetName = (index: number): string => `${resourceName(index)}-credentials`
export const deploymentName = (index: number): string => numbered('app', index)

/** The label of the pod template whose change is what is waited for. */
export const stampOf = (index: number): string => `credentials.tracardi.com/${resourceName(index)}`

/** Undefined for a Secret that is not a source. */
export const indexOfSource = (name: string): number | undefined => {
  const digits = /^source-(\d{4})$/.exec(name)?.[1]
  return digits === undefined ? undefined : Number(digits)
}

export const paths = (namespace: string) => ({
  secrets: `/api/v1/namespaces/${namespace}/secrets`,
  deployments: `/apis/apps/v1/namespaces/${namespace}/deployments`,
  resources: `/apis/tracardi.com/v1beta1/namespaces/${namespace}/tracardiresources`,
})

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'

const word = (length: number): string => Array.from({ length }, () => letters[randomInt(letters.length)]).join('')

const serviceOf = (index: number): 'redis' | 'sendgrid' => (index % 2 === 0 ? 'redis' : 'sendgrid')

const base64 = (text: string): string => Buffer.from(text).toString('base64')

/** The `data` of a source Secret. No two are the same. */
export const newCredentials = (index: number): Record<string, string> =>
  serviceOf(index) === 'sendgrid'
    ? { api_key: base64(`SG.${word(22)}.${word(43)}`) }
    : {
        host: base64('redis.example.internal'),
        port: base64('6379'),
        password: base64(randomBytes(24).toString('hex')),
      }

export const source = (index: number): unknown => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: sourceName(index) },
  data: newCredentials(index),
})

/** The operator makes its targets itself; the bare client finds this one. */
export const emptyTarget = (index: number): unknown => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: targetName(index) },
})

/** Without Pods: what is measured ends with the patch. */
export const deployment = (index: number): unknown => {
  const labels = { app: deploymentName(index) }
  const envFrom = [{ secretRef: { name: targetName(index) } }]
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: deploymentName(index) },
    spec: {
      replicas: 0,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'app', image: 'app', envFrom }] } },
    },
  }
}

const resourceWith = (index: number, spec: object): unknown => ({
  apiVersion: 'tracardi.com/v1beta1',
  kind: 'TracardiResource',
  metadata: { name: resourceName(index) },
  spec: { service: serviceOf(index), credentials: { secretRef: { name: sourceName(index) } }, ...spec },
})

export const resource = (index: number): unknown =>
  resourceWith(index, { consumers: [{ kind: 'Deployment', name: deploymentName(index) }] })

/** By this label one resource reaches all Deployments of the fan-out. */
const fanOutLabels = { 'bench/fan-out': 'yes' }
export const fanOutSelector = 'bench/fan-out=yes'

/** Like `deployment`, but all of them take the same target. */
export const fanOutDeployment = (index: number): unknown => {
  const labels = { app: deploymentName(index), ...fanOutLabels }
  const envFrom = [{ secretRef: { name: targetName(0) } }]
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: deploymentName(index), labels: fanOutLabels },
    spec: {
      replicas: 0,
      selector: { matchLabels: { app: deploymentName(index) } },
      template: { metadata: { labels }, spec: { containers: [{ name: 'app', image: 'app', envFrom }] } },
    },
  }
}

export const fanOutResource = (): unknown =>
  resourceWith(0, { consumers: [{ kind: 'Deployment', selector: { matchLabels: fanOutLabels } }] })

/** Delivered to a target, with nobody to restart. */
export const resourceWithoutConsumers = (index: number): unknown =>
  resourceWith(index, { target: { name: targetName(index) } })

const unreferencedBytes = 10 * 1024

/** A Secret of 10 KB that no resource names, as `kubectl apply` makes it: it carries all of itself in an annotation too. */
export const unreferenced = (index: number): unknown => {
  const object = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: numbered('unreferenced', index) },
    data: { value: randomBytes(unreferencedBytes).toString('base64') },
  }
  const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': JSON.stringify(object) }
  return { ...object, metadata: { ...object.metadata, annotations } }
}
