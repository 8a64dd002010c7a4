/**
 * What a TracardiResource may say: the one source of the CRD (crd.ts) and of the TypeScript types (tracardi-resource.ts).
 *
 * Conventions:
 * - Nothing in spec has a `default:`. Defaults are applied in code, so that one can change without touching stored objects.
 * - What is optional may be null, which counts as absent: charts render nulls, and refused they fail a whole GitOps sync.
 * - The API server prints the value of a leaf that fails a pattern, a format or an enum. So rules stand in CEL on the parent,
 *   with a fixed message that says what to do; `credentials.fields[].value` has a type and a length, and no rule reads it.
 * - Every string, list and map is bounded, else the API server refuses the rules as too expensive.
 */
import * as z from 'zod'
import { serviceIds, services } from '../catalogue/services.ts'
import {
  forbiddenEnvironmentName,
  forbiddenMountPath,
  forbiddenPrefix,
  maxResourceNameLength,
  maxTargetNameLength,
} from './names.ts'

/** One entry of `x-kubernetes-validations`. */
export interface ValidationRule {
  rule: string
  message: string
  fieldPath?: string
  reason?: 'FieldValueRequired' | 'FieldValueForbidden' | 'FieldValueInvalid'
}

interface Meta {
  description: string
  'x-kubernetes-validations'?: ValidationRule[]
  'x-kubernetes-list-type'?: 'atomic' | 'set' | 'map'
  'x-kubernetes-list-map-keys'?: string[]
  default?: unknown
  format?: string
  [key: string]: unknown
}

/** Absent, null or a value. */
function optional<T extends z.ZodType>(schema: T, meta: Meta): z.ZodExactOptional<z.ZodNullable<T>> {
  return schema.meta(meta).nullable().exactOptional()
}

const maxFields = 16
const maxConsumers = 24
const maxHistory = 10
const maxContainers = 16
const dnsSubdomain = '^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$'
const secretKeyName = '^[-._a-zA-Z0-9]+$'
const environmentName = '^[A-Za-z_][A-Za-z0-9_]*$'
const objectName = z.string().min(1).max(253)
const fieldName = z.string().min(1).max(63)
const keyName = z.string().min(1).max(253)

function nameRule(expression: string, what: string): ValidationRule {
  return {
    rule: `${expression}.matches('${dnsSubdomain}')`,
    message: `name must be the name of ${what}: lower case letters, digits, '-' and '.', beginning and ending with a letter or digit`,
  }
}

const secretReference = z.object({
  name: objectName.meta({ description: 'Name of the Secret.\nExample: `twilio-live`' }),
})

const credentialField = z.object({
  name: fieldName.meta({
    description:
      'Canonical name of the field, as the service defines it. Other names of the same field are recognised as keys of a Secret, but not here.\nExample: `authToken`',
  }),
  key: optional(keyName, {
    description:
      'Key of the Secret in `credentials.secretRef` that holds the field. Give one of `key`, `secretKeyRef` and `value`.\nExample: `token`',
  }),
  secretKeyRef: optional(
    z.object({
      name: objectName.meta({ description: 'Name of the Secret.\nExample: `shared`' }),
      key: keyName.meta({ description: 'Key of that Secret.\nExample: `sid`' }),
    }),
    {
      description:
        'Key of another Secret of the same namespace that holds the field. Give one of `key`, `secretKeyRef` and `value`.',
      'x-kubernetes-validations': [
        nameRule('self.name', 'a Secret'),
        {
          rule: `self.key.matches('${secretKeyName}')`,
          message: "key must be a key of a Secret: letters, digits, '-', '_' and '.'",
        },
      ],
    },
  ),
  value: optional(z.string().max(16_384), {
    description:
      'The field itself, for fields that are not secret. Fields that are secret (passwords, tokens, keys, URLs with a password) are refused here: put them in a Secret. Give one of `key`, `secretKeyRef` and `value`.\nExample: `ie1`',
  }),
})

