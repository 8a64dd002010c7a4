/** Resets a connection, as a firewall or a crashed peer does. */
import type { Socket } from 'node:net'

/**
 * One that is just being ended is closed instead: to reset that, Node 24 refuses without a word, and the handle is then
 * neither closed nor ever let go. The process would end its work and spin for ever as it exits.
 */
export function reset(socket: Socket): void {
  if (socket.writableEnded && !socket.writableFinished) socket.destroy()
  else socket.resetAndDestroy()
}
