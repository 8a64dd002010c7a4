import type { ServiceDefinition } from '../definition.ts'
import { resource, variant, webUrlField } from '../fields.ts'

export const tracardiScheduler: ServiceDefinition = {
  id: 'tracardi-scheduler',
  title: 'Scheduler of Tracardi',
  description: 'Where the scheduler of Tracardi calls back. It holds no credential: an address is all that it is.',
  getCredential: 'None is needed.',
  fields: [
    webUrlField('callbackHost', 'Address of the API of Tracardi.', {
      aliases: ['host', 'url'],
      example: 'http://api.tracardi.svc:8686',
    }),
  ],
  variants: [variant('address', 'An address.', ['callbackHost'])],
  tracardi: [resource('scheduler', { callback_host: '{callbackHost}' })],
  holdsNoCredential: true,
}
