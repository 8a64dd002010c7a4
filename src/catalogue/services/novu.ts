import type { ServiceDefinition } from '../definition.ts'
import { resource, secretField, variant, webUrlField } from '../fields.ts'
import { hex, token } from '../shapes.ts'

export const novu: ServiceDefinition = {
  id: 'novu',
  title: 'Novu',
  description: 'Sends notifications through Novu.',
  docs: 'https://docs.novu.co/api-reference/authentication',
  getCredential: 'In the dashboard of Novu, under API Keys. Every environment has a key of its own.',
  fields: [
    secretField('secretKey', 'Secret key of an environment.', {
      aliases: ['token', 'api_key', 'NOVU_API_KEY'],
      shape: token(hex(32), 'guess'),
    }),
    webUrlField('host', 'Address of the API. Default: https://api.novu.co; in Europe https://eu.api.novu.co.', {
      aliases: ['api_url', 'NOVU_API_URL'],
      example: 'https://eu.api.novu.co',
    }),
  ],
  variants: [variant('secretKey', 'Secret key.', ['secretKey'], ['host'])],
  tracardi: [resource('novu', { host: '{host|https://api.novu.co}', token: '{secretKey}' })],
  notConfirmed: ['The form of the secret key.'],
}
