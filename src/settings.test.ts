import { isDeepStrictEqual } from 'node:util'
import { describe, expect, test } from 'vitest'
import { parseArguments, settings, usage, variableOf } from './settings.ts'
import type { Settings } from './settings.ts'

const defaults: Settings = {
  httpAddress: '127.0.0.1:8080',
  namespace: 'operators',
  installationId: 'operators',
  leaderElect: true,
  cacheTtlMs: 60_000,
  secretAccess: 'Watch',
  injectionMode: 'Auto',
  injectionPolicies: '',
  qps: 0,
  burst: 100,
  resyncMs: 600_000,
  logLevel: 'info',
  watchNamespaces: [],
}

function parse(args: string[], environment: Record<string, string | undefined> = {}) {
  return parseArguments(args, environment, () => 'operators')
}

function given(args: string[], environment?: Record<string, string | undefined>): Partial<Settings> {
  const parsed = parse(args, environment)
  if (parsed.kind !== 'settings') throw new Error(JSON.stringify(parsed))
  const differs = Object.entries(parsed.settings).filter(
    ([key, value]) => !isDeepStrictEqual(defaults[key as keyof Settings], value),
  )
  expect(Object.keys(parsed.settings).sort()).toEqual(Object.keys(defaults).sort())
  return Object.fromEntries(differs)
}

function errors(args: string[], environment?: Record<string, string | undefined>): readonly string[] {
  const parsed = parse(args, environment)
  return parsed.kind === 'errors' ? parsed.errors : []
}

describe('what is taken', () => {
  test.each<[string, string[], Record<string, string | undefined>, Partial<Settings>]>([
    ['nothing', [], {}, {}],
    ['unrelated variables', [], { PATH: '/bin', TRACARDI_API: 'x', OPERATOR: 'y' }, {}],
    ['a value after =', ['--log-level=debug'], {}, { logLevel: 'debug' }],
    ['a value of its own', ['--log-level', 'debug', '--cache-ttl', '5s'], {}, { logLevel: 'debug', cacheTtlMs: 5000 }],
    ['the last of several', ['--log-level=debug', '--log-level=warn'], {}, { logLevel: 'warn' }],
    ['one namespace', ['--watch-namespaces=blue'], {}, { watchNamespaces: ['blue'] }],
    [
      'several namespaces, each once',
      ['--watch-namespaces', ' blue,green , blue,'],
      {},
      { watchNamespaces: ['blue', 'green'] },
    ],
    [
      'namespaces in a variable',
      [],
      { TRACARDI_OPERATOR_WATCH_NAMESPACES: 'green,blue' },
      { watchNamespaces: ['green', 'blue'] },
    ],
    ['no namespaces: all', ['--watch-namespaces='], { TRACARDI_OPERATOR_WATCH_NAMESPACES: 'blue' }, {}],
    ['a variable', [], { TRACARDI_OPERATOR_LOG_LEVEL: 'error' }, { logLevel: 'error' }],
    [
      'how to inject, and the policies of this installation',
      ['--injection-mode=Patch', '--injection-policies=operator.system'],
      {},
      { injectionMode: 'Patch', injectionPolicies: 'operator.system' },
    ],
    ['an empty variable counts as absent', [], { TRACARDI_OPERATOR_LOG_LEVEL: '' }, {}],
    ['an undefined variable too', [], { TRACARDI_OPERATOR_LOG_LEVEL: undefined }, {}],
    ['the flag wins', ['--log-level=debug'], { TRACARDI_OPERATOR_LOG_LEVEL: 'error' }, { logLevel: 'debug' }],
    [
      'the flag wins, also over a wrong variable',
      ['--cache-ttl=1s'],
      { TRACARDI_OPERATOR_CACHE_TTL: 'x' },
      { cacheTtlMs: 1000 },
    ],
    ['--leader-elect alone', ['--leader-elect'], {}, {}],
    ['--leader-elect alone, before another flag', ['--leader-elect', '--log-level=warn'], {}, { logLevel: 'warn' }],
    ['--leader-elect alone wins too', ['--leader-elect'], { TRACARDI_OPERATOR_LEADER_ELECT: 'false' }, {}],
    ['--leader-elect false', ['--leader-elect', 'false'], {}, { leaderElect: false }],
    ['--leader-elect true', ['--leader-elect', 'true', '--log-level=warn'], {}, { logLevel: 'warn' }],
    ['--leader-elect=false', ['--leader-elect=false'], {}, { leaderElect: false }],
    [
      'a namespace: the installation is named after it',
      ['--namespace=blue'],
      {},
      { namespace: 'blue', installationId: 'blue' },
    ],
    [
      'an installation of its own',
      ['--namespace=blue', '--installation-id=b'],
      {},
      { namespace: 'blue', installationId: 'b' },
    ],
    ['an installation alone', [], { TRACARDI_OPERATOR_INSTALLATION_ID: 'b' }, { installationId: 'b' }],
    ['port 0', ['--http-address=:0'], {}, { httpAddress: ':0' }],
    ['IPv6', ['--http-address=[::]:8080'], {}, { httpAddress: '[::]:8080' }],
    ['a value with =', ['--http-address=0.0.0.0:9'], {}, { httpAddress: '0.0.0.0:9' }],
  ])('%s', (_, args, environment, expected) => {
    expect(given(args, environment)).toEqual(expected)
  })

  test.each([
    ['0', 0],
    ['0s', 0],
    ['7', 7000],
    ['0.5', 500],
    ['500ms', 500],
    ['1.5s', 1500],
    ['1m', 60_000],
    ['60s', 60_000],
  ])('--cache-ttl=%s is %s ms', (text, ms) => {
    expect(given([`--cache-ttl=${text}`])).toEqual(ms === 60_000 ? {} : { cacheTtlMs: ms })
  })

  test.each([
    ['60', 60_000],
    ['1m', 60_000],
    ['1.5h', 5_400_000],
    ['24h', 86_400_000],
  ])('--resync=%s is %s ms', (text, ms) => {
    expect(given([`--resync=${text}`])).toEqual({ resyncMs: ms })
  })
})

