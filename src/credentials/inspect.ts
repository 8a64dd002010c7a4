/** From bytes to findings: are these credentials of the right form for their service? Pure. */
import type {
  FieldDefinition,
  PartnerRule,
  Says,
  ServiceDefinition,
  Shape,
  VariantDefinition,
} from '../catalogue/definition.ts'
import { findField, fits } from '../catalogue/definition.ts'
import { services } from '../catalogue/services.ts'
import type { ValueProblem } from './check-value.ts'
import { checkValue, textProblems } from './check-value.ts'
import { expiryOf } from './expiry.ts'
import type { Finding, FindingDraft } from './findings.ts'
import { finding, severityOf, sortFindings, waivableCodes } from './findings.ts'
import { nearestName } from './names.ts'
import { keyProblems, openService } from './open-service.ts'
import type { CredentialsInput, Resolution, ResolvedField, Secrets } from './resolve.ts'
import { acceptedKeys, listKeys, resolve } from './resolve.ts'
import type { ReadText } from './text.ts'
import { readText } from './text.ts'
import type { VariantChoice } from './variant.ts'
import { allShapesOf, chooseVariant, shapeOf } from './variant.ts'

export interface Inspection {
  /** Undefined: no such service in this version (UnsupportedService). */
  readonly service: ServiceDefinition | undefined
  /** The id of the set that the fields make up, or come closest to. */
  readonly variant: string | undefined
  /** Canonical name → value, only of the fields of the chosen variant (of all complete ones, when several are). */
  readonly fields: ReadonlyMap<string, ResolvedField>
  /** Secrets absent, or keys named in `fields` absent: SecretsResolved=False. */
  readonly unresolved: readonly Finding[]
  /** Errors first, the most helpful before all, then warnings; waived ones last. */
  readonly findings: readonly Finding[]
  /** No unresolved and no unwaived error. */
  readonly valid: boolean
  /** When one of the values expires next, in milliseconds since the epoch: then the answer is another one. */
  readonly expiresAt: number | undefined
}

export interface InspectInput {
  readonly service: string
  readonly credentials: CredentialsInput
  /** By name; or the reason why one is not there. A name that is missing counts as NotFound. */
  readonly secrets: Secrets
  /** For tests. Default: the whole catalogue. */
  readonly catalogue?: ReadonlyMap<string, ServiceDefinition>
  /** Milliseconds since the epoch, for values that hold the date of their expiry. */
  readonly now: number
}

export function inspect(input: InspectInput): Inspection {
  const catalogue = input.catalogue ?? services
  const waive = new Set(input.credentials.waive ?? [])
  const known = catalogue.get(input.service)
  if (known === undefined) {
    const ids = [...catalogue.keys()].sort()
    const meant = nearestName([input.service], ids)
    const draft: FindingDraft = {
      code: 'UnsupportedService',
      params: { service: input.service, known: ids, ...(meant === undefined ? {} : { meant }) },
    }
    return {
      service: undefined,
      variant: undefined,
      fields: new Map(),
      unresolved: [],
      findings: [finding(draft, waive)],
      valid: false,
      expiresAt: undefined,
    }
  }

  const service = openService(known, input.credentials, input.secrets)
  const resolution = resolve(service, input.credentials, input.secrets)
  const texts = readTexts(service, resolution)
  const choice = chooseVariant(service, {
    present: (name) => resolution.found.has(name) || resolution.spokenFor.has(name),
    text: (name) => texts.get(name)?.text,
    key: (name) => resolution.found.get(name)?.key,
  })
  const chosen = chosenVariants(choice)
  const fields = new Map<string, ResolvedField>()
  for (const { name } of service.fields) {
    const field = resolution.found.get(name)
    if (field !== undefined && chosen.some((variant) => uses(variant, name))) fields.set(name, field)
  }
  const checked = fieldsToCheck(service, chosen, fields, texts)
  const inFields = checkFields(service, checked, input.now)
  const unresolved = resolution.unresolved.map((draft) => finding(draft, waive))
  const findings = sortFindings(
    [
      ...resolution.problems,
      ...checkCompleteness(service, resolution, choice, texts, inFields.some(isError)),
      ...inFields,
      ...keyProblems(service, fields),
      ...unknownWaivers(waive),
    ].map((draft) => finding(draft, waive)),
  )
  return {
    service,
    variant: choice.nearest?.id,
    fields,
    unresolved,
    findings,
    valid: unresolved.length === 0 && !findings.some((other) => other.severity === 'error' && !other.waived),
    expiresAt: nextExpiry(checked, input.now),
  }
}

