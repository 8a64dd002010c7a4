import type { ServiceDefinition } from '../definition.ts'
import { hostField, passwordField, plainField, portField, resource, usernameField, variant } from '../fields.ts'
import { form, numberShape, urlLookalike } from '../shapes.ts'

const more = ['port', 'secure', 'timeout']

export const smtp: ServiceDefinition = {
  id: 'smtp',
  title: 'SMTP',
  description: 'Sends e-mail through any mail server.',
  docs: 'https://nodemailer.com/smtp',
  getCredential:
    'The provider of the mailbox has it. Where signing in takes two steps, make an app password in the settings of the account.',
  fields: [
    hostField('Mail server.', {
      aliases: ['smtp', 'server', 'smtp_host'],
      env: ['SMTP_HOST'],
      lookalikes: [{ ...urlLookalike, is: 'a whole URL; only its host name belongs here' }],
    }),
    portField('Port: 587 with STARTTLS, 465 with TLS from the start.', {
      aliases: ['PORT', 'smtp_port'],
      env: ['SMTP_PORT'],
      example: '587',
    }),
    usernameField('Login.', { aliases: ['login', 'SMTP_USER', 'smtp_username'], env: ['SMTP_USERNAME'] }),
    passwordField('Password, or app password.', { aliases: ['SMTP_PASS', 'smtp_password'], env: ['SMTP_PASSWORD'] }),
    plainField('secure', 'How TLS is used.', {
      aliases: ['tls', 'ssl', 'encryption'],
      shape: form(
        'guess',
        /^(?:true|false|yes|no|0|1|starttls|tls|ssl|none)$/i,
        'starttls, tls, ssl, none, true or false',
        'starttls',
      ),
    }),
    plainField('timeout', 'How long Tracardi waits for the server, in seconds.', {
      shape: { ...numberShape, example: '15' },
    }),
  ],
  variants: [
    variant('login', 'User and password.', ['host', 'username', 'password'], more),
    variant('noAuth', 'A relay that asks for no password.', ['host'], more),
  ],
  pairs: [['username', 'password']],
  tracardi: [
    resource(
      'smtp-server',
      { smtp: '{host}', port: '{port|587}', username: '{username}', password: '{password}', timeout: '{timeout|15}' },
      ['login'],
    ),
  ],
  notConfirmed: ['The words for secure: clients differ.'],
}