describe('what is refused', () => {
  test.each<[string, string[], RegExp]>([
    ['no level', ['--log-level=loud'], /^--log-level: must be one of debug, info, warn, error$/],
    ['an empty value', ['--log-level='], /^--log-level: must be one of/],
    ['a longer cache', ['--cache-ttl=61s'], /^--cache-ttl: must be between 0s and 60s$/],
    ['no duration', ['--cache-ttl=soon'], /^--cache-ttl: must be a duration like 60s or 10m, between/],
    ['a negative one', ['--cache-ttl=-1s'], /^--cache-ttl: must be a duration/],
    ['one with white space', ['--cache-ttl= 5s'], /^--cache-ttl: must be a duration/],
    ['a resync too often', ['--resync=59s'], /^--resync: must be between 1m and 24h$/],
    ['a resync too seldom', ['--resync=25h'], /^--resync: must be between 1m and 24h$/],
    ['no boolean', ['--leader-elect=yes'], /^--leader-elect: must be true or false$/],
    ['no address', ['--http-address=localhost'], /^--http-address: must be HOST:PORT or :PORT$/],
    ['no port', ['--http-address=:70000'], /^--http-address: must be/],
    ['no namespace', ['--namespace=Blue', '--installation-id=b'], /^--namespace: must be a DNS label/],
    ['no installation', ['--installation-id=a/b'], /^--installation-id: must be a DNS label/],
    ['too long a name', [`--installation-id=${'x'.repeat(64)}`], /^--installation-id: .* at most 63/],
    ['no such flag', ['--verbose=3'], /^--verbose: there is no such flag$/],
    ['no such flag, with its value behind it', ['--verbose', '3'], /^--verbose: there is no such flag$/],
    ['a mistyped flag', ['--log-levle', 'debug'], /^--log-levle: there is no such flag; did you mean --log-level\?$/],
    [
      'a mistyped flag, before another',
      ['--qups', '--burst=3'],
      /^--qups: there is no such flag; did you mean --qps\?$/,
    ],
    ['a value that is missing', ['--log-level'], /^--log-level: needs a value$/],
    ['a value that is missing, before another flag', ['--log-level', '--resync=1h'], /^--log-level: needs a value$/],
    ['no flag', ['start'], /^argument 1 is neither a command nor a flag; flags look like --flag=VALUE$/],
    [
      'a command behind a flag',
      ['--resync=1h', 'validate'],
      /^argument 2 is no flag; flags look like --flag=VALUE, and a command has to come first$/,
    ],
    ['a short flag', ['--resync=1h', '-v'], /^argument 2 is no flag/],
    ['something after --leader-elect', ['--leader-elect', 'yes'], /^argument 2 is no flag/],
    ['an upper case flag', ['--Log-Level=debug'], /^argument 1 is neither a command nor a flag/],
  ])('%s', (_, args, message) => {
    expect(errors(args)).toEqual([expect.stringMatching(message)])
  })

  test('a variable is named as a variable', () => {
    expect(errors([], { TRACARDI_OPERATOR_CACHE_TTL: '2m' })).toEqual([
      'TRACARDI_OPERATOR_CACHE_TTL: must be between 0s and 60s',
    ])
    expect(errors([], { TRACARDI_OPERATOR_CASH_TTL: '2m' })).toEqual([
      'TRACARDI_OPERATOR_CASH_TTL: there is no such setting; did you mean TRACARDI_OPERATOR_CACHE_TTL?',
    ])
    expect(errors([], { TRACARDI_OPERATOR_FOO: '2m' })).toEqual(['TRACARDI_OPERATOR_FOO: there is no such setting'])
  })

  test('everything is told at once, and no value is repeated', () => {
    const value = 'value-that-must-not-appear'
    const found = errors(
      [
        `--log-level=${value}`,
        `--cache-ttl=${value}`,
        '--resync',
        value,
        `--http-address=${value}`,
        `--password=${value}`,
        value,
        `-p=${value}`,
        `--Secret=${value}`,
        `--namespace=${value}!`,
        `--watch-namespaces=blue,${value}!`,
        `--leader-elect=${value}`,
      ],
      { TRACARDI_OPERATOR_INSTALLATION_ID: `${value}/`, TRACARDI_OPERATOR_TOKEN: value },
    )
    const names = [
      '--log-level',
      '--cache-ttl',
      '--resync',
      '--http-address',
      '--password',
      '--namespace',
      '--leader-elect',
      '--watch-namespaces',
      'argument 7',
      'argument 8',
      'argument 9',
      'TRACARDI_OPERATOR_INSTALLATION_ID',
      'TRACARDI_OPERATOR_TOKEN',
    ]
    expect(found).toHaveLength(names.length)
    for (const name of names) expect(found.filter((error) => error.startsWith(name))).toHaveLength(1)
    expect(found.join('\n')).not.toContain(value)
  })
})

