/** From manifests to a report: pure. */
import { effectiveTarget, parseSpec } from '../api/tracardi-resource.ts'
import type { TracardiResourceSpec } from '../api/tracardi-resource.ts'
import { componentName, managedByLabel } from '../api/names.ts'
import type { Finding } from '../credentials/findings.ts'
import { describeFinding } from '../credentials/findings.ts'
import type { Inspection } from '../credentials/inspect.ts'
import { inspect } from '../credentials/inspect.ts'
import { nearestName, printableName } from '../credentials/names.ts'
import type { SecretAbsence, SourceSecret } from '../credentials/resolve.ts'
import { referencedSecrets } from '../credentials/resolve.ts'
import { isForbiddenType } from '../credentials/secret-cache.ts'
import { targetContents } from '../credentials/target.ts'
import type { InputFile, KeyPlace, Manifest, Manifests, SecretManifest } from './manifests.ts'
import { keyOf, ManifestCollector, objectName, report } from './manifests.ts'
import { looksLikeCredential } from '../credentials/credential-names.ts'
import { shown } from './names.ts'
import type { CheckedResource, Failure, Location, Report, Reported } from './report.ts'
import { checkSchema } from './schema-check.ts'
import type { Path, SchemaFinding } from './schema-check.ts'
import { entryAt, spanAt, textAt, toPlain } from './tree.ts'

export interface ValidateOptions {
  /** That of objects that name none. */
  readonly namespace?: string | undefined
  /** Whether a Secret that is not among the manifests is an error. */
  readonly requireSecrets: boolean
  /** Milliseconds since the epoch. */
  readonly now: number
}

export function validate(files: readonly InputFile[], failures: readonly Failure[], options: ValidateOptions): Report {
  const collector = new ManifestCollector(options.namespace)
  for (const file of files) collector.add(file)
  const manifests = collector.result()
  const findings = [...manifests.findings]
  const resources: CheckedResource[] = []
  const targets = new Map<string, Manifest>()
  for (const manifest of manifests.resources) {
    const check = new ResourceCheck(manifest, manifests, targets, options)
    resources.push(check.run())
    findings.push(...check.findings)
  }
  return {
    files: files.length,
    secrets: manifests.secrets.size,
    resources,
    findings: inOrder(files, findings),
    failures: [...failures, ...manifests.failures],
  }
}

/** By file as given, then by place; what was found first, which helps most, stays first at one place. */
function inOrder(files: readonly InputFile[], findings: readonly Reported[]): readonly Reported[] {
  const rank = new Map(files.map(({ name }, index) => [name, index]))
  const of = ({ file }: Location): number => rank.get(file) ?? 0
  return findings.toSorted(
    ({ location: a }, { location: b }) => of(a) - of(b) || a.line - b.line || a.column - b.column,
  )
}

/** Lives for one resource. */
class ResourceCheck {
  readonly findings: Reported[] = []
  readonly #manifest: Manifest
  readonly #manifests: Manifests
  readonly #targets: Map<string, Manifest>
  readonly #options: ValidateOptions
  /** Whether a Secret was not to be seen. */
  #unseen = false

  constructor(manifest: Manifest, manifests: Manifests, targets: Map<string, Manifest>, options: ValidateOptions) {
    this.#manifest = manifest
    this.#manifests = manifests
    this.#targets = targets
    this.#options = options
  }

