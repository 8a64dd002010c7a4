import type { Lookalike, ServiceDefinition, Shape } from '../definition.ts'
import { plainField, secretField, variant } from '../fields.ts'
import { alphanumeric, digits, form, hex, token } from '../shapes.ts'

const tokenShape = token(['EAA', alphanumeric(60, Infinity)], {
  confidence: 'observed',
  distinctive: 'a Facebook access token (EAA...)',
})

const appTokenShape: Shape = form(
  'observed',
  /^\d{15,17}\|[A-Za-z0-9_-]{27,40}$/,
  'the app id, a vertical bar, and 27 to 40 letters, digits, dashes and underscores',
  `${'0'.repeat(15)}|${'x'.repeat(27)}`,
  { anyLength: /^\d{15,}\|[A-Za-z0-9_-]{27,}$/ },
)

const appSecret: Lookalike = { pattern: /^[a-f0-9]{32}$/, is: 'an app secret, which belongs under appSecret' }

export const facebook: ServiceDefinition = {
  id: 'facebook',
  title: 'Facebook / Meta Graph API',
  description: 'Calls the Graph API of Meta.',
  docs: 'https://developers.facebook.com/docs/facebook-login/guides/access-tokens/',
  getCredential:
    'At https://developers.facebook.com/apps, open the app: id and secret stand under App settings, Basic. Tokens that do not expire are those of system users, made in the Business settings.',
  fields: [
    secretField('accessToken', 'Token of a user, a page or a system user (EAA...), or of an app (id|secret).', {
      aliases: ['page_token'],
      shape: tokenShape,
      lookalikes: [appSecret, [/^\d{15,18}$/, 'an app id, which belongs under appId']],
    }),
    plainField('appId', 'Id of the app: 15 to 18 digits.', {
      shape: token(digits(15, 18), 'observed'),
      lookalikes: [appSecret],
    }),
    secretField('appSecret', 'Secret of the app: 32 hexadecimal digits.', {
      shape: token(hex(32), 'observed'),
      lookalikes: [[/^EAA/, 'an access token (EAA...), which belongs under accessToken']],
    }),
  ],
  variants: [
    variant('accessToken', 'Token of a user, a page or a system user.', ['accessToken'], ['appId', 'appSecret']),
    variant('appAccessToken', 'Token of an app (id|secret).', ['accessToken'], ['appId', 'appSecret'], {
      shapes: { accessToken: appTokenShape },
      recognise: (text) => text('accessToken')?.includes('|') ?? false,
    }),
    variant('appCredentials', 'Id and secret of the app, which make its token.', ['appId', 'appSecret']),
  ],
  pairs: [['appId', 'appSecret']],
  tracardi: { none: 'Tracardi has no type for it.' },
}
