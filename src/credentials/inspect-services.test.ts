import { describe, expect, it } from 'vitest'
import { certificate, ellipticKey, encryptedKey, rsaKey } from '../../test/support/pem.ts'
import { accountOfKeyId } from '../catalogue/aws-account.ts'
import type { Shape } from '../catalogue/definition.ts'
import { findField, fits } from '../catalogue/definition.ts'
import { services } from '../catalogue/services.ts'
import type { Finding } from './findings.ts'
import { describeFinding } from './findings.ts'
import type { Inspection } from './inspect.ts'
import { inspect } from './inspect.ts'
import { usableVariants, validCredentials, variedText, vary } from '../../test/support/valid-credentials.ts'
import type { FieldSource } from './resolve.ts'
import { Sensitive } from './sensitive.ts'

type Data = Readonly<Record<string, string | Uint8Array>>

const upper = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'
const lower = upper.toLowerCase()
const digits = '0123456789'
const base32 = `${upper}234567`
const alphanumeric = upper + lower + digits

const hex = (length: number, seed = 1): string => variedText('0123456789abcdef', length, seed)
const base64 = (value: string): string => Buffer.from(value).toString('base64')
const uuid = [8, 4, 4, 4, 12].map((length, index) => variedText(upper + digits, length, index + 1)).join('-')

const sendgridKey = `SG.${variedText(alphanumeric, 22)}.${variedText(alphanumeric, 43)}`
const airtableToken = `pat${variedText(alphanumeric, 14)}.${hex(64)}`
const airtableOauth = `oaa${variedText(alphanumeric, 14)}.v1.${variedText(alphanumeric, 60)}.${hex(64)}`
const [keyId, keySecret] = [variedText(alphanumeric, 20), variedText(alphanumeric, 22)]
const encodedKey = base64(`${keyId}:${keySecret}`)
const cloudId = `my-deployment:${base64(`eu-west-1.aws.found.io$${hex(32)}$${hex(32, 2)}`)}`
const botToken = `${variedText('123456789', 10)}:AA${variedText(alphanumeric, 33)}`
const matomoToken = hex(32)
const consumerKey = `3MVG9${variedText(alphanumeric, 80)}`
const consumerSecret = hex(64).toUpperCase()
const longLived = `AKIA${variedText(base32, 16)}`
const temporary = `ASIA${variedText(base32, 16)}`
const secretKey = `${variedText(alphanumeric, 19)}/+${variedText(alphanumeric, 19, 2)}`
const sessionToken = base64(variedText(alphanumeric, 301))
const role = `arn:aws:iam::${accountOfKeyId(longLived)!}:role/deploy/mailer`
const ownRole = `arn:aws:iam::${accountOfKeyId(temporary)!}:role/deploy/mailer`
const [rsa, oldRsa] = [rsaKey(), rsaKey('pkcs1')]
const now = Date.parse('2026-11-24')
const url = 'https://es.example.internal:9200'
const crm = { instanceUrl: 'https://acme.my.salesforce.com', clientId: consumerKey, clientSecret: consumerSecret }
const cloud = {
  subdomain: `mc${variedText(lower + digits, 26)}`,
  client_id: variedText(lower + digits, 24),
  client_secret: variedText(alphanumeric, 24),
}

function check(service: string, data: Data, fields: readonly FieldSource[] = []): Inspection {
  const entries = Object.entries(data).map(([key, value]): [string, Sensitive] => [
    key,
    Sensitive.of(typeof value === 'string' ? new TextEncoder().encode(value) : value),
  ])
  return inspect({
    service,
    credentials: { secretRef: { name: 'src' }, fields },
    secrets: new Map([['src', { name: 'src', type: 'Opaque', data: new Map(entries) }]]),
    now,
  })
}

function codes({ unresolved, findings }: Inspection): readonly string[] {
  const show = ({ code, severity, field }: Finding): string =>
    `${code}${severity === 'warning' ? '?' : ''} ${field ?? '-'}`
  return [...unresolved, ...findings].map(show)
}

function texts({ findings }: Inspection): string {
  return findings.map((found) => describeFinding(found)).join('\n')
}

