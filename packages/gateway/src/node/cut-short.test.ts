/** An answer that is not whole is told with who broke it off. */
import { expect, test } from 'vitest'
import type { ErrorCode } from '../errors.ts'
import { GatewayError } from '../errors.ts'
import type { BodySink, BodySource, Reply } from '../reply.ts'
import { Failures } from '../upstream/failures.ts'
import { openClient } from './fixtures/client.ts'
import { reply, startListener, type TestListener } from './fixtures/listener.ts'

const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
const failures = new Failures('shop', '10.0.0.5:3000')

/** Begins an answer of unknown length; then `go` on. */
function partly(go: (sink: BodySink) => void): BodySource {
  return {
    kind: 'stream',
    pipe(sink) {
      sink.write(Buffer.from('part'))
      go(sink)
    },
    cancel() {},
  }
}

async function told(listener: TestListener) {
  await listener.finishedCount(1)
  const [{ status, aborted, exchange }] = listener.finished as [TestListener['finished'][0]]
  return { status, aborted, reason: exchange.reason, detail: exchange.detail }
}

test.each([
  failures.reset(undefined),
  failures.malformed(new Error('Invalid character in chunk size')),
  failures.idleTimeout(300),
])('an answer that its upstream breaks off says why: $code', async (error) => {
  await using listener = await startListener({
    handle: () =>
      reply(
        200,
        [],
        partly((sink) => setImmediate(() => sink.fail(error))),
      ),
  })
  using client = openClient(listener.port)
  client.send(get)
  await client.ended
  expect(await told(listener)).toEqual({ status: 200, aborted: true, reason: error.code, detail: error.message })
})

test.each([
  ['in chunks', '1.1', [], 'part'],
  ['in chunks, before its first one', '1.1', [], ''],
  ['of known length', '1.1', ['Content-Length', '9'], 'part'],
  ['of known length, before its first byte', '1.1', ['Content-Length', '9'], ''],
  ['that ends with its connection', '1.0', [], 'part'],
])('an answer %s that breaks off as soon as it begins arrives as far as it came', async (_, version, headers, part) => {
  const body: BodySource = {
    kind: 'stream',
    pipe(sink) {
      if (part !== '') sink.write(Buffer.from(part))
      sink.fail(failures.malformed(new Error('Invalid character in chunk size')))
    },
    cancel() {},
  }
  await using listener = await startListener({ handle: () => reply(200, headers, body) })
  using client = openClient(listener.port)
  client.send(`GET / HTTP/${version}\r\nHost: a\r\n\r\n`)
  const received = await client.ended
  expect(received).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
  expect(received.split('\r\n\r\n')[1]).toContain(part)
  expect(received).not.toContain('\r\n0\r\n')
  expect(await told(listener)).toMatchObject({ status: 200, aborted: true, reason: 'upstream-protocol' })
})

test('an answer that is shorter than it announced is a fault of ours, and said to be', async () => {
  const short = partly((sink) => setImmediate(() => sink.end(undefined)))
  await using listener = await startListener({ handle: () => reply(200, ['Content-Length', '9'], short) })
  using client = openClient(listener.port)
  client.send(get)
  await client.ended
  expect(await told(listener)).toEqual({
    status: 200,
    aborted: true,
    reason: 'internal',
    detail: 'The body is shorter than announced',
  })
})

async function leave(answer: Reply, reason?: ErrorCode) {
  await using listener = await startListener({
    handle(exchange) {
      exchange.reason = reason
      return answer
    },
  })
  using client = openClient(listener.port)
  client.send(get)
  await client.until('part')
  client.socket.destroy()
  return await told(listener)
}

test('a client that leaves in the middle of its answer is said to have left', async () => {
  expect(
    await leave(
      reply(
        200,
        [],
        partly(() => {}),
      ),
    ),
  ).toEqual({
    status: 200,
    aborted: true,
    reason: 'client-gone',
    detail: expect.stringContaining('before the end of the answer'),
  })
})

test('an error that its client does not wait for keeps its code', async () => {
  const answer = reply(
    503,
    [],
    partly(() => {}),
  )
  expect(await leave(answer, 'store-unavailable')).toMatchObject({ aborted: true, reason: 'store-unavailable' })
})

test('a failure of the upstream is not the client that leaves because of it', async () => {
  const error = new GatewayError('upstream-reset', 502, 'closed')
  const body = partly((sink) => {
    sink.fail(error)
    sink.fail(new GatewayError('upstream-timeout', 504, 'late'))
  })
  await using listener = await startListener({ handle: () => reply(200, [], body) })
  using client = openClient(listener.port)
  client.send(get)
  await client.ended
  expect(await told(listener)).toMatchObject({ reason: 'upstream-reset', detail: 'closed' })
})
