import type { ServiceDefinition } from '../definition.ts'
import { plainField, resource, secretField, variant } from '../fields.ts'
import { alphanumeric, form, hex, token } from '../shapes.ts'

export const mixpanel: ServiceDefinition = {
  id: 'mixpanel',
  title: 'Mixpanel',
  description: 'Sends events to Mixpanel and reads its reports.',
  docs: 'https://developer.mixpanel.com/reference/service-accounts',
  getCredential:
    'In Mixpanel, the project token stands under Project Settings, Access Keys; service accounts are made under Service Accounts, and their secret is shown once.',
  fields: [
    plainField(
      'token',
      'Project token: 32 hexadecimal digits. It is public, and no service tells whether it is right.',
      {
        aliases: ['project_token'],
        shape: token(hex(32), 'observed'),
      },
    ),
    plainField('serverPrefix', 'Where the data are kept: us, eu or in.', {
      aliases: ['region'],
      shape: form('documented', /^(?:us|eu|in)$/i, 'us, eu or in', 'eu'),
    }),
    plainField('serviceAccountUsername', 'User of a service account.', {
      aliases: ['username'],
      shape: form(
        'observed',
        /^[A-Za-z0-9.-]+\.mp-service-account$/,
        'a name that ends with .mp-service-account',
        'app.000000.mp-service-account',
      ),
    }),
    secretField('serviceAccountSecret', 'Secret of the service account: 32 letters and digits.', {
      aliases: ['secret', 'password'],
      shape: token(alphanumeric(32), 'observed'),
    }),
  ],
  variants: [
    variant('projectToken', 'Project token, which is enough for sending events.', ['token'], ['serverPrefix']),
    variant(
      'serviceAccount',
      'Service account, for everything else.',
      ['serviceAccountUsername', 'serviceAccountSecret'],
      ['serverPrefix', 'token'],
    ),
  ],
  pairs: [['serviceAccountUsername', 'serviceAccountSecret']],
  tracardi: [
    resource('mixpanel', {
      token: '{token}',
      server_prefix: '{serverPrefix|US}',
      username: '{serviceAccountUsername}',
      password: '{serviceAccountSecret}',
    }),
  ],
}
