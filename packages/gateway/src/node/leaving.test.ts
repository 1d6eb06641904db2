/** Requests that never arrive whole: one line each, which says how they ended. */
import { expect, test } from 'vitest'
import { clientGone } from '../upstream/failures.ts'
import { openClient } from './fixtures/client.ts'
import { reply, startListener } from './fixtures/listener.ts'

const bodies: [string, string][] = [
  ['of known length', 'Content-Length: 100\r\n\r\nhello'],
  ['in chunks', 'Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n'],
]
const post = (rest: string) => `POST / HTTP/1.1\r\nHost: a\r\n${rest}`

/** Reads the body, and fails as a forward does when its client has left. */
function upload(idle = 10_000) {
  const reading = Promise.withResolvers<void>()
  const listener = startListener({
    timeouts: { idle },
    handle: (exchange) =>
      new Promise((resolve) => {
        exchange.connection.onGone = () => {
          exchange.reason = clientGone().code
          resolve(reply(499))
        }
        exchange.request.body!.on('error', () => {}).once('data', () => reading.resolve())
      }),
  })
  return { listener, reading: reading.promise }
}

test.each(bodies)(
  'a client that ends in the middle of a body %s is gone: no answer, no status, one line',
  async (_, rest) => {
    const { listener: starting, reading } = upload()
    await using listener = await starting
    using client = openClient(listener.port, { allowHalfOpen: true })
    client.send(post(rest))
    await reading
    client.socket.end()
    expect(await client.ended).toBe('')
    await listener.finishedCount(1)
    await listener.handler.closed()
    expect(listener.finished).toMatchObject([{ status: 0, aborted: true, exchange: { reason: 'client-gone' } }])
    expect(listener.rejected).toEqual([])
  },
)

test.each(bodies)(
  'a client that ends in the middle of a body %s that was answered early is told of once',
  async (_, rest) => {
    await using listener = await startListener({ handle: () => reply(404, ['Content-Length', '0']) })
    using client = openClient(listener.port, { allowHalfOpen: true })
    client.send(post(rest))
    await client.until('404')
    client.socket.end()
    expect((await client.ended).match(/HTTP\/1\.1/g)).toHaveLength(1)
    await listener.handler.closed()
    expect(listener.finished).toMatchObject([{ status: 404, aborted: false }])
    expect(listener.rejected).toEqual([])
  },
)

test('a body that stops arriving is told as its answer says, whatever the handler makes of it', async () => {
  const { listener: starting } = upload(100)
  await using listener = await starting
  using client = openClient(listener.port)
  client.send(post(bodies[0]![1]))
  expect(await client.ended).toMatch(/^HTTP\/1\.1 408 /)
  await listener.finishedCount(1)
  await listener.handler.closed()
  expect(listener.finished).toMatchObject([{ status: 408, aborted: true, exchange: { reason: 'request-timeout' } }])
  expect(listener.rejected).toEqual([])
})

test('a body that stops making sense is told once', async () => {
  const { listener: starting } = upload()
  await using listener = await starting
  using client = openClient(listener.port)
  client.send(post('Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nnonsense\r\n'))
  expect(await client.ended).toMatch(/^HTTP\/1\.1 400 .*"code":"bad-framing"/s)
  await listener.handler.closed()
  expect(listener.finished).toMatchObject([{ status: 400, aborted: true, exchange: { reason: 'bad-framing' } }])
  expect(listener.rejected).toEqual([])
})
