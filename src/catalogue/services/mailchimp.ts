import type { ServiceDefinition, Shape } from '../definition.ts'
import { plainField, resource, secretField, variant } from '../fields.ts'
import { form, hex, token } from '../shapes.ts'

const apiKeyShape: Shape = form(
  'observed',
  /^[0-9a-f]{32}-[a-z]{2,4}\d{1,3}$/,
  '32 hexadecimal digits, a dash and the data centre, such as -us13',
  `${'0'.repeat(32)}-us1`,
  { distinctive: 'a Mailchimp API key (...-us1)' },
)

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
        [/^[0-9a-f]{32}$/, 'an API key without its data centre (-us13), or an OAuth token'],
        [/^(?:md-)?[A-Za-z0-9_-]{22}$/, 'a key for transactional e-mail, which is the service mandrill'],
      ],
    }),
    secretField('accessToken', 'OAuth access token, which has no data centre.', {
      aliases: ['oauth_token'],
      shape: token(hex(32), 'guess'),
    }),
    plainField('server', 'Data centre.', {
      aliases: ['server_prefix', 'dc'],
      env: ['MAILCHIMP_SERVER_PREFIX'],
      shape: form('observed', /^[a-z]{2,4}\d{1,3}$/, 'a data centre such as us13', 'us1'),
      lookalikes: [[/\./, 'a host name; only its first part belongs here']],
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
  tracardi: [resource('mailchimp', { token: '{apiKey}' }, ['apiKey'])],
  notConfirmed: ['The form of OAuth access tokens.'],
}