const credentials = z.object({
  secretRef: optional(secretReference, {
    description:
      'Secret of the same namespace in which the fields are found, by their name or a known alias (`authToken`, `auth_token`, `TWILIO_AUTH_TOKEN`). Keys that mean nothing to the service are left alone. Secrets that the operator itself wrote, and Secrets of the types service account token, bootstrap token and Helm release, are refused.',
    'x-kubernetes-validations': [nameRule('self.name', 'a Secret')],
  }),
  fields: optional(
    z
      .array(
        credentialField.meta({
          description: 'Where one field comes from.',
          'x-kubernetes-validations': [
            {
              rule: '(has(self.key) ? 1 : 0) + (has(self.secretKeyRef) ? 1 : 0) + (has(self.value) ? 1 : 0) == 1',
              message: 'give exactly one of key, secretKeyRef and value',
            },
            {
              rule: `!has(self.key) || self.key.matches('${secretKeyName}')`,
              message: "key must be a key of a Secret: letters, digits, '-', '_' and '.'",
            },
          ],
        }),
      )
      .max(maxFields),
    {
      description: `Where single fields come from, if they are not found in \`secretRef\` by their name. An entry here wins over what \`secretRef\` holds. At most ${maxFields} entries.\nDefault: none`,
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['name'],
    },
  ),
  waive: optional(z.array(z.string().min(1).max(63)).max(16), {
    description:
      'Codes of findings that are known better here, such as `Truncated`: they are still reported, and no longer block. The code is the reason of the condition that reports the finding.\nDefault: none',
    'x-kubernetes-list-type': 'set',
    'x-kubernetes-validations': [
      {
        rule: "self.all(code, code.matches('^[A-Z][A-Za-z0-9]*$'))",
        message: 'waive takes codes of findings in CamelCase, as they stand in the reason of a condition',
      },
    ],
  }),
})

const target = z.object({
  name: optional(z.string().min(1).max(maxTargetNameLength), {
    description: `Name of the Secret that the operator owns. A Secret of that name that is not this resource's is left alone, and the resource says TargetConflict. At most ${maxTargetNameLength} characters.\nDefault: the name of the resource followed by \`-credentials\`\nExample: \`twilio-sms-credentials\``,
  }),
  keys: optional(
    z.record(
      fieldName,
      z
        .string()
        .min(1)
        .max(128)
        .meta({ description: 'Key of the target Secret, fit to be an environment variable.' })
        .nullable(),
    ),
    {
      description:
        'Keys of the target Secret by field, where the default is not what the workload reads. A field that is named here stands under that key only.\nDefault: the names that the libraries of the service read, such as `TWILIO_AUTH_TOKEN`; for a field without one `<SERVICE>_<FIELD>`, such as `SENDGRID_ON_BEHALF_OF`\nExample: `{authToken: SMS_TOKEN}`',
      maxProperties: maxFields,
    },
  ),
  deletionPolicy: optional(z.enum(['Retain', 'Delete']), {
    description:
      'What becomes of the target Secret, and of its versions, when the resource is deleted. `Retain` leaves them, and a resource that is created again takes them up with the ids they have. `Delete` lets the garbage collector take them.\nDefault: `Retain`',
  }),
  historyLimit: optional(z.int().min(0).max(maxHistory), {
    description: `How many older versions of the target Secret are kept beside the one in force, where a consumer has \`inject\`. One that a workload, a pod or a revision of a workload still names is kept in any case. At most ${maxHistory}.\nDefault: 3`,
  }),
})

/** Of these, pods get the credentials as they are created, and nothing ever restarts them. */
const unpatchedKinds = ['ReplicaSet', 'Job', 'Pod'] as const

/** Kinds of workload that can be consumers. `delivery` knows how each of them rolls. */
const consumerKinds = ['Deployment', 'StatefulSet', 'DaemonSet', 'CronJob', 'Rollout', ...unpatchedKinds] as const

const maxMatchLabels = 8

const selector = z.object({
  // With null for a label the API server would drop it, and the selector would reach more than was meant: a rule refuses it.
  matchLabels: z
    .record(z.string().max(316), z.string().max(63).nullable().meta({ description: 'Value of the label.' }))
    .meta({
      description: `Labels that the pod template has, all of them. At least one, at most ${maxMatchLabels}.\nExample: \`{needs-sms: "true"}\``,
      maxProperties: maxMatchLabels,
      minProperties: 1,
    }),
})

