// The built program as its users meet it: on folders, on what Helm and kustomize write, in a shell. It says what the API
// server would say, and never a value.
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { stringify } from 'yaml'
import { run } from '../cluster/sources/source.ts'
import { helmPath, kubectlPath } from '../cluster/tools.ts'
import { Canaries } from '../operator/support/canaries.ts'
import { buildIfNeeded } from '../operator/support/operator-process.ts'

const program = join(import.meta.dirname, '..', '..', 'dist', 'main.js')
let folder: string

beforeAll(async () => {
  await buildIfNeeded()
  folder = await mkdtemp(join(tmpdir(), 'tracardi-cli-'))
})

afterAll(() => rm(folder, { recursive: true, force: true }))

/** The program in the folder of the test. */
const cli = (args: readonly string[], input = '', env: NodeJS.ProcessEnv = {}) =>
  new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve, reject) => {
    const child = spawn(process.execPath, [program, ...args], {
      cwd: folder,
      env: { PATH: process.env['PATH'], ...env },
    })
    let stdout = ''
    let stderr = ''
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
    child.on('error', reject)
    child.on('close', (code) => {
      resolve({ code, stdout, stderr })
    })
    // Whoever does not read its input may have ended already.
    child.stdin.on('error', () => undefined)
    child.stdin.end(input)
  })

const write = async (files: Readonly<Record<string, string>>): Promise<void> => {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), text)
  }
}

const sid = `AC${randomBytes(16).toString('hex')}`
const token = randomBytes(16).toString('hex')

const secret = (data: object, name = 'twilio-live') =>
  stringify({ apiVersion: 'v1', kind: 'Secret', metadata: { name }, type: 'Opaque', stringData: data })

const resource = (spec: object = {}, name = 'sms') =>
  stringify({
    apiVersion: 'tracardi.com/v1beta1',
    kind: 'TracardiResource',
    metadata: { name },
    spec: { service: 'twilio', credentials: { secretRef: { name: 'twilio-live' } }, ...spec },
  })

test('a folder, in every format', async () => {
  await write({
    'k8s/secret.yaml': secret({ accountSid: sid, authToken: `${token}\n` }),
    'k8s/apps/sms.yaml': resource(),
  })
  const human = await cli(['validate', 'k8s'])
  expect(human).toMatchObject({ code: 1, stderr: '' })
  expect(human.stdout).toContain('k8s/secret.yaml:8:3 error TrailingNewline TracardiResource sms')
  const github = await cli(['validate', '--output', 'github', join(folder, 'k8s')])
  expect(github.stdout).toContain('::error file=k8s/secret.yaml,line=8,col=3,endColumn=12,title=TrailingNewline::')
  const sarif = JSON.parse((await cli(['validate', '--output', 'sarif', 'k8s'])).stdout) as {
    runs: { results: unknown[] }[]
  }
  expect(sarif.runs[0]?.results).toMatchObject([
    { locations: [{ physicalLocation: { artifactLocation: { uri: 'k8s/secret.yaml', uriBaseId: '%SRCROOT%' } } }] },
  ])
  expect((await cli(['validate', 'k8s'], '', { FORCE_COLOR: '1' })).stdout).toContain('\u001b[')
  expect((await cli(['validate', 'k8s'], '', { NO_COLOR: '1' })).stdout).not.toContain('\u001b[')
})

test('what helm template writes, with the template it came from', async () => {
  await write({
    'chart/Chart.yaml': 'apiVersion: v2\nname: sms\nversion: 1.0.0\n',
    'chart/values.yaml': 'token: ""\n',
    'chart/templates/secret.yaml': secret({ accountSid: sid, authToken: 'HERE' }).replace(
      'HERE',
      '{{ .Values.token | quote }}',
    ),
    'chart/templates/resource.yaml': resource(),
  })
  const { stdout } = await run(await helmPath(), [
    'template',
    join(folder, 'chart'),
    '--set-string',
    `token=${token.slice(4)}`,
  ])
  const checked = await cli(['validate', '--output', 'json', '-'], stdout)
  expect(checked.code).toBe(1)
  expect(JSON.parse(checked.stdout)).toMatchObject({
    findings: [{ code: 'Truncated', location: { file: '<stdin>', source: 'sms/templates/secret.yaml' } }],
  })
  const unrendered = await cli(['validate', 'chart'])
  expect(unrendered).toMatchObject({ code: 0 })
  expect(unrendered.stderr).toContain('helm template')
})

