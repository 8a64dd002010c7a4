// Runs `npm ci` when what is installed is not what package-lock.json says, so that every npm script works in a fresh
// clone. Plain JavaScript: it runs on the Node of the machine, from version 20 on, before the one of the project is
// there. Nothing is printed, and no time lost, when there is nothing to do.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const modules = join(root, 'node_modules')
const lockFile = join(root, 'package-lock.json')
const stamp = join(modules, '.installed')

const hash = (/** @type {string | Buffer} */ text) => createHash('sha256').update(text).digest('hex')

const isUpToDate = () => {
  // npm writes this file last: without it, an installation was broken off.
  const written = statSync(join(modules, '.package-lock.json'), { throwIfNoEntry: false })
  if (written === undefined) return false
  const wanted = hash(readFileSync(lockFile))
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return true
  // Somebody ran npm by hand: it writes both files in the same moment.
  if (written.mtimeMs < statSync(lockFile).mtimeMs - 1_000) return false
  writeFileSync(stamp, wanted)
  return true
}

/** @returns {Promise<{ code: number | null, output: string }>} */
const npmCi = () => {
  // Not with the Node that lies in node_modules: npm removes that folder first.
  const path = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => !folder.startsWith(modules))
  const child = spawn('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    env: { ...process.env, PATH: path.join(delimiter) },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  const collect = (/** @type {Buffer} */ chunk) => {
    output += chunk.toString()
  }
  child.stdout.on('data', collect)
  child.stderr.on('data', collect)
  // It goes with us; two at work on one folder would break each other.
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) process.on(signal, () => child.kill(signal))
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => {
      resolve({ code, output })
    })
  })
}

const install = async () => {
  const { lock } = await import('./lock.mjs')
  // Outside of node_modules, which npm removes, and of the checkout, where it would be an untracked file.
  const held = await lock(join(tmpdir(), `tracardi-operator-install-${hash(root).slice(0, 16)}.lock`), () => {
    console.error('Waiting for another run that installs the dependencies.')
  })
  try {
    if (isUpToDate()) return
    console.error('Installing the dependencies with npm ci; this takes about a minute.')
    const { code, output } = await npmCi()
    if (code !== 0) throw new Error(`npm ci ended with ${String(code)}:\n${output.trim()}`)
    if (!existsSync(join(modules, '.bin', 'node'))) {
      throw new Error(
        'npm ci did not run the install script of the package "node". Allow install scripts and try again.',
      )
    }
    writeFileSync(stamp, hash(readFileSync(lockFile)))
  } finally {
    await held.release()
  }
}

if (!isUpToDate()) {
  try {
    await install()
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    process.exitCode = 1
  }
}
