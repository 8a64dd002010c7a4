import { describe, expect, it } from 'vitest'
import { certificate as makeCertificate } from '../../test/support/pem.ts'
import { services } from '../catalogue/services.ts'
import type { Finding } from './findings.ts'
import { describeFinding } from './findings.ts'
import type { Inspection } from './inspect.ts'
import { inspect } from './inspect.ts'
import type { CredentialsInput, SecretAbsence, SourceSecret } from './resolve.ts'
import { acceptedKeys, referencedSecrets } from './resolve.ts'
import { Sensitive } from './sensitive.ts'

// Built here, so that the file holds nothing that looks like a credential.
const hex = '0123456789abcdef0fedcba987654321'
const sid = (prefix: string): string => prefix + hex
const apiKey = `SG.${'aB3-_x9Qrs'.repeat(3).slice(0, 22)}.${'Zk8_p-Lmno'.repeat(5).slice(0, 43)}`
const keySecret = 'aZ09'.repeat(8)
const certificate = makeCertificate()
const now = Date.parse('2026-11-24')
const azure = `x.redis.cache.windows.net:6380,password=${'q7Wz'.repeat(10)}abc=,ssl=True,abortConnect=False`

type Data = Readonly<Record<string, string | Uint8Array>>

function source(name: string, data: Data): SourceSecret {
  const entries = Object.entries(data).map(([key, value]): [string, Sensitive] => [
    key,
    Sensitive.of(typeof value === 'string' ? new TextEncoder().encode(value) : value),
  ])
  return { name, type: 'Opaque', data: new Map(entries) }
}

function check(service: string, data: Data, credentials: CredentialsInput = {}): Inspection {
  return inspect({
    service,
    credentials: { secretRef: { name: 'src' }, ...credentials },
    secrets: new Map([['src', source('src', data)]]),
    now,
  })
}

function codes(inspection: Inspection): readonly string[] {
  return [...inspection.unresolved, ...inspection.findings].map(
    (finding) => `${finding.code}${finding.severity === 'warning' ? '?' : ''}${finding.waived ? ' waived' : ''}`,
  )
}

function texts(inspection: Inspection): string {
  return [...inspection.unresolved, ...inspection.findings].map((found) => describeFinding(found)).join('\n')
}

describe('plausible credentials raise no alarm', () => {
  it.each<[string, string, Data]>([
    ['sendgrid', 'apiKey', { apiKey }],
    ['sendgrid', 'apiKey', { token: apiKey, region: 'eu', subuser: 'team-7' }],
    ['sendgrid', 'smtpRelay', { password: apiKey }],
    ['sendgrid', 'smtpRelay', { username: 'apikey', password: apiKey, host: 'smtp.sendgrid.net', port: '587' }],
    ['sendgrid', 'twilioEmailAuth', { username: sid('SK'), password: keySecret }],
    ['sendgrid', 'twilioEmailAuth', { username: sid('AC'), password: hex }],
    ['twilio', 'authToken', { accountSid: sid('AC'), authToken: hex }],
    ['twilio', 'authToken', { TWILIO_ACCOUNT_SID: sid('AC'), TWILIO_AUTH_TOKEN: hex, region: 'ie1', edge: 'dublin' }],
    ['twilio', 'apiKey', { sid: sid('AC'), api_key: sid('SK'), api_secret: keySecret }],
    ['twilio', 'oauth', { accountSid: sid('AC'), client_id: sid('OQ'), client_secret: 'a_-9'.repeat(16) }],
    ['redis', 'url', { url: 'redis://app:n0t-r3al@redis.example.internal:6379/0' }],
    ['redis', 'url', { REDIS_URL: 'rediss://:p%40ss%2Fw0rd@h', 'ca.crt': certificate }],
    ['redis', 'url', { uri: 'redis://localhost' }],
    ['redis', 'tracardi', { url: 'redis:6379', user: 'app', password: 'n0t r3al', protocol: 'redis', database: '0' }],
    ['redis', 'azureConnString', { connectionString: azure }],
    ['redis', 'hostPort', { host: 'redis', port: '6379', password: '"quoted but not wrapped', db: '15', tls: 'true' }],
    ['redis', 'hostPort', { host: '::1', username: 'default', password: "it's" }],
    ['redis', 'hostPort', { host: 'h', password: 'ünï©ode-pässword' }],
    ['redis', 'hostPort', { host: 'h', caCert: `\n${certificate}\n\n` }],
  ])('%s %s %#', (service, variant, data) => {
    const inspection = check(service, data)
    expect(codes(inspection)).toEqual([])
    expect(inspection).toMatchObject({ valid: true, variant })
    expect(inspection.fields.size).toBe(Object.keys(data).length)
  })

  it('under every name and alias', () => {
    for (const service of services.values()) {
      for (const field of service.fields.filter((other) => other.shape !== undefined)) {
        for (const key of acceptedKeys(service, field)) {
          const { fields, findings } = check(service.id, { [key]: field.example ?? field.shape!.example! }, {})
          const seen = fields.has(field.name) || findings.some((other) => other.field === field.name)
          expect(seen, `${service.id} ${key}`).toBe(true)
        }
      }
    }
  })

  it('gives the exact bytes and where they came from', () => {
    const field = check('sendgrid', { token: apiKey }).fields.get('apiKey')!
    expect(field).toMatchObject({ name: 'apiKey', secret: 'src', key: 'token' })
    expect(new TextDecoder().decode(field.value.reveal())).toBe(apiKey)
  })
})

