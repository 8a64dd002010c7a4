import type { ServiceDefinition } from '../definition.ts'
import { plainField, resource, secretField, variant, webUrlField } from '../fields.ts'
import { form, hex, token } from '../shapes.ts'

export const matomo: ServiceDefinition = {
  id: 'matomo',
  title: 'Matomo',
  description: 'Reads reports from Matomo and tracks visits with it.',
  docs: 'https://matomo.org/faq/general/faq_114/',
  getCredential: 'In Matomo, under Administration > Personal > Security > Auth tokens. The token is shown once.',
  fields: [
    webUrlField(
      'url',
      'Address of the Matomo instance, with or without /index.php. Not that of the site that is tracked.',
      {
        aliases: ['api_url', 'apiUrl', 'host', 'endpoint'],
        example: 'https://matomo.example.com',
        env: ['MATOMO_URL'],
      },
    ),
    secretField('tokenAuth', 'token_auth of a user: 32 hexadecimal digits.', {
      aliases: ['token', 'auth_token', 'MATOMO_TOKEN'],
      shape: token(hex(32), 'documented'),
      lookalikes: [[/^anonymous$/i, 'the word anonymous, which is what everybody may do without a token']],
      env: ['MATOMO_TOKEN_AUTH'],
    }),
    plainField('siteId', 'Number of the site to track.', {
      aliases: ['idSite', 'idsite', 'id_site'],
      shape: form('documented', /^[1-9]\d{0,9}$/, 'a number from 1 on', '1'),
    }),
    plainField('clientId', 'Client id of the OAuth 2 plugin.', { example: 'example-client' }),
    secretField('clientSecret', 'Client secret of the OAuth 2 plugin.', { example: 'not-a-real-secret' }),
  ],
  variants: [
    variant('tokenAuth', 'token_auth of a user.', ['url', 'tokenAuth'], ['siteId']),
    variant(
      'oauth2Plugin',
      'Client credentials of the OAuth 2 plugin.',
      ['url', 'clientId', 'clientSecret'],
      ['siteId'],
    ),
  ],
  pairs: [['clientId', 'clientSecret']],
  // Tracardi appends /matomo.php to the address.
  tracardi: [resource('matomo', { token: '{tokenAuth}', api_url: '{url}' }, ['tokenAuth'])],
  notConfirmed: ['Names and forms of the client credentials of the OAuth 2 plugin.'],
}
