import type { ServiceDefinition } from '../definition.ts'
import { resource, secretField, variant, webUrlField } from '../fields.ts'

export const civicrm: ServiceDefinition = {
  id: 'civicrm',
  title: 'CiviCRM',
  description: 'Manages contacts of CiviCRM.',
  docs: 'https://docs.civicrm.org/dev/en/latest/api/v4/rest/',
  getCredential:
    'The API key is that of a contact, set on its page under API Key. The site key is CIVICRM_SITE_KEY in civicrm.settings.php.',
  fields: [
    secretField('apiKey', 'API key of a contact.', { example: 'not-a-real-key' }),
    secretField('siteKey', 'Key of the site.', { example: 'not-a-real-site-key' }),
    webUrlField('apiUrl', 'Address of the REST interface.', {
      aliases: ['url'],
      example: 'https://crm.example.com/civicrm/ajax/rest',
    }),
  ],
  variants: [variant('keys', 'API key and site key.', ['apiUrl', 'apiKey', 'siteKey'])],
  tracardi: [resource('civi_crm', { api_key: '{apiKey}', site_key: '{siteKey}', api_url: '{apiUrl}' })],
}
