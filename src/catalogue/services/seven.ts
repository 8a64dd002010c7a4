import type { ServiceDefinition, Shape } from '../definition.ts'
import { resource, secretField, variant } from '../fields.ts'
import { alphanumeric, form, token } from '../shapes.ts'

const oauthShape: Shape = form(
  'observed',
  /^Bearer \S+$/,
  'the word Bearer, a space and the token',
  `Bearer ${'x'.repeat(40)}`,
)

export const seven: ServiceDefinition = {
  id: 'seven',
  title: 'seven (formerly Sms77)',
  description: 'Sends SMS and makes calls through seven.',
  docs: 'https://docs.seven.io/en/rest-api/authentication',
  getCredential: 'At https://app.seven.io, under Developer, API Keys.',
  fields: [
    secretField('apiKey', 'API key.', {
      aliases: ['SMS77_API_KEY'],
      shape: token(alphanumeric(64), 'guess'),
    }),
  ],
  variants: [
    variant('apiKey', 'API key.', ['apiKey']),
    variant('oauth', 'OAuth token, which the client takes with the word Bearer before it.', ['apiKey'], [], {
      shapes: { apiKey: oauthShape },
      // An API key with that word is a mistake.
      recognise: (text) => /^Bearer (?![A-Za-z0-9]{64}$)/.test(text('apiKey') ?? ''),
    }),
  ],
  tracardi: [resource('sms77', { api_key: '{apiKey}' }, ['apiKey'])],
  notConfirmed: ['The form of the API key.'],
}
