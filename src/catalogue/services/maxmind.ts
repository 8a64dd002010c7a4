import type { ServiceDefinition, Shape } from '../definition.ts'
import { plainField, resource, secretField, variant } from '../fields.ts'
import { alphanumeric, digits, oneOf, token } from '../shapes.ts'

const oldKeyShape: Shape = token(alphanumeric(16), 'documented')

export const maxmind: ServiceDefinition = {
  id: 'maxmind',
  title: 'MaxMind GeoIP / GeoLite',
  description: 'Tells where an IP address is, with the web services of MaxMind.',
  docs: 'https://support.maxmind.com/knowledge-base/articles/create-and-manage-license-keys',
  getCredential:
    'At https://www.maxmind.com, sign in: the number stands under Account information, keys under Manage License Keys. A key is shown once.',
  fields: [
    plainField('accountId', 'Number of the account.', {
      aliases: ['MAXMIND_ACCOUNT_ID'],
      env: ['GEOIPUPDATE_ACCOUNT_ID'],
      shape: token(digits(2, 7), { confidence: 'observed', example: '123456' }),
      lookalikes: [[/@/, 'an e-mail address; the number of the account belongs here']],
    }),
    secretField('licenseKey', 'License key: 40 characters that end with _mmk, or 16 of the old form.', {
      aliases: ['license', 'MAXMIND_LICENSE_KEY'],
      env: ['GEOIPUPDATE_LICENSE_KEY'],
      shape: token([alphanumeric(6), '_', alphanumeric(29), '_mmk'], {
        confidence: 'documented',
        example: `a1b2c3_${'x'.repeat(29)}_mmk`,
        distinctive: 'a MaxMind license key (..._mmk)',
      }),
    }),
    plainField('host', 'Which of the services.', {
      shape: oneOf('documented', 'geolite.info', 'geoip.maxmind.com', 'sandbox.maxmind.com'),
    }),
  ],
  variants: [
    variant('webService', 'Account and license key.', ['accountId', 'licenseKey'], ['host']),
    variant('oldLicenseKey', 'Account and license key of the old form.', ['accountId', 'licenseKey'], ['host'], {
      shapes: { licenseKey: oldKeyShape },
      recognise: (text) => oldKeyShape.pattern.test(text('licenseKey') ?? ''),
    }),
  ],
  tracardi: [
    resource('ip-geo-locator', { host: '{host|geolite.info}', license: '{licenseKey}', accountId: '{accountId}' }),
  ],
}
