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
import { alphanumeric, base64url, oneOf, token } from '../shapes.ts'
import { accountOrKeySidShape, twilioSids } from '../twilio-sids.ts'

// The vendor documents 69 characters; the split of 22 and 43 is what scanners and real keys agree on.
const apiKey = token(['SG.', base64url(22), '.', base64url(43)], {
  confidence: 'observed',
  expected: '69 characters: SG. and two parts separated by a dot',
  distinctive: 'a SendGrid API key (SG....)',
})

const twilioSecret = token(alphanumeric(32), {
  confidence: 'observed',
  expected: '32 letters and digits: an auth token, or the secret of an API key',
})

export const sendgrid: ServiceDefinition = {
  id: 'sendgrid',
  title: 'Twilio SendGrid',
  description: 'Sends e-mail through the Web API or the SMTP relay of SendGrid.',
  docs: 'https://www.twilio.com/docs/sendgrid/ui/account-and-settings/api-keys',
  getCredential: 'In the SendGrid app, under Settings > API Keys > Create API Key. The key is shown once.',
  fields: [
    secretField('apiKey', 'API key: 69 characters that begin with SG.', {
      aliases: ['apikey', 'token', 'key', 'sendgrid_api_key'],
      shape: apiKey,
      lookalikes: twilioSids,
      env: ['SENDGRID_API_KEY'],
    }),
    plainField('region', 'Data residency, which decides the host: global or eu.', {
      aliases: ['data_residency', 'dataResidency'],
      shape: oneOf('documented', 'eu', 'global'),
    }),
    plainField('onBehalfOf', 'Subuser for the On-Behalf-Of header.', { aliases: ['subuser'], example: 'subuser1' }),
    usernameField(
      'SMTP relay: the literal word apikey. Twilio e-mail: a Twilio account SID (AC...) or API key SID (SK...).',
      { aliases: ['smtp_username', 'SMTP_USERNAME', 'sendgrid_username'], example: 'apikey' },
    ),
    passwordField('SMTP relay: the API key. Twilio e-mail: the auth token, or the secret of the API key.', {
      aliases: ['smtp_password', 'SMTP_PASSWORD', 'sendgrid_password'],
    }),
    hostField('Host of the SMTP relay. Default: smtp.sendgrid.net.', {
      aliases: ['smtp_host', 'SMTP_HOST', 'sendgrid_host'],
    }),
    portField('Port of the SMTP relay. Default: 587.', { aliases: ['smtp_port', 'SMTP_PORT', 'sendgrid_port'] }),
  ],
  variants: [
    variant('apiKey', 'API key, sent as a bearer token.', ['apiKey'], ['region', 'onBehalfOf']),
    variant(
      'twilioEmailAuth',
      'Twilio API key SID and secret, or account SID and auth token, for email.twilio.com.',
      ['username', 'password'],
      [],
      { shapes: { username: accountOrKeySidShape, password: twilioSecret } },
    ),
    variant(
      'smtpRelay',
      'SMTP relay: the user name is the word apikey, the password is the API key.',
      ['password'],
      ['host', 'port', 'username'],
      {
        shapes: { username: { ...oneOf('guess', 'apikey'), expected: 'the literal word apikey' }, password: apiKey },
        recognise: (text) =>
          [text('username'), text('password')].some((value) => value === 'apikey' || value?.startsWith('SG.') === true),
      },
    ),
  ],
  tracardi: [
    resource('sendgrid', { token: '{apiKey}' }, ['apiKey']),
    resource('sendgrid', { token: '{password}' }, ['smtpRelay']),
  ],
  notConfirmed: [
    'That the user name of the SMTP relay must be the word apikey: well known, but no page was looked up.',
  ],
}
