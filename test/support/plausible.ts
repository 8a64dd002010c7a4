/** Credentials with which a service is content, drawn at random. None of them works anywhere. */
import type { FieldDefinition, ServiceDefinition, Shape, VariantDefinition } from '../../src/catalogue/definition.ts'
import { exampleOf, findField, fits } from '../../src/catalogue/definition.ts'
import { services } from '../../src/catalogue/services.ts'
import { acceptedKeys } from '../../src/credentials/resolve.ts'
import { certificate, ellipticKey, rsaKey } from './pem.ts'
import type { Random } from './random.ts'
import { alphanumeric, lower, matching } from './random.ts'
import { agreeing, usableVariants, vary, whatItSays } from './valid-credentials.ts'

/** One field of a set, as it stands in a Secret. */
export interface PlausibleField {
  readonly definition: FieldDefinition
  readonly shape: Shape | undefined
  readonly key: string
  readonly value: string
}

export interface PlausibleSet {
  readonly service: ServiceDefinition
  readonly variant: VariantDefinition
  readonly fields: readonly PlausibleField[]
}

/** Every set of every service, but those that are refused and those that look like another one. */
export const allVariants: readonly (readonly [ServiceDefinition, VariantDefinition])[] = [...services.values()].flatMap(
  (service) => usableVariants(service).map((variant) => [service, variant] as const),
)

export const certificates: readonly string[] = [
  certificate(),
  certificate(new Date('2031-05-01')),
  certificate(undefined, true),
]
export const rsaKeys: readonly string[] = [rsaKey(), rsaKey(), rsaKey('pkcs1')]
const anyKeys: readonly string[] = [...rsaKeys, ellipticKey(), ellipticKey('sec1')]

const words = ['app', 'mailer', 'svc-orders', 'team.crm', 'reporting', 'ingest_7', 'Analytics', 'shop']
const signs = '!#%&*+-.?@^_~,;'

export function shapeIn(variant: VariantDefinition, definition: FieldDefinition): Shape | undefined {
  return variant.shapes?.[definition.name] ?? definition.shape
}

/** A set of credentials without a mistake. */
export function plausibleSet(
  service: ServiceDefinition,
  variant: VariantDefinition,
  random: Random,
  optional = true,
): PlausibleSet {
  for (let attempt = 0; attempt < 200; attempt++) {
    const names = [...variant.required, ...(optional ? someOptional(service, variant, random) : [])]
    const fields = names.map((name) => plausibleField(service, variant, name, random))
    const values = agreeing(service, new Map(fields.map(({ definition, value }) => [definition.name, value])))
    const agreed = fields.map((field) => ({ ...field, value: values.get(field.definition.name) ?? field.value }))
    const set = { service, variant, fields: agreed }
    if (isConsistent(set)) return set
  }
  throw new Error(`${service.id} ${variant.id}: no set without a contradiction was found`)
}

function someOptional(service: ServiceDefinition, variant: VariantDefinition, random: Random): readonly string[] {
  const names = variant.optional.filter(() => random.chance(25))
  const all = [...variant.required, ...names]
  // More of one set is less than another one as a whole, which would be found as well.
  const other = service.variants.some(
    ({ id, required, sameAs }) =>
      id !== variant.id &&
      sameAs === undefined &&
      required.some((name) => !variant.required.includes(name)) &&
      required.every((name) => all.includes(name)),
  )
  return other ? [] : names
}

function plausibleField(
  service: ServiceDefinition,
  variant: VariantDefinition,
  name: string,
  random: Random,
): PlausibleField {
  const definition = findField(service, name)
  if (definition === undefined) throw new Error(`${service.id} has no field ${name}`)
  const shape = shapeIn(variant, definition)
  const value = plausibleValue(service, variant, definition, random)
  return { definition, shape, key: plausibleKey(service, variant, definition, random), value }
}

