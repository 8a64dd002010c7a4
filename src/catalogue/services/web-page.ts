import type { ServiceDefinition } from '../definition.ts'
import { passwordField, plainField, resource, variant } from '../fields.ts'

export const webPage: ServiceDefinition = {
  id: 'web-page',
  title: 'Web page',
  description: 'A page behind basic authentication.',
  getCredential: 'Whoever runs the page gives it out.',
  fields: [
    plainField('user', 'User.', { aliases: ['username'], example: 'app' }),
    passwordField('Password of the user.'),
  ],
  variants: [variant('basic', 'User and password.', ['user', 'password'])],
  tracardi: [resource('web-page', { user: '{user}', password: '{password}' })],
}