describe('plausible credentials raise no alarm, and the right set is found from the keys', () => {
  const corpus: readonly [string, string, Data][] = [
    ['clicksend', 'apiKey', { username: 'team@example.com', apiKey: uuid }],
    ['clicksend', 'apiKey', { api_username: 'KCIHOYE', api_key: uuid, url: 'https://rest.clicksend.com/v3' }],
    ['clicksend', 'accountPassword', { user: 'team', password: 'correct horse battery' }],
    ['airtable', 'personalAccessToken', { apiKey: airtableToken }],
    ['airtable', 'personalAccessToken', { pat: airtableToken, base: `app${variedText(alphanumeric, 14)}` }],
    [
      'airtable',
      'personalAccessToken',
      { AIRTABLE_API_KEY: airtableToken, AIRTABLE_ENDPOINT_URL: 'http://proxy:8080' },
    ],
    ['airtable', 'oauthAccessToken', { access_token: airtableOauth }],
    ['elasticsearch', 'basic', { url, username: 'elastic', password: 'n0t-r3al' }],
    ['elasticsearch', 'basic', { hosts: 'http://[::1]:9200/es', user: 'a b', elastic: 'n0t', caCert: certificate() }],
    ['elasticsearch', 'apiKeyEncoded', { url, apiKey: encodedKey, verify_certs: 'True' }],
    ['elasticsearch', 'apiKeyEncoded', { url, encoded: `essu_${variedText(alphanumeric, 90)}==` }],
    ['elasticsearch', 'apiKeyPair', { node: url, id: keyId, api_key_secret: keySecret, ca_fingerprint: hex(64) }],
    ['elasticsearch', 'bearer', { url, service_token: `AAEAAWVsYXN0aWM${variedText(alphanumeric, 40)}` }],
    ['elasticsearch', 'cloudBasic', { cloudId, username: 'elastic', password: 'n0t-r3al' }],
    ['elasticsearch', 'cloudApiKey', { ELASTIC_CLOUD_ID: cloudId, ELASTIC_API_KEY: encodedKey }],
    ['elasticsearch', 'eckUserSecret', { elastic: variedText(alphanumeric, 24) }],
    ['elasticsearch', 'eckUserSecret', { elastic: variedText(alphanumeric, 24), url, 'ca.crt': certificate() }],
    [
      'elasticsearch',
      'tracardi',
      { url: 'es:9200', scheme: 'http', port: '9200', username: 'u', password: 'n0t', verify_certs: 'true' },
    ],
    ['telegram', 'botToken', { botToken }],
    ['telegram', 'botToken', { token: botToken.slice(0, -1), chat_id: '-1001234567890', base_url: 'http://bots:8081' }],
    ['telegram', 'botToken', { TELEGRAM_BOT_TOKEN: botToken, TELEGRAM_CHAT_ID: '@channelname' }],
    [
      'matomo',
      'tokenAuth',
      { url: 'https://stats.example.com/matomo/index.php', token_auth: matomoToken, idSite: '12' },
    ],
    ['matomo', 'tokenAuth', { api_url: 'http://matomo', token: matomoToken }],
    ['matomo', 'oauth2Plugin', { url: 'https://matomo.example.com', client_id: 'app', client_secret: 'n0t-r3al' }],
    ['salesforce', 'clientCredentials', crm],
    ['salesforce', 'clientCredentials', { ...crm, instanceUrl: 'https://acme--uat.sandbox.my.salesforce.com/' }],
    ['salesforce', 'clientCredentials', { ...crm, clientSecret: variedText(digits, 19) }],
    [
      'salesforce',
      'usernamePassword',
      { ...crm, username: 'a@b.co', password: 'n0t-r3al', token: variedText(alphanumeric, 24) },
    ],
    [
      'salesforce',
      'usernamePassword',
      { ...crm, login_url: 'https://test.salesforce.com', instanceUrl: '', user: 'a@b.co.uk', SF_PASSWORD: 'x y' },
    ],
    [
      'salesforce',
      'jwtBearer',
      {
        consumer_key: consumerKey,
        username: 'a@b.co',
        'server.key': oldRsa,
        aud: 'https://login.salesforce.com',
      },
    ],
    ['salesforce', 'jwtBearer', { client_id: consumerKey, user: 'a@b.co', privateKey: rsa }],
    ['salesforce', 'refreshToken', { ...crm, refresh_token: `5Aep861${variedText(alphanumeric, 70)}` }],
    [
      'salesforce',
      'accessToken',
      {
        instance_url: crm.instanceUrl,
        access_token: `00D${variedText(alphanumeric, 12)}!${variedText(`${alphanumeric}_.`, 96)}`,
      },
    ],
    ['salesforce', 'marketingCloud', cloud],
    ['salesforce', 'marketingCloud', { ...cloud, scope: 'email_read email_send' }],
    [
      'aws',
      'static',
      { AWS_ACCESS_KEY_ID: longLived, AWS_SECRET_ACCESS_KEY: secretKey, AWS_DEFAULT_REGION: 'us-gov-west-1' },
    ],
    ['aws', 'temporary', { accessKeyId: temporary, secretAccessKey: secretKey, sessionToken, region: 'eu-central-1' }],
    [
      'aws',
      'assumeRole',
      { aws_access_key_id: longLived, aws_secret_access_key: secretKey, role_arn: role, external_id: 'a:b' },
    ],
    ['aws', 'assumeRole', { accessKeyId: temporary, secret: secretKey, token: sessionToken, roleArn: ownRole }],
    [
      'aws',
      'webIdentity',
      { AWS_ROLE_ARN: role, AWS_WEB_IDENTITY_TOKEN_FILE: '/var/run/secrets/token', region: 'cn-north-1' },
    ],
    ['aws', 'tracardiS3', { access_key: longLived, secret: secretKey, bucket: 'exports.example' }],
    [
      'aws',
      'customEndpoint',
      { access_key: 'minio-app', secret: 'n0t-r3al-but-long', endpoint_url: 'http://minio:9000', bucket: 'exports' },
    ],
  ]

  it.each(corpus)('%s %s %#', (service, variant, data) => {
    const inspection = check(service, data)
    expect(codes(inspection)).toEqual([])
    expect(inspection).toMatchObject({ valid: true, variant })
    const given = Object.values(data).filter((value) => value.length > 0)
    expect(inspection.fields.size).toBe(given.length)
  })

  it('covers every set of these services', () => {
    for (const service of services.values()) {
      const covered = new Set(corpus.filter(([id]) => id === service.id).map(([, variant]) => variant))
      if (covered.size === 0) continue
      // A retired key is found, and refused.
      const all = service.variants.map((variant) => variant.id).filter((id) => id !== 'legacyApiKey')
      expect(covered, service.id).toEqual(new Set(all))
    }
  })

  it('takes the password of ECK under its key, also from another Secret and with a user beside it', () => {
    const elastic = { name: 'password', key: 'elastic' }
    expect(check('elasticsearch', { elastic: 'n0t-r3al' }, [elastic])).toMatchObject({
      variant: 'eckUserSecret',
      valid: true,
    })
    const more = [
      { name: 'url', value: url },
      { name: 'username', value: 'elastic' },
    ]
    expect(check('elasticsearch', { elastic: 'n0t-r3al' }, more)).toMatchObject({ variant: 'basic', valid: true })
    expect(codes(check('elasticsearch', { password: 'n0t-r3al' }))).toContain('MissingField url')
  })
})

