import type { ServiceDefinition, Shape } from '../definition.ts'
import { plainField, secretField, variant } from '../fields.ts'
import { hex, token } from '../shapes.ts'

const apiKeyShape: Shape = {
  pattern: /^[0-9a-f]{32}-[a-z]{2,4}\d{1,3}$/,
  confidence: 'observed',
  expected: '32 hexadecimal digits, a dash and the data centre, such as -us13',
  example: `${'0'.repeat(32)}-us1`,
  distinctive: 'a Mailchimp API key (...-us1)',
}

export const mailchimp: ServiceDefinition = {
  id: 'mailchimp',
  title: 'Mailchimp Marketing',
  description: 'Manages audiences and campaigns of Mailchimp.',
  docs: 'https://mailchimp.com/developer/marketing/guides/quick-start/',
  getCredential:
    'In Mailchimp, under Profile, Extras, API keys. Keys for transactional e-mail are those of the service mandrill.',
  fields: [
    secretField('apiKey', 'API key, with the data centre behind its dash.', {
      aliases: ['key', 'token'],
      shape: apiKeyShape,
      lookalikes: [
        { pattern: /^[0-9a-f]{32}$/, is: 'an API key without its data centre (-us13), or an OAuth token' },
        { pattern: /^(?:md-)?[A-Za-z0-9_-]{22}$/, is: 'a key for transactional e-mail, which is the service mandrill' },
      ],
    }),
    secretField('accessToken', 'OAuth access token, which has no data centre.', {
      aliases: ['oauth_token'],
      shape: token(hex(32), 'guess'),
    }),
    plainField('server', 'Data centre.', {
      aliases: ['server_prefix', 'dc'],
      env: ['MAILCHIMP_SERVER_PREFIX'],
      shape: {
        pattern: /^[a-z]{2,4}\d{1,3}$/,
        confidence: 'observed',
        expected: 'a data centre such as us13',
        example: 'us1',
      },
      lookalikes: [{ pattern: /\./, is: 'a host name; only its first part belongs here' }],
    }),
  ],
  variants: [
    variant('apiKey', 'API key.', ['apiKey'], ['server']),
    variant('oauth', 'OAuth access token.', ['accessToken', 'server']),
  ],
  agreements: [
    {
      fields: ['apiKey', 'server'],
      says: [/-([a-z]{2,4}\d{1,3})$/, /^([a-z]{2,4}\d{1,3})$/],
      about: 'the data centre',
      because: 'Use the server that stands behind the dash of the API key, or leave it out.',
    },
  ],
  tracardi: [{ type: 'mailchimp', variants: ['apiKey'], credentials: { token: '{apiKey}' } }],
  notConfirmed: ['The form of OAuth access tokens.'],
}