const inject = z.object({
  env: optional(
    z.object({
      prefix: optional(z.string().max(63), {
        description:
          'Put before every key of the target Secret to make the name of the variable.\nDefault: none\nExample: `SMS_`',
      }),
    }),
    {
      description:
        'Every key of the target Secret becomes an environment variable. One of the same name in `env` of the container wins. `{}` for no prefix.',
      'x-kubernetes-validations': [
        {
          rule: `!has(self.prefix) || self.prefix == '' || self.prefix.matches('${environmentName}')`,
          message: 'prefix must be fit to begin a variable: letters, digits and _, not beginning with a digit',
          fieldPath: '.prefix',
        },
        {
          rule: `!has(self.prefix) || !self.prefix.matches('${forbiddenPrefix}')`,
          message:
            'prefix may not begin with LD_, DYLD_, PYTHON or KUBERNETES_: such variables change how programs run',
          fieldPath: '.prefix',
        },
      ],
    },
  ),
  mount: optional(
    z.object({
      path: z.string().min(2).max(512).meta({
        description:
          'Directory in the container in which every key of the target Secret is a file, read-only.\nExample: `/var/run/credentials/twilio`',
      }),
      keys: optional(
        z
          .array(z.string().min(1).max(253))
          .min(1)
          .max(maxFields * 2),
        {
          description: 'The keys of the target Secret that become files.\nDefault: all',
          'x-kubernetes-list-type': 'set',
        },
      ),
      fileMode: optional(z.int().min(0).max(0o777), {
        description:
          'Permissions of the files, as a decimal number in JSON and `0440` in YAML.\nDefault: `0444`\nExample: `0440`',
      }),
    }),
    {
      description: 'The keys of the target Secret become files in a volume.',
      'x-kubernetes-validations': [
        {
          rule: "self.path.startsWith('/') && !self.path.matches('[:]|//|/[.]{1,2}(/|$)')",
          message: "path must be absolute, without ':', '//', '.' and '..'",
          fieldPath: '.path',
        },
        {
          rule: `!(self.path + '/').matches('${forbiddenMountPath}')`,
          message:
            'path may not be a directory of the system or the one of the service account: choose one of its own, such as /var/run/credentials/<service>',
          fieldPath: '.path',
        },
        {
          rule: `!has(self.keys) || self.keys.all(key, key.matches('${secretKeyName}') && !key.startsWith('..') && key != '.')`,
          message: "keys must be keys of a Secret: letters, digits, '-', '_' and '.', not beginning with '..'",
          fieldPath: '.keys',
        },
      ],
    },
  ),
  containers: optional(z.array(z.string().min(1).max(63)).min(1).max(maxContainers), {
    description:
      'Names of the containers that get it; init containers and sidecars count too.\nDefault: all containers and init containers',
    'x-kubernetes-list-type': 'set',
  }),
})

const consumer = z.object({
  kind: z.enum(consumerKinds).meta({
    description:
      'Kind of the workload. The pods of a CronJob are always new: it is counted and never touched. A Rollout is that of Argo Rollouts, and takes no `inject`. A ReplicaSet, a Job or a Pod is one that no other workload has made; it takes `selector` and `inject`, gets the credentials as its pods are created, and is never restarted.\nExample: `Deployment`',
  }),
  name: optional(objectName, {
    description:
      'Name of the workload, in the namespace of the resource. Either this or `selector`.\nExample: `sms-sender`',
  }),
  selector: optional(selector, {
    description:
      'Selects workloads of this kind in the namespace of the resource by the labels of their pod template, as they come and go. Either this or `name`.',
  }),
  inject: optional(inject, {
    description:
      'Put the credentials into the pods, without a change of the manifest. Each version of the credentials is an immutable Secret, and a pod has the one that belongs to its template.\nDefault: none; the workload reads the target Secret itself, and is only rolled',
    'x-kubernetes-validations': [{ rule: 'has(self.env) || has(self.mount)', message: 'give env, or mount, or both' }],
  }),
  restart: optional(z.enum(['Rolling', 'Never']), {
    description:
      'Whether the pods are replaced when other credentials come into force. With `Never` the pods that run keep what they have, and those created later get what is in force.\nDefault: `Rolling`',
  }),
})

const isUnpatched = `self.kind in ${celList(unpatchedKinds)}`

