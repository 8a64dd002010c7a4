import type { ServiceDefinition } from '../definition.ts'
import { resource, secretField, variant } from '../fields.ts'
import { run, token } from '../shapes.ts'

export const resend: ServiceDefinition = {
  id: 'resend',
  title: 'Resend',
  description: 'Sends e-mail through Resend.',
  docs: 'https://resend.com/docs/api-reference/introduction#authentication',
  getCredential: 'At https://resend.com/api-keys. A key is shown once.',
  fields: [
    secretField('apiKey', 'API key: begins with re_.', {
      aliases: ['token'],
      shape: token(['re_', run('A-Za-z0-9_', 'letters, digits and underscores', 'x', 20, Infinity)], {
        confidence: 'observed',
        distinctive: 'a Resend API key (re_...)',
      }),
    }),
  ],
  variants: [variant('apiKey', 'API key.', ['apiKey'])],
  tracardi: [resource('resend', { api_key: '{apiKey}' })],
}
