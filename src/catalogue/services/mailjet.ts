import type { ServiceDefinition } from '../definition.ts'
import { plainField, secretField, variant } from '../fields.ts'
import { alphanumeric, hex, token } from '../shapes.ts'

export const mailjet: ServiceDefinition = {
  id: 'mailjet',
  title: 'Mailjet',
  description: 'Sends e-mail and SMS through Mailjet.',
  docs: 'https://dev.mailjet.com/email/guides/',
  getCredential:
    'At https://app.mailjet.com/account/apikeys: API key and secret key, which look alike. The token for SMS is made in the SMS dashboard.',
  fields: [
    plainField('apiKey', 'API key (public): 32 hexadecimal digits.', {
      aliases: ['public_key'],
      env: ['MJ_APIKEY_PUBLIC'],
      shape: token(hex(32), 'observed'),
    }),
    secretField('apiSecret', 'Secret key (private): 32 hexadecimal digits.', {
      aliases: ['secret_key', 'private_key'],
      env: ['MJ_APIKEY_PRIVATE'],
      shape: { ...token(hex(32), 'observed'), example: '1'.repeat(32) },
    }),
    secretField('smsToken', 'Token for SMS: 32 letters and digits.', {
      aliases: ['api_token'],
      env: ['MJ_API_TOKEN'],
      shape: token(alphanumeric(32), 'observed'),
    }),
  ],
  variants: [variant('email', 'E-mail.', ['apiKey', 'apiSecret'], ['smsToken']), variant('sms', 'SMS.', ['smsToken'])],
  pairs: [['apiKey', 'apiSecret']],
  tracardi: { none: 'Tracardi has no type for it.' },
}
