import { describe, expect, it } from 'vitest'
import { compareResourceVersions, leases, microTime, objectKey, resourceName, secrets } from './objects.ts'

describe('objects', () => {
  it.each([
    [{ namespace: 'shop', name: 'keys' }, 'shop/keys'],
    [{ namespace: '', name: 'node' }, 'node'],
    [{ name: 'node' }, 'node'],
  ])('key of %o', (metadata, key) => {
    expect(objectKey({ metadata })).toBe(key)
  })

  it('names resources as RBAC does', () => {
    expect([resourceName(secrets), resourceName(leases)]).toEqual(['secrets', 'leases.coordination.k8s.io'])
  })

  it.each([
    ['9', '10', -1],
    ['10', '9', 1],
    ['123', '123', 0],
    ['123', '124', -1],
    ['18446744073709551616', '18446744073709551615', 1],
    ['99999999999999999999', '100000000000000000000', -1],
  ])('compares %s with %s', (a, b, sign) => {
    expect(Math.sign(compareResourceVersions(a, b))).toBe(sign)
    expect(Math.sign(compareResourceVersions(b, a))).toBe(sign === 0 ? 0 : -sign)
  })

  it('writes six fractional digits', () => {
    expect(microTime(Date.UTC(2026, 10, 24, 1, 2, 3, 7))).toBe('2026-11-24T01:02:03.007000Z')
    expect(microTime(Date.UTC(2026, 10, 24))).toBe('2026-11-24T00:00:00.000000Z')
  })
})
