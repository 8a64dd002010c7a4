/** `plan`: reads manifests and the cluster, and tells what would happen. It changes nothing. */
import { componentName, managedByLabel, ownerAnnotation } from '../../api/names.ts'
import { injects, parseSpec } from '../../api/tracardi-resource.ts'
import type { TracardiResource } from '../../api/tracardi-resource.ts'
import { refusal, targetNameOf } from '../../controllers/credentials-controller.ts'
import { inspect } from '../../credentials/inspect.ts'
import { referencedSecrets } from '../../credentials/resolve.ts'
import type { SecretAbsence, SourceSecret } from '../../credentials/resolve.ts'
import { isForbiddenType, SecretCache } from '../../credentials/secret-cache.ts'
import type { SecretSnapshot } from '../../credentials/secret-cache.ts'
import { observeTarget, withoutContents } from '../../credentials/target.ts'
import type { SecretMetadata, SourceVersion, TargetObservation } from '../../credentials/target.ts'
import { workloadKinds, workloadTypes } from '../../delivery/workloads.ts'
import { systemClock } from '../../kube/clock.ts'
import { resourceName } from '../../kube/objects.ts'
import type { KubeObject, ResourceType, Secret } from '../../kube/objects.ts'
import { Store } from '../../kube/store.ts'
import type { Io } from '../io.ts'
import { isManifestCode } from '../manifest-codes.ts'
import { keyOf, ManifestCollector } from '../manifests.ts'
import type { Manifest, Manifests } from '../manifests.ts'
import { readInputs } from '../read-files.ts'
import type { Failure, Report } from '../report.ts'
import { entryAt, textAt, toPlain } from '../tree.ts'
import { validate } from '../validate.ts'
import { connect } from './connect.ts'
import type { ClusterFlags } from './connect.ts'
import { asApplied, planOf, refused } from './plan.ts'
import type { Plan } from './plan.ts'
import { injectingOthers } from './planned-injection.ts'
import type { Neighbour } from './planned-injection.ts'
import { ClusterReader } from './reader.ts'
import type { Denial } from './reader.ts'

/** The plan of one resource, and whose it is. */
export interface PlannedResource extends Plan {
  readonly namespace: string
  readonly name: string
  /** Whether there is none of this name yet. */
  readonly isNew: boolean
  /** What could not be read, for want of a right. */
  readonly denials: readonly Denial[]
  /** Rights for which the chart's admission policies ask the author, where they are installed, and that are missing. */
  readonly authorLacks: readonly Denial[]
}

export interface PlanReport {
  readonly resources: readonly PlannedResource[]
  readonly failures: readonly Failure[]
}

/** 2: something could not be read or seen. 1: something is refused. 0: all would come into force. */
export function planExitCode({ resources, failures }: PlanReport): 0 | 1 | 2 {
  if (failures.length > 0 || resources.length === 0) return 2
  if (resources.some(({ result }) => result === 'Refused')) return 1
  return resources.some(({ result }) => result === 'Unknown') ? 2 : 0
}

/** @throws UsageError, KubeError */
export async function makePlans(
  paths: readonly string[],
  flags: ClusterFlags,
  io: Io,
  version: string,
): Promise<PlanReport> {
  const { files, failures } = await readInputs(paths, () => io.readInput())
  await using cluster = connect(flags, version)
  const { client, namespace } = cluster
  const collector = new ManifestCollector(namespace)
  for (const file of files) collector.add(file)
  const manifests = collector.result()
  const report = validate(files, failures, { namespace, requireSecrets: false, now: io.now() })
  const resources: PlannedResource[] = []
  for (const manifest of manifests.resources) {
    const reader = new ClusterReader(client, manifest.namespace ?? namespace)
    resources.push(await planResource(manifest, manifests, report, reader, io.now()))
  }
  const none = manifests.resources.length === 0 && report.failures.length === 0
  const nothing: Failure[] = none ? [{ file: paths.join(', '), message: 'There is no TracardiResource in it.' }] : []
  return { resources, failures: [...report.failures, ...nothing] }
}

