import type { ServiceDefinition } from '../definition.ts'
import { variant } from '../fields.ts'

export const weatherMsn: ServiceDefinition = {
  id: 'weather-msn',
  title: 'MSN Weather',
  description: 'Reads the weather from MSN. It holds no credential: the service asks for none.',
  getCredential: 'None is needed.',
  fields: [],
  variants: [variant('none', 'Nothing at all.', [])],
  tracardi: { none: 'Tracardi has no type for it, because there is nothing to store.' },
  holdsNoCredential: true,
}
