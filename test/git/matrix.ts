/**
 * What tools that own a manifest do to a workload that carries a stamp, and what is left of the stamp and of what is injected.
 * Every tool has a namespace of its own and a Deployment for each change; a whole round of changes is one call of the tool.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { stringify } from 'yaml'
import { stampLabel } from '../../src/api/names.ts'
import { rolloutOf, stripWorkload } from '../../src/delivery/workloads.ts'
import { run } from '../cluster/sources/source.ts'
import { helm3Path, helmPath, kubectlPath } from '../cluster/tools.ts'
import { isOf } from '../operator/support/audit-log.ts'
import type { AuditLog } from '../operator/support/audit-log.ts'
import { createNamespace, resource, secret, stampOf, valid, waitForConditions } from '../operator/support/fixtures.ts'
import { readsOf, readsOnly } from '../operator/support/injected.ts'
import type { Reads } from '../operator/support/injected.ts'
import { waitFor } from '../operator/support/kube.ts'
import type { Deployment, Kube } from '../operator/support/kube.ts'
import { release } from '../operator/support/operator-process.ts'

/**
 * How the credentials get into the pods. None: the manifest names the target Secret itself. Policy: the API server injects.
 * Patch: the operator patches the pod template.
 */
export const modes = ['none', 'Policy', 'Patch'] as const
export type Mode = (typeof modes)[number]

/** The flags of the operator for a mode. */
export function flagsOf(mode: Mode): string[] {
  return mode === 'Policy' ? [`--injection-policies=${release.name}.${release.namespace}`] : ['--injection-mode=Patch']
}

export const tools = ['kubectl apply', 'kubectl apply --server-side', 'kubectl replace', 'Helm 4', 'Helm 3'] as const
export type Tool = (typeof tools)[number]

/** What a manifest says, where it is not what all manifests say. */
interface Variation {
  readonly image?: string
  readonly container?: string
  readonly env?: readonly string[]
  readonly replicas?: number
  /** Of the pod template. */
  readonly annotations?: Readonly<Record<string, string>> | null
  /** Of the Deployment. */
  readonly labels?: Readonly<Record<string, string>> | null
}

interface Step {
  /** Also the name of the Deployment. */
  readonly id: string
  readonly title: string
  readonly change: Variation
  readonly base?: Variation
  /** Whether the change is one of the pod template, so that it rolls by itself. */
  readonly rolls: boolean
}

export const steps: readonly Step[] = [
  { id: 'same', title: 'nothing changed', change: {}, rolls: false },
  { id: 'image', title: 'another image', change: { image: 'app:2' }, rolls: true },
  { id: 'container', title: 'the container renamed', change: { container: 'main' }, rolls: true },
  { id: 'env-added', title: 'a variable added', change: { env: ['KEEP', 'MORE'] }, rolls: true },
  { id: 'env-removed', title: 'a variable removed', base: { env: ['KEEP', 'MORE'] }, change: {}, rolls: true },
  { id: 'annotations-null', title: '`annotations: null` in the template', change: { annotations: null }, rolls: true },
  { id: 'annotations-empty', title: '`annotations: {}` in the template', change: { annotations: {} }, rolls: true },
  { id: 'labels-null', title: '`labels: null` on the workload', change: { labels: null }, rolls: false },
  { id: 'labels-empty', title: '`labels: {}` on the workload', change: { labels: {} }, rolls: false },
  { id: 'scale', title: 'scaled', change: { replicas: 2 }, rolls: false },
  { id: 'undo', title: '`kubectl rollout undo`, then the manifest again', change: {}, rolls: false },
  { id: 'removal', title: 'removed, then there again', change: {}, rolls: false },
  { id: 'pinned', title: 'an old stamp in the manifest', change: {}, rolls: false },
]

/**
 * Kept: nobody had to do anything. Put back: the operator patched it again. Refused: the tool was told of a conflict. Of a new
 * workload: the operator patches it, or it is right from its first pods on.
 */
export type Fate = 'kept' | 'put back' | 'refused' | 'removed' | 'stamped anew' | 'right at once'

export interface Outcome {
  readonly mode: Mode
  readonly tool: Tool
  readonly step: string
  readonly change: Fate
  readonly back: Fate
}

