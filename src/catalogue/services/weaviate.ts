import type { ServiceDefinition } from '../definition.ts'
import { passwordField, plainField, resource, secretField, usernameField, variant, webUrlField } from '../fields.ts'
import { headersShape } from '../shapes.ts'

export const weaviate: ServiceDefinition = {
  id: 'weaviate',
  title: 'Weaviate',
  description: 'Searches vectors in Weaviate.',
  docs: 'https://docs.weaviate.io/weaviate/connections/connect-cloud',
  getCredential:
    'In the console of Weaviate Cloud, in the details of the cluster; elsewhere whoever runs the server has it.',
  fields: [
    webUrlField('url', 'Address of the server.', {
      aliases: ['host', 'endpoint'],
      example: 'https://weaviate.example.internal',
    }),
    secretField('apiKey', 'API key.', { aliases: ['weaviate_api_key'], example: 'not-a-real-key' }),
    usernameField('User (OpenID Connect).'),
    passwordField('Password of the user.'),
    plainField('scope', 'Scope for OpenID Connect.', { example: 'offline_access' }),
    secretField('headers', 'Headers with the keys of other services: a JSON object of texts.', {
      shape: headersShape,
      multiline: true,
    }),
  ],
  variants: [
    variant('apiKey', 'API key.', ['url', 'apiKey'], ['headers']),
    variant('password', 'User and password (OpenID Connect).', ['url', 'username', 'password'], ['scope', 'headers']),
    variant('none', 'A server that asks for nothing.', ['url'], ['headers']),
  ],
  pairs: [['username', 'password']],
  tracardi: [
    resource('weaviate', {
      url: '{url}',
      weaviate_api_key: '{apiKey}',
      username: '{username}',
      password: '{password}',
      scope: '{scope}',
      headers: '{headers}',
    }),
  ],
  notConfirmed: ['The forms of the credentials.'],
}
