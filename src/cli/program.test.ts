import { readFile, mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { parse, parseAllDocuments, stringify } from 'yaml'
import { exampleOf } from '../catalogue/definition.ts'
import { services } from '../catalogue/services.ts'
import { findingCodes } from '../credentials/findings.ts'
import { acceptedKeys } from '../credentials/resolve.ts'
import { manifestOf, variantsOf } from './explain-service.ts'
import { manifestCodes } from './manifest-codes.ts'
import { looksLikeCredential } from '../credentials/credential-names.ts'
import { run } from './program.ts'
import { crdSchema } from './schema-check.ts'
import { validate } from './validate.ts'

async function cli(args: readonly string[], input = '', colours = false) {
  let out = ''
  let err = ''
  const code = await run(
    args,
    {
      out: (text) => (out += text),
      err: (text) => (err += text),
      readInput: () => Promise.resolve(new TextEncoder().encode(input)),
      colours,
      columns: undefined,
      workingDirectory: process.cwd(),
      now: () => Date.UTC(2026, 0, 1),
    },
    '1.2.3',
  )
  return { code, out, err }
}

const sid = `AC${'0a'.repeat(16)}`
const token = '0f'.repeat(16)

function twilioSecret(data: object, more: object = {}): string {
  return stringify({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'live', ...more }, stringData: data })
}

function twilio(spec: object = {}, more: object = {}): string {
  return stringify({
    apiVersion: 'tracardi.com/v1beta1',
    kind: 'TracardiResource',
    metadata: { name: 'sms', ...more },
    spec: { service: 'twilio', credentials: { secretRef: { name: 'live' } }, ...spec },
  })
}

interface JsonReport {
  exitCode: number
  summary: Record<string, number>
  resources: { name: string; result: string; variant?: string }[]
  findings: { code: string; level: string; message: string; location: { file: string; line: number; column: number } }[]
  failures: { file: string; line?: number; message: string }[]
}

async function check(...documents: readonly string[]): Promise<JsonReport & { code: number; places: string[] }> {
  const { code, out } = await cli(['validate', '--output', 'json', '-'], documents.join('---\n'))
  const report = JSON.parse(out) as JsonReport
  expect(report.exitCode).toBe(code)
  const places = report.findings.map((f) => `${f.code} ${f.location.line}:${f.location.column} ${f.level}`)
  return { ...report, code, places }
}

const good = twilioSecret({ accountSid: sid, authToken: token })

