/** From what was typed (files, folders, `-`) to texts. */
import { isUtf8 } from 'node:buffer'
import { opendir, readFile, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { InputFile } from './manifests.ts'
import type { Failure } from './report.ts'

export interface Inputs {
  readonly files: readonly InputFile[]
  readonly failures: readonly Failure[]
  /** What was left out on purpose, in whole sentences. */
  readonly skipped: readonly string[]
}

/** The name under which the standard input is shown. */
export const inputName = '<stdin>'

/** Whether a file of a folder is looked at. */
export function isManifestName(name: string): boolean {
  return /\.(?:ya?ml|json)$/i.test(name)
}

/** Files of other people, and of tools. */
const ignoredFolders: ReadonlySet<string> = new Set(['node_modules', 'vendor'])
const nothingCame = 'Nothing came from the standard input. Did the command before the | fail?'
/** A manifest that concerns us has one of these words in it; nothing else in a folder is parsed. */
const concerns = /TracardiResource|tracardi\.com|Secret|ENC\[/
/** As many as the system takes without complaint. */
const parallelReads = 32

export async function readInputs(args: readonly string[], readInput: () => Promise<Uint8Array>): Promise<Inputs> {
  const files: InputFile[] = []
  const failures: Failure[] = []
  const skipped: string[] = []
  const take = (name: string, bytes: Uint8Array, wanted: boolean): void => {
    const text = decode(bytes)
    if (typeof text !== 'string') failures.push({ file: name, message: text.problem })
    else if (wanted || concerns.test(text)) files.push({ name, text })
  }
  for (const arg of new Set(args)) {
    if (arg === '-') {
      const bytes = await readInput()
      // A pipe of a command that failed; without pipefail the shell says nothing.
      if (bytes.length === 0) failures.push({ file: inputName, message: nothingCame })
      else take(inputName, bytes, true)
      continue
    }
    try {
      if (!(await stat(arg)).isDirectory()) {
        take(arg, await readFile(arg), true)
        continue
      }
      const names = await findManifests(arg, skipped)
      if (names.length === 0) skipped.push(`${arg} holds no file whose name ends with .yaml, .yml or .json.`)
      for (let at = 0; at < names.length; at += parallelReads) {
        const some = names.slice(at, at + parallelReads)
        const contents = await Promise.all(some.map((name) => readFile(name)))
        for (const [index, name] of some.entries()) take(name, contents[index] ?? new Uint8Array(), false)
      }
    } catch (error) {
      failures.push({ file: arg, message: fileProblem(error) })
    }
  }
  return { files, failures, skipped }
}

async function findManifests(folder: string, skipped: string[]): Promise<readonly string[]> {
  const found: string[] = []
  const folders: string[] = []
  let isChart = false
  for await (const entry of await opendir(folder)) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) {
      if (!entry.name.startsWith('.') && !ignoredFolders.has(entry.name)) folders.push(path)
    } else if (isManifestName(entry.name)) {
      found.push(path)
      if (entry.name === 'Chart.yaml') isChart = true
    }
  }
  for (const path of folders.sort()) {
    if (isChart && basename(path) === 'templates') {
      skipped.push(
        `${path} holds templates of Helm. Check what they are rendered to: helm template ${folder} | tracardi-operator validate -`,
      )
    } else {
      found.push(...(await findManifests(path, skipped)))
    }
  }
  return found.sort()
}

function decode(bytes: Uint8Array): string | { problem: string } {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (isUtf8(buffer)) {
    const text = buffer.toString('utf8')
    return text.startsWith('\ufeff') ? text.slice(1) : text
  }
  const [first, second] = buffer
  const isUtf16 = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)
  return {
    problem: isUtf16
      ? 'This is UTF-16 text, as PowerShell writes it with >. Write it as UTF-8: ... | Out-File -Encoding utf8NoBOM FILE'
      : 'This is not UTF-8 text.',
  }
}

const problems: Readonly<Record<string, string>> = {
  ENOENT: 'There is no such file or folder.',
  EACCES: 'It may not be read.',
  EPERM: 'It may not be read.',
  ELOOP: 'It is a symbolic link that leads in a circle.',
  ENAMETOOLONG: 'The name is too long.',
  ERR_FS_FILE_TOO_LARGE: 'It is larger than 2 GiB.',
  ERR_STRING_TOO_LONG: 'It is larger than 512 MiB.',
}

function fileProblem(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return problems[code] ?? `It cannot be read${/^[A-Z_]+$/.test(code) ? ` (${code})` : ''}.`
}