  run(): CheckedResource {
    const { tree, name, namespace } = this.#manifest
    const schemaFindings = checkSchema(tree)
    const specTree = entryAt(tree, 'spec')?.tree
    const parsed = parseWhatCanBe(specTree === undefined ? undefined : toPlain(specTree))
    let inspection: Inspection | undefined
    if (parsed.spec !== undefined) {
      inspection = this.#checkCredentials(parsed.spec)
      this.#checkTarget(parsed.spec, inspection)
    }
    this.#addSchemaFindings(schemaFindings, parsed.fields)
    const service = textAt(specTree, 'service') ?? ''
    const invalid = this.findings.some(({ level }) => level === 'error')
    return {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      service: looksLikeCredential(service) ? '' : printableName(service),
      ...(inspection?.variant === undefined || this.#unseen ? {} : { variant: inspection.variant }),
      result: invalid ? 'invalid' : this.#unseen || parsed.spec === undefined ? 'unchecked' : 'valid',
      location: this.#manifest.locate(spanAt(tree, ['metadata', 'name'])),
    }
  }

  /** What the check of the credentials has said already, with more words, is not said again. */
  #addSchemaFindings(schemaFindings: readonly SchemaFinding[], unparsed: readonly string[]): void {
    const said = new Set(this.findings.map(({ code }) => code))
    const spoken: readonly string[] = ['UnknownField', 'SecretGivenAsValue', 'InvalidFieldSource']
    const sources = spoken.some((code) => said.has(code as Reported['code']))
    const targetKeys = said.has('FieldUnknown')
    for (const { code, path, message } of schemaFindings) {
      const at = path.join('.')
      if (code === 'RuleBroken' && sources && at.startsWith('spec.credentials')) continue
      if (code === 'RuleBroken' && targetKeys && at === 'spec.target.keys') continue
      if (code === 'RuleBroken' && said.has('TargetTaken') && at === 'spec.credentials') continue
      this.#add(report(this.#manifest, code, path, message))
    }
    // The two come from one source, so that this says nothing unless the schema check has a hole.
    if (unparsed.length > 0 && !this.findings.some(({ level }) => level === 'error')) {
      for (const field of unparsed) {
        this.#add(
          report(this.#manifest, 'FieldInvalid', ['spec'], `${printableName(field)} is not what the schema allows.`),
        )
      }
    }
  }

  #checkCredentials(spec: TracardiResourceSpec): Inspection {
    const secrets = new Map<string, SourceSecret | SecretAbsence>()
    for (const name of referencedSecrets(spec.credentials)) {
      const secret = this.#secret(name)
      if (secret !== undefined) secrets.set(name, refusal(secret) ?? secret.secret)
      else this.#reportUnseen(name)
    }
    const inspection = inspect({
      service: spec.service,
      credentials: spec.credentials,
      secrets,
      now: this.#options.now,
    })
    for (const finding of [...inspection.unresolved, ...inspection.findings]) {
      // Of a Secret that was not to be seen something was said already.
      if (finding.code === 'SecretNotFound' || this.#isConsequence(finding)) continue
      this.#add(this.#translate(finding, spec.service))
    }
    return inspection
  }

