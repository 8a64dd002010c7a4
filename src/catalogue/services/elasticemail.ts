import type { ServiceDefinition } from '../definition.ts'
import { plainField, resource, secretField, variant } from '../fields.ts'
import { base64url, token, uuidShape } from '../shapes.ts'

export const elasticemail: ServiceDefinition = {
  id: 'elasticemail',
  title: 'Elastic Email',
  description: 'Sends e-mail through Elastic Email.',
  docs: 'https://elasticemail.com/developers/api-documentation/rest-api',
  getCredential: 'In Elastic Email, under Settings, Manage API Keys. A key is shown once.',
  fields: [
    secretField('apiKey', 'API key: 96 characters.', { shape: token(base64url(96), 'observed') }),
    plainField('publicAccountId', 'Public id of the account, with which Tracardi adds contacts.', {
      shape: uuidShape('guess'),
    }),
  ],
  variants: [variant('apiKey', 'API key.', ['apiKey'], ['publicAccountId'])],
  tracardi: [resource('elasticemail', { api_key: '{apiKey}', public_account_id: '{publicAccountId}' })],
  notConfirmed: ['The form of the public account id.'],
}
