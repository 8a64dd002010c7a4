import type { Lookalike, ServiceDefinition, Shape } from './definition.ts'
import { webUrlShape } from './shapes.ts'

const accessKeyIdShape: Shape = {
  pattern: /^(?:AKIA|ASIA)[A-Z2-7]{16}$/,
  confidence: 'documented',
  expected: '20 characters: AKIA or ASIA and 16 upper-case letters and digits',
  length: 20,
  distinctive: 'an AWS access key id (AKIA... or ASIA...)',
  anyLength: /^(?:AKIA|ASIA)[A-Z2-7]*$/,
  parts: (text) => [{ text: text.slice(4), secret: true }],
}

const secretShape: Shape = {
  pattern: /^[A-Za-z0-9/+]{40}$/,
  accepts: (text) => !/^[0-9a-f]{40}$/.test(text),
  confidence: 'observed',
  expected: '40 letters, digits, slashes and plus signs',
  length: 40,
  anyLength: /^[A-Za-z0-9/+]+$/,
}

/** Other vendors give out keys of any form. */
const anyKeyShape: Shape = {
  pattern: /^[\x21-\x7e]{3,256}$/,
  confidence: 'guess',
  expected: 'printable characters without spaces',
}

const otherIds: readonly Lookalike[] = [
  { pattern: /^AIDA[A-Z0-9]{12,}$/, is: 'the id of an IAM user (AIDA...)' },
  { pattern: /^AROA[A-Z0-9]{12,}/, is: 'the id of an IAM role (AROA...)' },
  {
    pattern: /^(?:AGPA|AIPA|ANPA|ANVA|APKA|ASCA|ABIA|ACCA)[A-Z0-9]{12,}$/,
    is: 'an id of another kind than an access key',
  },
  { pattern: /^arn:/, is: 'an ARN' },
  { pattern: /^\d{12}$/, is: 'an account number' },
  { pattern: /^[A-Za-z0-9/+]{40}$/, is: 'a secret access key, or something as long as one' },
]

const keyPair = ['accessKeyId', 'secretAccessKey']

