import type { ServiceDefinition, Shape } from '../definition.ts'
import { plainField, resource, secretField, variant, webUrlField } from '../fields.ts'
import { webUrlProblems } from '../url.ts'
import { form } from '../shapes.ts'

const keyShape: Shape = {
  pattern: /^sk-(?:(?:proj|svcacct|admin|service)-[A-Za-z0-9_-]{40,}|[A-Za-z0-9]{48})$/,
  // Every key has this in its middle. It is not in the pattern, where it would cost more than linear time.
  accepts: (text) => text.includes('T3BlbkFJ'),
  confidence: 'observed',
  expected: 'sk-, mostly with proj-, svcacct- or admin- behind it, and a long text with T3BlbkFJ in it',
  example: `sk-proj-${'x'.repeat(74)}T3BlbkFJ${'x'.repeat(74)}`,
  prefix: 'sk-',
  distinctive: 'an OpenAI API key (sk-...)',
  anyLength: /^sk-(?!ant-|or-)[A-Za-z0-9_-]{40,}$/,
}

const anyKeyShape: Shape = form('guess', /^[\x21-\x7e]+$/, 'printable characters without spaces', 'not-a-real-key')

const azureKeyShape: Shape = form(
  'observed',
  /^(?:[a-f0-9]{32}|[A-Za-z0-9]{84})$/,
  '32 hexadecimal digits, or 84 letters and digits',
  '0'.repeat(32),
)

const ids = ['organization', 'project']

export const openai: ServiceDefinition = {
  id: 'openai',
  title: 'OpenAI and Azure OpenAI',
  description: 'Calls models of OpenAI, also on Azure, and servers that speak the same protocol.',
  docs: 'https://platform.openai.com/docs/api-reference/authentication',
  getCredential:
    'At https://platform.openai.com/api-keys; a key is shown once. On Azure, in the resource under Keys and Endpoint.',
  fields: [
    secretField('apiKey', 'API key (sk-...).', { aliases: ['token'], env: ['OPENAI_API_KEY'], shape: keyShape }),
    plainField('organization', 'Id of the organization (org-...).', {
      env: ['OPENAI_ORG_ID'],
      shape: form('guess', /^org-[A-Za-z0-9]{24}$/, 'org- and 24 letters and digits', `org-${'x'.repeat(24)}`),
    }),
    plainField('project', 'Id of the project (proj_...).', {
      env: ['OPENAI_PROJECT_ID'],
      shape: form('guess', /^proj_[A-Za-z0-9]+$/, 'proj_ and letters and digits', `proj_${'x'.repeat(24)}`),
    }),
    webUrlField('baseUrl', 'Address of the API. Default: https://api.openai.com/v1.', {
      env: ['OPENAI_BASE_URL'],
      example: 'https://llm.example.internal/v1',
    }),
    plainField('azureEndpoint', 'Endpoint of the Azure resource.', {
      env: ['AZURE_OPENAI_ENDPOINT'],
      shape: form(
        'observed',
        /^https:\/\/[A-Za-z0-9-]+\.(?:openai|cognitiveservices|services\.ai)\.azure\.(?:com|us|cn)\/?$/,
        'https://<resource>.openai.azure.com',
        'https://example.openai.azure.com',
        { problems: (text) => webUrlProblems(text, ['https'], false) },
      ),
    }),
    secretField('azureApiKey', 'Key of the Azure resource.', { env: ['AZURE_OPENAI_API_KEY'], shape: azureKeyShape }),
  ],
  variants: [
    variant('openai', 'OpenAI.', ['apiKey'], [...ids, 'baseUrl']),
    variant('azure', 'Azure OpenAI.', ['azureEndpoint', 'azureApiKey']),
    variant('compatible', 'Another server that speaks the protocol, with any key.', ['apiKey', 'baseUrl'], ids, {
      shapes: { apiKey: anyKeyShape },
      recognise: (text) => !/^https:\/\/(?:\w+\.)?api\.openai\.com(?:\/|$)/.test(text('baseUrl') ?? ''),
    }),
  ],
  pairs: [['azureEndpoint', 'azureApiKey']],
  tracardi: [resource('openai', { api_key: '{apiKey}' }, ['openai'])],
  notConfirmed: ['The forms of the ids of organization and project.', 'The newer keys of Azure (84 characters).'],
}
