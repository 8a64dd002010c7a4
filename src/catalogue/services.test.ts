import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { ServiceDefinition } from './definition.ts'
import { fits } from './definition.ts'
import { serviceIds, services } from './services.ts'
import { defaultTargetKeys } from './target-keys.ts'

const all = [...services.values()]

/** Lines that a service file may have. What several services have alike belongs beside fields.ts, where it stands once. */
const mostLines = 90
/** Those with many ways to sign in. The numbers may fall. */
const longFiles: Readonly<Record<string, number>> = { aws: 192, elasticsearch: 175, redis: 115, salesforce: 195 }

describe('the catalogue', () => {
  it('holds every service file, each under the name of its file', async () => {
    const files = await readdir(join(import.meta.dirname, 'services'))
    expect(files.map((name) => name.replace('.ts', '')).sort()).toEqual(serviceIds)
    for (const [id, service] of services) expect(service.id).toBe(id)
    for (const id of serviceIds) expect(id).toMatch(/^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/)
  })

  it.each(serviceIds)('%s: the file is short', async (id) => {
    const text = await readFile(join(import.meta.dirname, 'services', `${id}.ts`), 'utf8')
    expect(text.trimEnd().split('\n').length).toBeLessThanOrEqual(longFiles[id] ?? mostLines)
  })

  it.each(all)('$id: says what it is in whole sentences', (service) => {
    const { description, getCredential, notConfirmed = [], tracardi } = service
    const reason = 'none' in tracardi ? [tracardi.none] : []
    const fields = service.fields.map((field) => field.description)
    const variants = service.variants.map((variant) => variant.description)
    for (const text of [description, getCredential, ...notConfirmed, ...reason, ...fields, ...variants]) {
      expect(text).toMatch(/^[A-Z"a-z].*[.]$/)
    }
    expect(service.docs ?? 'https://').toMatch(/^https:\/\//)
    expect(service.fields.some((field) => field.secret)).toBe(service.holdsNoCredential !== true)
  })

  it.each(all)('$id: names are unique, and no name stands for two fields', (service) => {
    const owners = new Map<string, string>()
    for (const field of service.fields) {
      const names = new Set([field.name, ...field.aliases, ...field.env, ...defaultTargetKeys(service, field.name)])
      for (const name of names) {
        expect(owners.get(name), `${name} of ${field.name}`).toBeUndefined()
        owners.set(name, field.name)
      }
    }
  })

  it.each(all)('$id: variants and pairs name declared fields, and every field is in a variant', (service) => {
    const declared = service.fields.map((field) => field.name)
    const used = service.variants.flatMap((variant) => [...variant.required, ...variant.optional])
    expect(new Set(used)).toEqual(new Set(declared))
    for (const name of service.pairs?.flat() ?? []) expect(declared).toContain(name)
    for (const { field, needs = field, excludes = field, because } of service.partners ?? []) {
      expect(declared).toEqual(expect.arrayContaining([field, needs, excludes]))
      expect(because).toMatch(/^[A-Z].*[.]$/)
    }
    for (const variant of service.variants) {
      for (const name of Object.keys({ ...variant.shapes, ...variant.keys })) expect(used).toContain(name)
      if (variant.sameAs !== undefined) expect(service.variants.map((other) => other.id)).toContain(variant.sameAs)
    }
    expect(new Set(service.variants.map((variant) => variant.id)).size).toBe(service.variants.length)
  })

  it.each(all)('$id: examples fit their patterns, and keys can be environment variables', (service) => {
    for (const field of service.fields) {
      const example = field.example ?? field.shape?.example
      expect(example, field.name).toBeDefined()
      if (example !== undefined && field.shape !== undefined) {
        expect(fits(field.shape, example), field.name).toBe(true)
        expect(field.shape.anyLength?.test(example) ?? true, field.name).toBe(true)
        expect(example.length, field.name).toBe(field.shape.length ?? example.length)
      }
      if (service.open === true) continue
      for (const key of defaultTargetKeys(service, field.name)) expect(key).toMatch(/^[A-Z][A-Z0-9_]*$/)
    }
  })

  it.each(all)('$id: patterns keep no state and refuse a line break at the end', (service) => {
    const shapes = [
      ...service.fields.filter((field) => field.multiline !== true).map((field) => field.shape),
      ...service.variants.flatMap((variant) => Object.values(variant.shapes ?? {})),
    ]
    for (const pattern of shapes.flatMap((shape) => [shape?.pattern, shape?.anyLength, shape?.cutOff])) {
      expect(pattern?.flags ?? '').not.toMatch(/[gym]/)
      expect(pattern?.source ?? '^$').toMatch(/^\^.*\$$/s)
    }
  })
})

describe('defaultTargetKeys', () => {
  it.each([
    ['sendgrid', 'apiKey', ['SENDGRID_API_KEY']],
    ['sendgrid', 'onBehalfOf', ['SENDGRID_ON_BEHALF_OF']],
    ['twilio', 'apiKeySid', ['TWILIO_API_KEY']],
    ['twilio', 'oauthClientSecret', ['TWILIO_OAUTH_CLIENT_SECRET']],
    ['aws', 'region', ['AWS_REGION', 'AWS_DEFAULT_REGION']],
    ['aws', 'bucket', ['AWS_BUCKET']],
    ['elasticsearch', 'caCert', ['ELASTICSEARCH_CA_CERT']],
    ['salesforce', 'instanceUrl', ['SF_ORG_INSTANCE_URL']],
    ['redis', 'caCert', ['REDIS_CA_CERT']],
    ['redis', 'db', ['REDIS_DB']],
  ])('%s %s', (id, field, keys) => {
    const service = services.get(id)!
    expect(defaultTargetKeys(service, field)).toEqual(keys)
  })

  it('takes every name of env, in order', () => {
    const service: ServiceDefinition = {
      ...services.get('redis')!,
      fields: [{ name: 'region', aliases: [], secret: false, description: '', env: ['A_REGION', 'B_REGION'] }],
    }
    expect(defaultTargetKeys(service, 'region')).toEqual(['A_REGION', 'B_REGION'])
  })
})
