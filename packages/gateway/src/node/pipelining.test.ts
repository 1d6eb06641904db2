/** Several requests at once over one connection: one after the other, each with its answer. */
import { buffer } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import type { Reply } from '../reply.ts'
import { openClient } from './fixtures/client.ts'
import { reply, startListener } from './fixtures/listener.ts'

const get = (target: string) => `GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`
const post = (target: string, body: string) =>
  `POST ${target} HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`

/** Answers each request with its target, when the test lets it; `/now…` at once. */
async function startSlow() {
  const begun: string[] = []
  const answers: (() => void)[] = []
  const listener = await startListener({
    async handle({ request: { target, body } }): Promise<Reply> {
      begun.push(target + (body === undefined ? '' : await buffer(body)))
      if (!target.startsWith('/now')) await new Promise<void>((resolve) => answers.push(resolve))
      return reply(200, [], Buffer.from(`<${target}>`))
    },
  })
  /** Waits for a request, then lets it be answered. */
  const answerNext = async () => {
    await expect.poll(() => answers.length).toBe(1)
    answers.shift()!()
  }
  return { listener, begun, answerNext }
}

test('a request begins when the one in front of it is answered, whatever their methods', async () => {
  const { listener, begun, answerNext } = await startSlow()
  using client = openClient(listener.port)
  client.send(post('/1', 'x') + get('/2') + post('/3', 'y') + get('/4'))
  for (const target of ['/1x', '/2', '/3y', '/4']) {
    await expect.poll(() => begun.at(-1)).toBe(target)
    await answerNext()
  }
  await client.until('</4>')
  expect(begun).toEqual(['/1x', '/2', '/3y', '/4'])
  expect(client.text().match(/<[^>]+>/g)).toEqual(['</1>', '</2>', '</3>', '</4>'])
  await listener[Symbol.asyncDispose]()
})

test('a client that goes on sending while an answer takes its time is not read on, and loses nothing', async () => {
  const { listener, begun, answerNext } = await startSlow()
  using client = openClient(listener.port)
  const count = 60_000
  client.send(get('/slow'))
  await expect.poll(() => begun).toEqual(['/slow'])
  const all = Array.from({ length: count }, (_, i) => get(`/now/${i}/${'x'.repeat(100)}`)).join('')
  client.send(all)
  // what the system holds for both sides is far less than all of it
  await expect.poll(() => client.socket.bytesWritten - client.socket.writableLength).toBeGreaterThan(0)
  for (let i = 0; i < 20; i++) await new Promise(setImmediate)
  expect(client.socket.writableLength).toBeGreaterThan(0)
  expect(begun).toHaveLength(1)
  client.socket.destroy()
  await answerNext()
  await listener.handler.closed()
  expect(begun.length).toBeLessThan(5_000)
  await listener[Symbol.asyncDispose]()
})

test('more than what may wait is answered as well, in order', async () => {
  const { listener, begun, answerNext } = await startSlow()
  using client = openClient(listener.port)
  const targets = Array.from({ length: 500 }, (_, i) => `/now/${i}`)
  client.send(get('/slow'))
  for (const target of targets) client.send(get(target))
  await answerNext()
  await client.until('</now/499>')
  expect(begun).toEqual(['/slow', ...targets])
  expect(client.text().match(/<[^>]+>/g)).toEqual(['</slow>', ...targets.map((target) => `<${target}>`)])
  await listener[Symbol.asyncDispose]()
})

const manyTrailers = `${get('/').slice(0, -2)}Transfer-Encoding: chunked\r\n\r\n0\r\n${'X: 1\r\n'.repeat(101)}\r\n`

test.each<[string, string, string, number?]>([
  ['nonsense', 'nonsense\r\n\r\n', 'bad-request'],
  [
    'two framings',
    `${get('/').slice(0, -2)}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n`,
    'bad-framing',
  ],
  ['CONNECT', 'CONNECT b:443 HTTP/1.1\r\nHost: b:443\r\n\r\n', 'bad-target'],
  ['a target that is refused', get('/../x'), 'ambiguous-target'],
  ['a body with too many trailers', manyTrailers, 'too-many-headers', 431],
  ['a body that makes no sense', `${get('/').slice(0, -2)}Transfer-Encoding: chunked\r\n\r\nx\r\n`, 'bad-framing'],
])(
  '%s behind requests: those are answered, then it is, and nothing behind it',
  async (_what, bytes, code, status = 400) => {
    const { listener, begun, answerNext } = await startSlow()
    using client = openClient(listener.port)
    client.send(get('/1') + get('/2') + bytes + get('/after'))
    await answerNext()
    await answerNext()
    const text = await client.ended
    expect(text.match(/<[^>]+>|"code":"[^"]+"/g)).toEqual(['</1>', '</2>', `"code":"${code}"`])
    expect(begun).toEqual(['/1', '/2'])
    await listener.handler.closed()
    const told = [...listener.rejected, ...listener.finished.filter(({ status }) => status !== 200)]
    expect(told).toMatchObject([{ status }])
    await listener[Symbol.asyncDispose]()
  },
)

test('what is refused behind the last answer of a connection has no status', async () => {
  const { listener, answerNext } = await startSlow()
  using client = openClient(listener.port)
  client.send(`GET /1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`)
  await expect.poll(() => listener.users.inFlight).toBe(1)
  client.send('nonsense\r\n\r\n')
  await answerNext()
  expect((await client.ended).match(/HTTP\/1\.1/g)).toHaveLength(1)
  await listener.handler.closed()
  for (const { status, responseBytes } of listener.rejected) expect([status, responseBytes]).toEqual([0, 0])
  await listener[Symbol.asyncDispose]()
})

test('a request that waits is not served for a client that left', async () => {
  const { listener, begun, answerNext } = await startSlow()
  using client = openClient(listener.port)
  client.send(get('/1') + get('/2'))
  await expect.poll(() => begun).toEqual(['/1'])
  client.socket.destroy()
  await listener.handler.closed()
  await answerNext()
  await listener.finishedCount(1)
  expect([begun, listener.users.inFlight]).toEqual([['/1'], 0])
  await listener[Symbol.asyncDispose]()
})
