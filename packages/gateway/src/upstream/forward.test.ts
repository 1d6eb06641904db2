/** What an upstream is sent, and what comes of its answer. */
import { once } from 'node:events'
import { PassThrough, Readable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import type { BodySource } from '../reply.ts'
import { ask, readBody, request, stageForward } from '../testing/forward.ts'
import { startRecorder } from '../testing/recorder.ts'

const empty = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'
const chunkedOk = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'

describe('the request', () => {
  test('goes out with its target, header order, case, doubles and octets, and framing of ours alone', async () => {
    await using recorder = await startRecorder()
    using stage = stageForward({ targets: [recorder.url] })
    const headers = [
      'hOST',
      'a.example',
      'X-A',
      '1',
      'Connection',
      'close',
      'x-a',
      '2\xe9',
      'Content-Length',
      '7',
      'Expect',
      'x',
    ]
    await ask(stage, { target: '/a%2Fb//../?q=%zz', headers })
    expect((await recorder.request(0)).head).toBe(
      'GET /a%2Fb//../?q=%zz HTTP/1.1\r\nhOST: a.example\r\nX-A: 1\r\nx-a: 2\xe9\r\nConnection: keep-alive\r\n\r\n',
    )
  })

  test('keeps the length of its body, and leaves with a small one in one piece', async () => {
    await using recorder = await startRecorder()
    using stage = stageForward({ targets: [recorder.url] })
    let wanted = 0
    const onBodyWanted = () => void wanted++
    await ask(stage, { method: 'POST', body: Readable.from([Buffer.from('hello')]), contentLength: 5, onBodyWanted })
    const sent = await recorder.request(0)
    expect(sent.head).toContain('\r\nContent-Length: 5\r\n')
    expect([sent.rawBody.toString(), wanted]).toEqual(['hello', 1])
  })

  test('chunks a body of unknown length, and passes on the trailers that are let through', async () => {
    await using recorder = await startRecorder()
    using stage = stageForward({ targets: [recorder.url] })
    const rawTrailers = ['X-Sum', '7', 'X-User-Id', 'admin', 'Host', 'evil', 'Content-Length', '3', 'X-Bad', 'a\r\nb']
    const body = Object.assign(Readable.from([Buffer.from('ab'), Buffer.from('cde')]), { rawTrailers })
    const trailers = (received: string[]) => received.filter((_, i) => received[i - (i % 2)] !== 'X-User-Id')
    await ask(stage, { method: 'POST', body, trailers })
    const sent = await recorder.request(0)
    expect(sent.head).toContain('\r\nTransfer-Encoding: chunked\r\n')
    expect(sent.rawBody.toString()).toBe('2\r\nab\r\n3\r\ncde\r\n0\r\nX-Sum: 7\r\n\r\n')
  })

  test('sends no trailer when nobody looked at them', async () => {
    await using recorder = await startRecorder()
    using stage = stageForward({ targets: [recorder.url] })
    const body = Object.assign(Readable.from([Buffer.from('a')]), { rawTrailers: ['X-User-Id', 'admin'] })
    await ask(stage, { method: 'POST', body })
    expect((await recorder.request(0)).trailers).toEqual([])
  })

  test('waits with its body until the upstream takes more', async () => {
    await using recorder = await startRecorder({ connected: ({ socket }) => void socket.pause() })
    using stage = stageForward({ targets: [recorder.url] })
    const size = 64 * 1024 * 1024
    let produced = 0
    const body = new Readable({
      read() {
        produced += 65_536
        this.push(produced > size ? null : Buffer.alloc(65_536))
      },
    })
    const reply = stage.forward.send(request({ method: 'POST', body, contentLength: size }))
    await new Promise<void>((resolve) => body.once('pause', resolve))
    expect(produced).toBeLessThan(size / 2)
    recorder.connections[0]!.socket.resume().removeAllListeners('data').resume()
    await once(body, 'end')
    await recorder.connections[0]!.write(empty)
    expect((await reply).status).toBe(200)
  })

  test('with a body shorter or longer than its Content-Length ends, and its connection with it', async () => {
    await using recorder = await startRecorder()
    using stage = stageForward({ targets: [recorder.url] })
    for (const text of ['abc', 'abcdefg']) {
      const sent = stage.forward.send(
        request({ method: 'POST', body: Readable.from([Buffer.from(text)]), contentLength: 5 }),
      )
      await expect(sent).rejects.toMatchObject({ code: 'bad-framing', status: 400 })
      await recorder.connections.at(-1)!.closed
    }
    expect(recorder.requests).toEqual([])
  })

  test('names the target as its Host when it is told to', async () => {
    await using recorder = await startRecorder()
    using stage = stageForward({ targets: [recorder.url] })
    await ask(stage, { hostFromTarget: true, headers: ['X-A', '1', 'Host', 'shop', 'X-B', '2'] })
    await ask(stage, { hostFromTarget: true, headers: ['X-A', '1'] })
    expect(recorder.requests.map((sent) => sent.headers.slice(0, 4))).toEqual([
      ['X-A', '1', 'Host', `127.0.0.1:${recorder.port}`],
      ['X-A', '1', 'Host', `127.0.0.1:${recorder.port}`],
    ])
  })
})

describe('the answer', () => {
  test('comes with status, reason, order, case, doubles and octets, without what belongs to the connection', async () => {
    const head =
      'HTTP/1.1 418 Tea \xe9\r\nset-cookie: a\r\nX-Hop: 1\r\nConnection: x-hop\r\nKeep-Alive: timeout=5\r\nSet-Cookie: \xff\r\n'
    await using recorder = await startRecorder({ respond: () => `${head}Content-Length: 2\r\n\r\nhi` })
    using stage = stageForward({ targets: [recorder.url] })
    const { reply, text } = await ask(stage)
    expect(reply).toMatchObject({ status: 418, statusText: 'Tea \xe9' })
    expect(reply.headers).toEqual(['set-cookie', 'a', 'Set-Cookie', '\xff', 'Content-Length', '2'])
    expect(text).toBe('hi')
  })

  test.each([
    ['HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n', ['Content-Length', '5']],
    ['GET', 'HTTP/1.1 304 N\r\nContent-Length: 5\r\nETag: "a"\r\n\r\n', ['Content-Length', '5', 'ETag', '"a"']],
    ['GET', 'HTTP/1.1 204 N\r\nContent-Length: 0\r\nX: 1\r\n\r\n', ['X', '1']],
    ['GET', empty, ['Content-Length', '0']],
  ])('%s %j has no body, and its connection serves on', async (method, answer, headers) => {
    await using recorder = await startRecorder({ respond: () => answer })
    using stage = stageForward({ targets: [recorder.url] })
    for (let i = 0; i < 2; i++) expect((await ask(stage, { method })).reply).toMatchObject({ headers, body: undefined })
    expect(recorder.connections).toHaveLength(1)
  })

  test('streams: what came is there before the rest is', async () => {
    await using recorder = await startRecorder({ respond: () => `${chunkedOk}3\r\none\r\n` })
    using stage = stageForward({ targets: [recorder.url] })
    const reply = await stage.forward.send(request())
    const seen = new PassThrough()
    const sink = {
      write: (chunk: Buffer) => seen.write(chunk),
      drained: () => {},
      end: (trailers: string[] | undefined) => seen.end(String(trailers)),
      fail: (error: Error) => seen.destroy(error),
    }
    ;(reply.body as BodySource).pipe(sink)
    expect(String((await once(seen, 'data'))[0])).toBe('one')
    await recorder.connections[0]!.write('3\r\ntwo\r\n')
    expect(String((await once(seen, 'data'))[0])).toBe('two')
    await recorder.connections[0]!.write('0\r\nX-Sum: 9\r\nContent-Length: 1\r\n\r\n')
    expect(String((await once(seen, 'data'))[0])).toBe('X-Sum,9')
  })

  test('is held back while the client does not read, and comes whole when it does', async () => {
    const size = 32 * 1024 * 1024
    await using recorder = await startRecorder({
      respond: (_, { socket }) => {
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`)
        socket.write(Buffer.alloc(size, 'x'))
        return undefined
      },
    })
    using stage = stageForward({ targets: [recorder.url] })
    const reply = await stage.forward.send(request())
    let got = 0
    let reads = 0
    const done = new Promise<number>((resolve, reject) => {
      const sink = {
        write: (chunk: Buffer) => {
          got += chunk.length
          if (++reads % 3 !== 0) return true
          // Nothing may come until `drained` is called, however long that takes.
          const before = got
          setImmediate(() => {
            expect(got).toBe(before)
            sink.drained()
          })
          return false
        },
        drained: () => {},
        end: () => resolve(got),
        fail: reject,
      }
      ;(reply.body as BodySource).pipe(sink)
    })
    // Nobody reads yet: the upstream cannot be done.
    expect(recorder.connections[0]!.socket.writableLength).toBeGreaterThan(0)
    expect(await done).toBe(size)
  })

  test('keeps every octet of a body, however it is cut', async () => {
    const octets = Buffer.from(Array.from({ length: 70_000 }, (_, i) => (i * 31) % 256))
    const cuts = [1, 7, 4096, 20_000, 65_535, 69_999]
    const pieces = [0, ...cuts].map((from, i) => octets.subarray(from, cuts[i] ?? octets.length))
    await using recorder = await startRecorder({
      respond: async (_, connection) => {
        await connection.write(['HTTP/1.1 200 OK\r\n', '\r\n', ...pieces])
        connection.end()
        return undefined
      },
    })
    using stage = stageForward({ targets: [recorder.url] })
    const body = readBody(await stage.forward.send(request()))
    expect(Buffer.from((await body).text, 'latin1').equals(octets)).toBe(true)
  })

  test('passes interim answers on, but for 100', async () => {
    const interim = 'HTTP/1.1 100 C\r\n\r\nHTTP/1.1 103 Early\r\nLink: </a>\r\nConnection: x\r\n\r\n'
    await using recorder = await startRecorder({ respond: () => interim + empty })
    using stage = stageForward({ targets: [recorder.url] })
    const informed: unknown[] = []
    await ask(stage, { onInformation: (...given) => void informed.push(given) })
    expect(informed).toEqual([[103, 'Early', ['Link', '</a>']]])
  })

  test('that comes before the body was read is the answer: the upload ends, the client can go on', async () => {
    await using recorder = await startRecorder({
      when: 'head',
      respond: () => 'HTTP/1.1 413 No\r\nContent-Length: 2\r\n\r\nno',
    })
    using stage = stageForward({ targets: [recorder.url] })
    const body = new PassThrough()
    const { reply, text } = await ask(stage, { method: 'POST', body, contentLength: 1_000_000 })
    expect([reply.status, text]).toEqual([413, 'no'])
    await recorder.connections[0]!.closed
    body.end(Buffer.alloc(1_000_000))
    await once(body, 'end')
    expect(recorder.connections[0]!.text()).not.toContain('\0')
  })

  test('can stream while the body still goes up', async () => {
    await using recorder = await startRecorder({ when: 'head', respond: () => `${chunkedOk}1\r\na\r\n` })
    using stage = stageForward({ targets: [recorder.url] })
    const body = new PassThrough()
    const reply = await stage.forward.send(request({ method: 'POST', body }))
    const whole = readBody(reply)
    body.write('later')
    await recorder.connections[0]!.received('5\r\nlater\r\n')
    await recorder.connections[0]!.write('1\r\nb\r\n0\r\n\r\n')
    expect((await whole).text).toBe('ab')
    await recorder.connections[0]!.closed
  })

  test.each([['Transfer-Encoding: chunked\r\n\r\n5\r\nab'], ['Content-Length: 5\r\n\r\nab']])(
    'that is cut short is seen to be: %j',
    async (rest) => {
      await using recorder = await startRecorder({ respond: () => `HTTP/1.1 200 OK\r\n${rest}` })
      using stage = stageForward({ targets: [recorder.url] })
      const whole = readBody(await stage.forward.send(request()))
      recorder.connections[0]!.end()
      await expect(whole).rejects.toMatchObject({ code: 'upstream-reset' })
      expect(stage.observed).toEqual(['shop answered', 'shop reset'])
    },
  )

  test('with bad chunks behind a good head is seen to be broken', async () => {
    await using recorder = await startRecorder({ respond: () => `${chunkedOk}2\r\nhi\r\nzz\r\n` })
    using stage = stageForward({ targets: [recorder.url] })
    const reply = await stage.forward.send(request())
    await expect(readBody(reply)).rejects.toMatchObject({ code: 'upstream-protocol' })
    await recorder.connections[0]!.closed
  })

  test.each([
    ['HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nhi', 'upstream-protocol', 502],
    ['HTTP/1.1 200 OK\r\nX-A: b\nX-B: c\r\n\r\n', 'upstream-protocol', 502],
    ['HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n', 'upstream-protocol', 502],
    ['SSH-2.0-OpenSSH\r\n', 'upstream-protocol', 502],
  ])('%j is refused, and its connection closed', async (answer, code, status) => {
    await using recorder = await startRecorder({ respond: () => answer })
    using stage = stageForward({ targets: [recorder.url] })
    const sent = ask(stage)
    if (code === 'upstream-protocol' && answer.startsWith('SSH')) {
      // Its line is no head yet; the empty line makes it one.
      await recorder.request(0)
      await recorder.connections[0]!.write('\r\n')
    }
    await expect(sent).rejects.toMatchObject({ code, status })
    await recorder.connections[0]!.closed
    expect(stage.observed).toEqual(['shop protocol'])
  })
})
