// What holds for the whole schema; what the API server makes of it is in test/operator/crd.test.ts.
import * as z from 'zod'
import { describe, expect, test } from 'vitest'
import { services } from '../catalogue/services.ts'
import { buildCrd, structural, type StructuralSchema } from './crd.ts'

interface Crd {
  metadata: { name: string }
  spec: { versions: { schema: { openAPIV3Schema: StructuralSchema } }[] }
}
const crd = buildCrd() as unknown as Crd
const root = crd.spec.versions[0]!.schema.openAPIV3Schema

function walk(schema: StructuralSchema, path: string): [string, StructuralSchema, boolean][] {
  const required = (schema['required'] as string[] | undefined) ?? []
  return [
    ...Object.entries(schema.properties ?? {}).flatMap(([name, property]): [string, StructuralSchema, boolean][] => [
      [`${path}.${name}`, property, required.includes(name)],
      ...walk(property, `${path}.${name}`),
    ]),
    ...(schema.items === undefined
      ? []
      : [[`${path}[]`, schema.items, true] as [string, StructuralSchema, boolean], ...walk(schema.items, `${path}[]`)]),
    ...(schema.additionalProperties === undefined
      ? []
      : [[`${path}{}`, schema.additionalProperties, false] as [string, StructuralSchema, boolean]]),
  ]
}

const spec = walk(root.properties!['spec']!, 'spec')
const status = walk(root.properties!['status']!, 'status')

test('the walk sees the leaves', () => {
  expect(spec.map(([path]) => path)).toEqual(
    expect.arrayContaining([
      'spec.credentials.fields[].secretKeyRef.key',
      'spec.target.keys{}',
      'spec.consumers[].kind',
    ]),
  )
})

test('there is no default in spec, and what is optional there may be null', () => {
  expect(root.properties!['spec']).not.toHaveProperty('default')
  expect(spec.filter(([, schema]) => 'default' in schema)).toEqual([])
  expect(spec.filter(([, schema, required]) => !required && schema.nullable !== true).map(([path]) => path)).toEqual([])
  // The API server lets no null through beside an enum.
  expect(spec.filter(([, schema]) => schema.nullable === true && schema.enum !== undefined)).toEqual([])
})

test('a new object is never taken for ready', () => {
  expect(root.properties!['status']!['default']).toEqual({ observedGeneration: -1 })
})

test('everything is bounded and described', () => {
  for (const [path, schema] of [...spec, ...status]) {
    const bound = { string: 'maxLength', array: 'maxItems', object: 'maxProperties', integer: 'type' }[schema.type!]!
    const bounded = bound in schema || schema.enum !== undefined || schema.properties !== undefined
    expect.soft(bounded, `${path} is bounded`).toBe(true)
    // Elements that are plain strings are described by their list.
    if (!(path.endsWith('[]') && schema.type === 'string'))
      expect.soft(schema.description, `${path} is described`).toBeTruthy()
  }
})

test('no leaf of spec has a rule with which the API server would print its value', () => {
  for (const [path, schema] of spec) {
    expect.soft(schema, path).not.toHaveProperty('pattern')
    // A number is no credential, and a length of it is no piece of one.
    if (schema.type !== 'integer') expect.soft(schema, path).not.toHaveProperty('format')
    if (schema.type !== 'object' && schema.type !== 'array')
      expect.soft(schema, path).not.toHaveProperty('x-kubernetes-validations')
  }
  const [, value] = spec.find(([path]) => path === 'spec.credentials.fields[].value')!
  expect(Object.keys(value).sort()).toEqual(['description', 'maxLength', 'nullable', 'type'])
})

test.each([...services.values()].filter(({ open }) => open !== true))(
  '$id: no secret field may be given as value',
  (service) => {
    const rules = root.properties!['spec']!['x-kubernetes-validations'] as { rule: string; message: string }[]
    const rule = rules.find((each) => each.rule.includes(`'${service.id}'`) && each.rule.includes('has(field.value)'))
    for (const field of service.fields) expect(rule?.rule.includes(`'${field.name}'`) ?? false).toBe(field.secret)
  },
)

describe('structural', () => {
  test.each<[string, z.ZodType, StructuralSchema]>([
    [
      'integers',
      z.object({ n: z.int() }),
      { type: 'object', required: ['n'], properties: { n: { type: 'integer', format: 'int64' } } },
    ],
    ['bounded integers', z.int().min(-1).max(5), { type: 'integer', format: 'int64', minimum: -1, maximum: 5 }],
    ['maps', z.record(z.string().max(3), z.string()), { type: 'object', additionalProperties: { type: 'string' } }],
    [
      'an enum that may be null',
      z.object({ policy: z.enum(['A', 'B']).nullable().exactOptional() }),
      {
        type: 'object',
        properties: { policy: { type: 'string', nullable: true, maxLength: 63 } },
        'x-kubernetes-validations': [
          {
            rule: "!has(self.policy) || self.policy in ['A', 'B']",
            message: 'policy must be A or B',
            fieldPath: '.policy',
          },
        ],
      },
    ],
  ])('%s', (_, schema, expected) => {
    expect(structural(schema)).toEqual(expected)
  })

  test.each<[string, z.ZodType, string]>([
    ['a union', z.object({ port: z.union([z.string(), z.int()]) }), '.port: a CRD takes no anyOf'],
    ['anything', z.object({ any: z.array(z.unknown()) }), '.any[]: a CRD needs one type'],
    ['a pattern that looks around', z.string().regex(/^(?!a)/), 'RE2'],
    ['a reference', z.object({ a: z.string().meta({ id: 'named' }) }), 'a CRD takes no'],
    ['a date', z.date(), 'Date'],
  ])('refuses %s', (_, schema, message) => {
    expect(() => structural(schema)).toThrow(message)
  })
})
