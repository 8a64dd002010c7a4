/** `completion bash|zsh|fish` prints a script for the shell; the script asks the hidden command `complete`. */
import type { Dirent } from 'node:fs'
import { readdirSync } from 'node:fs'
import type { Command } from 'commander'
import tab from '@bomb.sh/tab/commander'
import { services } from '../catalogue/services.ts'
import { findingCodes } from '../credentials/findings.ts'
import { manifestCodes } from './manifest-codes.ts'
import { isManifestName } from './read-files.ts'

export function addCompletions(program: Command): void {
  const completion = tab(program, { completionCommandName: 'completion' })
  program.commands
    .find((command) => command.name() === 'completion')
    ?.summary('print a script that completes commands in a shell')
    .description(
      'Prints a script for bash, zsh, fish or PowerShell that completes the commands, their flags and what they take.',
    )
    .addHelpText('after', `\nExample:\n  source <(${program.name()} completion bash)`)
  completion.commands.get('explain')?.argument('service|code', (complete) => {
    for (const { id, title } of services.values()) complete(id, title)
    for (const code of [...findingCodes, ...manifestCodes]) complete(code, 'code of a finding')
  })
  // The library lets no shell complete files by itself.
  completion.commands.get('validate')?.argument('path', completePaths, true)
}

/** Manifests and folders that begin as the last word does. */
function completePaths(complete: (value: string, description: string) => void): void {
  const word = process.argv.at(-1) ?? ''
  const folder = word.slice(0, word.lastIndexOf('/') + 1)
  let entries: Dirent[]
  try {
    entries = readdirSync(folder === '' ? '.' : folder, { withFileTypes: true })
  } catch {
    return
  }
  for (const entry of entries) {
    if (entry.isDirectory()) complete(`${folder}${entry.name}/`, 'folder')
    else if (isManifestName(entry.name)) complete(`${folder}${entry.name}`, 'manifest')
  }
}
