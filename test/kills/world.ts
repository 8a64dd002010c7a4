/** What the operator works on while it is killed: resources, workloads, and the people who change them. */
import { componentName, idAnnotation, managedByLabel, resourceLabel, stampLabel } from '../../src/api/names.ts'
import type { TracardiResourceSpec } from '../../src/api/tracardi-resource.ts'
import { hex, resource, secret, valid } from '../operator/support/fixtures.ts'
import type { Kube } from '../operator/support/kube.ts'
import type { Secret } from '../../src/kube/objects.ts'
import type { FinalResource, FinalState, FinalWorkload } from './judge.ts'
import type { Chance } from './random.ts'

/** How often each thing was done. */
export interface Deeds {
  rotations: number
  invalid: number
  edits: number
  deletions: number
  recreated: number
}

interface Source {
  readonly values: Readonly<Record<string, string | null>>
  /** What the target has to hold then; undefined: these are not valid. */
  readonly contents: string | undefined
}

type Service = 'twilio' | 'sendgrid'

const services: Readonly<Record<Service, { good: () => Source; bad: readonly (() => Source)[] }>> = {
  twilio: {
    good: () => {
      const { accountSid, authToken } = valid.twilio()
      return {
        values: { accountSid, authToken },
        contents: canonical({ TWILIO_ACCOUNT_SID: accountSid, TWILIO_AUTH_TOKEN: authToken }),
      }
    },
    bad: [
      () => ({ values: { accountSid: `XX${hex(32)}`, authToken: hex(32) }, contents: undefined }),
      () => ({ values: { accountSid: `AC${hex(32)}`, authToken: null }, contents: undefined }),
    ],
  },
  sendgrid: {
    good: () => {
      const { apiKey } = valid.sendgrid()
      return { values: { apiKey }, contents: canonical({ SENDGRID_API_KEY: apiKey }) }
    },
    bad: [
      () => ({ values: { apiKey: hex(40) }, contents: undefined }),
      () => ({ values: { apiKey: null }, contents: undefined }),
    ],
  },
}

interface Member {
  readonly name: string
  readonly service: Service
  readonly consumers: readonly string[]
  readonly spec: TracardiResourceSpec
  readonly valid: Set<string>
  /** The source as it is. */
  source: Source
  /** The good one before. */
  previous: Source | undefined
  /** Somebody changed the target, and it can be mended from a valid source only. */
  disturbed: boolean
}

const kinds = { deployments: 'Deployment', statefulsets: 'StatefulSet' } as const
type Plural = keyof typeof kinds

const workloads: readonly {
  readonly name: string
  readonly plural: Plural
  readonly labels?: Record<string, string>
}[] = [
  { name: 'sms', plural: 'deployments' },
  { name: 'mail', plural: 'statefulsets' },
  { name: 'shared', plural: 'deployments' },
  { name: 'gone', plural: 'deployments' },
  { name: 'fan-one', plural: 'deployments', labels: { fan: 'out' } },
  { name: 'fan-two', plural: 'statefulsets', labels: { fan: 'out' } },
]

/** The resource that is deleted and created again; its target goes with it. */
const mortal = 'gone'

function member(
  name: string,
  service: Service,
  consumers: NonNullable<TracardiResourceSpec['consumers']>,
  names: readonly string[],
): Member {
  const spec: TracardiResourceSpec = {
    service,
    credentials: { secretRef: { name: `${name}-source` } },
    target: name === mortal ? { deletionPolicy: 'Delete' } : {},
    consumers,
  }
  const source = services[service].good()
  const known = new Set(source.contents === undefined ? [] : [source.contents])
  return { name, service, consumers: names, spec, valid: known, source, previous: undefined, disturbed: false }
}

const named = (kind: 'Deployment' | 'StatefulSet', name: string) => ({ kind, name })