async function planResource(
  manifest: Manifest,
  manifests: Manifests,
  report: Report,
  reader: ClusterReader,
  now: number,
): Promise<PlannedResource> {
  const { name } = manifest
  const { namespace } = reader
  const live = await reader.resource(name)
  const present = live === 'Denied' ? undefined : live
  const about = { namespace, name, isNew: live === undefined }
  const whole = (plan: Plan, authorLacks: readonly Denial[] = []): PlannedResource => ({
    ...about,
    ...(live === 'Denied' && plan.result !== 'Refused' ? { ...plan, result: 'Unknown' as const } : plan),
    denials: reader.denials,
    authorLacks,
  })
  const mistakes = report.findings.filter(
    ({ code, level, object }) =>
      level === 'error' &&
      isManifestCode(code) &&
      object.name === name &&
      (object.namespace ?? '') === (manifest.namespace ?? ''),
  )
  const specTree = entryAt(manifest.tree, 'spec')?.tree
  const parsed = parseSpec(specTree === undefined ? undefined : toPlain(specTree))
  if (mistakes[0] !== undefined) return whole(refused(mistakes[0].code, mistakes.map((one) => one.message).join(' ')))
  if (!parsed.ok) {
    return whole(refused('FieldInvalid', `The schema does not allow what it has at ${parsed.fields.join(', ')}.`))
  }
  const resource = asApplied(name, namespace, parsed.spec, present)
  const kinds = new Set(
    [...(resource.spec.consumers ?? []), ...(present?.spec.consumers ?? [])].map(({ kind }) => kind),
  )
  const isInjected = [resource, present].some((one) => one !== undefined && injects(one.spec))
  const [workloads, seen, neighbours, authorLacks] = await Promise.all([
    reader.workloads(kinds),
    readSecrets(resource, manifests, reader),
    isInjected ? readNeighbours(resource, reader) : [],
    lackingRights(resource, reader),
  ])
  using secrets = seen
  if (secrets.unread.length > 0) {
    const which = secrets.unread.map((one) => `the Secret ${one}`).join(' and ')
    const message = `Whether the credentials would pass cannot be said: you may not read ${which}. The operator reads with rights of its own.`
    const plan = refused('SecretsUnread', message)
    return whole({ ...plan, result: 'Unknown' }, authorLacks)
  }
  const inspection = inspect({
    service: resource.spec.service,
    credentials: resource.spec.credentials,
    secrets: secrets.sources,
    now,
  })
  const plan = planOf({
    resource,
    live: present,
    inspection,
    sources: secrets.versions,
    target: secrets.target,
    workloads,
    neighbours,
    now,
  })
  return whole(plan, authorLacks)
}

interface SeenSecrets extends Disposable {
  readonly sources: ReadonlyMap<string, SourceSecret | SecretAbsence>
  readonly versions: readonly SourceVersion[]
  readonly target: TargetObservation | undefined
  /** Names of those that may not be read. */
  readonly unread: readonly string[]
}

/** The Secrets as they would be once the manifests are applied. */
async function readSecrets(
  resource: TracardiResource,
  manifests: Manifests,
  reader: ClusterReader,
): Promise<SeenSecrets> {
  const { namespace } = reader
  // Nothing is kept: each Secret is read once.
  const store = new Store<Secret>({ clock: systemClock })
  const cache = new SecretCache({ client: reader.client, store, clock: systemClock, ttlMs: 0 })
  using held = new DisposableStack()
  held.defer(() => {
    cache.close()
  })
  const unread: string[] = []
  const read = async (name: string): Promise<SecretSnapshot | undefined> => {
    const secret = await reader.tried(() => cache.read(namespace, name))
    if (secret === 'Denied') unread.push(name)
    else if (secret !== undefined) return held.use(secret)
    return undefined
  }
  const sources = new Map<string, SourceSecret | SecretAbsence>()
  const versions: SourceVersion[] = []
  for (const name of referencedSecrets(resource.spec.credentials)) {
    const manifest = manifests.secrets.get(keyOf(namespace, name)) ?? manifests.secrets.get(keyOf(undefined, name))
    if (manifest !== undefined) {
      const isOwn = manifest.labels !== undefined && textAt(manifest.labels, managedByLabel) === componentName
      const absence = isForbiddenType(manifest.secret.type) ? 'ForbiddenType' : isOwn ? 'OperatorOwned' : undefined
      sources.set(name, absence ?? manifest.secret)
      // No version that was ever read: contents are compared.
      versions.push({ name, uid: 'manifest', resourceVersion: '0' })
      continue
    }
    const secret = await read(name)
    sources.set(name, secret === undefined ? 'NotFound' : (refusal(secret) ?? secret))
    if (secret !== undefined) versions.push({ name, uid: secret.uid, resourceVersion: secret.resourceVersion })
  }
  const targetName = targetNameOf(resource)
  const target = targetName === undefined ? undefined : await read(targetName)
  const all = held.move()
  return {
    sources,
    versions,
    target: targetName === undefined ? undefined : observed(target, resource, namespace),
    unread,
    [Symbol.dispose]: () => {
      all.dispose()
    },
  }
}

