import { describe, expect, it } from 'vitest'
import type { TracardiMapping } from './definition.ts'
import { exampleOf } from './definition.ts'
import { services } from './services.ts'
import { templateFields, tracardiCredentials, tracardiMapping } from './tracardi.ts'
import { tracardiTypes } from './tracardi-types.ts'

const mappings = [...services.values()].flatMap((service) =>
  'none' in service.tracardi ? [] : service.tracardi.map((mapping) => ({ service, mapping, type: mapping.type })),
)

describe('what the services say of Tracardi', () => {
  it.each(mappings)('$service.id as $type: the keys are those of the type, made of fields that are there', (case_) => {
    const { service, mapping } = case_
    const type = tracardiTypes.get(mapping.type)!
    expect(type).toBeDefined()
    const keys = Object.keys(mapping.credentials)
    for (const key of keys) expect([...type.required, ...(type.optional ?? [])]).toContain(key)
    for (const key of type.required) expect(keys).toContain(key)
    const ids = service.variants.map((variant) => variant.id)
    for (const id of mapping.variants ?? []) expect(ids).toContain(id)
    const taken = service.variants.filter((variant) => tracardiMapping(service, variant) === mapping)
    expect(taken.length).toBeGreaterThan(0)
    const used = Object.values(mapping.credentials).flatMap(templateFields)
    const known = taken.flatMap((variant) => [...variant.required, ...variant.optional])
    for (const field of used) expect(known).toContain(field)
  })

  it.each(mappings)('$service.id as $type: the examples make what the type takes', ({ service, mapping }) => {
    const type = tracardiTypes.get(mapping.type)!
    for (const variant of service.variants.filter((each) => tracardiMapping(service, each) === mapping)) {
      const all = [...variant.required, ...variant.optional]
      const made = tracardiCredentials(mapping, (name) =>
        all.includes(name) ? exampleOf(service, variant, name) : undefined,
      )
      expect(Object.keys(made)).toEqual(expect.arrayContaining([...type.required]))
      for (const [key, value] of Object.entries(made)) {
        const kind = type.kinds?.[key] ?? 'string'
        expect(typeof value, key).toBe(kind === 'integer' ? 'number' : kind)
      }
    }
  })
})

describe('tracardiCredentials', () => {
  const make = (type: string, credentials: TracardiMapping['credentials'], values: Record<string, string>) =>
    tracardiCredentials({ type, credentials }, (name) => values[name])

  it('fills in values, defaults and parts, and leaves out what is not there', () => {
    const url = 'rediss://app:p%40ss@h.example:6380/3?a=b'
    const parts = { url: '{url.host}:{url.port|6379}', user: '{url.user}', password: '{url.password}' }
    expect(make('redis', { ...parts, database: '{url.path|0}', protocol: 'redis' }, { url })).toEqual({
      url: 'h.example:6380',
      user: 'app',
      password: 'p@ss',
      database: '3',
      protocol: 'redis',
    })
    expect(make('redis', { ...parts, database: '{url.path|0}' }, { url: 'redis://h' })).toEqual({
      url: 'h:6379',
      database: '0',
    })
  })

  it('takes values as they are, whatever is in them', () => {
    expect(make('token', { token: '{a}-{b}' }, { a: '{b}$1$&', b: '{a}' })).toEqual({ token: '{b}$1$&-{a}' })
  })

  it.each([
    ['port', '9200', 9200],
    ['port', 'many', 'many'],
    ['verify_certs', 'True', true],
    ['verify_certs', '0', false],
    ['scheme', '1', '1'],
  ])('elastic-search: %s of %s', (key, text, value) => {
    expect(make('elastic-search', { [key]: '{a}' }, { a: text })).toEqual({ [key]: value })
  })

  it('parses objects and reads members of documents', () => {
    expect(make('api', { headers: '{h}' }, { h: '{"x-key": "v"}' })).toEqual({ headers: { 'x-key': 'v' } })
    const values = { json: ' {"private_key": "k", "n": 1}' }
    expect(make('token', { token: '{json.private_key}' }, values)).toEqual({ token: 'k' })
    expect(make('token', { token: '{json.n}' }, values)).toEqual({})
    expect(make('token', { token: '{json.a}' }, { json: '{broken' })).toEqual({})
  })
})
