import type { ServiceDefinition, Shape } from '../definition.ts'
import { resource, secretField, variant } from '../fields.ts'
import { form, hex, token } from '../shapes.ts'

const tokenShape: Shape = form(
  'observed',
  /^(?:xoxb-[0-9]{10,13}-[0-9]{10,13}[A-Za-z0-9-]*|xoxp-(?:[0-9]{10,13}-){2,3}[A-Za-z0-9-]+|xox[are]-[A-Za-z0-9-]+|xoxe\.xox[bp]-\d-[A-Z0-9]{160,170})$/,
  'a token that begins with xoxb-, xoxp-, xoxa-, xoxr- or xoxe',
  `xoxb-${'0'.repeat(12)}-${'0'.repeat(12)}-${'x'.repeat(24)}`,
  {
    prefix: 'xoxb-',
    distinctive: 'a Slack token (xox...)',
    anyLength: /^xox(?:[bpare]|e\.xox[bp])-[A-Za-z0-9-]{30,}$/,
  },
)

const appTokenShape: Shape = form(
  'observed',
  /^xapp-\d-[A-Z0-9]+-\d+-[a-z0-9]+$/,
  'xapp-, and four parts with dashes between them',
  `xapp-1-A${'0'.repeat(10)}-${'0'.repeat(13)}-${'0'.repeat(64)}`,
  { prefix: 'xapp-', distinctive: 'a Slack app-level token (xapp-...)' },
)

const webhookShape: Shape = form(
  'observed',
  /^https:\/\/hooks\.slack\.com\/(?:services\/T[A-Z0-9]+\/B[A-Z0-9]+\/[A-Za-z0-9]{23,25}|workflows\/T[A-Z0-9]+\/A[A-Z0-9]+\/[0-9]{17,19}\/[A-Za-z0-9]{23,25}|triggers\/[A-Za-z0-9/]+)$/,
  'https://hooks.slack.com/services/T.../B.../...',
  `https://hooks.slack.com/services/T${'0'.repeat(8)}/B${'0'.repeat(8)}/${'x'.repeat(24)}`,
  { distinctive: 'a Slack webhook URL' },
)

export const slack: ServiceDefinition = {
  id: 'slack',
  title: 'Slack',
  description: 'Posts to Slack with a bot or an incoming webhook.',
  docs: 'https://api.slack.com/concepts/token-types',
  getCredential:
    'At https://api.slack.com/apps, open the app: the token stands under OAuth & Permissions, the webhook URL under Incoming Webhooks, the signing secret and app-level tokens under Basic Information.',
  fields: [
    secretField('token', 'Bot, user or workspace token (xox...).', {
      aliases: ['bot_token', 'slack_token', 'access_token'],
      env: ['SLACK_BOT_TOKEN'],
      shape: tokenShape,
      lookalikes: [
        [/^xapp-/, 'an app-level token (xapp-...), which belongs under appToken'],
        [/^https:\/\/hooks\.slack\.com\//, 'a webhook URL, which belongs under webhookUrl'],
        [/^[a-f0-9]{32}$/, 'a signing secret or a client secret'],
        [/^\d{10,13}\.\d{10,13}$/, 'the client id of an app'],
      ],
    }),
    secretField('appToken', 'App-level token (xapp-...), for socket mode.', { shape: appTokenShape }),
    secretField('signingSecret', 'Signing secret, with which requests of Slack are checked.', {
      shape: token(hex(32), 'guess'),
    }),
    secretField('webhookUrl', 'Incoming webhook. Whoever has the URL may post.', {
      aliases: ['url'],
      shape: webhookShape,
    }),
  ],
  variants: [
    variant('botToken', 'Token for the Web API.', ['token'], ['signingSecret', 'appToken']),
    variant('webhook', 'Incoming webhook.', ['webhookUrl']),
  ],
  // Plugins find it by the tag of the generic type.
  tracardi: [resource('token', { token: '{token}' }, ['botToken'])],
  notConfirmed: ['The form of the signing secret.'],
}
