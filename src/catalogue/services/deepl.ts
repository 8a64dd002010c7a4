import type { ServiceDefinition, Shape } from '../definition.ts'
import { plainField, secretField, variant } from '../fields.ts'
import { form, uuidShape, webUrlShape } from '../shapes.ts'

const freeKeyShape: Shape = form(
  'observed',
  /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}:fx$/,
  'a UUID with :fx behind it',
  '00000000-0000-0000-0000-000000000000:fx',
  { length: 39, distinctive: 'a DeepL API key (...:fx)' },
)

const serverShape: Shape = { ...webUrlShape('http', 'https'), example: 'https://api.deepl.com' }

export const deepl: ServiceDefinition = {
  id: 'deepl',
  title: 'DeepL',
  description: 'Translates with DeepL.',
  docs: 'https://developers.deepl.com/docs/getting-started/auth',
  getCredential:
    'At https://www.deepl.com/your-account/keys. Keys of the free plan end with :fx and have a host of their own.',
  fields: [
    secretField('authKey', 'API key. One of the free plan ends with :fx.', {
      aliases: ['api_key', 'key', 'DEEPL_API_KEY'],
      env: ['DEEPL_AUTH_KEY'],
      shape: uuidShape('observed', { expected: 'a UUID, with :fx behind it when it is of the free plan' }),
    }),
    plainField('serverUrl', 'Address of the API, when the client does not take it from the key.', {
      aliases: ['host', 'api_url', 'apiUrl'],
      shape: serverShape,
    }),
  ],
  variants: [
    variant('pro', 'Key of a paid plan, for api.deepl.com.', ['authKey'], ['serverUrl']),
    variant('free', 'Key of the free plan (...:fx), for api-free.deepl.com.', ['authKey'], ['serverUrl'], {
      shapes: { authKey: freeKeyShape, serverUrl: { ...serverShape, example: 'https://api-free.deepl.com' } },
      recognise: (text) => text('authKey')?.endsWith(':fx') ?? false,
    }),
  ],
  agreements: [
    {
      fields: ['authKey', 'serverUrl'],
      says: [
        [
          [/:fx$/, 'free'],
          [/^/, 'pro'],
        ],
        [
          [/^https:\/\/api-free\.deepl\.com/, 'free'],
          [/^https:\/\/api\.deepl\.com/, 'pro'],
        ],
      ],
      about: 'the plan',
      because: 'Keys that end with :fx work at https://api-free.deepl.com, all others at https://api.deepl.com.',
    },
  ],
  tracardi: { none: 'Tracardi has no type for it.' },
  notConfirmed: ['That every key is a UUID.'],
}
