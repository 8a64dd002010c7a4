import type { ServiceDefinition } from '../definition.ts'
import { plainField, secretField, variant } from '../fields.ts'
import { alphanumeric, oneOf, token } from '../shapes.ts'

export const segment: ServiceDefinition = {
  id: 'segment',
  title: 'Twilio Segment',
  description: 'Sends events to Segment, or manages a workspace. Segment takes events with any write key.',
  docs: 'https://segment.com/docs/connections/find-writekey/',
  getCredential:
    'The write key stands in the source, under Settings, API Keys. Tokens for the Public API are made under Settings, Workspace settings, Access Management, Tokens.',
  fields: [
    secretField('writeKey', 'Write key of a source.', {
      shape: token(alphanumeric(32), 'guess'),
      lookalikes: [[/^sgp_/, 'a token for the Public API (sgp_...), which belongs under publicApiToken']],
    }),
    secretField('publicApiToken', 'Token for the Public API: begins with sgp_.', {
      aliases: ['token'],
      env: ['SEGMENT_API_TOKEN'],
      shape: token(['sgp_', alphanumeric(64)], {
        confidence: 'observed',
        distinctive: 'a Segment API token (sgp_...)',
      }),
      lookalikes: [[/^[A-Za-z0-9]{32}$/, 'a write key, which belongs under writeKey']],
    }),
    plainField('region', 'Where the data are kept.', { shape: oneOf('documented', 'us', 'eu') }),
  ],
  variants: [
    variant('writeKey', 'Write key, for sending events.', ['writeKey'], ['region']),
    variant('publicApi', 'Token for the Public API.', ['publicApiToken'], ['writeKey', 'region']),
  ],
  tracardi: { none: 'Tracardi has no type for it.' },
  notConfirmed: ['The form of write keys.'],
}
