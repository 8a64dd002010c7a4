/** Credentials with which a service is content, made from the examples of the catalogue. None of them works anywhere. */
import type { Says, ServiceDefinition, VariantDefinition } from '../../src/catalogue/definition.ts'
import { exampleOf, findField, fits } from '../../src/catalogue/definition.ts'
import { certificate, rsaKey } from './pem.ts'

const lower = 'abcdefghijklmnopqrstuvwxyz'

/** Text that looks random and is the same in each run. */
export function variedText(alphabet: string, length: number, seed = 1): string {
  let state = seed * 2654435761
  return Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return alphabet.charAt((state >>> 8) % alphabet.length)
  }).join('')
}

function alphabetOf(character: string): string {
  if (/\d/.test(character)) return '123456789'
  return character === character.toLowerCase() ? lower : lower.toUpperCase()
}

/** Replaces what in an example stands for random characters: runs of one of them, and whatever is "not-a-real-" thing. */
export function vary(example: string, seed = 1, prefix = ''): string {
  const start = example.startsWith(prefix) ? prefix : ''
  const varied = example
    .slice(start.length)
    .replace(/not-a-real-[\w-]+/g, () => variedText(lower, 24, seed))
    .replace(/([A-Za-z0-9])\1{7,}/g, (run, character: string, at: number) =>
      variedText(alphabetOf(character), run.length, seed + at),
    )
  return start + readable(varied)
}

const certificatePem = certificate()
const privateKeyPem = rsaKey()

/** Puts readable PEM in place of what only looks like it. */
function readable(text: string): string {
  const inJson = text.startsWith('{')
  const pem = (block: string): string => (inJson ? JSON.stringify(block).slice(1, -1) : block.trimEnd())
  return text
    .replace(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g, () => pem(certificatePem))
    .replace(/-----BEGIN PRIVATE KEY-----[^-]*-----END PRIVATE KEY-----/g, () => pem(privateKeyPem))
}

/**
 * The keys and values of a Secret that makes up the variant.
 * @param names default: the required fields
 */
export function validCredentials(
  service: ServiceDefinition,
  variant: VariantDefinition,
  names: readonly string[] = variant.required,
  seed = 1,
): Record<string, string> {
  const values = new Map(
    names.map((name) => {
      const example = exampleOf(service, variant, name)
      if (example === undefined) throw new Error(`${service.id}: ${name} has no example`)
      const shape = variant.shapes?.[name] ?? findField(service, name)?.shape
      const value = vary(example, seed, shape?.prefix)
      if (shape !== undefined && !fits(shape, value)) {
        throw new Error(`${service.id}: the example of ${name} does not fit its pattern any more when it is varied`)
      }
      return [name, value]
    }),
  )
  return Object.fromEntries(
    [...agreeing(service, values)].map(([name, value]) => [variant.keys?.[name]?.[0] ?? name, value]),
  )
}

/** What a field says of the thing that an agreement is about. */
export function whatItSays(says: Says, text: string): string | undefined {
  if (typeof says === 'function') return says(text)
  return says instanceof RegExp ? says.exec(text)?.[1] : says.find(([pattern]) => pattern.test(text))?.[1]
}

/** Puts what one field says, such as a region or an account, into the other one. */
export function agreeing(service: ServiceDefinition, values: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const [agreement] = service.agreements ?? []
  const one = agreement === undefined ? undefined : values.get(agreement.fields[0])
  const other = agreement === undefined ? undefined : values.get(agreement.fields[1])
  if (agreement === undefined || one === undefined || other === undefined) return values
  const said = whatItSays(agreement.says[0], one)
  const theirs = whatItSays(agreement.says[1], other)
  if (said === undefined || theirs === undefined) return values
  return new Map(values).set(agreement.fields[1], other.replace(theirs, said))
}

/** The sets that can be found by themselves, and that the service still takes. */
export function usableVariants(service: ServiceDefinition): readonly VariantDefinition[] {
  return service.variants.filter(
    ({ sameAs, shapes }) =>
      sameAs === undefined && !Object.values(shapes ?? {}).some(({ retired }) => retired !== undefined),
  )
}
