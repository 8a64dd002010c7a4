import type { ServiceDefinition } from '../definition.ts'
import { plainField, resource, secretField, variant } from '../fields.ts'
import { webUrlProblems } from '../url.ts'
import { form } from '../shapes.ts'

const schemes = ['pulsar', 'pulsar+ssl', 'http', 'https']

export const pulsar: ServiceDefinition = {
  id: 'pulsar',
  title: 'Apache Pulsar',
  description: 'Publishes and reads messages with Apache Pulsar.',
  docs: 'https://pulsar.apache.org/docs/security-jwt/',
  getCredential: 'Whoever runs the cluster makes the token with pulsar tokens create.',
  fields: [
    plainField('host', 'Service URL, without user and password.', {
      aliases: ['url', 'service_url', 'serviceUrl', 'brokerUrl'],
      shape: form(
        'guess',
        /^(?:pulsar(?:\+ssl)?|https?):\/\/[A-Za-z0-9._:[\],-]+\/?$/,
        'pulsar://host:port, or pulsar+ssl://host:port',
        'pulsar://pulsar.example.internal:6650',
        { problems: (text) => webUrlProblems(text, schemes, true).filter(({ code }) => code !== 'UrlInvalidPort') },
      ),
    }),
    secretField('token', 'Token (a JWT).', {
      aliases: ['jwt', 'authToken', 'TOKEN'],
      shape: form(
        'guess',
        /^eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*$/,
        'a JWT: three parts with dots between them',
        `eyJ${'x'.repeat(20)}.${'y'.repeat(20)}.${'z'.repeat(43)}`,
      ),
    }),
  ],
  variants: [variant('token', 'Service URL and token.', ['host'], ['token'])],
  tracardi: [resource('apache-pulsar', { host: '{host}', token: '{token}' })],
  notConfirmed: ['That the token is a JWT: clusters may take others.'],
}
