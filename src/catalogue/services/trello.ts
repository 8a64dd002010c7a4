import type { ServiceDefinition } from '../definition.ts'
import { plainField, resource, secretField, variant } from '../fields.ts'
import { form, hex, token } from '../shapes.ts'

export const trello: ServiceDefinition = {
  id: 'trello',
  title: 'Trello',
  description: 'Reads and writes cards of Trello.',
  docs: 'https://developer.atlassian.com/cloud/trello/guides/rest-api/api-introduction/',
  getCredential:
    'At https://trello.com/power-ups/admin, open the power-up: the API key stands under API key, and the link beside it makes the token.',
  fields: [
    plainField('apiKey', 'API key: 32 hexadecimal digits. It is public by design.', {
      aliases: ['key', 'TRELLO_KEY'],
      shape: token(hex(32), 'observed'),
      lookalikes: [[/^(?:[a-f0-9]{64}|ATTA\w{60,80})$/, 'a token, which belongs under token']],
    }),
    secretField('token', 'Token of a person.', {
      aliases: ['api_token', 'TRELLO_API_TOKEN'],
      shape: form(
        'observed',
        /^(?:[a-f0-9]{64}|ATTA[A-Za-z0-9]{60,80})$/,
        '64 hexadecimal digits in lower case, or ATTA and 60 to 80 letters and digits',
        '0'.repeat(64),
        { anyLength: /^(?:[a-f0-9]{64,}|ATTA[A-Za-z0-9]{60,})$/ },
      ),
      lookalikes: [[/^[a-f0-9]{32}$/, 'an API key, which belongs under apiKey']],
    }),
  ],
  variants: [variant('keyToken', 'API key and token.', ['apiKey', 'token'])],
  tracardi: [resource('trello', { api_key: '{apiKey}', token: '{token}' })],
  notConfirmed: ['The newer form of the token (ATTA...).'],
}
