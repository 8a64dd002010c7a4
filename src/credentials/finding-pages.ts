/**
 * What stands behind each code, for `explain` and for docs/findings: what it means, how it comes about, how it is mended.
 * The message itself is made by findings.ts, from a sample, so that page and operator cannot say different things.
 */
import { describeFinding, finding, findingCodes, isWaivable, severityOf } from './findings.ts'
import type { FindingCode, FindingDraft, Severity } from './findings.ts'

export interface FindingPage {
  readonly code: FindingCode
  readonly severity: Severity
  /** Whether `spec.credentials.waive` can name it. */
  readonly waivable: boolean
  /** The message of the operator, for an example. */
  readonly message: string
  readonly meaning: string
  /** How it comes about. */
  readonly causes: string
  /** How to mend it: sentences, then what to copy. */
  readonly mend: string
  /** Shell commands, with names of the example and `<value>` for what is to be filled in. */
  readonly commands: readonly string[]
}

/** The page of a code, or undefined when there is no such code. */
export function explainFinding(code: string): FindingPage | undefined {
  const known = findingCodes.find((other) => other === code)
  if (known === undefined) return undefined
  const { sample = {}, meaning, causes, mend, commands = patch } = pages[known]
  const message = describeFinding(finding({ code: known, ...place, ...sample }, new Set()))
  const waivable = isWaivable(known)
  return { code: known, severity: severityOf(known), waivable, message, meaning, causes, mend, commands }
}

interface Page {
  readonly meaning: string
  readonly causes: string
  readonly mend: string
  /** Default: write the value again. */
  readonly commands?: readonly string[]
  /** What the example differs in from a value under one key. */
  readonly sample?: Partial<Omit<FindingDraft, 'code' | 'severity'>>
}

const place = { secret: 'twilio-live', key: 'authToken', field: 'authToken' } as const
const pemPlace = { secret: 'salesforce-live', key: 'privateKey', field: 'privateKey' } as const
const urlPlace = { secret: 'redis-live', key: 'url', field: 'url' } as const

const patch = [`kubectl patch secret twilio-live -p '{"stringData":{"authToken":"<value>"}}'`]
const patchUrl = [`kubectl patch secret redis-live -p '{"stringData":{"url":"<value>"}}'`]
const fromFile = [
  'kubectl create secret generic salesforce-live --from-file=privateKey=server.key --dry-run=client -o json | kubectl patch secret salesforce-live --patch-file=/dev/stdin',
]
const edit = ['kubectl edit tracardiresource twilio-sms']
const keys = [`kubectl get secret twilio-live -o json | jq '.data | keys'`]
const removeKey = [`kubectl patch secret twilio-live --type=json -p '[{"op":"remove","path":"/data/authToken"}]'`]
const lastBytes = `kubectl get secret twilio-live -o jsonpath='{.data.authToken}' | base64 -d | tail -c 1 | xxd # 0a is a line break`

const copiedAgain = 'Copy the value from the page of the vendor again, and write it as it is.'