const consumerRules: ValidationRule[] = [
  {
    rule: 'has(self.name) != has(self.selector)',
    message: 'give either name or selector: one workload by its name, or all that carry some labels',
  },
  {
    rule: '!has(self.selector) || self.selector.matchLabels.all(label, dyn(self.selector.matchLabels[label]) != null)',
    message: 'a label of the selector has no value: give it one, or "" for an empty one',
    fieldPath: '.selector.matchLabels',
  },
  {
    rule: `!has(self.name) || self.name.matches('${dnsSubdomain}')`,
    message:
      "name must be the name of a workload: lower case letters, digits, '-' and '.', beginning and ending with a letter or digit",
  },
  {
    rule: `!(${isUnpatched}) || !has(self.name)`,
    message: 'a ReplicaSet, Job or Pod cannot be given by name: give selector, with labels that its pods have',
  },
  {
    rule: `!(${isUnpatched}) || has(self.inject)`,
    message:
      'a ReplicaSet, Job or Pod gets credentials only as its pods are created: give inject; without it there is nothing to do for it',
  },
  {
    rule: `!(${isUnpatched}) || !has(self.restart) || self.restart == 'Never'`,
    message: 'a ReplicaSet, Job or Pod is never restarted: leave restart out, or set it to Never',
    fieldPath: '.restart',
  },
  {
    rule: "self.kind != 'Rollout' || !has(self.inject)",
    message:
      'nothing can be injected into a Rollout, which is only restarted: leave inject out, and have its pod template read the target Secret',
    fieldPath: '.inject',
  },
]

const keyValues = 'self.keys.filter(field, dyn(self.keys[field]) != null)'

const targetRules: ValidationRule[] = [
  {
    rule: `!has(self.name) || self.name.matches('${dnsSubdomain}')`,
    message:
      "name must be fit for a Secret: lower case letters, digits, '-' and '.', beginning and ending with a letter or digit",
    fieldPath: '.name',
  },
  {
    rule: `!has(self.keys) || ${keyValues}.all(field, self.keys[field].matches('${environmentName}'))`,
    message: 'keys must be fit for environment variables: letters, digits and _, not beginning with a digit',
    fieldPath: '.keys',
  },
  {
    rule: `!has(self.keys) || ${keyValues}.all(field, !self.keys[field].matches('${forbiddenEnvironmentName}'))`,
    message:
      'keys may not be PATH, NODE_OPTIONS, JAVA_TOOL_OPTIONS, _JAVA_OPTIONS, BASH_ENV, LD_*, DYLD_*, PYTHON*, KUBERNETES_* or *_PROXY: these change how programs run; choose another name',
    fieldPath: '.keys',
  },
  {
    rule: `!has(self.keys) || ${keyValues}.all(field, ${keyValues}.exists_one(other, self.keys[other] == self.keys[field]))`,
    message: 'keys gives two fields the same key: give each a key of its own',
    fieldPath: '.keys',
  },
]

/** Rules that need to know the fields of the service. One set for each service, so that the message can name the fields. */
function serviceRules(): ValidationRule[] {
  const rules: ValidationRule[] = []
  for (const service of services.values()) {
    if (service.open === true) {
      rules.push(...openServiceRules(service.id))
      continue
    }
    const all = service.fields.map((field) => field.name)
    const secret = service.fields.filter((field) => field.secret).map((field) => field.name)
    const applies = `self.service != '${service.id}'`
    rules.push(
      {
        rule: `${applies} || !has(self.credentials.fields) || self.credentials.fields.all(field, field.name in ${celList(all)})`,
        message: `${service.id} has no field of that name; its fields are ${all.join(', ')}`,
        fieldPath: '.credentials.fields',
      },
      {
        rule: `${applies} || !has(self.target) || !has(self.target.keys) || self.target.keys.all(field, field in ${celList(all)})`,
        message: `${service.id} has no field of that name; its fields are ${all.join(', ')}`,
        fieldPath: '.target.keys',
      },
    )
    if (secret.length === 0) continue
    rules.push({
      rule: `${applies} || !has(self.credentials.fields) || self.credentials.fields.all(field, !has(field.value) || !(field.name in ${celList(secret)}))`,
      message: `a secret field may not be given as value: put it in a Secret and name that with key or secretKeyRef (secret fields of ${service.id}: ${secret.join(', ')})`,
      fieldPath: '.credentials.fields',
    })
  }
  return rules
}