describe('validate', () => {
  test('a good pair', async () => {
    const { code, findings, resources } = await check(good, twilio())
    expect(findings).toEqual([])
    expect(code).toBe(0)
    expect(resources).toMatchObject([{ name: 'sms', result: 'valid', variant: 'authToken' }])
  })

  test('finds the Secret whatever the order, in a List, as JSON, and base64 under data', async () => {
    const base64 = (text: string): string => Buffer.from(text).toString('base64')
    const secret = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'live' },
      data: { accountSid: base64(sid), authToken: base64(`${token}\n`) },
      stringData: { authToken: token },
    }
    const items = [parse(twilio()) as unknown, secret]
    expect(await check(JSON.stringify({ apiVersion: 'v1', kind: 'List', items }))).toMatchObject({
      code: 0,
      findings: [],
      resources: [{ result: 'valid' }],
    })
  })

  test.each<[string, string[], string[]]>([
    [
      'a line break behind a value, at its key',
      [twilioSecret({ accountSid: sid, authToken: `${token}\n` }), twilio()],
      ['TrailingNewline 7:3 error'],
    ],
    [
      'a missing field, at the keys of the Secret',
      [twilioSecret({ accountSid: sid }), twilio()],
      ['MissingField 5:1 error'],
    ],
    ['a service that is mistyped', [good, twilio({ service: 'twillio' })], ['UnsupportedService 14:3 error']],
    [
      'a field that is mistyped, at its entry',
      [
        good,
        twilio({ credentials: { secretRef: { name: 'live' }, fields: [{ name: 'authTokn', key: 'authToken' }] } }),
      ],
      ['UnknownField 19:9 error'],
    ],
    [
      'a secret given as value, once',
      [good, twilio({ credentials: { secretRef: { name: 'live' }, fields: [{ name: 'authToken', value: token }] } })],
      ['SecretGivenAsValue 19:9 error'],
    ],
    ['a field that the schema does not know', [good, twilio({ consumer: [] })], ['FieldUnknown 18:3 error']],
    [
      'what is mistyped is not missing as well',
      [good, twilio({ credentials: undefined, credential: {} })],
      ['FieldUnknown 15:3 error'],
    ],
    ['what is missing', [good, twilio({ credentials: undefined })], ['FieldMissing 13:1 error']],
    [
      'a kind that is none, and the rest is checked all the same',
      [
        twilioSecret({ accountSid: sid, authToken: `${token}\n` }),
        twilio({ consumers: [{ kind: 'Deploy', name: 'a' }] }),
      ],
      ['TrailingNewline 7:3 error', 'FieldInvalid 20:7 error'],
    ],
    [
      'a kind that is none, and the keys of the target are checked all the same',
      [good, twilio({ consumers: [{ kind: 'Deploy', name: 'a' }], target: { keys: { authTokn: 'A' } } })],
      ['FieldInvalid 19:7 error', 'FieldUnknown 23:7 error'],
    ],
    [
      'a rule of the CRD',
      [good, twilio({ consumers: [{ kind: 'Deployment', name: 'a', selector: { matchLabels: { a: 'b' } } }] })],
      ['RuleBroken 19:7 error'],
    ],
    ['another version', [good, twilio().replace('v1beta1', 'v1')], ['ApiVersionUnknown 9:1 error']],
    ['another kind', [twilio().replace('kind: Tracardi', 'kind: Tracrdi')], ['KindUnknown 2:1 error']],
    ['no name', [good, twilio({}, { name: undefined })], ['NameInvalid 11:1 error']],
    ['a target of which the name is taken', [good, twilio({ target: { name: 'live' } })], ['TargetTaken 19:5 error']],
    [
      'two resources with one target',
      [good, twilio({ target: { name: 't' } }), twilio({ target: { name: 't' } }, { name: 'other' })],
      ['TargetTaken 31:5 error'],
    ],
    [
      'a key of the target for a field that is none',
      [good, twilio({ target: { keys: { authTokn: 'TOKEN' } } })],
      ['FieldUnknown 20:7 error'],
    ],
    [
      'two fields under one key of the target',
      [good, twilio({ target: { keys: { authToken: 'TWILIO_ACCOUNT_SID' } } })],
      ['TargetKeyRepeated 19:5 error'],
    ],
    ['the same resource twice', [good, twilio(), twilio()], ['ObjectRepeated 22:3 warning']],
    [
      'a waiver of nothing',
      [good, twilio({ credentials: { secretRef: { name: 'live' }, waive: ['Truncatd'] } })],
      ['UnknownWaiver 18:5 warning'],
    ],
    ['no Secret', [twilio()], ['SecretNotGiven 9:7 note']],
    [
      'a number, which is no text',
      [good.replace(/authToken: .*/, 'authToken: 12'), twilio()],
      ['SecretValueNotText 7:3 error'],
    ],
    [
      'a boolean of YAML 1.1',
      [good.replace(/authToken: .*/, 'authToken: yes'), twilio()],
      ['SecretValueNotText 7:3 error'],
    ],
    [
      'plain text under data',
      [good.replace('stringData', 'data'), twilio()],
      ['SecretDataNotBase64 6:3 error', 'NotUtf8 7:3 error'],
    ],
    ['a key twice', [`${good}  authToken: ${token}\n`, twilio()], ['KeyRepeated 8:3 error']],
    ['a key that is none', [`${good}  a key: x\n`, twilio()], ['SecretKeyInvalid 8:3 error']],
  ])('%s', async (_, documents, places) => {
    const report = await check(...documents)
    expect(report.places).toEqual(places)
    expect(report.code).toBe(places.some((place) => place.endsWith('error')) ? 1 : 0)
  })

  test.each<[string, string, string[], string]>([
    ['field', 'authTokn', ['FieldUnknown'], 'Did you mean authToken?'],
    ['kind of a consumer', 'Deploymnt', ['FieldInvalid'], 'Did you mean Deployment?'],
  ])('the nearest name of a %s', async (_, name, codes, words) => {
    const spec =
      codes[0] === 'FieldUnknown' ? { target: { keys: { [name]: 'A' } } } : { consumers: [{ kind: name, name: 'a' }] }
    const { findings } = await check(good, twilio(spec))
    expect(findings.map((f) => f.code)).toEqual(codes)
    expect(findings[0]?.message).toContain(words)
  })

  test('plain text that happens to be base64 is told what it is', async () => {
    const { findings } = await check(good.replace('stringData', 'data'), twilio())
    expect(findings.find(({ code }) => code === 'NotUtf8')?.message).toContain('plain text belongs under stringData')
  })

  test('waived findings fail nothing, and are shown', async () => {
    const credentials = { secretRef: { name: 'live' }, waive: ['TrailingNewline'] }
    const { code, places } = await check(
      twilioSecret({ accountSid: sid, authToken: `${token}\n` }),
      twilio({ credentials }),
    )
    expect(places).toEqual(['TrailingNewline 7:3 note'])
    expect(code).toBe(0)
  })

  test('--strict fails for warnings, --require-secrets for a Secret that is not there', async () => {
    const input = `${good}---\n${twilio()}---\n${twilio()}`
    expect((await cli(['validate', '-'], input)).code).toBe(0)
    expect((await cli(['validate', '--strict', '-'], input)).code).toBe(1)
    expect((await cli(['validate', '--require-secrets', '-'], twilio())).code).toBe(1)
  })

  test('--namespace is that of objects that name none', async () => {
    const input = `${good}---\n${twilio({}, { namespace: 'marketing' })}`
    const apart = await cli(['validate', '-'], input)
    expect(apart.out).toContain('SecretNotGiven')
    expect(apart.out).toContain('One of that name has no namespace, and the resource is in marketing')
    expect((await cli(['validate', '-n', 'marketing', '-'], input)).out).toContain('1 valid')
  })

  test.each<[string, object]>([
    ['a SealedSecret', { apiVersion: 'bitnami.com/v1alpha1', kind: 'SealedSecret', metadata: { name: 'live' } }],
    [
      'an ExternalSecret',
      {
        apiVersion: 'external-secrets.io/v1',
        kind: 'ExternalSecret',
        metadata: { name: 'x' },
        spec: { target: { name: 'live' } },
      },
    ],
    [
      'a ClusterExternalSecret',
      { apiVersion: 'external-secrets.io/v1', kind: 'ClusterExternalSecret', metadata: { name: 'live' } },
    ],
    [
      'a Secret encrypted by SOPS',
      {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'live' },
        data: { authToken: 'ENC[AES256_GCM,data:x]' },
        sops: { mac: 'ENC[]' },
      },
    ],
  ])('%s cannot be checked, which is no failure', async (what, maker) => {
    const { code, findings, resources } = await check(stringify(maker), twilio())
    expect(code).toBe(0)
    expect(findings).toMatchObject([{ code: 'SecretNotCheckable', level: 'note' }])
    expect(findings[0]?.message).toContain(what)
    expect(resources).toMatchObject([{ result: 'unchecked' }])
  })

  test('a hash of kustomize at the end of the name is told', async () => {
    const { findings } = await check(twilioSecret({}, { name: 'live-h8f9tkm4bb' }), twilio())
    expect(findings[0]?.message).toContain('disableNameSuffixHash')
  })

  test('whatever is none of ours is left alone', async () => {
    const { code, summary } = await check(
      'apiVersion: v1\nkind: ConfigMap\ndata: {a: 1, a: 2}\n',
      '- a\n- b\n',
      'text\n',
      '',
    )
    expect(code).toBe(0)
    expect(summary).toEqual({ files: 1, resources: 0, secrets: 0, errors: 0, warnings: 0, notes: 0, failures: 0 })
  })

  test.each<[string, string, number]>([
    ['a bracket that is never closed', 'a: [1, 2\n', 2],
    ['a tab in the indentation', 'a:\n\tb: 1\n', 2],
    ['braces of a template', 'a: {{ .Values.a }}: {{ x }}\n{{ end }}\n', 2],
    ['an alias without an anchor', 'a: *b\n', 2],
    ['brackets without an end', '['.repeat(100_000), 2],
    ['maps in maps in maps', 'a: {'.repeat(50_000), 2],
    ['more depth than any manifest has', `apiVersion: v1\nkind: Secret\nx: ${'['.repeat(300)}${']'.repeat(300)}\n`, 2],
    [
      'aliases that multiply',
      `kind: Secret\na0: &a0 [x, x]\n${Array.from({ length: 40 }, (_, i) => `a${i + 1}: &a${i + 1} [*a${i}, *a${i}]`).join('\n')}\n`,
      2,
    ],
  ])('%s cannot be read', async (_, text, exitCode) => {
    const { code, failures } = await check(text, good, twilio())
    expect(code).toBe(exitCode)
    expect(failures[0]?.message).toMatch(/^This is not YAML that can be read: /)
  })

  test('one document that cannot be read keeps no other from being checked', async () => {
    const { code, resources, failures } = await check(good, 'a: "\n', twilio())
    expect({ code, failures: failures.length }).toEqual({ code: 2, failures: 1 })
    expect(resources.length + failures.length).toBeGreaterThan(0)
  })

  test('anchors, aliases and merge keys', async () => {
    const text = `common: &c {accountSid: ${sid}, authToken: wrong}\napiVersion: v1\nkind: Secret\nmetadata: {name: live}\nstringData:\n  <<: *c\n  authToken: &t ${token}\n  token: *t\n`
    expect(await check(text, twilio())).toMatchObject({ code: 0, findings: [] })
  })

  test('every rule of the CRD can be checked without a server', () => {
    // A rule that cannot be is left out by the check: say so in docs/cli.md, and list it here.
    expect(crdSchema().serverOnly).toEqual([])
    expect(crdSchema().rules.size).toBeGreaterThan(5)
  })

  test('no name that a field can have is taken for a credential', () => {
    const names = [...services.values()].flatMap((service) =>
      service.fields.flatMap((field) => acceptedKeys(service, field)),
    )
    expect(names.filter(looksLikeCredential)).toEqual([])
  })
})

