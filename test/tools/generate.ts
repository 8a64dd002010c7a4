/**
 * Writes the files that are made from the source: `npm run generate`.
 * With `--check` it writes nothing, and fails when a file differs from what it would write.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { stringify } from 'yaml'
import { buildCrd } from '../../src/api/crd.ts'
import { group, plural } from '../../src/api/names.ts'
import { generatedDocs } from './generate-docs.ts'

const root = join(import.meta.dirname, '..', '..')
const command = 'npm run generate'
const heading = `# Generated from src/api/schema.ts by \`${command}\`. Do not edit.\n`

async function generatedFiles(): Promise<ReadonlyMap<string, string>> {
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

function toYaml(value: unknown): string {
  // The parsers of kubectl and Helm take `on`, `y` and the like for booleans, as YAML 1.1 does: such strings are quoted.
  return stringify(value, { version: '1.1', lineWidth: 120, aliasDuplicateObjects: false })
}

function escapeTemplate(text: string): string {
  return text.replaceAll('{{', '{{ "{{" }}')
}

async function main(): Promise<void> {
  const check = process.argv.includes('--check')
  for (const [path, content] of await generatedFiles()) {
    const file = join(root, path)
    if (check) {
      const current = await readFile(file, 'utf8').catch(() => undefined)
      if (current === content) continue
      console.error(`${path} is not what the source gives: run \`${command}\` and commit the result.`)
      process.exitCode = 1
    } else {
      await mkdir(dirname(file), { recursive: true })
      await writeFile(file, content)
      console.log(`wrote ${path}`)
    }
  }
}

await main()
