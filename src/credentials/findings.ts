/**
 * What was found about a set of credentials. A finding is data with a stable code; its text comes last, from this one
 * table, so that nothing can put a value into a message: there is no place for one in a finding.
 */
import { looksLikeCredential, looksLikeToken } from './credential-names.ts'
import { printableName } from './names.ts'

export type Severity = 'error' | 'warning'

type Params = Readonly<Record<string, string | number | readonly string[]>>

/** Data first; nothing in here can hold a value or a piece of one. */
export interface Finding {
  /** CamelCase: a condition reason, and what `waive` names. */
  readonly code: FindingCode
  readonly severity: Severity
  /** Waived findings stay in the list, but block nothing. */
  readonly waived: boolean
  readonly field?: string
  readonly secret?: string
  readonly key?: string
  /** Names, counts and fixed words for the message. */
  readonly params: Params
}

interface Kind {
  readonly severity: Severity
  /** False: waiving cannot make a value usable that is not there, or a choice that was not made. */
  readonly waivable: boolean
  readonly describe: (finding: Placed) => string
}

/** A finding, and where its Secret is, for commands that can be copied. */
interface Placed extends Finding {
  readonly namespace: string | undefined
}

function text(finding: Finding, name: string): string {
  const value = finding.params[name]
  return typeof value === 'string' || typeof value === 'number' ? String(value) : ''
}

function list(finding: Finding, name: string): readonly string[] {
  const value = finding.params[name]
  return Array.isArray(value) ? (value as readonly string[]) : []
}

/** A credential that was pasted in place of a name is not shown: everybody who may read a status would see it. */
function safeName(name = ''): string {
  return looksLikeCredential(name) ? '[not shown: it looks like a credential]' : printableName(name)
}

function quoted(name: string | undefined): string {
  const shown = safeName(name)
  return shown.startsWith('[') ? shown : `"${shown}"`
}

/** For a command that a person copies. Names of Secrets may be long. */
function secretInCommand(name = ''): string {
  return looksLikeToken(name) ? '<secret>' : printableName(name)
}

function keyInCommand(name = ''): string {
  return looksLikeCredential(name) ? '<key>' : printableName(name)
}

function quotedList(names: readonly string[]): string {
  return names.map(quoted).join(', ')
}

function secretName(finding: Finding): string {
  const name = finding.secret ?? ''
  return looksLikeToken(name) ? `Secret ${safeName(name)}` : `Secret "${printableName(name)}"`
}

/** `Secret "x", key "y"`, or the field of the spec. */
function place(finding: Finding): string {
  if (finding.secret === undefined) return `spec.credentials.fields ${quoted(finding.field)}`
  return finding.key === undefined ? secretName(finding) : `${secretName(finding)}, key ${quoted(finding.key)}`
}

function kubectl({ namespace }: Placed, command: string): string {
  return `kubectl ${namespace === undefined ? '' : `-n ${printableName(namespace)} `}${command}`
}

function patchCommand(finding: Placed, key: string | undefined): string {
  const secret = secretInCommand(finding.secret)
  return kubectl(finding, `patch secret ${secret} -p '{"stringData":{"${keyInCommand(key)}":"<value>"}}'`)
}

/** How to write the value again. Both ways add no line break and need no base64. */
function rewrite(finding: Placed): string {
  return finding.secret === undefined || finding.key === undefined
    ? 'Correct it in the spec.'
    : `Write it again: ${patchCommand(finding, finding.key)}.`
}

/** How to write a file of several lines. */
function refile(finding: Placed): string {
  if (finding.secret === undefined || finding.key === undefined) return 'Correct it in the spec.'
  const secret = secretInCommand(finding.secret)
  const make = `create secret generic ${secret} --from-file=${keyInCommand(finding.key)}=<file> --dry-run=client -o json`
  return `Write it again from its file: ${kubectl(finding, make)} | ${kubectl(finding, `patch secret ${secret} --patch-file=/dev/stdin`)}.`
}