export class World {
  readonly deeds: Deeds = { rotations: 0, invalid: 0, edits: 0, deletions: 0, recreated: 0 }
  /** resourceVersions of targets that somebody else wrote. */
  readonly foreignVersions = new Set<string>()
  readonly namespace: string
  readonly #kube: Kube
  readonly #chance: Chance
  readonly #members: Member[] = [
    member('sms', 'twilio', [named('Deployment', 'sms')], ['sms']),
    member('mail', 'sendgrid', [named('StatefulSet', 'mail')], ['mail']),
    member('shared-sms', 'twilio', [named('Deployment', 'shared')], ['shared']),
    member('shared-mail', 'sendgrid', [named('Deployment', 'shared')], ['shared']),
    member(mortal, 'twilio', [named('Deployment', 'gone')], ['gone']),
    member(
      'fan',
      'sendgrid',
      (['Deployment', 'StatefulSet'] as const).map((kind) => ({ kind, selector: { matchLabels: { fan: 'out' } } })),
      ['fan-one', 'fan-two'],
    ),
  ]

  #hasEnded = false

  constructor(kube: Kube, namespace: string, chance: Chance) {
    this.#kube = kube
    this.namespace = namespace
    this.#chance = chance
  }

  /** Resource → every contents that may ever reach its target. */
  get valid(): Record<string, ReadonlySet<string>> {
    return Object.fromEntries(this.#members.map(({ name, valid: known }) => [name, known]))
  }

  async create(): Promise<void> {
    for (const { name, plural, labels } of workloads)
      await this.#kube.create(plural, this.namespace, workload(name, kinds[plural], labels))
    for (const { name, spec, source } of this.#members) {
      await this.#kube.create('secrets', this.namespace, secret(`${name}-source`, present(source.values)))
      await this.#kube.create('tracardiresources', this.namespace, resource(name, spec))
    }
  }

  /** Something that somebody does. */
  async doAnything(): Promise<void> {
    const next = this.#chance.next()
    const one = this.#chance.pick(this.#members)
    if (next < 0.5) await this.#rotate(one)
    else if (next < 0.7) await this.#spoil(one)
    else if (next < 0.8) await this.#edit(one)
    else if (next < 0.9) await this.#deleteTarget(one)
    else await this.#recreate()
  }

  /** A rotation of one of the resources. */
  async rotateOne(): Promise<void> {
    await this.#rotate(this.#chance.pick(this.#members))
  }

  /** Takes a target away that the operator can make again. */
  async loseTarget(): Promise<void> {
    const one = this.#chance.pick(this.#members)
    if (one.source.contents === undefined) await this.#rotate(one)
    await this.#deleteTarget(one)
  }

  /** What somebody broke needs a valid source; the other invalid ones stay. */
  async mend(): Promise<void> {
    for (const one of this.#members) {
      if (one.disturbed && one.source.contents === undefined) await this.#rotate(one)
      one.disturbed = false
    }
  }

  /** Deletes the resource whose target goes with it, for good. */
  async end(): Promise<void> {
    this.#hasEnded = true
    await this.#kube.remove('tracardiresources', this.namespace, mortal)
  }

  /** Everything that counts, as the API server has it now. */
  async state(): Promise<FinalState> {
    const { namespace } = this
    const kube = this.#kube
    const [resources, secrets, pods, revisions, deployments, statefulSets] = await Promise.all([
      kube.list('tracardiresources', namespace),
      kube.list('secrets', namespace),
      kube.list('pods', namespace),
      kube.list('controllerrevisions', namespace),
      kube.list('deployments', namespace),
      kube.list('statefulsets', namespace),
    ])
    const there = this.#members.filter(({ name }) => name !== mortal || !this.#hasEnded)
    const finalResources = there.map(({ name, source, consumers }): FinalResource => {
      const target = secrets.find(({ metadata }) => metadata.name === `${name}-credentials`)
      const reported = resources.find(({ metadata }) => metadata.name === name)?.status?.credentialsId
      return {
        name,
        wanted: source.contents,
        target: target && { id: target.metadata.annotations?.[idAnnotation], contents: contentsOf(target) },
        reported: reported ?? undefined,
        consumers,
      }
    })
    const finalWorkloads = [...deployments, ...statefulSets].map((object): FinalWorkload => {
      const { name, uid, annotations } = object.metadata
      const own = revisions.filter(({ metadata }) => metadata.ownerReferences?.some((owner) => owner.uid === uid))
      return {
        name,
        stamps: stampsOf(object.spec.template.metadata?.labels),
        pods: pods
          .filter(({ metadata }) => metadata.labels?.['app'] === name && metadata.deletionTimestamp === undefined)
          .map(({ metadata }) => stampsOf(metadata.labels)),
        rollouts: Math.max(
          Number(annotations?.['deployment.kubernetes.io/revision'] ?? 0),
          ...own.map((revision) => (revision as unknown as { revision: number }).revision),
        ),
      }
    })
    const strays = secrets.filter(({ metadata }) => {
      if (metadata.labels?.[managedByLabel] !== componentName) return false
      const owner = metadata.labels[resourceLabel] ?? ''
      return metadata.name !== `${owner}-credentials` || !there.some(({ name }) => name === owner)
    })
    return { resources: finalResources, workloads: finalWorkloads, strays: strays.map(({ metadata }) => metadata.name) }
  }

  async #write(one: Member, source: Source): Promise<void> {
    // Before the call: the operator may be through before its answer is here.
    if (source.contents !== undefined) one.valid.add(source.contents)
    if (one.source.contents !== undefined) one.previous = one.source
    one.source = source
    const data = Object.fromEntries(
      Object.entries(source.values).map(([key, value]) => [key, value && Buffer.from(value).toString('base64')]),
    )
    await this.#kube.patch('secrets', this.namespace, `${one.name}-source`, { data })
  }

  async #rotate(one: Member): Promise<void> {
    this.deeds.rotations += 1
    const back = one.previous !== undefined && this.#chance.once(0.15)
    await this.#write(one, back && one.previous !== undefined ? one.previous : services[one.service].good())
  }

  async #spoil(one: Member): Promise<void> {
    this.deeds.invalid += 1
    await this.#write(one, this.#chance.pick(services[one.service].bad)())
  }

  async #edit(one: Member): Promise<void> {
    one.disturbed = true
    const name = `${one.name}-credentials`
    const found = await this.#kube.get('secrets', this.namespace, name)
    const key = Object.keys(found?.data ?? {})[0]
    if (found === undefined || key === undefined) return
    this.deeds.edits += 1
    const data = { [key]: Buffer.from(hex(24)).toString('base64') }
    const edited = await this.#kube.patch('secrets', this.namespace, name, { data }).catch(() => undefined)
    if (edited !== undefined) this.foreignVersions.add(edited.metadata.resourceVersion)
  }

  async #deleteTarget(one: Member): Promise<void> {
    one.disturbed = true
    this.deeds.deletions += 1
    await this.#kube.remove('secrets', this.namespace, `${one.name}-credentials`)
  }

  async #recreate(): Promise<void> {
    const one = this.#members.find(({ name }) => name === mortal)
    if (one === undefined) return
    this.deeds.recreated += 1
    one.disturbed = true
    await this.#kube.remove('tracardiresources', this.namespace, mortal)
    await this.#kube.create('tracardiresources', this.namespace, resource(mortal, one.spec))
  }
}

