/** What tests need of the Kubernetes API: plain JSON calls as the administrator, typed by plural name, and kubectl. */
import { readFile } from 'node:fs/promises'
import { Agent, request } from 'undici'
import { parse } from 'yaml'
import * as z from 'zod'
import type { TracardiResource } from '../../../src/api/tracardi-resource.ts'
import type { KubeObject, Lease, Secret } from '../../../src/kube/objects.ts'
import { run } from '../../cluster/sources/source.ts'
import { kubectlPath } from '../../cluster/tools.ts'

export interface PodTemplate {
  metadata?: { labels?: Record<string, string>; annotations?: Record<string, string> }
  spec?: {
    nodeSelector?: Record<string, string> | null
    containers?: Container[]
    initContainers?: Container[]
    volumes?: { name: string; secret?: { secretName?: string; defaultMode?: number } }[]
  }
}

interface Container {
  name: string
  env?: { name: string; value?: string; valueFrom?: { secretKeyRef?: { name: string; key: string } } }[]
  envFrom?: { prefix?: string; secretRef?: { name: string } }[]
  volumeMounts?: { name: string; mountPath: string; readOnly?: boolean }[]
}

export interface Pod extends KubeObject {
  spec: {
    containers: Container[]
    initContainers?: Container[]
    volumes?: { name: string; [source: string]: unknown }[]
  }
}

export interface Job extends KubeObject {
  spec: { template: PodTemplate }
}

export interface Deployment extends KubeObject {
  spec: { replicas?: number; template: PodTemplate }
  status?: { updatedReplicas?: number; availableReplicas?: number }
}

export interface ReplicaSet extends KubeObject {
  spec: { replicas?: number; template: PodTemplate }
}

export interface StatefulSet extends KubeObject {
  spec: { replicas?: number; template: PodTemplate }
}

export interface DaemonSet extends KubeObject {
  spec: { template: PodTemplate }
}

export interface CronJob extends KubeObject {
  spec: { jobTemplate: { spec: { template: PodTemplate } } }
}

/** Of Argo Rollouts. */
export interface Rollout extends KubeObject {
  spec: { replicas?: number; template?: PodTemplate }
  status?: { phase?: string }
}

export interface Event extends KubeObject {
  type: string
  reason: string
  note: string
  action: string
  reportingController: string
  regarding: { kind: string; name: string; namespace?: string }
}

export interface Role extends KubeObject {
  rules: { apiGroups: string[]; resources: string[]; verbs: string[]; resourceNames?: string[] }[]
}

export interface Kinds {
  namespaces: KubeObject
  secrets: Secret
  serviceaccounts: KubeObject
  deployments: Deployment
  statefulsets: StatefulSet
  daemonsets: DaemonSet
  cronjobs: CronJob
  jobs: Job
  rollouts: Rollout
  replicasets: ReplicaSet
  controllerrevisions: KubeObject
  roles: Role
  rolebindings: KubeObject
  clusterroles: Role
  clusterrolebindings: KubeObject
  customresourcedefinitions: KubeObject
  pods: Pod
  events: Event
  leases: Lease
  subjectaccessreviews: { status: { allowed: boolean } }
  tracardiresources: TracardiResource
}

const prefixes: Record<keyof Kinds, string> = {
  namespaces: '/api/v1',
  secrets: '/api/v1',
  serviceaccounts: '/api/v1',
  pods: '/api/v1',
  deployments: '/apis/apps/v1',
  statefulsets: '/apis/apps/v1',
  daemonsets: '/apis/apps/v1',
  cronjobs: '/apis/batch/v1',
  jobs: '/apis/batch/v1',
  rollouts: '/apis/argoproj.io/v1alpha1',
  replicasets: '/apis/apps/v1',
  controllerrevisions: '/apis/apps/v1',
  roles: '/apis/rbac.authorization.k8s.io/v1',
  rolebindings: '/apis/rbac.authorization.k8s.io/v1',
  clusterroles: '/apis/rbac.authorization.k8s.io/v1',
  clusterrolebindings: '/apis/rbac.authorization.k8s.io/v1',
  customresourcedefinitions: '/apis/apiextensions.k8s.io/v1',
  events: '/apis/events.k8s.io/v1',
  leases: '/apis/coordination.k8s.io/v1',
  subjectaccessreviews: '/apis/authorization.k8s.io/v1',
  tracardiresources: '/apis/tracardi.com/v1beta1',
}

const kubeconfigSchema = z.object({
  clusters: z.tuple([
    z.object({ cluster: z.object({ server: z.string(), 'certificate-authority-data': z.base64() }) }),
  ]),
  users: z.tuple([z.object({ user: z.object({ token: z.string() }) })]),
})

/** How the API server answered. */
export interface Answer {
  readonly code: number
  /** Of the error; empty for a success. */
  readonly message: string
}

const timeoutMs = 60_000
const pollMs = 100

export function pathOf(plural: keyof Kinds, namespace: string | undefined, name?: string): string {
  const place = namespace === undefined ? '' : `/namespaces/${namespace}`
  return `${prefixes[plural]}${place}/${plural}${name === undefined ? '' : `/${name}`}`
}

/** A connection of the administrator to one cluster. Every method throws when the server answers with an error. */
export class Kube implements AsyncDisposable {
  readonly kubeconfigPath: string
  readonly #server: string
  readonly #token: string
  readonly #agent: Agent

  private constructor(kubeconfigPath: string, server: string, token: string, ca: string) {
    this.kubeconfigPath = kubeconfigPath
    this.#server = server
    this.#token = token
    this.#agent = new Agent({ connect: { ca } })
  }

