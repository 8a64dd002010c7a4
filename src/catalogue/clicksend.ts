import type { ServiceDefinition } from './definition.ts'
import { webUrlShape } from './shapes.ts'

export const clicksend: ServiceDefinition = {
  id: 'clicksend',
  title: 'ClickSend',
  description: 'Sends SMS, letters and e-mail through ClickSend.',
  docs: 'https://developers.clicksend.com/docs/',
  fields: [
    {
      name: 'username',
      aliases: ['user', 'api_username', 'clicksend_username'],
      secret: false,
      description: 'API user name or login name; often an e-mail address, not always.',
      example: 'user@example.com',
      env: ['CLICKSEND_USERNAME'],
    },
    {
      name: 'apiKey',
      aliases: ['api_key', 'api-key', 'key', 'clicksend_api_key'],
      secret: true,
      description: 'API key: 36 characters in the form of an upper-case UUID.',
      example: '00000000-0000-0000-0000-000000000000',
      shape: {
        pattern: /^[0-9A-Z]{8}-[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{12}$/,
        // ClickSend takes the password of the account in its place, so what looks different may work.
        confidence: 'guess',
        expected: '36 upper-case letters and digits with dashes, in the form of a UUID',
        length: 36,
        anyLength: /^[0-9A-Z-]+$/,
      },
      env: ['CLICKSEND_API_KEY'],
    },
    {
      name: 'password',
      aliases: ['pass', 'account_password', 'clicksend_password'],
      secret: true,
      description: 'Password of the account. An API key is better: it survives a change of the password.',
      example: 'not-a-real-pw',
      env: [],
    },
    {
      name: 'baseUrl',
      aliases: ['base_url', 'url', 'host'],
      secret: false,
      description: 'Address of the API. Default: https://rest.clicksend.com/v3.',
      example: 'https://rest.clicksend.com/v3',
      shape: webUrlShape('https'),
      env: [],
    },
  ],
  variants: [
    {
      id: 'apiKey',
      description: 'User name and API key.',
      required: ['username', 'apiKey'],
      optional: ['baseUrl'],
    },
    {
      id: 'accountPassword',
      description: 'User name and password of the account.',
      required: ['username', 'password'],
      optional: ['baseUrl'],
    },
  ],
}
