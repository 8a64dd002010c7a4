import type { ServiceDefinition } from '../definition.ts'
import { plainField, resource, secretField, variant } from '../fields.ts'
import { serviceAccountEmailShape, serviceAccountKeyShape } from '../google-key.ts'
import { base64url, privateKeyShape, token } from '../shapes.ts'

const otherDocuments: readonly (readonly [RegExp, string])[] = [
  [/^\s*\{\s*"(?:installed|web)"\s*:/, 'the JSON document of an OAuth client'],
  [/"type"\s*:\s*"authorized_user"/, 'the credentials of a person, as gcloud stores them'],
  [/"type"\s*:\s*"external_account"/, 'a configuration of workload identity, which holds no key'],
  [/^\s*-----BEGIN /, 'only the private key, which belongs under privateKey'],
  [/^\/[^\s]*$/, 'the path of a file; what the file holds belongs here'],
]

export const googleServiceAccount: ServiceDefinition = {
  id: 'google-service-account',
  title: 'Google service account or API key',
  description: 'Calls APIs of Google, such as Sheets, Translate or Analytics Data.',
  docs: 'https://cloud.google.com/iam/docs/keys-create-delete',
  getCredential:
    'In the Google Cloud console, under IAM & Admin, Service Accounts: open the account, Keys, Add key, JSON. API keys are made under APIs & Services, Credentials.',
  fields: [
    secretField('serviceAccountJson', 'The whole JSON key.', {
      aliases: ['key.json', 'credentials.json', 'service-account.json', 'service_account.json', 'gcp-key'],
      // GOOGLE_APPLICATION_CREDENTIALS is the path of a file, so the document is no value for it.
      env: ['GOOGLE_CREDENTIALS'],
      shape: serviceAccountKeyShape,
      lookalikes: otherDocuments,
      multiline: true,
    }),
    plainField('clientEmail', 'E-mail address of the service account.', { shape: serviceAccountEmailShape }),
    secretField('privateKey', 'Private key of the service account, in PEM.', {
      shape: privateKeyShape,
      multiline: true,
    }),
    plainField('projectId', 'Id of the project.', { example: 'example' }),
    plainField('privateKeyId', 'Id of the private key.', { example: '0'.repeat(40) }),
    plainField('clientId', 'Number of the service account.', { example: '0'.repeat(21) }),
    secretField('apiKey', 'API key (AIza...).', {
      env: ['GOOGLE_API_KEY'],
      shape: token(['AIza', base64url(35)], { confidence: 'observed', distinctive: 'a Google API key (AIza...)' }),
    }),
  ],
  variants: [
    variant('serviceAccount', 'The whole JSON key.', ['serviceAccountJson']),
    variant(
      'serviceAccountFields',
      "The fields of the JSON key, as Tracardi's form has them.",
      ['clientEmail', 'privateKey', 'projectId'],
      ['privateKeyId', 'clientId'],
    ),
    variant('apiKey', 'API key.', ['apiKey']),
  ],
  tracardi: [
    resource(
      'google-cloud-service-account',
      {
        type: 'service_account',
        project_id: '{serviceAccountJson.project_id}',
        private_key_id: '{serviceAccountJson.private_key_id}',
        private_key: '{serviceAccountJson.private_key}',
        client_email: '{serviceAccountJson.client_email}',
        client_id: '{serviceAccountJson.client_id}',
        token_uri: '{serviceAccountJson.token_uri|https://oauth2.googleapis.com/token}',
      },
      ['serviceAccount'],
    ),
    resource(
      'google-cloud-service-account',
      {
        type: 'service_account',
        project_id: '{projectId}',
        private_key_id: '{privateKeyId}',
        private_key: '{privateKey}',
        client_email: '{clientEmail}',
        client_id: '{clientId}',
        token_uri: 'https://oauth2.googleapis.com/token',
      },
      ['serviceAccountFields'],
    ),
  ],
}
