import type { ServiceDefinition, Shape } from './definition.ts'
import { certificatesShape, hostShape, portShape, urlLookalike } from './shapes.ts'
import { hostPortProblems, urlParts, urlProblems } from './url.ts'

const schemes = ['redis', 'rediss']

const urlShape: Shape = {
  pattern: /^rediss?:\/\/(?:[^@\s/?#]*@)?(?:[^:@\s/?#]+|\[[0-9a-fA-F:]+\])(?::\d{1,5})?(?:\/\d{0,5})?(?:\?[^\s#]*)?$/,
  confidence: 'documented',
  expected: 'redis[s]://[[user][:password]@]host[:port][/db]',
  problems: (text) => urlProblems(text, schemes),
  parts: urlParts,
}

// Wide on purpose: a port out of range is still this form, with a mistake of its own.
const hostPort = /^(?:[^\s:@/?#,=]+|\[[0-9a-fA-F:]+\]):\d{1,9}$/

const hostPortShape: Shape = {
  pattern: /^(?:[^\s:@/?#,=]+|\[[0-9a-fA-F:]+\]):\d{1,5}$/,
  confidence: 'documented',
  expected: 'host:port',
  problems: hostPortProblems,
  parts: (text) => [{ text: text.slice(0, text.lastIndexOf(':')), secret: false }],
}

const azureShape: Shape = {
  // The lookahead makes sure of a password, the rest of the form: hosts, then options.
  pattern: /^(?=.*,\s*password=[^,\s])[^,=\s:/@]+(?::\d{1,5})?(?:,[^,=\s/@]+:\d{1,5})*(?:,\s*[A-Za-z]+=[^,\s]*)+$/i,
  confidence: 'observed',
  expected: 'host:port,password=...,ssl=True,abortConnect=False',
  parts: (text) =>
    text
      .split(',')
      .map((option) => /^\s*password=(.+)$/is.exec(option)?.[1])
      .filter((password) => password !== undefined)
      .map((password) => ({ text: password, secret: true })),
}

export const redis: ServiceDefinition = {
  id: 'redis',
  title: 'Redis / Valkey',
  description: 'Keeps data in Redis, Valkey or a service that speaks their protocol.',
  docs: 'https://redis.io/docs/latest/operate/oss_and_stack/management/security/',
  fields: [
    {
      name: 'url',
      aliases: ['uri', 'redis_url', 'REDIS_URL', 'connection_string', 'connectionString'],
      secret: true,
      description:
        'redis[s]://[[user][:password]@]host[:port][/db], special characters percent-encoded. Also host:port as Tracardi has it, and the connection string of Azure.',
      example: 'redis://app:not-a-real-pw@redis.example.internal:6379/0',
      shape: urlShape,
      env: ['REDIS_URL'],
    },
    {
      name: 'host',
      aliases: ['hostname', 'redis_host', 'REDIS_HOST'],
      secret: false,
      description: 'Host, when there is no url.',
      example: 'redis.example.internal',
      shape: hostShape,
      lookalikes: [urlLookalike],
      env: ['REDIS_HOST'],
    },
    {
      name: 'port',
      aliases: ['redis_port', 'REDIS_PORT'],
      secret: false,
      description: 'Port. Default: 6379.',
      example: '6379',
      shape: portShape,
      env: ['REDIS_PORT'],
    },
    {
      name: 'username',
      aliases: ['user', 'redis_username', 'REDIS_USERNAME'],
      secret: false,
      description: 'ACL user (Redis 6 and newer). Default: default.',
      example: 'app',
      env: ['REDIS_USERNAME'],
    },
    {
      name: 'password',
      aliases: ['pass', 'redis-password', 'redis_password', 'REDIS_PASSWORD', 'requirepass', 'auth'],
      secret: true,
      description: 'Password of the ACL user, or that of requirepass.',
      example: 'not-a-real-pw',
      env: ['REDIS_PASSWORD'],
    },
    {
      name: 'db',
      aliases: ['database', 'redis_db', 'REDIS_DB'],
      secret: false,
      description: 'Number of the logical database.',
      example: '0',
      shape: { pattern: /^\d{1,5}$/, confidence: 'documented', expected: 'a number' },
      env: [],
    },
    {
      name: 'tls',
      aliases: ['ssl', 'protocol', 'scheme'],
      secret: false,
      description: 'Whether to use TLS: true or false, also the scheme redis or rediss.',
      example: 'true',
      shape: {
        pattern: /^(?:true|false|redis|rediss)$/,
        confidence: 'guess',
        expected: 'true, false, redis or rediss',
      },
      env: [],
    },
    {
      name: 'caCert',
      aliases: ['ca.crt', 'ca', 'certificates'],
      secret: false,
      description: 'Certificates of the authority that signed the server certificate, in PEM.',
      example: '-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----',
      shape: certificatesShape,
      env: [],
      multiline: true,
    },
  ],
  variants: [
    { id: 'url', description: 'One URL.', required: ['url'], optional: ['caCert'] },
    {
      id: 'hostPort',
      description: 'Separate fields.',
      required: ['host'],
      optional: ['port', 'username', 'password', 'db', 'tls', 'caCert'],
    },
    {
      id: 'tracardi',
      description: "Tracardi's form: url holds host:port without a scheme.",
      required: ['url'],
      optional: ['username', 'password', 'tls', 'db'],
      shapes: { url: hostPortShape },
      recognise: (text) => hostPort.test(text('url') ?? ''),
    },
    {
      id: 'azureConnString',
      description: 'Connection string of Azure Cache for Redis.',
      required: ['url'],
      optional: [],
      shapes: { url: azureShape },
      recognise: (text) => /^(?![A-Za-z][A-Za-z0-9+.-]*:\/\/).*,\s*[A-Za-z]+=/s.test(text('url') ?? ''),
    },
  ],
}