describe('files and folders', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tracardi-cli-'))
  afterAll(() => rm(folder, { recursive: true, force: true }))
  await mkdir(join(folder, 'chart', 'templates'), { recursive: true })
  await mkdir(join(folder, 'node_modules'))
  await writeFile(join(folder, 'a.yaml'), twilio())
  await writeFile(join(folder, 'b.json'), JSON.stringify(parse(good)))
  await writeFile(join(folder, 'unrelated.yaml'), 'a: {{ template }}: [\n')
  await writeFile(join(folder, 'utf16.yml'), Buffer.from(`\ufeff${good}`, 'utf16le'))
  await writeFile(join(folder, 'chart', 'Chart.yaml'), 'name: x\n')
  await writeFile(join(folder, 'chart', 'templates', 's.yaml'), 'kind: Secret\n{{ if }}\n')
  await writeFile(join(folder, 'node_modules', 'x.yaml'), twilio({ service: 'no' }))

  test('a folder: manifests alone, in UTF-8, no templates of Helm', async () => {
    const { code, out, err } = await cli(['validate', '--output', 'json', folder])
    const { resources, failures, findings } = JSON.parse(out) as JsonReport
    expect(code).toBe(2)
    expect(resources).toMatchObject([{ result: 'valid' }])
    expect(findings).toEqual([])
    expect(failures).toMatchObject([
      { file: join(folder, 'utf16.yml'), message: expect.stringContaining('UTF-16') as string },
    ])
    expect(err).toContain('helm template')
  })

  test('a file that is named is read, whatever is in it', async () => {
    expect((await cli(['validate', join(folder, 'unrelated.yaml')])).code).toBe(2)
  })

  test('no such file', async () => {
    expect(await cli(['validate', join(folder, 'nothing')])).toMatchObject({
      code: 2,
      out: expect.stringContaining('There is no such file or folder.') as string,
    })
  })
})

