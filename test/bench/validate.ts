// How long `validate` takes for a thousand files, beside a program that only parses them with the same YAML library.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { note, type Bench, type Section } from './bench.ts'
import { line, percentile, verdict } from './report.ts'
import * as shapes from './shapes.ts'

const root = join(import.meta.dirname, '..', '..')
const aimMs = 1000
const files = 1000

/** Reads and parses, and nothing else. */
const parser = `
import { readdirSync, readFileSync } from 'node:fs'
import { parseAllDocuments } from 'yaml'
const folder = process.argv[1]
for (const name of readdirSync(folder))
  for (const document of parseAllDocuments(readFileSync(folder + '/' + name, 'utf8'))) document.toJS()
`
const contestants = {
  parser: ['--input-type=module', '--eval', parser],
  validate: [join(root, 'dist', 'main.js'), 'validate'],
} as const
type Contestant = keyof typeof contestants

/** A process tells the last thing what it used. Others that use the same cores do not change that. */
const tellUsage = `data:text/javascript,${encodeURIComponent(
  "import { writeSync } from 'node:fs'; process.on('exit', () => writeSync(3, JSON.stringify(process.cpuUsage())))",
)}`

/** @returns milliseconds of processor time, of all threads, in the kernel too */
const runOnce = async (args: readonly string[]): Promise<number> => {
  const child = spawn(process.execPath, ['--import', tellUsage, ...args], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
  })
  let told = ''
  const [, , , pipe] = child.stdio
  pipe?.on('data', (chunk: Buffer) => (told += chunk.toString()))
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) throw new Error(`${args.slice(0, 2).join(' ')} ended with ${code}`)
  const { user, system } = JSON.parse(told) as NodeJS.CpuUsage
  return (user + system) / 1000
}

/** A Secret and the TracardiResource that names it. */
const manifests = (index: number): string =>
  [shapes.source(index), shapes.resource(index)].map((manifest) => stringify(manifest)).join('---\n')

export const validate = async ({ quick }: Bench): Promise<Section> => {
  const times = quick ? 3 : 9
  note(`validate: ${times} times`)
  const folder = await mkdtemp(join(tmpdir(), 'tracardi-bench-'))
  const one = await mkdtemp(join(tmpdir(), 'tracardi-bench-'))
  const oneFile: Record<Contestant, number[]> = { parser: [], validate: [] }
  const allFiles: Record<Contestant, number[]> = { parser: [], validate: [] }
  try {
    await writeFile(join(one, '0.yaml'), manifests(0))
    for (let index = 0; index < files; index += 1) await writeFile(join(folder, `${index}.yaml`), manifests(index))
    for (let step = 0; step < times; step += 1)
      for (const contestant of ['parser', 'validate'] as const) {
        oneFile[contestant].push(await runOnce([...contestants[contestant], one]))
        allFiles[contestant].push(await runOnce([...contestants[contestant], folder]))
      }
  } finally {
    await Promise.all([folder, one].map((path) => rm(path, { recursive: true, force: true })))
  }
  const show = (ms: number): string => `${(ms / 1000).toFixed(2)} s`
  const median = (values: readonly number[]): number => percentile(values, 50)
  const row = (name: string, pick: (contestant: Contestant) => number, limit?: number): string => {
    const [reference, ours] = [pick('parser'), pick('validate')]
    const aim = limit === undefined ? [] : verdict(ours, limit, show(limit))
    return line(name, show(reference), show(ours), `${(ours / reference).toFixed(2)}x`, ...aim)
  }
  const table = [
    `validate: ${times} times each, processor time; a Secret and a TracardiResource in each file, all of them valid`,
    '',
    line('', 'yaml alone', 'validate', 'ratio', 'aim'),
    row('One file, with the start of the process', (contestant) => median(oneFile[contestant])),
    row('1,000 files, with the start of the process', (contestant) => median(allFiles[contestant])),
    row(
      '1,000 files, after the start',
      (contestant) => median(allFiles[contestant]) - median(oneFile[contestant]),
      aimMs,
    ),
  ].join('\n')
  return { json: { times, files, oneFile, allFiles, aimMs }, table }
}
