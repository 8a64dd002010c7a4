// What the documentation says is tried out: its examples on a real API server, its links, its list of dependencies.
import { access, readdir, readFile } from 'node:fs/promises'
import { dirname, join, relative, resolve } from 'node:path'
import { beforeAll, afterAll, describe, expect, inject, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import * as z from 'zod'
import { settings, variableOf } from '../../src/settings.ts'
import { run } from '../cluster/sources/source.ts'
import { kubectlPath } from '../cluster/tools.ts'

const root = join(import.meta.dirname, '..', '..')
const namespace = `docs-${process.pid}`

interface Example {
  /** File, and line of a block. */
  where: string
  text: string
}

const filesBelow = async (folder: string, ending: string): Promise<string[]> =>
  (await readdir(join(root, folder), { recursive: true, withFileTypes: true }).catch(() => []))
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .sort()

const read = (file: string): Promise<string> => readFile(join(root, file), 'utf8')

const pages = ['README.md', 'CONTRIBUTING.md', ...(await filesBelow('docs', '.md'))]
const texts = new Map(await Promise.all(pages.map(async (page) => [page, await read(page)] as const)))

/** YAML of a page: blocks of it, and what shell commands are fed with. */
const blocksOf = (page: string, text: string): Example[] =>
  [...text.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].flatMap(({ 1: language, 2: body = '', index }) => {
    const where = `${page}:${text.slice(0, index).split('\n').length}`
    if (language === 'yaml') return [{ where, text: body }]
    return [...body.matchAll(/<<'?(\w+)'?\n([\s\S]*?)^\1$/gm)].map((match) => ({ where, text: match[2] ?? '' }))
  })

const isResource = ({ text }: Example): boolean => /^kind: TracardiResource$/m.test(text)

const blocks = [...texts].flatMap(([page, text]) => blocksOf(page, text)).filter(isResource)
const files = await Promise.all(
  [...(await filesBelow('examples', '.yaml')), ...(await filesBelow('test/demo/manifests', '.yaml'))].map(
    async (file): Promise<Example> => ({ where: file, text: await read(file) }),
  ),
)

const kubectl = async (args: string[], input = '') =>
  run(await kubectlPath(), ['--kubeconfig', inject('kubeconfig'), ...args], { input })

describe('examples', () => {
  beforeAll(async () => {
    expect(await kubectl(['create', 'namespace', namespace])).toMatchObject({ code: 0 })
  })

  afterAll(async () => {
    await kubectl(['delete', 'namespace', namespace, '--wait=false'])
  })

  test.each([...blocks, ...files])('$where is accepted by the API server', async ({ text }) => {
    const args = ['apply', '--namespace', namespace, '--dry-run=server', '--validate=strict', '-f', '-']
    const { code, stdout, stderr } = await kubectl(args, text)
    expect(stderr).toBe('')
    expect(code).toBe(0)
    expect(stdout.trim().split('\n')).toHaveLength(parseAllDocuments(text).length)
  })

  test('the README has one', () => {
    expect(blocks.some(({ where }) => where.startsWith('README.md'))).toBe(true)
  })
})

test('docs/dependencies.md names every dependency, and no other', async () => {
  const manifest = z
    .object({ dependencies: z.record(z.string(), z.string()), devDependencies: z.record(z.string(), z.string()) })
    .parse(JSON.parse(await read('package.json')))
  const listed = [...(texts.get('docs/dependencies.md') ?? '').matchAll(/^\| `([^`]+)`/gm)].map(([, name]) => name)
  const wanted = [...Object.keys(manifest.dependencies), ...Object.keys(manifest.devDependencies)]
  expect(listed.toSorted()).toEqual(wanted.toSorted())
})

test('every variable of the operator that the docs name exists', () => {
  const known = new Set(Object.values(settings).map(({ flag }) => variableOf(flag)))
  const named = [...texts.values()].flatMap((text) => text.match(/TRACARDI_OPERATOR_[A-Z_]*[A-Z]/g) ?? [])
  expect(named.filter((variable) => !known.has(variable))).toEqual([])
  expect(new Set(named)).toEqual(known)
})

describe('links', () => {
  const withoutCode = (text: string): string =>
    text.replaceAll(/^```[\s\S]*?^```$/gm, '').replaceAll(/`[^`\n]*`/g, 'code')

  /** As GitHub makes them. */
  const anchorsOf = (text: string): Set<string> =>
    new Set(
      [...text.replaceAll(/^```[\s\S]*?^```$/gm, '').matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
        heading
          .toLowerCase()
          .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
          .replaceAll(' ', '-'),
      ),
    )

  test.each(pages)('of %s resolve', async (page) => {
    const broken: string[] = []
    for (const [, target = ''] of withoutCode(texts.get(page) ?? '').matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(target)) continue
      const [path = '', anchor] = target.split('#')
      const file = path === '' ? join(root, page) : resolve(root, dirname(page), path)
      const exists = await access(file).then(
        () => true,
        () => false,
      )
      if (!exists || (anchor !== undefined && !anchorsOf(await readFile(file, 'utf8')).has(anchor))) broken.push(target)
    }
    expect(broken).toEqual([])
  })
})
