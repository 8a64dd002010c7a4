/**
 * The delivery tests on every server.
 * `--only VERSION`: on that one, as 1.35. `--write-docs`: writes docs/compatibility.md when nothing failed anywhere.
 */
import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { knownKubernetes, UnknownVersionError } from '../cluster/programs.ts'
import { servers } from './plan.ts'
import { report, reportFile, summary } from './report.ts'
import { runOn } from './run.ts'
import type { ServerResult } from './run.ts'

const { values } = parseArgs({ options: { only: { type: 'string' }, 'write-docs': { type: 'boolean' } } })

async function main(only: string | undefined, writeDocs: boolean): Promise<number> {
  if (only !== undefined && writeDocs) {
    console.error('--write-docs needs a run on all servers: leave --only out')
    return 2
  }
  const results: ServerResult[] = []
  for (const version of only === undefined ? servers() : [knownKubernetes(only)]) {
    console.log(`Kubernetes ${version}`)
    results.push(await runOn(version))
  }
  console.log(`\n${summary(results)}`)
  if (results.some(({ problems }) => problems.length > 0)) return 1
  if (writeDocs) {
    await writeFile(reportFile, report(results))
    console.log(`wrote ${reportFile}`)
  }
  return 0
}

try {
  process.exitCode = await main(values.only, values['write-docs'] === true)
} catch (error) {
  if (!(error instanceof UnknownVersionError)) throw error
  console.error(error.message)
  process.exitCode = 2
}