const encode = (text: string): string => Buffer.from(text).toString('base64')
const utf16 = Buffer.concat([Buffer.of(0xff, 0xfe), Buffer.from(apiKey, 'utf16le')])

describe('mistakes in a value: one finding for one cause', () => {
  it.each<[string, string | Uint8Array, ...string[]]>([
    ['line feed', `${apiKey}\n`, 'TrailingNewline'],
    ['Windows line ending', `${apiKey}\r\n`, 'TrailingNewline'],
    ['several', `${apiKey}\n \n`, 'TrailingNewline'],
    ['carriage return', `${apiKey}\r`, 'CarriageReturn'],
    ['Windows file', `x=1\r\n${apiKey}\r\n`, 'CarriageReturn'],
    ['lines', `${apiKey}\n${apiKey}`, 'MultipleLines'],
    ['leading space', ` ${apiKey}`, 'SurroundingWhitespace'],
    ['both sides', `\t${apiKey} `, 'SurroundingWhitespace'],
    ['no-break space', `${apiKey}\u00a0`, 'SurroundingWhitespace'],
    ['zero width at the end', `${apiKey}\u200b`, 'InvisibleCharacter'],
    ['zero width inside', `${apiKey.slice(0, 9)}\u200b${apiKey.slice(9)}`, 'InvisibleCharacter'],
    ['no-break space inside', `${apiKey.slice(0, 9)}\u00a0${apiKey.slice(9)}`, 'InvisibleCharacter'],
    ['byte-order mark', `\ufeff${apiKey}`, 'ByteOrderMark'],
    ['mark and line feed', `\ufeff${apiKey}\n`, 'ByteOrderMark', 'TrailingNewline'],
    ['UTF-16', utf16, 'NotUtf8'],
    ['NUL', `${apiKey}\0`, 'NotUtf8'],
    ['binary', Uint8Array.of(0x53, 0xff, 0x80), 'NotUtf8'],
    ['a whole file', 'a'.repeat(16 * 1024 + 1), 'OversizedValue'],
    ['double quotes', `"${apiKey}"`, 'QuotedValue'],
    ['single quotes and line feed', `'${apiKey}'\n`, 'QuotedValue', 'TrailingNewline'],
    ['backticks', `\`${apiKey}\``, 'QuotedValue'],
    ['nothing but quotes', '""', 'QuotedValue'],
    ['base64', encode(apiKey), 'DoubleBase64'],
    ['base64 of a line', `${encode(`${apiKey}\n`)}\n`, 'DoubleBase64'],
    ['wrapped base64', `${encode(apiKey).slice(0, 76)}\n${encode(apiKey).slice(76)}\n`, 'DoubleBase64'],
    ['template', '${SENDGRID_API_KEY}', 'UnrenderedTemplate'],
    ['template and line feed', '{{ .key }}\n', 'UnrenderedTemplate', 'TrailingNewline'],
    ['placeholder', '<api-key>', 'Placeholder'],
    ['placeholder behind the prefix', 'SG.your-key-here', 'Placeholder'],
    ['one character', `SG.${'x'.repeat(22)}.${'x'.repeat(43)}`, 'Placeholder'],
    ['weak word', 'test', 'Placeholder'],
    ['cut off', apiKey.slice(0, 68), 'Truncated'],
    ['cut off early', apiKey.slice(0, 5), 'Truncated'],
    ['cut off with a line feed', `${apiKey.slice(0, 40)}\n`, 'TrailingNewline', 'Truncated'],
    ['longer', `${apiKey}a`, 'UnusualLength?'],
    [
      'another split',
      apiKey
        .replaceAll('.', '')
        .replace('SG', 'SG.')
        .replace(/.{30}$/, '.$&'),
      'UnusualLength?',
    ],
    ['no second dot', `SG.${'a8'.repeat(33)}`, 'PatternMismatch'],
    ['other alphabet', apiKey.replace('-', '+'), 'PatternMismatch'],
    ['no prefix', apiKey.slice(3), 'PatternMismatch'],
    ['a Twilio SID', sid('AC'), 'WrongKindOfValue'],
  ])('%s', (_, value, ...expected) => {
    const inspection = check('sendgrid', { apiKey: value })
    expect([...codes(inspection)].sort()).toEqual([...expected].sort())
    expect(inspection.valid).toBe(expected.every((code) => code.endsWith('?')))
    expect(inspection.findings.every(({ secret, key }) => secret === 'src' && key === 'apiKey')).toBe(true)
  })

  it.each<[string, string, ...string[]]>([
    ['plain space', 'n0t-r3al ', 'SurroundingWhitespace?'],
    ['no-break space', 'n0t-r3al\u00a0', 'SurroundingWhitespace'],
    ['no-break space before a plain one', '\u00a0n0t-r3al ', 'SurroundingWhitespace'],
    ['line feed', 'n0t-r3al\n', 'TrailingNewline'],
    ['weak word', 'secret', 'PossiblePlaceholder?'],
    ['base64 of a line', encode('n0t-r3al\n'), 'PossibleDoubleBase64?'],
    ['base64 of a word', encode('n0t-r3al')],
    ['base64 that is random', 'q7WzK9/+'],
    ['mask', '********', 'Placeholder'],
  ])('a password without a pattern: %s', (_, password, ...expected) => {
    expect(codes(check('redis', { host: 'h', password }))).toEqual(expected)
  })

  it.each<[string, Data, ...string[]]>([
    ['twilio', { accountSid: sid('AC'), authToken: hex.slice(1) }, 'Truncated'],
    ['twilio', { accountSid: sid('AC'), authToken: `${hex}0` }, 'UnusualLength?'],
    ['twilio', { accountSid: sid('AC'), authToken: hex.toUpperCase() }, 'PatternMismatch'],
    ['twilio', { accountSid: sid('SK'), authToken: hex }, 'WrongKindOfValue'],
    ['twilio', { accountSid: `AC${'0'.repeat(32)}`, authToken: hex }, 'Placeholder'],
    ['twilio', { accountSid: sid('AC'), client_id: sid('OQ'), client_secret: 'a9'.repeat(15) }, 'UnusualLength?'],
    ['twilio', { accountSid: sid('AC'), authToken: hex, region: 'us-east-1' }, 'PatternMismatch'],
    ['sendgrid', { apiKey, region: 'EU' }, 'PatternMismatch'],
    ['sendgrid', { username: 'apikeys', password: apiKey }, 'PatternMismatch?'],
    ['redis', { host: 'redis://h' }, 'WrongKindOfValue'],
    ['redis', { host: 'h', port: '65536' }, 'PatternMismatch'],
    ['redis', { host: 'h', tls: 'on' }, 'PatternMismatch?'],
    ['redis', { host: 'h', caCert: certificate.replaceAll('\n', '\\n') }, 'EscapedLineBreaks'],
    ['redis', { host: 'h', caCert: encode(certificate) }, 'DoubleBase64'],
    ['redis', { host: 'your-redis-host' }, 'Placeholder'],
    ['redis', { url: 'redis://u:p#w@h' }, 'UrlUnescapedCharacter'],
    ['redis', { url: 'redis://u:p w@h\n' }, 'TrailingNewline', 'UrlUnescapedCharacter'],
    ['redis', { url: 'redis://:<password>@h' }, 'Placeholder'],
    ['redis', { url: 'redis://:${PASSWORD}@h' }, 'UnrenderedTemplate'],
    ['redis', { url: 'redis://:password@h' }, 'PossiblePlaceholder?'],
    ['redis', { url: 'redis://h/0#x' }, 'PatternMismatch'],
    ['redis', { url: 'u:p@h:6379' }, 'UrlMissingScheme'],
    ['redis', { url: 'h:99999' }, 'UrlInvalidPort'],
    ['redis', { url: encode('redis://:n0t-r3al@h:6379') }, 'DoubleBase64'],
    ['redis', { url: 'x.redis.cache.windows.net:6380,ssl=True' }, 'PatternMismatch'],
    ['redis', { url: azure.replace(/password=[^,]*/, 'password=<key>') }, 'Placeholder'],
  ])('%s %j', (service, data, ...expected) => {
    expect([...codes(check(service, data))].sort()).toEqual([...expected].sort())
  })
})