function presentKeys(finding: Finding): string {
  const present = list(finding, 'present')
  const more = Number(text(finding, 'more'))
  if (present.length === 0) return more === 0 ? 'The Secret has no keys.' : `Present keys: ${more} not shown.`
  return `Present keys: ${quotedList(present)}${more === 0 ? '' : ` and ${more} more`}.`
}

function didYouMean(finding: Finding): string {
  const meant = text(finding, 'meant')
  return meant === '' ? '' : ` Did you mean ${quoted(meant)}?`
}

function ofField(finding: Finding): string {
  return finding.field === undefined ? '' : ` (field ${safeName(finding.field)})`
}

function lookedFor(finding: Finding): string {
  return finding.secret === undefined
    ? 'spec.credentials names no Secret that could hold it.'
    : `Looked for: ${quotedList(list(finding, 'lookedFor'))}. ${presentKeys(finding)}`
}

/** A key that is nearly right is to be named, not written a second time. */
function addition(finding: Placed): string {
  const meant = text(finding, 'meant')
  const field = safeName(finding.field)
  return meant === ''
    ? `Add it: ${patchCommand(finding, finding.field)}.`
    : `Then rename that key to ${field}, or add {name: ${field}, key: ${keyInCommand(meant)}} to spec.credentials.fields.`
}

function alternatives(finding: Finding): string {
  const others = list(finding, 'alternatives')
  return others.length === 0 ? '' : ` Other complete sets: ${others.join('; ')}.`
}

function orList(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1) ?? ''}`
}

function andList(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1) ?? ''}`
}

function shellHint(finding: Finding): string {
  return text(finding, 'hint') === 'shell'
    ? ' If it was given on a command line, put it between single quotes: shells change $, ! and backslashes elsewhere.'
    : ''
}

function kind(severity: Severity, waivable: boolean, describe: (finding: Placed) => string): Kind {
  return { severity, waivable, describe }
}

