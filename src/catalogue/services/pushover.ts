import type { ServiceDefinition } from '../definition.ts'
import { resource, secretField, variant } from '../fields.ts'
import { alphanumeric, token } from '../shapes.ts'

export const pushover: ServiceDefinition = {
  id: 'pushover',
  title: 'Pushover',
  description: 'Sends push notifications through Pushover.',
  docs: 'https://pushover.net/api',
  getCredential:
    'The user key stands on the dashboard at https://pushover.net; the token comes from making an application there. They look alike, so mind which is which.',
  fields: [
    secretField('token', 'Token of the application: 30 letters and digits.', {
      aliases: ['api_token', 'app_token'],
      shape: token(alphanumeric(30), 'documented'),
    }),
    secretField('user', 'Key of a user or a group: 30 letters and digits.', {
      aliases: ['user_key', 'userKey'],
      shape: { ...token(alphanumeric(30), 'documented'), example: 'y'.repeat(30) },
    }),
  ],
  variants: [variant('appAndUser', 'Application and recipient.', ['token', 'user'])],
  tracardi: [resource('pushover', { token: '{token}', user: '{user}' })],
}
