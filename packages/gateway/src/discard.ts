import type { Reply } from './reply.ts'

/** Lets go of an answer that the client will not get. */
export function discard(reply: Reply): void {
  const { body } = reply
  if (body === undefined || Buffer.isBuffer(body)) return
  if (body.kind === 'stream') body.cancel()
  else body.socket.destroy()
}
