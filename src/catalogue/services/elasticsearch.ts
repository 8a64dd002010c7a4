import type { ServiceDefinition, Shape, TracardiMapping } from '../definition.ts'
import {
  caCertField,
  passwordField,
  plainField,
  resource,
  secretField,
  usernameField,
  variant,
  webUrlField,
} from '../fields.ts'
import { base64url, booleanShape, form, oneOf, portShape, token } from '../shapes.ts'

/** base64 of `id:api_key`. Keys of the whole Elastic Cloud begin with essu_ and have another inside. */
function isEncodedKey(text: string): boolean {
  if (text.startsWith('essu_')) return true
  const [id = '', key = '', ...more] = Buffer.from(text, 'base64').toString('latin1').split(':')
  return more.length === 0 && [id, key].every((half) => /^[\x21-\x7e]+$/.test(half))
}

/** Base64 of `host$elasticsearch[$kibana]` behind a name. */
function isCloudId(text: string): boolean {
  const [host, elasticsearch] = Buffer.from(text.slice(text.indexOf(':') + 1), 'base64')
    .toString('latin1')
    .split('$')
  return Boolean(host) && Boolean(elasticsearch)
}

const hostAndPort: Shape = form(
  'documented',
  /^(?:[^\s:@/?#,]+|\[[0-9a-fA-F:]+\])(?::\d{1,5})?$/,
  'host[:port]; the scheme has a field of its own',
  'es.example.internal:9200',
)

const tls = ['caCert', 'caFingerprint', 'verifyCerts']

/** Tracardi asks for the port and takes that of the url. It knows no API keys. */
function toTracardi(variant: string, url: string, port: string, scheme: string): TracardiMapping {
  const user = { username: '{username}', password: '{password}' }
  return resource('elastic-search', { url, port, scheme, ...user, verify_certs: '{verifyCerts|true}' }, [variant])
}

export const elasticsearch: ServiceDefinition = {
  id: 'elasticsearch',
  title: 'Elasticsearch',
  description: 'Searches and writes documents in Elasticsearch.',
  docs: 'https://www.elastic.co/guide/en/elasticsearch/reference/current/setting-up-authentication.html',
  getCredential:
    'API keys: in Kibana, under Stack Management > API keys, or by POST /_security/api_key. With ECK the password of the user elastic stands in the Secret CLUSTER-es-elastic-user.',
  fields: [
    webUrlField(
      'url',
      "Address of a node, without user and password: these have fields of their own. Tracardi's form: host:port.",
      {
        aliases: ['node', 'nodes', 'host', 'hosts', 'uri', 'endpoint', 'elasticsearch_url'],
        example: 'https://es.example.internal:9200',
        lookalikes: [[/^https?:\/\/[^\s,]+,/, 'a list of addresses; one of them is enough here']],
        env: ['ELASTICSEARCH_URL'],
      },
    ),
    plainField('cloudId', 'Cloud id of a deployment in Elastic Cloud, in place of the url.', {
      aliases: ['CLOUD_ID'],
      shape: form(
        'documented',
        /^[^:\s]*:[A-Za-z0-9+/]+={0,2}$/,
        'a name, a colon and base64, as the console of Elastic Cloud shows it',
        'demo:ZXhhbXBsZS5jb20kYWJjZGVmJGdoaWprbA==',
        { accepts: isCloudId },
      ),
      lookalikes: [[/^https?:\/\//i, 'a URL, which belongs under url']],
      env: ['ELASTIC_CLOUD_ID'],
    }),
    usernameField('User for basic authentication.', {
      example: 'elastic',
      shape: { pattern: /^[\x20-\x7e]{1,507}$/, confidence: 'guess', expected: 'at most 507 printable characters' },
      env: ['ELASTICSEARCH_USERNAME'],
    }),
    passwordField('Password of the user. In the Secret that ECK makes for the user elastic, the key is elastic.', {
      aliases: ['elastic', 'ELASTIC_PASSWORD'],
      env: ['ELASTICSEARCH_PASSWORD'],
    }),
    secretField(
      'apiKey',
      'API key in its encoded form: base64 of id:api_key, as the answer of the API has it under encoded.',
      {
        aliases: ['encoded', 'ELASTIC_API_KEY'],
        shape: form(
          'documented',
          /^[A-Za-z0-9+/_-]{40,}={0,2}$/,
          'base64 of id:api_key, as the answer of the API has it under encoded',
          'ZmFrZWlkZmFrZWlkZmFrZWlkOmZha2VrZXlmYWtla2V5ZmFrZWtleQ==',
          { accepts: isEncodedKey },
        ),
        lookalikes: [
          [/^[A-Za-z0-9_-]{22}$/, 'only the api_key half of an API key; the encoded form holds both halves'],
          [/^[A-Za-z0-9_-]{20}$/, 'only the id half of an API key; the encoded form holds both halves'],
          [/^[A-Za-z0-9_-]{15,40}:[A-Za-z0-9_-]{15,40}$/, 'id:api_key that is not encoded in base64'],
        ],
        env: ['ELASTICSEARCH_API_KEY'],
      },
    ),
    plainField('apiKeyId', 'Id of an API key, for clients that take the halves.', {
      aliases: ['id'],
      shape: token(base64url(20), 'guess'),
    }),
    secretField('apiKeySecret', 'The api_key half of an API key.', {
      aliases: ['api_key_value'],
      shape: token(base64url(22), 'guess'),
    }),
    secretField('bearer', 'Token of a service account, or an OAuth token.', {
      aliases: ['service_token', 'serviceToken', 'token'],
      example: 'not-a-real-token',
    }),
    caCertField({ aliases: ['tls.crt', 'http_ca.crt'] }),
    plainField('caFingerprint', 'SHA-256 fingerprint of that authority.', {
      aliases: ['ssl_assert_fingerprint'],
      shape: form(
        'documented',
        /^(?:(?:[A-Fa-f0-9]{2}:){31}[A-Fa-f0-9]{2}|[A-Fa-f0-9]{64})$/,
        '64 hexadecimal digits, with or without colons',
        Array<string>(32).fill('AB').join(':'),
      ),
    }),
    plainField('scheme', "Tracardi's form: http or https.", {
      aliases: ['protocol'],
      shape: oneOf('documented', 'https', 'http'),
    }),
    plainField('port', "Tracardi's form, which asks for it and takes the port in url.", {
      shape: portShape,
      example: '9200',
    }),
    plainField('verifyCerts', 'Whether certificates are verified.', { shape: booleanShape }),
  ],
  variants: [
    variant('basic', 'User and password.', ['url', 'username', 'password'], tls),
    variant('apiKeyEncoded', 'API key in its encoded form.', ['url', 'apiKey'], tls),
    variant(
      'apiKeyPair',
      'Id and api_key of an API key; the client joins them.',
      ['url', 'apiKeyId', 'apiKeySecret'],
      tls,
    ),
    variant('bearer', 'Bearer token, such as that of a service account.', ['url', 'bearer'], tls),
    variant('cloudBasic', 'Elastic Cloud: user and password.', ['cloudId', 'username', 'password']),
    variant('cloudApiKey', 'Elastic Cloud: API key in its encoded form.', ['cloudId', 'apiKey']),
    variant(
      'eckUserSecret',
      'The Secret that ECK makes for the user elastic: its password, under the key elastic.',
      ['password'],
      ['url', 'username', ...tls],
      { keys: { password: ['elastic'] } },
    ),
    variant(
      'tracardi',
      "Tracardi's form: url holds host:port, and the scheme stands beside it.",
      ['url', 'scheme', 'username', 'password'],
      ['port', ...tls],
      { shapes: { url: hostAndPort }, recognise: (text) => !(text('url') ?? '').includes('://') },
    ),
  ],
  pairs: [
    ['username', 'password'],
    ['apiKeyId', 'apiKeySecret'],
  ],
  partners: [
    { field: 'cloudId', excludes: 'url', because: 'A cloud id stands for the url, and clients refuse both together.' },
  ],
  tracardi: [
    toTracardi('tracardi', '{url}', '{port|9200}', '{scheme}'),
    toTracardi('basic', '{url.host}:{url.port|9200}', '{url.port|9200}', '{url.scheme}'),
  ],
  notConfirmed: ['The lengths of the halves of an API key: 20 and 22 in all examples, and nowhere promised.'],
}
