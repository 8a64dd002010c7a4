import { crc32Tail } from '../checksum.ts'
import type { ServiceDefinition, Shape } from '../definition.ts'
import { plainField, resource, secretField, variant } from '../fields.ts'
import { hex, token, webUrlShape } from '../shapes.ts'

/** Tokens of 40 characters end with the checksum of the 30 behind the prefix. Nothing is known of others. */
function checksum(text: string): string {
  return /^gh[pousr]_[A-Za-z0-9]{36}$/.test(text) ? crc32Tail(text.slice(4, 34)) : ''
}

const tokenShape: Shape = {
  pattern: /^(?:gh[pousr]_[A-Za-z0-9]{36,251}|github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59})$/,
  confidence: 'documented',
  expected: 'ghp_ and 36 letters and digits, or github_pat_ and 82 letters, digits and underscores',
  example: `github_pat_${'x'.repeat(22)}_${'y'.repeat(59)}`,
  prefix: 'ghp_',
  distinctive: 'a GitHub token (gh..._)',
  anyLength: /^(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_\w{82,})$/,
  checksum,
}

const oldTokenShape = token(hex(40), 'documented')

export const github: ServiceDefinition = {
  id: 'github',
  title: 'GitHub',
  description: 'Calls the API of GitHub.',
  docs: 'https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/managing-your-personal-access-tokens',
  getCredential: 'At https://github.com/settings/tokens. A token is shown once.',
  fields: [
    secretField('token', 'Personal access token, or token of an installation of an app.', {
      aliases: ['personal_access_token', 'access_token', 'pat'],
      env: ['GITHUB_TOKEN', 'GH_TOKEN'],
      shape: tokenShape,
      lookalikes: [
        [/^-----BEGIN /, 'a private key, such as that of an app; tokens are made with it'],
        [/^(?:Iv\d\.|Iv23|Ov23)\w+$/, 'the client id of an app'],
      ],
    }),
    plainField('apiUrl', 'Address of the API. Of an own GitHub server: https://<host>/api/v3.', {
      shape: { ...webUrlShape('https'), example: 'https://api.github.com' },
    }),
  ],
  variants: [
    variant('pat', 'Personal access token.', ['token'], ['apiUrl']),
    variant(
      'appInstallation',
      'Token of an installation of an app (ghs_...). It lives for an hour.',
      ['token'],
      ['apiUrl'],
      {
        shapes: { token: { ...tokenShape, prefix: 'ghs_', example: `ghs_${'x'.repeat(40)}` } },
        recognise: (text) => text('token')?.startsWith('ghs_') ?? false,
      },
    ),
    variant('oldPat', 'Personal access token from before April 2021, without a prefix.', ['token'], ['apiUrl'], {
      shapes: { token: oldTokenShape },
      recognise: (text) => oldTokenShape.pattern.test(text('token') ?? ''),
    }),
  ],
  tracardi: [resource('github', { api_url: '{apiUrl|https://api.github.com/}', personal_access_token: '{token}' })],
}
