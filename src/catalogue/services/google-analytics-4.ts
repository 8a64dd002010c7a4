import type { ServiceDefinition, Shape } from '../definition.ts'
import { plainField, secretField, variant } from '../fields.ts'
import { base64url, token } from '../shapes.ts'

const trackingIdShape: Shape = {
  pattern: /^UA-\d{4,10}-\d{1,4}$/,
  confidence: 'observed',
  expected: 'UA-, a number, a dash and a number',
  example: 'UA-0000000-1',
  prefix: 'UA-',
}

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
      shape: {
        pattern: /^G-[A-Z0-9]{6,12}$/,
        confidence: 'observed',
        expected: 'G- and 6 to 12 upper-case letters and digits',
        example: 'G-XXXXXXXXXX',
        prefix: 'G-',
        anyLength: /^G-[A-Z0-9]+$/,
      },
      lookalikes: [
        { pattern: /^UA-\d/, is: 'the id of a Universal Analytics property, which Google has switched off' },
        { pattern: /^GTM-/, is: 'the id of a Tag Manager container (GTM-...)' },
        { pattern: /^(?:GT|AW|DC)-/, is: 'the id of a tag of another product' },
        { pattern: /^\d{6,12}$/, is: 'the number of a property or a stream' },
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
      lookalikes: [{ pattern: /^G-/, is: 'a measurement id, which belongs under measurementId' }],
    }),
  ],
  variants: [
    variant('ga4', 'Measurement Protocol of Google Analytics 4.', ['measurementId', 'apiSecret'], ['trackingId']),
    variant('ua3', 'Universal Analytics, which Google switched off in July 2024. Nothing in it is secret.', [
      'trackingId',
    ]),
  ],
  tracardi: [
    {
      type: 'google_v4_id',
      variants: ['ga4'],
      credentials: { api_key: '{apiSecret}', measurement_id: '{measurementId}' },
    },
    { type: 'google_id', variants: ['ua3'], credentials: { google_analytics_id: '{trackingId}' } },
  ],
  notConfirmed: ['The form of the secret, and how long a measurement id may be.'],
}
