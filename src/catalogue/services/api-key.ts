import type { ServiceDefinition } from '../definition.ts'
import { resource, secretField, variant } from '../fields.ts'

export const apiKey: ServiceDefinition = {
  id: 'api-key',
  title: 'Any API key',
  description: "One API key of any form, as Tracardi's generic type has it.",
  getCredential: 'The service that it is for gives it out.',
  fields: [
    secretField('apiKey', 'API key, of which no form is known.', {
      aliases: ['key', 'API_KEY'],
      example: 'not-a-real-key',
    }),
  ],
  variants: [variant('apiKey', 'API key.', ['apiKey'])],
  tracardi: [resource('api-key', { api_key: '{apiKey}' })],
}
