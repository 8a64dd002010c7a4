/** The CustomResourceDefinition, made from the schema. */
import * as z from 'zod'
import { apiVersion, group, kind, plural, version } from './names.ts'
import { crdSpecSchema, rootRules, statusSchema, type ValidationRule } from './schema.ts'

/** A structural schema of apiextensions.k8s.io/v1, as far as it is looked into here. */
export interface StructuralSchema {
  type?: string
  format?: string
  description?: string
  properties?: Record<string, StructuralSchema>
  additionalProperties?: StructuralSchema
  items?: StructuralSchema
  enum?: unknown[]
  nullable?: boolean
  [key: string]: unknown
}

/** The CRD as an object, ready to be written as YAML or sent to an API server. */
export function buildCrd(): { metadata: { name: string }; [key: string]: unknown } {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: {
        kind,
        listKind: `${kind}List`,
        plural,
        singular: kind.toLowerCase(),
        shortNames: ['tres'],
        categories: ['tracardi'],
      },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: [
            column('Service', '.spec.service', 'Service that the credentials are for'),
            column(
              'Ready',
              '.status.conditions[?(@.type=="Ready")].status',
              'Valid, in force, and with every consumer',
            ),
            column('Reason', '.status.conditions[?(@.type=="Ready")].reason', 'Why it is ready or not'),
            column('ID', '.status.credentialsId', 'Id of the credentials in force'),
            column('Consumers', '.status.consumers.summary', 'Consumers that are up to date, of all'),
            column('Secret', '.spec.credentials.secretRef.name', 'Secret that the credentials come from', 1),
            column('Target', '.status.target.name', 'Secret that workloads read', 1),
            { ...column('Age', '.metadata.creationTimestamp', 'Time since it was created'), type: 'date' },
          ],
          schema: { openAPIV3Schema: rootSchema() },
        },
      ],
    },
  }
}

function column(name: string, jsonPath: string, description: string, priority = 0) {
  return { name, type: 'string', jsonPath, description, ...(priority > 0 && { priority }) }
}

function rootSchema(): StructuralSchema {
  return {
    type: 'object',
    description:
      'A TracardiResource says which credentials a service has, and which workloads use them. The operator checks them; only what passed reaches the target Secret and the workloads, and each workload is rolled exactly once.',
    required: ['spec'],
    properties: {
      apiVersion: { type: 'string', description: `Version of this form of the object: \`${apiVersion}\`.` },
      kind: { type: 'string', description: `Kind of the object: \`${kind}\`.` },
      metadata: { type: 'object' },
      spec: structural(crdSpecSchema),
      status: structural(statusSchema),
    },
    'x-kubernetes-validations': rootRules,
  }
}

/** JSON schema of a zod type in the form that the API server takes. */
export function structural(schema: z.ZodType): StructuralSchema {
  const json = z.toJSONSchema(schema, {
    target: 'openapi-3.0',
    io: 'input',
    unrepresentable: 'throw',
    cycles: 'throw',
    reused: 'inline',
  })
  return convert(json as StructuralSchema, '')
}

/** Written out in this order, so that a reader meets the words first and the machine's part last. */
const keywords = [
  'description',
  'type',
  'format',
  'nullable',
  'default',
  'enum',
  'minimum',
  'maximum',
  'minLength',
  'maxLength',
  'pattern',
  'minItems',
  'maxItems',
  'maxProperties',
  'minProperties',
  'required',
  'properties',
  'additionalProperties',
  'items',
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
  'x-kubernetes-validations',
]

/** A pass over the finished JSON: zod calls its own hook once for every wrapper of a type, and sees half of it each time. */
function convert(schema: StructuralSchema, path: string): StructuralSchema {
  const result: StructuralSchema = {}
  const given = { ...schema }
  if (given.type === 'integer') {
    // What zod writes for a JavaScript integer means nothing to the API server.
    if (given['minimum'] === Number.MIN_SAFE_INTEGER) delete given['minimum']
    if (given['maximum'] === Number.MAX_SAFE_INTEGER) delete given['maximum']
    given.format ??= 'int64'
  }
  for (const keyword of keywords) if (given[keyword] !== undefined) result[keyword] = given[keyword]
  const unknown = Object.keys(given).filter((key) => !keywords.includes(key) && key !== '$schema')
  if (unknown.length > 0) throw new Error(`${path || 'schema'}: a CRD takes no ${unknown.join(', ')}`)
  if (given.type === undefined) throw new Error(`${path || 'schema'}: a CRD needs one type`)
  const pattern = given['pattern']
  if (typeof pattern === 'string' && /\(\?[=!<]/.test(pattern)) {
    throw new Error(`${path}: the pattern looks around, which RE2 cannot`)
  }
  const rules = [...((given['x-kubernetes-validations'] ?? []) as ValidationRule[])]
  if (given.properties !== undefined) {
    result.properties = {}
    for (const [name, property] of Object.entries(given.properties)) {
      const converted = convert(property, `${path}.${name}`)
      // The API server lets no null through beside `enum`, nullable or not: such a list becomes a rule on the parent.
      if (converted.nullable === true && converted.enum !== undefined) {
        rules.push(enumRule(name, converted.enum.map(String)))
        delete converted.enum
        converted['maxLength'] = 63
      }
      result.properties[name] = converted
    }
  }
  if (rules.length > 0) result['x-kubernetes-validations'] = rules
  if (given.additionalProperties !== undefined) {
    result.additionalProperties = convert(given.additionalProperties, `${path}[*]`)
  }
  if (given.items !== undefined) result.items = convert(given.items, `${path}[]`)
  return result
}

function enumRule(name: string, values: readonly string[]): ValidationRule {
  return {
    rule: `!has(self.${name}) || self.${name} in [${values.map((value) => `'${value}'`).join(', ')}]`,
    message: `${name} must be ${values.join(' or ')}`,
    fieldPath: `.${name}`,
  }
}