test('what kubectl kustomize writes, and the hash that it appends', async () => {
  const kustomization = (more: object) =>
    stringify({
      resources: ['sms.yaml'],
      secretGenerator: [{ name: 'twilio-live', literals: [`accountSid=${sid}`, `authToken=${token}`] }],
      ...more,
    })
  await write({
    'hashed/sms.yaml': resource(),
    'hashed/kustomization.yaml': kustomization({}),
    'plain/sms.yaml': resource(),
    'plain/kustomization.yaml': kustomization({ generatorOptions: { disableNameSuffixHash: true } }),
  })
  const build = async (name: string) => (await run(await kubectlPath(), ['kustomize', join(folder, name)])).stdout
  const hashed = await cli(['validate', '-'], await build('hashed'))
  expect(hashed.code).toBe(0)
  expect(hashed.stdout).toContain('disableNameSuffixHash')
  const plain = await cli(['validate', '--require-secrets', '-'], await build('plain'))
  expect(plain.stdout).toMatch(/^1 TracardiResource in 1 file: 1 valid\. 0 errors, 0 warnings\.\n$/)
  expect(plain.code).toBe(0)
})

describe('the API server', () => {
  const namespace = `cli-${process.pid}`
  const kubectl = async (args: string[], input = '') =>
    run(await kubectlPath(), ['--kubeconfig', inject('kubeconfig'), ...args], { input })

  beforeAll(async () => {
    expect(await kubectl(['create', 'namespace', namespace])).toMatchObject({ code: 0 })
  })
  afterAll(async () => {
    await kubectl(['delete', 'namespace', namespace, '--wait=false'])
  })

  const credentials = { secretRef: { name: 'twilio-live' } }
  const consumer = { kind: 'Deployment', name: 'a' }
  test.each<[string, object]>([
    ['nothing special', {}],
    ['nulls', { target: null, consumers: null, credentials: { ...credentials, fields: null } }],
    ['a null in the keys', { target: { keys: { authToken: null } } }],
    ['no service', { service: undefined }],
    ['an unknown field', { consumer: [] }],
    ['a wrong type', { consumers: 'all' }],
    ['an unknown kind', { consumers: [{ ...consumer, kind: 'Job' }] }],
    ['name and selector', { consumers: [{ ...consumer, selector: { matchLabels: { a: 'b' } } }] }],
    ['a name that is none', { consumers: [{ ...consumer, name: 'A_b' }] }],
    [
      'a label of the selector without a value',
      { consumers: [{ kind: 'Deployment', selector: { matchLabels: { a: null } } }] },
    ],
    [
      'too many consumers',
      { consumers: Array.from({ length: 25 }, (_, index) => ({ ...consumer, name: `a${index}` })) },
    ],
    ['a key that is no variable', { target: { keys: { authToken: 'a-b' } } }],
    ['a key that is forbidden', { target: { keys: { authToken: 'LD_PRELOAD' } } }],
    ['one key for two fields', { target: { keys: { authToken: 'A', accountSid: 'A' } } }],
    ['a policy that is none', { target: { deletionPolicy: 'Keep' } }],
    ['the source as target', { target: { name: 'twilio-live' } }],
    [
      'a field twice',
      {
        credentials: {
          ...credentials,
          fields: [
            { name: 'region', value: 'ie1' },
            { name: 'region', value: 'us1' },
          ],
        },
      },
    ],
    ['no source', { credentials: {} }],
    ['two sources', { credentials: { ...credentials, fields: [{ name: 'region', value: 'ie1', key: 'a' }] } }],
    ['a secret as value', { credentials: { ...credentials, fields: [{ name: 'authToken', value: 'x' }] } }],
    ['a field of another service', { credentials: { ...credentials, fields: [{ name: 'url', value: 'x' }] } }],
    ['a service of another version', { service: 'no-such-service' }],
  ])('refuses what validate calls wrong, and nothing else: %s', async (_, spec) => {
    const text = resource(spec)
    const [server, ours] = await Promise.all([
      kubectl(['apply', '--namespace', namespace, '--dry-run=server', '--validate=strict', '-f', '-'], text),
      cli(['validate', '-'], text),
    ])
    expect({ refused: ours.code !== 0, said: ours.stdout }).toMatchObject({ refused: server.code !== 0 })
  })
})

