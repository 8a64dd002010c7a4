import type { ServiceDefinition, Shape } from '../definition.ts'
import { passwordField, plainField, resource, secretField, usernameField, variant } from '../fields.ts'
import { connectionUrlShape, numberShape } from '../shapes.ts'

const urlShape = connectionUrlShape({
  schemes: ['mongodb', 'mongodb+srv'],
  path: 'database',
  hosts: true,
  example: 'mongodb://app:not-a-real-password@mongo.example.internal:27017/appdb?authSource=admin',
})

const uriShape: Shape = {
  ...urlShape,
  accepts: (text) => !text.startsWith('mongodb+srv://') || oneHostWithoutPort(text),
  expected: 'mongodb://[user:password@]host[:port][,host...][/database], or mongodb+srv:// with one host and no port',
}

function oneHostWithoutPort(text: string): boolean {
  const authority = text.slice('mongodb+srv://'.length).split(/[/?]/, 1)[0] ?? ''
  return !/[:,]/.test(authority.slice(authority.lastIndexOf('@') + 1))
}

export const mongodb: ServiceDefinition = {
  id: 'mongodb',
  title: 'MongoDB',
  description: 'Keeps documents in MongoDB.',
  docs: 'https://www.mongodb.com/docs/manual/reference/connection-string/',
  getCredential:
    'An administrator makes the user with db.createUser; Atlas shows the connection string under Connect. Name the database of the user with authSource when it is not the one in the path.',
  fields: [
    secretField('uri', 'Connection string, special characters in user and password percent-encoded.', {
      aliases: ['url', 'connection_string', 'connectionString', 'connectionString.standard', 'MONGO_URL'],
      env: ['MONGODB_URI'],
      shape: uriShape,
    }),
    usernameField('User, when it is not in the uri.'),
    passwordField('Password, when it is not in the uri.'),
    plainField('timeout', 'How long Tracardi waits for a server, in milliseconds.', {
      shape: { ...numberShape, example: '5000' },
    }),
  ],
  variants: [variant('uri', 'Connection string.', ['uri'], ['username', 'password', 'timeout'])],
  pairs: [['username', 'password']],
  tracardi: [resource('mongodb', { uri: '{uri}', timeout: '{timeout|5000}' })],
}
