// docs/compatibility.md is what `npm run test:matrix` writes: of the files and servers that it has now.
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { knownKubernetes } from '../cluster/programs.ts'
import { deliveryTests, hasPolicies, isFor, servers } from '../matrix/plan.ts'
import { command, compatibilityTable, report, reportFile, summary } from '../matrix/report.ts'
import type { ServerResult } from '../matrix/run.ts'

const root = join(import.meta.dirname, '..', '..')
const read = (page: string): Promise<string> => readFile(join(root, page), 'utf8')

/** As if nothing had failed. */
const results = servers().map((version): ServerResult => ({
  version,
  mode: hasPolicies(version) ? 'Policy' : 'Patch',
  files: deliveryTests
    .filter((one) => isFor(version, one))
    .map(({ file }) => ({ file, passed: 10, failed: 0, skipped: 0 })),
  seconds: 1,
  problems: [],
}))

test('the page has every server and every file, and says what the generator says', async () => {
  const withoutCounts = (text: string): string => text.replaceAll(/\d+ tests on|\(\d+ skipped\)/g, '#')
  const page = await readFile(reportFile, 'utf8')
  expect(withoutCounts(page), `${reportFile} is of another run: ${command}`).toBe(withoutCounts(report(results)))
  expect(page).toContain(compatibilityTable())
})

test.each(['README.md', 'docs/testing.md', 'docs/injection.md'])('%s leads to it', async (page) => {
  expect(await read(page)).toMatch(/\]\((?:docs\/)?compatibility\.md\)/)
})

test('the servers: one with patches, and at least two with policies, of which one is the default', () => {
  expect(servers().map(hasPolicies)).toEqual([true, true, false])
  expect(hasPolicies(knownKubernetes(undefined))).toBe(true)
})

test('every file is there', async () => {
  const all = await readdir(join(root, 'test', 'operator'), { recursive: true })
  expect(
    deliveryTests.map(({ file }) => file.replace('test/operator/', '')).filter((file) => !all.includes(file)),
  ).toEqual([])
})

test('what failed, and what is not for a server, stands in the table of the terminal', () => {
  const [newest, ...others] = results
  const text = summary([{ ...newest!, problems: ['vitest ended with 1'] }, ...others])
  const lines = text.split('\n')
  expect(lines[2]).toMatch(/ none .*\| FAILED \|$/)
  expect(lines[4]).toMatch(/^\| 1\.35\.\d+ +\| Patch .*injection\/policy, injection\/pods.*\| ok +\|$/)
  expect(lines.at(-1)).toBe(`${newest!.version}: vitest ended with 1`)
})