test('no value, nor a piece of one, is in any output, whatever is wrong with the input', async () => {
  const canaries = new Canaries()
  const canary = () => {
    const value = `SG.${randomBytes(16).toString('base64url')}.${randomBytes(32).toString('base64url')}`
    canaries.plant([value])
    return value
  }
  const base64 = (text: string) => Buffer.from(text).toString('base64')
  const corpus: Readonly<Record<string, string>> = {
    'a.yaml':
      secret({ apiKey: `${canary()}\n`, [canary()]: 'apiKey', password: [canary()] }) +
      `---\n${resource({ service: 'sendgrid' })}`,
    'b.yaml': secret({ apiKey: canary() }).replace('stringData', 'data'),
    'c.yaml': `kind: Secret\nstringData:\n  apiKey: "${canary()}\n  b: ${canary()}`,
    'd.yaml': `kind: Secret\nstringData: {apiKey: ${canary()}, ${canary()}\n`,
    'e.yaml': `kind: Secret\ndata:\n\tapiKey: ${base64(canary())}\n`,
    'f.yaml': `kind: Secret\n${canary()}: *${canary()}\n`,
    'g.yaml': `%${canary()}\n--- !<${canary()}>\nkind: Secret\n`,
    'h.json': `{"kind": "Secret", "stringData": {"apiKey": "${canary()}"`,
    'i.yaml': resource({ service: canary(), [canary()]: canary() }),
    'j.yaml': resource({
      credentials: { secretRef: { name: canary() }, fields: [{ name: canary(), value: canary(), key: canary() }] },
    }),
    'k.yaml': resource({
      target: { name: canary(), keys: { [canary()]: canary() } },
      consumers: [{ kind: canary(), name: canary() }],
    }),
    'l.yaml': resource({
      credentials: { secretRef: { name: 'x' }, waive: [canary()], fields: [{ name: 'apiKey', value: canary() }] },
      service: 'sendgrid',
    }),
    'm.yaml': resource({}, canary()) + `---\n${secret({ apiKey: canary() }, canary())}`,
    'n.yaml': `apiVersion: v1\nkind: Secret\nmetadata: {name: twilio-live, annotations: {x: ${canary()}}}\ndata: ${canary()}\nstringData: [${canary()}]\n`,
    'o.yaml': `apiVersion: ${canary()}\nkind: TracardiResource\nmetadata: ${canary()}\nspec: ${canary()}\n`,
    'p.yaml': `apiVersion: tracardi.com/v1beta1\nkind: ${canary()}\nmetadata: {name: a, namespace: ${canary()}}\n`,
    'q.yaml':
      secret({ accountSid: canary(), authToken: canary(), authTokn: canary() }, 'mixed') +
      `---\n${resource({ credentials: { secretRef: { name: 'mixed' } } })}`,
  }
  await write(Object.fromEntries(Object.entries(corpus).map(([name, text]) => [`leaks/${name}`, text])))
  for (const output of ['human', 'json', 'sarif', 'github']) {
    const { code, stdout, stderr } = await cli([
      'validate',
      '--verbose',
      '--output',
      output,
      'leaks',
      ...Object.keys(corpus).map((name) => `leaks/${name}`),
    ])
    expect(code).toBe(2)
    expect(stdout.length).toBeGreaterThan(1000)
    expect(canaries.findIn(stdout + stderr)).toEqual([])
  }
  // The test can fail.
  expect(canaries.findIn(corpus['b.yaml']!)).not.toEqual([])
})

