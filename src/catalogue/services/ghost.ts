import type { ServiceDefinition } from '../definition.ts'
import { resource, secretField, variant, webUrlField } from '../fields.ts'
import { hex, token } from '../shapes.ts'

export const ghost: ServiceDefinition = {
  id: 'ghost',
  title: 'Ghost',
  description: 'Manages members and posts of Ghost.',
  docs: 'https://ghost.org/docs/admin-api/#token-authentication',
  getCredential: 'In Ghost, under Settings, Integrations: add a custom integration and copy its Admin API key.',
  fields: [
    webUrlField('apiUrl', 'Address of the site.', {
      aliases: ['url', 'admin_domain'],
      example: 'https://example.ghost.io',
    }),
    secretField('apiKey', 'Admin API key: id, a colon and the secret.', {
      aliases: ['admin_api_key', 'GHOST_ADMIN_API_KEY'],
      shape: token([hex(24), ':', hex(64)], 'observed'),
      lookalikes: [
        [/^[0-9a-f]{26}$/, 'a Content API key, which may only read'],
        [/^[0-9a-f]{64}$/, 'only the secret half of the key'],
      ],
    }),
  ],
  variants: [variant('adminKey', 'Admin API key.', ['apiUrl', 'apiKey'])],
  tracardi: [resource('ghost', { api_url: '{apiUrl}', api_key: '{apiKey}' })],
}