/** What the operator promises. What is observed and differs from it is a failure. */
export function promised(mode: Mode, tool: Tool, step: string): { change: Fate; back: Fate } {
  const isServerSide = tool === 'kubectl apply --server-side' || tool === 'Helm 4'
  if (step === 'removal') return { change: 'removed', back: mode === 'Policy' ? 'right at once' : 'stamped anew' }
  // The operator owns the label; where it is not forced, server-side apply ends there, before any policy is asked.
  if (step === 'pinned' && isServerSide) return { change: 'refused', back: 'kept' }
  // The API server itself keeps the stamp, and what is injected never was in the template.
  if (mode === 'Policy') return { change: 'kept', back: 'kept' }
  const usual: Fate = tool === 'kubectl replace' ? 'put back' : 'kept'
  if (step === 'undo') return { change: 'put back', back: usual }
  // Whoever has once written a stamp removes it with the line of the manifest.
  if (step === 'pinned') return { change: 'put back', back: 'put back' }
  // What was in the container goes with it.
  if (step === 'container' && mode === 'Patch') return { change: 'put back', back: 'put back' }
  return { change: usual, back: usual }
}

interface Manifest {
  readonly metadata: { readonly name: string; readonly labels: Readonly<Record<string, string>> | null }
}

function manifestOf(id: string, variation: Variation = {}, stamp?: string): Manifest {
  const { image = 'app:1', container = 'app', env = ['KEEP'], replicas = 1 } = variation
  const { annotations = { note: 'x' }, labels = { team: 'mail' } } = variation
  const object = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: id, labels },
    spec: {
      replicas,
      selector: { matchLabels: { app: id } },
      template: {
        metadata: {
          labels: { app: id, fleet: 'git', ...(stamp !== undefined && { [stampLabel(resourceName)]: stamp }) },
          annotations,
        },
        spec: {
          containers: [{ name: container, image, env: env.map((name) => ({ name, value: '1' })) }],
          terminationGracePeriodSeconds: 1,
        },
      },
    },
  }
  return object
}

const resourceName = 'sms'
const target = 'sms-credentials'
const inject = { env: {}, mount: { path: '/var/run/credentials/sms' } }

/** A set of manifests that are applied together: a conflict of one must not hold up the others. */
type Group = 'all' | 'pinned'

interface Driver {
  /** Brings the cluster to these manifests; `same` are among them as before, `removed` are no longer. */
  apply(
    group: Group,
    objects: readonly object[],
    others?: { readonly same: readonly object[]; readonly removed: readonly string[] },
  ): Promise<boolean>
  /** Back to the manifests of the beginning. */
  back(group: Group, objects: readonly object[], added?: readonly object[]): Promise<boolean>
  /** What `kubectl diff` is told, so that it asks as this tool would. */
  readonly diffFlags: readonly string[]
  /** The manifest with what the tool itself adds to it. */
  readonly completed: (object: Manifest) => object
}

const yamlOf = (objects: readonly object[]): string => objects.map((object) => stringify(object)).join('---\n')

function kubectlDriver(verb: readonly string[], ns: string, kube: Kube, path: string): Driver {
  const call = async (args: readonly string[], objects: readonly object[]): Promise<boolean> => {
    const whole = [...args, '--kubeconfig', kube.kubeconfigPath, '--namespace', ns, '--filename', '-']
    return (await run(path, whole, { input: yamlOf(objects) })).code === 0
  }
  const isReplace = verb[0] === 'replace'
  let created = 0
  const apply: Driver['apply'] = async (_group, objects, { removed } = { same: [], removed: [] }) => {
    // What is not there cannot be replaced.
    const isFirst = isReplace && created++ < 2
    if (!(await call(isFirst ? ['create'] : verb, objects))) return false
    return removed.length === 0 || (await kube.kubectl(['delete', 'deployment', '--namespace', ns, ...removed])) !== ''
  }
  return {
    apply,
    back: async (_group, objects, added = []) => {
      if (!isReplace) return call(verb, [...objects, ...added])
      return (await call(verb, objects)) && (added.length === 0 || (await call(['create'], added)))
    },
    diffFlags: verb.includes('--server-side') ? ['--server-side'] : [],
    completed: (object) => object,
  }
}

