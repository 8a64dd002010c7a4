// Does in a copy of this repository what docs/adding-a-service.md says, word for word.
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { run } from '../cluster/sources/source.ts'

const root = join(import.meta.dirname, '..', '..')
const page = await readFile(join(root, 'docs/adding-a-service.md'), 'utf8')

const blocksOf = (language: string): string[] =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'))].map(([, body = '']) => body)

const [path = ''] = /src\/catalogue\/services\/[a-z-]+\.ts(?=`\. The name of the file)/.exec(page) ?? []
const id = basename(path, '.ts')
let copy: string

beforeAll(async () => {
  copy = await mkdtemp(join(tmpdir(), 'adding-a-service-'))
  const left = new Set(['node_modules', '.git', 'dist', 'coverage'])
  await cp(root, copy, { recursive: true, filter: (source) => !left.has(basename(source)) })
  await symlink(join(root, 'node_modules'), join(copy, 'node_modules'))
})

afterAll(async () => {
  await rm(copy, { recursive: true, force: true })
})

/** What the copy knows, asked in a process of its own: the modules of this one are those of the repository. */
const askCopy = async (): Promise<unknown> => {
  const script = `
    import { serviceIds, services } from './src/catalogue/services.ts'
    import { defaultTargetKeys } from './src/catalogue/target-keys.ts'
    import { describeFinding } from './src/credentials/findings.ts'
    import { inspect } from './src/credentials/inspect.ts'
    import { Sensitive } from './src/credentials/sensitive.ts'
    const check = (service, key, value) => {
      const data = new Map([[key, Sensitive.of(new TextEncoder().encode(value))]])
      const secrets = new Map([['s', { name: 's', type: 'Opaque', data }]])
      const found = inspect({ service, credentials: { secretRef: { name: 's' } }, secrets, now: 0 })
      return [found.valid, found.variant, ...found.findings.map((one) => describeFinding(one))]
    }
    const key = 'acme_' + 'a1B2c3D4'.repeat(4)
    console.log(JSON.stringify({
      known: serviceIds.includes('${id}'),
      keys: services.get('${id}').fields.map(({ name }) => defaultTargetKeys(services.get('${id}'), name)),
      good: ['apiKey', 'api-key', 'key', 'ACME_TOKEN'].map((name) => check('${id}', name, key)),
      cutOff: check('${id}', 'apiKey', key.slice(0, 30)),
      otherKind: check('${id}', 'apiKey', 'app_12345'),
      elsewhere: check('sendgrid', 'apiKey', key),
    }))`
  const node = join(copy, 'node_modules/.bin/node')
  const { code, stdout, stderr } = await run(node, ['--input-type=module', '--eval', script], { cwd: copy })
  expect(code, stderr).toBe(0)
  return JSON.parse(stdout)
}

test('the page adds a service', { timeout: 240_000 }, async () => {
  const [service = '', ...more] = blocksOf('ts')
  expect(more).toEqual([])
  expect(service.trimEnd().split('\n').length).toBeLessThanOrEqual(60)
  await writeFile(join(copy, path), service)
  const read = (file: string): Promise<string> => readFile(join(copy, file), 'utf8')

  // First a check must notice that something is to be generated.
  const before = await run(join(copy, 'node_modules/.bin/node'), ['test/tools/generate.ts', '--check'], { cwd: copy })
  expect(before).toMatchObject({ code: 1, stderr: expect.stringContaining('services.generated.ts') as unknown })

  const commands = blocksOf('sh').flatMap((block) => block.trim().split('\n'))
  expect(commands.length).toBeGreaterThan(0)
  for (const command of commands) {
    const { code, stdout, stderr } = await run('sh', ['-c', command], { cwd: copy })
    expect(code, `${command}\n${stdout}\n${stderr}`).toBe(0)
  }

  for (const file of ['crds/tracardi.com_tracardiresources.yaml', 'charts/tracardi-operator/templates/crd.yaml']) {
    expect(await read(file)).toMatch(new RegExp(`^ +- ${id}$`, 'm'))
  }
  const docs = await read('docs/services.md')
  expect(docs).toContain(`## ${id}\n`)
  expect(docs).toContain('That there are no regions but two.')
  expect(await read('README.md')).toContain(`(docs/services.md#${id})`)
  const missing = 'the value has 30 characters, expected 37'
  expect(await askCopy()).toEqual({
    known: true,
    keys: [['ACME_API_KEY', 'ACME_TOKEN'], ['ACME_MAIL_REGION']],
    good: Array(4).fill([true, 'apiKey']),
    cutOff: [false, 'apiKey', expect.stringContaining(missing)],
    otherKind: [false, 'apiKey', expect.stringContaining('the id of an app (app_...)')],
    elsewhere: [false, 'apiKey', expect.stringContaining('an Acme API key (acme_...)')],
  })
})
