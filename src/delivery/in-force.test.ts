import { describe, expect, it } from 'vitest'
import type { TracardiResource } from '../api/tracardi-resource.ts'
import { InForce, inForceToInject } from './in-force.ts'

function resource(credentialsId?: string): TracardiResource {
  return {
    metadata: { name: 'sms', namespace: 'shop', uid: 'u', resourceVersion: '1' },
    spec: { service: 'twilio', credentials: { secretRef: { name: 's' } } },
    status: { observedGeneration: 1, ...(credentialsId !== undefined && { credentialsId }) },
  }
}

describe('what is in force', () => {
  it('is not known before the resource was reconciled once: the status may be behind the target', () => {
    const inForce = new InForce()
    expect(inForce.of(resource('7-aaaaa'))).toBeUndefined()
    expect(inForce.confirm('u', '7-aaaaa')).toBe(true)
    expect(inForce.of(resource('7-aaaaa'))).toBe('7-aaaaa')
    expect(inForce.confirm('u', '7-aaaaa')).toBe(false)
  })

  it('is what the target carries until the status says so', () => {
    const inForce = new InForce()
    inForce.confirm('u', '7-aaaaa')
    expect(inForce.targetCarries(resource('7-aaaaa'), '7-aaaaa')).toBe(false)
    expect(inForce.targetCarries(resource('7-aaaaa'), '8-aaaaa')).toBe(true)
    expect(inForce.targetCarries(resource('7-aaaaa'), '8-aaaaa')).toBe(false)
    expect(inForce.of(resource('7-aaaaa'))).toBe('8-aaaaa')
    expect(inForce.confirm('u', '8-aaaaa')).toBe(false)
    expect(inForce.of(resource('8-aaaaa'))).toBe('8-aaaaa')
    expect(inForce.of(resource())).toBeUndefined()
  })

  it('is news when the status tells of another id than the target carried', () => {
    const inForce = new InForce()
    inForce.confirm('u', '7-aaaaa')
    inForce.targetCarries(resource('7-aaaaa'), '8-aaaaa')
    expect(inForce.confirm('u', '9-aaaaa')).toBe(true)
    expect(inForce.of(resource('9-aaaaa'))).toBe('9-aaaaa')
  })

  it('is forgotten with the resource', () => {
    const inForce = new InForce()
    inForce.targetCarries(resource(), '8-aaaaa')
    inForce.confirm('u', '8-aaaaa')
    inForce.forget('u')
    expect(inForce.of(resource('8-aaaaa'))).toBeUndefined()
  })
})

describe('the keys of what is in force', () => {
  it('are those of the same id', () => {
    const inForce = new InForce()
    inForce.confirm('u', '8-aaaaa')
    expect(inForce.keysOf(resource('7-aaaaa'))).toBeUndefined()
    inForce.seen('u', '8-aaaaa', ['A', 'B'])
    expect(inForce.keysOf(resource('7-aaaaa'))).toBeUndefined()
    expect(inForce.keysOf(resource('8-aaaaa'))).toEqual(['A', 'B'])
    inForce.targetCarries(resource(), '8-aaaaa')
    expect(inForce.keysOf(resource('7-aaaaa'))).toEqual(['A', 'B'])
    inForce.seen('u', '9-aaaaa', ['C'])
    expect(inForce.keysOf(resource('7-aaaaa'))).toBeUndefined()
    inForce.forget('u')
    inForce.confirm('u', '8-aaaaa')
    expect(inForce.keysOf(resource('9-aaaaa'))).toBeUndefined()
  })
})

describe('what may be injected', () => {
  const injection = { mode: 'Policy', installation: 'one' } as const
  it.each<[string, TracardiResource['status'], string | undefined, string | undefined]>([
    ['nothing is in force', { versions: ['1-aaaaa'], injection }, undefined, undefined],
    ['its version is there', { versions: ['2-aaaaa', '1-aaaaa'], injection }, '2-aaaaa', '2-aaaaa'],
    ['the target is ahead of the status', { versions: ['1-aaaaa'], injection }, '2-aaaaa', undefined],
    // Of a resource that injects no more, or not yet, the id in force has no Secret of its own.
    ['nothing is injected', { versions: ['2-aaaaa'] }, '2-aaaaa', undefined],
    ['the status is empty', undefined, '2-aaaaa', undefined],
  ])('%s', (_, status, credentialsId, expected) => {
    const { status: _status, ...others } = resource()
    expect(inForceToInject({ ...others, ...(status !== undefined && { status }) }, credentialsId)).toBe(expected)
  })
})
