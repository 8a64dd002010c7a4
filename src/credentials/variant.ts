/** Finds out which set of credentials the fields that are there make up. Pure. */
import type { ServiceDefinition, Shape, VariantDefinition } from '../catalogue/definition.ts'
import { findField } from '../catalogue/definition.ts'

export interface VariantChoice {
  /** Complete sets, in the catalogue's order; more than one when the fields of several are there. Empty: none is. */
  readonly complete: readonly VariantDefinition[]
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

/**
 * @param present whether a field has a value, or something was said about it already
 * @param text the value of a field as it was meant
 */
export function chooseVariant(
  service: ServiceDefinition,
  present: (field: string) => boolean,
  text: (field: string) => string | undefined,
): VariantChoice {
  const variants = service.variants.filter((variant) => variant.sameAs === undefined)
  const groups: VariantDefinition[][] = []
  for (const variant of variants) {
    if (!variant.required.every(present)) continue
    const group = groups.find((members) => members.some((member) => compete(member, variant)))
    if (group === undefined) groups.push([variant])
    else group.push(variant)
  }
  const complete = groups
    .map(
      (group) =>
        group.find((variant) => variant.recognise?.(text) === true) ??
        group.find((variant) => variant.recognise === undefined) ??
        group[0],
    )
    .filter((variant) => variant !== undefined)
  const nearest = complete[0] ?? variants.toSorted((a, b) => distance(a, present) - distance(b, present))[0]
  return { complete, nearest }
}

/** Fewest missing fields first, then most present ones, then most optional ones. Sorting is stable. */
function distance(variant: VariantDefinition, present: (field: string) => boolean): number {
  const there = variant.required.filter(present).length
  const optional = variant.optional.filter(present).length
  return (variant.required.length - there) * 10_000 - there * 100 - optional
}

/** The shape that holds for a field in any of the variants, which come in order of preference. */
export function shapeOf(
  service: ServiceDefinition,
  variants: readonly VariantDefinition[],
  field: string,
): Shape | undefined {
  const owners = variants.filter((variant) => variant.required.includes(field) || variant.optional.includes(field))
  return owners.find((variant) => variant.shapes?.[field])?.shapes?.[field] ?? findField(service, field)?.shape
}

/** Every shape that the field can have in some variant. */
export function allShapesOf(service: ServiceDefinition, field: string): readonly Shape[] {
  return [findField(service, field)?.shape, ...service.variants.map((variant) => variant.shapes?.[field])].filter(
    (shape) => shape !== undefined,
  )
}