  static async connect(kubeconfigPath: string): Promise<Kube> {
    const { clusters, users } = kubeconfigSchema.parse(parse(await readFile(kubeconfigPath, 'utf8')))
    const [{ cluster }] = clusters
    const ca = Buffer.from(cluster['certificate-authority-data'], 'base64').toString()
    return new Kube(kubeconfigPath, cluster.server, users[0].user.token, ca)
  }

  /** undefined when there is none. */
  async get<K extends keyof Kinds>(
    plural: K,
    namespace: string | undefined,
    name: string,
  ): Promise<Kinds[K] | undefined> {
    const { code, body } = await this.#call('GET', pathOf(plural, namespace, name))
    if (code === 404) return undefined
    return this.#checked(code, body, `get ${plural} ${name}`) as Kinds[K]
  }

  async list<K extends keyof Kinds>(plural: K, namespace?: string): Promise<Kinds[K][]> {
    const { code, body } = await this.#call('GET', pathOf(plural, namespace))
    return (this.#checked(code, body, `list ${plural}`) as { items: Kinds[K][] }).items
  }

  async create<K extends keyof Kinds>(plural: K, namespace: string | undefined, object: object): Promise<Kinds[K]> {
    const { code, body } = await this.#call('POST', pathOf(plural, namespace), object)
    return this.#checked(code, body, `create ${plural}`) as Kinds[K]
  }

  /** What would become of the object: nothing is stored. */
  async tryCreate<K extends keyof Kinds>(plural: K, namespace: string, object: object): Promise<Kinds[K]> {
    const { code, body } = await this.#call('POST', `${pathOf(plural, namespace)}?dryRun=All`, object)
    return this.#checked(code, body, `create ${plural}`) as Kinds[K]
  }

  /** A JSON merge patch. The field manager is the one that a person at a keyboard would be. */
  async patch<K extends keyof Kinds>(plural: K, namespace: string, name: string, patch: object): Promise<Kinds[K]> {
    const path = `${pathOf(plural, namespace, name)}?fieldManager=kubectl-edit`
    const { code, body } = await this.#call('PATCH', path, patch, 'application/merge-patch+json')
    return this.#checked(code, body, `patch ${plural} ${name}`) as Kinds[K]
  }

  /** Deletes in the background; nothing happens when it is gone already. */
  async remove(plural: keyof Kinds, namespace: string | undefined, name: string): Promise<void> {
    const { code, body } = await this.#call('DELETE', pathOf(plural, namespace, name), {
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      propagationPolicy: 'Background',
      gracePeriodSeconds: 0,
    })
    if (code !== 404) this.#checked(code, body, `delete ${plural} ${name}`)
  }

  /** Runs kubectl as the administrator. Throws with what it said when it fails. */
  async kubectl(args: string[], input?: string): Promise<string> {
    const options = { ...(input !== undefined && { input }) }
    const { code, stdout, stderr } = await run(
      await kubectlPath(),
      ['--kubeconfig', this.kubeconfigPath, ...args],
      options,
    )
    if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr.trim()}`)
    return stdout
  }

  /** kubectl apply: leaves the whole object in its annotation. */
  async apply(namespace: string, object: object): Promise<void> {
    await this.kubectl(['apply', '--namespace', namespace, '--filename', '-'], JSON.stringify(object))
  }

  /** One call on behalf of a user, whatever the answer is. */
  async callAs(
    user: string,
    method: 'POST' | 'PATCH' | 'DELETE',
    path: string,
    body: object = {},
    contentType = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json',
  ): Promise<Answer> {
    const answer = await this.#call(method, path, body, contentType, { 'impersonate-user': user })
    const { message } = z.object({ message: z.string().default('') }).parse(answer.body)
    return { code: answer.code, message: answer.code < 300 ? '' : message }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent.close()
  }

  async #call(
    method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
    path: string,
    body?: object,
    contentType = 'application/json',
    headers: Readonly<Record<string, string>> = {},
  ): Promise<{ code: number; body: unknown }> {
    const response = await request(`${this.#server}${path}`, {
      method,
      dispatcher: this.#agent,
      headers: {
        authorization: `Bearer ${this.#token}`,
        accept: 'application/json',
        'content-type': contentType,
        'user-agent': 'kubectl-of-a-test',
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    return { code: response.statusCode, body: await response.body.json() }
  }

  #checked(code: number, body: unknown, what: string): unknown {
    if (code < 300) return body
    throw new Error(`${what}: HTTP ${code}: ${JSON.stringify(body)}`)
  }
}

/**
 * Reads until the answer is right, and returns it. Throws an error that shows the last one.
 * @param what what should come about, for the error
 */
export async function waitFor<T>(
  what: string,
  read: () => Promise<T> | T,
  isRight: (value: T) => boolean,
  options: { timeoutMs?: number } = {},
): Promise<T> {
  const patience = options.timeoutMs ?? timeoutMs
  const deadline = performance.now() + patience
  for (;;) {
    const value = await read()
    if (isRight(value)) return value
    if (performance.now() > deadline) {
      throw new Error(`not within ${patience / 1000} s: ${what}. At last: ${shown(value)}`)
    }
    await sleep(pollMs)
  }
}

/** As text for a person. Who wrote which field helps nobody here. */
function shown(value: unknown): string {
  if (value === undefined) return 'nothing'
  return JSON.stringify(value, (key, part: unknown) => (key === 'managedFields' ? undefined : part), 1)
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}