describe.each([...services.values()])('$id: what the catalogue itself gives as examples', (service) => {
  it.each(usableVariants(service))('makes up $id and raises no alarm', (variant) => {
    const data = validCredentials(service, variant)
    const inspection = check(service.id, data)
    expect(codes(inspection)).toEqual([])
    expect(inspection).toMatchObject({ valid: true, variant: variant.id })
    expect([...inspection.fields.keys()].sort()).toEqual([...variant.required].sort())
  })

  it.each(usableVariants(service))('may have each optional field beside $id', (variant) => {
    const excluded = (service.partners ?? []).map(({ excludes }) => excludes)
    for (const name of variant.optional.filter((other) => !excluded.includes(other))) {
      const inspection = check(service.id, validCredentials(service, variant, [...variant.required, name]))
      expect(inspection.valid, `${name}: ${codes(inspection).join()}`).toBe(true)
      expect(inspection.fields.has(name), name).toBe(true)
    }
  })
})

interface Whole {
  readonly id: string
  readonly data: Readonly<Record<string, string>>
  /** The secret on which the mistakes are tried. */
  readonly key: string
  readonly shape: Shape
}

/** For each service with a secret of a known form: a whole set. */
const whole: readonly Whole[] = [...services.values()].flatMap((service) => {
  for (const variant of usableVariants(service)) {
    for (const key of variant.required) {
      const shape = variant.shapes?.[key] ?? findField(service, key)?.shape
      const field = findField(service, key)
      if (field?.secret !== true || field.multiline === true || shape === undefined) continue
      return [{ id: service.id, data: validCredentials(service, variant), key, shape }]
    }
  }
  return []
})

