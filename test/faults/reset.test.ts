import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'

/** Ends a connection or does not, resets it at once, and has nothing more to do then. */
const program = (end: string): string => `
  import { connect, createServer } from 'node:net'
  import { reset } from ${JSON.stringify(join(import.meta.dirname, 'reset.ts'))}
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    ${end}
    reset(socket)
    server.close()
  }).listen(0, '127.0.0.1', () => {
    connect(server.address().port, '127.0.0.1').on('error', ({ code }) => console.log(code)).resume()
  })
`

test.each([
  ['in use', '', 'ECONNRESET'],
  ['that is being ended', `socket.end('last')`, ''],
])('a process that has reset a connection %s can end', async (_name, end, seen) => {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program(end)], { timeout: 30_000 })
  let said = ''
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()))
  const { promise, resolve } = Promise.withResolvers<unknown>()
  child.on('close', (code, signal) => {
    resolve({ code, signal })
  })
  expect(await promise).toEqual({ code: 0, signal: null })
  expect(said.trim()).toBe(seen)
})
