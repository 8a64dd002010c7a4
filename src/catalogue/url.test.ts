import { describe, expect, it } from 'vitest'
import { hostPortProblems, urlParts, urlProblems, webUrlProblems } from './url.ts'

const schemes = ['redis', 'rediss']

function codes(text: string): readonly string[] {
  return urlProblems(text, schemes, { number: true }).map((problem) => problem.code)
}

describe('urlProblems', () => {
  it.each([
    'redis://h',
    'redis://h:6379',
    'rediss://app:pw@h.example:6380/0',
    'redis://:p%40%2F%23ss@h:1/15?family=6',
    'redis://user@h:65535',
    'redis://[::1]:6379/1',
    'redis://u:p@[fe80::1]',
    'redis://h/0?name=a@b',
    'redis://u:p@h/0?name=a@b',
    "redis://u:!$&'()*+,;=-._~@h",
  ])('finds nothing in %s', (text) => {
    expect(urlProblems(text, schemes, { number: true })).toEqual([])
  })

  it.each([
    ['h:6379', 'UrlMissingScheme'],
    ['u:p@h:6379', 'UrlMissingScheme'],
    ['redis:h', 'UrlMissingScheme'],
    ['//h', 'UrlMissingScheme'],
    ['http://h', 'UrlWrongScheme'],
    ['REDIS://h', 'UrlWrongScheme'],
    ['redis://', 'UrlMissingHost'],
    ['redis://u:p@', 'UrlMissingHost'],
    ['redis://:6379', 'UrlMissingHost'],
    ['redis://h:', 'UrlInvalidPort'],
    ['redis://h:0', 'UrlInvalidPort'],
    ['redis://h:65536', 'UrlInvalidPort'],
    ['redis://h:port', 'UrlInvalidPort'],
    ['redis://::1:6379', 'UrlMissingHost'],
    ['redis://h/cache', 'UrlInvalidDatabase'],
    ['redis://h/0/1', 'UrlInvalidDatabase'],
  ])('%s: %s', (text, code) => {
    expect(codes(text)).toContain(code)
  })

  it.each([
    ['redis://u:p#w@h', ['"#" as %23']],
    ['redis://u:p/w@h:6379/0', ['"/" as %2F']],
    ['redis://u:1/2@h', ['"/" as %2F']],
    ['redis://u:p?w@h', ['"?" as %3F']],
    ['redis://u:p@w@h', ['"@" as %40']],
    ['redis://u:p:w@h', ['":" as %3A']],
    ['redis://u:p%w@h', ['"%" as %25']],
    ['redis://u:p%ffw@h', ['"%" as %25']],
    ['redis://u:p w@h', ['a space as %20']],
    ['redis://u@x:p#@/w@h', ['"@" as %40', '"/" as %2F', '"#" as %23']],
  ])('%s: one finding for all characters to escape', (text, escapes) => {
    expect(urlProblems(text, schemes, { number: true })).toEqual([
      { code: 'UrlUnescapedCharacter', params: { escapes } },
    ])
  })
})

describe('webUrlProblems', () => {
  const found = (text: string, path = true): readonly string[] =>
    webUrlProblems(text, ['http', 'https'], path).map((problem) => problem.code)

  it.each(['http://h', 'https://h:443/', 'https://h/a/b@c', 'https://[::1]:9200', 'https://a.b-c/x:y'])(
    'finds nothing in %s',
    (text) => {
      expect(found(text)).toEqual([])
    },
  )

  it.each([
    ['h:9200', 'UrlMissingScheme'],
    ['ftp://h', 'UrlWrongScheme'],
    ['https://', 'UrlMissingHost'],
    ['https://:80', 'UrlMissingHost'],
    ['https://h:0', 'UrlInvalidPort'],
    ['https://u:p@h', 'UrlContainsCredentials'],
    ['https://u@h:0', 'UrlContainsCredentials'],
    ['https://u:p/w@h', 'UrlContainsCredentials'],
    ['https://u:p#w@h', 'UrlContainsCredentials'],
    ['https://h/?a=b', 'UrlUnexpectedPart'],
    ['https://h#a', 'UrlUnexpectedPart'],
  ])('%s: %s', (text, code) => {
    expect(found(text)).toEqual([code])
  })

  it('allows a path only where there may be one', () => {
    expect(found('https://h/a', false)).toEqual(['UrlUnexpectedPart'])
    expect(found('https://h/', false)).toEqual([])
  })
})

it('urlParts gives what the client will see', () => {
  expect(urlParts('redis://a%20b:c%40d@h:1')).toEqual([
    { text: 'a b', secret: false },
    { text: 'c@d', secret: true },
    { text: 'h', secret: false },
  ])
  expect(urlParts('redis://h').map((part) => part.text)).toEqual(['h'])
  expect(urlParts('redis://u:%zz@h').map((part) => part.text)).toEqual(['u', '%zz', 'h'])
  expect(urlParts('h:1')).toEqual([])
})

it.each([
  ['h:1', 0],
  ['[::1]:65535', 0],
  ['h:0', 1],
  ['h:65536', 1],
])('hostPortProblems %s: %d', (text, count) => {
  expect(hostPortProblems(text)).toHaveLength(count)
})
