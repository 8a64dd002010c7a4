/**
 * Checks a TracardiResource as the API server would: the schema of the CRD first, then its CEL rules where the schema holds.
 * Both come from the CRD itself, so whatever it learns holds here too. Messages are ours or the CRD's; none has a value.
 */
import type { ParseResult } from '@marcbachmann/cel-js'
import { Environment } from '@marcbachmann/cel-js'
import { buildCrd } from '../api/crd.ts'
import type { StructuralSchema } from '../api/crd.ts'
import type { ValidationRule } from '../api/schema.ts'
import { nearestName, printableName } from '../credentials/names.ts'
import type { ManifestCode } from './manifest-codes.ts'
import { looksLikeCredential } from '../credentials/credential-names.ts'
import type { Tree } from './tree.ts'

export type Path = readonly (string | number)[]

export interface SchemaFinding {
  readonly code: ManifestCode
  /** From the root of the object. */
  readonly path: Path
  readonly message: string
}

interface CompiledRule {
  readonly message: string
  readonly fieldPath: Path
  readonly evaluate: ParseResult
}

interface CompiledSchema {
  readonly root: StructuralSchema
  readonly rules: ReadonlyMap<StructuralSchema, readonly CompiledRule[]>
  /** Rules that only the API server can check. */
  readonly serverOnly: readonly string[]
}

let compiled: CompiledSchema | undefined

/** The schema of the CRD. Compiled once, when it is first needed. */
export function crdSchema(): CompiledSchema {
  compiled ??= compile()
  return compiled
}

function compile(): CompiledSchema {
  const crd = buildCrd() as unknown as {
    spec: { versions: readonly { schema: { openAPIV3Schema: StructuralSchema } }[] }
  }
  const root = crd.spec.versions[0]?.schema.openAPIV3Schema ?? {}
  // Status is the operator's, and is not looked at in a manifest.
  const checked: StructuralSchema = { ...root, properties: { ...root.properties } }
  delete checked.properties?.['status']
  const rules = new Map<StructuralSchema, readonly CompiledRule[]>()
  const serverOnly: string[] = []
  const environment = new Environment({ unlistedVariablesAreDyn: true })
  const walk = (schema: StructuralSchema): void => {
    const own: CompiledRule[] = []
    for (const { rule, message, fieldPath } of (schema['x-kubernetes-validations'] ??
      []) as readonly ValidationRule[]) {
      const evaluate = compileRule(environment, rule)
      if (evaluate === undefined) serverOnly.push(message)
      else own.push({ message, fieldPath: parseFieldPath(fieldPath ?? ''), evaluate })
    }
    if (own.length > 0) rules.set(schema, own)
    for (const property of Object.values(schema.properties ?? {})) walk(property)
    if (schema.items !== undefined) walk(schema.items)
    if (schema.additionalProperties !== undefined) walk(schema.additionalProperties)
  }
  walk(checked)
  return { root: checked, rules, serverOnly }
}

/** Undefined for what compares with the object as it was, and for functions that only the API server has. */
function compileRule(environment: Environment, rule: string): ParseResult | undefined {
  if (/\boldSelf\b/.test(rule)) return undefined
  try {
    const parsed = environment.parse(rule)
    return parsed.check().valid ? parsed : undefined
  } catch {
    return undefined
  }
}

/** `.spec.credentials`, or `.fields` as seen from the schema of the rule. */
function parseFieldPath(text: string): Path {
  return text.split('.').filter((part) => part !== '')
}

export function checkSchema(tree: Tree): readonly SchemaFinding[] {
  const findings: SchemaFinding[] = []
  new SchemaCheck(crdSchema(), findings).check(tree, crdSchema().root, [])
  return findings
}

/** Lives for one object. */
class SchemaCheck {
  readonly #schema: CompiledSchema
  readonly #findings: SchemaFinding[]

  constructor(schema: CompiledSchema, findings: SchemaFinding[]) {
    this.#schema = schema
    this.#findings = findings
  }

