import type { Problem, ServiceDefinition } from '../definition.ts'
import { plainField, resource, secretField, variant, webUrlField } from '../fields.ts'
import { form } from '../shapes.ts'

/** Characters of a token behind the colon. Very old bots have one less. */
const secretLength = 35

function tokenProblems(text: string): readonly Problem[] {
  const secret = /^[1-9]\d{4,15}:([A-Za-z0-9_-]*)$/.exec(text)?.[1]
  if (secret === undefined || secret.length >= secretLength - 1) return []
  const part = 'the part after the colon'
  return [{ code: 'Truncated', params: { part, length: secretLength, actual: secret.length } }]
}

export const telegram: ServiceDefinition = {
  id: 'telegram',
  title: 'Telegram Bot API',
  description: 'Sends messages as a Telegram bot.',
  docs: 'https://core.telegram.org/bots/features#botfather',
  getCredential: 'Write /newbot to @BotFather in Telegram, or /token for a bot that is there already.',
  fields: [
    secretField(
      'botToken',
      'Token of the bot, as BotFather gives it: the number of the bot, a colon and 35 characters.',
      {
        aliases: ['token', 'api_token', 'telegram_token'],
        shape: form(
          'observed',
          /^[1-9]\d{4,15}:[A-Za-z0-9_-]{34,35}$/,
          'the number of the bot, a colon, and 35 letters, digits, dashes and underscores',
          `1000000000:${'x'.repeat(secretLength)}`,
          {
            distinctive: 'a Telegram bot token',
            anyLength: /^[1-9]\d{4,15}:[A-Za-z0-9_-]+$/,
            problems: tokenProblems,
            parts: (text) => [{ text: text.slice(text.indexOf(':') + 1), secret: true }],
          },
        ),
        lookalikes: [
          [/^bot\d/i, 'a token with the word bot before it, as it stands in URLs'],
          [/^https?:\/\/[^/]*\/bot/i, 'a URL of the Bot API; the token is what follows the word bot in it'],
          [/^[A-Za-z0-9_-]{34,35}$/, 'only the part after the colon, without the number of the bot'],
          [/^\d{5,16}:?$/, 'only the number of the bot, without the part after the colon'],
          [/^@/, 'the name of a bot or a channel (@...)'],
        ],
        env: ['TELEGRAM_BOT_TOKEN'],
      },
    ),
    plainField('chatId', 'Chat to write to: a number (negative for groups), or @ and the name of a channel.', {
      aliases: ['chat'],
      shape: form(
        'guess',
        /^(?:-?[1-9]\d{0,16}|@[A-Za-z][A-Za-z0-9_]{4,31})$/,
        'a number (negative for groups), or @ and the name of a channel',
        '-1001234567890',
      ),
      env: ['TELEGRAM_CHAT_ID'],
    }),
    webUrlField('apiBaseUrl', 'Address of a Bot API server of your own. Default: https://api.telegram.org.', {
      aliases: ['base_url', 'api_url'],
    }),
  ],
  variants: [variant('botToken', 'Token of the bot.', ['botToken'], ['chatId', 'apiBaseUrl'])],
  tracardi: [resource('telegram', { bot_token: '{botToken}', chat_id: '{chatId}' })],
  notConfirmed: ['The number of characters behind the colon: 35 in all tokens of today, 34 in some of old.'],
}