describe('outputs', () => {
  const bad = `${twilioSecret({ accountSid: sid, authToken: `${token}\n` })}---\n${twilio()}`

  test('human, with colours only where they are wanted', async () => {
    const plain = await cli(['validate', '-'], bad)
    expect(plain.out).toMatch(
      /^<stdin>:7:3 error TrailingNewline TracardiResource sms\n {4}Secret "live", key "authToken": /,
    )
    expect(plain.out).toContain('1 TracardiResource in 1 file: 0 valid, 1 invalid. 1 error, 0 warnings.')
    expect(plain.out).not.toContain('\u001b')
    expect((await cli(['validate', '-'], bad, true)).out).toContain('\u001b[31merror\u001b[39m')
  })

  test('github: one line an annotation, with file, line and column', async () => {
    const { out } = await cli(['validate', '-o', 'github', '-'], bad)
    expect(out.split('\n')[0]).toMatch(/^::error line=7,col=3,endColumn=12,title=TrailingNewline::Secret "live"/)
    expect(out.trim().split('\n')).toHaveLength(2)
  })

  test('sarif 2.1.0', async () => {
    const { out } = await cli(['validate', '-o', 'sarif', '-'], `${bad}---\na: [\n`)
    const { version, runs } = JSON.parse(out) as {
      version: string
      runs: {
        tool: { driver: { rules: { id: string; shortDescription: { text: string } }[] } }
        results: { ruleId: string; ruleIndex: number; level: string; locations: object[] }[]
        invocations: { executionSuccessful: boolean; toolExecutionNotifications: object[] }[]
      }[]
    }
    const [run] = runs
    expect(version).toBe('2.1.0')
    for (const { ruleId, ruleIndex, level } of run!.results) {
      expect(run!.tool.driver.rules[ruleIndex]).toMatchObject({ id: ruleId, shortDescription: { text: /./ } })
      expect(['error', 'warning', 'note']).toContain(level)
    }
    expect(run!.results[0]!.locations).toMatchObject([
      {
        physicalLocation: {
          artifactLocation: { uri: 'stdin' },
          region: { startLine: 7, startColumn: 3, endLine: 7, endColumn: 12 },
        },
      },
    ])
    expect(run!.invocations).toMatchObject([
      { executionSuccessful: false, toolExecutionNotifications: [{ level: 'error' }] },
    ])
  })
})

