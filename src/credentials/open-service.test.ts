import { describe, expect, it } from 'vitest'
import { rsaKey } from '../../test/support/pem.ts'
import { variedText } from '../../test/support/valid-credentials.ts'
import { describeFinding } from './findings.ts'
import type { Inspection } from './inspect.ts'
import { inspect } from './inspect.ts'
import type { FieldSource } from './resolve.ts'
import { Sensitive } from './sensitive.ts'
import { targetContents } from './target.ts'

type Data = Readonly<Record<string, string | Uint8Array>>

function secret(name: string, data: Data) {
  const entries = Object.entries(data).map(([key, value]): [string, Sensitive] => [
    key,
    Sensitive.of(typeof value === 'string' ? new TextEncoder().encode(value) : value),
  ])
  return { name, type: 'Opaque', data: new Map(entries) }
}

function check(data: Data, fields: readonly FieldSource[] = [], other: Data = {}): Inspection {
  return inspect({
    service: 'generic',
    credentials: { secretRef: { name: 'src' }, fields },
    secrets: new Map([
      ['src', secret('src', data)],
      ['other', secret('other', other)],
    ]),
    now: 0,
  })
}

function codes({ findings, unresolved }: Inspection): readonly string[] {
  return [...unresolved, ...findings].map(
    ({ code, severity, key }) => `${code}${severity === 'warning' ? '?' : ''} ${key ?? '-'}`,
  )
}

function delivered(inspection: Inspection, keys?: Record<string, string>): Record<string, string> {
  const { contents } = targetContents(inspection.service!, inspection.fields, keys)
  return Object.fromEntries([...contents].map(([key, value]) => [key, new TextDecoder().decode(value.reveal())]))
}

const token = variedText('abcdef0123456789', 40)

describe('generic', () => {
  it.each<[string, Data]>([
    ['passwords of any form', { USER: 'app', PASSWORD: 'p@ss w/rd#', n: '12', url: 'redis://h' }],
    ['credentials of any vendor', { A: `SG.${variedText('abc', 22)}.${variedText('def', 43)}`, B: `xoxb-${token}` }],
    ['documents', { KEY: rsaKey(), CONF: '{"a": 1}\n', INI: '[a]\nb = c\n', LIST: 'one\ntwo\n' }],
    ['a key of the word value', { value: token }],
  ])('takes %s and delivers them under their own names', (_, data) => {
    const inspection = check(data)
    expect(codes(inspection)).toEqual([])
    expect(inspection).toMatchObject({ valid: true, variant: 'keys' })
    expect(delivered(inspection)).toEqual(data)
  })

  it.each<[string, string | Uint8Array, string]>([
    ['line feed', `${token}\n`, 'TrailingNewline A'],
    ['Windows line ending', `${token}\r\n`, 'TrailingNewline A'],
    ['quotes', `"${token}"`, 'QuotedValue A'],
    ['byte-order mark', `\ufeff${token}`, 'ByteOrderMark A'],
    ['invisible character', `${token}\u200b${token}`, 'InvisibleCharacter A'],
    ['UTF-16', Buffer.from(token, 'utf16le'), 'NotUtf8 A'],
    ['placeholder', 'changeme', 'Placeholder A'],
    ['template', '{{ .Values.token }}', 'UnrenderedTemplate A'],
    ['the name as well', `A=${token}`, 'VariableNameIncluded A'],
    ['the word of a header', `Bearer ${token}`, 'SchemeWordIncluded A'],
    ['base64 twice', Buffer.from(`${token}\n`).toString('base64'), 'PossibleDoubleBase64? A'],
    ['nothing', '', 'EmptyValue A'],
    ['white space', ' \n', 'EmptyValue A'],
  ])('finds what is a mistake everywhere: %s', (_, value, code) => {
    const inspection = check({ A: value, B: token })
    expect(codes(inspection)).toEqual([code])
    expect(inspection.valid).toBe(code.includes('?'))
  })

  it('renames keys and takes those of other Secrets', () => {
    const fields = [
      { name: 'PASSWORD', key: 'db-password' },
      { name: 'SHARED', secretKeyRef: { name: 'other', key: 'k' } },
    ]
    const inspection = check({ 'db-password': token, USER: 'app' }, fields, { k: 'v-1', unused: 'x' })
    expect(codes(inspection)).toEqual([])
    expect(delivered(inspection)).toEqual({ PASSWORD: token, SHARED: 'v-1', USER: 'app' })
    expect(delivered(inspection, { USER: 'LOGIN' })).toEqual({ PASSWORD: token, SHARED: 'v-1', LOGIN: 'app' })
    expect(codes(check({ A: token }, [{ name: 'B', key: 'c' }]))).toEqual(['KeyNotFound c'])
    expect(codes(check({ A: token }, [{ name: 'B', value: 'x' }]))).toEqual(['SecretGivenAsValue -'])
  })

  it('warns about keys that are no variables, and refuses those that command programs', () => {
    expect(codes(check({ 'api-key': token, '1st': token }))).toEqual(['KeyNotVariable? 1st', 'KeyNotVariable? api-key'])
    const refused = check({ LD_PRELOAD: '/tmp/x.so', https_proxy: 'http://h', MY_PATH: '/x' })
    expect(codes(refused)).toEqual(['ForbiddenKey LD_PRELOAD', 'ForbiddenKey https_proxy'])
    expect(refused.valid).toBe(false)
  })

  it('needs one key at least', () => {
    const inspection = check({})
    expect(codes(inspection)).toEqual(['MissingField -'])
    expect(describeFinding(inspection.findings[0]!)).toContain('The Secret has no keys.')
  })

  it('never takes a credential for the name of a key', () => {
    const key = `xoxb-${variedText('123456789', 12)}-${variedText('abcdef', 24)}`
    const inspection = check({ [key]: 'x', A: token })
    expect(delivered(inspection)).toEqual({ A: token })
    expect(
      check({ [key]: 'x' })
        .findings.map((found) => describeFinding(found))
        .join(),
    ).not.toContain(key)
  })
})
