import type { ServiceDefinition, Shape } from '../definition.ts'
import { plainField, secretField, variant } from '../fields.ts'
import { form, privateKeyShape, uuidShape } from '../shapes.ts'

const clientSecretShape: Shape = {
  pattern: /^[A-Za-z0-9_~.-]{3}\dQ~[A-Za-z0-9_~.-]{31,34}$/,
  confidence: 'observed',
  expected: '37 to 40 characters, of which the fifth and sixth are Q~',
  example: `xxx8Q~${'x'.repeat(34)}`,
  distinctive: 'a client secret of Microsoft Entra (...Q~...)',
  // Secrets from before 2021 look otherwise, and some of them never expire.
  anyLength: /^[A-Za-z0-9_~.-]{3}\dQ~[A-Za-z0-9_~.-]{31,}$|^[A-Za-z0-9_~.-]{34}$/,
}

export const azureEntra: ServiceDefinition = {
  id: 'azure-entra',
  title: 'Microsoft Entra ID / Azure service principal',
  description: 'Signs in to Azure and Microsoft Graph as an app.',
  docs: 'https://learn.microsoft.com/entra/identity-platform/howto-create-service-principal-portal',
  getCredential:
    'In the Entra admin center, under App registrations: open the app. The ids stand on its overview; secrets are made under Certificates & secrets, where Value is the secret, shown once, and Secret ID is not.',
  fields: [
    plainField('tenantId', 'Id of the tenant, or one of its domains.', {
      env: ['AZURE_TENANT_ID'],
      shape: form(
        'documented',
        /^(?:[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)$/,
        'a UUID, or a domain such as example.onmicrosoft.com',
        '00000000-0000-0000-0000-000000000000',
      ),
    }),
    plainField('clientId', 'Application (client) id of the app.', {
      aliases: ['app_id'],
      env: ['AZURE_CLIENT_ID'],
      shape: uuidShape('documented', { example: '00000000-0000-0000-0000-000000000001' }),
      lookalikes: [[/^.{3}\dQ~/, 'a client secret, which belongs under clientSecret']],
    }),
    secretField('clientSecret', 'Value of a client secret, not its id.', {
      aliases: ['password'],
      env: ['AZURE_CLIENT_SECRET'],
      shape: clientSecretShape,
      lookalikes: [[/^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/, 'the id of a secret, not its value']],
    }),
    // AZURE_CLIENT_CERTIFICATE_PATH is the path of a file, so the certificate is no value for it.
    secretField('clientCertificate', 'Certificate and its private key, in PEM.', {
      aliases: ['client.pem'],
      shape: {
        ...privateKeyShape,
        accepts: (text) => text.includes('-----BEGIN CERTIFICATE-----'),
        expected: 'a certificate and its private key in PEM, one after the other',
        example: `-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n${privateKeyShape.example ?? ''}`,
      },
      multiline: true,
    }),
  ],
  variants: [
    variant('secret', 'Client secret.', ['tenantId', 'clientId', 'clientSecret']),
    variant('certificate', 'Client certificate.', ['tenantId', 'clientId', 'clientCertificate']),
  ],
  tracardi: { none: 'Tracardi has no type for it.' },
}