const pages: Readonly<Record<FindingCode, Page>> = {
  UnsupportedService: {
    meaning: 'The operator that looked at the resource knows no service of this name. Nothing was checked or changed.',
    causes: 'A typing error, or an operator that is older than the definition of the resource.',
    mend: 'Correct `spec.service`, or upgrade the operator. `generic` takes what no service of the catalogue stands for.',
    commands: edit,
    sample: { params: { service: 'twillio', known: ['sendgrid', 'twilio'], meant: 'twilio' } },
  },
  SecretNotFound: {
    meaning: 'A Secret that the resource names does not exist in its namespace. What is in force stays in force.',
    causes:
      'It was not created yet, was deleted, is in another namespace, or a controller that makes it (External Secrets, Sealed Secrets) failed.',
    mend: 'Create it. The operator sees it within a second, whatever was applied first.',
    commands: [
      'kubectl get secrets',
      'kubectl create secret generic twilio-live --from-literal=accountSid=<value> --from-literal=authToken=<value>',
    ],
    sample: { params: { keys: ['accountSid', 'authToken'] } },
  },
  ForbiddenSecretType: {
    meaning: 'The Secret holds something of the cluster itself. The operator never reads such Secrets.',
    causes: 'The name of a token of a service account, of a bootstrap token or of a Helm release was given.',
    mend: 'Put the credentials of the service into a Secret of their own, and name that one.',
    commands: ['kubectl get secret twilio-live -o jsonpath={.type}', ...edit],
  },
  OperatorOwnedSecret: {
    meaning: 'The Secret is a target that the operator keeps. As a source it would feed on itself.',
    causes: 'The name of the target was given in place of the name of the source.',
    mend: 'Name the Secret from which the target was made.',
    commands: edit,
  },
  KeyNotFound: {
    meaning: 'The Secret is there, but not the key that `spec.credentials.fields` names.',
    causes: 'A typing error, or the key was renamed in one of the two places.',
    mend: 'Correct the key in the resource, or add it to the Secret.',
    commands: [...keys, ...edit],
    sample: { key: 'auth-tokn', params: { present: ['accountSid', 'auth-token'], more: 0, meant: 'auth-token' } },
  },
  UnknownField: {
    meaning: '`spec.credentials.fields` has an entry for a field that the service does not have.',
    causes: 'The name of a key was given where the name of a field belongs, or it is spelt in another way.',
    mend: 'Use the name of the field under `name`, and that of the key under `key`.',
    commands: edit,
    sample: { field: 'token', params: { service: 'twilio', known: ['accountSid', 'authToken'], meant: 'authToken' } },
  },
  InvalidFieldSource: {
    meaning: 'It cannot be told where the value of a field comes from.',
    causes: 'An entry of `fields` names more than one source, or a key without a Secret.',
    mend: 'Keep exactly one of `key`, `secretKeyRef` and `value`. `key` needs `spec.credentials.secretRef`.',
    commands: edit,
    sample: { params: { problem: 'several' } },
  },
  SecretGivenAsValue: {
    meaning: 'A field that is secret was written into the resource in plain text, where many people can read it.',
    causes: '`value` was used for it. That is meant for fields such as a region or a host.',
    mend: 'Put it into a Secret and use `key` or `secretKeyRef`. Then rotate it at the vendor: it has been seen.',
    commands: [...patch, ...edit],
  },
  ConflictingKeys: {
    meaning: 'Two keys of the Secret stand for the same field and hold different values. The operator does not guess.',
    causes: 'A value was added under a new name while the old one stayed, often during a rotation.',
    mend: 'Remove the one that is not meant, or choose with `spec.credentials.fields`.',
    commands: [...keys, ...removeKey],
    sample: { params: { keys: ['authToken', 'auth_token'] } },
  },
  MissingField: {
    meaning: 'The service needs this field, and the Secret has no key of any of the names that stand for it.',
    causes: 'The key has a name that the operator does not know, or was forgotten.',
    mend: 'Add the key. If the value is there under another name, rename that key, or name it in `spec.credentials.fields`.',
    commands: [...keys, ...patch],
    sample: {
      params: {
        partners: ['accountSid'],
        lookedFor: ['authToken', 'auth_token', 'TWILIO_AUTH_TOKEN'],
        present: ['accountSid', 'auth-tokn'],
        more: 0,
        meant: 'auth-tokn',
        alternatives: ['accountSid + apiKeySid + apiKeySecret'],
      },
    },
  },
  EmptyValue: {
    meaning: 'The key is there, but holds nothing, or nothing but white space.',
    causes: 'A variable of a pipeline was not set, or a file was empty when the Secret was made from it.',
    mend: 'Write the value.',
    sample: { params: { kind: 'empty' } },
  },
  IncompletePair: {
    meaning: 'One half of a pair is there, the other is missing. Alone it is of no use.',
    causes: 'The second half was forgotten, or the first was left when a pair was removed.',
    mend: 'Add the other half, or remove this one.',
    commands: [`kubectl patch secret twilio-live -p '{"stringData":{"apiKeySecret":"<value>"}}'`],
    sample: {
      field: 'apiKeySid',
      key: 'apiKeySid',
      params: { partner: 'apiKeySecret', lookedFor: ['apiKeySecret', 'api_secret'], present: ['apiKeySid'], more: 0 },
    },
  },
  MissingPartner: {
    meaning: 'The value is of a kind that works only together with another field.',
    causes: 'Temporary credentials were copied without their session token, for instance.',
    mend: 'Add the field that the message names, or use credentials of the other kind.',
    commands: [`kubectl patch secret aws-live -p '{"stringData":{"sessionToken":"<value>"}}'`],
    sample: {
      secret: 'aws-live',
      key: 'accessKeyId',
      field: 'accessKeyId',
      params: {
        partner: 'sessionToken',
        because: 'Access keys that begin with ASIA are temporary.',
        lookedFor: ['sessionToken', 'AWS_SESSION_TOKEN'],
        present: ['accessKeyId', 'secretAccessKey'],
        more: 0,
      },
    },
  },
  ForbiddenPartner: {
    meaning: 'Two fields stand side by side of which the service takes only one.',
    causes: 'Something of an older set of credentials was left in the Secret.',
    mend: 'Remove the one that is not meant.',
    commands: [`kubectl patch secret aws-live --type=json -p '[{"op":"remove","path":"/data/sessionToken"}]'`],
    sample: {
      secret: 'aws-live',
      key: 'sessionToken',
      field: 'sessionToken',
      params: { partner: 'accessKeyId', because: 'Access keys that begin with AKIA are long-lived.' },
    },
  },
  SwappedFields: {
    meaning: 'Each of two values has the form that the other should have.',
    causes: 'They were pasted in the wrong order.',
    mend: 'Exchange the two values.',
    commands: [`kubectl patch secret twilio-live -p '{"stringData":{"accountSid":"<value>","authToken":"<value>"}}'`],
    sample: { field: 'accountSid', key: 'accountSid', params: { other: 'authToken' } },
  },
  NotUtf8: {
    meaning: 'The bytes of the value are no text that any client could send.',
    causes: 'PowerShell wrote the file with `>`, which gives UTF-16, or a binary file was taken for the value.',
    mend: 'Write the value again as plain text. In PowerShell, use `Set-Content -NoNewline -Encoding ascii`.',
    sample: { params: { encoding: 'utf-16' } },
  },
  OversizedValue: {
    meaning: 'The value is larger than 16 KiB. No credential of one line is.',
    causes: 'A whole file was put under the key, such as a page of HTML, an archive or a log.',
    mend: 'Write the value alone.',
  },
  DoubleBase64: {
    meaning: 'The value is base64 of a right value. Kubernetes has decoded it once already.',
    causes:
      'The value was encoded by hand and then put into `stringData`, `--from-literal` or a tool that encodes too.',
    mend: 'Put the plain value into `stringData`, or encode it once for `data`.',
  },
  UnrenderedTemplate: {
    meaning: 'The value is an expression that some tool should have replaced.',
    causes: 'A template of Helm, a variable of a shell, or a reference to a vault went through without its tool.',
    mend: 'Look at how the Secret is made: the step that fills in the value did not run, or not on this file.',
    commands: ['helm template <release> <chart> | less', ...patch],
  },
  Placeholder: {
    meaning: 'The value is a word that somebody should have replaced by the real one.',
    causes: 'An example was applied as it is.',
    mend: 'Write the real value.',
  },
  VendorSample: {
    meaning: 'The value stands in the documentation of the vendor, and no service takes it.',
    causes: 'It was copied from a guide together with the command around it.',
    mend: 'Create credentials of your own at the vendor, and write these.',
  },
  VariableNameIncluded: {
    meaning: 'The value begins with the name of a variable, as a line of an .env file does.',
    causes: 'The whole line was copied, or `--from-file` was used in place of `--from-env-file`.',
    mend: 'Keep only what follows the equals sign. A file of such lines is read with `--from-env-file`.',
    commands: [
      ...patch,
      'kubectl create secret generic twilio-live --from-env-file=twilio.env --dry-run=client -o yaml | kubectl apply -f -',
    ],
  },
  SchemeWordIncluded: {
    meaning: 'The value begins with the word for the kind of authentication, as an HTTP header does.',
    causes: 'It was copied from a request. Clients put the word before the token themselves.',
    mend: 'Keep only what follows the word.',
  },
  JsonDocument: {
    meaning: 'The value is a JSON document, but the field is one plain value.',
    causes: 'The answer of an API, or a key file, was stored as a whole.',
    mend: 'Take the one value out of the document.',
    commands: [
      `jq -j .authToken answer.json | kubectl create secret generic twilio-live --from-file=authToken=/dev/stdin --dry-run=client -o json | kubectl patch secret twilio-live --patch-file=/dev/stdin`,
    ],
  },
  WrongKindOfValue: {
    meaning: 'The value is something else that the vendor hands out as well, and often is taken for this.',
    causes: 'Pages of vendors show several ids, keys and addresses side by side.',
    mend: 'Copy the one that the message asks for.',
    sample: {
      field: 'accountSid',
      key: 'accountSid',
      params: { is: 'an API key SID (SK...)', expected: '34 characters: AC and 32 hexadecimal digits' },
    },
  },
  ForeignCredential: {
    meaning: 'The value has a form that only the credentials of another service have.',
    causes: 'Two Secrets, or two lines, were mixed up.',
    mend: 'Write the value of this service. If the other one was seen by people who should not, rotate it.',
    sample: { params: { is: 'a SendGrid API key (SG....)', service: 'twilio' } },
  },
  RetiredCredential: {
    meaning: 'The vendor has withdrawn credentials of this form.',
    causes: 'An old Secret outlived them.',
    mend: 'Create credentials of the new form, and write these.',
    sample: { params: { why: 'Airtable withdrew API keys in February 2024. Create a personal access token.' } },
  },
  ByteOrderMark: {
    meaning: 'Three invisible bytes stand before the value. No service takes them.',
    causes: 'A Windows editor saved the file as "UTF-8 with BOM", and the Secret was made from it.',
    mend: 'Write the value again, or save the file as UTF-8 without BOM.',
  },
  TrailingNewline: {
    meaning:
      'The value ends with a line break. Many clients fail on it, with errors that do not say so; others cut it off, so that it shows only in production.',
    causes: '`echo` adds one, editors do too, and `kubectl create secret --from-file` keeps it.',
    mend: 'Write the value again. In a shell, use `printf %s` in place of `echo`.',
    commands: [lastBytes, ...patch],
    sample: { params: { ending: 'lf' } },
  },
  CarriageReturn: {
    meaning:
      'The value holds the line ending of Windows. In a key or a certificate it only warns: most programs take it.',
    causes: 'The file was edited or checked out on Windows.',
    mend: 'Write the value again, or take the carriage returns out of the file.',
    commands: [`tr -d '\\r' < server.key > server-unix.key`, ...patch],
  },
  MultipleLines: {
    meaning: 'The value has several lines, but the field is one plain value.',
    causes: 'A whole file, or two values, were put under one key.',
    mend: 'Write the one value alone.',
  },
  UrlEncodedValue: {
    meaning: 'The value is right once it is percent-decoded.',
    causes: 'It was copied out of a URL, where some signs must be encoded.',
    mend: 'Decode it, and write that.',
    commands: [`python3 -c 'import sys,urllib.parse;print(urllib.parse.unquote(input()),end="")'`, ...patch],
  },
  ShellEscapes: {
    meaning: 'The value is right without its backslashes.',
    causes: 'Signs such as `!` and `$` were escaped for a shell within quotes where it keeps the backslash.',
    mend: 'Put the value between single quotes, where shells change nothing, and escape nothing.',
  },
  NonAsciiCharacter: {
    meaning:
      'A sign of another alphabet stands where only ASCII can stand. It may look exactly like a letter of ASCII.',
    causes: 'A chat, a document or an e-mail replaced a dash or a quote, or a letter was typed on another keyboard.',
    mend: copiedAgain,
    sample: { params: { position: 7 } },
  },
  LookalikeCharacter: {
    meaning: 'The value is right once letters and digits that look alike are exchanged.',
    causes: 'It was typed from a screen or a printout.',
    mend: copiedAgain,
  },
  PemIncomplete: {
    meaning: 'A key or certificate in PEM has a BEGIN and an END line. One of them is missing or damaged.',
    causes: 'It was not copied to its end, or a field of a form cut it off.',
    mend: 'Write the whole file.',
    commands: fromFile,
    sample: { ...pemPlace, params: { line: 'END' } },
  },
  PemUnreadable: {
    meaning: 'The BEGIN and END lines are there, but what stands between them cannot be read.',
    causes: 'Lines were lost, indented or wrapped, or the file was edited.',
    mend: 'Write the file again. OpenSSL tells whether the file itself is whole.',
    commands: ['openssl pkey -in server.key -noout', ...fromFile],
    sample: pemPlace,
  },
  MissingLineBreaks: {
    meaning: 'A key or certificate in PEM needs its lines. All of them were joined.',
    causes: 'It was pasted into a field of one line, or went through a variable without quotes.',
    mend: 'Write it again from its file.',
    commands: fromFile,
    sample: pemPlace,
  },
  EscapedLineBreaks: {
    meaning: 'A backslash and the letter n stand where line breaks belong.',
    causes: 'The key was copied out of a JSON file or an .env file.',
    mend: 'Turn them into line breaks, and write the file.',
    commands: [`printf '%b' "$(cat escaped.key)" > server.key`, ...fromFile],
    sample: pemPlace,
  },
  QuotedValue: {
    meaning: 'The quotes around the value are part of it.',
    causes: 'It was copied from YAML, JSON or an .env file, or quoted twice on a command line.',
    mend: 'Write the value without them.',
  },
  InvisibleCharacter: {
    meaning: 'The value holds a sign that nobody sees, such as a zero-width space.',
    causes: 'Web pages, chats and word processors add them when text is copied.',
    mend: 'Write the value again. Typing the place over, or pasting through a plain text editor, helps.',
    sample: { params: { character: 'U+200B' } },
  },
  SurroundingWhitespace: {
    meaning: 'White space stands before or behind the value. For passwords without a known form, spaces only warn.',
    causes: 'More was selected than meant when it was copied.',
    mend: 'Write the value without it.',
    sample: { params: { side: 'ends' } },
  },
  UrlMissingScheme: {
    meaning: 'The URL lacks its beginning, which says how to connect.',
    causes: 'Only the host was given.',
    mend: 'Put the scheme before it.',
    commands: patchUrl,
    sample: { ...urlPlace, params: { schemes: ['redis://', 'rediss://'] } },
  },
  UrlWrongScheme: {
    meaning: 'The URL begins with a scheme that the clients of the service do not know.',
    causes: 'It is the address of another service, or of its web page, or written in capitals.',
    mend: 'Use one of the schemes that the message names.',
    commands: patchUrl,
    sample: { ...urlPlace, params: { schemes: ['redis://', 'rediss://'] } },
  },
  UrlUnescapedCharacter: {
    meaning: 'The user or the password in the URL holds a sign that has a meaning of its own there.',
    causes: 'The password was put into the URL as it is.',
    mend: 'Percent-encode it, or give host, user and password in fields of their own.',
    commands: [
      `python3 -c 'import getpass,urllib.parse;print(urllib.parse.quote(getpass.getpass(),safe=""))'`,
      ...patchUrl,
    ],
    sample: { ...urlPlace, params: { escapes: ['"#" as %23'] } },
  },
  UrlContainsCredentials: {
    meaning: 'A URL that is not kept secret holds a user or a password.',
    causes: 'A connection string was used where an address belongs.',
    mend: 'Take them out of the URL, and give them in their own fields.',
    commands: patchUrl,
    sample: { ...urlPlace },
  },
  UrlMissingHost: {
    meaning: 'The URL names no host.',
    causes: 'A variable in it was empty when it was put together.',
    mend: 'Write the URL again.',
    commands: patchUrl,
    sample: { ...urlPlace },
  },
  UrlInvalidPort: {
    meaning: 'What follows the host and a colon is no port.',
    causes: 'A typing error, or a password with a raw sign that shifts everything behind it.',
    mend: 'Write the URL again.',
    commands: patchUrl,
    sample: { ...urlPlace },
  },
  UrlInvalidDatabase: {
    meaning: 'The path of the URL should be the number of a database.',
    causes: 'A name was given, or a password holds a raw slash.',
    mend: 'Use a number, or leave the path out.',
    commands: patchUrl,
    sample: { ...urlPlace },
  },
  UrlUnexpectedPart: {
    meaning: 'The URL has a part that does not belong to an address.',
    causes: 'It was copied from the address line of a browser.',
    mend: 'Cut it off behind the path.',
    commands: patchUrl,
    sample: { ...urlPlace, params: { part: 'a query' } },
  },
  Truncated: {
    meaning: 'The value begins as it should, but is too short.',
    causes:
      'It was not selected to its end when it was copied, or a shell took a part of it (such as $abc) for a variable.',
    mend: copiedAgain,
    sample: { params: { actual: 24, length: 32 } },
  },
  PatternMismatch: {
    meaning: 'The value does not have the form that the vendor gives to this field, and no known mistake explains it.',
    causes: 'Another value was pasted, or the vendor has changed the form.',
    mend: 'Compare with the page of the vendor. If the value is right, waive the finding: the catalogue is behind the vendor then.',
    commands: [
      ...patch,
      `kubectl patch tracardiresource twilio-sms --type=merge -p '{"spec":{"credentials":{"waive":["PatternMismatch"]}}}'`,
    ],
    sample: { params: { expected: '32 hexadecimal digits in lower case' } },
  },
  ChecksumMismatch: {
    meaning: 'The last characters of the value are a checksum of the others, and do not match.',
    causes: 'It was typed, or cut and put together again.',
    mend: copiedAgain,
  },
  ExpiredCredential: {
    meaning: 'A token or certificate says itself until when it holds, and that time is over.',
    causes: 'Nobody renewed it, or an old copy was applied again.',
    mend: 'Have a new one issued. Long-lived credentials with a rotation serve better than tokens that expire.',
    commands: [
      `kubectl get secret twilio-live -o jsonpath='{.data.authToken}' | base64 -d | openssl x509 -noout -enddate`,
      ...patch,
    ],
  },
  FieldsDisagree: {
    meaning: 'Each of two values is right by itself, but they belong to different regions, plans or accounts.',
    causes: 'One of them was changed, the other was not.',
    mend: 'Do what the message says.',
    commands: [`kubectl patch secret mailchimp-live -p '{"stringData":{"server":"<value>"}}'`],
    sample: {
      secret: 'mailchimp-live',
      key: 'apiKey',
      field: 'apiKey',
      params: {
        other: 'server',
        about: 'the data centre',
        because: 'Use the server that stands behind the dash of the API key.',
      },
    },
  },
  AmbiguousVariant: {
    meaning: 'The Secret holds more than one complete set of credentials. All are checked and delivered.',
    causes: 'A new kind of credential was added and the old one stayed.',
    mend: 'Remove the set that is not in use.',
    commands: [...keys, ...removeKey],
    sample: { params: { variants: ['authToken', 'apiKey'] } },
  },
  UnusualLength: {
    meaning: 'The value is of the right kind, but longer than any that is known, or one of its parts is.',
    causes: 'Something was pasted twice, or the vendor has begun to give out longer ones.',
    mend: 'Compare with the page of the vendor. If it is right, waive the finding.',
    sample: { params: { actual: 33, length: 32 } },
  },
  TestCredential: {
    meaning: 'The value works, but only in the test mode or the test system of the vendor.',
    causes: 'The wrong one of two keys was copied, or this is meant for a test.',
    mend: 'Write the live one. If a test is meant, waive the finding.',
    sample: { params: { is: 'a test-mode key (sk_test_...)' } },
  },
  ForbiddenKey: {
    meaning:
      'The key is the name of a variable that makes programs run other code, or trust something else. Who may write a Secret must not thereby command every program that reads it.',
    causes: 'A Secret with the settings of a program was named, not only with its credentials.',
    mend: 'Take the key out of the Secret, or put the credentials into a Secret of their own.',
    commands: [`kubectl patch secret app-live --type=json -p '[{"op":"remove","path":"/data/NODE_OPTIONS"}]'`],
    sample: { secret: 'app-live', key: 'NODE_OPTIONS', field: 'NODE_OPTIONS' },
  },
  KeyNotVariable: {
    meaning: 'The key is delivered under its own name, which a container may not get as an environment variable.',
    causes: 'It holds a dash or a dot, or begins with a digit.',
    mend: 'Rename it in capitals with underscores, give it another name in `spec.target.keys`, or mount files.',
    commands: keys,
    sample: { key: 'auth-token' },
  },
  PossiblePlaceholder: {
    meaning: 'The value is a word such as `secret` or `test`. It may be real, and is a weak password then.',
    causes: 'An example was applied as it is, or a password was never chosen.',
    mend: 'Write the real value, or choose a password that cannot be guessed.',
  },
  PossibleDoubleBase64: {
    meaning:
      'The value could be base64 of a line of text. Nothing is known about its form, so this is only a suspicion.',
    causes: 'The output of `base64` was put into `stringData`, or encoded once more.',
    mend: 'Put the plain value into `stringData`, or encode it once for `data`.',
  },
  UnknownWaiver: {
    meaning: '`spec.credentials.waive` names something that is no code, or a code that cannot be waived.',
    causes: 'A typing error, or a code of another version of the operator.',
    mend: 'Correct it, or take it out.',
    commands: edit,
    sample: { params: { unknown: ['TrailingNewLine'], meant: 'TrailingNewline' } },
  },
  UnusedField: {
    meaning: 'The value belongs to another kind of credentials than the others, so it is not delivered.',
    causes: 'Something of an older set was left in the Secret, or half of a set is missing.',
    mend: 'Remove it, or add what belongs to it.',
    commands: [`kubectl patch secret twilio-live --type=json -p '[{"op":"remove","path":"/data/region"}]'`],
    sample: { key: 'region', field: 'region', params: { variant: 'oauth' } },
  },
}
