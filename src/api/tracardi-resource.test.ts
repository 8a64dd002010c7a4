import { describe, expect, test } from 'vitest'
import { effectiveTarget, injects, parseSpec, type TracardiResourceSpec } from './tracardi-resource.ts'

const credentials = { secretRef: { name: 'live' } }
const canary = `canary-${'5'.repeat(8)}`

describe('parseSpec', () => {
  test('keeps what it knows, nulls and values of any service included', () => {
    const spec = {
      service: 'a-service-of-tomorrow',
      credentials: {
        secretRef: null,
        fields: [{ name: 'region', key: null, value: 'ie1' }],
        waive: null,
      },
      target: { name: null, keys: { authToken: 'TOKEN', region: null }, deletionPolicy: 'Delete' },
      consumers: [{ kind: 'Deployment', name: 'sender' }],
    }
    expect(parseSpec(spec)).toEqual({ ok: true, spec })
  })

  test('drops what only a newer CRD has', () => {
    expect(
      parseSpec({
        service: 'twilio',
        credentials: { ...credentials, rotation: {} },
        suspend: true,
        target: { immutable: true },
      }),
    ).toEqual({ ok: true, spec: { service: 'twilio', credentials, target: {} } })
  })

  test.each<[string, unknown, string[]]>([
    ['nothing', undefined, ['spec']],
    ['no service', { credentials }, ['spec.service']],
    [
      'a kind of consumer it does not know',
      { service: 'twilio', credentials, consumers: [{ kind: canary, name: 'a' }] },
      ['spec.consumers[0].kind'],
    ],
    [
      'a policy it does not know',
      { service: 'twilio', credentials, target: { deletionPolicy: canary } },
      ['spec.target.deletionPolicy'],
    ],
    [
      'several at once',
      { service: canary.length, credentials: { fields: [{ name: 'a' }, { value: [canary] }] } },
      ['spec.service', 'spec.credentials.fields[1].name', 'spec.credentials.fields[1].value'],
    ],
  ])('names the fields when there is %s', (_, spec, fields) => {
    expect(parseSpec(spec)).toEqual({ ok: false, fields })
  })
})

describe('effectiveTarget', () => {
  const defaults = {
    name: 'sms-credentials',
    keys: new Map<string, string>(),
    deletionPolicy: 'Retain',
    historyLimit: 3,
  } as const
  test.each<[string, Partial<TracardiResourceSpec>, ReturnType<typeof effectiveTarget>]>([
    ['neither target nor consumers', {}, undefined],
    ['nulls', { target: null, consumers: null }, undefined],
    ['no consumer', { consumers: [] }, undefined],
    ['a consumer alone', { consumers: [{ kind: 'Deployment', name: 'a' }] }, defaults],
    ['an empty target', { target: {} }, defaults],
    ['a target of nulls', { target: { name: null, keys: null, deletionPolicy: null } }, defaults],
    [
      'a full target',
      {
        target: { name: 'sms', keys: { authToken: 'TOKEN', region: null }, deletionPolicy: 'Delete', historyLimit: 0 },
      },
      { name: 'sms', keys: new Map([['authToken', 'TOKEN']]), deletionPolicy: 'Delete', historyLimit: 0 },
    ],
  ])('%s', (_, spec, expected) => {
    expect(effectiveTarget('sms', { service: 'twilio', credentials, ...spec })).toEqual(expected)
  })
})

test.each<[boolean, TracardiResourceSpec['consumers']]>([
  [false, undefined],
  [false, null],
  [false, [{ kind: 'Deployment', name: 'a', inject: null }]],
  [
    true,
    [
      { kind: 'Deployment', name: 'a' },
      { kind: 'CronJob', name: 'b', inject: { env: {} } },
    ],
  ],
])('injects: %s for %j', (expected, consumers) => {
  const spec = { service: 'twilio', credentials, ...(consumers !== undefined && { consumers }) }
  expect(injects(spec)).toBe(expected)
})
