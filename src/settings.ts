/** Flags and environment of the operator. `settings` below is the one list: help text and the table in the docs come from it. */
import { readFileSync } from 'node:fs'
import * as z from 'zod'
import { nearestName } from './credentials/names.ts'
import { logLevels } from './telemetry/log.ts'
import { parseAddress } from './telemetry/http-server.ts'

const inClusterNamespaceFile = '/var/run/secrets/kubernetes.io/serviceaccount/namespace'

const dnsLabel = z
  .string()
  .regex(
    /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/,
    'must be a DNS label: lower-case letters, digits and "-", at most 63 characters',
  )
const boolean = z.enum(['true', 'false'], 'must be true or false').transform((text) => text === 'true')

/** `90s`, `10m`, `1h`, `500ms` or seconds as a number → milliseconds. */
function duration(min: number, max: number, range: string): z.ZodType<number, string> {
  return z
    .string()
    .regex(/^\d{1,9}(?:\.\d{1,3})?(?:ms|s|m|h)?$/, `must be a duration like 60s or 10m, ${range}`)
    .transform((text) => {
      const unit = /[a-z]+$/.exec(text)?.[0] ?? 's'
      const factor = unit === 'ms' ? 1 : unit === 's' ? 1000 : unit === 'm' ? 60_000 : 3_600_000
      return Math.round(Number.parseFloat(text) * factor)
    })
    .refine((ms) => ms >= min && ms <= max, `must be ${range}`)
}

function number(min: number, max: number, range: string): z.ZodType<number, string> {
  return z
    .string()
    .regex(/^\d{1,6}(?:\.\d{1,3})?$/, `must be a number, ${range}`)
    .transform(Number)
    .refine((value) => value >= min && value <= max, `must be ${range}`)
}

interface Setting<T> {
  readonly flag: string
  readonly value: string
  readonly schema: z.ZodType<T, string>
  readonly fallback: string | undefined
  readonly shownDefault?: string
  readonly help: string
}

function setting<T>(options: Setting<T>): Setting<T> {
  return options
}

