/** Changes of sessions as those hear of them who did not make them. */
import { once } from 'node:events'
import { createConnection } from 'node:net'
import { shared } from '../running/coatcheck.ts'

const channel = `${shared.name}:~changed`

/**
 * Publishes as many messages as the script would that changes a session, each of another one that nobody has cached. One
 * after the other: so each is read and written by itself, which is the dearest way.
 */
export async function publish(port: number, count: number): Promise<void> {
  const socket = createConnection(port, '127.0.0.1').setNoDelay()
  await once(socket, 'connect')
  for (let index = 0; index < count; index += 1) {
    socket.write(`PUBLISH ${channel} "${String(index).padStart(22, 'x')} ${'A'.repeat(20)}"\r\n`)
    await once(socket, 'data')
  }
  socket.destroy()
}

/** Bytes in which a server delivers one message to one of those who listen. */
export async function bytesPerMessage(port: number): Promise<number> {
  const count = 100
  const socket = createConnection(port, '127.0.0.1')
  await once(socket, 'connect')
  socket.write(`SUBSCRIBE ${channel}\r\n`)
  await once(socket, 'data')
  let bytes = 0
  socket.on('data', (chunk: Buffer) => {
    bytes += chunk.length
  })
  await publish(port, count)
  // What was published before is delivered before the answer to this.
  socket.write('PING\r\n')
  while (!socket.destroyed) {
    const [chunk] = (await once(socket, 'data')) as [Buffer]
    if (chunk.includes('pong')) socket.destroy()
  }
  return bytes / count
}
