/** What Node.js the program needs. An older one fails somewhere inside of a library, in words that help nobody. */

/** The same as `engines` in package.json, which cannot be imported before the version is known to be right. */
export const oldestNode = '24.11'

/**
 * @param version of Node.js, such as 24.11.0
 * @returns what to tell the user; undefined when it is new enough
 */
export function nodeProblem(version: string): string | undefined {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [neededMajor = 0, neededMinor = 0] = oldestNode.split('.').map(Number)
  if (major > neededMajor || (major === neededMajor && minor >= neededMinor)) return undefined
  return `tracardi-operator needs Node.js ${oldestNode} or newer, and this is ${version}. The container image brings its own.`
}
