import type { ServiceDefinition, Shape } from '../definition.ts'
import { resource, secretField, variant } from '../fields.ts'
import { alphanumeric, form, token } from '../shapes.ts'

const accessTokenShape: Shape = {
  pattern: /^\d{15,25}-[A-Za-z0-9]{20,40}$/,
  confidence: 'observed',
  expected: 'the number of the user, a dash, and 20 to 40 letters and digits',
  example: `${'0'.repeat(19)}-${'x'.repeat(30)}`,
  // The first users have short numbers.
  anyLength: /^\d{1,25}-[A-Za-z0-9]{20,}$/,
}

const bearerShape: Shape = form(
  'observed',
  /^A{22}[A-Za-z0-9%]{80,100}$/,
  '22 times the letter A, and 80 to 100 letters, digits and percent signs',
  'A'.repeat(22) + 'x'.repeat(90),
  { prefix: 'A'.repeat(22), distinctive: 'a bearer token of X (AAAA...)', anyLength: /^A{20}[A-Za-z0-9%]{60,}$/ },
)

export const twitter: ServiceDefinition = {
  id: 'twitter',
  title: 'X (Twitter)',
  description: 'Calls the API of X, formerly Twitter.',
  docs: 'https://docs.x.com/resources/fundamentals/authentication/overview',
  getCredential:
    'At https://developer.x.com, open the app: everything stands under Keys and tokens, and is shown once.',
  fields: [
    secretField('apiKey', 'API key (consumer key): 25 letters and digits.', {
      aliases: ['consumer_key', 'consumerKey'],
      shape: token(alphanumeric(25), 'observed'),
    }),
    secretField('apiSecret', 'Secret of the API key: 50 letters and digits.', {
      aliases: ['consumer_secret', 'consumerSecret', 'api_secret_key'],
      shape: token(alphanumeric(50), 'observed'),
    }),
    secretField('accessToken', 'Access token of a user: a number, a dash, letters and digits.', {
      shape: accessTokenShape,
    }),
    secretField('accessTokenSecret', 'Secret of the access token: 45 letters and digits.', {
      shape: token(alphanumeric(45), 'observed'),
    }),
    secretField('bearerToken', 'Bearer token of the app.', { shape: bearerShape }),
  ],
  variants: [
    variant(
      'oauth1User',
      'In the name of a user (OAuth 1.0a).',
      ['apiKey', 'apiSecret', 'accessToken', 'accessTokenSecret'],
      ['bearerToken'],
    ),
    variant('appOnly', 'In the name of the app.', ['bearerToken']),
    variant(
      'consumerOnly',
      'Key and secret of the app, which make its bearer token.',
      ['apiKey', 'apiSecret'],
      ['bearerToken'],
    ),
  ],
  pairs: [
    ['apiKey', 'apiSecret'],
    ['accessToken', 'accessTokenSecret'],
  ],
  tracardi: [
    resource(
      'twitter',
      {
        api_key: '{apiKey}',
        api_secret: '{apiSecret}',
        access_token: '{accessToken}',
        access_token_secret: '{accessTokenSecret}',
      },
      ['oauth1User'],
    ),
  ],
}
