import { accountOfKeyId } from '../aws-account.ts'
import type { ServiceDefinition, Shape } from '../definition.ts'
import { plainField, resource, secretField, variant, webUrlField } from '../fields.ts'
import { either, form, run, token } from '../shapes.ts'

const accessKeyId = token([either('AKIA', 'ASIA'), run('A-Z2-7', 'upper-case letters and digits', 'X', 16)], {
  confidence: 'documented',
  distinctive: 'an AWS access key id (AKIA... or ASIA...)',
})

const secretAccessKey: Shape = {
  ...token(run('A-Za-z0-9/+', 'letters, digits, slashes and plus signs', 'x', 40), 'observed'),
  accepts: (text) => !/^[0-9a-f]{40}$/.test(text),
}

/** Other vendors give out keys of any form. */
const anyKey: Shape = form('guess', /^[\x21-\x7e]{3,256}$/, 'printable characters without spaces', 'not-a-real-key')

const otherIds: readonly (readonly [RegExp, string])[] = [
  [/^AIDA[A-Z0-9]{12,}$/, 'the id of an IAM user (AIDA...)'],
  [/^AROA[A-Z0-9]{12,}/, 'the id of an IAM role (AROA...)'],
  [/^(?:AGPA|AIPA|ANPA|ANVA|APKA|ASCA|ABIA|ACCA)[A-Z0-9]{12,}$/, 'an id of another kind than an access key'],
  [/^arn:/, 'an ARN'],
  [/^\d{12}$/, 'an account number'],
  [/^[A-Za-z0-9/+]{40}$/, 'a secret access key, or something as long as one'],
]

const keyPair = ['accessKeyId', 'secretAccessKey']

