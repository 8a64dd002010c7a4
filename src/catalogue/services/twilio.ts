import type { ServiceDefinition } from '../definition.ts'
import { plainField, resource, secretField, variant } from '../fields.ts'
import { alphanumeric, base64url, form, hex, token } from '../shapes.ts'
import { accountSid, apiKeySid, oauthClientId, sidShape } from '../twilio-sids.ts'

const sids = [accountSid, apiKeySid, oauthClientId]

export const twilio: ServiceDefinition = {
  id: 'twilio',
  title: 'Twilio',
  description: 'Sends messages and makes calls through Twilio.',
  docs: 'https://www.twilio.com/docs/iam/api-keys',
  getCredential:
    'In the Twilio Console: account SID and auth token on its first page, API keys under Account > API keys & tokens. The secret of an API key is shown once.',
  fields: [
    plainField('accountSid', 'Account SID: 34 characters that begin with AC.', {
      aliases: ['sid', 'twilio_account_sid'],
      shape: sidShape('AC', 'documented', 'account SID'),
      lookalikes: [apiKeySid, oauthClientId],
      env: ['TWILIO_ACCOUNT_SID'],
    }),
    secretField('authToken', 'Auth token: 32 hexadecimal digits.', {
      aliases: ['token', 'twilio_auth_token'],
      shape: token(hex(32), 'documented'),
      lookalikes: sids,
      env: ['TWILIO_AUTH_TOKEN'],
    }),
    plainField('apiKeySid', 'SID of an API key: 34 characters that begin with SK.', {
      aliases: ['api_key', 'apiKey', 'TWILIO_API_KEY_SID'],
      shape: sidShape('SK', 'documented', 'API key SID'),
      lookalikes: [accountSid, oauthClientId],
      env: ['TWILIO_API_KEY'],
    }),
    secretField('apiKeySecret', 'Secret of the API key: 32 letters and digits.', {
      aliases: ['api_secret', 'apiSecret', 'TWILIO_API_KEY_SECRET'],
      shape: token(alphanumeric(32), 'observed'),
      lookalikes: sids,
      env: ['TWILIO_API_SECRET'],
    }),
    plainField('oauthClientId', 'Id of an OAuth app: 34 characters that begin with OQ.', {
      aliases: ['client_id'],
      shape: sidShape('OQ', 'observed', 'OAuth client id'),
      lookalikes: [accountSid, apiKeySid],
    }),
    secretField('oauthClientSecret', 'Secret of the OAuth app.', {
      aliases: ['client_secret'],
      shape: token(base64url(40, Infinity), 'observed'),
      lookalikes: sids,
    }),
    plainField('region', 'Region. Credentials hold for one region.', {
      shape: form('observed', /^[a-z]{2}\d$/, 'a region such as us1, ie1 or au1', 'ie1'),
      env: ['TWILIO_REGION'],
    }),
    plainField('edge', 'Edge location.', {
      shape: form('observed', /^[a-z][a-z0-9-]*$/, 'an edge location such as dublin', 'dublin'),
      env: ['TWILIO_EDGE'],
    }),
  ],
  variants: [
    variant('authToken', 'Account SID and auth token.', ['accountSid', 'authToken'], ['region', 'edge']),
    variant(
      'apiKey',
      'API key. The account SID is needed in URLs all the same.',
      ['accountSid', 'apiKeySid', 'apiKeySecret'],
      ['region', 'edge'],
    ),
    variant('oauth', 'Client credentials of an OAuth app.', ['accountSid', 'oauthClientId', 'oauthClientSecret']),
    variant(
      'testCredentials',
      'Test credentials. They look exactly like live ones; the service tells them apart.',
      ['accountSid', 'authToken'],
      [],
      { sameAs: 'authToken' },
    ),
  ],
  pairs: [
    ['apiKeySid', 'apiKeySecret'],
    ['oauthClientId', 'oauthClientSecret'],
  ],
  tracardi: [resource('twilio', { account_sid: '{accountSid}', auth_token: '{authToken}' }, ['authToken'])],
  notConfirmed: [
    'The forms of API key secrets and of OAuth apps: they were seen in examples and in the rules of scanners.',
  ],
}
