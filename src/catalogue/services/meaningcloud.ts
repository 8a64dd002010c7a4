import type { ServiceDefinition } from '../definition.ts'
import { resource, secretField, variant } from '../fields.ts'

export const meaningcloud: ServiceDefinition = {
  id: 'meaningcloud',
  title: 'MeaningCloud',
  description: 'Classifies texts with MeaningCloud.',
  docs: 'https://learn.meaningcloud.com/developer',
  getCredential: 'At https://www.meaningcloud.com, under Account, Licenses: the license key.',
  fields: [
    secretField('token', 'License key, of which no form is known.', {
      aliases: ['key', 'license_key', 'api_key'],
      example: 'not-a-real-token',
    }),
  ],
  variants: [variant('token', 'License key.', ['token'])],
  tracardi: [resource('meaningcloud', { token: '{token}' })],
}