describe('completion', () => {
  test('bash takes the script, and completes with it', async () => {
    const { stdout, code } = await cli(['completion', 'bash'])
    expect(code).toBe(0)
    await write({
      'completion.bash': stdout,
      'bin/tracardi-operator': `#!/bin/sh\nexec '${process.execPath}' '${program}' "$@"\n`,
    })
    const script = `
      chmod +x bin/tracardi-operator; PATH="$PWD/bin:$PATH"
      # What bash-completion and an interactive shell would bring.
      _get_comp_words_by_ref() { cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD-1]}" words=("\${COMP_WORDS[@]}") cword=\$COMP_CWORD; }
      compopt() { :; }
      source ./completion.bash
      COMP_WORDS=(tracardi-operator explain twil) COMP_CWORD=2 COMP_LINE='tracardi-operator explain twil' COMP_POINT=30
      "$(complete -p tracardi-operator | sed 's/.*-F \\([^ ]*\\).*/\\1/')"
      printf '%s\\n' "\${COMPREPLY[@]}"`
    const bash = await run('bash', ['-c', `cd '${folder}'; ${script}`])
    expect(bash).toMatchObject({ code: 0, stderr: '' })
    expect(bash.stdout.trim()).toMatch(/^twilio\b/)
  })

  test.each([
    ['zsh', /compdef _tracardi-operator tracardi-operator|#compdef tracardi-operator/],
    ['fish', /complete (?:--keep-order )?.*-?-c(?:ommand)? tracardi-operator/],
  ])('%s has a script too', async (shell, wanted) => {
    const { stdout, code } = await cli(['completion', shell])
    expect(code).toBe(0)
    expect(stdout).toMatch(wanted)
  })

  test('of files, flags, and what flags take', async () => {
    await write({ 'files/a.yaml': '', 'files/b.txt': '' })
    const complete = async (...words: string[]) =>
      (await cli(['complete', '--', ...words])).stdout.split('\n').map((line) => line.split('\t')[0])
    expect(await complete('validate', 'files/')).toEqual(['files/a.yaml', ':4', ''])
    expect(await complete('validate', '--output', '')).toEqual(['human', 'json', 'sarif', 'github', ':4', ''])
    expect(await complete('validate', '--str')).toEqual(['--strict', ':4', ''])
  })
})

test('who reads only the beginning gets it', async () => {
  const { stdout } = await run('bash', [
    '-c',
    `'${process.execPath}' '${program}' crd | head -n 1; echo "\${PIPESTATUS[0]}"`,
  ])
  expect(stdout).toBe('apiVersion: apiextensions.k8s.io/v1\n0\n')
})

test('what npm packs runs where nothing else is installed', async () => {
  await mkdir(join(folder, 'packed'))
  // Its own build would take files from under the other tests.
  const root = join(import.meta.dirname, '..', '..')
  const packed = await run('npm', ['pack', root, '--ignore-scripts', '--pack-destination', join(folder, 'packed')], {
    env: { ...process.env, npm_config_cache: join(folder, 'npm-cache') },
  })
  expect(packed).toMatchObject({ code: 0 })
  const archive = packed.stdout.trim().split('\n').at(-1) ?? ''
  expect(await run('tar', ['-xzf', join(folder, 'packed', archive), '-C', join(folder, 'packed')])).toMatchObject({
    code: 0,
  })
  const files = await readdir(join(folder, 'packed', 'package'), { recursive: true })
  expect(files.filter((file) => !/^(?:dist(?:\/[^/]+\.js)?|package\.json|README\.md|LICENSE)$/.test(file))).toEqual([])
  const installed = join(folder, 'packed', 'package', 'dist', 'main.js')
  const { stdout, code } = await run(process.execPath, [installed, 'explain', 'twilio', '--manifest'])
  expect(code).toBe(0)
  expect(stdout).toContain('kind: TracardiResource')
})