function uses(variant: VariantDefinition, field: string): boolean {
  return variant.required.includes(field) || variant.optional.includes(field)
}

function chosenVariants({ complete, nearest }: VariantChoice): readonly VariantDefinition[] {
  if (complete.length > 0) return complete
  return nearest === undefined ? [] : [nearest]
}

function readTexts(service: ServiceDefinition, { found }: Resolution): ReadonlyMap<string, ReadText> {
  const texts = new Map<string, ReadText>()
  for (const [name, { value }] of found) {
    const field = findField(service, name)
    const lenient = field?.secret === true && allShapesOf(service, name).length === 0
    texts.set(name, readText(value.reveal(), { multiline: field?.multiline === true, lenient }))
  }
  return texts
}

function isError({ code, severity }: FindingDraft): boolean {
  return (severity ?? severityOf(code)) === 'error'
}

/**
 * What is missing, what is half there, what is there twice, and what is of no use.
 * @param wrong whether a value has a mistake: then its contents may have spoken for the wrong set
 */
function checkCompleteness(
  service: ServiceDefinition,
  resolution: Resolution,
  choice: VariantChoice,
  texts: ReadonlyMap<string, ReadText>,
  wrong: boolean,
): readonly FindingDraft[] {
  if (!resolution.complete || choice.nearest === undefined) return []
  const { found, spokenFor, source } = resolution
  const present = (name: string): boolean => found.has(name) || spokenFor.has(name)
  const drafts = choice.nearest.required
    .filter((name) => !present(name))
    .map((name) => missingField(service, resolution, choice.nearest, name))
  const broken = brokenPartnerRules(service, present, texts)
  drafts.push(...broken.map((rule) => partnerProblem(service, resolution, rule)))
  // Sets that are two only because of such a field have that cause.
  const refused = broken.map((rule) => rule.excludes)
  const variants = choice.complete
    .filter((variant) => !variant.required.some((name) => refused.includes(name)))
    .map((variant) => variant.id)
  if (variants.length > 1) {
    drafts.push({ code: 'AmbiguousVariant', ...inSecret(source?.name), params: { variants } })
  }

  const chosen = wrong ? choice.filled : chosenVariants(choice)
  const useless = [...found.values()].filter(({ name }) => !chosen.some((variant) => uses(variant, name)))
  for (const { name, secret, key } of useless) {
    const pair = service.pairs?.find((names) => names.includes(name))
    const partner = pair?.find((other) => other !== name)
    const where = { field: name, ...inSecret(secret), ...(key === undefined ? {} : { key }) }
    if (partner !== undefined && !present(partner)) {
      drafts.push({ code: 'IncompletePair', ...where, params: { partner, ...search(service, resolution, partner) } })
    } else {
      drafts.push({ code: 'UnusedField', ...where, params: { variant: choice.nearest.id } })
    }
  }
  return drafts
}

function brokenPartnerRules(
  service: ServiceDefinition,
  present: (name: string) => boolean,
  texts: ReadonlyMap<string, ReadText>,
): readonly PartnerRule[] {
  return (service.partners ?? []).filter(({ field, pattern, needs, excludes }) => {
    const text = texts.get(field)?.text
    if (text === undefined || pattern?.test(text) === false) return false
    return (needs !== undefined && !present(needs)) || (excludes !== undefined && present(excludes))
  })
}

