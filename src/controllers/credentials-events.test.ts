import { describe, expect, test } from 'vitest'
import type { Condition, TracardiResourceStatus } from '../api/tracardi-resource.ts'
import { Sensitive } from '../credentials/sensitive.ts'
import { eventOfTarget, eventsOfStatus } from './credentials-events.ts'
import type { TargetDecision } from './target-decision.ts'

const value = 'value-that-must-not-appear'

function written(why: 'First' | 'Recreated' | 'Lost' | 'Rotated' | 'Mended' | 'Recorded') {
  const desire = {
    id: '3-4f2c9',
    contents: new Map([['KEY', Sensitive.of(Buffer.from(value))]]),
    provenance: { resourceUid: 'uid', generation: 1, sources: [], keys: ['KEY'] },
    deleteWithResource: false,
  }
  return { action: 'Update', desire, why } as Extract<TargetDecision, { action: 'Create' | 'Update' }>
}

describe('eventOfTarget', () => {
  test.each([
    ['First' as const, 'Normal', 'CredentialsInForce', '3-4f2c9 is in force in the Secret queue-credentials'],
    ['Lost' as const, 'Normal', 'CredentialsInForce', '3-4f2c9 is in force in the Secret queue-credentials'],
    ['Rotated' as const, 'Normal', 'CredentialsInForce', '3-4f2c9 is in force in the Secret queue-credentials'],
    [
      'Mended' as const,
      'Warning',
      'TargetMended',
      'The Secret queue-credentials had been changed by hand; it holds 3-4f2c9',
    ],
    [
      'Recreated' as const,
      'Warning',
      'TargetMended',
      'The Secret queue-credentials had been deleted by hand; it holds 3-4f2c9',
    ],
  ])('%s', (why, type, reason, note) => {
    const event = eventOfTarget('queue-credentials', written(why))
    expect(event).toEqual({ type, reason, action: 'WriteTarget', note: expect.stringContaining(note) as string })
    expect(JSON.stringify(event)).not.toContain(value)
  })

  test('a record of sources that was renewed is no news', () => {
    expect(eventOfTarget('queue-credentials', written('Recorded'))).toBeUndefined()
  })
})

function status(ready?: Partial<Condition>): TracardiResourceStatus {
  const other: Condition = {
    type: 'SecretsResolved',
    status: 'True',
    reason: 'Resolved',
    message: 'Other.',
    lastTransitionTime: '2026-01-01T00:00:00Z',
  }
  const complete = { type: 'Ready', status: 'True', reason: 'Delivered', message: 'All.', ...ready } as const
  return {
    observedGeneration: 1,
    conditions: [other, ...(ready === undefined ? [] : [{ lastTransitionTime: '2026-01-01T00:00:00Z', ...complete }])],
  }
}

describe('eventsOfStatus', () => {
  const delivered = { type: 'Normal', reason: 'Delivered', action: 'Reconcile', note: 'All.' }
  const bad: Partial<Condition> = { status: 'False', reason: 'TrailingNewline', message: 'Secret live, key url: fix.' }
  test.each<[string, TracardiResourceStatus | undefined, TracardiResourceStatus, object | undefined]>([
    ['the first status', undefined, status({}), delivered],
    ['an empty status before', { observedGeneration: -1 }, status({}), delivered],
    ['a repetition', status({}), status({}), undefined],
    [
      'another time and generation alone',
      status({}),
      status({ observedGeneration: 2, lastTransitionTime: 'x' }),
      undefined,
    ],
    ['another status', status({ status: 'False' }), status({}), delivered],
    ['another reason', status({ reason: 'NoConsumers' }), status({}), delivered],
    ['another message', status({ message: 'Before.' }), status({}), delivered],
    [
      'not ready',
      status({}),
      status(bad),
      { type: 'Warning', reason: 'TrailingNewline', action: 'Reconcile', note: 'Secret live, key url: fix.' },
    ],
    ['a mistake repeated', status(bad), status(bad), undefined],
    ['on its way', status({}), status({ status: 'False', reason: 'RollingOut' }), undefined],
    ['arrived', status({ status: 'False', reason: 'RollingOut' }), status({}), delivered],
    [
      'ready, but a consumer is missing',
      undefined,
      status({ reason: 'ConsumerNotFound' }),
      { type: 'Normal', reason: 'ConsumerNotFound', action: 'Reconcile', note: 'All.' },
    ],
    ['nothing is said about Ready', status({}), status(), undefined],
  ])('%s', (_, before, after, event) => {
    expect(eventsOfStatus(before, after)).toEqual(event === undefined ? [] : [event])
  })
})
