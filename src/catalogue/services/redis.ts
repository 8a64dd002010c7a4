import type { ServiceDefinition, Shape, TracardiMapping } from '../definition.ts'
import {
  caCertField,
  hostField,
  passwordField,
  plainField,
  portField,
  resource,
  secretField,
  variant,
} from '../fields.ts'
import { connectionUrlShape, form, oneOf } from '../shapes.ts'
import { hostPortProblems } from '../url.ts'

const urlShape: Shape = {
  ...connectionUrlShape({
    schemes: ['redis', 'rediss'],
    path: 'db',
    number: true,
    example: 'redis://app:not-a-real-password@redis.example.internal:6379/0',
  }),
  expected: 'redis[s]://[[user][:password]@]host[:port][/db]',
}

// Wide on purpose: a port out of range is still this form, with a mistake of its own.
const hostPort = /^(?:[^\s:@/?#,=]+|\[[0-9a-fA-F:]+\]):\d{1,9}$/

const hostPortShape: Shape = form(
  'documented',
  /^(?:[^\s:@/?#,=]+|\[[0-9a-fA-F:]+\]):\d{1,5}$/,
  'host:port',
  'redis.example.internal:6379',
  { problems: hostPortProblems, parts: (text) => [{ text: text.slice(0, text.lastIndexOf(':')), secret: false }] },
)

const azureShape: Shape = {
  // The lookahead makes sure of a password, the rest of the form: hosts, then options.
  pattern: /^(?=.*,\s*password=[^,\s])[^,=\s:/@]+(?::\d{1,5})?(?:,[^,=\s/@]+:\d{1,5})*(?:,\s*[A-Za-z]+=[^,\s]*)+$/i,
  confidence: 'observed',
  expected: 'host:port,password=...,ssl=True,abortConnect=False',
  example: 'demo.redis.cache.windows.net:6380,password=not-a-real-password=,ssl=True,abortConnect=False',
  parts: (text) =>
    text
      .split(',')
      .map((option) => /^\s*password=(.+)$/is.exec(option)?.[1])
      .filter((password) => password !== undefined)
      .map((password) => ({ text: password, secret: true })),
}

/** Tracardi speaks no TLS here (its rediss URL has the host in the wrong place) and escapes nothing in passwords. */
function toTracardi(variant: string, url: string, user: string, password: string, database: string): TracardiMapping {
  return resource('redis', { url, user, password, protocol: 'redis', database }, [variant])
}

export const redis: ServiceDefinition = {
  id: 'redis',
  title: 'Redis / Valkey',
  description: 'Keeps data in Redis, Valkey or a service that speaks their protocol.',
  docs: 'https://redis.io/docs/latest/operate/oss_and_stack/management/security/',
  getCredential:
    'Whoever runs the server makes users with ACL SETUSER, or sets requirepass. In the Azure portal: under Access keys of the cache.',
  fields: [
    secretField(
      'url',
      'redis[s]://[[user][:password]@]host[:port][/db], special characters percent-encoded. Also host:port as Tracardi has it, and the connection string of Azure.',
      {
        aliases: ['uri', 'redis_url', 'connection_string', 'connectionString'],
        shape: urlShape,
        env: ['REDIS_URL'],
      },
    ),
    hostField('Host, when there is no url.', { aliases: ['redis_host'], env: ['REDIS_HOST'] }),
    portField('Port. Default: 6379.', { aliases: ['redis_port'], example: '6379', env: ['REDIS_PORT'] }),
    plainField('username', 'ACL user (Redis 6 and newer). Default: default.', {
      aliases: ['user', 'redis_username'],
      example: 'app',
      env: ['REDIS_USERNAME'],
    }),
    passwordField('Password of the ACL user, or that of requirepass.', {
      aliases: ['redis-password', 'redis_password', 'requirepass', 'auth'],
      env: ['REDIS_PASSWORD'],
    }),
    plainField('db', 'Number of the logical database.', {
      aliases: ['database', 'redis_db'],
      shape: form('documented', /^\d{1,5}$/, 'a number', '0'),
    }),
    plainField('tls', 'Whether to use TLS: true or false, also the scheme redis or rediss.', {
      aliases: ['ssl', 'protocol', 'scheme'],
      shape: oneOf('guess', 'true', 'false', 'redis', 'rediss'),
    }),
    caCertField({ aliases: ['certificates'] }),
  ],
  variants: [
    variant('url', 'One URL.', ['url'], ['caCert']),
    variant('hostPort', 'Separate fields.', ['host'], ['port', 'username', 'password', 'db', 'tls', 'caCert']),
    variant(
      'tracardi',
      "Tracardi's form: url holds host:port without a scheme.",
      ['url'],
      ['username', 'password', 'tls', 'db'],
      { shapes: { url: hostPortShape }, recognise: (text) => hostPort.test(text('url') ?? '') },
    ),
    variant('azureConnString', 'Connection string of Azure Cache for Redis.', ['url'], [], {
      shapes: { url: azureShape },
      recognise: (text) => /^(?![A-Za-z][A-Za-z0-9+.-]*:\/\/).*,\s*[A-Za-z]+=/s.test(text('url') ?? ''),
    }),
  ],
  tracardi: [
    toTracardi('url', '{url.host}:{url.port|6379}', '{url.user}', '{url.password}', '{url.path|0}'),
    toTracardi('hostPort', '{host}:{port|6379}', '{username}', '{password}', '{db|0}'),
    toTracardi('tracardi', '{url}', '{username}', '{password}', '{db|0}'),
  ],
  notConfirmed: ['The order and the names of the options in the connection string of Azure, but for password and ssl.'],
}