test.each<[string[], string]>([
  [['--help'], 'help'],
  [['-h'], 'help'],
  [['--log-level=loud', '--help', '--version'], 'help'],
  [['--version'], 'version'],
  [['start', '--version'], 'version'],
])('%j is %s', (args, kind) => {
  expect(parse(args)).toEqual({ kind })
})

test('the namespace of the operator is asked for only when nothing gives it', () => {
  const ask = (): string => {
    throw new Error('asked')
  }
  expect(parseArguments(['--namespace=a'], {}, ask)).toMatchObject({ settings: { namespace: 'a' } })
  expect(parseArguments([], { TRACARDI_OPERATOR_NAMESPACE: 'b' }, ask)).toMatchObject({ settings: { namespace: 'b' } })
  expect(() => parseArguments([], {}, ask)).toThrow('asked')
})

test('outside of a cluster it is default', () => {
  expect(parseArguments([], {})).toMatchObject({ kind: 'settings', settings: { namespace: 'default' } })
})

test('the help names every flag, its variable and its default', () => {
  const text = usage()
  for (const { flag, fallback, ...rest } of Object.values(settings)) {
    expect(text).toContain(`--${flag}=`)
    expect(text).toContain(variableOf(flag))
    expect(text).toContain(`Default: ${'shownDefault' in rest ? rest.shownDefault : String(fallback)}.`)
  }
  expect(text).not.toContain('undefined')
  expect(variableOf('cache-ttl')).toBe('TRACARDI_OPERATOR_CACHE_TTL')
})
