import type { Lookalike, ServiceDefinition, Shape } from './definition.ts'
import { hostShape, portShape } from './shapes.ts'

// The vendor documents 69 characters; the split of 22 and 43 is what scanners and real keys agree on.
const apiKeyShape: Shape = {
  pattern: /^SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}$/,
  confidence: 'observed',
  expected: '69 characters: SG. and two parts separated by a dot',
  length: 69,
  prefix: 'SG.',
  distinctive: 'a SendGrid API key (SG....)',
  anyLength: /^SG\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/,
  cutOff: /^SG\.[A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]*)?$/,
}

// SendGrid belongs to Twilio, and people mix up their consoles.
const twilioLookalikes: readonly Lookalike[] = [
  { pattern: /^AC[0-9a-fA-F]{20,}$/, is: 'a Twilio account SID (AC...)' },
  { pattern: /^SK[0-9a-fA-F]{20,}$/, is: 'a Twilio API key SID (SK...)' },
]

export const sendgrid: ServiceDefinition = {
  id: 'sendgrid',
  title: 'Twilio SendGrid',
  description: 'Sends e-mail through the Web API or the SMTP relay of SendGrid.',
  docs: 'https://www.twilio.com/docs/sendgrid/ui/account-and-settings/api-keys',
  fields: [
    {
      name: 'apiKey',
      aliases: ['api_key', 'api-key', 'apikey', 'token', 'key', 'sendgrid_api_key', 'SENDGRID_API_KEY'],
      secret: true,
      description: 'API key: 69 characters that begin with SG.',
      example: `SG.${'x'.repeat(22)}.${'y'.repeat(43)}`,
      shape: apiKeyShape,
      lookalikes: twilioLookalikes,
      env: ['SENDGRID_API_KEY'],
    },
    {
      name: 'region',
      aliases: ['data_residency', 'dataResidency'],
      secret: false,
      description: 'Data residency, which decides the host: global or eu.',
      example: 'eu',
      shape: { pattern: /^(?:global|eu)$/, confidence: 'documented', expected: 'global or eu' },
      env: [],
    },
    {
      name: 'onBehalfOf',
      aliases: ['subuser', 'on_behalf_of'],
      secret: false,
      description: 'Subuser for the On-Behalf-Of header.',
      example: 'subuser1',
      env: [],
    },
    {
      name: 'username',
      aliases: ['user', 'smtp_username', 'SMTP_USERNAME', 'sendgrid_username'],
      secret: false,
      description:
        'SMTP relay: the literal word apikey. Twilio e-mail: a Twilio account SID (AC...) or API key SID (SK...).',
      example: 'apikey',
      env: [],
    },
    {
      name: 'password',
      aliases: ['pass', 'smtp_password', 'SMTP_PASSWORD', 'sendgrid_password'],
      secret: true,
      description: 'SMTP relay: the API key. Twilio e-mail: the auth token, or the secret of the API key.',
      env: [],
    },
    {
      name: 'host',
      aliases: ['hostname', 'smtp_host', 'SMTP_HOST', 'sendgrid_host'],
      secret: false,
      description: 'Host of the SMTP relay. Default: smtp.sendgrid.net.',
      example: 'smtp.sendgrid.net',
      shape: hostShape,
      env: [],
    },
    {
      name: 'port',
      aliases: ['smtp_port', 'SMTP_PORT', 'sendgrid_port'],
      secret: false,
      description: 'Port of the SMTP relay. Default: 587.',
      example: '587',
      shape: portShape,
      env: [],
    },
  ],
  variants: [
    {
      id: 'apiKey',
      description: 'API key, sent as a bearer token.',
      required: ['apiKey'],
      optional: ['region', 'onBehalfOf'],
    },
    {
      id: 'twilioEmailAuth',
      description: 'Twilio API key SID and secret, or account SID and auth token, for email.twilio.com.',
      required: ['username', 'password'],
      optional: [],
      shapes: {
        username: {
          pattern: /^(?:AC|SK)[0-9a-fA-F]{32}$/,
          confidence: 'documented',
          expected: 'a Twilio SID: 34 characters that begin with AC or SK',
          length: 34,
          anyLength: /^(?:AC|SK)[0-9a-fA-F]*$/,
        },
        password: {
          pattern: /^[0-9a-zA-Z]{32}$/,
          confidence: 'observed',
          expected: '32 letters and digits: an auth token, or the secret of an API key',
          length: 32,
          anyLength: /^[0-9a-zA-Z]+$/,
        },
      },
    },
    {
      id: 'smtpRelay',
      description: 'SMTP relay: the user name is the word apikey, the password is the API key.',
      required: ['password'],
      optional: ['host', 'port', 'username'],
      shapes: {
        username: { pattern: /^apikey$/, confidence: 'guess', expected: 'the literal word apikey' },
        password: apiKeyShape,
      },
      recognise: (text) =>
        [text('username'), text('password')].some(
          (value) => value !== undefined && (value.startsWith('SG.') || value === 'apikey'),
        ),
    },
  ],
}
