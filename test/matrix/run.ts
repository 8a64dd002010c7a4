/** The delivery tests on one server. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import * as z from 'zod'
import { deliveryTests, hasPolicies, isFor } from './plan.ts'

export interface FileResult {
  readonly file: string
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

export interface ServerResult {
  /** Of Kubernetes, without the leading v. */
  readonly version: string
  /** How credentials were injected with the flags of the chart. */
  readonly mode: string
  /** One for each file that ran. */
  readonly files: readonly FileResult[]
  readonly seconds: number
  /** Why the run counts as failed; empty: it does not. */
  readonly problems: readonly string[]
}

const root = join(import.meta.dirname, '..', '..')
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs')

/** What vitest's reporter writes, as far as it is needed. */
const reportSchema = z.object({
  testResults: z.array(
    z.object({
      name: z.string(),
      message: z.string(),
      assertionResults: z.array(
        z.object({
          status: z.string(),
          meta: z.object({ server: z.object({ version: z.string(), mode: z.string() }).optional() }),
        }),
      ),
    }),
  ),
})

/** Runs them, and shows what vitest says meanwhile. The first run on a server may build it. */
export async function runOn(version: string): Promise<ServerResult> {
  const startedAt = performance.now()
  const files = deliveryTests.filter((one) => isFor(version, one)).map(({ file }) => file)
  const directory = await mkdtemp(join(tmpdir(), 'tracardi-matrix-'))
  try {
    const output = join(directory, 'report.json')
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${output}`]
    const child = spawn(process.execPath, [vitest, 'run', '--project=cluster', ...reporters, ...files], {
      cwd: root,
      stdio: 'inherit',
      // A cluster that is there already would be another server.
      env: {
        ...process.env,
        TRACARDI_TEST_KUBERNETES: version,
        TRACARDI_TEST_KUBECONFIG: '',
        TRACARDI_TEST_CLUSTER: '',
      },
    })
    const [code, signal] = (await once(child, 'exit')) as [number | null, string | null]
    const text = await readFile(output, 'utf8').catch(() => '{"testResults":[]}')
    const { testResults } = reportSchema.parse(JSON.parse(text))
    const results = testResults.map(({ name, assertionResults }): FileResult => {
      const count = (status: string): number => assertionResults.filter((one) => one.status === status).length
      const [passed, failed] = [count('passed'), count('failed')]
      return { file: relative(root, name), passed, failed, skipped: assertionResults.length - passed - failed }
    })
    const server = testResults.flatMap(({ assertionResults }) =>
      assertionResults.flatMap(({ meta }) => meta.server ?? []),
    )
    const [{ version: answered, mode } = { version: 'none', mode: '' }] = server
    const promised = hasPolicies(version) ? 'Policy' : 'Patch'
    const missing = files.filter((file) => results.every((one) => one.file !== file || one.passed === 0))
    return {
      version,
      mode,
      files: results,
      seconds: (performance.now() - startedAt) / 1000,
      problems: [
        ...(code === 0 ? [] : [`vitest ended with ${String(code ?? signal)}`]),
        ...testResults.filter(({ message }) => message !== '').map(({ name, message }) => `${name}: ${message}`),
        ...missing.map((file) => `no test of ${file} passed`),
        ...(answered === version ? [] : [`the server that was asked is ${answered}`]),
        ...(mode === promised ? [] : [`it injects by ${mode || 'nothing'}, not by ${promised}`]),
      ],
    }
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}
