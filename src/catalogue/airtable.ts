import type { ServiceDefinition, Shape } from './definition.ts'
import { webUrlShape } from './shapes.ts'

const personalAccessToken: Shape = {
  pattern: /^pat[A-Za-z0-9]{14}\.[a-f0-9]{64}$/,
  confidence: 'observed',
  expected: '82 characters: pat and 14 letters and digits, a dot, and 64 hexadecimal digits',
  length: 82,
  prefix: 'pat',
  distinctive: 'an Airtable personal access token (pat...)',
  anyLength: /^pat[A-Za-z0-9]+\.[a-f0-9]+$/,
  parts: (text) => text.split('.').map((part) => ({ text: part.replace(/^pat/, ''), secret: true })),
  cutOff: /^pat[A-Za-z0-9]*(?:\.[a-f0-9]*)?$/,
}

const oauthAccessToken: Shape = {
  pattern: /^[A-Za-z0-9]+\.v1\.[A-Za-z0-9_-]+\.[a-f0-9]+$/,
  confidence: 'observed',
  expected: 'an OAuth access token: four parts with dots between them, the second of them v1',
}

const legacyApiKey: Shape = {
  pattern: /^key[A-Za-z0-9]{14}$/,
  confidence: 'observed',
  expected: 'key and 14 letters and digits',
  length: 17,
  prefix: 'key',
  retired: 'Airtable has refused API keys (key...) since 1 February 2024. Create a personal access token (pat...).',
}

export const airtable: ServiceDefinition = {
  id: 'airtable',
  title: 'Airtable',
  description: 'Reads and writes records of Airtable bases.',
  docs: 'https://airtable.com/developers/web/guides/personal-access-tokens',
  fields: [
    {
      name: 'apiKey',
      aliases: ['token', 'personal_access_token', 'pat', 'access_token', 'api_key', 'api-key', 'airtable_token'],
      secret: true,
      description: 'Personal access token, 82 characters that begin with pat; or an OAuth access token, which expires.',
      example: `patXXXXXXXXXXXXXX.${'0'.repeat(64)}`,
      shape: personalAccessToken,
      lookalikes: [{ pattern: /^app[A-Za-z0-9]{14}$/, is: 'the id of a base (app...)' }],
      env: ['AIRTABLE_API_KEY'],
    },
    {
      name: 'baseId',
      aliases: ['base_id', 'base'],
      secret: false,
      description: 'Id of a base: 17 characters that begin with app.',
      example: 'appXXXXXXXXXXXXXX',
      shape: {
        pattern: /^app[A-Za-z0-9]{14}$/,
        confidence: 'guess',
        expected: '17 characters that begin with app',
        length: 17,
        prefix: 'app',
        anyLength: /^app[A-Za-z0-9]*$/,
      },
      env: [],
    },
    {
      name: 'endpointUrl',
      aliases: ['endpoint_url'],
      secret: false,
      description: 'Address of the API. Default: https://api.airtable.com.',
      example: 'https://api.airtable.com',
      shape: webUrlShape('http', 'https'),
      env: ['AIRTABLE_ENDPOINT_URL'],
    },
  ],
  variants: [
    {
      id: 'personalAccessToken',
      description: 'Personal access token, or that of a service account.',
      required: ['apiKey'],
      optional: ['baseId', 'endpointUrl'],
    },
    {
      id: 'oauthAccessToken',
      description: 'OAuth access token. It expires within the hour, so a Secret is a poor place for it.',
      required: ['apiKey'],
      optional: ['baseId', 'endpointUrl'],
      shapes: { apiKey: oauthAccessToken },
      recognise: (text) => /^[A-Za-z0-9]+\.v1\./.test(text('apiKey') ?? ''),
    },
    {
      id: 'legacyApiKey',
      description: 'API key of old (key...). Airtable has refused it since 1 February 2024, and so does the check.',
      required: ['apiKey'],
      optional: ['baseId', 'endpointUrl'],
      shapes: { apiKey: legacyApiKey },
      recognise: (text) => legacyApiKey.pattern.test(text('apiKey') ?? ''),
    },
  ],
}
