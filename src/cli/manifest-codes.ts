/** Findings about manifests, beside those about credentials (credentials/findings.ts): what they mean, and how to mend them. */

export interface ManifestPage {
  readonly severity: 'error' | 'warning' | 'note'
  readonly title: string
  /** What it means, and how it comes about. */
  readonly meaning: string
  readonly mend: string
  readonly commands: readonly string[]
}

export const manifestPages = {
  ApiVersionUnknown: {
    severity: 'error',
    title: 'The apiVersion of a TracardiResource is not known',
    meaning: 'The API server knows TracardiResources under tracardi.com/v1beta1 alone, and refuses any other.',
    mend: 'Write apiVersion: tracardi.com/v1beta1.',
    commands: ['kubectl api-resources --api-group=tracardi.com'],
  },
  KindUnknown: {
    severity: 'error',
    title: 'There is no such kind in tracardi.com',
    meaning: 'The group tracardi.com has the kind TracardiResource and no other. The API server refuses anything else.',
    mend: 'Write kind: TracardiResource.',
    commands: ['kubectl api-resources --api-group=tracardi.com'],
  },
  NameInvalid: {
    severity: 'error',
    title: 'metadata.name is missing or no name',
    meaning:
      'Every object needs a name of lower case letters, digits, - and dots. kubectl apply takes no generateName either.',
    mend: 'Give the object a name, such as twilio-sms.',
    commands: [],
  },
  ObjectRepeated: {
    severity: 'warning',
    title: 'An object stands in the manifests twice',
    meaning:
      'Two manifests have the same kind, namespace and name. Applied together, the last one wins. Often one of them is a patch of kustomize, which makes sense only together with its base.',
    mend: 'Remove one of them, or check what kustomize makes of them.',
    commands: ['kubectl kustomize overlays/production | tracardi-operator validate -'],
  },
  KeyRepeated: {
    severity: 'error',
    title: 'A key stands in a map twice',
    meaning: 'The last one would count, and whoever reads the file may see the first. kubectl refuses such a file.',
    mend: 'Remove one of the two.',
    commands: [],
  },
  FieldUnknown: {
    severity: 'error',
    title: 'The schema has no such field',
    meaning:
      'A field is mistyped, stands at the wrong depth, or belongs to a newer version of the CRD. kubectl refuses it by default; with --validate=false the API server would drop it without a word.',
    mend: 'Correct the name or the indentation. kubectl explain lists the fields.',
    commands: ['kubectl explain tracardiresource.spec --recursive'],
  },
  FieldMissing: {
    severity: 'error',
    title: 'A field that is needed is missing',
    meaning: 'The API server refuses a TracardiResource without it.',
    mend: 'Add the field. kubectl explain tells what it is.',
    commands: ['kubectl explain tracardiresource.spec --recursive'],
  },
  FieldInvalid: {
    severity: 'error',
    title: 'The schema does not allow what stands in a field',
    meaning:
      'The type is another one, or the text is not one of those that are allowed, too long or too short. The API server refuses it.',
    mend: 'Write what the message names. A number or true where text belongs needs quotes.',
    commands: ['kubectl explain tracardiresource.spec --recursive'],
  },
  RuleBroken: {
    severity: 'error',
    title: 'A rule of the CRD is broken',
    meaning:
      'Fields that are right each do not go together. The rules are those of the CRD itself (x-kubernetes-validations): the API server refuses the resource with the same words.',
    mend: 'Do what the message says.',
    commands: ['tracardi-operator crd | kubectl apply -f -'],
  },
  TargetTaken: {
    severity: 'error',
    title: 'The name of the target is taken',
    meaning:
      'The operator writes the target Secret, and never one that is not its own. A Secret of that name stands in the manifests, or another TracardiResource has the same target: in the cluster one of the two says TargetConflict.',
    mend: 'Choose another spec.target.name, or take the Secret out of the manifests.',
    commands: [],
  },
  TargetKeyRepeated: {
    severity: 'error',
    title: 'Two fields go under one key of the target',
    meaning: 'Two fields have the same key in the target Secret by default, or by spec.target.keys.',
    mend: 'Give one of them another key in spec.target.keys.',
    commands: [],
  },
  SecretDataNotBase64: {
    severity: 'error',
    title: 'A value under data is not base64',
    meaning:
      'data of a Secret holds base64, stringData plain text. Usually plain text was put under data. The API server refuses the Secret.',
    mend: 'Move the key to stringData, or let kubectl write the manifest.',
    commands: ['kubectl create secret generic <name> --from-literal=<key>=<value> --dry-run=client -o yaml'],
  },
  SecretValueNotText: {
    severity: 'error',
    title: 'A value of a Secret is not text',
    meaning:
      'YAML reads 12345 as a number, and true, yes, on, y and n as booleans. A Secret takes text alone, so the API server refuses it.',
    mend: 'Put the value in quotes.',
    commands: [],
  },
  SecretKeyInvalid: {
    severity: 'error',
    title: 'A key of a Secret is not allowed',
    meaning:
      "Keys are letters, digits, '-', '_' and '.', at most 253 of them. The API server refuses the Secret. Are key and value mixed up?",
    mend: 'Rename the key.',
    commands: [],
  },
  SecretNotGiven: {
    severity: 'note',
    title: 'The Secret is not among the manifests',
    meaning:
      'The resource names a Secret that was not given, which is as it should be when Secrets are not kept in Git. So its credentials cannot be checked here; the operator checks them in the cluster. With --require-secrets this is an error.',
    mend: 'Give the Secret as well, for example from the cluster.',
    commands: ['kubectl get secret <name> -n <namespace> -o yaml | tracardi-operator validate resource.yaml -'],
  },
  SecretNotCheckable: {
    severity: 'note',
    title: 'The Secret is encrypted, or made in the cluster',
    meaning:
      'A SealedSecret, an ExternalSecret, a file encrypted by SOPS or the like makes the Secret, and its values are not in the manifests. The operator checks them in the cluster.',
    mend: 'Nothing has to be done. To check a SOPS file here, decrypt it on the way.',
    commands: ['sops --decrypt secret.yaml | tracardi-operator validate resource.yaml -'],
  },
} as const satisfies Readonly<Record<string, ManifestPage>>

export type ManifestCode = keyof typeof manifestPages

/** All codes, sorted. */
export const manifestCodes: readonly ManifestCode[] = (Object.keys(manifestPages) as ManifestCode[]).sort()

export function isManifestCode(code: string): code is ManifestCode {
  return Object.hasOwn(manifestPages, code)
}
