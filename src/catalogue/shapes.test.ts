import { describe, expect, it } from 'vitest'
import { alphanumeric, base64url, connectionUrlShape, digits, either, hex, oneOf, run, token } from './shapes.ts'

describe('token', () => {
  const key = token(['SG.', base64url(4), '.', hex(2)], 'observed')

  it('is made of its pieces', () => {
    expect(key).toMatchObject({
      confidence: 'observed',
      expected:
        '10 characters: SG., 4 letters, digits, dashes and underscores, "." and 2 hexadecimal digits in lower case',
      example: 'SG.xxxx.00',
      length: 10,
      prefix: 'SG.',
    })
    expect(key.parts?.('SG.aB-_.f0').map(({ text }) => text)).toEqual(['aB-_', 'f0'])
    expect(key.parts?.('something else')).toEqual([])
  })

  it.each([
    ['SG.aB-_.f0', true, true, true],
    ['SG.aB-_.f', false, true, true],
    ['SG.aB-_', false, false, true],
    ['SG.', false, false, true],
    ['SG', false, false, false],
    ['SG.aB-_.f0a', false, true, true],
    ['SG.aB-_.F0', false, false, false],
    ['SGxaB-_.f0', false, false, false],
    ['SG.aB-_.f0\n', false, false, false],
  ])('%j', (text, fits, anyLength, cutOff) => {
    expect([key.pattern.test(text), key.anyLength?.test(text), key.cutOff?.test(text)]).toEqual([
      fits,
      anyLength,
      cutOff,
    ])
  })

  it('may begin in several ways, or have no fixed length', () => {
    const ids = token([either('AKIA', 'ASIA'), run('A-Z2-7', 'letters', 'A', 2)], 'documented')
    expect(ids).toMatchObject({ expected: '6 characters: AKIA or ASIA and 2 letters', example: 'AKIAAA', length: 6 })
    expect(ids.prefix).toBeUndefined()
    expect(ids.pattern.test('ASIAZ7')).toBe(true)
    const open = token(alphanumeric(3, 5), 'guess')
    expect(open).toMatchObject({ expected: '3 to 5 letters and digits', example: 'xxx' })
    expect(open.length).toBeUndefined()
    expect(token(digits(2, Infinity), 'guess').expected).toBe('at least 2 digits')
    expect(token(digits(2, Infinity), 'guess').pattern.test('12345')).toBe(true)
  })

  it('takes what is said otherwise', () => {
    expect(token(hex(2), { confidence: 'guess', expected: 'a thing' })).toMatchObject({
      expected: 'a thing',
      length: 2,
    })
  })
})

it('oneOf takes whole words only', () => {
  const shape = oneOf('documented', 'a.b', 'c')
  expect(shape.expected).toBe('a.b or c')
  expect(['a.b', 'axb', 'c', 'cc'].map((text) => shape.pattern.test(text))).toEqual([true, false, true, false])
})

describe('connectionUrlShape', () => {
  const mongo = connectionUrlShape({
    schemes: ['mongodb', 'mongodb+srv'],
    path: 'db',
    hosts: true,
    example: 'mongodb://h',
  })

  it.each([
    ['mongodb://h'],
    ['mongodb+srv://u:p%40@h.example/db?retryWrites=true&w=majority'],
    ['mongodb://u:p@a:27017,b:27018,[::1]:27019/admin?replicaSet=rs0'],
  ])('%s is right', (text) => {
    expect(mongo.pattern.test(text)).toBe(true)
    expect(mongo.problems?.(text)).toEqual([])
  })

  it.each([
    ['mongodb://u:p@w@a,b/db', 'UrlUnescapedCharacter'],
    ['mongodb://u:p/w@a,b/db', 'UrlUnescapedCharacter'],
    ['mongodb://u:1/2@a/db', 'UrlUnescapedCharacter'],
    ['mongodb://a,:27017/db', 'UrlMissingHost'],
    ['mongodb://a:27017,b:99999', 'UrlInvalidPort'],
    ['mysql://a', 'UrlWrongScheme'],
    ['a:27017', 'UrlMissingScheme'],
  ])('%s: %s', (text, code) => {
    expect(mongo.problems?.(text).map((problem) => problem.code)).toEqual([code])
  })
})
