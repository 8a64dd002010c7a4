import type { ServiceDefinition } from '../definition.ts'
import { resource, secretField, variant } from '../fields.ts'
import { alphanumeric, token } from '../shapes.ts'

export const fullcontact: ServiceDefinition = {
  id: 'fullcontact',
  title: 'FullContact',
  description: 'Enriches profiles with FullContact.',
  docs: 'https://docs.fullcontact.com/docs/authentication',
  getCredential: 'At https://platform.fullcontact.com, under API Keys.',
  fields: [
    secretField('token', 'API key.', {
      aliases: ['api_key', 'apiKey'],
      env: ['FULLCONTACT_API_KEY'],
      shape: token(alphanumeric(32), 'guess'),
    }),
  ],
  variants: [variant('token', 'API key.', ['token'])],
  tracardi: [resource('full-contact', { token: '{token}' })],
  notConfirmed: ['The form of the API key.'],
}