describe('which fields there are', () => {
  it.each<[string, string, Data, ...string[]]>([
    ['twilio', 'authToken', {}, 'MissingField accountSid', 'MissingField authToken'],
    ['twilio', 'authToken', { accountSid: sid('AC') }, 'MissingField authToken'],
    ['twilio', 'apiKey', { accountSid: sid('AC'), apiKeySid: sid('SK') }, 'MissingField apiKeySecret'],
    ['twilio', 'apiKey', { accountSid: sid('AC'), apiKeySecret: keySecret }, 'MissingField apiKeySid'],
    ['twilio', 'apiKey', { apiKeySid: sid('SK'), apiKeySecret: keySecret }, 'MissingField accountSid'],
    ['twilio', 'oauth', { accountSid: sid('AC'), client_id: sid('OQ') }, 'MissingField oauthClientSecret'],
    ['twilio', 'authToken', { accountSid: sid('AC'), authToken: '' }, 'EmptyValue authToken'],
    ['twilio', 'authToken', { accountSid: sid('AC'), authToken: ' \n' }, 'EmptyValue authToken'],
    ['twilio', 'authToken', { accountSid: sid('AC'), authToken: hex, api_key: sid('SK') }, 'IncompletePair apiKeySid'],
    ['twilio', 'authToken', { accountSid: sid('AC'), authToken: hex, region: '', edge: '\n' }],
    ['sendgrid', 'apiKey', {}, 'MissingField apiKey'],
    ['sendgrid', 'twilioEmailAuth', { username: sid('AC') }, 'MissingField password'],
    ['redis', 'url', {}, 'MissingField url'],
    ['redis', 'hostPort', { port: '6379', password: 'n0t-r3al' }, 'MissingField host'],
    ['redis', 'url', { url: 'redis://h', password: 'n0t-r3al' }, 'UnusedField? password'],
  ])('%s %s %j', (service, variant, data, ...expected) => {
    const inspection = check(service, data)
    const found = inspection.findings.map(
      ({ code, severity, field }) => `${code}${severity === 'warning' ? '?' : ''} ${field!}`,
    )
    expect(found).toEqual(expected)
    expect(inspection.variant).toBe(variant)
    expect(inspection.valid).toBe(expected.every((text) => text.includes('?')))
  })

  it('says what is missing, what was looked for, what is there and what may be meant', () => {
    const text = texts(check('twilio', { accountSid: sid('AC'), apiKeySid: sid('SK'), api_secrte: keySecret, x: '1' }))
    expect(text).toContain('Secret "src" has no key for apiKeySecret, which is needed with accountSid and apiKeySid.')
    expect(text).toContain('Looked for: "apiKeySecret", "api_key_secret", "api-key-secret", "api_secret"')
    expect(text).toContain('Present keys: "accountSid", "apiKeySid", "api_secrte", "x".')
    expect(text).toContain('Did you mean "api_secrte"?')
    expect(text).toContain('Other complete sets: accountSid + authToken;')
    expect(text).toContain('or add {name: apiKeySecret, key: api_secrte} to spec.credentials.fields.')
  })

  it('lists few keys, and none that looks like a credential', () => {
    const data = Object.fromEntries(
      [apiKey, ...Array.from({ length: 30 }, (_, index) => `k${index}`)].map((k) => [k, 'x']),
    )
    const text = texts(check('sendgrid', data))
    expect(text).toContain('"k0"')
    expect(text).toContain('"k9" and 21 more')
    expect(text).not.toContain(apiKey)
    expect(text).not.toContain('"k10"')
  })

  it('warns when several sets are complete, and keeps all of them', () => {
    const data = { accountSid: sid('AC'), authToken: hex, apiKeySid: sid('SK'), apiKeySecret: keySecret }
    const inspection = check('twilio', data)
    expect(inspection).toMatchObject({ valid: true, variant: 'authToken' })
    expect(codes(inspection)).toEqual(['AmbiguousVariant?'])
    expect([...inspection.fields.keys()]).toEqual(['accountSid', 'authToken', 'apiKeySid', 'apiKeySecret'])
    const both = check('redis', { uri: 'redis://h', host: 'h', port: '1', password: 'n0t-r3al' })
    expect(both.findings.map((finding) => finding.params['variants'])).toEqual([['url', 'hostPort']])
    expect(both.fields.size).toBe(4)
  })

  it.each<[string, Data, readonly string[]]>([
    ['same value', { apiKey, token: apiKey }, []],
    ['one is empty', { apiKey: '', token: apiKey }, []],
    ['different values', { apiKey, token: `${apiKey}\n`, key: apiKey }, ['ConflictingKeys']],
  ])('aliases: %s', (_, data, expected) => {
    const inspection = check('sendgrid', data)
    expect(codes(inspection)).toEqual(expected)
    if (expected.length > 0) expect(texts(inspection)).toContain('the keys "apiKey" and "token" all stand for apiKey')
  })

  it.each<[string, Data, string]>([
    ['twilio', { accountSid: hex, authToken: sid('AC') }, 'accountSid and authToken'],
    ['twilio', { accountSid: sid('SK'), apiKeySid: sid('AC'), apiKeySecret: keySecret }, 'accountSid and apiKeySid'],
    ['twilio', { accountSid: sid('AC'), apiKeySid: keySecret, apiKeySecret: sid('SK') }, 'apiKeySecret and apiKeySid'],
    ['sendgrid', { username: apiKey, password: 'apikey' }, 'password and username'],
    ['redis', { host: '6379', port: 'localhost' }, 'host and port'],
  ])('%s: swapped fields, %j', (service, data, pair) => {
    const inspection = check(service, data)
    expect(codes(inspection)).toEqual(['SwappedFields'])
    expect(texts(inspection)).toContain(`${pair} look swapped`)
  })
})