function workload(name: string, kind: string, labels: Record<string, string> = {}): object {
  return {
    apiVersion: 'apps/v1',
    kind,
    metadata: { name },
    spec: {
      replicas: 2,
      // Every revision counts.
      revisionHistoryLimit: 10_000,
      selector: { matchLabels: { app: name } },
      ...(kind === 'StatefulSet' && { serviceName: name, podManagementPolicy: 'Parallel' }),
      template: {
        metadata: { labels: { app: name, ...labels } },
        spec: { containers: [{ name: 'app', image: 'app' }], terminationGracePeriodSeconds: 0 },
      },
    },
  }
}

function present(values: Source['values']): Record<string, string> {
  return Object.fromEntries(Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== null))
}

/** Comparable, whatever the order of the keys. */
function canonical(contents: Readonly<Record<string, string>>): string {
  return JSON.stringify(Object.entries(contents).sort(([a], [b]) => (a < b ? -1 : 1)))
}

export function contentsOf({ data = {} }: Secret): string {
  return canonical(
    Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()])),
  )
}

const stampPrefix = stampLabel('')

/** Resource → id, of the labels of a template or a pod. */
export function stampsOf(labels: Readonly<Record<string, string>> = {}): Record<string, string> {
  return Object.fromEntries(
    Object.entries(labels)
      .filter(([label]) => label.startsWith(stampPrefix))
      .map(([label, id]) => [label.slice(stampPrefix.length), id]),
  )
}