  /** @returns whether the schema holds for the whole of it, so that the rules can be asked */
  check(tree: Tree, schema: StructuralSchema, path: Path): boolean {
    if (isNull(tree) && schema.nullable === true) return true
    const before = this.#findings.length
    if (!this.#checkType(tree, schema, path)) return false
    if (tree.kind === 'map') this.#checkMap(tree, schema, path)
    else if (tree.kind === 'list') this.#checkList(tree, schema, path)
    else this.#checkScalar(tree.value, schema, path)
    // Unknown fields and repeated keys do not keep a rule from being right or wrong.
    if (this.#findings.slice(before).some(({ code }) => code === 'FieldMissing' || code === 'FieldInvalid'))
      return false
    this.#checkRules(tree, schema, path)
    return true
  }

  #complain(code: ManifestCode, path: Path, message: string): void {
    this.#findings.push({ code, path, message })
  }

  #checkType(tree: Tree, schema: StructuralSchema, path: Path): boolean {
    const wanted = schema.type === 'object' ? 'map' : schema.type === 'array' ? 'list' : schema.type
    const is = typeName(tree)
    if (is === wanted || (wanted === 'number' && is === 'integer')) return true
    const quotes = wanted === 'string' && tree.kind === 'scalar' && tree.value !== null ? ' Put it in quotes.' : ''
    const article = (type: string | undefined): string =>
      type === 'integer' ? 'an integer' : type === 'nothing' ? 'nothing' : `a ${type ?? 'value'}`
    this.#complain('FieldInvalid', path, `${nameOf(path)} is ${article(is)} and must be ${article(wanted)}.${quotes}`)
    return false
  }

  #checkMap(tree: Tree & { kind: 'map' }, schema: StructuralSchema, path: Path): void {
    for (const { key } of tree.repeated) {
      this.#complain('KeyRepeated', [...path, key], `${nameOf([...path, key])} stands twice. Remove one of the two.`)
    }
    const { properties, additionalProperties } = schema
    if (properties !== undefined) {
      // What is meant by a mistyped field is not missing as well.
      const meant = new Set<string>()
      for (const key of tree.entries.keys()) {
        if (Object.hasOwn(properties, key) || (path.length === 0 && key === 'status')) continue
        const nearest = this.#unknownField(key, Object.keys(properties), path)
        if (nearest !== undefined) meant.add(nearest)
      }
      for (const name of (schema['required'] ?? []) as readonly string[]) {
        const entry = tree.entries.get(name)
        const isThere = entry !== undefined && !(isNull(entry.tree) && properties[name]?.nullable !== true)
        if (!isThere && !meant.has(name)) {
          this.#complain(
            'FieldMissing',
            [...path, name],
            `${nameOf([...path, name])} is missing, and is needed.${describe(properties[name])}`,
          )
        }
      }
      for (const [name, property] of Object.entries(properties)) {
        const entry = tree.entries.get(name)
        // The API server drops a null for what is not nullable.
        if (entry !== undefined && !(isNull(entry.tree) && property.nullable !== true))
          this.check(entry.tree, property, [...path, name])
      }
    } else if (additionalProperties !== undefined) {
      for (const [key, entry] of tree.entries) this.check(entry.tree, additionalProperties, [...path, key])
    }
    this.#checkSize(tree.entries.size, schema, 'Properties', 'entries', path)
  }

  /** @returns the field that was meant */
  #unknownField(key: string, known: readonly string[], path: Path): string | undefined {
    // Metadata is checked by the API server for every kind, and has no properties here.
    if (known.length === 0) return undefined
    const nearest = nearestName([key], known)
    const owner = path.length === 0 ? 'A TracardiResource' : nameOf(path)
    const hint = nearest === undefined ? ` Its fields: ${known.join(', ')}.` : ` Did you mean ${nearest}?`
    this.#complain('FieldUnknown', [...path, key], `${owner} has no field ${quotedField(key)}.${hint}`)
    return nearest
  }

  #checkList(tree: Tree & { kind: 'list' }, schema: StructuralSchema, path: Path): void {
    this.#checkSize(tree.items.length, schema, 'Items', 'entries', path)
    const { items } = schema
    if (items !== undefined) for (const [index, item] of tree.items.entries()) this.check(item, items, [...path, index])
    this.#checkUnique(tree, schema, path)
  }

  #checkUnique(tree: Tree & { kind: 'list' }, schema: StructuralSchema, path: Path): void {
    const mapKeys = schema['x-kubernetes-list-map-keys'] as readonly string[] | undefined
    if (mapKeys === undefined && schema['x-kubernetes-list-type'] !== 'set') return
    const seen = new Set<string>()
    for (const [index, item] of tree.items.entries()) {
      const parts =
        mapKeys === undefined
          ? [item]
          : mapKeys.map((key) => (item.kind === 'map' ? item.entries.get(key)?.tree : undefined))
      const key = JSON.stringify(parts.map((part) => (part?.kind === 'scalar' ? String(part.value) : '')))
      if (seen.has(key)) {
        const same = mapKeys === undefined ? 'is' : `has the same ${mapKeys.join(' and ')} as`
        this.#complain(
          'FieldInvalid',
          [...path, index],
          `${nameOf([...path, index])} ${same === 'is' ? 'stands in the list twice' : `${same} an entry before it`}.`,
        )
      }
      seen.add(key)
    }
  }

  #checkScalar(value: string | number | bigint | boolean | null, schema: StructuralSchema, path: Path): void {
    if (schema.enum !== undefined && !schema.enum.includes(value)) {
      const allowed = schema.enum.map(String)
      const nearest = typeof value === 'string' ? nearestName([value], allowed) : undefined
      // `spec.service` is told of by the check of the credentials, which knows what was meant.
      if (path.join('.') === 'spec.service') return
      const hint = nearest === undefined ? '' : ` Did you mean ${nearest}?`
      this.#complain('FieldInvalid', path, `${nameOf(path)} must be one of ${allowed.join(', ')}.${hint}`)
    }
    if (typeof value === 'string') {
      // In characters, as the API server counts: a pair of surrogates is one.
      this.#checkSize(Array.from(value).length, schema, 'Length', 'characters', path)
      const { pattern } = schema
      if (typeof pattern === 'string' && !new RegExp(pattern, 'u').test(value)) {
        this.#complain(
          'FieldInvalid',
          path,
          `${nameOf(path)} has not the form that the schema demands.${describe(schema)}`,
        )
      }
    } else if (typeof value === 'number' || typeof value === 'bigint') {
      const { minimum, maximum } = schema
      if (typeof minimum === 'number' && value < minimum)
        this.#complain('FieldInvalid', path, `${nameOf(path)} must be at least ${minimum}.`)
      if (typeof maximum === 'number' && value > maximum)
        this.#complain('FieldInvalid', path, `${nameOf(path)} must be at most ${maximum}.`)
    }
  }

  #checkSize(
    size: number,
    schema: StructuralSchema,
    what: 'Items' | 'Length' | 'Properties',
    unit: string,
    path: Path,
  ): void {
    const least = schema[`min${what}`]
    const most = schema[`max${what}`]
    if (typeof least === 'number' && size < least)
      this.#complain('FieldInvalid', path, `${nameOf(path)} has ${size} ${unit}, at least ${least} are needed.`)
    if (typeof most === 'number' && size > most)
      this.#complain('FieldInvalid', path, `${nameOf(path)} has ${size} ${unit}, at most ${most} are allowed.`)
  }

  #checkRules(tree: Tree, schema: StructuralSchema, path: Path): void {
    const rules = this.#schema.rules.get(schema)
    if (rules === undefined) return
    const self = celValue(tree, schema)
    for (const { evaluate, message, fieldPath } of rules) {
      let holds: unknown
      try {
        holds = evaluate({ self })
      } catch {
        // Whatever the API server makes of it: no rule of ours fails to be evaluated there.
        continue
      }
      const sentence = `${message.charAt(0).toUpperCase()}${message.slice(1)}.`
      const where = [...path, ...fieldPath]
      if (holds !== true) this.#complain('RuleBroken', where, `${nameOf(where)}: ${sentence}`)
    }
  }
}