  #add(finding: Reported): void {
    this.findings.push(finding)
  }

  #secret(name: string): SecretManifest | undefined {
    return this.#manifests.secrets.get(keyOf(this.#manifest.namespace, name))
  }

  /** A key that cannot be read is missing for that reason, which was told. */
  #isConsequence({ code, secret, key, params }: Finding): boolean {
    const unreadable = secret === undefined ? undefined : this.#secret(secret)?.unreadable
    if (unreadable === undefined || unreadable.size === 0) return false
    if (code === 'KeyNotFound') return key !== undefined && unreadable.has(key)
    const looked = params['lookedFor']
    return Array.isArray(looked) && looked.some((name: string) => unreadable.has(name))
  }

  #translate(finding: Finding, service: string): Reported {
    const { code, severity, waived, field, secret, key } = finding
    const message = withoutCredentials(this.#describe(finding), finding)
    return {
      code,
      level: waived ? 'note' : severity,
      waived,
      message: waived ? `Waived by spec.credentials.waive. ${message}` : message,
      location: this.#locate(finding),
      object: objectName(this.#manifest),
      service: printableName(service),
      ...(field === undefined || looksLikeCredential(field) ? {} : { field }),
      ...(secret === undefined ? {} : { secret }),
      ...(key === undefined || looksLikeCredential(key) ? {} : { key }),
    }
  }

  #describe(finding: Finding): string {
    const { namespace } = this.#manifest
    if (finding.code === 'NotUtf8' && this.#place(finding)?.part === 'data') {
      return `${describeFinding(finding, namespace)} It stands under data, which is decoded from base64: plain text belongs under stringData.`
    }
    if (finding.code !== 'UnsupportedService') return describeFinding(finding, namespace)
    // The whole catalogue would be more than anybody reads here, and any text can stand in spec.service.
    const { service, meant } = finding.params
    const hint = meant === undefined ? '' : ` Did you mean "${String(meant)}"?`
    return `There is no ${shown('service', String(service))}.${hint} tracardi-operator services lists them all; a newer version may know more.`
  }

  #place({ secret, key }: Finding): KeyPlace | undefined {
    return secret === undefined || key === undefined ? undefined : this.#secret(secret)?.keys.get(key)
  }

  /** The offending key of the Secret; for what is missing there, its keys; for what the spec says, the entry of the spec. */
  #locate(finding: Finding): Location {
    const { code, field, secret } = finding
    const { tree, locate } = this.#manifest
    if (code === 'UnsupportedService') return locate(spanAt(tree, ['spec', 'service']))
    if (code === 'UnknownWaiver') return locate(spanAt(tree, ['spec', 'credentials', 'waive']))
    const manifest = secret === undefined ? undefined : this.#secret(secret)
    if (manifest !== undefined && code !== 'KeyNotFound') {
      const span = this.#place(finding)
      if (span !== undefined) return manifest.locate(span)
      const part = ['stringData', 'data'].find((name) => entryAt(manifest.tree, name) !== undefined)
      return manifest.locate(spanAt(manifest.tree, part === undefined ? ['metadata', 'name'] : [part]))
    }
    return locate(spanAt(tree, this.#fieldPath(field)))
  }

  #fieldPath(field: string | undefined): Path {
    const path = ['spec', 'credentials', 'fields']
    const fields = entryAt(this.#manifest.tree, ...path)?.tree
    if (fields?.kind !== 'list') return path.slice(0, 2)
    const index = fields.items.findIndex((item) => textAt(item, 'name') === field)
    return index < 0 ? path : [...path, index]
  }

  #reportUnseen(name: string): void {
    this.#unseen = true
    const where = this.#referencePath(name)
    const maker = this.#manifests.makers.find(
      (other) => other.secretName === name && (other.anyNamespace || other.namespace === this.#manifest.namespace),
    )
    const secret = `Secret "${printableName(name)}"`
    if (maker !== undefined) {
      const message = `${secret} comes from ${maker.what}: its values are not in the manifests and cannot be checked here. The operator checks them in the cluster.`
      this.#add(report(this.#manifest, 'SecretNotCheckable', where, message, { secret: name }))
      return
    }
    const level = this.#options.requireSecrets ? ('error' as const) : ('note' as const)
    const message = `${secret} is not among the manifests, so its values cannot be checked here.${this.#hint(name)}`
    this.#add(report(this.#manifest, 'SecretNotGiven', where, message, { secret: name, level }))
  }

  /** Why a Secret may not be found under its name. */
  #hint(name: string): string {
    const { namespace } = this.#manifest
    const all = [...this.#manifests.secrets.values()]
    const [hidden] = this.#manifests.hidden
    if (hidden !== undefined) return ` ${hidden} is encrypted by SOPS and may hold it.`
    const elsewhere = all.find((secret) => secret.name === name)
    if (elsewhere !== undefined) {
      const their = elsewhere.namespace === undefined ? 'no namespace' : `the namespace ${elsewhere.namespace}`
      const ours = namespace === undefined ? 'names none' : `is in ${namespace}`
      return ` One of that name has ${their}, and the resource ${ours}; --namespace sets that of objects that name none.`
    }
    const near = all.filter((secret) => secret.namespace === namespace).map((secret) => secret.name)
    if (near.some((other) => other.startsWith(`${name}-`) && /^[a-z0-9]{10}$/.test(other.slice(name.length + 1)))) {
      return ' One of that name with a hash at its end is there: kustomize appends it to what secretGenerator makes, and does not change secretRef. Set generatorOptions.disableNameSuffixHash: true.'
    }
    const meant = nearestName([name], near)
    return meant === undefined ? '' : ` Did you mean "${meant}"?`
  }

  #referencePath(name: string): Path {
    const { tree } = this.#manifest
    const root = ['spec', 'credentials', 'secretRef', 'name']
    if (textAt(tree, ...root) === name) return root
    const fields = entryAt(tree, 'spec', 'credentials', 'fields')?.tree
    const index =
      fields?.kind === 'list' ? fields.items.findIndex((item) => textAt(item, 'secretKeyRef', 'name') === name) : -1
    return ['spec', 'credentials', 'fields', index, 'secretKeyRef', 'name']
  }

  #checkTarget(spec: TracardiResourceSpec, { service, fields }: Inspection): void {
    const target = effectiveTarget(this.#manifest.name, spec)
    if (target === undefined || this.#manifest.name === '') return
    const where = ['spec', 'target', 'name']
    const key = keyOf(this.#manifest.namespace, target.name)
    const secret = this.#manifests.secrets.get(key)
    const other = this.#targets.get(key)
    this.#targets.set(key, this.#manifest)
    const choose = 'Choose another spec.target.name'
    if (secret !== undefined && refusal(secret) !== 'OperatorOwned') {
      const { file, line } = secret.locate(spanAt(secret.tree, ['metadata', 'name']))
      const message = `The target "${target.name}" is a Secret that stands in ${file}, line ${line}: the operator writes the target itself, and never one that is not its own. ${choose}, or take that Secret out of the manifests.`
      this.#add(report(this.#manifest, 'TargetTaken', where, message))
    } else if (other !== undefined) {
      const message = `The target "${target.name}" is that of the TracardiResource ${other.name} as well, and only one of the two can have it. ${choose}.`
      this.#add(report(this.#manifest, 'TargetTaken', where, message))
    }
    // An open service has the fields that its Secret has.
    if (service === undefined || service.open === true) return
    const known = service.fields.map(({ name }) => name)
    for (const name of target.keys.keys()) {
      if (known.includes(name)) continue
      const meant = nearestName([name], known)
      const hint = meant === undefined ? ` Its fields: ${known.join(', ')}.` : ` Did you mean ${meant}?`
      const path = ['spec', 'target', 'keys', name]
      this.#add(report(this.#manifest, 'FieldUnknown', path, `${service.id} has no ${shown('field', name)}.${hint}`))
    }
    for (const conflict of new Set(targetContents(service, fields, spec.target?.keys).conflicts)) {
      const message = `Two fields would be written under the key ${printableName(conflict)} of the target. Give one of them another key in spec.target.keys.`
      this.#add(report(this.#manifest, 'TargetKeyRepeated', ['spec', 'target', 'keys'], message))
    }
  }
}

/** Of a spec with mistakes in one part, the others can be checked all the same. */
function parseWhatCanBe(spec: unknown): { spec: TracardiResourceSpec | undefined; fields: readonly string[] } {
  const parsed = parseSpec(spec)
  if (parsed.ok) return { spec: parsed.spec, fields: [] }
  const { fields } = parsed
  if (typeof spec !== 'object' || spec === null) return { spec: undefined, fields }
  const { service, credentials, target } = spec as Readonly<Record<string, unknown>>
  for (const part of [
    { service, credentials, target },
    { service, credentials },
  ]) {
    const again = parseSpec(part)
    if (again.ok) return { spec: again.spec, fields }
  }
  return { spec: undefined, fields }
}

/** Whoever mixed things up has a credential where a name should be: in the spec, or for a key. */
function withoutCredentials(message: string, { field, key, params }: Finding): string {
  const names = [field, key, ...Object.values(params).flat()].filter((name) => typeof name === 'string')
  return names
    .filter((name) => !name.includes(' ') && looksLikeCredential(name))
    .reduce((text, name) => text.replaceAll(printableName(name), '[not shown: it looks like a credential]'), message)
}

function refusal({ secret, labels }: SecretManifest): SecretAbsence | undefined {
  if (isForbiddenType(secret.type)) return 'ForbiddenType'
  return textAt(labels, managedByLabel) === componentName ? 'OperatorOwned' : undefined
}