describe('explain', () => {
  test.each([...services.values()].map((service) => [service.id, service] as const))('%s', async (id, service) => {
    const { code, out } = await cli(['explain', id])
    expect(code).toBe(0)
    for (const field of service.fields) expect(out).toContain(`  ${field.name} (`)
    expect(out).toContain(service.getCredential)
    expect(JSON.parse((await cli(['explain', id, '-o', 'json'])).out)).toMatchObject({ id })
  })

  const manifests = [...services.values()].flatMap((service) =>
    variantsOf(service).map((variant) => [`${service.id} ${variant.id}`, service, variant] as const),
  )

  test.each(manifests)('the manifest of %s has placeholders, and nothing else that is wrong', (_, service, variant) => {
    const text = manifestOf(service, variant)
    const options = { requireSecrets: true, now: 0 }
    const report = validate([{ name: 'a', text }], [], options)
    expect(report.failures).toEqual([])
    expect(report.resources).toHaveLength(1)
    expect(new Set(report.findings.map(({ code }) => code))).toEqual(
      new Set(variant.required.length > 0 ? ['Placeholder'] : []),
    )

    // Filled in, it is right: the examples of the catalogue are right values.
    const documents = parseAllDocuments(text).map((one) => one.toJS() as { stringData?: Record<string, string> | null })
    const [secret] = documents
    for (const [index, key] of Object.keys(secret!.stringData ?? {}).entries()) {
      const example = exampleOf(service, variant, variant.required[index]!)
      if (example !== undefined) secret!.stringData![key] = example
    }
    const filled = validate([{ name: 'a', text: documents.map((one) => stringify(one)).join('---\n') }], [], options)
    const complaints = filled.findings.filter(
      ({ code }) => !['Placeholder', 'PossiblePlaceholder', 'VendorSample', 'PemUnreadable'].includes(code),
    )
    expect(
      complaints.filter(({ level }) => level === 'error').map(({ code, message }) => `${code} ${message}`),
    ).toEqual([])
  })

  test.each([...findingCodes, ...manifestCodes])('the code %s', async (code) => {
    const { code: exit, out } = await cli(['explain', code])
    expect(exit).toBe(0)
    expect(out).toMatch(new RegExp(`^${code} \\((?:error|warning|note)`))
    expect(out).toContain('How to mend it')
  })

  test('one set, alone', async () => {
    const { out } = await cli(['explain', 'twilio', '--variant', 'apiKey'])
    expect(parseAllDocuments(out)[0]?.toJS()).toMatchObject({ stringData: { apiKeySid: '<apiKeySid>' } })
  })

  test.each([
    [['explain', 'twillio'], 'Did you mean twilio?'],
    [['explain', 'TrailngNewline'], 'Did you mean TrailingNewline?'],
    [['explain', 'twilio', '--variant', 'apikee'], 'Did you mean apiKey?'],
    [['explain', 'TrailingNewline', '--manifest'], 'this is a code'],
    [['validat'], 'Did you mean validate?'],
    [['validate', '--outptu', 'json', '-'], 'Did you mean --output?'],
    [['validate', '--output', 'xml', '-'], 'Allowed choices are human, json, sarif, github'],
    [['validate'], "missing required argument 'path'\nSee: tracardi-operator validate --help"],
    [['help', 'validat'], 'Did you mean validate?'],
  ])('%j is a mistake of whoever typed it', async (args, words) => {
    const { code, out, err } = await cli(args)
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toContain(words)
  })
})

