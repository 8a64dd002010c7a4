import type { ServiceDefinition } from '../definition.ts'
import { secretField, variant } from '../fields.ts'
import { form } from '../shapes.ts'

export const zapier: ServiceDefinition = {
  id: 'zapier',
  title: 'Zapier',
  description: 'Starts a Zap through a webhook. A call runs the Zap, so nothing but the form is ever checked.',
  docs: 'https://help.zapier.com/hc/en-us/articles/8496288690317',
  getCredential: 'In the Zap, add the trigger Webhooks by Zapier, Catch Hook, and copy its URL.',
  fields: [
    secretField('webhookUrl', 'Webhook. Whoever has the URL may start the Zap.', {
      aliases: ['url'],
      shape: form(
        'observed',
        /^https:\/\/hooks\.zapier\.com\/hooks\/(?:catch|standard)\/[A-Za-z0-9/]+$/,
        'https://hooks.zapier.com/hooks/catch/<number>/<id>/',
        'https://hooks.zapier.com/hooks/catch/0000000/xxxxxxx/',
        { distinctive: 'a Zapier webhook URL' },
      ),
    }),
  ],
  variants: [variant('webhook', 'Webhook.', ['webhookUrl'])],
  tracardi: { none: 'Tracardi has no type for it.' },
}