function partnerProblem(service: ServiceDefinition, resolution: Resolution, rule: PartnerRule): FindingDraft {
  const { field, needs, excludes, because } = rule
  // What is not wanted is named, because it is what has to go; what lacks something is named for the same reason.
  const subject = resolution.found.get(excludes ?? field)
  const where = {
    field: excludes ?? field,
    ...inSecret(subject?.secret),
    ...(subject?.key === undefined ? {} : { key: subject.key }),
  }
  return needs === undefined
    ? { code: 'ForbiddenPartner', ...where, params: { partner: field, because } }
    : {
        code: 'MissingPartner',
        ...where,
        params: { partner: needs, because, ...search(service, resolution, needs) },
      }
}

function inSecret(secret: string | undefined): { secret?: string } {
  return secret === undefined ? {} : { secret }
}

function missingField(
  service: ServiceDefinition,
  resolution: Resolution,
  variant: VariantDefinition | undefined,
  name: string,
): FindingDraft {
  const blank = resolution.blank.get(name)
  if (blank !== undefined) {
    return {
      code: 'EmptyValue',
      field: name,
      ...inSecret(blank.secret),
      ...(blank.key === undefined ? {} : { key: blank.key }),
      params: { kind: blank.kind },
    }
  }
  const required = variant?.required ?? []
  const sets = service.variants
    .filter((other) => other.sameAs === undefined && other.required.join() !== required.join())
    .map(describeSet)
  return {
    code: 'MissingField',
    field: name,
    ...inSecret(resolution.source?.name),
    params: {
      partners: required.filter((other) => other !== name && resolution.found.has(other)),
      alternatives: [...new Set(sets)],
      ...search(service, resolution, name),
    },
  }
}

function describeSet({ required, keys }: VariantDefinition): string {
  return required
    .map((name) => (keys?.[name] === undefined ? name : `${name} (under the key ${keys[name].join(' or ')})`))
    .join(' + ')
}

/** Where a field was looked for, and which key may have been meant. */
function search(service: ServiceDefinition, resolution: Resolution, name: string): NonNullable<FindingDraft['params']> {
  const field = findField(service, name)
  if (field === undefined || resolution.source === undefined) return {}
  const { source, found } = resolution
  const taken = new Set(service.fields.flatMap((other) => acceptedKeys(service, other)))
  for (const other of found.values()) if (other.secret === source.name && other.key !== undefined) taken.add(other.key)
  const lookedFor = acceptedKeys(service, field)
  const listed = listKeys(service, source)
  const meant = nearestName(
    lookedFor,
    [...source.data.keys()].filter((key) => !taken.has(key)),
  )
  return { lookedFor, ...listed, ...(meant === undefined ? {} : { meant }) }
}

interface CheckedField {
  readonly definition: FieldDefinition
  readonly resolved: ResolvedField
  readonly read: ReadText
  readonly shape: Shape | undefined
  /** When the value expires by what it says itself, in milliseconds since the epoch. */
  readonly expires: number | undefined
}

function fieldsToCheck(
  service: ServiceDefinition,
  chosen: readonly VariantDefinition[],
  fields: ReadonlyMap<string, ResolvedField>,
  texts: ReadonlyMap<string, ReadText>,
): readonly CheckedField[] {
  const checked: CheckedField[] = []
  for (const definition of service.fields) {
    const resolved = fields.get(definition.name)
    const read = texts.get(definition.name)
    if (resolved === undefined || read === undefined) continue
    const shape = shapeOf(service, chosen, definition.name, read.text)
    const expires = read.text === undefined ? undefined : expiryOf(read.text, shape)
    checked.push({ definition, resolved, read, shape, expires })
  }
  return checked
}

function nextExpiry(checked: readonly CheckedField[], now: number): number | undefined {
  const next = Math.min(...checked.map(({ expires = Infinity }) => (expires > now ? expires : Infinity)))
  return next === Infinity ? undefined : next
}