/** The others that inject in the namespace, with the keys of what they have in force. */
async function readNeighbours({ metadata }: TracardiResource, reader: ClusterReader): Promise<readonly Neighbour[]> {
  const others = injectingOthers(await reader.resources(), metadata.name)
  return Promise.all(
    others.map(async (resource) => {
      const secret = await reader.secretMetadata(resource.status?.target?.name ?? '')
      const target = observed(secret && withoutContents(secret), resource, reader.namespace)
      return { resource, keys: target.state === 'Ours' ? (target.provenance?.keys ?? []) : [] }
    }),
  )
}

/** Which installation of the operator would work on it is not known here: a target that is this resource's is taken for its. */
function observed<T extends SecretSnapshot | SecretMetadata>(
  target: T | undefined,
  resource: TracardiResource,
  namespace: string,
): TargetObservation<T> {
  const { name, uid } = resource.metadata
  const owner = target?.annotations[ownerAnnotation] ?? ''
  const suffix = `/${namespace}/${name}`
  const installation = owner.endsWith(suffix) ? owner.slice(0, -suffix.length) : ''
  return observeTarget(target, { installation, namespace, resource: name, resourceUid: uid })
}

interface AccessReview extends KubeObject {
  status?: { allowed?: boolean }
}

const accessReviews: ResourceType<AccessReview> = {
  group: 'authorization.k8s.io',
  version: 'v1',
  plural: 'selfsubjectaccessreviews',
  kind: 'SelfSubjectAccessReview',
  namespaced: false,
}

/** What the chart's admission policies want of the author: see docs/security.md. Asking changes nothing. */
async function lackingRights(resource: TracardiResource, reader: ClusterReader): Promise<readonly Denial[]> {
  const { namespace } = reader
  const target = targetNameOf(resource)
  const wanted: Denial[] = referencedSecrets(resource.spec.credentials).map((name) => ({
    verb: 'get',
    resource: 'secrets',
    namespace,
    name,
  }))
  if (target !== undefined) wanted.push({ verb: 'create', resource: 'secrets', namespace, name: undefined })
  for (const { kind, name } of resource.spec.consumers ?? []) {
    const known = workloadKinds.find((one) => one === kind)
    if (known !== undefined)
      wanted.push({ verb: 'patch', resource: resourceName(workloadTypes[known]), namespace, name: name ?? undefined })
  }
  const answers = await Promise.all(wanted.map((one) => isAllowed(one, reader)))
  return wanted.filter((_, index) => answers[index] === false)
}

async function isAllowed({ verb, resource, namespace, name }: Denial, reader: ClusterReader): Promise<boolean> {
  const [plural = '', group = ''] = resource.split(/\.(.*)/s)
  const resourceAttributes = { verb, group, resource: plural, namespace, ...(name !== undefined && { name }) }
  const body = { apiVersion: 'authorization.k8s.io/v1', kind: accessReviews.kind, spec: { resourceAttributes } }
  const review = await reader.client.create(accessReviews, undefined, body)
  return review.status?.allowed === true
}
