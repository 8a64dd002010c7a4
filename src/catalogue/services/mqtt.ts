import type { ServiceDefinition } from '../definition.ts'
import {
  caCertField,
  clientCertificateField,
  clientKeyField,
  passwordField,
  plainField,
  portField,
  resource,
  usernameField,
  variant,
} from '../fields.ts'
import { webUrlProblems } from '../url.ts'
import { form } from '../shapes.ts'

const schemes = ['mqtt', 'mqtts', 'ws', 'wss', 'tcp', 'ssl']

export const mqtt: ServiceDefinition = {
  id: 'mqtt',
  title: 'MQTT',
  description: 'Publishes and reads messages with an MQTT broker.',
  docs: 'https://mosquitto.org/documentation/authentication-methods/',
  getCredential:
    'Whoever runs the broker makes users (with Mosquitto: mosquitto_passwd) or signs a client certificate.',
  fields: [
    plainField('url', "Broker, without user and password. Also the bare host name, as Tracardi's form has it.", {
      aliases: ['broker', 'host'],
      env: ['MQTT_URL'],
      shape: form(
        'observed',
        /^(?:(?:mqtts?|wss?|tcp|ssl):\/\/)?[A-Za-z0-9._:[\]/-]+$/,
        'mqtt[s]://host[:port], or a host name',
        'mqtt://mqtt.example.internal',
        { problems: (text) => (text.includes('://') ? webUrlProblems(text, schemes, true) : []) },
      ),
    }),
    portField('Port. Default: 1883, with TLS 8883.', { aliases: ['PORT'], example: '1883' }),
    usernameField('User.', { env: ['MQTT_USERNAME'] }),
    passwordField('Password of the user.', { env: ['MQTT_PASSWORD'] }),
    plainField('clientId', 'Client id. Two clients with the same id throw each other out.', {
      shape: form('guess', /^[\x21-\x7e]{1,65}$/, 'at most 65 printable characters without spaces', 'app-1'),
    }),
    caCertField(),
    clientCertificateField(),
    clientKeyField(),
  ],
  variants: [
    variant('userpass', 'User and password.', ['url'], ['port', 'username', 'password', 'clientId', 'caCert']),
    variant(
      'clientCert',
      'Client certificate (mutual TLS).',
      ['url', 'clientCertificate', 'clientKey'],
      ['port', 'username', 'password', 'clientId', 'caCert'],
    ),
  ],
  pairs: [['clientCertificate', 'clientKey']],
  tracardi: [
    resource('mqtt', { url: '{url}', port: '{port|1883}', username: '{username}', password: '{password}' }, [
      'userpass',
    ]),
  ],
  notConfirmed: ['How long a client id may be: brokers differ.'],
}