/** The name of the field, or one of the others that stand for this field and for no other. */
function plausibleKey(
  service: ServiceDefinition,
  variant: VariantDefinition,
  definition: FieldDefinition,
  random: Random,
): string {
  const only = variant.keys?.[definition.name]
  if (only !== undefined) return random.pick(only)
  if (service.open === true || random.chance(60)) return definition.name
  const special = service.variants.flatMap(({ keys }) => Object.values(keys ?? {}).flat())
  const taken = service.fields.filter((other) => other !== definition).flatMap((other) => acceptedKeys(service, other))
  const free = acceptedKeys(service, definition).filter((key) => !taken.includes(key) && !special.includes(key))
  return free.length === 0 ? definition.name : random.pick(free)
}

/** A value of the field in the variant. */
export function plausibleValue(
  service: ServiceDefinition,
  variant: VariantDefinition,
  definition: FieldDefinition,
  random: Random,
): string {
  const shape = shapeIn(variant, definition)
  if (shape === undefined)
    return definition.secret ? password(random) : random.pick(words) + random.text('123456789', 3)
  for (let attempt = 0; attempt < 30; attempt++) {
    const value = ofShape(shape, random)
    if (fits(shape, value) && isPlausible(value)) return value
  }
  // What a pattern cannot describe (base64 of something, JSON) is made of the example.
  const example = exampleOf(service, variant, definition.name)
  if (example === undefined) throw new Error(`${service.id}: ${definition.name} has no example`)
  return vary(example, random.integer(1, 1_000_000), shape.prefix)
}

function ofShape(shape: Shape, random: Random): string {
  const { pem } = shape
  if (pem !== undefined) {
    if (pem.includes('certificate')) {
      return random.chance(70) ? random.pick(certificates) : random.pick(certificates) + random.pick(certificates)
    }
    const key = pem.includes('RSA private key') ? random.pick(rsaKeys) : random.pick(anyKeys)
    return shape.accepts === undefined ? key : random.pick(certificates) + key
  }
  const value = matching(shape.pattern, random)
  return shape.checksum === undefined ? value : withChecksum(shape.checksum, value)
}

function withChecksum(checksum: NonNullable<Shape['checksum']>, value: string): string {
  const tail = checksum(value)
  return value.slice(0, value.length - tail.length) + tail
}

/** Nobody has these by chance. */
function isPlausible(value: string): boolean {
  const ports = [...value.matchAll(/:(\d{1,5})(?=[,/?#]|$)/g)].map(([, port]) => Number(port))
  return (
    !/^(["'`]).*\1$|^=|^[A-Z][A-Z0-9_]*=|:\/\/\/|\$\{/.test(value) && ports.every((port) => port >= 1 && port <= 65535)
  )
}

/** A generated password: no form is known of it. */
export function password(random: Random): string {
  const text = random.text(alphanumeric + signs, random.integer(12, 32))
  return random.text(lower, 1) + text + random.text(alphanumeric, 1)
}

/** What fields say about each other holds, and the contents speak for this set alone. */
function isConsistent({ service, variant, fields }: PlausibleSet): boolean {
  const text = (name: string): string | undefined => fields.find(({ definition }) => definition.name === name)?.value
  const partners = (service.partners ?? []).every(({ field, pattern, needs, excludes }) => {
    const value = text(field)
    if (value === undefined || pattern?.test(value) === false) return true
    return (
      (needs === undefined || text(needs) !== undefined) && (excludes === undefined || text(excludes) === undefined)
    )
  })
  const others = usableVariants(service).filter(
    (other) => other !== variant && other.required.every((name) => text(name) !== undefined),
  )
  const recognised = variant.recognise?.(text) !== false && !others.some((other) => other.recognise?.(text) === true)
  const agree = (service.agreements ?? []).every(({ fields: [one, other], says }) => {
    const [a, b] = [text(one), text(other)]
    if (a === undefined || b === undefined) return true
    const [first, second] = [whatItSays(says[0], a), whatItSays(says[1], b)]
    return first === undefined || second === undefined || first === second
  })
  return partners && recognised && agree
}

/** The keys of the Secret, with other values for some of them. */
export function valuesOf(set: PlausibleSet, changed: ReadonlyMap<string, string | Uint8Array> = new Map()) {
  return new Map(set.fields.map(({ key, value }) => [key, changed.get(key) ?? value]))
}