describe('the same mistakes in every service: one finding for one cause', () => {
  const mistakes: readonly [string, (value: string, key: string) => string | Uint8Array, ...string[]][] = [
    ['1 line feed', (value) => `${value}\n`, 'TrailingNewline'],
    ['2 Windows line ending', (value) => `${value}\r`, 'CarriageReturn'],
    ['3 spaces', (value) => ` ${value}\t`, 'SurroundingWhitespace'],
    ['3 byte-order mark', (value) => `\ufeff${value}`, 'ByteOrderMark'],
    ['3 zero-width space', (value) => `${value.slice(0, 12)}\u200b${value.slice(12)}`, 'InvisibleCharacter'],
    ['4 UTF-16', (value) => Buffer.from(value, 'utf16le'), 'NotUtf8'],
    ['5 base64 twice', (value) => base64(value), 'DoubleBase64'],
    ['5 base64 twice, of a line', (value) => `${base64(`${value}\n`)}\n`, 'DoubleBase64'],
    ['6 quotes', (value) => `"${value}"`, 'QuotedValue'],
    ['7 line of an .env file', (value) => `API_KEY=${value}`, 'VariableNameIncluded'],
    ['7 exported', (value) => `export SECRET=${value}`, 'VariableNameIncluded'],
    ['7 quoted in the line', (value) => `MY_TOKEN="${value}"`, 'VariableNameIncluded'],
    ['7 the name of the field', (value, key) => `${key}=${value}`, 'VariableNameIncluded'],
    ['7 line of YAML', (value, key) => `${key}: ${value}`, 'VariableNameIncluded'],
    ['7 Bearer', (value) => `Bearer ${value}`, 'SchemeWordIncluded'],
    ['7 basic', (value) => `basic ${value}`, 'SchemeWordIncluded'],
    ['7 ApiKey', (value) => `ApiKey ${value}`, 'SchemeWordIncluded'],
    ['7 header', (value) => `Authorization: Token ${value}`, 'SchemeWordIncluded'],
    ['8 JSON', (value, key) => JSON.stringify({ [key]: value }), 'JsonDocument'],
    ['8 JSON file', (value, key) => `${JSON.stringify({ id: 1, [key]: value }, null, 2)}\n`, 'JsonDocument'],
    ['8 JSON list', (value) => JSON.stringify([value]), 'JsonDocument'],
    ['8 file', (value, key) => `[default]\n${key} = ${value}\n`, 'MultipleLines TrailingNewline'],
    ['9 placeholder', () => '<your-key>', 'Placeholder'],
    ['9 template', () => '${SECRET}', 'UnrenderedTemplate'],
    ['11 empty', () => '', 'EmptyValue'],
    ['15 of Slack', () => `xoxb-${variedText(digits, 12)}-${variedText(alphanumeric, 24)}`, 'ForeignCredential'],
    ['15 of GitHub', () => `ghp_${variedText(alphanumeric, 36)}`, 'ForeignCredential'],
  ]

  // Forms that are hardly one, such as "no spaces", fit some mistakes too.
  const cases = whole.flatMap(({ id, data, key, shape }) =>
    mistakes
      .map(([name, make, expected]) => ({ id, data, key, name, value: make(data[key]!, key), expected }))
      .filter(
        ({ name, value }) => typeof value !== 'string' || !fits(shape, name.startsWith('5') ? value.trim() : value),
      )
      // What is empty counts where the service cannot do without it, and a mistyped token is none of another service.
      .filter(({ name }) => name !== '11 empty' || services.get(id)!.variants[0]!.required.includes(key))
      .filter(({ name }) => !name.toLowerCase().endsWith(` of ${id}`)),
  )

  it('in nearly all of them', () => {
    const withSecret = [...services.values()].filter(({ fields }) => fields.some(({ secret }) => secret))
    expect(whole.length).toBeGreaterThan(withSecret.length * 0.75)
    expect(cases.length).toBeGreaterThan(whole.length * mistakes.length * 0.9)
  })

  it.each(cases)('$id: $name', ({ id, data, key, value, expected }) => {
    const inspection = check(id, { ...data, [key]: value })
    const found = inspection.findings.map((finding) => finding.code)
    expect([...found].sort().join(' ')).toBe(expected)
    expect(inspection.valid).toBe(false)
    expect(inspection.findings.every((finding) => finding.field === key && finding.severity === 'error')).toBe(true)
    expect(texts(inspection)).not.toContain(data[key])
  })

  const distinctive = [...services.values()].flatMap((service) =>
    [
      ...service.fields.map(({ shape }) => shape),
      ...service.variants.flatMap(({ shapes }) => Object.values(shapes ?? {})),
    ]
      .filter((shape) => shape?.distinctive !== undefined)
      .map((shape) => ({ owner: service.id, value: vary(shape!.example!, 1, shape!.prefix) })),
  )

  it.each(whole)('$id: a credential of another service is named as such', ({ id, data, key, shape }) => {
    for (const { owner, value } of distinctive) {
      if (owner === id || fits(shape, value)) continue
      expect(codes(check(id, { ...data, [key]: value })), owner).toEqual([
        expect.stringMatching(/^(?:ForeignCredential|WrongKindOfValue) /),
      ])
    }
  })
})

/** Samples of the vendors' documentation, in pieces. */
const samples: readonly [string, Data][] = [
  ['aws', { accessKeyId: ['AKIAIOSFODNN7', 'EXAMPLE'].join(''), secretAccessKey: secretKey }],
  ['aws', { accessKeyId: longLived, secretAccessKey: ['wJalrXUtnFEMI/K7MDENG', '/bPxRfiCY', 'EXAMPLEKEY'].join('') }],
  ['aws', { accessKeyId: ['AKIA2345ABCDE', 'EXAMPLE'].join(''), secretAccessKey: secretKey }],
  ['telegram', { botToken: ['123456:ABC-DEF1234', 'ghIkl-zyx57W2v1u123ew11'].join('') }],
  ['telegram', { botToken: ['110201543:AAHdqTcvCH1v', 'GWJxfSeofSAs0K5PALDsaw'].join('') }],
  ['sendgrid', { apiKey: ['SG.ngeVfQFYQlKU0ufo8x5d1A', '.TwL2iGABf9DHoTf-09kqeF8t', 'AmbihYzrnopKc-1s5cr'].join('') }],
  ['matomo', { url: 'https://m.example.com', tokenAuth: ['33dc3f2536d30259', '74cccb4b4d2d98f4'].join('') }],
  ['clicksend', { username: 'u', apiKey: ['IJVEGTCF-VOHU-GSVF', '-KNKK-XHTARJXMQTXK'].join('') }],
  ['elasticsearch', { url, apiKey: base64(['VuaCfGcBCdbkQm-e5aOx', 'ui2lp2axTNmsyakw9tvNnw'].join(':')) }],
  ['salesforce', { ...crm, clientSecret: ['1955279925', '675241571'].join('') }],
]

