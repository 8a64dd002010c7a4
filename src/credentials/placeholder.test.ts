import { expect, it } from 'vitest'
import { placeholderCode } from './placeholder.ts'

it.each([
  '<api-key>',
  '<host>:<port>',
  '<US | EU>',
  '<your token here>',
  'changeme',
  'ChangeMe!',
  'change-me',
  'CHANGE_ME',
  'changeme123',
  'replace_me',
  'please-change-me',
  'your-api-key',
  'YOUR_SENDGRID_API_KEY',
  'your_token_here',
  'yourpassword',
  'insert-your-key-here',
  'todo',
  'null',
  'undefined',
  'none',
  'REDACTED',
  '[redacted]',
  '***',
  '********',
  'xxx',
  'XXXXXXXX',
  'aaaa',
  '00000000',
  '...',
])('%s is a placeholder', (text) => {
  expect(placeholderCode(text, true, false)).toBe('Placeholder')
})

it.each([
  '${API_KEY}',
  'redis://:${REDIS_PASSWORD}@h',
  '${API_KEY:-none}',
  '{{ .Values.apiKey }}',
  '{{x}}',
  '$(API_KEY)',
  '$API_KEY',
  '%API_KEY%',
  '__API_KEY__',
  '#{ApiKey}#',
  'ref+vault://secret/x#y',
  'vault:secret/data/x#y',
  'op://vault/item/field',
])('%s is an unrendered template', (text) => {
  expect(placeholderCode(text, true, false)).toBe('UnrenderedTemplate')
  expect(placeholderCode(text, false, false)).toBe('UnrenderedTemplate')
})

it.each(['test', 'Password', 'secret', 'example', 'dummy', '123456'])('%s: a doubt in a password', (text) => {
  expect(placeholderCode(text, true, false)).toBe('PossiblePlaceholder')
  expect(placeholderCode(text, true, true)).toBe('Placeholder')
  expect(placeholderCode(text, false, false)).toBeUndefined()
})

it.each([
  'correct horse battery staple',
  'your face is red today',
  'hunter2',
  'a$b{c}d',
  'x<k>9',
  '$ecret-42',
  'p}}{{q',
  '<yWSnaeyJ[X{>',
  '${rj[_}JWk9Y;Wa}',
  'passwordless-7Tq',
  'tester',
  'xx',
  '1',
  'mynewpass9',
])('%s is none', (text) => {
  expect(placeholderCode(text, true, false)).toBeUndefined()
})

it.each(['todo', 'none', 'aaa', 'default', 'admin', 'redis.your-company.example'])('%s can be a name', (text) => {
  expect(placeholderCode(text, false, false)).toBeUndefined()
})