// In the order in which they help most: the first finding becomes the reason of the condition.
const kinds = {
  UnsupportedService: kind(
    'error',
    false,
    (f) =>
      `This operator knows no service of the name ${quoted(text(f, 'service'))}.${didYouMean(f)} Known services: ${list(f, 'known').join(', ')}. A newer operator may know more.`,
  ),
  SecretNotFound: kind(
    'error',
    false,
    (f) =>
      `${secretName(f)} does not exist in this namespace. Create it: ${kubectl(f, `create secret generic ${secretInCommand(f.secret)}`)}${list(
        f,
        'keys',
      )
        .map((key) => ` --from-literal=${keyInCommand(key)}=<value>`)
        .join('')}.`,
  ),
  ForbiddenSecretType: kind(
    'error',
    false,
    (f) =>
      `${secretName(f)} is of a type that is never read here: service account tokens, bootstrap tokens and Helm releases are no credentials of a service. Name another Secret.`,
  ),
  OperatorOwnedSecret: kind(
    'error',
    false,
    (f) =>
      `${secretName(f)} was written by this operator and cannot be a source. Name the Secret from which it was made.`,
  ),
  KeyNotFound: kind(
    'error',
    false,
    (f) =>
      `${secretName(f)} has no key ${quoted(f.key)}, which spec.credentials.fields names for ${safeName(f.field)}. ${presentKeys(f)}${didYouMean(f)}`,
  ),
  UnknownField: kind(
    'error',
    false,
    (f) =>
      `spec.credentials.fields names ${quoted(f.field)}, which is no field of ${text(f, 'service')}.${didYouMean(f)} Fields: ${list(f, 'known').join(', ')}.`,
  ),
  InvalidFieldSource: kind('error', false, (f) =>
    text(f, 'problem') === 'noSecretRef'
      ? `spec.credentials.fields ${quoted(f.field)} names a key, but spec.credentials.secretRef is not set. Set it, or use secretKeyRef.`
      : `spec.credentials.fields ${quoted(f.field)} names more than one source. Keep one of key, secretKeyRef and value.`,
  ),
  SecretGivenAsValue: kind(
    'error',
    false,
    (f) =>
      `spec.credentials.fields ${quoted(f.field)} is secret and must not be given as value. Put it into a Secret, replace value by key or secretKeyRef, and rotate what was written here: everybody who may read the resource has seen it.`,
  ),
  ConflictingKeys: kind(
    'error',
    false,
    (f) =>
      `${secretName(f)}: the keys ${andList(list(f, 'keys').map(quoted))} all stand for ${safeName(f.field)} and differ. Keep one, or choose with spec.credentials.fields.`,
  ),
  MissingField: kind(
    'error',
    false,
    (f) =>
      `${f.secret === undefined ? `The credentials have no ${safeName(f.field)}` : `${secretName(f)} has no key for ${safeName(f.field)}`}, which is needed${
        list(f, 'partners').length > 0 ? ` with ${andList(list(f, 'partners'))}` : ''
      }. ${lookedFor(f)}${didYouMean(f)}${f.secret === undefined ? '' : ` ${addition(f)}`}${alternatives(f)}`,
  ),
  EmptyValue: kind(
    'error',
    false,
    (f) => `${place(f)}: the value is ${text(f, 'kind')}, but ${safeName(f.field)} is needed. ${rewrite(f)}`,
  ),
  IncompletePair: kind(
    'error',
    true,
    (f) =>
      `${place(f)}: ${safeName(f.field)} is of no use without ${text(f, 'partner')}. ${lookedFor(f)}${didYouMean(f)} Add the missing one or remove this one.`,
  ),
  MissingPartner: kind(
    'error',
    true,
    (f) =>
      `${place(f)}: ${text(f, 'partner')} is missing beside it. ${text(f, 'because')} ${lookedFor(f)}${didYouMean(f)}`,
  ),
  ForbiddenPartner: kind(
    'error',
    true,
    (f) =>
      `${place(f)}: ${safeName(f.field)} must not stand beside ${text(f, 'partner')}. ${text(f, 'because')} Remove one of the two.`,
  ),
  SwappedFields: kind(
    'error',
    true,
    (f) =>
      `${place(f)}: ${safeName(f.field)} and ${text(f, 'other')} look swapped: each holds what the other should. Exchange the two values.`,
  ),
  NotUtf8: kind('error', true, (f) =>
    text(f, 'encoding') === 'utf-16'
      ? `${place(f)}: the value is not UTF-8 text (it looks like UTF-16, as PowerShell writes it with >). ${rewrite(f)}`
      : `${place(f)}: the value is not UTF-8 text (it holds binary data). ${rewrite(f)}`,
  ),
  OversizedValue: kind(
    'error',
    true,
    (f) =>
      `${place(f)}: the value is larger than 16 KiB, which no ${safeName(f.field ?? 'field')} is: probably a whole file. ${rewrite(f)}`,
  ),
  DoubleBase64: kind(
    'error',
    true,
    (f) =>
      `${place(f)}: the value is base64-encoded twice. Put plain text into stringData, or encode once for data. ${rewrite(f)}`,
  ),
  UnrenderedTemplate: kind(
    'error',
    true,
    (f) =>
      `${place(f)}: the value holds a template expression or a reference that nothing has filled in. ${rewrite(f)}`,
  ),
  Placeholder: kind('error', true, (f) => `${place(f)}: the value is still a placeholder. ${rewrite(f)}`),
  VendorSample: kind(
    'error',
    true,
    (f) => `${place(f)}: the value is a sample from the documentation of the vendor. ${rewrite(f)}`,
  ),
  VariableNameIncluded: kind(
    'error',
    true,
    (f) =>
      `${place(f)}: the value holds the name of a variable as well, as in a line of an .env file. Keep only what follows the name and the equals sign or colon. ${rewrite(f)}`,
  ),
  SchemeWordIncluded: kind(
    'error',
    true,
    (f) =>
      `${place(f)}: the value holds the word for the kind of authentication as well (Bearer, Basic, ApiKey, Token or Bot), as in an HTTP header. Keep only what follows that word. ${rewrite(f)}`,
  ),
  JsonDocument: kind(
    'error',
    true,
    (f) =>
      `${place(f)}: the value is a JSON document, but ${safeName(f.field)} is one plain value out of it. ${rewrite(f)}`,
  ),
  WrongKindOfValue: kind(
    'error',
    true,
    (f) => `${place(f)}: the value is ${text(f, 'is')}. Expected for ${safeName(f.field)}: ${text(f, 'expected')}.`,
  ),
  ForeignCredential: kind(
    'error',
    true,
    (f) =>
      `${place(f)}: the value looks like ${text(f, 'is')}, which is no credential of ${text(f, 'service')}. ${rewrite(f)}`,
  ),
  RetiredCredential: kind('error', true, (f) => `${place(f)}: the value is of no use any more. ${text(f, 'why')}`),
  ByteOrderMark: kind(
    'error',
    true,
    (f) => `${place(f)}: the value begins with a byte-order mark, which Windows editors add. ${rewrite(f)}`,
  ),
  TrailingNewline: kind(
    'error',
    true,
    (f) =>
      `${place(f)}: the value ends with ${text(f, 'ending') === 'crlf' ? 'a carriage return and a line feed (a Windows line ending)' : 'a line feed (a newline)'}. In a shell, use printf %s in place of echo. ${rewrite(f)}`,
  ),
  CarriageReturn: kind(
    'error',
    true,
    (f) => `${place(f)}: the value contains a carriage return (Windows line ending). ${rewrite(f)}`,
  ),
  MultipleLines: kind(
    'error',
    true,
    (f) => `${place(f)}: the value has more than one line, but ${safeName(f.field)} is one plain value. ${rewrite(f)}`,
  ),
  UrlEncodedValue: kind(
    'error',
    true,
    (f) =>
      `${place(f)}: the value is percent-encoded, as it stands in a URL. Here it stands by itself: decode it (%2F is a slash, %2B a plus sign). ${rewrite(f)}`,
  ),
  ShellEscapes: kind(
    'error',
    true,
    (f) =>
      `${place(f)}: the value holds backslashes that were meant for a shell. Put it between single quotes, without them. ${rewrite(f)}`,
  ),
  NonAsciiCharacter: kind(
    'error',
    true,
    (f) =>
      `${place(f)}: the value contains a letter or sign that is not ASCII, at position ${text(f, 'position')}. It may look like an ASCII one, as Cyrillic letters and typographic dashes do. Copy it again from the vendor's page. ${rewrite(f)}`,
  ),
  LookalikeCharacter: kind(
    'error',
    true,
    (f) =>
      `${place(f)}: letters and digits that look alike were mixed up (O and 0, I or l and 1, B and 8). Copy the value, do not type it. ${rewrite(f)}`,
  ),
  PemIncomplete: kind(
    'error',
    true,
    (f) =>
      `${place(f)}: the PEM lacks its ${text(f, 'line')} line, or that line is damaged. Keep the whole file, from -----BEGIN to the last dash. ${refile(f)}`,
  ),
  PemUnreadable: kind(
    'error',
    true,
    (f) =>
      `${place(f)}: what stands between the BEGIN and the END line cannot be read: something is missing, was added or changed. ${refile(f)}`,
  ),
  MissingLineBreaks: kind('error', true, (f) => `${place(f)}: the PEM has lost its line breaks. ${refile(f)}`),
  EscapedLineBreaks: kind(
    'error',
    true,
    (f) => `${place(f)}: the value holds the two characters \\n where line breaks should be. ${refile(f)}`,
  ),
  QuotedValue: kind(
    'error',
    true,
    (f) => `${place(f)}: the value is wrapped in quotes, which are part of it here. Remove them. ${rewrite(f)}`,
  ),
  InvisibleCharacter: kind(
    'error',
    true,
    (f) =>
      `${place(f)}: the value contains an invisible or unusual character (${text(f, 'character')}), as web pages and chats add when one copies. ${rewrite(f)}`,
  ),
  SurroundingWhitespace: kind(
    'error',
    true,
    (f) => `${place(f)}: the value ${text(f, 'side')} with white space. ${rewrite(f)}`,
  ),
  UrlMissingScheme: kind(
    'error',
    true,
    (f) => `${place(f)}: the value does not begin with ${orList(list(f, 'schemes'))}. ${rewrite(f)}`,
  ),
  UrlWrongScheme: kind(
    'error',
    true,
    (f) => `${place(f)}: the URL has another scheme than ${orList(list(f, 'schemes'))} (in lower case). ${rewrite(f)}`,
  ),
  UrlUnescapedCharacter: kind(
    'error',
    true,
    (f) =>
      `${place(f)}: the user or the password in the URL contains a character that must be percent-encoded: write ${andList(list(f, 'escapes'))}.`,
  ),
  UrlContainsCredentials: kind(
    'error',
    true,
    (f) =>
      `${place(f)}: the URL contains a user or a password, and ${safeName(f.field)} is not kept secret. Give these in fields of their own, and rotate the password if the URL was printed anywhere. ${rewrite(f)}`,
  ),
  UrlMissingHost: kind('error', true, (f) => `${place(f)}: the URL names no host. ${rewrite(f)}`),
  UrlInvalidPort: kind('error', true, (f) => `${place(f)}: the port is no number from 1 to 65535. ${rewrite(f)}`),
  UrlInvalidDatabase: kind(
    'error',
    true,
    (f) => `${place(f)}: the path of the URL is no database number, such as /0. ${rewrite(f)}`,
  ),
  UrlUnexpectedPart: kind(
    'error',
    true,
    (f) => `${place(f)}: the URL has ${text(f, 'part')}, which does not belong to the address. ${rewrite(f)}`,
  ),
  Truncated: kind(
    'error',
    true,
    (f) =>
      `${place(f)}: ${text(f, 'part') || 'the value'} has ${text(f, 'actual')} characters, expected ${text(f, 'length')}: it was probably cut off when it was copied.${shellHint(f)} ${rewrite(f)}`,
  ),
  PatternMismatch: kind(
    'error',
    true,
    (f) =>
      `${place(f)}: the value does not look like ${safeName(f.field ?? 'this field')}. Expected: ${text(f, 'expected')}.${shellHint(f)}`,
  ),
  ChecksumMismatch: kind(
    'error',
    true,
    (f) =>
      `${place(f)}: the checksum at the end of the value does not match the rest: it was mistyped, or pieces of two values were joined. ${rewrite(f)}`,
  ),
  ExpiredCredential: kind(
    'error',
    true,
    (f) => `${place(f)}: the value has expired, by the date that it holds itself. Have a new one issued. ${rewrite(f)}`,
  ),
  FieldsDisagree: kind(
    'error',
    true,
    (f) =>
      `${place(f)}: ${safeName(f.field)} and ${text(f, 'other')} speak of different things where ${text(f, 'about')} is concerned. ${text(f, 'because')}`,
  ),
  ForbiddenKey: kind(
    'error',
    false,
    (f) =>
      `${place(f)}: a variable of that name changes how programs run (PATH, NODE_OPTIONS, LD_*, PYTHON* and the like), so it is never delivered. Rename the key, or set it in the workload itself.`,
  ),
  AmbiguousVariant: kind(
    'warning',
    true,
    (f) =>
      `${f.secret === undefined ? 'The credentials hold' : `${secretName(f)} holds`} more than one complete set (${list(f, 'variants').join(', ')}). All of it is checked and delivered; which one is used is up to the workload. Remove what is not in use.`,
  ),
  UnusualLength: kind('warning', true, (f) =>
    f.params['length'] === undefined
      ? `${place(f)}: the value is of the right kind, but of an unusual length or division. Expected: ${text(f, 'expected')}.`
      : `${place(f)}: the value has ${text(f, 'actual')} characters, expected ${text(f, 'length')}. Was something pasted twice?`,
  ),
  TestCredential: kind(
    'warning',
    true,
    (f) =>
      `${place(f)}: the value is ${text(f, 'is')}. It is taken and delivered, but nothing that is done with it is real.`,
  ),
  KeyNotVariable: kind(
    'warning',
    true,
    (f) =>
      `${place(f)}: the key can be no name of an environment variable in every shell (letters, digits and underscores, no digit first), so envFrom may leave it out. Rename it, or mount the Secret as files.`,
  ),
  PossiblePlaceholder: kind(
    'warning',
    true,
    (f) => `${place(f)}: the value, or the password in it, is a word that is often left as a placeholder.`,
  ),
  PossibleDoubleBase64: kind(
    'warning',
    true,
    (f) =>
      `${place(f)}: the value may be base64-encoded twice. Put plain text into stringData, or encode once for data.`,
  ),
  UnknownWaiver: kind(
    'warning',
    false,
    (f) =>
      `spec.credentials.waive lists ${quotedList(list(f, 'unknown'))}, which ${list(f, 'unknown').length === 1 ? 'is no code' : 'are no codes'} that can be waived.${didYouMean(f)}`,
  ),
  UnusedField: kind(
    'warning',
    true,
    (f) =>
      `${place(f)}${ofField(f)} is not used: the set ${text(f, 'variant')} has no such field, so it is not delivered.`,
  ),
} satisfies Record<string, Kind>

