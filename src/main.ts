#!/usr/bin/env node
/** The process. With a command it runs that, else it is the operator. What the other one needs is not even loaded. */
import { nodeProblem } from './main/node-version.ts'

const args = process.argv.slice(2)
const [first] = args

async function main(): Promise<number> {
  const problem = nodeProblem(process.versions.node)
  if (problem !== undefined) {
    process.stderr.write(`${problem}\n`)
    return 2
  }
  if (first === '-h' || first === '--help' || (first !== undefined && !first.startsWith('-'))) {
    const { runCommand } = await import('./main/command.ts')
    return runCommand(args)
  }
  // Before anything that is large.
  await import('./telemetry/heap.ts')
  const { runOperatorProcess } = await import('./main/operator.ts')
  return runOperatorProcess(args)
}

process.exitCode = await main()
// Whatever still holds the event loop (an idle connection) is no reason to stay.
process.exit()
