/** The list of all services, made from the folder that they stand in. It imports nothing of the source, which needs it. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'

const folder = 'src/catalogue/services'

/** Path and content of the file. */
export async function serviceIndex(root: string): Promise<{ path: string; content: string }> {
  const files = await readdir(join(root, folder))
  const ids = files
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .map((name) => name.slice(0, -'.ts'.length))
    .sort()
  const names = ids.map((id) => id.replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase()))
  const content = [
    `// Generated from ${folder} by \`npm run generate\`. Do not edit.`,
    `import type { ServiceDefinition } from './definition.ts'`,
    ...ids.map((id, index) => `import { ${names[index] ?? ''} } from './services/${id}.ts'`),
    '',
    'export const allServices: readonly ServiceDefinition[] = [',
    ...names.map((name) => `  ${name},`),
    ']',
    '',
  ].join('\n')
  return { path: 'src/catalogue/services.generated.ts', content }
}