export type FindingCode = keyof typeof kinds

const table: Readonly<Record<FindingCode, Kind>> = kinds
const order = new Map(Object.keys(table).map((code, index) => [code, index]))

/** All codes, sorted. */
export const findingCodes: readonly FindingCode[] = (Object.keys(table) as FindingCode[]).sort()

/** The codes that `waive` can do something about, sorted. The others mean that a value is not there, or not chosen. */
export const waivableCodes: readonly FindingCode[] = findingCodes.filter((code) => table[code].waivable)

const waivable: ReadonlySet<string> = new Set(waivableCodes)

export function isWaivable(code: FindingCode): boolean {
  return table[code].waivable
}

/** How serious findings of a code are, unless a check says otherwise. */
export function severityOf(code: FindingCode): Severity {
  return table[code].severity
}

/** A finding as the checks make it, before `waive` is looked at. */
export interface FindingDraft {
  readonly code: FindingCode
  /** Default: that of the code. */
  readonly severity?: Severity
  readonly field?: string
  readonly secret?: string
  readonly key?: string
  readonly params?: Params
}

export function finding(draft: FindingDraft, waive: ReadonlySet<string>): Finding {
  return {
    ...draft,
    severity: draft.severity ?? table[draft.code].severity,
    waived: waivable.has(draft.code) && waive.has(draft.code),
    params: draft.params ?? {},
  }
}

/** Errors first, the most helpful before all, then warnings, then what was waived. */
export function sortFindings(findings: readonly Finding[]): readonly Finding[] {
  const rank = (f: Finding): number => (f.waived ? 2 : f.severity === 'warning' ? 1 : 0)
  return findings.toSorted((a, b) => rank(a) - rank(b) || (order.get(a.code) ?? 0) - (order.get(b.code) ?? 0))
}

/**
 * One to four sentences: the Secret, the key, the kind of mistake and the fix. Never a value or a piece of one.
 * @param namespace of the Secret, for the commands
 */
export function describeFinding(finding: Finding, namespace?: string): string {
  return table[finding.code].describe({ ...finding, namespace })
}