/** The fields of such a service are known only from the Secret. They become keys of the target. */
function openServiceRules(id: string): ValidationRule[] {
  const applies = `self.service != '${id}' || !has(self.credentials.fields)`
  return [
    {
      rule: `${applies} || self.credentials.fields.all(field, field.name.matches('${secretKeyName}'))`,
      message: "name is the key under which the field is delivered: letters, digits, '-', '_' and '.'",
      fieldPath: '.credentials.fields',
    },
    {
      rule: `${applies} || self.credentials.fields.all(field, !has(field.value))`,
      message: `a field of ${id} may not be given as value, because nobody knows whether it is secret: put it in a Secret and name that with key or secretKeyRef`,
      fieldPath: '.credentials.fields',
    },
  ]
}

function celList(names: readonly string[]): string {
  return `[${names.map((name) => `'${name}'`).join(', ')}]`
}

/** The spec, for a given form of `service`: the CRD lists the known ones, the parser takes any. */
function specSchema<T extends z.ZodType<string>>(service: T) {
  return z.object({
    service: service.meta({
      description: 'The service that the credentials are for.\nExample: `twilio`',
    }),
    credentials: credentials.meta({
      description: 'Where the credentials come from.',
      'x-kubernetes-validations': [
        {
          rule: 'has(self.secretRef) || (has(self.fields) && self.fields.size() > 0)',
          message: 'give secretRef, or fields with a source each, or both',
        },
        {
          rule: 'has(self.secretRef) || !has(self.fields) || self.fields.all(field, !has(field.key))',
          message:
            'key in fields names a key of secretRef: give secretRef, or use secretKeyRef with the name of a Secret',
          fieldPath: '.fields',
        },
      ] satisfies ValidationRule[],
    }),
    target: optional(target, {
      description:
        'The Secret that the operator owns and workloads read. It is written only with credentials that passed the check. With neither `target` nor `consumers` the resource only checks; with `consumers` alone the target has its defaults.',
      'x-kubernetes-validations': targetRules,
    }),
    consumers: optional(
      z
        .array(
          consumer.meta({
            description: 'A workload that reads the target Secret.',
            'x-kubernetes-validations': consumerRules,
          }),
        )
        .max(maxConsumers),
      {
        description: `Workloads that read the target Secret and are rolled, once, when new credentials come into force. One that does not exist (yet) is taken up when it comes. At most ${maxConsumers} entries.\nDefault: none`,
        'x-kubernetes-list-type': 'atomic',
      },
    ),
  })
}

/** The spec for reading: the service may be one that only a newer CRD knows. */
export const specParser = specSchema(z.string())

/** The spec as the CRD has it. */
export const crdSpecSchema = specSchema(z.enum(serviceIds as readonly [string, ...string[]])).meta({
  description: 'What is wanted.',
  'x-kubernetes-validations': serviceRules(),
})

const sameName = (name: string) =>
  `!(has(self.spec.credentials.secretRef) && self.spec.credentials.secretRef.name == ${name}) && (!has(self.spec.credentials.fields) || self.spec.credentials.fields.all(field, !has(field.secretKeyRef) || field.secretKeyRef.name != ${name}))`

/** Rules on the whole object: what stands in metadata, or needs its name. */
export const rootRules: readonly ValidationRule[] = [
  {
    rule: `self.metadata.name.size() <= ${maxResourceNameLength} && !self.metadata.name.contains('.')`,
    message: `metadata.name must have at most ${maxResourceNameLength} characters and no dots: it becomes part of label keys and volume names`,
  },
  {
    rule:
      '!(has(self.spec.target) || (has(self.spec.consumers) && self.spec.consumers.size() > 0)) || (has(self.spec.target) && has(self.spec.target.name) ? ' +
      `(${sameName('self.spec.target.name')}) : (${sameName("(self.metadata.name + '-credentials')")}))`,
    message:
      'the target Secret must be another one than the Secrets the credentials come from; target.name is by default the name of the resource followed by -credentials: choose another target.name',
    fieldPath: '.spec.credentials',
  },
]

const revision = z.string().max(63)
const objectUid = z.string().max(128)

