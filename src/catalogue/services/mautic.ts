import type { ServiceDefinition } from '../definition.ts'
import { plainField, resource, secretField, variant, webUrlField } from '../fields.ts'

export const mautic: ServiceDefinition = {
  id: 'mautic',
  title: 'Mautic',
  description: 'Manages contacts and segments of Mautic.',
  docs: 'https://developer.mautic.org/#authorization',
  getCredential:
    'In Mautic, under Settings, API Credentials: OAuth 2 keys with the grant client credentials. The API must be switched on.',
  fields: [
    plainField('publicKey', 'Public key (client id).', {
      aliases: ['client_id', 'clientId'],
      example: 'example-client',
    }),
    secretField('privateKey', 'Secret key (client secret).', {
      aliases: ['secret_key', 'client_secret', 'clientSecret'],
      example: 'not-a-real-secret',
    }),
    webUrlField('apiUrl', 'Address of the instance.', {
      aliases: ['url', 'base_url'],
      example: 'https://mautic.example.com',
    }),
  ],
  variants: [variant('clientCredentials', 'Client credentials (OAuth 2).', ['apiUrl', 'publicKey', 'privateKey'])],
  pairs: [['publicKey', 'privateKey']],
  tracardi: [resource('mautic', { public_key: '{publicKey}', private_key: '{privateKey}', api_url: '{apiUrl}' })],
}
