import type { ServiceDefinition, Shape } from '../definition.ts'
import { plainField, resource, secretField, variant } from '../fields.ts'
import { base64url, form, token } from '../shapes.ts'

const trackingIdShape: Shape = form(
  'observed',
  /^UA-\d{4,10}-\d{1,4}$/,
  'UA-, a number, a dash and a number',
  'UA-0000000-1',
  { prefix: 'UA-' },
)

export const googleAnalytics4: ServiceDefinition = {
  id: 'google-analytics-4',
  title: 'Google Analytics 4',
  description: 'Sends events to Google Analytics. Google answers the same whether the secret is right or not.',
  docs: 'https://developers.google.com/analytics/devguides/collection/protocol/ga4',
  getCredential:
    'In Google Analytics, under Admin, Data streams: open the stream. The measurement id stands there, and the secret is made under Measurement Protocol API secrets.',
  fields: [
    plainField('measurementId', 'Id of the data stream: begins with G-.', {
      env: ['GA_MEASUREMENT_ID'],
      shape: form('observed', /^G-[A-Z0-9]{6,12}$/, 'G- and 6 to 12 upper-case letters and digits', 'G-XXXXXXXXXX', {
        prefix: 'G-',
        anyLength: /^G-[A-Z0-9]+$/,
      }),
      lookalikes: [
        [/^UA-\d/, 'the id of a Universal Analytics property, which Google has switched off'],
        [/^GTM-/, 'the id of a Tag Manager container (GTM-...)'],
        [/^(?:GT|AW|DC)-/, 'the id of a tag of another product'],
        [/^\d{6,12}$/, 'the number of a property or a stream'],
      ],
    }),
    secretField('apiSecret', 'Secret for the Measurement Protocol.', {
      aliases: ['api_key'],
      env: ['GA_API_SECRET'],
      shape: token(base64url(22), 'guess'),
    }),
    plainField('trackingId', 'Id of a Universal Analytics property: begins with UA-.', {
      aliases: ['google_analytics_id'],
      shape: trackingIdShape,
      lookalikes: [[/^G-/, 'a measurement id, which belongs under measurementId']],
    }),
  ],
  variants: [
    variant('ga4', 'Measurement Protocol of Google Analytics 4.', ['measurementId', 'apiSecret'], ['trackingId']),
    variant('ua3', 'Universal Analytics, which Google switched off in July 2024. Nothing in it is secret.', [
      'trackingId',
    ]),
  ],
  tracardi: [
    resource('google_v4_id', { api_key: '{apiSecret}', measurement_id: '{measurementId}' }, ['ga4']),
    resource('google_id', { google_analytics_id: '{trackingId}' }, ['ua3']),
  ],
  notConfirmed: ['The form of the secret, and how long a measurement id may be.'],
}
