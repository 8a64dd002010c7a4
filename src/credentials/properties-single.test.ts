/** Credentials drawn at random pass; with one mistake that one is found, and nothing else is said. */
import { describe, expect, it } from 'vitest'
import { mistakes, setMistakes } from '../../test/support/mistakes.ts'
import { allVariants, plausibleSet, valuesOf } from '../../test/support/plausible.ts'
import { inspectSecret, longest, summary, tryCases } from '../../test/support/properties.ts'
import { Random } from '../../test/support/random.ts'

it('values without a mistake raise no alarm, and the right set is found', { timeout: longest }, () => {
  tryCases('no mistake', 10_000, allVariants, ([service, variant], seed) => {
    const inspection = inspectSecret(service.id, valuesOf(plausibleSet(service, variant, new Random(seed))))
    expect(summary(inspection)).toEqual([])
    expect(inspection.variant).toBe(variant.id)
    expect(inspection.valid).toBe(true)
  })
})

describe('one mistake is found, and nothing else is said', () => {
  it('in a value', { timeout: longest }, () => {
    tryCases('one mistake in a value', 36_000, allVariants, ([service, variant], seed) => {
      const random = new Random(seed)
      const set = plausibleSet(service, variant, random)
      if (set.fields.length === 0) return
      const field = random.pick(set.fields)
      // Most mistakes can be made in some values only.
      for (let attempt = 0; attempt < 40; attempt++) {
        const mistake = random.pick(mistakes)
        const mistaken = mistake.make(field, random, set)
        if (mistaken === undefined) continue
        const inspection = inspectSecret(service.id, valuesOf(set, new Map([[field.key, mistaken.value]])))
        const mark = mistaken.warns === true ? '?' : ''
        const right = mistaken.codes.map((code) => [`${code}${mark} ${field.definition.name} ${field.key}`])
        expect(right, `${mistake.row} ${mistake.name}: ${JSON.stringify(mistaken.value)}`).toContainEqual(
          summary(inspection),
        )
        expect(inspection.valid).toBe(mistaken.warns === true)
        return
      }
    })
  })

  it('in what belongs together', { timeout: longest }, () => {
    tryCases('one mistake in a set', 12_000, allVariants, ([service, variant], seed) => {
      const random = new Random(seed)
      const set = plausibleSet(service, variant, random)
      for (let attempt = 0; attempt < 20; attempt++) {
        const mistake = random.pick(setMistakes)
        const mistaken = mistake.make(set, random)
        if (mistaken === undefined) continue
        const inspection = inspectSecret(service.id, mistaken.data)
        const { codes, fields, warns } = mistaken
        const about = `${mistake.row} ${mistake.name}: ${service.id} ${variant.id} ${JSON.stringify([...mistaken.data])}`
        const severity = warns === true ? 'warning' : 'error'
        const found = inspection.findings.filter((finding) => finding.severity === severity)
        expect(found, about).not.toEqual([])
        for (const { code, field } of found) {
          expect(codes, about).toContain(code)
          if (fields !== undefined) expect(fields, about).toContain(field)
        }
        expect(inspection.valid, about).toBe(warns === true)
        return
      }
    })
  })
})

it('every row of the list of known mistakes is among them', () => {
  const rows = new Set([...mistakes, ...setMistakes].map(({ row }) => row))
  // 16, credentials of a test mode: no service of today has such a form. agreements.test.ts has one that is made up.
  expect(Array.from({ length: 28 }, (_, index) => index + 1).filter((row) => !rows.has(row))).toEqual([16])
})

it('each mistake can be made somewhere', () => {
  const sets = [1, 2, 3].flatMap((seed) =>
    allVariants.map(([service, variant]) => plausibleSet(service, variant, new Random(seed))),
  )
  const random = new Random(4)
  const never = [
    ...mistakes.filter(({ make }) => !sets.some((set) => set.fields.some((field) => make(field, random, set)))),
    ...setMistakes.filter(({ make }) => !sets.some((set) => make(set, random))),
  ]
  expect(never.map(({ name }) => name)).toEqual([])
})
