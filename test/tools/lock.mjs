// One at a time, also between processes: a folder that exists while somebody holds the lock.
// Plain JavaScript, because the installer runs on Node versions that cannot run TypeScript.
import { mkdir, rename, rm, stat, utimes } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'

const RENEW_MS = 2_000
/** A holder that has not renewed for so long was killed. */
const STALE_MS = 15_000
const POLL_MS = 200

/**
 * Waits until the lock is free and takes it.
 * @param {string} path a folder that nobody else uses; its parent must exist
 * @param {() => void} onWait called once when somebody else holds the lock
 * @returns {Promise<{ release: () => Promise<void>, [Symbol.asyncDispose]: () => Promise<void> }>}
 */
export const lock = async (path, onWait) => {
  for (let waited = false; ;) {
    try {
      await mkdir(path)
      break
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    }
    if (!waited) onWait()
    waited = true
    const held = await stat(path).catch(() => undefined)
    if (held !== undefined && Date.now() - held.mtimeMs > STALE_MS) {
      // Of several that wait, the one whose rename succeeds clears it away.
      const stale = `${path}.stale-${process.pid}`
      await rename(path, stale).then(
        () => rm(stale, { recursive: true, force: true }),
        () => undefined,
      )
    }
    await sleep(POLL_MS)
  }
  const renew = setInterval(() => {
    const now = new Date()
    utimes(path, now, now).catch(() => undefined)
  }, RENEW_MS)
  const release = async () => {
    clearInterval(renew)
    await rm(path, { recursive: true, force: true })
  }
  // Node 20 has Symbol.asyncDispose too.
  return { release, [Symbol.asyncDispose]: release }
}
