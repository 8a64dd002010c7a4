import type { Lookalike, ServiceDefinition, Shape } from './definition.ts'

function sidShape(prefix: string, confidence: Shape['confidence'], distinctive: string): Shape {
  return {
    pattern: new RegExp(`^${prefix}[0-9a-fA-F]{32}$`),
    confidence,
    expected: `34 characters: ${prefix} and 32 hexadecimal digits`,
    length: 34,
    prefix,
    distinctive,
    anyLength: new RegExp(`^${prefix}[0-9a-fA-F]*$`),
  }
}

const accountSid: Lookalike = { pattern: /^AC[0-9a-fA-F]{20,}$/, is: 'an account SID (AC...)' }
const apiKeySid: Lookalike = { pattern: /^SK[0-9a-fA-F]{20,}$/, is: 'an API key SID (SK...)' }
const oauthClientId: Lookalike = { pattern: /^OQ[0-9a-fA-F]{20,}$/, is: 'an OAuth client id (OQ...)' }

export const twilio: ServiceDefinition = {
  id: 'twilio',
  title: 'Twilio',
  description: 'Sends messages and makes calls through Twilio.',
  docs: 'https://www.twilio.com/docs/iam/api-keys',
  fields: [
    {
      name: 'accountSid',
      aliases: ['account_sid', 'account-sid', 'sid', 'TWILIO_ACCOUNT_SID', 'twilio_account_sid'],
      secret: false,
      description: 'Account SID: 34 characters that begin with AC.',
      example: `AC${'0'.repeat(32)}`,
      shape: sidShape('AC', 'documented', 'a Twilio account SID (AC...)'),
      lookalikes: [apiKeySid, oauthClientId],
      env: ['TWILIO_ACCOUNT_SID'],
    },
    {
      name: 'authToken',
      aliases: ['auth_token', 'auth-token', 'token', 'TWILIO_AUTH_TOKEN', 'twilio_auth_token'],
      secret: true,
      description: 'Auth token: 32 hexadecimal digits.',
      example: '0'.repeat(32),
      shape: {
        pattern: /^[0-9a-f]{32}$/,
        confidence: 'documented',
        expected: '32 hexadecimal digits in lower case',
        length: 32,
        anyLength: /^[0-9a-f]+$/,
      },
      lookalikes: [accountSid, apiKeySid, oauthClientId],
      env: ['TWILIO_AUTH_TOKEN'],
    },
    {
      name: 'apiKeySid',
      aliases: ['api_key_sid', 'api_key', 'apiKey', 'TWILIO_API_KEY', 'TWILIO_API_KEY_SID'],
      secret: false,
      description: 'SID of an API key: 34 characters that begin with SK.',
      example: `SK${'0'.repeat(32)}`,
      shape: sidShape('SK', 'documented', 'a Twilio API key SID (SK...)'),
      lookalikes: [accountSid, oauthClientId],
      env: ['TWILIO_API_KEY'],
    },
    {
      name: 'apiKeySecret',
      aliases: ['api_key_secret', 'api_secret', 'apiSecret', 'TWILIO_API_SECRET', 'TWILIO_API_KEY_SECRET'],
      secret: true,
      description: 'Secret of the API key: 32 letters and digits.',
      example: 'x'.repeat(32),
      shape: {
        pattern: /^[0-9a-zA-Z]{32}$/,
        confidence: 'observed',
        expected: '32 letters and digits',
        length: 32,
        anyLength: /^[0-9a-zA-Z]+$/,
      },
      lookalikes: [accountSid, apiKeySid, oauthClientId],
      env: ['TWILIO_API_SECRET'],
    },
    {
      name: 'oauthClientId',
      aliases: ['client_id'],
      secret: false,
      description: 'Id of an OAuth app: 34 characters that begin with OQ.',
      example: `OQ${'0'.repeat(32)}`,
      shape: sidShape('OQ', 'observed', 'a Twilio OAuth client id (OQ...)'),
      lookalikes: [accountSid, apiKeySid],
      env: [],
    },
    {
      name: 'oauthClientSecret',
      aliases: ['client_secret'],
      secret: true,
      description: 'Secret of the OAuth app.',
      example: 'x'.repeat(64),
      shape: {
        pattern: /^[A-Za-z0-9_-]{40,}$/,
        confidence: 'observed',
        expected: 'at least 40 letters, digits, dashes and underscores',
        anyLength: /^[A-Za-z0-9_-]+$/,
      },
      lookalikes: [accountSid, apiKeySid, oauthClientId],
      env: [],
    },
    {
      name: 'region',
      aliases: ['TWILIO_REGION'],
      secret: false,
      description: 'Region. Credentials hold for one region.',
      example: 'ie1',
      shape: { pattern: /^[a-z]{2}\d$/, confidence: 'observed', expected: 'a region such as us1, ie1 or au1' },
      env: ['TWILIO_REGION'],
    },
    {
      name: 'edge',
      aliases: ['TWILIO_EDGE'],
      secret: false,
      description: 'Edge location.',
      example: 'dublin',
      shape: { pattern: /^[a-z][a-z0-9-]*$/, confidence: 'observed', expected: 'an edge location such as dublin' },
      env: ['TWILIO_EDGE'],
    },
  ],
  variants: [
    {
      id: 'authToken',
      description: 'Account SID and auth token.',
      required: ['accountSid', 'authToken'],
      optional: ['region', 'edge'],
    },
    {
      id: 'apiKey',
      description: 'API key. The account SID is needed in URLs all the same.',
      required: ['accountSid', 'apiKeySid', 'apiKeySecret'],
      optional: ['region', 'edge'],
    },
    {
      id: 'oauth',
      description: 'Client credentials of an OAuth app.',
      required: ['accountSid', 'oauthClientId', 'oauthClientSecret'],
      optional: [],
    },
    {
      id: 'testCredentials',
      description: 'Test credentials. They look exactly like live ones; the service tells them apart.',
      required: ['accountSid', 'authToken'],
      optional: [],
      sameAs: 'authToken',
    },
  ],
  pairs: [
    ['apiKeySid', 'apiKeySecret'],
    ['oauthClientId', 'oauthClientSecret'],
  ],
}
