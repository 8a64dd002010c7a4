import type { ServiceDefinition, Shape } from '../definition.ts'
import { resource, secretField, variant } from '../fields.ts'
import { form } from '../shapes.ts'

const webhookShape: Shape = form(
  'observed',
  /^https:\/\/(?:(?:ptb|canary)\.)?discord(?:app)?\.com\/api\/(?:v\d+\/)?webhooks\/\d{17,20}\/[A-Za-z0-9_-]{60,80}$/,
  'https://discord.com/api/webhooks/<id>/<token>',
  `https://discord.com/api/webhooks/${'0'.repeat(18)}/${'x'.repeat(68)}`,
  { distinctive: 'a Discord webhook URL' },
)

const botTokenShape: Shape = form(
  'observed',
  /^[A-Za-z0-9_-]{24,28}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,40}$/,
  'three parts with dots between them: 24 to 28, 6, and 27 to 40 letters, digits, dashes and underscores',
  `${'x'.repeat(24)}.${'y'.repeat(6)}.${'z'.repeat(38)}`,
  { anyLength: /^[A-Za-z0-9_-]{24,}\.[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]{27,}$/ },
)

export const discord: ServiceDefinition = {
  id: 'discord',
  title: 'Discord',
  description: 'Posts to Discord with a webhook or a bot.',
  docs: 'https://discord.com/developers/docs/resources/webhook',
  getCredential:
    'In the settings of the channel, under Integrations, make a webhook and copy its URL. The token of a bot stands at https://discord.com/developers/applications under Bot, and is shown once.',
  fields: [
    secretField('webhookUrl', 'Webhook. Whoever has the URL may post.', { aliases: ['url'], shape: webhookShape }),
    secretField('botToken', 'Token of a bot, without the word Bot.', {
      aliases: ['token', 'DISCORD_BOT_TOKEN'],
      env: ['DISCORD_TOKEN'],
      shape: botTokenShape,
      lookalikes: [
        [/^\d{17,20}$/, 'an application, channel or user id'],
        [/^[A-Za-z0-9_-]{32}$/, 'the client secret of an application'],
        [/^https?:\/\//, 'a webhook URL, which belongs under webhookUrl'],
      ],
    }),
  ],
  variants: [variant('webhook', 'Webhook.', ['webhookUrl']), variant('bot', 'Bot.', ['botToken'])],
  tracardi: [resource('discord', { url: '{webhookUrl}' }, ['webhook'])],
}