it.each(samples)('%s: a sample from the documentation is refused', (service, data) => {
  const inspection = check(service, data)
  expect(inspection.findings.map((finding) => finding.code)).toEqual(['VendorSample'])
})

describe('each service has mistakes of its own', () => {
  const keys = { accessKeyId: longLived, secretAccessKey: secretKey }
  const jwt = { clientId: consumerKey, username: 'a@b.co' }
  const es = { url, apiKey: encodedKey }
  it.each<[string, Data, ...string[]]>([
    // 14: another kind of id or key
    ['aws', { ...keys, accessKeyId: `AIDA${variedText(base32, 17)}` }, 'WrongKindOfValue accessKeyId'],
    ['aws', { ...keys, accessKeyId: `AROA${variedText(base32, 17)}` }, 'WrongKindOfValue accessKeyId'],
    ['aws', { ...keys, accessKeyId: `AROA${variedText(base32, 17)}:session` }, 'WrongKindOfValue accessKeyId'],
    ['aws', { ...keys, accessKeyId: `AGPA${variedText(base32, 17)}` }, 'WrongKindOfValue accessKeyId'],
    ['aws', { ...keys, secretAccessKey: hex(40) }, 'WrongKindOfValue secretAccessKey'],
    ['aws', { ...keys, roleArn: role.replace(':role/', ':user/') }, 'WrongKindOfValue roleArn'],
    ['aws', { ...keys, region: 'us-east-1a' }, 'WrongKindOfValue region'],
    [
      'aws',
      { roleArn: role, webIdentityTokenFile: `eyJ${variedText(alphanumeric, 40)}` },
      'WrongKindOfValue webIdentityTokenFile',
    ],
    ['airtable', { apiKey: `app${variedText(alphanumeric, 14)}` }, 'WrongKindOfValue apiKey'],
    ['airtable', { apiKey: `key${variedText(alphanumeric, 14)}` }, 'RetiredCredential apiKey'],
    ['elasticsearch', { ...es, apiKey: keySecret }, 'WrongKindOfValue apiKey'],
    ['elasticsearch', { ...es, apiKey: keyId }, 'WrongKindOfValue apiKey'],
    ['elasticsearch', { ...es, apiKey: `${keyId}:${keySecret}` }, 'WrongKindOfValue apiKey'],
    ['elasticsearch', { ...es, apiKey: base64(variedText(alphanumeric, 45)) }, 'PatternMismatch apiKey'],
    ['elasticsearch', { ...es, url: 'https://a:9200,https://b:9200' }, 'WrongKindOfValue url'],
    ['elasticsearch', { cloudId: url, apiKey: encodedKey }, 'WrongKindOfValue cloudId'],
    ['elasticsearch', { cloudId: `a:${base64('no dollar sign')}`, apiKey: encodedKey }, 'PatternMismatch cloudId'],
    ['telegram', { botToken: `bot${botToken}` }, 'WrongKindOfValue botToken'],
    ['telegram', { botToken: `https://api.telegram.org/bot${botToken}/getMe` }, 'WrongKindOfValue botToken'],
    ['telegram', { botToken: botToken.slice(11) }, 'WrongKindOfValue botToken'],
    ['telegram', { botToken: botToken.slice(0, 10) }, 'WrongKindOfValue botToken'],
    ['telegram', { botToken: botToken.slice(0, 30) }, 'Truncated botToken'],
    ['telegram', { botToken: `${botToken}a` }, 'UnusualLength? botToken'],
    ['telegram', { botToken: `123456789:${'A'.repeat(35)}` }, 'Placeholder botToken'],
    ['telegram', { botToken, chatId: 'my chat' }, 'PatternMismatch? chatId'],
    ['matomo', { url: 'https://m', tokenAuth: 'anonymous' }, 'WrongKindOfValue tokenAuth'],
    ['salesforce', { ...crm, clientSecret: consumerKey }, 'WrongKindOfValue clientSecret'],
    ['salesforce', { ...crm, instanceUrl: 'https://login.salesforce.com' }, 'WrongKindOfValue instanceUrl'],
    ['salesforce', { ...crm, instanceUrl: 'https://acme.lightning.force.com' }, 'WrongKindOfValue instanceUrl'],
    ['salesforce', { ...jwt, privateKey: certificate() }, 'WrongKindOfValue privateKey'],
    ['salesforce', { ...jwt, privateKey: ellipticKey('sec1') }, 'WrongKindOfValue privateKey'],
    ['salesforce', { ...jwt, privateKey: ellipticKey() }, 'WrongKindOfValue privateKey'],
    ['salesforce', { ...jwt, privateKey: encryptedKey() }, 'WrongKindOfValue privateKey'],
    ['salesforce', { ...jwt, privateKey: rsa.replaceAll('\n', '\\n') }, 'EscapedLineBreaks privateKey'],
    ['salesforce', { ...jwt, privateKey: rsa.replaceAll('\n', ' ') }, 'MissingLineBreaks privateKey'],
    ['salesforce', { ...jwt, privateKey: rsa.replaceAll('\n', '\r\n') }, 'CarriageReturn? privateKey'],
    ['salesforce', { ...jwt, privateKey: rsa.slice(0, 200) }, 'PemIncomplete privateKey'],
    ['salesforce', { ...jwt, privateKey: rsa.slice(60) }, 'PemIncomplete privateKey'],
    ['salesforce', { ...jwt, privateKey: rsa.replace(/\n.{9}/, '\n') }, 'PemUnreadable privateKey'],
    ['salesforce', { ...jwt, privateKey: base64(rsa) }, 'DoubleBase64 privateKey'],
    ['elasticsearch', { url, apiKey: encodedKey, caCert: certificate(new Date(now)) }, 'ExpiredCredential caCert'],
    ['elasticsearch', { url, apiKey: encodedKey, caCert: rsa }, 'WrongKindOfValue caCert'],
    [
      'salesforce',
      { ...cloud, subdomain: `https://${cloud.subdomain}.auth.marketingcloudapis.com/` },
      'WrongKindOfValue subdomain',
    ],
    // 19: cut off
    ['aws', { ...keys, accessKeyId: longLived.slice(0, 19) }, 'Truncated accessKeyId'],
    ['aws', { ...keys, secretAccessKey: secretKey.slice(1) }, 'Truncated secretAccessKey'],
    ['airtable', { apiKey: airtableToken.slice(0, 17) }, 'Truncated apiKey'],
    ['airtable', { apiKey: airtableToken.slice(0, 60) }, 'Truncated apiKey'],
    ['matomo', { url: 'https://m', token: matomoToken.slice(2) }, 'Truncated tokenAuth'],
    // ClickSend takes passwords as well.
    ['clicksend', { username: 'u', apiKey: uuid.toLowerCase() }, 'PatternMismatch? apiKey'],
    ['clicksend', { username: 'u', apiKey: uuid.slice(3) }, 'Truncated? apiKey'],
    // Filled with one character
    ['aws', { ...keys, accessKeyId: `AKIA${'X'.repeat(16)}` }, 'Placeholder accessKeyId'],
    ['airtable', { apiKey: `pat${'X'.repeat(14)}.${hex(64)}` }, 'Placeholder apiKey'],
    ['salesforce', { ...crm, clientId: `3MVG9${'x'.repeat(80)}` }, 'Placeholder clientId'],
    // 20: URLs
    ['elasticsearch', { ...es, url: 'es.example.internal:9200' }, 'UrlMissingScheme url'],
    ['elasticsearch', { ...es, url: 'HTTPS://es' }, 'UrlWrongScheme url'],
    ['elasticsearch', { ...es, url: 'https://elastic:n0t-r3al@es:9200' }, 'UrlContainsCredentials url'],
    ['elasticsearch', { ...es, url: 'https://elastic:n0t/r3al@es:9200' }, 'UrlContainsCredentials url'],
    ['elasticsearch', { ...es, url: 'https://:9200' }, 'UrlMissingHost url'],
    ['elasticsearch', { ...es, url: 'https://es:99999' }, 'UrlInvalidPort url'],
    ['elasticsearch', { ...es, url: 'https://es/_search?pretty' }, 'UrlUnexpectedPart url'],
    ['elasticsearch', { ...es, url: 'https://<host>:9200' }, 'Placeholder url'],
    ['matomo', { url: 'https://m/index.php?module=API', tokenAuth: matomoToken }, 'UrlUnexpectedPart url'],
    ['clicksend', { username: 'u', apiKey: uuid, baseUrl: 'http://rest.clicksend.com/v3' }, 'UrlWrongScheme baseUrl'],
    [
      'salesforce',
      { ...crm, instanceUrl: 'https://acme.my.salesforce.com/services/oauth2' },
      'UrlUnexpectedPart instanceUrl',
    ],
    ['salesforce', { ...crm, instanceUrl: 'acme.my.salesforce.com' }, 'UrlMissingScheme instanceUrl'],
    // One cause, one finding, whatever else the value could be taken for.
    ['mysql', { host: '$DB_HOST', username: 'app', password: 'n0t-r3al', database: 'app' }, 'UnrenderedTemplate host'],
    ['mysql', { host: 'my%2Ddb', username: 'app', password: 'n0t-r3al', database: 'app' }, 'UrlEncodedValue host'],
    ['mqtt', { url: 'mqtt%3A%2F%2Fbroker', clientId: 'app-1' }, 'UrlEncodedValue url'],
    ['redis', { url: 'redis\r\n:6379', user: 'app', password: 'n0t-r3al' }, 'CarriageReturn url'],
    ['redis', { url: 'redis:6379', user: 'app', password: 'n0t-r3al', 'ca.crt': certificate() }, 'UnusedField? caCert'],
    ['salesforce', { ...jwt, privateKey: consumerKey, clientId: rsa }, 'SwappedFields clientId'],
    ['salesforce', { client_id: cloud.client_id, client_secret: cloud.client_secret }, 'MissingField subdomain'],
    ['maxmind', { license: variedText(alphanumeric, 16) }, 'MissingField accountId'],
    ['smtp', { host: `${'A'.repeat(22)}${'a%2B'.repeat(25)}`, port: '25' }, 'ForeignCredential host'],
    // Base64 of UTF-16, as PowerShell makes it.
    ['sendgrid', { apiKey: Buffer.from(sendgridKey, 'utf16le').toString('base64') }, 'DoubleBase64 apiKey'],
    [
      'sendgrid',
      { apiKey: Buffer.from(`\ufeff${sendgridKey}\r\n`, 'utf16le').toString('base64') },
      'DoubleBase64 apiKey',
    ],
    // Several mistakes, one upon the other: the outermost is named.
    ['sendgrid', { apiKey: base64(`API_KEY="${sendgridKey}"\n`) }, 'DoubleBase64 apiKey'],
    ['sendgrid', { apiKey: base64(base64(base64(sendgridKey))) }, 'DoubleBase64 apiKey'],
    ['sendgrid', { apiKey: base64('changeme') }, 'DoubleBase64 apiKey'],
    ['sendgrid', { apiKey: base64(sendgridKey.slice(0, 40)) }, 'DoubleBase64 apiKey'],
    ['sendgrid', { apiKey: encodeURIComponent(`"${sendgridKey}"`) }, 'UrlEncodedValue apiKey'],
    ['sendgrid', { apiKey: `SENDGRID_API_KEY="${sendgridKey}\n"` }, 'VariableNameIncluded apiKey'],
    ['sendgrid', { apiKey: `Bearer "${sendgridKey}\n"` }, 'SchemeWordIncluded apiKey'],
    ['sendgrid', { apiKey: `KEY=  ${sendgridKey}` }, 'VariableNameIncluded apiKey'],
    [
      'aws',
      { ...keys, secretAccessKey: `\\"${secretKey.replace(/[+/]/g, '\\$&')}\\"` },
      'ShellEscapes secretAccessKey',
    ],
    ['elasticsearch', { ...es, apiKey: `${encodedKey.slice(0, 9)}\n${encodedKey.slice(9)}` }, 'MultipleLines apiKey'],
    ['elasticsearch', { ...es, apiKey: encodedKey.slice(0, 32) }, 'PatternMismatch apiKey'],
    // PEM with more around it.
    ['salesforce', { ...jwt, privateKey: `'${rsa.trim()}'` }, 'QuotedValue privateKey'],
    ['salesforce', { ...jwt, privateKey: `SERVER_KEY="${rsa}"` }, 'VariableNameIncluded privateKey'],
    ['salesforce', { ...jwt, privateKey: `server.key: ${rsa}` }, 'VariableNameIncluded privateKey'],
    ['salesforce', { ...jwt, privateKey: `x${rsa}` }, 'PemUnreadable privateKey'],
    ['salesforce', { ...jwt, privateKey: `x\n${rsa.replace(/^/gm, '  ')}` }, 'PemUnreadable privateKey'],
    ['salesforce', { ...jwt, privateKey: `Bag Attributes\n${rsa}\n` }],
    ['http-api', { url: 'https://a.example', headers: '\'{"a":"b"}\'' }, 'QuotedValue headers'],
    // 27: the account of a key and that of a role
    [
      'aws',
      { ...keys, roleArn: `arn:aws:iam::${variedText('123456789', 12)}:role/app` },
      'FieldsDisagree? accessKeyId',
    ],
    // Passwords have no form, and some things are mistakes all the same.
    ['clicksend', { username: 'u', password: sendgridKey }, 'ForeignCredential password'],
    ['redis', { host: 'h', password: `REDIS_PASSWORD=n0t-r3al` }, 'VariableNameIncluded password'],
    ['redis', { host: 'h', password: `MY_PW=n0t-r3al` }, 'VariableNameIncluded password'],
    ['redis', { host: 'h', password: '{"password": "n0t-r3al"}' }, 'JsonDocument password'],
    ['elasticsearch', { url, bearer: `Bearer ${variedText(alphanumeric, 40)}` }, 'SchemeWordIncluded bearer'],
    ['redis', { host: 'h', password: 'Basic instinct 7' }],
    ['redis', { host: 'h', password: 'A=b{c' }],
    ['redis', { host: 'h', password: '{not json}' }],
    ['redis', { host: 'h', password: 'U0VDUkVU==' }],
    ['redis', { url: 'host:6379' }],
  ])('%s %j', (service, data, ...expected) => {
    const inspection = check(service, data)
    expect(codes(inspection)).toEqual(expected)
    expect(inspection.valid).toBe(expected.every((code) => code.includes('?')))
  })

  it('13: finds swapped fields', () => {
    expect(texts(check('aws', { accessKeyId: secretKey, secretAccessKey: longLived }))).toContain(
      'accessKeyId and secretAccessKey look swapped',
    )
  })

  it('12: refuses two aliases that differ', () => {
    expect(codes(check('aws', { ...keys, secret: `${secretKey.slice(1)}a` }))).toEqual([
      'ConflictingKeys secretAccessKey',
    ])
  })

  it('15: names the other service', () => {
    const found = check('matomo', { url: 'https://m', tokenAuth: sendgridKey })
    expect(texts(found)).toContain('looks like a SendGrid API key (SG....), which is no credential of matomo')
  })
})

