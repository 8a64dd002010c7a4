import type { ServiceDefinition } from '../definition.ts'
import {
  caCertField,
  clientCertificateField,
  clientKeyField,
  passwordField,
  plainField,
  resource,
  usernameField,
  variant,
} from '../fields.ts'
import { form, oneOf } from '../shapes.ts'

export const kafka: ServiceDefinition = {
  id: 'kafka',
  title: 'Kafka',
  description: 'Publishes and reads messages with Apache Kafka.',
  docs: 'https://kafka.apache.org/documentation/#security_sasl',
  getCredential:
    'Whoever runs the cluster makes users (with Strimzi: a KafkaUser, whose Secret has the password or the certificate). Confluent Cloud shows an API key and its secret, which are user and password.',
  fields: [
    plainField('brokers', 'Brokers to begin with: host:port, several with commas between them.', {
      aliases: ['broker', 'bootstrap_servers', 'bootstrap.servers', 'bootstrapServers', 'KAFKA_BOOTSTRAP_SERVERS'],
      env: ['KAFKA_BROKERS'],
      shape: form(
        'documented',
        /^[A-Za-z0-9._-]+:\d{1,5}(?:,[A-Za-z0-9._-]+:\d{1,5})*$/,
        'host:port[,host:port...], without spaces',
        'kafka-0.example.internal:9093',
      ),
      lookalikes: [[/^[A-Za-z_]+:\/\//, 'a listener with its protocol; only host:port belongs here']],
    }),
    usernameField('SASL user, or API key of Confluent Cloud.', {
      aliases: ['sasl_username', 'api_key'],
      env: ['KAFKA_USERNAME'],
    }),
    passwordField('SASL password, or secret of the API key.', {
      aliases: ['sasl_password', 'api_secret'],
      env: ['KAFKA_PASSWORD'],
    }),
    plainField('mechanism', 'SASL mechanism.', {
      aliases: ['sasl_mechanism', 'sasl.mechanism'],
      shape: form(
        'documented',
        /^(?:plain|scram-sha-(?:256|512)|oauthbearer|gssapi|aws|aws_msk_iam)$/i,
        'PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER',
        'SCRAM-SHA-512',
      ),
    }),
    plainField('securityProtocol', 'Security protocol.', {
      aliases: ['security.protocol'],
      shape: oneOf('documented', 'SASL_SSL', 'SASL_PLAINTEXT', 'SSL', 'PLAINTEXT'),
    }),
    caCertField(),
    clientCertificateField({ aliases: ['user.crt'] }),
    clientKeyField({ aliases: ['user.key'] }),
  ],
  variants: [
    variant('sasl', 'SASL.', ['brokers', 'username', 'password'], ['mechanism', 'securityProtocol', 'caCert']),
    variant(
      'mtls',
      'Client certificate (mutual TLS).',
      ['brokers', 'clientCertificate', 'clientKey'],
      ['securityProtocol', 'caCert'],
    ),
  ],
  pairs: [
    ['username', 'password'],
    ['clientCertificate', 'clientKey'],
  ],
  tracardi: [
    resource(
      'kafka',
      {
        broker: '{brokers}',
        security_protocol: '{securityProtocol|SASL_SSL}',
        sasl_mechanism: '{mechanism|SCRAM-SHA-512}',
        username: '{username}',
        password: '{password}',
      },
      ['sasl'],
    ),
  ],
  notConfirmed: ['The keys of the Secret of a KafkaUser (user.crt, user.key).'],
}
