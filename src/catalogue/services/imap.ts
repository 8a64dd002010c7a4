import type { ServiceDefinition } from '../definition.ts'
import { hostField, passwordField, portField, resource, usernameField, variant } from '../fields.ts'
import { urlLookalike } from '../shapes.ts'

export const imap: ServiceDefinition = {
  id: 'imap',
  title: 'IMAP',
  description: 'Reads e-mail from any mail server.',
  docs: 'https://www.rfc-editor.org/rfc/rfc9051',
  getCredential:
    'The provider of the mailbox has it. Where signing in takes two steps, make an app password in the settings of the account.',
  fields: [
    hostField('Mail server.', {
      aliases: ['imap', 'server'],
      lookalikes: [{ ...urlLookalike, is: 'a whole URL; only its host name belongs here' }],
    }),
    portField('Port: 993 with TLS from the start, else 143.', { aliases: ['PORT'], example: '993' }),
    usernameField('Login.', { aliases: ['login', 'IMAP_USER'] }),
    passwordField('Password, or app password.', { aliases: ['IMAP_PASS'] }),
  ],
  variants: [variant('login', 'User and password.', ['host', 'username', 'password'], ['port'])],
  tracardi: [
    resource('imap-server', { host: '{host}', port: '{port|993}', username: '{username}', password: '{password}' }),
  ],
}
