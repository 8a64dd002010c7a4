/** The process of a command: what it reads and writes, and whether anybody looks. */
import packageJson from '../../package.json' with { type: 'json' }
import { run } from '../cli/program.ts'

/** Resolves to the exit code. */
export async function runCommand(args: readonly string[]): Promise<number> {
  const { stdout } = process
  // Who reads only the beginning (`| head`) has seen enough.
  stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 2))
  try {
    const code = await run(
      args,
      {
        out: (text) => stdout.write(text),
        err: (text) => process.stderr.write(text),
        readInput,
        colours: wantsColours(process.env, stdout.isTTY),
        columns: stdout.isTTY ? stdout.columns : undefined,
        workingDirectory: process.cwd(),
        now: () => Date.now(),
      },
      packageJson.version,
    )
    // What was written has to reach a pipe before the process ends.
    await new Promise((resolve) => stdout.write('', resolve))
    return code
  } catch (error) {
    // Nobody expected it, so its message may hold anything.
    const name = error instanceof Error ? error.name : typeof error
    process.stderr.write(`error: this is a mistake of tracardi-operator itself (${name})\n`)
    return 2
  }
}

async function readInput(): Promise<Uint8Array> {
  const chunks: Buffer[] = []
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

/** NO_COLOR and FORCE_COLOR as their conventions have it; the latter is asked last, so it wins. */
function wantsColours(environment: NodeJS.ProcessEnv, isTerminal: boolean): boolean {
  const { FORCE_COLOR: force, NO_COLOR: no, TERM: term } = environment
  if (force !== undefined && force !== '') return force !== '0' && force !== 'false'
  if (no !== undefined && no !== '') return false
  return isTerminal && term !== 'dumb'
}
