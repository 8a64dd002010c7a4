/** Nothing that is said of a Secret holds four characters in a row of one of its values, whatever the bytes. */
import { expect, it } from 'vitest'
import { FixedText } from '../../test/support/fixed-text.ts'
import { mistakes } from '../../test/support/mistakes.ts'
import { allVariants, plausibleSet } from '../../test/support/plausible.ts'
import { inspectSecret, longest, tryCases } from '../../test/support/properties.ts'
import { alphanumeric, Random } from '../../test/support/random.ts'
import { services } from '../catalogue/services.ts'
import { describeFinding } from './findings.ts'
import { acceptedKeys } from './resolve.ts'

const names = [...services.values()].flatMap((service) => [
  service.id,
  ...service.fields.flatMap((field) => [field.name, ...acceptedKeys(service, field)]),
])
const fixedText = new FixedText(['src', 'field', 'key', 'secret', ...names])

/** Something that could stand in a Secret: right, wrong, or nothing that anybody would think of. */
function anyValue(random: Random, value: string): Buffer {
  const other = random.text(alphanumeric, 12)
  const text = random.pick([
    value,
    `${value}${other}`,
    `${other}${value}`,
    value.slice(random.integer(0, value.length)),
    `{"${other}": "${value}", "n": ["${other}"]}`,
    `https://${other}:${value}@${other}.example:99999/${value}?${other}#${value}`,
    `redis://${other}#${value}@${other}:${value}/${other}`,
    `\${${other}}`,
    `<${other}>`,
    `%${value}`,
    `eyJ${other}.${Buffer.from(JSON.stringify({ exp: 1, sub: other })).toString('base64url')}.${other}`,
    `-----BEGIN ${other}-----\n${value}\n-----END ${value}-----`,
    `${other}=${value}\n${value}: ${other}`,
  ])
  return Buffer.from(text)
}

it('no piece of a value, in the findings and in their texts', { timeout: longest }, () => {
  tryCases('no leak', 20_000, allVariants, ([service, variant], seed) => {
    const random = new Random(seed)
    const set = plausibleSet(service, variant, random)
    const data = new Map<string, string | Uint8Array>()
    for (const field of set.fields) {
      const mistaken = random.chance(50) ? random.pick(mistakes).make(field, random, set) : undefined
      const value = mistaken?.value ?? anyValue(random, field.value)
      const bytes = Buffer.from(value as string)
      data.set(field.key, random.chance(90) ? bytes : Buffer.concat([bytes, random.bytes(random.integer(1, 40))]))
    }
    if (random.chance(10)) data.set(random.text(alphanumeric, 5), random.bytes(20))
    const { unresolved, findings } = inspectSecret(service.id, data)
    const values = [...data.values()].map((value) => Buffer.from(value as string).toString('utf8'))
    for (const finding of [...unresolved, ...findings]) {
      for (const said of [...Object.values(finding.params).flat().map(String), describeFinding(finding)]) {
        for (const value of values) expect(fixedText.leaked(said, value), said).toEqual([])
      }
    }
  })
})

it('would find one', () => {
  const secret = random('x')
  expect(fixedText.leaked(`key "apiKey": the value is ${secret}`, secret)).not.toEqual([])
  expect(fixedText.leaked(`key "apiKey": the value ends with ${secret.slice(-4)}.`, secret)).not.toEqual([])
  expect(fixedText.leaked('key "apiKey": the value ends with a line feed', secret)).toEqual([])
})

function random(salt: string): string {
  return new Random(salt.charCodeAt(0)).text(alphanumeric, 24)
}
