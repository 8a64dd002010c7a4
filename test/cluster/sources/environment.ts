// Programs that the user names, by the variables that Go projects know from envtest.
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { checkRuns, isFolder, versionArgs, type Context, type Found, type Item, type Source } from './source.ts'

const variableOf = (item: Item): string => `TEST_ASSET_${item.name.toUpperCase().replaceAll('-', '_')}`

const check = async (item: Item, path: string): Promise<string | undefined> => {
  const found = await stat(path).catch(() => undefined)
  if (found === undefined) return `${path} does not exist`
  if (isFolder(item.name)) return found.isDirectory() ? undefined : `${path} is not a folder`
  return checkRuns(path, versionArgs(item.name))
}

const find = async (item: Item, { env }: Context): Promise<Found> => {
  const variable = variableOf(item)
  const named = env[variable]
  if (named !== undefined && named !== '') {
    const problem = await check(item, named)
    // The user asked for exactly this program: another one in its place would be a surprise.
    if (problem !== undefined) throw new Error(`${variable} is set, but ${problem}. Correct it or unset it.`)
    return { path: named }
  }
  const folder = env['KUBEBUILDER_ASSETS']
  if (folder === undefined || folder === '') return { missing: `neither ${variable} nor KUBEBUILDER_ASSETS is set` }
  const path = join(folder, item.name)
  const problem = await check(item, path)
  return problem === undefined ? { path } : { missing: `${variable} is not set, and in KUBEBUILDER_ASSETS ${problem}` }
}

export const environment: Source = { name: 'environment', find }
