import type { ServiceDefinition } from '../definition.ts'
import { secretField, variant } from '../fields.ts'
import { form } from '../shapes.ts'

export const mandrill: ServiceDefinition = {
  id: 'mandrill',
  title: 'Mailchimp Transactional (Mandrill)',
  description: 'Sends transactional e-mail of Mailchimp.',
  docs: 'https://mailchimp.com/developer/transactional/guides/quick-start/',
  getCredential: 'In Mailchimp Transactional, under Settings, SMTP & API Info, API keys.',
  fields: [
    secretField('apiKey', 'API key: 22 characters, newer ones with md- before them.', {
      aliases: ['key'],
      shape: form(
        'observed',
        /^(?:md-)?[A-Za-z0-9_-]{22}$/,
        '22 letters, digits, dashes and underscores, with or without md- before them',
        'x'.repeat(22),
        { anyLength: /^(?:md-)?[A-Za-z0-9_-]{22,30}$/ },
      ),
      lookalikes: [[/^[0-9a-f]{32}-[a-z]{2,4}\d{1,3}$/, 'a Mailchimp Marketing key (...-us1)']],
    }),
  ],
  variants: [variant('apiKey', 'API key.', ['apiKey'])],
  tracardi: { none: 'Tracardi has no type for it. Its plugin takes the key as a resource with the tag mailchimp.' },
  notConfirmed: ['Keys that begin with md-.'],
}
