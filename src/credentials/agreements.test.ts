import { describe, expect, it } from 'vitest'
import type { Agreement, FieldDefinition, ServiceDefinition, Shape } from '../catalogue/definition.ts'
import { crc32Tail } from '../catalogue/checksum.ts'
import { describeFinding } from './findings.ts'
import type { Inspection } from './inspect.ts'
import { inspect } from './inspect.ts'
import { Sensitive } from './sensitive.ts'

const now = Date.parse('2026-11-24')

function field(name: string, shape?: Shape): FieldDefinition {
  return { name, aliases: [], secret: true, description: name, env: [], ...(shape === undefined ? {} : { shape }) }
}

function service(fields: readonly FieldDefinition[], agreements: readonly Agreement[] = []): ServiceDefinition {
  const required = fields.map(({ name }) => name)
  const variants = [{ id: 'only', description: '', required, optional: [] }]
  return {
    id: 'made-up',
    title: 'Made up',
    description: '',
    getCredential: '',
    fields,
    variants,
    agreements,
    tracardi: [],
  }
}

function check(made: ServiceDefinition, data: Readonly<Record<string, string>>): Inspection {
  const entries = Object.entries(data).map(([key, text]) => [key, Sensitive.of(Buffer.from(text))] as const)
  return inspect({
    service: made.id,
    credentials: { secretRef: { name: 'src' } },
    secrets: new Map([['src', { name: 'src', type: 'Opaque', data: new Map(entries) }]]),
    catalogue: new Map([[made.id, made]]),
    now,
  })
}

function codes({ findings }: Inspection): readonly string[] {
  return findings.map(({ code, severity }) => `${code}${severity === 'warning' ? '?' : ''}`)
}

describe('fields that must say the same', () => {
  const because = 'Take the server from behind the dash.'
  const agreement: Agreement = {
    fields: ['key', 'server'],
    says: [/-([a-z]+\d+)$/, /^([a-z]+\d+)/i],
    about: 'the data centre',
    because,
  }
  const pattern: Shape = { pattern: /^\w+-[a-z]+\d+$/, confidence: 'documented', expected: 'a key' }
  const made = service([field('key', pattern), field('server')], [agreement])

  it.each([
    ['abcd-us14', 'us14.example.com', []],
    ['abcd-us14', 'US14', []],
    ['abcd-us14', 'elsewhere', []],
    ['abcd-us14', 'us2', ['FieldsDisagree']],
    // The mistake in the key is all that there is to mend.
    ['abcd-us14\n', 'us2', ['TrailingNewline']],
    ['abcd/us14', 'us2', ['PatternMismatch']],
  ])('%j and %j', (key, server, expected) => {
    expect(codes(check(made, { key, server }))).toEqual(expected)
  })

  it('say what to do, and nothing of what they hold', () => {
    const [finding] = check(made, { key: 'abcd-us14', server: 'us2' }).findings
    expect(describeFinding(finding!)).toBe(
      `Secret "src", key "key": key and server speak of different things where the data centre is concerned. ${because}`,
    )
  })

  it('may speak in fixed words, and only be a guess', () => {
    const words = service(
      [field('key'), field('host')],
      [
        {
          ...agreement,
          fields: ['key', 'host'],
          says: [
            [
              [/:fx$/, 'free'],
              [/^/, 'pro'],
            ],
            (text) => (text.includes('free') ? 'free' : 'pro'),
          ],
          severity: 'warning',
        },
      ],
    )
    expect(codes(check(words, { key: 'n0t-real:fx', host: 'api-free.example' }))).toEqual([])
    expect(codes(check(words, { key: 'n0t-real', host: 'api.example' }))).toEqual([])
    expect(codes(check(words, { key: 'n0t-real', host: 'api-free.example' }))).toEqual(['FieldsDisagree?'])
  })
})