function helmDriver(path: string, ns: string, kube: Kube, folder: string, isServerSide: boolean): Driver {
  const chartOf = async (group: Group, objects: readonly object[]): Promise<string> => {
    const chart = join(folder, ns, group)
    await mkdir(join(chart, 'templates'), { recursive: true })
    await writeFile(join(chart, 'Chart.yaml'), `apiVersion: v2\nname: ${group}\nversion: 1.0.0\n`)
    await writeFile(join(chart, 'templates', 'all.yaml'), yamlOf(objects))
    return chart
  }
  const helm = async (args: readonly string[]): Promise<boolean> => {
    const env = { ...process.env, HOME: folder }
    return (await run(path, [...args, '--kubeconfig', kube.kubeconfigPath, '--namespace', ns], { env })).code === 0
  }
  return {
    apply: async (group, objects, { same } = { same: [], removed: [] }) =>
      helm(['upgrade', '--install', group, await chartOf(group, [...objects, ...same])]),
    back: (group) => helm(['rollback', group, '1']),
    diffFlags: isServerSide ? ['--server-side', '--field-manager', 'helm'] : [],
    completed: ({ metadata, ...object }) => ({
      ...object,
      metadata: {
        ...metadata,
        labels: { ...metadata.labels, 'app.kubernetes.io/managed-by': 'Helm' },
        annotations: {
          'meta.helm.sh/release-name': metadata.name === 'pinned' ? 'pinned' : 'all',
          'meta.helm.sh/release-namespace': ns,
        },
      },
    }),
  }
}

async function driverOf(tool: Tool, ns: string, kube: Kube, folder: string): Promise<Driver> {
  switch (tool) {
    case 'kubectl apply':
      return kubectlDriver(['apply'], ns, kube, await kubectlPath())
    case 'kubectl apply --server-side':
      return kubectlDriver(['apply', '--server-side'], ns, kube, await kubectlPath())
    case 'kubectl replace':
      return kubectlDriver(['replace'], ns, kube, await kubectlPath())
    case 'Helm 4':
      return helmDriver(await helmPath(), ns, kube, folder, true)
    case 'Helm 3':
      return helmDriver(await helm3Path(), ns, kube, folder, false)
  }
}

const revisionOf = (object: Deployment | undefined): number =>
  Number(object?.metadata.annotations?.['deployment.kubernetes.io/revision'] ?? 0)

/** One tool on one cluster. */
class Trial {
  readonly failures: string[] = []
  readonly #kube: Kube
  readonly #audit: AuditLog
  readonly #mode: Mode
  readonly #tool: Tool
  readonly #ns: string
  readonly #driver: Driver

  constructor(kube: Kube, audit: AuditLog, mode: Mode, tool: Tool, ns: string, driver: Driver) {
    this.#kube = kube
    this.#audit = audit
    this.#mode = mode
    this.#tool = tool
    this.#ns = ns
    this.#driver = driver
  }