export const aws: ServiceDefinition = {
  id: 'aws',
  title: 'AWS',
  description: 'Access keys and roles of AWS, for S3, SQS, SES and everything else.',
  docs: 'https://docs.aws.amazon.com/sdkref/latest/guide/access.html',
  getCredential:
    'In the IAM console: the user, Security credentials, Create access key. The secret is shown once. Roles need none where the cluster has IAM roles for service accounts.',
  fields: [
    plainField('accessKeyId', 'Access key id: 20 characters that begin with AKIA (long-lived) or ASIA (temporary).', {
      aliases: ['aws_access_key_id', 'access_key', 'accessKey', 'accesskey'],
      shape: accessKeyId,
      lookalikes: otherIds,
      env: ['AWS_ACCESS_KEY_ID'],
    }),
    secretField('secretAccessKey', 'Secret access key: 40 characters.', {
      aliases: ['aws_secret_access_key', 'secret', 'secret_key', 'secretKey', 'secretkey'],
      shape: secretAccessKey,
      lookalikes: [
        [/^(?:AKIA|ASIA)[A-Z2-7]{16}$/, 'an access key id (AKIA... or ASIA...)'],
        [/^[0-9a-f]{40}$/, '40 hexadecimal digits, as the id of a Git commit has'],
      ],
      env: ['AWS_SECRET_ACCESS_KEY'],
    }),
    secretField(
      'sessionToken',
      'Session token. Temporary access keys (ASIA...) need it, long-lived ones (AKIA...) have none.',
      {
        aliases: ['aws_session_token', 'token', 'AWS_SECURITY_TOKEN'],
        shape: form('observed', /^[A-Za-z0-9+/]{100,}={0,3}$/, 'at least 100 characters of base64', 'x'.repeat(120), {
          anyLength: /^[A-Za-z0-9+/]+={0,3}$/,
        }),
        env: ['AWS_SESSION_TOKEN'],
      },
    ),
    plainField('region', 'Region.', {
      aliases: ['aws_region', 'region_name'],
      shape: form(
        'documented',
        /^(?:(?:us|eu|ap|sa|ca|me|af|il|mx|cn|us-gov|us-isob?|us-isof|eu-isoe)-[a-z]+|eusc-de-[a-z]+)-\d+$/,
        'a region such as eu-central-1',
        'eu-central-1',
      ),
      lookalikes: [[/^[a-z-]+-\d+[a-z]$/, 'an availability zone; the region is what precedes its last letter']],
      // The SDK for JavaScript reads the first, those for Python and the CLI the second.
      env: ['AWS_REGION', 'AWS_DEFAULT_REGION'],
    }),
    plainField('roleArn', 'ARN of the role to assume.', {
      shape: form(
        'observed',
        /^arn:aws(?:-cn|-us-gov|-iso|-iso-b|-iso-e|-iso-f|-eusc)?:iam::\d{12}:role\/[\w+=,.@/-]{1,576}$/,
        'arn:aws:iam::<account>:role/<name>',
        'arn:aws:iam::000000000000:role/example',
      ),
      lookalikes: [
        [/^arn:[\w-]+:iam::\d*:user\//, 'the ARN of a user'],
        [/^arn:[\w-]+:iam::\d*:instance-profile\//, 'the ARN of an instance profile'],
        [/^arn:[\w-]+:sts::\d*:assumed-role\//, 'the ARN of a session; that of its role begins with arn:aws:iam'],
      ],
      env: ['AWS_ROLE_ARN'],
    }),
    secretField('externalId', 'External id that the role asks for.', {
      example: 'not-a-real-id',
      shape: {
        pattern: /^[\w+=,.@:/-]{2,1224}$/,
        confidence: 'documented',
        expected: '2 to 1224 letters, digits and +=,.@:/-_',
      },
    }),
    plainField('roleSessionName', 'Name of the session, for the logs of AWS.', {
      shape: form('documented', /^[\w+=,.@-]{2,64}$/, '2 to 64 letters, digits and +=,.@-_', 'credential-check'),
      env: ['AWS_ROLE_SESSION_NAME'],
    }),
    plainField('webIdentityTokenFile', 'Path of the file that holds the token, as EKS mounts it.', {
      shape: form(
        'guess',
        /^\/[^\s]+$/,
        'the path of a file',
        '/var/run/secrets/eks.amazonaws.com/serviceaccount/token',
      ),
      lookalikes: [[/^eyJ/, 'a token; the path of the file that holds it belongs here']],
      env: ['AWS_WEB_IDENTITY_TOKEN_FILE'],
    }),
    webUrlField('endpointUrl', 'Address of another endpoint, such as that of an S3-compatible store.', {
      example: 'http://127.0.0.1:5000',
      env: ['AWS_ENDPOINT_URL'],
    }),
    plainField('bucket', 'Bucket of S3, as Tracardi keeps it beside the keys.', {
      shape: form(
        'guess',
        /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/,
        '3 to 63 lower-case letters, digits, dots and dashes',
        'example-bucket',
      ),
    }),
  ],
  variants: [
    variant('static', 'Long-lived access key.', keyPair, ['region']),
    variant(
      'temporary',
      'Temporary access key with its session token. It expires.',
      [...keyPair, 'sessionToken'],
      ['region'],
      { examples: { accessKeyId: `ASIA${'X'.repeat(16)}` } },
    ),
    variant(
      'assumeRole',
      'Access key with a role to assume.',
      [...keyPair, 'roleArn'],
      ['sessionToken', 'externalId', 'roleSessionName', 'region', 'endpointUrl', 'bucket'],
    ),
    variant(
      'webIdentity',
      'Role of a service account (IRSA). Nothing in it is secret.',
      ['roleArn', 'webIdentityTokenFile'],
      ['roleSessionName', 'region'],
    ),
    variant(
      'tracardiS3',
      "Tracardi's form for S3 (access_key, secret, bucket).",
      [...keyPair, 'bucket'],
      ['sessionToken', 'region'],
    ),
    variant(
      'customEndpoint',
      'Another endpoint, such as an S3-compatible store, which may have keys of another form.',
      [...keyPair, 'endpointUrl'],
      ['sessionToken', 'region', 'bucket'],
      { shapes: { accessKeyId: anyKey, secretAccessKey: anyKey } },
    ),
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
  agreements: [
    {
      fields: ['accessKeyId', 'roleArn'],
      says: [accountOfKeyId, /^arn:[\w-]+:iam::(\d{12}):/],
      about: 'the account',
      because: 'Access key ids hold the number of their account. A role of another account must trust that one.',
      severity: 'warning',
    },
  ],
  // Tracardi knows neither session tokens nor roles.
  tracardi: [
    resource('aws-s3', { access_key: '{accessKeyId}', secret: '{secretAccessKey}', bucket: '{bucket}' }, [
      'tracardiS3',
    ]),
    resource('aws', { aws_access_key_id: '{accessKeyId}', aws_secret_access_key: '{secretAccessKey}' }, ['static']),
  ],
  notConfirmed: ['The length of secret access keys and session tokens: it was seen, and AWS promises none.'],
}
