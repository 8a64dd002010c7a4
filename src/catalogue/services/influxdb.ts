import type { ServiceDefinition } from '../definition.ts'
import { passwordField, plainField, resource, secretField, usernameField, variant, webUrlField } from '../fields.ts'
import { form } from '../shapes.ts'

export const influxdb: ServiceDefinition = {
  id: 'influxdb',
  title: 'InfluxDB',
  description: 'Writes and reads time series in InfluxDB.',
  docs: 'https://docs.influxdata.com/influxdb/v2/admin/tokens/',
  getCredential: 'In the UI of InfluxDB, under Load Data, API Tokens; or with influx auth create.',
  fields: [
    webUrlField('url', 'Address of the server.', {
      aliases: ['host', 'INFLUX_HOST', 'INFLUXDB_URL'],
      env: ['INFLUXDB_V2_URL'],
      example: 'http://influxdb.example.internal:8086',
    }),
    secretField('token', 'API token. Whoever sets up the server may choose its first one.', {
      aliases: ['api_token', 'admin-token', 'INFLUX_TOKEN', 'INFLUXDB_TOKEN'],
      env: ['INFLUXDB_V2_TOKEN'],
      shape: form('guess', /^[A-Za-z0-9_-]{86}==$/, '88 characters that end with ==', `${'x'.repeat(86)}==`),
    }),
    plainField('org', 'Organization.', {
      aliases: ['organization', 'INFLUX_ORG'],
      env: ['INFLUXDB_V2_ORG'],
      example: 'example',
    }),
    plainField('bucket', 'Bucket.', { aliases: ['INFLUX_BUCKET'], example: 'example' }),
    usernameField('User of InfluxDB 1.'),
    passwordField('Password of the user.'),
    plainField('database', 'Database of InfluxDB 1.', { aliases: ['db'], example: 'example' }),
  ],
  variants: [
    variant('token', 'API token of InfluxDB 2 and 3.', ['url', 'token'], ['org', 'bucket']),
    variant('v1', 'User and password of InfluxDB 1.', ['url', 'username', 'password'], ['database']),
  ],
  pairs: [['username', 'password']],
  tracardi: [resource('influxdb', { url: '{url}', token: '{token}' }, ['token'])],
  notConfirmed: ['The form of tokens.'],
}
