/** A service in words, as data, and as a manifest to copy. */
import { apiVersion, defaultTargetName, kind } from '../api/names.ts'
import type { FieldDefinition, ServiceDefinition, VariantDefinition } from '../catalogue/definition.ts'
import { findField } from '../catalogue/definition.ts'
import { defaultTargetKeys } from '../catalogue/target-keys.ts'
import { columnsOf, paint } from './output/human.ts'

export interface ExplainedField {
  readonly name: string
  readonly secret: boolean
  readonly description: string
  readonly expected?: string
  /** Other keys under which a Secret may hold the field. */
  readonly alsoFoundAs: readonly string[]
  /** Keys of the target Secret. */
  readonly env: readonly string[]
}

export interface ExplainedService {
  readonly id: string
  readonly title: string
  readonly description: string
  readonly docs?: string
  /** Where a person gets the credential. */
  readonly getCredential: string
  readonly variants: readonly {
    readonly id: string
    readonly description: string
    readonly required: readonly string[]
    readonly optional: readonly string[]
  }[]
  readonly fields: readonly ExplainedField[]
}

/** Variants that can be told from others. */
export function variantsOf(service: ServiceDefinition): readonly VariantDefinition[] {
  return service.variants.filter(({ sameAs }) => sameAs === undefined)
}

export function explainService(service: ServiceDefinition): ExplainedService {
  const { id, title, description, docs, getCredential } = service
  return {
    id,
    title,
    description,
    ...(docs === undefined ? {} : { docs }),
    getCredential,
    variants: variantsOf(service).map((variant) => ({
      id: variant.id,
      description: variant.description,
      required: variant.required.map((name) => keyFor(variant, name)),
      optional: variant.optional,
    })),
    fields: service.fields.map((field) => explainField(service, field)),
  }
}

function explainField(service: ServiceDefinition, field: FieldDefinition): ExplainedField {
  const env = defaultTargetKeys(service, field.name)
  return {
    name: field.name,
    secret: field.secret,
    description: field.description,
    ...(field.shape === undefined ? {} : { expected: field.shape.expected }),
    alsoFoundAs: [...new Set([...field.aliases, ...env])].filter((key) => key !== field.name),
    env,
  }
}

/** A set may ask for the field under a key that says what the Secret is. */
function keyFor({ keys }: VariantDefinition, field: string): string {
  return keys?.[field]?.[0] ?? field
}

export function renderService(service: ServiceDefinition, colours: boolean): string {
  const explained = explainService(service)
  const heading = (text: string): string => paint('bold', text, colours)
  const field = (one: ExplainedField): string => {
    const facts = [
      one.description,
      ...(one.expected === undefined ? [] : [`Checked: ${one.expected}.`]),
      ...(one.alsoFoundAs.length === 0 ? [] : [`Also found as: ${one.alsoFoundAs.join(', ')}`]),
      `In the target: ${one.env.join(', ')}`,
    ]
    const secret = one.secret ? paint('yellow', 'secret', colours) : paint('dim', 'not secret', colours)
    return [`  ${heading(one.name)} (${secret})`, ...facts.map((fact) => `      ${fact}`)].join('\n')
  }
  return [
    `${heading(explained.title)} (service: ${explained.id})\n${explained.description}`,
    `${heading('Where to get the credential:')}\n${explained.getCredential}${explained.docs === undefined ? '' : `\n${explained.docs}`}`,
    `${heading('One of these sets of fields is needed:')}\n${columnsOf(
      explained.variants.map(({ id, required, optional, description }) => [
        `  ${id}`,
        required.join(' + '),
        `${description}${optional.length === 0 ? '' : ` May be added: ${optional.join(', ')}.`}`,
      ]),
    )}`,
    `${heading('Fields:')}\n${explained.fields.map(field).join('\n')}`,
    `${heading('A manifest to copy')} (alone: tracardi-operator explain ${explained.id} --manifest):\n\n${manifestOf(service)}`,
  ].join('\n\n')
}

/** A Secret and a TracardiResource, ready but for what stands in `<...>`. */
export function manifestOf(service: ServiceDefinition, variant = variantsOf(service)[0]): string {
  const name = service.id.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')
  const secretName = `${name}-live`
  const values = (variant?.required ?? []).map((field) => {
    const key = variant === undefined ? field : keyFor(variant, field)
    return [`  ${key}: <${key}>`, `# ${oneLine(findField(service, field)?.description ?? '')}`]
  })
  const optional = (variant?.optional ?? []).map(
    (field) => `  # ${field}: ${oneLine(findField(service, field)?.description ?? '')}`,
  )
  return `${[
    '# The credential. Put your own values in place of what stands in <...>.',
    'apiVersion: v1',
    'kind: Secret',
    'metadata:',
    `  name: ${secretName}`,
    'type: Opaque',
    'stringData:',
    ...columnsOf(values, 1).split('\n'),
    ...optional,
    '---',
    '# What it is for, and who uses it.',
    `apiVersion: ${apiVersion}`,
    `kind: ${kind}`,
    'metadata:',
    `  name: ${name}`,
    'spec:',
    `  service: ${service.id}`,
    '  credentials:',
    '    secretRef:',
    `      name: ${secretName}`,
    '  consumers:',
    '    - kind: Deployment',
    `      name: my-app # it reads the Secret ${defaultTargetName(name)}, which the operator writes`,
  ].join('\n')}\n`
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ')
}