/** Every setting. The variable of a flag is TRACARDI_OPERATOR_ and the flag in upper case. */
export const settings = {
  httpAddress: setting({
    flag: 'http-address',
    value: 'HOST:PORT',
    schema: z.string().refine((text) => parseAddress(text) !== undefined, 'must be HOST:PORT or :PORT'),
    fallback: '127.0.0.1:8080',
    help: 'Where /livez, /readyz and /metrics are served. Port 0 takes a free one.',
  }),
  namespace: setting({
    flag: 'namespace',
    value: 'NAME',
    schema: dnsLabel,
    fallback: undefined,
    shownDefault: "the Pod's own, outside a cluster `default`",
    help: 'The namespace of the operator itself: its Lease is there.',
  }),
  installationId: setting({
    flag: 'installation-id',
    value: 'NAME',
    schema: dnsLabel,
    fallback: undefined,
    shownDefault: 'the value of --namespace',
    help: 'Tells installations of one cluster apart; targets carry it. Keep it when the operator moves.',
  }),
  watchNamespaces: setting({
    flag: 'watch-namespaces',
    value: 'NAME,NAME',
    schema: z
      .string()
      .transform((text) => [
        ...new Set(
          text
            .split(',')
            .map((part) => part.trim())
            .filter((part) => part !== ''),
        ),
      ])
      .refine(
        (names) => names.every((name) => dnsLabel.safeParse(name).success),
        'must be a list of namespaces, separated by commas',
      ),
    fallback: '',
    shownDefault: 'all namespaces',
    help: 'Work in these namespaces only; Roles there are enough then.',
  }),
  leaderElect: setting({
    flag: 'leader-elect',
    value: 'BOOL',
    schema: boolean,
    fallback: 'true',
    help: 'Hold a Lease while writing, so that of several replicas one works and the others stand by.',
  }),
  cacheTtlMs: setting({
    flag: 'cache-ttl',
    value: 'DURATION',
    schema: duration(0, 60_000, 'between 0s and 60s'),
    fallback: '60s',
    help: 'How long a value of a Secret may be used without being confirmed by the API server.',
  }),
  secretAccess: setting({
    flag: 'secret-access',
    value: 'MODE',
    schema: z.enum(['Watch', 'Get'], 'must be Watch or Get'),
    fallback: 'Watch',
    help: 'Watch: changes of Secrets are seen at once, which takes list and watch on Secrets. Get: nothing but get; each referenced Secret is asked for once in --cache-ttl.',
  }),
  injectionMode: setting({
    flag: 'injection-mode',
    value: 'MODE',
    schema: z.enum(['Auto', 'Policy', 'Patch'], 'must be Auto, Policy or Patch'),
    fallback: 'Auto',
    help: 'How credentials get into the pods of consumers with `inject`. Policy: the admission policies of the chart put them in. Patch: the operator puts them into pod templates. Auto: Policy where all policies of --injection-policies and their bindings are there, else Patch.',
  }),
  injectionPolicies: setting({
    flag: 'injection-policies',
    value: 'NAME',
    schema: z
      .string()
      .max(253)
      .regex(/^[a-z0-9.-]*$/, 'must be the end of the names of objects: lower-case letters, digits, "-" and "."'),
    fallback: '',
    shownDefault: 'none: Auto is Patch',
    help: 'How the names of the admission policies of this installation end; the chart sets it.',
  }),
  resyncMs: setting({
    flag: 'resync',
    value: 'DURATION',
    schema: duration(60_000, 86_400_000, 'between 1m and 24h'),
    fallback: '10m',
    help: 'How often metadata is listed again, spread out, in case an event was lost.',
  }),
  qps: setting({
    flag: 'qps',
    value: 'NUMBER',
    schema: number(0, 100_000, 'between 0 and 100000'),
    fallback: '0',
    help: "Calls to the API server in a second, on average; 0 sets no limit. At most 32 are under way at once in any case, which the server's priority and fairness can bear, and what it asks for with 429 is obeyed.",
  }),
  burst: setting({
    flag: 'burst',
    value: 'NUMBER',
    schema: number(1, 100_000, 'between 1 and 100000'),
    fallback: '100',
    help: 'With --qps: calls that may be made at once after a rest.',
  }),
  logLevel: setting({
    flag: 'log-level',
    value: 'LEVEL',
    schema: z.enum(logLevels, `must be one of ${logLevels.join(', ')}`),
    fallback: 'info',
    help: `One of ${logLevels.join(', ')}.`,
  }),
} as const

export type Settings = { [Key in keyof typeof settings]: z.output<(typeof settings)[Key]['schema']> }

export type ParsedArguments =
  | { readonly kind: 'settings'; readonly settings: Settings }
  | { readonly kind: 'help' }
  | { readonly kind: 'version' }
  | { readonly kind: 'errors'; readonly errors: readonly string[] }

const variablePrefix = 'TRACARDI_OPERATOR_'

/** The environment variable of a flag. */
export function variableOf(flag: string): string {
  return `${variablePrefix}${flag.replaceAll('-', '_').toUpperCase()}`
}

