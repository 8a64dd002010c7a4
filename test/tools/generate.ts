/**
 * Writes the files that are made from the source: `npm run generate`.
 * With `--check` it writes nothing, and fails when a file differs from what it would write.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { toYaml } from '../../src/cli/yaml-text.ts'
import { serviceIndex } from './generate-index.ts'

const root = join(import.meta.dirname, '..', '..')
const command = 'npm run generate'
const heading = `# Generated from src/api/schema.ts by \`${command}\`. Do not edit.\n`

/** Everything that is made from the catalogue, which is complete only with its index: so it is imported afterwards. */
async function generatedFiles(): Promise<ReadonlyMap<string, string>> {
  const { buildCrd } = await import('../../src/api/crd.ts')
  const { group, plural } = await import('../../src/api/names.ts')
  const { generatedDocs } = await import('./generate-docs.ts')
  const crd = buildCrd()
  const chartCrd = {
    ...crd,
    // Helm must not take every TracardiResource of the cluster along when the release is uninstalled.
    metadata: { ...crd.metadata, annotations: { 'helm.sh/resource-policy': 'keep' } },
  }
  return new Map([
    [`crds/${group}_${plural}.yaml`, heading + toYaml(crd)],
    [
      'charts/tracardi-operator/templates/crd.yaml',
      `${heading}{{- if .Values.crds.install }}\n${escapeTemplate(toYaml(chartCrd))}{{- end }}\n`,
    ],
    ...(await generatedDocs()).map(({ path, content }) => [path, content] as const),
  ])
}

function escapeTemplate(text: string): string {
  return text.replaceAll('{{', '{{ "{{" }}')
}

/** Writes the file, or says that it differs. Returns whether it was as it should be. */
async function bring(path: string, content: string, check: boolean): Promise<boolean> {
  const file = join(root, path)
  const current = await readFile(file, 'utf8').catch(() => undefined)
  if (current === content) return true
  if (check) {
    console.error(`${path} is not what the source gives: run \`${command}\` and commit the result.`)
    process.exitCode = 1
  } else {
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, content)
    console.log(`wrote ${path}`)
  }
  return false
}

async function main(): Promise<void> {
  const check = process.argv.includes('--check')
  const index = await serviceIndex(root)
  // With another index everything else would differ too, for that one reason.
  if (!(await bring(index.path, index.content, check)) && check) return
  for (const [path, content] of await generatedFiles()) await bring(path, content, check)
}

await main()
