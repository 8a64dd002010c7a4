import { describe, expect, it } from 'vitest'
import type { TracardiResource } from '../api/tracardi-resource.ts'
import { InForce } from './in-force.ts'

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
    expect(inForce.confirm('u')).toBe(true)
    expect(inForce.of(resource('7-aaaaa'))).toBe('7-aaaaa')
    expect(inForce.confirm('u')).toBe(false)
  })

  it('is what the target carries until the status says so', () => {
    const inForce = new InForce()
    inForce.confirm('u')
    inForce.targetWritten('u', '8-aaaaa')
    expect(inForce.of(resource('7-aaaaa'))).toBe('8-aaaaa')
    inForce.confirm('u')
    expect(inForce.of(resource('8-aaaaa'))).toBe('8-aaaaa')
    expect(inForce.of(resource())).toBeUndefined()
  })

  it('is forgotten with the resource', () => {
    const inForce = new InForce()
    inForce.targetWritten('u', '8-aaaaa')
    inForce.confirm('u')
    inForce.forget('u')
    expect(inForce.of(resource('8-aaaaa'))).toBeUndefined()
  })
})
