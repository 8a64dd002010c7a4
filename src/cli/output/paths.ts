import { isAbsolute, relative, sep } from 'node:path'

/** The path as seen from the working directory, with slashes; one that lies outside of it stays as it is. */
export function relativePath(file: string, workingDirectory: string): string {
  const path = isAbsolute(file) ? relative(workingDirectory, file) : relative('.', file)
  return (path.startsWith('..') ? file : path).split(sep).join('/')
}
