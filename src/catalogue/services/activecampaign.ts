import type { ServiceDefinition } from '../definition.ts'
import { plainField, resource, secretField, variant } from '../fields.ts'
import { form, hex, token } from '../shapes.ts'
import { webUrlProblems } from '../url.ts'

export const activecampaign: ServiceDefinition = {
  id: 'activecampaign',
  title: 'ActiveCampaign',
  description: 'Manages contacts and campaigns of ActiveCampaign.',
  docs: 'https://developers.activecampaign.com/reference/authentication',
  getCredential: 'In ActiveCampaign, under Settings, Developer: URL and key stand there. Every user has an own key.',
  fields: [
    plainField('apiUrl', 'Address of the API of the account, as the settings show it.', {
      aliases: ['url', 'base_url'],
      shape: form(
        'observed',
        /^https:\/\/[A-Za-z0-9-]+\.(?:api-[a-z0-9]+|activehosted)\.com\/?$/,
        'https://<account>.api-us1.com, or https://<account>.activehosted.com',
        'https://example.api-us1.com',
        { problems: (text) => webUrlProblems(text, ['https'], false) },
      ),
    }),
    secretField('apiKey', 'API key of a user.', {
      aliases: ['key', 'api_token'],
      shape: token(hex(72), 'guess'),
    }),
  ],
  variants: [variant('apiKey', 'API key.', ['apiUrl', 'apiKey'])],
  tracardi: [resource('active_campaign', { api_url: '{apiUrl}', api_key: '{apiKey}' })],
  notConfirmed: ['The form of the API key.'],
}
