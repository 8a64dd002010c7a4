import { describe, expect, test } from 'vitest'
import {
  findCondition,
  isConditionTrue,
  maxConditionMessageLength,
  removeCondition,
  setCondition,
} from './conditions.ts'
import type { Condition } from './tracardi-resource.ts'

const start = Date.UTC(2026, 0, 2, 3, 4, 5, 678)
const later = start + 90_000

const ready: Condition = {
  type: 'Ready',
  status: 'False',
  reason: 'SecretNotFound',
  message: 'Secret twilio-live does not exist.',
  observedGeneration: 3,
  lastTransitionTime: '2026-01-02T03:04:05Z',
}
const stalled: Condition = { ...ready, type: 'Stalled', status: 'True' }
const { lastTransitionTime: _, ...statement } = ready

describe('setCondition', () => {
  test('adds the first one with the time in whole seconds', () => {
    expect(setCondition(undefined, statement, start)).toEqual([ready])
    expect(setCondition([stalled], statement, start)).toEqual([stalled, ready])
  })

  test.each<[string, Partial<Condition>, string]>([
    ['the status flips', { status: 'True' }, '2026-01-02T03:05:35Z'],
    ['the status becomes Unknown', { status: 'Unknown' }, '2026-01-02T03:05:35Z'],
    ['the reason changes', { reason: 'KeyNotFound' }, ready.lastTransitionTime],
    ['the message changes', { message: 'Other.' }, ready.lastTransitionTime],
    ['the generation changes', { observedGeneration: 4 }, ready.lastTransitionTime],
  ])('when %s', (_, change, lastTransitionTime) => {
    const before = [ready, stalled]
    expect(setCondition(before, { ...statement, ...change }, later)).toEqual([
      { ...ready, ...change, lastTransitionTime },
      stalled,
    ])
    expect(before).toEqual([ready, stalled])
  })

  test('gives the same array back when nothing changes, so that nothing is written', () => {
    const before = [stalled, ready]
    expect(setCondition(before, statement, later)).toBe(before)
  })

  test('cuts a message that is too long, never within a character, and the same way each time', () => {
    for (const character of ['x', '😀', 'x😀']) {
      const once = setCondition([], { ...statement, message: character.repeat(maxConditionMessageLength + 1) }, start)
      const message = once[0]!.message
      expect(message.length).toBeLessThanOrEqual(maxConditionMessageLength)
      expect(message.length).toBeGreaterThan(maxConditionMessageLength - 3)
      expect(message.isWellFormed() && message.endsWith('…')).toBe(true)
      expect(
        setCondition(once, { ...statement, message: character.repeat(maxConditionMessageLength + 1) }, later),
      ).toBe(once)
    }
    const exact = 'x'.repeat(maxConditionMessageLength)
    expect(setCondition([], { ...statement, message: exact }, start)[0]!.message).toBe(exact)
  })

  test.each(['', 'two words', '1st', 'Ends:', 'Umläut', 'R'.repeat(1025)])('refuses the reason %j', (reason) => {
    expect(() => setCondition([], { ...statement, reason }, start)).toThrow(
      expect.objectContaining({ code: 'API_CONDITION_REASON', retry: 'never' }),
    )
  })
})

test('removeCondition', () => {
  const before = [ready, stalled]
  expect(removeCondition(before, 'Ready')).toEqual([stalled])
  expect(removeCondition(before, 'Absent')).toBe(before)
  expect(removeCondition(undefined, 'Ready')).toEqual([])
})

test('findCondition, isConditionTrue', () => {
  expect(findCondition([ready, stalled], 'Stalled')).toBe(stalled)
  expect(findCondition(undefined, 'Stalled')).toBeUndefined()
  expect(isConditionTrue([ready, stalled], 'Stalled')).toBe(true)
  expect(isConditionTrue([ready, stalled], 'Ready')).toBe(false)
  expect(isConditionTrue([], 'Ready')).toBe(false)
})
