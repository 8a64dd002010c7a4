import type { ServiceDefinition, Shape } from './definition.ts'
import { booleanShape, certificatesShape, portShape, webUrlShape } from './shapes.ts'

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

const hostAndPortShape: Shape = {
  pattern: /^(?:[^\s:@/?#,]+|\[[0-9a-fA-F:]+\])(?::\d{1,5})?$/,
  confidence: 'documented',
  expected: 'host[:port]; the scheme has a field of its own',
}

const tls = ['caCert', 'caFingerprint', 'verifyCerts']

export const elasticsearch: ServiceDefinition = {
  id: 'elasticsearch',
  title: 'Elasticsearch',
  description: 'Searches and writes documents in Elasticsearch.',
  docs: 'https://www.elastic.co/guide/en/elasticsearch/reference/current/setting-up-authentication.html',
  fields: [
    {
      name: 'url',
      aliases: ['node', 'nodes', 'host', 'hosts', 'uri', 'endpoint', 'elasticsearch_url'],
      secret: false,
      description:
        "Address of a node, without user and password: these have fields of their own. Tracardi's form: host:port.",
      example: 'https://es.example.internal:9200',
      shape: webUrlShape('http', 'https'),
      lookalikes: [{ pattern: /^https?:\/\/[^\s,]+,/, is: 'a list of addresses; one of them is enough here' }],
      env: ['ELASTICSEARCH_URL'],
    },
    {
      name: 'cloudId',
      aliases: ['cloud_id', 'CLOUD_ID'],
      secret: false,
      description: 'Cloud id of a deployment in Elastic Cloud, in place of the url.',
      example: 'demo:ZXhhbXBsZS5jb20kYWJjZGVmJGdoaWprbA==',
      shape: {
        pattern: /^[^:\s]*:[A-Za-z0-9+/]+={0,2}$/,
        accepts: isCloudId,
        confidence: 'documented',
        expected: 'a name, a colon and base64, as the console of Elastic Cloud shows it',
      },
      lookalikes: [{ pattern: /^https?:\/\//i, is: 'a URL, which belongs under url' }],
      env: ['ELASTIC_CLOUD_ID'],
    },
    {
      name: 'username',
      aliases: ['user'],
      secret: false,
      description: 'User for basic authentication.',
      example: 'elastic',
      shape: { pattern: /^[\x20-\x7e]{1,507}$/, confidence: 'guess', expected: 'at most 507 printable characters' },
      env: ['ELASTICSEARCH_USERNAME'],
    },
    {
      name: 'password',
      aliases: ['pass', 'elastic', 'ELASTIC_PASSWORD'],
      secret: true,
      description: 'Password of the user. In the Secret that ECK makes for the user elastic, the key is elastic.',
      example: 'not-a-real-password',
      env: ['ELASTICSEARCH_PASSWORD'],
    },
    {
      name: 'apiKey',
      aliases: ['api_key', 'encoded', 'ELASTIC_API_KEY'],
      secret: true,
      description: 'API key in its encoded form: base64 of id:api_key, as the answer of the API has it under encoded.',
      example: 'ZmFrZWlkZmFrZWlkZmFrZWlkOmZha2VrZXlmYWtla2V5ZmFrZWtleQ==',
      shape: {
        pattern: /^[A-Za-z0-9+/_-]{40,}={0,2}$/,
        accepts: isEncodedKey,
        confidence: 'documented',
        expected: 'base64 of id:api_key, as the answer of the API has it under encoded',
      },
      lookalikes: [
        {
          pattern: /^[A-Za-z0-9_-]{22}$/,
          is: 'only the api_key half of an API key; the encoded form holds both halves',
        },
        { pattern: /^[A-Za-z0-9_-]{20}$/, is: 'only the id half of an API key; the encoded form holds both halves' },
        { pattern: /^[A-Za-z0-9_-]{15,40}:[A-Za-z0-9_-]{15,40}$/, is: 'id:api_key that is not encoded in base64' },
      ],
      env: ['ELASTICSEARCH_API_KEY'],
    },
    {
      name: 'apiKeyId',
      aliases: ['api_key_id', 'id'],
      secret: false,
      description: 'Id of an API key, for clients that take the halves.',
      example: 'AAAAAAAAAAAAAAAAAAAA',
      shape: {
        pattern: /^[A-Za-z0-9_-]{20}$/,
        confidence: 'guess',
        expected: '20 letters, digits, dashes and underscores',
        length: 20,
        anyLength: /^[A-Za-z0-9_-]+$/,
      },
      env: [],
    },
    {
      name: 'apiKeySecret',
      aliases: ['api_key_secret', 'api_key_value'],
      secret: true,
      description: 'The api_key half of an API key.',
      example: 'BBBBBBBBBBBBBBBBBBBBBB',
      shape: {
        pattern: /^[A-Za-z0-9_-]{22}$/,
        confidence: 'guess',
        expected: '22 letters, digits, dashes and underscores',
        length: 22,
        anyLength: /^[A-Za-z0-9_-]+$/,
      },
      env: [],
    },
    {
      name: 'bearer',
      aliases: ['service_token', 'serviceToken', 'token'],
      secret: true,
      description: 'Token of a service account, or an OAuth token.',
      example: 'not-a-real-token',
      env: [],
    },
    {
      name: 'caCert',
      aliases: ['ca.crt', 'ca', 'tls.crt', 'http_ca.crt'],
      secret: false,
      description: 'Certificates of the authority that signed the server certificate, in PEM.',
      example: '-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----',
      shape: certificatesShape,
      env: [],
      multiline: true,
    },
    {
      name: 'caFingerprint',
      aliases: ['ca_fingerprint', 'ssl_assert_fingerprint'],
      secret: false,
      description: 'SHA-256 fingerprint of that authority.',
      example: Array<string>(32).fill('AB').join(':'),
      shape: {
        pattern: /^(?:(?:[A-Fa-f0-9]{2}:){31}[A-Fa-f0-9]{2}|[A-Fa-f0-9]{64})$/,
        confidence: 'documented',
        expected: '64 hexadecimal digits, with or without colons',
      },
      env: [],
    },
    {
      name: 'scheme',
      aliases: ['protocol'],
      secret: false,
      description: "Tracardi's form: http or https.",
      example: 'https',
      shape: { pattern: /^https?$/, confidence: 'documented', expected: 'http or https' },
      env: [],
    },
    {
      name: 'port',
      aliases: [],
      secret: false,
      description: "Tracardi's form, which asks for it and takes the port in url.",
      example: '9200',
      shape: portShape,
      env: [],
    },
    {
      name: 'verifyCerts',
      aliases: ['verify_certs'],
      secret: false,
      description: 'Whether certificates are verified.',
      example: 'true',
      shape: booleanShape,
      env: [],
    },
  ],
  variants: [
    {
      id: 'basic',
      description: 'User and password.',
      required: ['url', 'username', 'password'],
      optional: tls,
    },
    {
      id: 'apiKeyEncoded',
      description: 'API key in its encoded form.',
      required: ['url', 'apiKey'],
      optional: tls,
    },
    {
      id: 'apiKeyPair',
      description: 'Id and api_key of an API key; the client joins them.',
      required: ['url', 'apiKeyId', 'apiKeySecret'],
      optional: tls,
    },
    {
      id: 'bearer',
      description: 'Bearer token, such as that of a service account.',
      required: ['url', 'bearer'],
      optional: tls,
    },
    {
      id: 'cloudBasic',
      description: 'Elastic Cloud: user and password.',
      required: ['cloudId', 'username', 'password'],
      optional: [],
    },
    {
      id: 'cloudApiKey',
      description: 'Elastic Cloud: API key in its encoded form.',
      required: ['cloudId', 'apiKey'],
      optional: [],
    },
    {
      id: 'eckUserSecret',
      description: 'The Secret that ECK makes for the user elastic: its password, under the key elastic.',
      required: ['password'],
      optional: ['url', 'username', ...tls],
      keys: { password: ['elastic'] },
    },
    {
      id: 'tracardi',
      description: "Tracardi's form: url holds host:port, and the scheme stands beside it.",
      required: ['url', 'scheme', 'username', 'password'],
      optional: ['port', ...tls],
      shapes: { url: hostAndPortShape },
      recognise: (text) => !(text('url') ?? '').includes('://'),
    },
  ],
  pairs: [
    ['username', 'password'],
    ['apiKeyId', 'apiKeySecret'],
  ],
  partners: [
    { field: 'cloudId', excludes: 'url', because: 'A cloud id stands for the url, and clients refuse both together.' },
  ],
}
