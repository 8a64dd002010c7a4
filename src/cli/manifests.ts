/** Finds TracardiResources and Secrets among manifests, and what will make Secrets in the cluster. */
import { group, kind as resourceKind, version } from '../api/names.ts'
import { nearestName, printableName } from '../credentials/names.ts'
import type { SourceSecret } from '../credentials/resolve.ts'
import { Sensitive } from '../credentials/sensitive.ts'
import type { ManifestCode } from './manifest-codes.ts'
import { manifestPages } from './manifest-codes.ts'
import { looksLikeCredential } from '../credentials/credential-names.ts'
import { isObjectName, shown } from './names.ts'
import type { Failure, Level, Location, ObjectName, Reported } from './report.ts'
import type { ParsedText, Span, Tree } from './tree.ts'
import { entryAt, parseText, spanAt, textAt } from './tree.ts'

export interface InputFile {
  /** As it is shown. */
  readonly name: string
  readonly text: string
}

/** An object, and where it came from. */
export interface Manifest {
  readonly tree: Tree
  readonly apiVersion: string
  readonly kind: string
  readonly name: string
  readonly namespace: string | undefined
  readonly locate: (span: Span) => Location
}

export interface KeyPlace extends Span {
  readonly part: 'data' | 'stringData'
}

export interface SecretManifest extends Manifest {
  readonly secret: SourceSecret
  readonly labels: Tree | undefined
  /** Where the key stands that counts. */
  readonly keys: ReadonlyMap<string, KeyPlace>
  /** Keys of which something was said already: they hold nothing that can be read. */
  readonly unreadable: ReadonlySet<string>
}

/** Something that makes a Secret whose values are not in the manifests. */
export interface SecretMaker {
  readonly what: string
  readonly namespace: string | undefined
  /** Undefined: every namespace. */
  readonly anyNamespace: boolean
  readonly secretName: string
}

export interface Manifests {
  readonly resources: readonly Manifest[]
  /** By `keyOf`. */
  readonly secrets: ReadonlyMap<string, SecretManifest>
  readonly makers: readonly SecretMaker[]
  /** A file of which SOPS has encrypted even the names: any Secret may be in there. */
  readonly hidden: readonly string[]
  readonly findings: readonly Reported[]
  readonly failures: readonly Failure[]
}

interface Maker {
  readonly group: string
  readonly kind: string
  /** Where the name of the Secret stands; without any it is that of the object. */
  readonly names: readonly (readonly (string | number)[])[]
  readonly clusterWide?: boolean
}

const makers: readonly Maker[] = [
  { group: 'bitnami.com', kind: 'SealedSecret', names: [] },
  { group: 'external-secrets.io', kind: 'ExternalSecret', names: [['spec', 'target', 'name']] },
  {
    group: 'external-secrets.io',
    kind: 'ClusterExternalSecret',
    names: [
      ['spec', 'externalSecretSpec', 'target', 'name'],
      ['spec', 'externalSecretName'],
    ],
    clusterWide: true,
  },
  { group: 'secrets.hashicorp.com', kind: 'VaultStaticSecret', names: [['spec', 'destination', 'name']] },
  { group: 'secrets.hashicorp.com', kind: 'VaultDynamicSecret', names: [['spec', 'destination', 'name']] },
  { group: 'onepassword.com', kind: 'OnePasswordItem', names: [] },
  { group: 'cert-manager.io', kind: 'Certificate', names: [['spec', 'secretName']] },
]

/** What is collected from all files. */
export class ManifestCollector {
  readonly #defaultNamespace: string | undefined
  readonly #resources = new Map<string, Manifest>()
  readonly #secrets = new Map<string, SecretManifest>()
  readonly #makers: SecretMaker[] = []
  readonly #hidden: string[] = []
  readonly #findings: Reported[] = []
  readonly #failures: Failure[] = []

  /** @param defaultNamespace that of objects that name none */
  constructor(defaultNamespace: string | undefined) {
    this.#defaultNamespace = defaultNamespace
  }

