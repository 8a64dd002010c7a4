import type { ServiceDefinition } from '../definition.ts'
import { secretField, variant } from '../fields.ts'

export const generic: ServiceDefinition = {
  id: 'generic',
  title: 'Anything else',
  description:
    'Credentials of a service that is not in the catalogue: every key of the Secret is a field, is checked for the mistakes that are mistakes everywhere (line breaks, quotes, placeholders, wrong encodings), and is delivered under its own name.',
  getCredential: 'The service that it is for gives it out.',
  open: true,
  anyVendor: true,
  // Stands for every key in the docs; a Secret without any key is told that this one is missing.
  fields: [secretField('value', 'Any key, with any value.', { example: 'not-a-real-value' })],
  variants: [variant('keys', 'Whatever the Secret holds.', ['value'])],
  tracardi: { none: 'No type of Tracardi takes keys that it does not know.' },
}