function checkFields(
  service: ServiceDefinition,
  checked: readonly CheckedField[],
  now: number,
): readonly FindingDraft[] {
  const swapped = findSwapped(checked)
  const wrong = new Set<string>()
  const drafts = checked.flatMap((field) => {
    const { definition, read, shape, expires = Infinity } = field
    const other = swapped.get(field)
    const problems =
      other === undefined
        ? checkValue(service, definition, read, shape, expires <= now)
        : [...swapProblems(definition, other.definition), ...(isDocument(other) ? [] : textProblems(read))]
    if (other !== undefined || problems.length > 0) wrong.add(definition.name)
    return problems.map((problem) => ({ ...problem, ...whereIs(field) }))
  })
  return [...drafts, ...disagreements(service, checked, wrong)]
}

/** Line breaks are no mistake where the value belongs. */
function isDocument({ definition }: CheckedField): boolean {
  return definition.multiline === true
}

function whereIs({ definition, resolved }: CheckedField): Pick<FindingDraft, 'field' | 'secret' | 'key'> {
  return {
    field: definition.name,
    ...inSecret(resolved.secret),
    ...(resolved.key === undefined ? {} : { key: resolved.key }),
  }
}

/** Fields that contradict each other. About a value that has a mistake of its own nothing more is said. */
function disagreements(
  service: ServiceDefinition,
  checked: readonly CheckedField[],
  wrong: ReadonlySet<string>,
): readonly FindingDraft[] {
  return (service.agreements ?? []).flatMap(({ fields, says, about, because, severity }) => {
    const [a, b] = fields.map((name) => checked.find(({ definition }) => definition.name === name))
    if (a === undefined || b === undefined || fields.some((name) => wrong.has(name))) return []
    const one = whatItSays(says[0], a.read.text)
    const other = whatItSays(says[1], b.read.text)
    if (one === undefined || other === undefined || one === other) return []
    const params = { other: fields[1], about, because }
    return [{ code: 'FieldsDisagree', ...whereIs(a), ...(severity === undefined ? {} : { severity }), params }]
  })
}

function whatItSays(says: Says, text: string | undefined): string | undefined {
  if (text === undefined) return undefined
  if (typeof says === 'function') return says(text)
  return says instanceof RegExp
    ? says.exec(text)?.[1]?.toLowerCase()
    : says.find(([pattern]) => pattern.test(text))?.[1]
}

/** A mistyped code in `waive` would waive nothing, and nobody would know. */
function unknownWaivers(waive: ReadonlySet<string>): readonly FindingDraft[] {
  const unknown = [...waive].filter((code) => !waivableCodes.some((known) => known === code))
  if (unknown.length === 0) return []
  const meant = nearestName(unknown.slice(0, 1), waivableCodes)
  return [{ code: 'UnknownWaiver', params: { unknown, ...(meant === undefined ? {} : { meant }) } }]
}

/** One finding for both fields, and nothing about the form of either. */
function swapProblems(field: FieldDefinition, other: FieldDefinition): readonly ValueProblem[] {
  return field.name < other.name ? [{ code: 'SwappedFields', params: { other: other.name } }] : []
}

/**
 * Pairs of which each holds what the other should, and at least one does not hold what it should. Where the other one could
 * stay as it is, that says something only if the form of the wrong one tells the two apart.
 */
function findSwapped(fields: readonly CheckedField[]): ReadonlyMap<CheckedField, CheckedField> {
  const swapped = new Map<CheckedField, CheckedField>()
  const takes = ({ shape }: CheckedField, text: string | undefined): boolean =>
    shape !== undefined && text !== undefined && fits(shape, text)
  const tellsApart = (wrong: CheckedField, { definition, shape }: CheckedField): boolean =>
    !takes(wrong, definition.example ?? shape?.example)
  for (const [index, a] of fields.entries()) {
    for (const b of fields.slice(index + 1)) {
      if (swapped.has(a) || swapped.has(b) || a.shape === b.shape) continue
      if (!takes(a, b.read.text) || !takes(b, a.read.text)) continue
      const aIsRight = takes(a, a.read.text)
      const bIsRight = takes(b, b.read.text)
      if ((aIsRight && bIsRight) || (bIsRight && !tellsApart(a, b)) || (aIsRight && !tellsApart(b, a))) continue
      swapped.set(a, b)
      swapped.set(b, a)
    }
  }
  return swapped
}
