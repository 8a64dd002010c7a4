import type { ServiceDefinition } from '../definition.ts'
import { passwordField, plainField, resource, secretField, variant } from '../fields.ts'
import { webUrlShape } from '../shapes.ts'

export const clicksend: ServiceDefinition = {
  id: 'clicksend',
  title: 'ClickSend',
  description: 'Sends SMS, letters and e-mail through ClickSend.',
  docs: 'https://developers.clicksend.com/docs/',
  getCredential: 'In the dashboard of ClickSend, under API Credentials: user name and API key.',
  fields: [
    plainField('username', 'API user name or login name; often an e-mail address, not always.', {
      aliases: ['user', 'api_username', 'clicksend_username'],
      example: 'user@example.com',
      env: ['CLICKSEND_USERNAME'],
    }),
    secretField('apiKey', 'API key: 36 characters in the form of an upper-case UUID.', {
      aliases: ['key', 'clicksend_api_key'],
      shape: {
        pattern: /^[0-9A-Z]{8}-[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{12}$/,
        // ClickSend takes the password of the account in its place, so what looks different may work.
        confidence: 'guess',
        expected: '36 upper-case letters and digits with dashes, in the form of a UUID',
        example: '00000000-0000-0000-0000-000000000000',
        length: 36,
        anyLength: /^[0-9A-Z-]+$/,
      },
      env: ['CLICKSEND_API_KEY'],
    }),
    passwordField('Password of the account. An API key is better: it survives a change of the password.', {
      aliases: ['account_password', 'clicksend_password'],
    }),
    plainField('baseUrl', 'Address of the API. Default: https://rest.clicksend.com/v3.', {
      aliases: ['url', 'host'],
      shape: webUrlShape('https'),
    }),
  ],
  variants: [
    variant('apiKey', 'User name and API key.', ['username', 'apiKey'], ['baseUrl']),
    variant('accountPassword', 'User name and password of the account.', ['username', 'password'], ['baseUrl']),
  ],
  tracardi: [
    resource('clicksend', { username: '{username}', api_key: '{apiKey}' }, ['apiKey']),
    resource('clicksend', { username: '{username}', api_key: '{password}' }),
  ],
  notConfirmed: ['That every API key has the form of a UUID: it was seen in examples and in the rules of a scanner.'],
}
