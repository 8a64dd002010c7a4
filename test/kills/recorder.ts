/** Writes down every version of the targets and of the workloads' templates, as the API server tells of them. */
import { componentName, idAnnotation, managedByLabel, resourceLabel } from '../../src/api/names.ts'
import type { KubeObject, Secret } from '../../src/kube/objects.ts'
import { Api } from '../bench/api.ts'
import { isOf, type AuditLog } from '../operator/support/audit-log.ts'
import { waitFor, type Kube } from '../operator/support/kube.ts'
import type { AcceptedWrites, TargetVersion, TemplateVersion } from './judge.ts'
import { contentsOf, stampsOf } from './world.ts'

interface Workload extends KubeObject {
  spec: { template: { metadata?: { labels?: Record<string, string> } } }
}

const paths = {
  secrets: (namespace: string) => `/api/v1/namespaces/${namespace}/secrets`,
  deployments: (namespace: string) => `/apis/apps/v1/namespaces/${namespace}/deployments`,
  statefulsets: (namespace: string) => `/apis/apps/v1/namespaces/${namespace}/statefulsets`,
}
type Plural = keyof typeof paths

export class Recorder implements AsyncDisposable {
  readonly #api: Api
  readonly #kube: Kube
  readonly #namespace: string
  readonly #stop = new AbortController()
  readonly #targets: (Omit<TargetVersion, 'byOther'> & { resourceVersion: string })[] = []
  readonly #templates: TemplateVersion[] = []
  readonly #generations = new Map<string, number | undefined>()
  /** The version seen last of each object that is there. */
  readonly #versions = new Map<string, string>()
  #failure: unknown

  private constructor(api: Api, kube: Kube, namespace: string) {
    this.#api = api
    this.#kube = kube
    this.#namespace = namespace
  }

  /** In a namespace in which there is nothing yet. */
  static async start(kube: Kube, namespace: string): Promise<Recorder> {
    const recorder = new Recorder(await Api.connect(kube.kubeconfigPath, 'recorder-of-a-test'), kube, namespace)
    for (const plural of ['secrets', 'deployments', 'statefulsets'] as const) {
      const version = await recorder.#api.resourceVersion(paths[plural](namespace))
      void recorder.#watch(plural, version).catch((error: unknown) => {
        recorder.#failure = error
      })
    }
    return recorder
  }

  get templates(): readonly TemplateVersion[] {
    return this.#templates
  }

  targets(foreignVersions: ReadonlySet<string>): TargetVersion[] {
    return this.#targets.map(({ resourceVersion, ...version }) => ({
      ...version,
      byOther: foreignVersions.has(resourceVersion),
    }))
  }

  /** Resolves once everything that stands in the cluster now has been written down. */
  async catchUp(): Promise<void> {
    for (const plural of ['secrets', 'deployments', 'statefulsets'] as const) {
      const objects = (await this.#kube.list(plural, this.#namespace)).filter(
        ({ metadata }) => plural !== 'secrets' || isTarget(metadata),
      )
      await waitFor(
        `a history of ${plural} that is up to date`,
        () => {
          if (this.#failure !== undefined) throw new Error('a watch of the history ended', { cause: this.#failure })
          return objects.filter(({ metadata: { name, resourceVersion } }) => {
            const seen = this.#versions.get(`${plural}/${name}`)
            return seen === undefined || Number(seen) < Number(resourceVersion)
          })
        },
        (missing) => missing.length === 0,
      )
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#api[Symbol.asyncDispose]()
  }

  async #watch(plural: Plural, from: string): Promise<void> {
    const { signal } = this.#stop
    const selector = plural === 'secrets' ? { labelSelector: `${managedByLabel}=${componentName}` } : {}
    for await (const { type, object } of this.#api.watch(paths[plural](this.#namespace), from, {
      signal,
      ...selector,
    })) {
      const { name, resourceVersion } = object.metadata
      const key = `${plural}/${name}`
      this.#versions.set(key, resourceVersion)
      if (plural === 'secrets') this.#onTarget(type, object as unknown as Secret)
      else this.#onWorkload(key, object as unknown as Workload)
    }
  }

  #onTarget(type: string, target: Secret): void {
    const { labels, annotations, resourceVersion } = target.metadata
    this.#targets.push({
      resource: labels?.[resourceLabel] ?? '',
      contents: contentsOf(target),
      id: annotations?.[idAnnotation],
      deleted: type === 'DELETED',
      resourceVersion,
    })
  }

  #onWorkload(key: string, { metadata, spec }: Workload): void {
    if (this.#generations.has(key) && this.#generations.get(key) === metadata.generation) return
    this.#generations.set(key, metadata.generation)
    this.#templates.push({ workload: metadata.name, stamps: stampsOf(spec.template.metadata?.labels) })
  }
}

function isTarget({ labels }: KubeObject['metadata']): boolean {
  return labels?.[managedByLabel] === componentName
}

/** The operator's writes that the API server accepted since it started, from its audit log. */
export async function acceptedWrites(
  audit: AuditLog,
  namespace: string,
): Promise<AcceptedWrites & { readonly statuses: number }> {
  const targets: Record<string, number> = {}
  const workloads: Record<string, number> = {}
  let statuses = 0
  for (const { verb, objectRef, responseStatus } of (await audit.operatorCalls(0)).filter(isOf(namespace))) {
    const { resource, subresource, name = '' } = objectRef ?? {}
    if ((verb !== 'create' && verb !== 'patch') || (responseStatus?.code ?? 500) >= 300) continue
    if (subresource === 'status') statuses += 1
    if (subresource !== undefined) continue
    const counts =
      resource === 'secrets' ? targets : resource === 'deployments' || resource === 'statefulsets' ? workloads : {}
    const of = resource === 'secrets' ? name.replace(/-credentials$/, '') : name
    counts[of] = (counts[of] ?? 0) + 1
  }
  return { targets, workloads, statuses }
}
