/** Finds out which set of credentials the fields that are there make up. Pure. */
import type { ServiceDefinition, Shape, VariantDefinition } from '../catalogue/definition.ts'
import { findField, fits } from '../catalogue/definition.ts'

export interface VariantChoice {
  /** Complete sets, in the catalogue's order; more than one when the fields of several are there. Empty: none is. */
  readonly complete: readonly VariantDefinition[]
  /** All sets whose fields are there, whatever the contents say; the nearest one, if there are none. */
  readonly filled: readonly VariantDefinition[]
  /** The first complete set, or the one that is closest to being complete. */
  readonly nearest: VariantDefinition | undefined
}

function includesAll(all: readonly string[], some: readonly string[]): boolean {
  return some.every((name) => all.includes(name))
}

/** Sets that can be complete with the same fields: the contents decide among them. */
function compete(a: VariantDefinition, b: VariantDefinition): boolean {
  return includesAll(a.required, b.required) || includesAll(b.required, a.required)
}

/** What is known of the fields while the set is still open. */
export interface FieldsSeen {
  /** Whether a field has a value, or something was said about it already. */
  readonly present: (field: string) => boolean
  /** The value of a field as it was meant. */
  readonly text: (field: string) => string | undefined
  /** The key of a Secret under which a field was found. */
  readonly key: (field: string) => string | undefined
}

export function chooseVariant(service: ServiceDefinition, seen: FieldsSeen): VariantChoice {
  const variants = service.variants.filter((variant) => variant.sameAs === undefined && hasItsKeys(variant, seen))
  const filled = variants.filter((variant) => variant.required.every(seen.present))
  const meant = filled.filter((variant) => !isRuledOut(variant, filled, seen.text))
  const complete = meant.filter((variant, index) => {
    const used = usedFields(variant, seen)
    return !meant.some((other, at) => other !== variant && supersedes(usedFields(other, seen), used, at < index))
  })
  const nearest =
    complete[0] ??
    variants.toSorted(
      (a, b) =>
        distance(a, seen.present) - distance(b, seen.present) || misfits(service, a, seen) - misfits(service, b, seen),
    )[0]
  return { complete, nearest, filled: filled.length > 0 || nearest === undefined ? filled : [nearest] }
}

function hasItsKeys({ keys }: VariantDefinition, { key }: FieldsSeen): boolean {
  return Object.entries(keys ?? {}).every(([field, allowed]) => allowed.includes(key(field) ?? ''))
}

/** Whether the contents speak for another set that can be made of the same fields. */
function isRuledOut(
  variant: VariantDefinition,
  filled: readonly VariantDefinition[],
  text: FieldsSeen['text'],
): boolean {
  const recognised = variant.recognise?.(text)
  if (recognised === true) return false
  const others = filled.filter((other) => other !== variant && compete(other, variant))
  return others.some((other) => {
    const otherwise = other.recognise?.(text)
    if (recognised === undefined) return otherwise === true
    return otherwise !== false || filled.indexOf(other) < filled.indexOf(variant)
  })
}

function usedFields(variant: VariantDefinition, { present }: FieldsSeen): readonly string[] {
  return [...variant.required, ...variant.optional].filter(present)
}

/** Whoever has what the one set uses, and more of another, means the other. With the same fields the first one counts. */
function supersedes(fields: readonly string[], others: readonly string[], first: boolean): boolean {
  return includesAll(fields, others) && (fields.length > others.length || first)
}

/** Fewest missing fields first, then most present ones, then most optional ones. Sorting is stable. */
function distance(variant: VariantDefinition, present: (field: string) => boolean): number {
  const there = variant.required.filter(present).length
  const optional = variant.optional.filter(present).length
  return (variant.required.length - there) * 10_000 - there * 100 - optional
}

/** How many values are not of the form that they have in the set. */
function misfits(service: ServiceDefinition, variant: VariantDefinition, { text }: FieldsSeen): number {
  return [...variant.required, ...variant.optional].filter((name) => {
    const shape = variant.shapes?.[name] ?? findField(service, name)?.shape
    const value = text(name)
    return shape !== undefined && value !== undefined && !fits(shape, value)
  }).length
}

/**
 * The shape that holds for a field in any of the variants, which come in order of preference: one that the value has, if
 * the variants differ about it.
 */
export function shapeOf(
  service: ServiceDefinition,
  variants: readonly VariantDefinition[],
  field: string,
  text: string | undefined,
): Shape | undefined {
  const owners = variants.filter((variant) => variant.required.includes(field) || variant.optional.includes(field))
  const general = findField(service, field)?.shape
  const shapes = owners.map((variant) => variant.shapes?.[field] ?? general)
  const fitting = text === undefined ? undefined : shapes.find((shape) => shape !== undefined && fits(shape, text))
  return fitting ?? owners.find((variant) => variant.shapes?.[field])?.shapes?.[field] ?? general
}

/** Every shape that the field can have in some variant. */
export function allShapesOf(service: ServiceDefinition, field: string): readonly Shape[] {
  return [findField(service, field)?.shape, ...service.variants.map((variant) => variant.shapes?.[field])].filter(
    (shape) => shape !== undefined,
  )
}
