import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { inspect } from './inspect.ts'
import type { CredentialsInput } from './resolve.ts'
import { Sensitive } from './sensitive.ts'

const folder = join(import.meta.dirname, '../../examples')
const files = (await readdir(folder)).filter((name) => name.endsWith('.yaml'))

interface Manifest {
  readonly kind: string
  readonly metadata: { readonly name: string }
  readonly stringData?: Readonly<Record<string, string>>
  readonly spec: { readonly service: string; readonly credentials: CredentialsInput }
}

it.each(files)('%s holds placeholders and nothing else that is wrong', async (file) => {
  const documents = parseAllDocuments(await readFile(join(folder, file), 'utf8')).map((one) => one.toJS() as Manifest)
  const secret = documents.find((one) => one.kind === 'Secret')!
  const { spec } = documents.find((one) => one.kind === 'TracardiResource')!
  const data = new Map(
    Object.entries(secret.stringData!).map(([key, value]) => [key, Sensitive.of(new TextEncoder().encode(value))]),
  )
  const { findings, unresolved } = inspect({
    ...spec,
    secrets: new Map([[secret.metadata.name, { name: secret.metadata.name, type: 'Opaque', data }]]),
    now: 0,
  })
  expect(unresolved).toEqual([])
  expect(new Set(findings.map((finding) => finding.code))).toEqual(new Set(['Placeholder']))
})
