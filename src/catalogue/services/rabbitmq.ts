import type { ServiceDefinition } from '../definition.ts'
import {
  hostField,
  passwordField,
  plainField,
  portField,
  resource,
  secretField,
  usernameField,
  variant,
} from '../fields.ts'
import { connectionUrlShape, urlLookalike } from '../shapes.ts'

export const rabbitmq: ServiceDefinition = {
  id: 'rabbitmq',
  title: 'RabbitMQ (AMQP 0-9-1)',
  description: 'Publishes and reads messages with RabbitMQ.',
  docs: 'https://www.rabbitmq.com/docs/uri-spec',
  getCredential:
    'An administrator makes the user with rabbitmqctl add_user and set_permissions; the operator of RabbitMQ writes a Secret with the default user. The user guest may log in on the server itself only.',
  fields: [
    secretField('uri', 'One URL, special characters percent-encoded. No path means the virtual host /.', {
      aliases: ['url', 'connection_string', 'RABBITMQ_URL'],
      env: ['AMQP_URL'],
      shape: connectionUrlShape({
        schemes: ['amqp', 'amqps'],
        path: 'virtual host',
        example: 'amqp://app:not-a-real-password@rabbitmq.example.internal:5672/app',
      }),
    }),
    hostField('Host, when there is no uri.', {
      aliases: ['server', 'HOST'],
      lookalikes: [{ ...urlLookalike, is: 'a whole URL, which belongs under uri' }],
    }),
    portField('Port. Default: 5672, with TLS 5671.', { aliases: ['PORT'], example: '5672' }),
    usernameField('User.', { env: ['RABBITMQ_USERNAME'] }),
    passwordField('Password of the user.', { aliases: ['rabbitmq-password'], env: ['RABBITMQ_PASSWORD'] }),
    plainField('virtualHost', 'Virtual host. Default: /.', { aliases: ['vhost'], example: 'app' }),
  ],
  variants: [
    // The operator of RabbitMQ writes both forms into one Secret.
    variant('fields', 'Separate fields.', ['host', 'username', 'password'], ['port', 'virtualHost', 'uri']),
    variant('uri', 'One URL.', ['uri'], ['virtualHost', 'port']),
  ],
  tracardi: [
    resource('rabbitmq', { uri: '{uri}', port: '{uri.port|5672}', timeout: '5', virtual_host: '{virtualHost|/}' }, [
      'uri',
    ]),
  ],
}
