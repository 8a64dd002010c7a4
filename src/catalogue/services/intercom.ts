import type { ServiceDefinition } from '../definition.ts'
import { plainField, secretField, variant } from '../fields.ts'
import { form, oneOf } from '../shapes.ts'

export const intercom: ServiceDefinition = {
  id: 'intercom',
  title: 'Intercom',
  description: 'Reads and writes contacts and conversations of Intercom.',
  docs: 'https://developers.intercom.com/docs/build-an-integration/learn-more/authentication',
  getCredential:
    'At https://app.intercom.com/a/developer-signup, open the app: Configure, Authentication, access token.',
  fields: [
    secretField('accessToken', 'Access token: 60 characters.', {
      aliases: ['token'],
      shape: form(
        'observed',
        /^(?:[A-Za-z0-9+/=_-]{59}=|[A-Za-z0-9=_-]{60})$/,
        '60 characters of base64',
        `${'x'.repeat(59)}=`,
        { length: 60, anyLength: /^[A-Za-z0-9+/=_-]+$/ },
      ),
    }),
    plainField('region', 'Where the data are kept.', { shape: oneOf('documented', 'us', 'eu', 'au') }),
  ],
  variants: [variant('token', 'Access token.', ['accessToken'], ['region'])],
  tracardi: { none: 'Tracardi has no type for it.' },
}