export const aws: ServiceDefinition = {
  id: 'aws',
  title: 'AWS',
  description: 'Access keys and roles of AWS, for S3, SQS, SES and everything else.',
  docs: 'https://docs.aws.amazon.com/sdkref/latest/guide/access.html',
  fields: [
    {
      name: 'accessKeyId',
      aliases: ['access_key_id', 'aws_access_key_id', 'access_key', 'accessKey', 'access-key-id', 'accesskey'],
      secret: false,
      description: 'Access key id: 20 characters that begin with AKIA (long-lived) or ASIA (temporary).',
      example: `AKIA${'A'.repeat(16)}`,
      shape: accessKeyIdShape,
      lookalikes: otherIds,
      env: ['AWS_ACCESS_KEY_ID'],
    },
    {
      name: 'secretAccessKey',
      aliases: [
        'secret_access_key',
        'aws_secret_access_key',
        'secret',
        'secret_key',
        'secretKey',
        'secret-access-key',
        'secretkey',
      ],
      secret: true,
      description: 'Secret access key: 40 characters.',
      example: 'x'.repeat(40),
      shape: secretShape,
      lookalikes: [
        { pattern: /^(?:AKIA|ASIA)[A-Z2-7]{16}$/, is: 'an access key id (AKIA... or ASIA...)' },
        { pattern: /^[0-9a-f]{40}$/, is: '40 hexadecimal digits, as the id of a Git commit has' },
      ],
      env: ['AWS_SECRET_ACCESS_KEY'],
    },
    {
      name: 'sessionToken',
      aliases: ['session_token', 'aws_session_token', 'token', 'AWS_SECURITY_TOKEN'],
      secret: true,
      description: 'Session token. Temporary access keys (ASIA...) need it, long-lived ones (AKIA...) have none.',
      example: 'x'.repeat(120),
      shape: {
        pattern: /^[A-Za-z0-9+/]{100,}={0,3}$/,
        confidence: 'observed',
        expected: 'at least 100 characters of base64',
        anyLength: /^[A-Za-z0-9+/]+={0,3}$/,
      },
      env: ['AWS_SESSION_TOKEN'],
    },
    {
      name: 'region',
      aliases: ['aws_region', 'region_name'],
      secret: false,
      description: 'Region.',
      example: 'eu-central-1',
      shape: {
        pattern: /^(?:(?:us|eu|ap|sa|ca|me|af|il|mx|cn|us-gov|us-isob?|us-isof|eu-isoe)-[a-z]+|eusc-de-[a-z]+)-\d+$/,
        confidence: 'documented',
        expected: 'a region such as eu-central-1',
      },
      lookalikes: [
        { pattern: /^[a-z-]+-\d+[a-z]$/, is: 'an availability zone; the region is what precedes its last letter' },
      ],
      // The SDK for JavaScript reads the first, those for Python and the CLI the second.
      env: ['AWS_REGION', 'AWS_DEFAULT_REGION'],
    },
    {
      name: 'roleArn',
      aliases: ['role_arn'],
      secret: false,
      description: 'ARN of the role to assume.',
      example: 'arn:aws:iam::000000000000:role/example',
      shape: {
        pattern: /^arn:aws(?:-cn|-us-gov|-iso|-iso-b|-iso-e|-iso-f|-eusc)?:iam::\d{12}:role\/[\w+=,.@/-]{1,576}$/,
        confidence: 'observed',
        expected: 'arn:aws:iam::<account>:role/<name>',
      },
      lookalikes: [
        { pattern: /^arn:[\w-]+:iam::\d*:user\//, is: 'the ARN of a user' },
        { pattern: /^arn:[\w-]+:iam::\d*:instance-profile\//, is: 'the ARN of an instance profile' },
        {
          pattern: /^arn:[\w-]+:sts::\d*:assumed-role\//,
          is: 'the ARN of a session; that of its role begins with arn:aws:iam',
        },
      ],
      env: ['AWS_ROLE_ARN'],
    },
    {
      name: 'externalId',
      aliases: ['external_id'],
      secret: true,
      description: 'External id that the role asks for.',
      example: 'example-external-id',
      shape: {
        pattern: /^[\w+=,.@:/-]{2,1224}$/,
        confidence: 'documented',
        expected: '2 to 1224 letters, digits and +=,.@:/-_',
      },
      env: [],
    },
    {
      name: 'roleSessionName',
      aliases: ['role_session_name'],
      secret: false,
      description: 'Name of the session, for the logs of AWS.',
      example: 'credential-check',
      shape: {
        pattern: /^[\w+=,.@-]{2,64}$/,
        confidence: 'documented',
        expected: '2 to 64 letters, digits and +=,.@-_',
      },
      env: ['AWS_ROLE_SESSION_NAME'],
    },
    {
      name: 'webIdentityTokenFile',
      aliases: ['web_identity_token_file'],
      secret: false,
      description: 'Path of the file that holds the token, as EKS mounts it.',
      example: '/var/run/secrets/eks.amazonaws.com/serviceaccount/token',
      shape: { pattern: /^\/[^\s]+$/, confidence: 'guess', expected: 'the path of a file' },
      lookalikes: [{ pattern: /^eyJ/, is: 'a token; the path of the file that holds it belongs here' }],
      env: ['AWS_WEB_IDENTITY_TOKEN_FILE'],
    },
    {
      name: 'endpointUrl',
      aliases: ['endpoint_url'],
      secret: false,
      description: 'Address of another endpoint, such as that of an S3-compatible store.',
      example: 'http://127.0.0.1:5000',
      shape: webUrlShape('http', 'https'),
      env: ['AWS_ENDPOINT_URL'],
    },
    {
      name: 'bucket',
      aliases: [],
      secret: false,
      description: 'Bucket of S3, as Tracardi keeps it beside the keys.',
      example: 'example-bucket',
      shape: {
        pattern: /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/,
        confidence: 'guess',
        expected: '3 to 63 lower-case letters, digits, dots and dashes',
      },
      env: [],
    },
  ],
  variants: [
    {
      id: 'static',
      description: 'Long-lived access key.',
      required: keyPair,
      optional: ['region'],
    },
    {
      id: 'temporary',
      description: 'Temporary access key with its session token. It expires.',
      required: [...keyPair, 'sessionToken'],
      optional: ['region'],
    },
    {
      id: 'assumeRole',
      description: 'Access key with a role to assume.',
      required: [...keyPair, 'roleArn'],
      optional: ['sessionToken', 'externalId', 'roleSessionName', 'region', 'endpointUrl', 'bucket'],
    },
    {
      id: 'webIdentity',
      description: 'Role of a service account (IRSA). Nothing in it is secret.',
      required: ['roleArn', 'webIdentityTokenFile'],
      optional: ['roleSessionName', 'region'],
    },
    {
      id: 'tracardiS3',
      description: "Tracardi's form for S3 (access_key, secret, bucket).",
      required: [...keyPair, 'bucket'],
      optional: ['sessionToken', 'region'],
    },
    {
      id: 'customEndpoint',
      description: 'Another endpoint, such as an S3-compatible store, which may have keys of another form.',
      required: [...keyPair, 'endpointUrl'],
      optional: ['sessionToken', 'region', 'bucket'],
      shapes: { accessKeyId: anyKeyShape, secretAccessKey: anyKeyShape },
    },
  ],
  pairs: [['externalId', 'roleArn']],
  partners: [
    {
      field: 'accessKeyId',
      pattern: /^ASIA/,
      needs: 'sessionToken',
      because: 'Access keys that begin with ASIA are temporary, and AWS refuses them without their session token.',
    },
    {
      field: 'accessKeyId',
      pattern: /^AKIA/,
      excludes: 'sessionToken',
      because: 'Access keys that begin with AKIA are long-lived, and AWS refuses them with a session token.',
    },
  ],
}
