import type { ServiceDefinition } from '../definition.ts'
import { resource, secretField, variant, webUrlField } from '../fields.ts'

export const tracardiMicroservice: ServiceDefinition = {
  id: 'tracardi-microservice',
  title: 'Microservice of Tracardi',
  description: 'Calls a plugin of Tracardi that runs as a service of its own.',
  docs: 'https://docs.tracardi.com/resources/microservice_resource/',
  getCredential: 'Whoever runs the microservice chose its token.',
  fields: [
    webUrlField('url', 'Address of the microservice.', {
      aliases: ['api_url'],
      example: 'http://microservice.example.internal:20000',
    }),
    secretField('token', 'Token of the microservice.', { aliases: ['api_key'], example: 'not-a-real-token' }),
  ],
  variants: [variant('token', 'Token.', ['url', 'token'])],
  tracardi: [resource('microservice', { url: '{url}', token: '{token}' })],
}