  async run(): Promise<Outcome[]> {
    const [kube, mode, ns] = [this.#kube, this.#mode, this.#ns]
    await kube.create('secrets', ns, secret('source', valid.twilio()))
    const selector = { matchLabels: { fleet: 'git' } }
    const consumers = [{ kind: 'Deployment' as const, selector, ...(mode !== 'none' && { inject }) }]
    const spec = { service: 'twilio', credentials: { secretRef: { name: 'source' } }, consumers }
    await kube.create('tracardiresources', ns, resource(resourceName, spec))
    const all = steps.filter(({ id }) => id !== 'pinned')
    const bases = all.map(({ id, base }) => manifestOf(id, base))
    const pinnedBase = manifestOf('pinned')
    await this.#succeeds('the first manifests', this.#driver.apply('all', bases))
    await this.#succeeds('the first manifests', this.#driver.apply('pinned', [pinnedBase]))
    const names = steps.map(({ id }) => id)
    const old = await this.#settled(names, 1)
    await kube.patch('secrets', ns, 'source', secret('source', valid.twilio()))
    const id = await this.#settled(names, 2)
    const { status } = (await kube.get('tracardiresources', ns, resourceName)) ?? {}
    if ((status?.injection?.mode ?? 'none') !== mode) throw new Error(`this is not ${mode}: ${JSON.stringify(status)}`)

    const changed = all.filter((step) => step.id !== 'removal' && step.id !== 'undo')
    const objects = changed.map((step) => manifestOf(step.id, step.change))
    const undone = manifestOf('undo')
    const change = await this.#round(
      id,
      names.filter((name) => name !== 'removal'),
      async () => {
        await this.#succeeds('the change', this.#driver.apply('all', objects, { same: [undone], removed: ['removal'] }))
        await kube.kubectl(['rollout', 'undo', 'deployment/undo', '--namespace', ns])
        return this.#driver.apply('pinned', [manifestOf('pinned', {}, old)])
      },
    )
    await waitFor(
      'the end of the one that was removed',
      () => kube.get('deployments', ns, 'removal'),
      (found) => found === undefined,
    )
    await this.#differsNot([...objects, undone])

    const removed = bases.filter((_, index) => all[index]?.id === 'removal')
    const others = bases.filter((_, index) => all[index]?.id !== 'removal')
    const back = await this.#round(id, names, async () => {
      await this.#succeeds('the way back', this.#driver.back('all', others, removed))
      return this.#driver.back('pinned', [pinnedBase])
    })
    await this.#differsNot([...bases, pinnedBase])
    await waitForConditions(kube, ns, resourceName, { Ready: 'True Delivered', ConsumersUpToDate: 'True UpToDate' })
    const anew: Fate = back.get('removal') === 'put back' ? 'stamped anew' : 'right at once'
    return steps.map(({ id: step }) => {
      const isRemoval = step === 'removal'
      const outcome: Outcome = {
        mode,
        tool: this.#tool,
        step,
        change: isRemoval ? 'removed' : (change.get(step) ?? 'kept'),
        back: isRemoval ? anew : (back.get(step) ?? 'kept'),
      }
      const expected = promised(mode, this.#tool, step)
      if (outcome.change !== expected.change || outcome.back !== expected.back)
        this.#fail(step, `was ${outcome.change}, then ${outcome.back}; not ${expected.change}, then ${expected.back}`)
      return outcome
    })
  }

  #fail(step: string, what: string): void {
    this.failures.push(`${this.#mode}, ${this.#tool}, ${step}: ${what}`)
  }

  async #succeeds(what: string, done: Promise<boolean>): Promise<void> {
    if (!(await done)) this.#fail(what, 'the tool ended with a failure')
  }

  /** Waits until all carry what is in force, in this revision, and are rolled out. */
  async #settled(names: readonly string[], revision: number): Promise<string> {
    const found = await waitForConditions(
      this.#kube,
      this.#ns,
      resourceName,
      { Ready: 'True Delivered' },
      { credentialsId: new RegExp(`^${revision}-`), timeoutMs: 120_000 },
    )
    const id = found.status?.credentialsId ?? ''
    await this.#carry(names, id)
    return id
  }

  async #carry(names: readonly string[], id: string): Promise<Map<string, Deployment>> {
    const strip = stripWorkload('Deployment')
    const all = await waitFor(
      `${id} on ${names.join(', ')} (${this.#mode}, ${this.#tool})`,
      () => this.#kube.list('deployments', this.#ns),
      (found) =>
        names.every((name) => {
          const one = found.find(({ metadata }) => metadata.name === name)
          return one !== undefined && stampOf(one, resourceName) === id && rolloutOf(strip(one)) === 'Complete'
        }),
      { timeoutMs: 120_000 },
    )
    await this.#injected(all, names, id)
    return new Map(all.map((object) => [object.metadata.name, object]))
  }

  /** Every container of every pod reads the version of this id and no other; a template says so only where it is patched. */
  async #injected(deployments: readonly Deployment[], names: readonly string[], id: string): Promise<void> {
    if (this.#mode === 'none') return
    const isRight = (reads: Readonly<Record<string, Reads>>): boolean =>
      Object.values(reads).every((one) => isDeepStrictEqual(one, readsOnly(`${target}-${id}`)))
    for (const { metadata, spec } of deployments.filter((one) => names.includes(one.metadata.name))) {
      const reads = readsOf(spec.template.spec ?? {}, resourceName)
      const isClean = isDeepStrictEqual(Object.values(reads), [{ variables: [], files: [] }])
      if (this.#mode === 'Policy' ? !isClean : !isRight(reads))
        this.#fail(metadata.name, `the template of the workload reads ${JSON.stringify(reads)}`)
    }
    // Pods of an earlier template may be about to go.
    await waitFor(
      `${id} in the pods of ${names.join(', ')} (${this.#mode}, ${this.#tool})`,
      async () =>
        (await this.#kube.list('pods', this.#ns))
          .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
          .filter(({ metadata }) => names.includes(metadata.labels?.['app'] ?? ''))
          .map(({ metadata, spec }) => ({ name: metadata.name, reads: readsOf(spec, resourceName) })),
      (pods) => pods.length >= names.length && pods.every(({ reads }) => isRight(reads)),
    )
  }

  /** What happens to each while the tool works. */
  async #round(id: string, names: readonly string[], work: () => Promise<boolean>): Promise<ReadonlyMap<string, Fate>> {
    const before = new Map((await this.#kube.list('deployments', this.#ns)).map((one) => [one.metadata.name, one]))
    const mark = await this.#audit.mark()
    const isPinnedDone = await work()
    const after = await this.#carry(names, id)
    const patches = (await this.#audit.operatorCalls(mark))
      .filter(isOf(this.#ns))
      .filter(({ verb, objectRef }) => verb === 'patch' && objectRef?.resource === 'deployments')
      .filter(({ responseStatus }) => responseStatus?.code === 200)
    const fates = new Map<string, Fate>()
    for (const name of names) {
      const count = patches.filter(({ objectRef }) => objectRef?.name === name).length
      const isRefused = name === 'pinned' && !isPinnedDone
      const fate: Fate = count > 0 ? 'put back' : isRefused ? 'refused' : 'kept'
      if (count > 1) this.#fail(name, `the operator patched it ${count} times`)
      const rolls = !before.has(name) || steps.some((step) => step.id === name && step.rolls)
      const rollouts = revisionOf(after.get(name)) - revisionOf(before.get(name))
      // When something is put back, the pods may have been replaced without it, and are with it.
      const most = fate === 'put back' ? 2 : fate === 'kept' && rolls ? 1 : 0
      if (rollouts > most) this.#fail(name, `${rollouts} rollouts`)
      fates.set(name, fate)
    }
    return fates
  }

  /** Git would see no drift. */
  async #differsNot(manifests: readonly Manifest[]): Promise<void> {
    const args = ['diff', '--kubeconfig', this.#kube.kubeconfigPath, '--namespace', this.#ns, '--filename', '-']
    const input = yamlOf(manifests.map((manifest) => this.#driver.completed(manifest)))
    // kubectl compares two answers of the server, and a controller may write between them: drift is what stays.
    for (let attempt = 1; ; attempt++) {
      const { code, stdout, stderr } = await run(await kubectlPath(), [...args, ...this.#driver.diffFlags], { input })
      if (code === 0) return
      if (attempt === mostDiffs) {
        this.#fail('kubectl diff', `${stdout}${stderr}`)
        return
      }
    }
  }
}

const mostDiffs = 3

/** Every tool at the same time, each in a namespace of its own. */
export async function runMatrix(
  kube: Kube,
  audit: AuditLog,
  mode: Mode,
): Promise<{ outcomes: readonly Outcome[]; failures: readonly string[] }> {
  const folder = await mkdtemp(join(tmpdir(), 'tracardi-git-'))
  const namespaces: string[] = []
  try {
    const all = await Promise.all(
      tools.map(async (tool) => {
        const ns = await createNamespace(kube, 'git')
        namespaces.push(ns)
        const trial = new Trial(kube, audit, mode, tool, ns, await driverOf(tool, ns, kube, folder))
        return { outcomes: await trial.run(), failures: trial.failures }
      }),
    )
    return { outcomes: all.flatMap(({ outcomes }) => outcomes), failures: all.flatMap(({ failures }) => failures) }
  } finally {
    for (const ns of namespaces) await kube.remove('namespaces', undefined, ns)
    await rm(folder, { recursive: true, force: true })
  }
}
