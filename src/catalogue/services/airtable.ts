import type { ServiceDefinition, Shape } from '../definition.ts'
import { plainField, resource, secretField, variant, webUrlField } from '../fields.ts'
import { alphanumeric, form, hex, token } from '../shapes.ts'

const personalAccessToken = token(['pat', alphanumeric(14), '.', hex(64)], {
  confidence: 'observed',
  distinctive: 'an Airtable personal access token (pat...)',
})

const oauthAccessToken: Shape = form(
  'observed',
  /^[A-Za-z0-9]+\.v1\.[A-Za-z0-9_-]+\.[a-f0-9]+$/,
  'an OAuth access token: four parts with dots between them, the second of them v1',
  `oaaxxxxxxxxxxxxxx.v1.${'x'.repeat(60)}.${'0'.repeat(64)}`,
)

const retired = 'Airtable has refused API keys (key...) since 1 February 2024. Create a personal access token (pat...).'
const legacyApiKey = token(['key', alphanumeric(14)], { confidence: 'observed', retired })

const more = ['baseId', 'endpointUrl']

export const airtable: ServiceDefinition = {
  id: 'airtable',
  title: 'Airtable',
  description: 'Reads and writes records of Airtable bases.',
  docs: 'https://airtable.com/developers/web/guides/personal-access-tokens',
  getCredential: 'In the developer hub of Airtable, under personal access tokens. The token is shown once.',
  fields: [
    secretField(
      'apiKey',
      'Personal access token, 82 characters that begin with pat; or an OAuth access token, which expires.',
      {
        aliases: ['token', 'personal_access_token', 'pat', 'access_token', 'airtable_token'],
        shape: personalAccessToken,
        lookalikes: [[/^app[A-Za-z0-9]{14}$/, 'the id of a base (app...)']],
        env: ['AIRTABLE_API_KEY'],
      },
    ),
    plainField('baseId', 'Id of a base: 17 characters that begin with app.', {
      aliases: ['base'],
      shape: token(['app', alphanumeric(14)], 'guess'),
    }),
    webUrlField('endpointUrl', 'Address of the API. Default: https://api.airtable.com.', {
      env: ['AIRTABLE_ENDPOINT_URL'],
    }),
  ],
  variants: [
    variant('personalAccessToken', 'Personal access token, or that of a service account.', ['apiKey'], more),
    variant(
      'oauthAccessToken',
      'OAuth access token. It expires within the hour, so a Secret is a poor place for it.',
      ['apiKey'],
      more,
      { shapes: { apiKey: oauthAccessToken }, recognise: (text) => /^[A-Za-z0-9]+\.v1\./.test(text('apiKey') ?? '') },
    ),
    variant(
      'legacyApiKey',
      'API key of old (key...). Airtable has refused it since 1 February 2024, and so does the check.',
      ['apiKey'],
      more,
      { shapes: { apiKey: legacyApiKey }, recognise: (text) => legacyApiKey.pattern.test(text('apiKey') ?? '') },
    ),
  ],
  tracardi: [resource('airtable', { api_key: '{apiKey}' })],
  notConfirmed: ['The form of OAuth access tokens and of base ids is that of examples.'],
}