const condition = z.object({
  type: z.string().max(316).meta({ description: 'What the condition is about, such as `Ready`.' }),
  status: z.enum(['True', 'False', 'Unknown']).meta({ description: '`True`, `False` or `Unknown`.' }),
  observedGeneration: z
    .int()
    .min(0)
    .meta({ description: 'The `metadata.generation` that the condition speaks of.' })
    .exactOptional(),
  lastTransitionTime: z.string().max(64).meta({ format: 'date-time', description: 'When `status` changed last.' }),
  reason: z.string().min(1).max(1024).meta({
    pattern: '^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$',
    description: 'Why, in one CamelCase word for programs: the code of the first finding where there is one.',
  }),
  message: z.string().max(32_768).meta({
    description:
      'Why, in words: the Secret, the key, the kind of mistake and what to do. It never holds a value or a piece of one.',
  }),
})

const sourceVersion = z.object({
  name: objectName.meta({ description: 'Name of the Secret.' }),
  uid: objectUid.meta({ description: 'Its `metadata.uid`.' }),
  resourceVersion: z.string().max(128).meta({ description: 'Its `metadata.resourceVersion`.' }),
})

const consumerStatus = z.object({
  kind: z.string().max(63).meta({ description: 'Kind of the workload.' }),
  name: objectName.meta({ description: 'Name of the workload.' }),
  reason: z.string().max(1024).meta({ description: 'Why it is not up to date, in one CamelCase word.' }),
  message: z.string().max(1024).meta({ description: 'Why it is not up to date, and what to do.' }).exactOptional(),
})

const count = z.int().min(0).max(1_000_000).meta({ format: 'int32' })

/** What the operator reports. Written by the operator alone. */
export const statusSchema = z
  .object({
    observedGeneration: z
      .int()
      .min(-1)
      .meta({
        description:
          'The `metadata.generation` that this status speaks of; -1 before the operator has seen the resource.',
        default: -1,
      })
      .exactOptional(),
    conditions: z
      .array(condition.meta({ description: 'One statement about the resource.' }))
      .max(16)
      .meta({
        description:
          '`Ready`: what the Secret holds now is valid, in force, and with every consumer. `SecretsResolved`, `CredentialsValid`, `ConsumersUpToDate`: the steps to it. `Reconciling` and `Stalled` are there only while work goes on, or while a person is needed.',
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['type'],
      })
      .exactOptional(),
    credentialsId: revision
      .meta({
        description:
          'Id of the credentials in force: a revision and the end of the uid of the resource. Absent while nothing is in force. Pods carry it in the label `credentials.tracardi.com/<resource>`.\nExample: `7-4f2c9`',
      })
      .exactOptional(),
    target: z
      .object({ name: objectName.meta({ description: 'Name of the target Secret.' }) })
      .meta({ description: "The target Secret, once it is this resource's, or free to become it." })
      .exactOptional(),
    versions: z
      .array(revision)
      .max(32)
      .meta({
        description:
          'Ids of credentials, the one in force first; before there is one, the id that the first valid contents will get.',
        'x-kubernetes-list-type': 'atomic',
      })
      .exactOptional(),
    sources: z
      .array(sourceVersion.meta({ description: 'A Secret, as it was read.' }))
      .max(maxFields + 1)
      .meta({
        description: 'The Secrets that the credentials in force came from, as they were then.',
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['name'],
      })
      .exactOptional(),
    injection: z
      .object({
        mode: z.enum(['Policy', 'Patch']).meta({
          description:
            '`Policy`: the API server puts the credentials into pods as they are created. `Patch`: the operator puts them into the pod template.',
        }),
        installation: z.string().max(253).meta({ description: 'The installation of the operator that injects.' }),
      })
      .meta({ description: 'How the credentials get into the pods of consumers with `inject`.' })
      .exactOptional(),
    consumers: z
      .object({
        total: count.meta({ description: 'How many workloads are consumers.' }),
        updated: count.meta({ description: 'How many of them carry the credentials in force and are available.' }),
        failed: count.meta({ description: 'How many of them gave up.' }),
        summary: z.string().max(63).meta({ description: '`updated` of `total`, for the column.\nExample: `2/3`' }),
        outdated: z
          .array(consumerStatus.meta({ description: 'A workload that is not up to date.' }))
          .max(10)
          .meta({
            description: 'Consumers that are not up to date, at most 10 of them.',
            'x-kubernetes-list-type': 'atomic',
          })
          .exactOptional(),
      })
      .meta({ description: 'How far the credentials in force have come.' })
      .exactOptional(),
  })
  .meta({
    description: 'What the operator reports. Nobody else writes it.',
    // A new object is never taken for ready: its generation is 1, and tools compare the two.
    default: { observedGeneration: -1 },
  })