  result(): Manifests {
    return {
      resources: [...this.#resources.values()],
      secrets: this.#secrets,
      makers: this.#makers,
      hidden: this.#hidden,
      findings: this.#findings,
      failures: this.#failures,
    }
  }

  add(file: InputFile): void {
    const parsed = parseText(file.text)
    for (const { tree, problem, source } of parsed.documents) {
      if (problem !== undefined) {
        const { words, position } = problem
        this.#failures.push({ file: file.name, ...position, message: `This is not YAML that can be read: ${words}.` })
      } else if (tree !== undefined) {
        this.#object(tree, (span) => locationOf(file.name, parsed, span, source))
      }
    }
  }

  #object(tree: Tree, locate: Manifest['locate']): void {
    if (tree.kind !== 'map') return
    const apiVersion = textAt(tree, 'apiVersion') ?? ''
    const kind = textAt(tree, 'kind') ?? ''
    const items = entryAt(tree, 'items')?.tree
    if (kind.endsWith('List') && items?.kind === 'list') {
      for (const item of items.items) this.#object(item, locate)
      return
    }
    const encrypted = entryAt(tree, 'sops')?.tree.kind === 'map'
    if (encrypted && kind.startsWith('ENC[')) {
      this.#hidden.push(locate(tree.span).file)
      return
    }
    const [ofGroup = ''] = apiVersion.split('/')
    const named = textAt(tree, 'metadata', 'name') ?? ''
    const name = isObjectName(named) ? named : ''
    const namespace = textAt(tree, 'metadata', 'namespace') ?? this.#defaultNamespace
    const manifest: Manifest = {
      tree,
      apiVersion,
      kind,
      name,
      namespace: namespace !== undefined && isObjectName(namespace) ? namespace : undefined,
      locate,
    }
    if (kind === resourceKind || ofGroup === group) this.#resource(manifest, ofGroup)
    else if (kind === 'Secret' && apiVersion === 'v1') this.#secret(manifest, encrypted)
    else this.#maker(manifest, ofGroup)
  }

  #resource(manifest: Manifest, ofGroup: string): void {
    const { kind, apiVersion } = manifest
    if (kind !== resourceKind) {
      const meant = nearestName([kind], [resourceKind])
      const hint = meant === undefined ? `The kind of ${group} is ${resourceKind}.` : `Did you mean ${meant}?`
      this.#findings.push(report(manifest, 'KindUnknown', ['kind'], `There is no such kind in ${group}. ${hint}`))
      return
    }
    if (ofGroup !== group || apiVersion !== `${group}/${version}`) {
      const message = `The apiVersion of a ${resourceKind} is ${group}/${version}; the API server takes no other.`
      this.#findings.push(report(manifest, 'ApiVersionUnknown', ['apiVersion'], message))
    }
    this.#checkName(manifest)
    this.#keep(manifest, manifest, this.#resources)
  }

  #secret(manifest: Manifest, encrypted: boolean): void {
    if (encrypted) {
      this.#made(manifest, 'a Secret encrypted by SOPS', manifest.name, false)
      return
    }
    this.#checkName(manifest)
    const { data, keys, unreadable, findings } = readSecret(manifest)
    this.#findings.push(...findings)
    const { tree, name } = manifest
    const secret: SourceSecret = { name, type: textAt(tree, 'type'), data }
    const labels = entryAt(tree, 'metadata', 'labels')?.tree
    this.#keep(manifest, { ...manifest, secret, labels, keys, unreadable }, this.#secrets)
  }

  #maker(manifest: Manifest, ofGroup: string): void {
    const maker = makers.find(({ group: other, kind }) => other === ofGroup && kind === manifest.kind)
    if (maker === undefined) return
    const given = maker.names.map((path) => textAt(manifest.tree, ...path)).find((name) => name !== undefined)
    this.#made(
      manifest,
      `${/^[AEIO]/.test(maker.kind) ? 'an' : 'a'} ${maker.kind}`,
      given ?? manifest.name,
      maker.clusterWide === true,
    )
  }

  #made({ namespace }: Manifest, what: string, secretName: string, anyNamespace: boolean): void {
    this.#makers.push({ what, namespace, anyNamespace, secretName })
  }

  #checkName(manifest: Manifest): void {
    if (manifest.name !== '') return
    const message = 'metadata.name is missing, or is no name: lower case letters, digits, - and dots.'
    this.#findings.push(report(manifest, 'NameInvalid', ['metadata', 'name'], message))
  }

  #keep<T extends Manifest>(manifest: Manifest, kept: T, all: Map<string, T>): void {
    if (manifest.name === '') {
      all.set(`/${all.size}`, kept)
      return
    }
    const key = keyOf(manifest.namespace, manifest.name)
    const first = all.get(key)
    all.set(key, kept)
    if (first === undefined) return
    const { file, line } = first.locate(spanAt(first.tree, ['metadata', 'name']))
    const message = `This ${manifest.kind} stands in ${file}, line ${line}, as well. The last one is checked, as it is the one that counts when they are applied together.`
    this.#findings.push(report(manifest, 'ObjectRepeated', ['metadata', 'name'], message))
  }
}

