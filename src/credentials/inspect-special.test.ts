/** What is special about single services: what their table rows in inspect-services.test.ts cannot say. */
import { expect, it } from 'vitest'
import { certificate, rsaKey } from '../../test/support/pem.ts'
import { variedText } from '../../test/support/valid-credentials.ts'
import { crc32Tail } from '../catalogue/checksum.ts'
import { inspect } from './inspect.ts'
import { Sensitive } from './sensitive.ts'

const lower = 'abcdefghijklmnopqrstuvwxyz'
const alphanumeric = `${lower}${lower.toUpperCase()}0123456789`
const hex = (length: number): string => variedText('0123456789abcdef', length)
const uuid = `${hex(8)}-${hex(4)}-${hex(4)}-${hex(4)}-${hex(12)}`

const github = variedText(alphanumeric, 30)
const key = rsaKey()
const account = (document: object): string =>
  JSON.stringify({ type: 'service_account', client_email: 'app@example.iam.gserviceaccount.com', ...document })
const mailchimp = `${hex(32)}-us13`
const entra = { tenantId: uuid, clientId: uuid }
const x = {
  apiKey: variedText(alphanumeric, 25),
  apiSecret: variedText(alphanumeric, 50),
  accessToken: `${variedText('123456789', 19)}-${variedText(alphanumeric, 30)}`,
  accessTokenSecret: variedText(alphanumeric, 45),
}
const openaiKey = `sk-proj-${variedText(alphanumeric, 60)}T3BlbkFJ${variedText(alphanumeric, 60)}`