test('commands name the namespace that the manifest names, and no other', async () => {
  const bad = { accountSid: sid, authToken: `${token}\n` }
  const blue = await check(twilioSecret(bad, { namespace: 'blue' }), twilio({}, { namespace: 'blue' }))
  expect(blue.findings[0]?.message).toContain('kubectl -n blue patch secret live -p')
  const none = await check(twilioSecret(bad), twilio())
  expect(none.findings[0]?.message).toContain('kubectl patch secret live -p')
})

test('nothing on the standard input: the command before it failed', async () => {
  const { code, out } = await cli(['validate', '-'])
  expect(code).toBe(2)
  expect(out).toContain('Nothing came from the standard input.')
})

test.each([['--version'], ['version']])('%s', async (word) => {
  expect(await cli([word])).toEqual({ code: 0, out: 'tracardi-operator 1.2.3\n', err: '' })
})

test('services lists all of them', async () => {
  const { out } = await cli(['services'])
  expect(
    out
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => line.split(' ')[0]),
  ).toEqual([...services.keys()].sort())
  expect(JSON.parse((await cli(['services', '-o', 'json'])).out)).toHaveLength(services.size)
})

test('crd prints what stands in crds/', async () => {
  const file = await readFile(join(import.meta.dirname, '../../crds/tracardi.com_tracardiresources.yaml'), 'utf8')
  expect((await cli(['crd'])).out).toBe(file.slice(file.indexOf('\n') + 1))
})

test.each(['', 'validate', 'explain', 'services', 'crd', 'completion', 'version'])('--help of %j', async (command) => {
  const { code, out, err } = await cli([...(command === '' ? [] : [command]), '--help'])
  expect({ code, err }).toEqual({ code: 0, err: '' })
  expect(out).toContain(`Usage: tracardi-operator ${command}`.trim())
})