describe('what the form of one value says', () => {
  const token: Shape = {
    pattern: /^tok_[A-Za-z0-9]{36}$/,
    confidence: 'documented',
    expected: 'a token',
    length: 40,
    prefix: 'tok_',
    anyLength: /^tok_[A-Za-z0-9]*$/,
    checksum: (text) => crc32Tail(text.slice(4, 34)),
  }
  const body = 'aB3dE6gH9kL2nP5rS8uV1xZ4bC7eF0'
  const right = `tok_${body}${crc32Tail(body)}`

  it.each([
    [right, []],
    [right.replace('a', 'b'), ['ChecksumMismatch']],
    [right.slice(0, -1), ['Truncated']],
    [`${right}\n`, ['TrailingNewline']],
  ])('checksum %#', (value, expected) => {
    expect(codes(check(service([field('token', token)]), { token: value }))).toEqual(expected)
  })

  it('a mark of test mode only warns', () => {
    const shape: Shape = {
      pattern: /^k_(?:live|test)_\w+$/,
      confidence: 'documented',
      expected: 'a key',
      test: { pattern: /^k_test_/, is: 'a test-mode key (k_test_...)' },
    }
    expect(codes(check(service([field('key', shape)]), { key: 'k_live_7aG' }))).toEqual([])
    const inspection = check(service([field('key', shape)]), { key: 'k_test_7aG' })
    expect(codes(inspection)).toEqual(['TestCredential?'])
    expect(inspection.valid).toBe(true)
  })

  it.each([
    [now / 1000 - 1, ['ExpiredCredential']],
    [now / 1000, ['ExpiredCredential']],
    [now / 1000 + 1, []],
    ['soon', []],
    [undefined, []],
  ])('a JWT with exp %j', (exp, expected) => {
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
    const jwt = `${part({ alg: 'none' })}.${part({ sub: 'a', exp })}.${'x7'.repeat(20)}`
    const inspection = check(service([field('token')]), { token: jwt })
    expect(codes(inspection)).toEqual(expected)
    expect(inspection.findings.map((found) => describeFinding(found)).join()).not.toMatch(/\d{2}/)
  })

  it('a service can say when its tokens expire', () => {
    const shape: Shape = {
      pattern: /^sig=\w+&se=\d+$/,
      confidence: 'documented',
      expected: 'a signature',
      expires: (text) => Number(/se=(\d+)/.exec(text)?.[1]),
    }
    const made = service([field('sas', shape)])
    expect(codes(check(made, { sas: `sig=a7&se=${now - 1}` }))).toEqual(['ExpiredCredential'])
    expect(codes(check(made, { sas: `sig=a7&se=${now + 1}` }))).toEqual([])
  })

  it.each([
    ['tok%5F', '_', 'UrlEncodedValue'],
    ['tok\\_', '_', 'ShellEscapes'],
    ['tоk_', '', 'NonAsciiCharacter'],
    ['tok\u2013', '', 'NonAsciiCharacter'],
    ['tok\uff3f', '', 'NonAsciiCharacter'],
    ['tokö', '', 'NonAsciiCharacter'],
  ])('%s', (prefix, _, code) => {
    expect(codes(check(service([field('token', token)]), { token: prefix + right.slice(4) }))).toEqual([code])
  })

  it('mixed-up letters and digits are named where only one of them can be right', () => {
    const hex: Shape = { pattern: /^[0-9a-f]{8}$/, confidence: 'documented', expected: '8 digits', length: 8 }
    const made = service([field('token', hex)])
    expect(codes(check(made, { token: 'a0b1c2d3' }))).toEqual([])
    expect(codes(check(made, { token: 'aObIc2d3' }))).toEqual(['LookalikeCharacter'])
    expect(codes(check(made, { token: 'agb1c2d3' }))).toEqual(['PatternMismatch'])
  })

  it('a shell is suspected where its signs belong to the form', () => {
    const shape: Shape = { pattern: /^00D!\w+$/, confidence: 'observed', expected: 'x', shellSigns: true }
    const text = check(service([field('token', shape)]), { token: '00D7a9' })
      .findings.map((found) => describeFinding(found))
      .join()
    expect(text).toContain('single quotes')
  })
})