it.each<[string, string, Readonly<Record<string, string>>, ...string[]]>([
  ['github', 'pat', { GITHUB_TOKEN: `ghp_${github}${crc32Tail(github)}` }],
  ['github', 'pat', { token: `ghp_${variedText(alphanumeric, 30, 2)}${crc32Tail(github)}` }, 'ChecksumMismatch token'],
  ['github', 'appInstallation', { token: `ghs_${github}${crc32Tail(github)}` }],
  ['github', 'oldPat', { token: hex(40) }],
  ['github', 'pat', { token: `ghp_${github.slice(0, 20)}` }, 'PatternMismatch token'],
  ['mailchimp', 'apiKey', { token: mailchimp, server: 'us13' }],
  ['mailchimp', 'apiKey', { apiKey: mailchimp, server: 'us1' }, 'FieldsDisagree apiKey'],
  ['mailchimp', 'apiKey', { apiKey: hex(32) }, 'WrongKindOfValue apiKey'],
  ['mailchimp', 'apiKey', { apiKey: mailchimp, server: 'us13.api.mailchimp.com' }, 'WrongKindOfValue server'],
  ['mandrill', 'apiKey', { apiKey: mailchimp }, 'WrongKindOfValue apiKey'],
  ['deepl', 'free', { authKey: `${uuid}:fx`, host: 'https://api-free.deepl.com' }],
  ['deepl', 'free', { authKey: `${uuid}:fx`, serverUrl: 'https://api.deepl.com' }, 'FieldsDisagree authKey'],
  ['deepl', 'pro', { DEEPL_API_KEY: uuid }],
  ['google-service-account', 'serviceAccount', { 'key.json': account({ private_key: key }) }],
  [
    'google-service-account',
    'serviceAccount',
    { 'key.json': account({ private_key: key.replaceAll('\n', '\\n') }) },
    'ShellEscapes serviceAccountJson',
  ],
  [
    'google-service-account',
    'serviceAccount',
    { 'key.json': JSON.stringify({ type: 'authorized_user', client_id: 'a' }) },
    'WrongKindOfValue serviceAccountJson',
  ],
  ['google-analytics-4', 'ua3', { trackingId: 'UA-1234567-1' }],
  [
    'google-analytics-4',
    'ga4',
    { measurementId: 'GTM-ABC123', apiSecret: variedText(alphanumeric, 22) },
    'WrongKindOfValue measurementId',
  ],
  ['azure-entra', 'certificate', { ...entra, clientCertificate: certificate() + key }],
  ['azure-entra', 'certificate', { ...entra, clientCertificate: key }, 'PatternMismatch clientCertificate'],
  ['azure-entra', 'secret', { ...entra, clientSecret: uuid }, 'WrongKindOfValue clientSecret'],
  [
    'azure-entra',
    'secret',
    { ...entra, tenantId: 'contoso.com', clientSecret: variedText(alphanumeric, 34) },
    'UnusualLength? clientSecret',
  ],
  ['twitter', 'oauth1User', { ...x, accessToken: `12-${variedText(alphanumeric, 40)}` }, 'UnusualLength? accessToken'],
  ['twitter', 'oauth1User', { ...x, apiKey: x.apiSecret, apiSecret: x.apiKey }, 'SwappedFields apiKey'],
  ['openai', 'openai', { apiKey: openaiKey }],
  ['openai', 'openai', { apiKey: openaiKey, baseUrl: 'https://eu.api.openai.com/v1' }],
  ['openai', 'compatible', { apiKey: variedText(lower, 12), baseUrl: 'http://vllm:8000/v1' }],
  ['openai', 'openai', { apiKey: `sk-ant-${variedText(alphanumeric, 90)}` }, 'ForeignCredential apiKey'],
  ['maxmind', 'oldLicenseKey', { accountId: '123456', license: variedText(alphanumeric, 16) }],
  ['seven', 'oauth', { apiKey: `Bearer ${variedText(alphanumeric, 40)}` }],
  ['seven', 'apiKey', { apiKey: `Bearer ${variedText(alphanumeric, 64)}` }, 'SchemeWordIncluded apiKey'],
  ['hubspot', 'legacyHapikey', { token: uuid }, 'RetiredCredential token'],
  ['facebook', 'appAccessToken', { accessToken: `${variedText('123456789', 16)}|${variedText(alphanumeric, 27)}` }],
  ['mysql', 'fields', { host: 'db', username: 'app', password: 'p@ss/w', uri: 'mysql://app:p%40ss%2Fw@db/app' }],
  ['mysql', 'uri', { DATABASE_URL: 'mysql+pymysql://app:n0t-r3al@db:3306/app?charset=utf8mb4' }],
  ['mysql', 'uri', { uri: 'mysql://app:n0t@r3al@db/app' }, 'UrlUnescapedCharacter uri'],
  ['postgresql', 'uri', { uri: 'postgres://app:n0t-r3al@a:5432,b:5432/app?target_session_attrs=any' }],
  ['postgresql', 'uri', { uri: 'jdbc:postgresql://db/app' }, 'WrongKindOfValue uri'],
  ['mongodb', 'uri', { 'connectionString.standard': 'mongodb://u:n0t-r3al@a:27017,b:27017/app?replicaSet=rs' }],
  ['mongodb', 'uri', { uri: 'mongodb+srv://u:n0t-r3al@cluster.example.net/?retryWrites=true' }],
  ['mongodb', 'uri', { uri: 'mongodb+srv://u:n0t-r3al@cluster.example.net:27017/app' }, 'PatternMismatch uri'],
  ['rabbitmq', 'uri', { uri: 'amqp://u:n0t#r3al@mq/app' }, 'UrlUnescapedCharacter uri'],
  ['mqtt', 'userpass', { url: 'mqtt://u:n0t-r3al@broker' }, 'UrlContainsCredentials url'],
  ['kafka', 'sasl', { brokers: 'SASL_SSL://a:9093', username: 'u', password: 'n0t-r3al' }, 'WrongKindOfValue brokers'],
  ['http-api', 'bearer', { url: 'https://api.example.com/hook?x=1', token: variedText(alphanumeric, 20) }],
  ['http-api', 'none', { url: 'https://u:n0t-r3al@api.example.com/' }, 'UrlContainsCredentials url'],
  ['http-api', 'header', { url: 'https://api.example.com', headers: '{"X-Retries": 3}' }, 'PatternMismatch headers'],
  ['weather-msn', 'none', { unrelated: 'x' }],
  ['resend', 'apiKey', { apiKey: `ghp_${github}${crc32Tail(github)}` }, 'ForeignCredential apiKey'],
])('%s %s %#', (service, variant, data, ...expected) => {
  const entries = Object.entries(data).map(([name, text]) => [name, Sensitive.of(Buffer.from(text))] as const)
  const inspection = inspect({
    service,
    credentials: { secretRef: { name: 'src' } },
    secrets: new Map([['src', { name: 'src', type: 'Opaque', data: new Map(entries) }]]),
    now: Date.now(),
  })
  const found = inspection.findings.map(
    ({ code, severity, field }) => `${code}${severity === 'warning' ? '?' : ''} ${field ?? '-'}`,
  )
  expect(found).toEqual(expected)
  if (inspection.valid) expect(inspection.variant).toBe(variant)
})