/** The key of an object among others of its kind. */
export function keyOf(namespace: string | undefined, name: string): string {
  return `${namespace ?? ''}/${name}`
}

function locationOf(file: string, parsed: ParsedText, span: Span, source: string | undefined): Location {
  const from = parsed.position(span.start)
  const to = parsed.position(span.end)
  return { file, ...from, endLine: to.line, endColumn: to.column, ...(source === undefined ? {} : { source }) }
}

export function objectName({ kind, name, namespace }: Manifest): ObjectName {
  return {
    kind: looksLikeCredential(kind) ? 'object' : printableName(kind),
    name,
    ...(namespace === undefined ? {} : { namespace }),
  }
}

/** A finding about a manifest, where the path leads, or above where that is not there. */
export function report(
  manifest: Manifest,
  code: ManifestCode,
  where: readonly (string | number)[] | Span,
  message: string,
  more: { level?: Level; field?: string; secret?: string; key?: string; service?: string } = {},
): Reported {
  const span = 'start' in where ? where : spanAt(manifest.tree, where)
  const { level = manifestPages[code].severity, ...rest } = more
  return { code, level, waived: false, message, location: manifest.locate(span), object: objectName(manifest), ...rest }
}

interface ReadSecret {
  readonly data: ReadonlyMap<string, Sensitive>
  readonly keys: ReadonlyMap<string, KeyPlace>
  readonly unreadable: ReadonlySet<string>
  readonly findings: readonly Reported[]
}

/** As the API server reads it: `stringData` wins. Values that it would refuse are left out. */
function readSecret(manifest: Manifest): ReadSecret {
  const data = new Map<string, Sensitive>()
  const keys = new Map<string, KeyPlace>()
  const unreadable = new Set<string>()
  const findings: Reported[] = []
  for (const part of ['data', 'stringData'] as const) {
    const map = entryAt(manifest.tree, part)
    if (map === undefined || (map.tree.kind === 'scalar' && map.tree.value === null)) continue
    if (map.tree.kind !== 'map') {
      const message = `${part} of a Secret must be a map of keys to values.`
      findings.push(report(manifest, 'SecretValueNotText', map.keySpan, message, { secret: manifest.name }))
      continue
    }
    for (const { key, span } of map.tree.repeated) {
      const message = `${shown('The key', key)} stands under ${part} twice. Remove one of the two.`
      findings.push(report(manifest, 'KeyRepeated', span, message, { secret: manifest.name }))
    }
    for (const [key, { keySpan, tree }] of map.tree.entries) {
      const complain = (code: ManifestCode, message: string): void => {
        unreadable.add(key)
        findings.push(report(manifest, code, keySpan, message, { secret: manifest.name }))
      }
      keys.set(key, { ...keySpan, part })
      if (!/^[-._a-zA-Z0-9]{1,253}$/.test(key)) {
        complain(
          'SecretKeyInvalid',
          `A key of ${part} is not allowed: keys are letters, digits, "-", "_" and ".", at most 253 of them. Are key and value mixed up?`,
        )
        continue
      }
      if (tree.kind !== 'scalar' || (typeof tree.value !== 'string' && tree.value !== null)) {
        const what =
          tree.kind === 'scalar' ? `a ${typeof tree.value === 'boolean' ? 'boolean' : 'number'}` : `a ${tree.kind}`
        const mend =
          tree.kind === 'scalar' ? 'Put the value in quotes.' : 'Write it as one text, for example after a | in YAML.'
        complain(
          'SecretValueNotText',
          `${shown('The value of key', key)} is ${what}, and a Secret takes text alone. ${mend}`,
        )
        continue
      }
      const bytes = part === 'data' ? decodeStrictly(tree.value ?? '') : Buffer.from(tree.value ?? '', 'utf8')
      if (bytes === undefined) {
        complain(
          'SecretDataNotBase64',
          `${shown('The value of key', key)} stands under data and is not base64. Plain text belongs under stringData: move the key there.`,
        )
        continue
      }
      unreadable.delete(key)
      data.set(key, Sensitive.of(bytes))
    }
  }
  return { data, keys, unreadable, findings }
}

/** As Go decodes it, which overlooks line breaks and nothing else. */
function decodeStrictly(text: string): Buffer | undefined {
  const compact = text.replace(/[\r\n]/g, '')
  if (compact.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(compact)) return undefined
  return Buffer.from(compact, 'base64')
}
