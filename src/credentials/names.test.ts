import { describe, expect, it } from 'vitest'
import { editDistance, nearestName, printableName } from './names.ts'

it.each([
  ['', 'abc', 3],
  ['token', 'token', 0],
  ['token', 'tokn', 1],
  ['token', 'tokne', 1],
  ['token', 'taken', 1],
  ['kitten', 'sitting', 3],
])('editDistance %s %s', (a, b, distance) => {
  expect(editDistance(a, b)).toBe(distance)
  expect(editDistance(b, a)).toBe(distance)
})

describe('nearestName', () => {
  it.each([
    [['authToken'], ['accountSid', 'auth-tokn'], 'auth-tokn'],
    [['authToken'], ['AUTH_TOKEN'], 'AUTH_TOKEN'],
    [['authToken'], ['twilio-auth-token-live', 'authTokne'], 'authTokne'],
    [['authToken'], ['twilio-auth-token-live'], 'twilio-auth-token-live'],
    [['sid'], ['id', 'side', 'SID'], 'SID'],
    [['sid'], ['id', 'side'], undefined],
    [['url', 'uri'], ['host', 'port'], undefined],
    [['apiKey'], ['x'.repeat(100)], undefined],
  ])('%j among %j', (wanted, candidates, expected) => {
    expect(nearestName(wanted, candidates)).toBe(expected)
  })
})

it('printableName bounds names and takes out what could forge lines', () => {
  expect(printableName('a\nb\u202e\u001b[1m')).toBe('a?b??[1m')
  expect(printableName('k'.repeat(1000))).toHaveLength(253)
})