describe('what belongs together', () => {
  const keys = { accessKeyId: longLived, secretAccessKey: secretKey }
  it.each<[string, string | undefined, Data, ...string[]]>([
    // 18
    ['aws', 'static', { ...keys, accessKeyId: temporary }, 'MissingPartner accessKeyId'],
    ['aws', 'temporary', { ...keys, sessionToken }, 'ForbiddenPartner sessionToken'],
    ['aws', 'static', { accessKeyId: longLived }, 'MissingField secretAccessKey'],
    ['aws', 'static', { secret: secretKey }, 'MissingField accessKeyId'],
    ['aws', 'temporary', { accessKeyId: temporary, sessionToken }, 'MissingField secretAccessKey'],
    ['aws', 'static', { ...keys, externalId: 'abc' }, 'IncompletePair externalId'],
    ['aws', 'assumeRole', { ...keys, roleArn: role, webIdentityTokenFile: '/token' }, 'AmbiguousVariant? -'],
    ['elasticsearch', 'apiKeyEncoded', { url, cloudId, apiKey: encodedKey }, 'ForbiddenPartner url'],
    ['elasticsearch', 'basic', { url, username: 'u', password: 'n0t', apiKey: encodedKey }, 'AmbiguousVariant? -'],
    [
      'elasticsearch',
      'cloudBasic',
      { cloudId, username: 'u', password: 'n0t', apiKey: encodedKey },
      'AmbiguousVariant? -',
    ],
    ['elasticsearch', 'apiKeyEncoded', { url, apiKey: encodedKey, username: 'u' }, 'IncompletePair username'],
    ['elasticsearch', 'apiKeyPair', { url, apiKeyId: keyId }, 'MissingField apiKeySecret'],
    ['elasticsearch', 'basic', { username: 'u', password: 'n0t' }, 'MissingField url'],
    ['elasticsearch', 'basic', { url, password: 'n0t' }, 'MissingField username'],
    ['clicksend', 'apiKey', { username: 'u' }, 'MissingField apiKey'],
    ['clicksend', 'apiKey', { username: 'u', apiKey: uuid, password: 'n0t' }, 'AmbiguousVariant? -'],
    ['matomo', 'oauth2Plugin', { url: 'https://m', clientId: 'a' }, 'MissingField clientSecret'],
    ['matomo', 'tokenAuth', { url: 'https://m', tokenAuth: matomoToken, clientId: 'a' }, 'IncompletePair clientId'],
    [
      'salesforce',
      'clientCredentials',
      { clientId: consumerKey, clientSecret: consumerSecret },
      'MissingField instanceUrl',
    ],
    [
      'salesforce',
      'marketingCloud',
      { subdomain: cloud.subdomain, client_id: cloud.client_id },
      'MissingField clientSecret',
    ],
    ['salesforce', 'clientCredentials', { ...crm, username: 'a@b.co' }, 'IncompletePair username'],
    [
      'salesforce',
      'usernamePassword',
      { clientId: consumerKey, clientSecret: consumerSecret, username: 'a@b.co' },
      'MissingField password',
    ],
    ['salesforce', 'clientCredentials', { ...crm, subdomain: cloud.subdomain }, 'ForbiddenPartner instanceUrl'],
    ['telegram', 'botToken', { chatId: '12' }, 'MissingField botToken'],
  ])('%s %s %j', (service, variant, data, ...expected) => {
    const inspection = check(service, data)
    expect(codes(inspection)).toEqual(expected)
    expect(inspection.variant).toBe(variant)
  })

  it('says why', () => {
    const missing = texts(check('aws', { ...keys, accessKeyId: temporary, sesion_token: sessionToken }))
    expect(missing).toContain('key "accessKeyId": sessionToken is missing beside it. Access keys that begin with ASIA')
    expect(missing).toContain('Did you mean "sesion_token"?')
    expect(texts(check('aws', { ...keys, sessionToken }))).toContain('sessionToken must not stand beside accessKeyId')
  })

  it('delivers AWS regions under both names', () => {
    const inspection = check('aws', { ...keys, region: 'eu-central-1' })
    expect([...inspection.fields.keys()]).toEqual(['accessKeyId', 'secretAccessKey', 'region'])
  })
})

it('lists no keys that look like a credential of any service', () => {
  const names = {
    [sendgridKey]: 'x',
    [`xoxb-${variedText(digits, 12)}-${variedText(alphanumeric, 24)}`]: 'x',
    [longLived]: 'x',
  }
  const shown = texts(check('matomo', names))
  expect(shown).toContain('Present keys: 3 not shown')
  for (const name of Object.keys(names)) expect(shown).not.toContain(name)
})
