/** The last answer of a connection arrives, also when its request's body is still on its way. */
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import { expect, test } from 'vitest'
import { makeCertificates } from '../testing/certificates.ts'
import { rawClient } from './fixtures/client.ts'
import { reply, startListener } from './fixtures/listener.ts'

const size = 20_000_000
const mostBytes = 64 * 1024 * 1024

test.each([
  ['TCP', 'its client asked for the end', 'POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n'],
  ['TCP', 'of HTTP/1.0', 'POST / HTTP/1.0\r\nHost: a\r\n'],
  ['TCP', 'it is refused', 'POST /a/../b HTTP/1.1\r\nHost: a\r\n'],
  ['TLS', 'its client asked for the end', 'POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n'],
])(
  'over %s, %s: an answer before the body arrives whole, and nothing behind the body is read',
  async (below, _, head) => {
    const folder = mkdtempSync(join(tmpdir(), 'coatcheck-lingering-'))
    const { server, ca } = makeCertificates(folder)
    rmSync(folder, { recursive: true })
    const text = 'x'.repeat(100)
    await using listener = await startListener({
      ...(below === 'TLS' ? { tls: { cert: server.certificate, key: server.key } } : {}),
      handle: () => reply(404, [], Buffer.from(text)),
    })
    const to = { port: listener.port, host: '127.0.0.1', allowHalfOpen: true }
    using client = rawClient(
      below === 'TLS'
        ? connectTls({ ...to, servername: 'localhost', ca: ca.certificate, ALPNProtocols: ['http/1.1'] })
        : connect(to),
    )
    // a client that sends all before it reads anything
    client.socket.pause()
    client.send(`${head}Content-Length: ${size}\r\n\r\n`)
    const sent = new Promise((resolve) => client.socket.write(Buffer.alloc(size), resolve))
    await sent
    client.send('GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n')
    client.socket.resume()
    const received = await client.ended
    expect(client.error).toBeUndefined()
    expect(received).toMatch(/^HTTP\/1\.1 40[04] /)
    expect(received).toMatch(/(x{100}|"})$/)
    client.socket.end()
    await listener.handler.closed()
    expect(listener.finished).toHaveLength(1)
  },
)

test('a body above what is thrown away ends with its connection', async () => {
  await using listener = await startListener({ handle: () => reply(404, ['Content-Length', '0']) })
  using client = rawClient(connect({ port: listener.port, host: '127.0.0.1', allowHalfOpen: true }))
  client.send('POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 1000000000\r\n\r\n')
  const closed = new Promise((resolve) => client.socket.once('close', resolve))
  const piece = Buffer.alloc(1_000_000)
  const pump = () => {
    while (!client.socket.destroyed && client.socket.write(piece));
  }
  client.socket.on('drain', pump)
  pump()
  await closed
  expect(client.socket.bytesWritten).toBeGreaterThan(mostBytes)
  expect(client.socket.bytesWritten).toBeLessThan(1_000_000_000)
  await listener.handler.closed()
})
