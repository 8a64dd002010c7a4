import type { ServiceDefinition, Shape } from '../definition.ts'
import { passwordField, plainField, resource, secretField, usernameField, variant } from '../fields.ts'
import { connectionUrlShape, form, headersShape, webUrlShape } from '../shapes.ts'

const urlShape: Shape = {
  ...webUrlShape('http', 'https'),
  pattern: /^https?:\/\/(?:[^:@\s/?#]+|\[[0-9a-fA-F:]+\])(?::\d{1,5})?(?:[/?#][^\s]*)?$/,
  expected: 'http:// or https://, a host and a path, without user and password',
  example: 'https://api.example.com/v1/contacts?format=json',
  problems: (text) =>
    (webUrlShape('http', 'https').problems?.(text) ?? []).filter(({ code }) => code !== 'UrlUnexpectedPart'),
}

export const httpApi: ServiceDefinition = {
  id: 'http-api',
  title: 'Any HTTP API',
  description: 'Calls an HTTP API or a webhook that has no service of its own here.',
  getCredential: 'Whoever runs the API gives it out.',
  fields: [
    plainField('url', 'Address. User and password have fields of their own.', {
      aliases: ['endpoint', 'base_url', 'webhook_url'],
      env: ['API_URL'],
      shape: urlShape,
    }),
    usernameField('User for basic authentication.'),
    passwordField('Password for basic authentication.'),
    secretField('token', 'Bearer token or API key.', {
      aliases: ['api_key', 'apiKey', 'bearer'],
      env: ['API_KEY'],
      shape: form('guess', /^[\x21-\x7e]+$/, 'printable characters without spaces', 'not-a-real-token'),
    }),
    secretField('headers', 'Headers: a JSON object of texts.', {
      multiline: true,
      shape: headersShape,
    }),
    secretField('proxy', 'Proxy, with user and password if it needs them.', {
      shape: connectionUrlShape({
        schemes: ['http', 'https', 'socks5'],
        path: '',
        example: 'http://proxy.example.internal:3128',
      }),
    }),
  ],
  variants: [
    variant('basic', 'User and password.', ['url', 'username', 'password'], ['headers', 'proxy']),
    variant('bearer', 'Bearer token or API key.', ['url', 'token'], ['headers', 'proxy']),
    variant('header', 'Headers.', ['url', 'headers'], ['proxy']),
    variant('none', 'An address that asks for nothing.', ['url'], ['proxy']),
  ],
  pairs: [['username', 'password']],
  tracardi: [
    resource('api', { url: '{url}', proxy: '{proxy}', headers: '{"Authorization":"Bearer {token}"}' }, ['bearer']),
    resource('api', {
      url: '{url}',
      proxy: '{proxy}',
      username: '{username}',
      password: '{password}',
      headers: '{headers}',
    }),
  ],
}
