/**
 * What the property tests of the credential checks share. Together they try 100,000 cases. The seed is fixed, so that every
 * run of a commit has the same cases: PROPERTIES_SEED=n tries others, PROPERTIES_CASES=n another number for each property.
 */
import fc from 'fast-check'
import type { Inspection } from '../../src/credentials/inspect.ts'
import { inspect } from '../../src/credentials/inspect.ts'
import { Sensitive } from '../../src/credentials/sensitive.ts'

const seed = Number(process.env['PROPERTIES_SEED'] ?? 20_261_124)

/** What the checks take for today. */
export const today = Date.parse('2026-11-24')

/** Milliseconds that a property may take on a machine that has much else to do. */
export const longest = 240_000

/**
 * Tries a predicate, which throws where something is wrong, and prints the number of cases and the seed.
 * @param name for the line that is printed
 * @param items one of them is drawn for each case, with a seed for all further choices
 */
export function tryCases<T>(
  name: string,
  cases: number,
  items: readonly T[],
  predicate: (item: T, seed: number) => void,
) {
  const numRuns = Number(process.env['PROPERTIES_CASES'] ?? cases)
  const start = process.cpuUsage()
  // Small numbers are no better than others, so there is nothing to shrink.
  const choice = fc.noShrink(fc.noBias(fc.record({ index: fc.nat(items.length - 1), seed: fc.nat(0xffffffff) })))
  const property = fc.property(choice, ({ index, seed: own }) => {
    const item = items[index]
    if (item !== undefined) predicate(item, own)
  })
  fc.assert(property, { numRuns, seed })
  const { user, system } = process.cpuUsage(start)
  process.stdout.write(`${name}: ${numRuns} cases, seed ${seed}, ${((user + system) / 1e6).toFixed(1)} s of CPU\n`)
}

/** What is found in a Secret with these keys. */
export function inspectSecret(service: string, data: ReadonlyMap<string, string | Uint8Array>): Inspection {
  const values = [...data].map(([key, value]) => [key, Sensitive.of(Buffer.from(value as string))] as const)
  return inspect({
    service,
    credentials: { secretRef: { name: 'src' } },
    secrets: new Map([['src', { name: 'src', type: 'Opaque', data: new Map(values) }]]),
    now: today,
  })
}

/** `Code field key`, with a question mark for warnings. */
export function summary({ unresolved, findings }: Inspection): readonly string[] {
  return [...unresolved, ...findings].map(
    ({ code, severity, field, key }) => `${code}${severity === 'warning' ? '?' : ''} ${field ?? '-'} ${key ?? '-'}`,
  )
}
