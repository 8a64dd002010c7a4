import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { services } from '../catalogue/services.ts'
import type { Finding, FindingCode } from './findings.ts'
import { describeFinding, finding, findingCodes, sortFindings, waivableCodes } from './findings.ts'
import { inspect } from './inspect.ts'
import { acceptedKeys } from './resolve.ts'
import { Sensitive } from './sensitive.ts'

const params = {
  actual: 1,
  length: 2,
  alternatives: ['a + b'],
  character: 'U+200B',
  escapes: ['"#" as %23'],
  keys: ['a', 'b'],
  known: ['a', 'b'],
  lookedFor: ['a'],
  present: ['c'],
  schemes: ['redis://', 'rediss://'],
  variants: ['a', 'b'],
  more: 3,
  expected: 'something',
  is: 'another thing',
  hint: 'shell',
  kind: 'empty',
  line: 'END',
  meant: 'd',
  other: 'e',
  partner: 'f',
  service: 'twilio',
  side: 'ends',
  variant: 'g',
  because: 'So it is.',
  why: 'So it is.',
  part: 'a piece',
  position: 7,
  about: 'the region',
  unknown: ['Nothing'],
}

const located = { field: 'field', secret: 'secret', key: 'key' }

describe('findings', () => {
  it('have stable codes, sorted', () => {
    expect(findingCodes).toEqual([...findingCodes].sort())
    for (const code of findingCodes) expect(code).toMatch(/^(?:[A-Z][a-z0-9]+)+$/)
    const fixed = findingCodes.filter((code) => !waivableCodes.includes(code))
    expect(fixed).toEqual([
      'ConflictingKeys',
      'EmptyValue',
      'ForbiddenKey',
      'ForbiddenSecretType',
      'InvalidFieldSource',
      'KeyNotFound',
      'MissingField',
      'OperatorOwnedSecret',
      'SecretGivenAsValue',
      'SecretNotFound',
      'UnknownField',
      'UnknownWaiver',
      'UnsupportedService',
    ])
  })

  it.each(findingCodes)('%s has a text that ends, with and without a Secret', (code) => {
    const alwaysLocated = /^(?:Secret|Key)NotFound$|Secret$|SecretType$/.test(code)
    for (const draft of [{ code, ...located, params }, ...(alwaysLocated ? [] : [{ code, field: 'field', params }])]) {
      const text = describeFinding(finding(draft, new Set()))
      expect(text).toMatch(/^[A-Z\w].*[.?]$/s)
      expect(text).not.toMatch(/undefined|\[object|NaN|\n| {2}/)
      expect(text.length).toBeLessThan(1000)
    }
  })

  it('show names so that they cannot forge lines', () => {
    const text = describeFinding(finding({ code: 'TrailingNewline', secret: 'a\nb', key: 'k'.repeat(5000) }, new Set()))
    expect(text).toContain('"a?b"')
    expect(text.length).toBeLessThan(1000)
  })

  it('come errors first, warnings next, waived last', () => {
    const make = (code: FindingCode): Finding => finding({ code }, new Set(['QuotedValue', 'MissingField']))
    const sorted = sortFindings(
      ['UnusualLength', 'QuotedValue', 'PatternMismatch', 'MissingField'].map((c) => make(c as FindingCode)),
    )
    expect(sorted.map((f) => f.code)).toEqual(['MissingField', 'PatternMismatch', 'UnusualLength', 'QuotedValue'])
    expect(sorted.map((f) => f.waived)).toEqual([false, false, false, true])
  })
})

/** Everything that may stand in a message: the fixed texts, the catalogue's words, and the names used below. */
function fixedText(): string {
  const described = findingCodes.flatMap((code) =>
    [located, { field: 'field' }].map((place) => describeFinding(finding({ code, ...place, params }, new Set()))),
  )
  const more = ['lf', 'crlf'].map((ending) =>
    describeFinding(finding({ code: 'TrailingNewline', ...located, params: { ending } }, new Set())),
  )
  const utf16 = describeFinding(finding({ code: 'NotUtf8', ...located, params: { encoding: 'utf-16' } }, new Set()))
  const blank = 'nothing but white space'
  const words = [...services.values()].map((service) =>
    JSON.stringify(service, (_, value: unknown) => (value instanceof RegExp ? undefined : value)),
  )
  const accepted = [...services.values()].flatMap((service) =>
    service.fields.flatMap((field) => acceptedKeys(service, field)),
  )
  // What names an invisible character is no piece of a value, even where another value happens to spell it.
  const codePoints = alphabet.map(
    (character) => `U+${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`,
  )
  return [...described, ...more, ...codePoints, utf16, blank, ...words, ...accepted, ...findingCodes, 'source'].join(
    '\n',
  )
}

const alphabet = Array.from('abcdefXYZ0123456789ACSK.-_:/@#%?&=+$<>{}"\'` \t\r\n\u00a0\u200b\ufeffé\0')
const canary = fc.string({ unit: fc.constantFrom(...alphabet), minLength: 4, maxLength: 90 })
const hexadecimal = fc.string({
  unit: fc.constantFrom(...Array.from('0123456789abcdef')),
  minLength: 20,
  maxLength: 50,
})
const value = fc.oneof(
  canary,
  hexadecimal,
  hexadecimal.map((text) => `AC${text}`),
  fc.tuple(canary, canary).map(([a, b]) => `SG.${a}.${b}`),
  fc.tuple(canary, canary, canary).map(([a, b, c]) => `redis://${a}:${b}@${c}`),
  fc.tuple(canary, canary).map(([a, b]) => `${a}:6380,password=${b},ssl=True`),
  fc.tuple(canary, canary).map(([a, b]) => `https://${a}:${b}@${a}/${b}?${a}#${b}`),
  fc.tuple(canary, canary).map(([a, b]) => JSON.stringify({ [a]: b })),
  hexadecimal.map((text) => `AKIA${text.toUpperCase()}`),
  hexadecimal.map((text) => `123456789:${text}`),
  hexadecimal.map((text) => `pat${text.slice(0, 14)}.${text}`),
  hexadecimal.map((text) => `3MVG9${text}`),
  canary.map((text) => `Bearer ${text}`),
  canary.map((text) => `API_KEY=${text}`),
  canary.map((text) => `-----BEGIN PRIVATE KEY-----\\n${text}`),
  canary.map((text) => `"${text}"\n`),
  canary.map((text) => Buffer.from(text).toString('base64')),
)

it('no text and no data of a finding holds four characters of a value', () => {
  const allowed = fixedText()
  const withFields = [...services.values()].filter(({ fields }) => fields.length > 0)
  const tried = new Set<string>()
  fc.assert(
    fc.property(
      fc.constantFrom(...withFields).chain((service) => {
        const keys = service.fields.map((field) => field.aliases[0] ?? field.name)
        const entries = fc.array(fc.tuple(fc.constantFrom(...keys), value), { minLength: 1, maxLength: 5 })
        return fc.tuple(fc.constant(service.id), entries)
      }),
      ([service, entries]) => {
        tried.add(service)
        const data = new Map(entries.map(([key, text]) => [key, Sensitive.of(Buffer.from(text))]))
        const secret = { name: 'source', type: 'Opaque', data }
        const inspection = inspect({
          service,
          credentials: { secretRef: { name: 'source' } },
          secrets: new Map([['source', secret]]),
          now: 0,
        })
        const all = [...inspection.findings, ...inspection.unresolved]
        const printed = [...all.map((found) => describeFinding(found)), JSON.stringify(inspection.findings)].join('\n')
        const shown = `${allowed}\n${entries.map(([key]) => key).join('\n')}`
        for (const [, text] of entries) {
          for (let at = 0; at + 4 <= text.length; at++) {
            const piece = text.slice(at, at + 4)
            // Punctuation joins names in messages, which no list of fixed texts can foresee.
            if (/[\s".,:;()]/.test(piece)) continue
            if (printed.includes(piece) && !shown.includes(piece)) throw new Error(`found ${JSON.stringify(piece)}`)
          }
        }
      },
    ),
    { numRuns: 4000 },
  )
  expect(tried).toEqual(new Set(withFields.map(({ id }) => id)))
})