describe('spec.credentials', () => {
  const two = new Map<string, SourceSecret | SecretAbsence>([
    ['src', source('src', { sid: sid('AC'), odd: hex, region: 'ie1' })],
    ['other', source('other', { t: hex })],
  ])
  const run = (credentials: CredentialsInput, secrets: typeof two = two): Inspection =>
    inspect({ service: 'twilio', credentials: { secretRef: { name: 'src' }, ...credentials }, secrets, now })

  it('takes another key, a key of another Secret, a value', () => {
    const fields = [
      { name: 'authToken', key: null, secretKeyRef: { name: 'other', key: 't' } },
      { name: 'region', value: 'au1' },
      { name: 'edge' },
    ]
    const inspection = run({ fields })
    expect(codes(inspection)).toEqual([])
    expect(inspection.fields.get('authToken')).toMatchObject({ secret: 'other', key: 't' })
    expect(inspection.fields.get('region')).toMatchObject({ secret: undefined, key: undefined })
    expect(run({ fields: [{ name: 'authToken', key: 'odd' }] }).fields.get('authToken')).toMatchObject({ key: 'odd' })
    expect(referencedSecrets({ secretRef: { name: 'src' }, fields })).toEqual(['src', 'other'])
    expect(referencedSecrets({ secretRef: null, fields: null })).toEqual([])
  })

  it.each<[string, NonNullable<CredentialsInput['fields']>, ...string[]]>([
    ['secret as value', [{ name: 'authToken', value: hex }], 'SecretGivenAsValue'],
    ['unknown field', [{ name: 'authTokn', key: 'odd' }], 'UnknownField'],
    ['alias for a field', [{ name: 'token', key: 'odd' }], 'UnknownField'],
    [
      'two sources',
      [{ name: 'authToken', key: 'odd', secretKeyRef: { name: 'other', key: 't' } }],
      'InvalidFieldSource',
    ],
    ['absent key', [{ name: 'authToken', key: 'od' }], 'KeyNotFound'],
    ['absent key elsewhere', [{ name: 'authToken', secretKeyRef: { name: 'other', key: 'x' } }], 'KeyNotFound'],
    ['absent Secret', [{ name: 'authToken', secretKeyRef: { name: 'gone', key: 'x' } }], 'SecretNotFound'],
    [
      'bad value',
      [
        { name: 'authToken', key: 'odd' },
        { name: 'region', value: 'ie1 ' },
      ],
      'SurroundingWhitespace',
    ],
  ])('%s', (_, fields, ...expected) => {
    const inspection = run({ fields })
    expect(codes(inspection)).toEqual(expected)
    expect(inspection.valid).toBe(false)
    expect(texts(inspection)).not.toContain(hex)
  })

  it('names what may be meant', () => {
    expect(texts(run({ fields: [{ name: 'authTokn', key: 'odd' }] }))).toContain('Did you mean "authToken"?')
    expect(texts(run({ fields: [{ name: 'token', key: 'odd' }] }))).toContain('Did you mean "authToken"?')
    expect(texts(run({ fields: [{ name: 'authToken', key: 'regio' }] }))).toContain('Did you mean "region"?')
  })

  it('needs secretRef for key, and some source at all', () => {
    const without = { secretRef: null, fields: [{ name: 'authToken', key: 'odd' }] }
    expect(codes(run(without))).toEqual(['InvalidFieldSource', 'MissingField'])
    expect(texts(run({ secretRef: null }))).toContain('names no Secret that could hold it')
  })

  it.each<[SecretAbsence | undefined, string]>([
    ['NotFound', 'SecretNotFound'],
    [undefined, 'SecretNotFound'],
    ['ForbiddenType', 'ForbiddenSecretType'],
    ['OperatorOwned', 'OperatorOwnedSecret'],
  ])('a Secret that is not there (%s): nothing else is said', (absence, code) => {
    const inspection = run({}, new Map(absence === undefined ? [] : [['src', absence]]))
    expect(inspection.unresolved.map((finding) => finding.code)).toEqual([code])
    expect(inspection).toMatchObject({ findings: [], valid: false })
    expect(texts(inspection)).toContain('Secret "src"')
  })

  it.each([apiKey, hex, sid('AC'), `ghp_${'a1B2'.repeat(9)}`, 'x'.repeat(64), 'P4ssw0rdOfS0mebody'])(
    'shows no credential that stands in place of a name: %s',
    (pasted) => {
      const fields = [
        { name: pasted, key: 'odd' },
        { name: 'authToken', key: pasted },
        { name: 'authToken', secretKeyRef: { name: 'other', key: pasted } },
        // Names of Secrets may be long.
        ...(pasted.length > 63 ? [] : [{ name: 'authToken', secretKeyRef: { name: pasted, key: 'x' } }]),
      ]
      const inspections = [
        ...fields.map((field) => run({ fields: [field] })),
        run({ fields: [{ name: 'authToken', key: 'odd' }], waive: [pasted] }),
        run({}, new Map([['src', source('src', { sid: sid('AC'), [pasted]: 'x' })]])),
        inspect({ service: pasted, credentials: { secretRef: { name: 'src' } }, secrets: two, now }),
      ]
      for (const inspection of inspections) {
        expect(codes(inspection)).not.toEqual([])
        expect(texts(inspection)).not.toContain(pasted)
      }
    },
  )

  it('knows no other service', () => {
    const inspection = inspect({ service: 'twillio', credentials: { secretRef: { name: 'src' } }, secrets: two, now })
    expect(codes(inspection)).toEqual(['UnsupportedService'])
    expect(inspection).toMatchObject({ service: undefined, variant: undefined, valid: false, unresolved: [] })
    expect(texts(inspection)).toContain('Did you mean "twilio"?')
  })
})

