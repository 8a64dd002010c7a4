import type { ServiceDefinition } from '../definition.ts'
import { plainField, secretField, variant } from '../fields.ts'
import { alphanumeric, digits, hex, token } from '../shapes.ts'

const accessToken = { pattern: /^EAA/, is: 'an access token (EAA...), which belongs under accessToken' }

export const whatsapp: ServiceDefinition = {
  id: 'whatsapp',
  title: 'WhatsApp Business Cloud API',
  description: 'Sends messages through the cloud API of WhatsApp.',
  docs: 'https://developers.facebook.com/docs/whatsapp/cloud-api/get-started',
  getCredential:
    'At https://developers.facebook.com/apps, open the app: the ids stand under WhatsApp, API Setup. The token there lives for a day; make one for a system user in the Business settings.',
  fields: [
    secretField('accessToken', 'Token of a system user (EAA...).', {
      aliases: ['token'],
      env: ['CLOUD_API_ACCESS_TOKEN'],
      shape: token(['EAA', alphanumeric(60, Infinity)], 'observed'),
      lookalikes: [[/^[a-f0-9]{32}$/, 'an app secret, which belongs under appSecret']],
    }),
    plainField('phoneNumberId', 'Id of the phone number, which is not the number itself.', {
      env: ['WA_PHONE_NUMBER_ID'],
      shape: token(digits(10, 20), 'observed'),
      lookalikes: [[/^\+?[\d ()/-]{7,25}$/, 'a phone number; its id belongs here']],
    }),
    plainField('businessAccountId', 'Id of the WhatsApp Business account.', {
      aliases: ['waba_id'],
      env: ['WA_BUSINESS_ACCOUNT_ID'],
      shape: { ...token(digits(10, 20), 'observed'), example: '1'.repeat(15) },
    }),
    secretField('appSecret', 'Secret of the app: 32 hexadecimal digits.', {
      env: ['M4D_APP_SECRET'],
      shape: token(hex(32), 'observed'),
      lookalikes: [accessToken],
    }),
    secretField('verifyToken', 'What Meta sends when it verifies the webhook. It is your own choice.', {
      env: ['WEBHOOK_VERIFICATION_TOKEN'],
      example: 'not-a-real-token',
      lookalikes: [accessToken],
    }),
  ],
  variants: [
    variant(
      'cloudApi',
      'Cloud API.',
      ['accessToken', 'phoneNumberId'],
      ['businessAccountId', 'appSecret', 'verifyToken'],
    ),
  ],
  tracardi: { none: 'Tracardi has no type for it.' },
}
