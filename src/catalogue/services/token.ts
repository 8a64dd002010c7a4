import type { ServiceDefinition } from '../definition.ts'
import { resource, secretField, variant } from '../fields.ts'

export const token: ServiceDefinition = {
  id: 'token',
  title: 'Any token',
  description: "One token of any form, as Tracardi's generic type has it.",
  getCredential: 'The service that it is for gives it out.',
  fields: [
    secretField('token', 'Token, of which no form is known.', {
      aliases: ['access_token', 'accessToken', 'api_token'],
      env: ['TOKEN'],
      example: 'not-a-real-token',
    }),
  ],
  variants: [variant('token', 'Token.', ['token'])],
  tracardi: [resource('token', { token: '{token}' })],
}
