/** Several mistakes at once, one upon the other and in several fields: at least one of those in each field is named. */
import { expect, it } from 'vitest'
import type { Mistake, Mistaken } from '../../test/support/mistakes.ts'
import { mistakes } from '../../test/support/mistakes.ts'
import type { PlausibleField, PlausibleSet } from '../../test/support/plausible.ts'
import { allVariants, plausibleSet, valuesOf } from '../../test/support/plausible.ts'
import { inspectSecret, longest, summary, tryCases } from '../../test/support/properties.ts'
import { Random } from '../../test/support/random.ts'

const wrapping = mistakes.filter(({ wraps, name }) => wraps === true && !name.includes('UTF-16'))

/** A form filled with one character is none any more when something is done to it. */
const beginnings = mistakes.filter(({ name }) => name !== 'one character')

/** A field with all that was done to it, the last thing last. */
interface Spoilt {
  readonly field: PlausibleField
  readonly value: string | Uint8Array
  readonly done: readonly { readonly mistake: Mistake; readonly mistaken: Mistaken }[]
}

function spoil(field: PlausibleField, set: PlausibleSet, random: Random): Spoilt {
  let spoilt: Spoilt = { field, value: field.value, done: [] }
  const count = random.pick([1, 2, 2, 3])
  for (let attempt = 0; attempt < 30 && spoilt.done.length < count; attempt++) {
    const { value, done } = spoilt
    // Bytes that are no text can get no quotes any more.
    if (typeof value !== 'string') break
    const mistake = random.pick(done.length === 0 && count === 1 ? mistakes : done.length === 0 ? beginnings : wrapping)
    // Base64 hides everything in a password, of which no form is known, in what is short, and in whole files.
    if (
      mistake.row === 5 &&
      (field.shape === undefined || (done.length > 0 && (value.length < 12 || value.length > 1500)))
    )
      continue
    const mistaken = mistake.make({ ...field, value }, random, set)
    if (mistaken !== undefined) spoilt = { field, value: mistaken.value, done: [...done, { mistake, mistaken }] }
  }
  return spoilt
}

/** What a mistake is called once another one has put something behind it, before it or between. */
function otherCodes(done: Spoilt['done']): readonly string[] {
  const texts = done.map(({ mistaken: { value } }) => String(value)).join('')
  return [
    ...(texts.includes('\r') ? ['CarriageReturn'] : []),
    ...(texts.includes('\n') ? ['MultipleLines', 'TrailingNewline'] : []),
    ...(/[\ufeff\u00a0\u2003\u3000]/.test(texts) ? ['InvisibleCharacter'] : []),
  ]
}

it('at least one of the mistakes in each value is named, and it blocks', { timeout: longest }, () => {
  // A Secret of the open service may hold files, and with some mistakes values become such.
  const sets = allVariants.filter(([{ open }, { required }]) => required.length > 0 && open !== true)
  tryCases('mistakes in combination', 22_000, sets, ([service, variant], seed) => {
    const random = new Random(seed)
    const set = plausibleSet(service, variant, random)
    const chosen = set.fields.filter((_, index) => index === 0 || random.chance(40))
    const spoilt = chosen.map((field) => spoil(field, set, random)).filter(({ done }) => done.length > 0)
    const values = new Map(spoilt.map(({ field, value }) => [field.key, value]))
    const inspection = inspectSecret(service.id, valuesOf(set, values))
    for (const { field, value, done } of spoilt) {
      const { name } = field.definition
      // With several of them broken, the contents may speak for a set that has no such field.
      if (spoilt.length > 1 && !inspection.fields.has(name)) continue
      const codes = [...done.flatMap(({ mistaken }) => mistaken.codes), ...otherCodes(done)]
      const named = inspection.findings.some(
        (one) =>
          (one.field === name && codes.includes(one.code)) || (spoilt.length > 1 && one.code === 'SwappedFields'),
      )
      const mistakesMade = done.map(({ mistake }) => `${mistake.row} ${mistake.name}`).join(', then ')
      const about = `${mistakesMade} in ${service.id} ${variant.id} ${name}: ${JSON.stringify(value)}`
      expect(named, `${about} -> ${summary(inspection).join()}`).toBe(true)
      if (done.at(-1)?.mistaken.warns !== true) expect(inspection.valid, about).toBe(false)
    }
  })
})
