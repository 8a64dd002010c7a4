import type { ServiceDefinition } from '../definition.ts'
import { plainField, resource, secretField, variant } from '../fields.ts'
import { form, hex, token } from '../shapes.ts'

export const amplitude: ServiceDefinition = {
  id: 'amplitude',
  title: 'Amplitude',
  description: 'Sends events to Amplitude and reads its reports.',
  docs: 'https://amplitude.com/docs/apis/authentication',
  getCredential:
    'In Amplitude, under Settings, Organization Settings, Projects: open the project. The two keys look alike.',
  fields: [
    secretField('apiKey', 'API key of the project: 32 hexadecimal digits.', {
      aliases: ['token'],
      shape: token(hex(32), 'observed'),
    }),
    secretField('secretKey', 'Secret key of the project: 32 hexadecimal digits.', {
      shape: { ...token(hex(32), 'observed'), example: '1'.repeat(32) },
    }),
    plainField('region', 'Where the data are kept: US or EU.', {
      aliases: ['server_zone'],
      shape: form('documented', /^(?:us|eu)$/i, 'US or EU', 'EU'),
    }),
  ],
  variants: [
    variant('apiKeyOnly', 'API key, which is enough for sending events.', ['apiKey'], ['region']),
    variant('apiKeyAndSecret', 'Both keys, for everything else.', ['apiKey', 'secretKey'], ['region']),
  ],
  // The template of the type has api_key, and its plugin asks for token.
  tracardi: [resource('amplitude', { api_key: '{apiKey}', token: '{apiKey}' })],
}
