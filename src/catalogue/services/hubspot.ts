import type { ServiceDefinition, Shape } from '../definition.ts'
import { resource, secretField, variant } from '../fields.ts'
import { form, uuidShape } from '../shapes.ts'

const tokenShape: Shape = form(
  'observed',
  /^pat-(?:na|eu|ap)\d-[A-Za-z0-9]{8}-[A-Za-z0-9]{4}-[A-Za-z0-9]{4}-[A-Za-z0-9]{4}-[A-Za-z0-9]{12}$/,
  '44 characters: pat-, the region (na1, eu1), and a UUID',
  `pat-na1-00000000-0000-0000-0000-${'0'.repeat(12)}`,
  {
    length: 44,
    prefix: 'pat-',
    distinctive: 'a HubSpot access token (pat-...)',
    anyLength: /^pat-(?:na|eu|ap)\d-[A-Za-z0-9-]+$/,
  },
)

const hapikeyShape = uuidShape('observed', {
  retired:
    'HubSpot has refused API keys since 30 November 2022. Make a private app and use its access token (pat-...).',
})

export const hubspot: ServiceDefinition = {
  id: 'hubspot',
  title: 'HubSpot',
  description: 'Reads and writes contacts of HubSpot.',
  docs: 'https://developers.hubspot.com/docs/api/private-apps',
  getCredential: 'In HubSpot, under Settings, Integrations, Private Apps: open the app and show its access token.',
  fields: [
    secretField('token', 'Access token of a private app: begins with pat-.', {
      aliases: ['accessToken', 'access_token', 'private_app_token', 'api_key'],
      env: ['HUBSPOT_ACCESS_TOKEN'],
      shape: tokenShape,
    }),
  ],
  variants: [
    variant('privateApp', 'Access token of a private app.', ['token']),
    variant('serviceKey', 'Service key, which takes the place of private apps in newer accounts.', ['token'], [], {
      sameAs: 'privateApp',
    }),
    variant('legacyHapikey', 'API key of old (a UUID). HubSpot refuses it, and so does the check.', ['token'], [], {
      shapes: { token: hapikeyShape },
      recognise: (text) => hapikeyShape.pattern.test(text('token') ?? ''),
    }),
  ],
  tracardi: [resource('hubspot', { token: '{token}' })],
  notConfirmed: ['That service keys look like the tokens of private apps.'],
}