function isNull(tree: Tree): boolean {
  return tree.kind === 'scalar' && tree.value === null
}

function typeName(tree: Tree): string {
  if (tree.kind !== 'scalar') return tree.kind
  const { value } = tree
  if (value === null) return 'nothing'
  if (typeof value === 'bigint') return 'integer'
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number'
  return typeof value
}

/** As CEL sees it in the API server: null for a field is absent, null in a map of free keys stays. */
function celValue(tree: Tree, schema: StructuralSchema | undefined): unknown {
  switch (tree.kind) {
    case 'map': {
      const value: Record<string, unknown> = {}
      for (const [key, entry] of tree.entries) {
        if (schema?.properties !== undefined && isNull(entry.tree)) continue
        const inner = schema?.properties === undefined ? schema?.additionalProperties : schema.properties[key]
        Object.defineProperty(value, key, { value: celValue(entry.tree, inner), enumerable: true })
      }
      return value
    }
    case 'list':
      return tree.items.map((item) => celValue(item, schema?.items))
    case 'scalar':
      return typeof tree.value === 'number' && Number.isInteger(tree.value) ? BigInt(tree.value) : tree.value
  }
}

/** `spec.credentials.fields[0].name`. Names that could be anything are not shown. */
export function nameOf(path: Path): string {
  const text = path.reduce<string>((whole, part) => {
    if (typeof part === 'number') return `${whole}[${part}]`
    return /^[A-Za-z][\w-]*$/.test(part) && !looksLikeCredential(part) ? `${whole}.${part}` : `${whole}[...]`
  }, '')
  return text === '' ? 'the object' : text.replace(/^\./, '')
}

function quotedField(key: string): string {
  return looksLikeCredential(key) ? 'of that name' : `"${printableName(key)}"`
}

/** The first sentence of a description. */
function describe(schema: StructuralSchema | undefined): string {
  const first = schema?.description?.split('\n')[0]?.split(/(?<=\.) /)[0]
  return first === undefined || first === '' ? '' : ` ${first}`
}