/** Reads flags (they win) and variables; tells all that is wrong at once, without repeating a value. */
export function parseArguments(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
  ownNamespace: () => string = readOwnNamespace,
): ParsedArguments {
  if (args.includes('--help') || args.includes('-h')) return { kind: 'help' }
  if (args.includes('--version')) return { kind: 'version' }
  const errors: string[] = []
  const flags = Object.values(settings).map(({ flag }) => flag)
  const given = readFlags(args, flags, errors)
  const known = new Map<string, keyof Settings>()
  for (const key of Object.keys(settings) as (keyof Settings)[]) known.set(settings[key].flag, key)

  for (const variable of Object.keys(environment)) {
    if (!variable.startsWith(variablePrefix)) continue
    if (flags.some((flag) => variableOf(flag) === variable)) continue
    const meant = nearestName([variable.slice(variablePrefix.length)], flags)
    const hint = meant === undefined ? '' : `; did you mean ${variableOf(meant)}?`
    errors.push(`${variable}: there is no such setting${hint}`)
  }
  const texts = new Map<keyof Settings, { text: string; where: string }>()
  for (const [flag, key] of known) {
    const fromFlag = given.get(flag)
    const fromVariable = environment[variableOf(flag)]
    const { fallback } = settings[key]
    if (fromFlag !== undefined) texts.set(key, { text: fromFlag, where: `--${flag}` })
    else if (fromVariable !== undefined && fromVariable !== '')
      texts.set(key, { text: fromVariable, where: variableOf(flag) })
    else if (fallback !== undefined) texts.set(key, { text: fallback, where: `--${flag}` })
  }
  const namespace = texts.get('namespace') ?? { text: ownNamespace(), where: '--namespace' }
  texts.set('namespace', namespace)
  if (!texts.has('installationId')) texts.set('installationId', { text: namespace.text, where: '--installation-id' })

  const result: Record<string, unknown> = {}
  for (const [key, { text, where }] of texts) {
    const parsed = settings[key].schema.safeParse(text)
    if (parsed.success) result[key] = parsed.data
    else errors.push(`${where}: ${parsed.error.issues[0]?.message ?? 'is not valid'}`)
  }
  return errors.length > 0 ? { kind: 'errors', errors } : { kind: 'settings', settings: result as unknown as Settings }
}

/** Where one flag is not known, it cannot be told whether the next word is its value. */
function readFlags(args: readonly string[], known: readonly string[], errors: string[]): Map<string, string> {
  const given = new Map<string, string>()
  for (let index = 0; index < args.length; index++) {
    const match = /^--([a-z][a-z-]*)(?:=(.*))?$/s.exec(args[index] ?? '')
    if (match === null) {
      errors.push(
        index === 0
          ? 'argument 1 is neither a command nor a flag; flags look like --flag=VALUE'
          : `argument ${index + 1} is no flag; flags look like --flag=VALUE, and a command has to come first`,
      )
      continue
    }
    const [, flag = '', value] = match
    if (!known.includes(flag)) {
      const meant = nearestName([flag], known)
      const hint = meant === undefined ? '' : `; did you mean --${meant}?`
      errors.push(`--${flag}: there is no such flag${hint}`)
      if (value === undefined && args[index + 1]?.startsWith('-') === false) index++
      continue
    }
    if (value !== undefined) given.set(flag, value)
    else if (flag === settings.leaderElect.flag && !/^(?:true|false)$/.test(args[index + 1] ?? ''))
      given.set(flag, 'true')
    else if (args[index + 1] === undefined || args[index + 1]?.startsWith('--') === true)
      errors.push(`--${flag}: needs a value`)
    else given.set(flag, args[++index] ?? '')
  }
  return given
}

function readOwnNamespace(): string {
  try {
    return readFileSync(inClusterNamespaceFile, 'utf8').trim()
  } catch {
    return 'default'
  }
}

/** The help text. */
export function usage(): string {
  const rows = Object.values(settings).map(({ flag, value, help, fallback, ...rest }) => {
    const shown = 'shownDefault' in rest ? rest.shownDefault : fallback
    return [
      `  --${flag}=${value}`,
      `      ${help}`,
      `      Default: ${String(shown)}. Variable: ${variableOf(flag)}.`,
    ].join('\n')
  })
  return [
    'tracardi-operator: checks credentials and delivers them to workloads.',
    '',
    'Usage: tracardi-operator [FLAGS]',
    '',
    'It talks to the cluster that KUBECONFIG names, or to the one it runs in.',
    'In place of flags it takes commands, for example to check manifests: see tracardi-operator help.',
    '',
    ...rows,
    '  --version',
    '      Print the version.',
    '  --help',
    '      Print this.',
    '',
  ].join('\n')
}