describe('waive', () => {
  it('keeps the finding in the list, last, and lets the value through', () => {
    const data = { apiKey: `${apiKey}a\n` }
    expect(codes(check('sendgrid', data))).toEqual(['TrailingNewline', 'UnusualLength?'])
    const waived = check('sendgrid', data, { waive: ['TrailingNewline', 'NoSuchCode'] })
    expect(codes(waived)).toEqual(['UnusualLength?', 'UnknownWaiver?', 'TrailingNewline waived'])
    expect(texts(waived)).toContain('spec.credentials.waive lists "NoSuchCode"')
    expect(waived.valid).toBe(true)
    expect(waived.fields.get('apiKey')?.value.byteLength).toBe(71)
  })

  it.each<[string, Data]>([
    ['MissingField', {}],
    ['EmptyValue', { apiKey: '' }],
    ['ConflictingKeys', { apiKey, token: 'other' }],
  ])('%s cannot be waived', (code, data) => {
    const inspection = check('sendgrid', data, { waive: [code] })
    expect(codes(inspection)).toEqual([code, 'UnknownWaiver?'])
    expect(inspection.valid).toBe(false)
  })
})

describe('size', () => {
  const megabyte = 1024 * 1024
  /** Milliseconds of processor time, the best of three: other tests share the machine. */
  const time = (run: () => void): number =>
    Math.min(
      ...[1, 2, 3].map(() => {
        const start = process.threadCpuUsage()
        run()
        return process.threadCpuUsage(start).user / 1000
      }),
    )

  it('ignores keys that nobody asked for', () => {
    const noise = Array.from({ length: 1000 }, (_, index) => [`key-${index}`, new Uint8Array(1000).fill(255)])
    const data = Object.fromEntries([...noise, ['apiKey', apiKey]]) as Data
    expect(codes(check('sendgrid', data))).toEqual([])
    const missing = Object.fromEntries(noise) as Data
    expect(time(() => check('sendgrid', missing))).toBeLessThan(2000)
  })

  it.each([' ', '\n', 'a', '\u200b', '{{', '${a:', 'redis://', 'a,', ', password=', '@', '%41', '"', '\0', 'AAAA'])(
    'a megabyte of %j takes no time',
    (piece) => {
      const value = piece.repeat(megabyte / piece.length)
      const findings = (): readonly Finding[] =>
        ['url', 'password', 'host', 'caCert'].flatMap((key) => check('redis', { host: 'h', [key]: value }).findings)
      expect(time(findings)).toBeLessThan(4000)
      expect(findings().some((finding) => finding.severity === 'error')).toBe(true)
    },
  )

  it('takes a bundle of a thousand certificates', () => {
    const caCert = certificate.repeat(1500)
    expect(codes(check('redis', { host: 'h', caCert }))).toEqual([])
  })
})
