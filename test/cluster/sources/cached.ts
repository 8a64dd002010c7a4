// Programs that an earlier run built or downloaded.
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { checkEntry, entryPath } from '../cache.ts'
import {
  checkRuns,
  isFolder,
  versionArgs,
  type Context,
  type Found,
  type Item,
  type ProgramSet,
  type Source,
} from './source.ts'

export const setEntry = (env: NodeJS.ProcessEnv, set: ProgramSet): string => entryPath(env, set.name, set.version)

/** The item in an entry that was just filled, so that its contents need no further look. */
export const itemIn = async (entry: string, item: Item): Promise<Found> => {
  const path = join(entry, item.name)
  if ((await stat(path).catch(() => undefined)) === undefined) return { missing: `${path} is missing` }
  const problem = isFolder(item.name) ? undefined : await checkRuns(path, versionArgs(item.name))
  return problem === undefined ? { path } : { missing: problem }
}

const find = async (item: Item, { env }: Context): Promise<Found> => {
  const entry = setEntry(env, item.set)
  const problem = await checkEntry(entry)
  return problem === undefined ? itemIn(entry, item) : { missing: problem }
}

export const cached: Source = { name: 'cache folder', find }
