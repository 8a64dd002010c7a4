import { describe, expect, test } from 'vitest'
import type { ConsumerSpec, InjectionStatus, TracardiResource } from '../api/tracardi-resource.ts'
import { decideInjection } from './injection-decision.ts'
import type { InjectionInput } from './injection-decision.ts'

type Target = NonNullable<InjectionInput['target']>
type Inject = NonNullable<ConsumerSpec['inject']>

const target: Target = {
  name: 'web-credentials',
  outcome: 'InForce',
  credentialsId: '1-aaaaa',
  announced: undefined,
  sources: [],
  keys: ['PROXY', 'TOKEN'],
}

function resource(inject: Inject | undefined, injection?: InjectionStatus): TracardiResource {
  const consumer = { kind: 'Deployment', name: 'web', ...(inject !== undefined && { inject }) } as const
  return {
    metadata: { name: 'web', namespace: 'shop', uid: 'u', resourceVersion: '1' },
    spec: { service: 'generic', credentials: {}, consumers: [{ kind: 'CronJob', name: 'job' }, consumer] },
    ...(injection !== undefined && { status: { injection } }),
  }
}

function decide(inject: Inject | undefined, change: Partial<InjectionInput> = {}) {
  return decideInjection({ resource: resource(inject), target, mode: 'Policy', installation: 'green', ...change })
}

describe('how', () => {
  const green = { mode: 'Policy', installation: 'green' } as const
  test.each<[string, Partial<InjectionInput>, InjectionStatus | undefined]>([
    ['as it was found out', {}, green],
    ['by patches', { mode: 'Patch' }, { mode: 'Patch', installation: 'green' }],
    ['not, where no consumer wants it', { resource: resource(undefined, green) }, undefined],
    ['not, where there is no target', { target: undefined }, undefined],
    ["not into somebody else's target", { target: { ...target, outcome: 'Conflict' } }, undefined],
    ['with the first id before there is one', { target: { ...target, outcome: 'NothingYet' } }, green],
    ['with what is there when the target is lost', { target: { ...target, outcome: 'Lost' } }, green],
    ['not known, and never was', { mode: undefined }, undefined],
    ['not known: as it was', { mode: undefined, resource: resource({ env: {} }, green) }, green],
    [
      'not known, and another installation injected before',
      { mode: undefined, resource: resource({ env: {} }, { mode: 'Policy', installation: 'blue' }) },
      undefined,
    ],
  ])('%s', (_, change, expected) => {
    expect(decide({ env: {} }, change)).toEqual({ injection: expected, refused: undefined })
  })
})

describe('what is refused', () => {
  test.each<[string, Inject, string | undefined]>([
    ['names as they are', { env: {} }, undefined],
    ['a prefix', { env: { prefix: 'MY' } }, undefined],
    ['a prefix that makes a forbidden name', { env: { prefix: 'HTTP_' } }, 'HTTP_PROXY'],
    ['such a name as a file', { mount: { path: '/var/run/credentials/web' } }, undefined],
    ['some files', { mount: { path: '/x', keys: ['TOKEN'] } }, undefined],
    ['a file that there is not', { mount: { path: '/x', keys: ['TOKEN', 'PIN'] } }, 'PIN'],
  ])('%s', (_, inject, expected) => {
    const { injection, refused } = decide(inject)
    expect(injection === undefined).toBe(expected !== undefined)
    expect(refused?.reason).toBe(expected === undefined ? undefined : 'InjectionForbidden')
    if (expected !== undefined) expect(refused?.message).toContain(`Deployment web`)
    if (expected !== undefined) expect(refused?.message).toContain(expected)
  })

  test('nothing, while the keys are not known', () => {
    expect(
      decide({ mount: { path: '/x', keys: ['PIN'] } }, { target: { ...target, keys: [] } }).refused,
    ).toBeUndefined()
  })
})
