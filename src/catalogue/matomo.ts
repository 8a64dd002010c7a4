import type { ServiceDefinition } from './definition.ts'
import { webUrlShape } from './shapes.ts'

export const matomo: ServiceDefinition = {
  id: 'matomo',
  title: 'Matomo',
  description: 'Reads reports from Matomo and tracks visits with it.',
  docs: 'https://matomo.org/faq/general/faq_114/',
  fields: [
    {
      name: 'url',
      aliases: ['api_url', 'apiUrl', 'host', 'endpoint'],
      secret: false,
      description: 'Address of the Matomo instance, with or without /index.php. Not that of the site that is tracked.',
      example: 'https://matomo.example.com',
      shape: webUrlShape('http', 'https'),
      env: ['MATOMO_URL'],
    },
    {
      name: 'tokenAuth',
      aliases: ['token_auth', 'token', 'auth_token', 'MATOMO_TOKEN'],
      secret: true,
      description: 'token_auth of a user: 32 hexadecimal digits.',
      example: '0'.repeat(32),
      shape: {
        pattern: /^[a-f0-9]{32}$/,
        confidence: 'documented',
        expected: '32 hexadecimal digits in lower case',
        length: 32,
        anyLength: /^[a-f0-9]+$/,
      },
      lookalikes: [
        { pattern: /^anonymous$/i, is: 'the word anonymous, which is what everybody may do without a token' },
      ],
      env: ['MATOMO_TOKEN_AUTH'],
    },
    {
      name: 'siteId',
      aliases: ['idSite', 'idsite', 'id_site', 'site_id'],
      secret: false,
      description: 'Number of the site to track.',
      example: '1',
      shape: { pattern: /^[1-9]\d*$/, confidence: 'documented', expected: 'a number from 1 on' },
      env: [],
    },
    {
      name: 'clientId',
      aliases: ['client_id'],
      secret: false,
      description: 'Client id of the OAuth 2 plugin.',
      example: 'example-client',
      env: [],
    },
    {
      name: 'clientSecret',
      aliases: ['client_secret'],
      secret: true,
      description: 'Client secret of the OAuth 2 plugin.',
      example: 'not-a-real-secret',
      env: [],
    },
  ],
  variants: [
    {
      id: 'tokenAuth',
      description: 'token_auth of a user.',
      required: ['url', 'tokenAuth'],
      optional: ['siteId'],
    },
    {
      id: 'oauth2Plugin',
      description: 'Client credentials of the OAuth 2 plugin.',
      required: ['url', 'clientId', 'clientSecret'],
      optional: ['siteId'],
    },
  ],
  pairs: [['clientId', 'clientSecret']],
}
