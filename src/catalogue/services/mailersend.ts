import type { ServiceDefinition } from '../definition.ts'
import { secretField, variant } from '../fields.ts'
import { hex, token } from '../shapes.ts'

export const mailersend: ServiceDefinition = {
  id: 'mailersend',
  title: 'MailerSend',
  description: 'Sends e-mail through MailerSend.',
  docs: 'https://developers.mailersend.com/general.html#authentication',
  getCredential: 'In MailerSend, under Integrations, API tokens. A token is shown once.',
  fields: [
    secretField('apiToken', 'API token that begins with mlsn.', {
      aliases: ['api_key', 'token'],
      env: ['MAILERSEND_API_KEY'],
      shape: token(['mlsn.', hex(64)], { confidence: 'guess', distinctive: 'a MailerSend API token (mlsn....)' }),
    }),
  ],
  variants: [variant('token', 'API token.', ['apiToken'])],
  tracardi: { none: 'Tracardi has no type for it.' },
  notConfirmed: ['What follows mlsn. in a token.'],
}
