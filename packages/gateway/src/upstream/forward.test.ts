import { once } from 'node:events'
import type { Duplex } from 'node:stream'
import { PassThrough, Readable } from 'node:stream'
import { afterEach, describe, expect, test, vi } from 'vitest'
import type { BodySource, Upgraded } from '../reply.ts'
import { ask, readBody, request, stageForward } from '../testing/forward.ts'
import { startRecorder } from '../testing/recorder.ts'

const empty = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'
const chunkedOk = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'
/** A port on which nobody listens. */
async function deadPort(): Promise<number> {
  const recorder = await startRecorder()
  await recorder.close()
  return recorder.port
}

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

describe('connections', () => {
  const answerThen = (surplus: string) => `HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi${surplus}`

  test('serve one request after the other', async () => {
    await using recorder = await startRecorder({ respond: () => answerThen('') })
    using stage = stageForward({ targets: [recorder.url] })
    for (let i = 0; i < 5; i++) expect((await ask(stage)).text).toBe('hi')
    expect(recorder.connections).toHaveLength(1)
  })

  test.each([
    ['one byte beyond the response', answerThen('!')],
    ['a second response at once', answerThen('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil')],
    ['Connection: close', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi'],
    ['HTTP/1.0', 'HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nhi'],
    ['an interim answer', `HTTP/1.1 103 E\r\n\r\n${answerThen('')}`],
  ])('are thrown away after %s', async (_, answer) => {
    await using recorder = await startRecorder({ respond: () => answer })
    using stage = stageForward({ targets: [recorder.url] })
    for (let i = 0; i < 2; i++) {
      expect((await ask(stage)).text).toBe('hi')
      await recorder.connections[i]!.closed
    }
    expect(recorder.connections).toHaveLength(2)
  })

  test('that get a response unasked while unused never give it to the next request', async () => {
    await using recorder = await startRecorder({
      respond: ({ target }) => `HTTP/1.1 200 OK\r\nContent-Length: ${target.length}\r\n\r\n${target}`,
    })
    using stage = stageForward({ targets: [recorder.url] })
    expect((await ask(stage, { target: '/first' })).text).toBe('/first')
    await recorder.connections[0]!.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil')
    await recorder.connections[0]!.closed
    expect((await ask(stage, { target: '/second' })).text).toBe('/second')
  })

  test('closed by the upstream while unused are not used again', async () => {
    await using recorder = await startRecorder()
    using stage = stageForward({ targets: [recorder.url] })
    await ask(stage)
    recorder.connections[0]!.end()
    await recorder.connections[0]!.closed
    await ask(stage, { method: 'POST' })
    expect(recorder.connections).toHaveLength(2)
  })

  test('are kept up to maxIdle', async () => {
    await using recorder = await startRecorder({ respond: () => undefined })
    using stage = stageForward({ targets: [recorder.url], connections: { maxIdle: 1 } })
    const both = [ask(stage), ask(stage)]
    await Promise.all([recorder.request(0), recorder.request(1)])
    for (const connection of recorder.connections) await connection.write(empty)
    await Promise.all(both)
    await Promise.race(recorder.connections.map(({ closed }) => closed))
    expect(recorder.connections.filter(({ socket }) => !socket.destroyed)).toHaveLength(1)
  })

  test('in use at close() end with their exchange, unused ones at once; a late request still works', async () => {
    await using recorder = await startRecorder({ respond: ({ target }) => (target === '/slow' ? undefined : empty) })
    using stage = stageForward({ targets: [recorder.url] })
    const slow = ask(stage, { target: '/slow' })
    await recorder.connection(0)
    await ask(stage)
    stage.forward.close()
    await recorder.connections[1]!.closed
    await recorder.connections[0]!.write(empty)
    expect((await slow).reply.status).toBe(200)
    await recorder.connections[0]!.closed
    expect((await ask(stage)).reply.status).toBe(200)
    await recorder.connections[2]!.closed
  })
})

describe('another try', () => {
  /** Answers the first request of a connection, and drops the connection at the second. */
  const dropSecond = () =>
    startRecorder({
      respond: (_, connection) => {
        if (connection.requests.length === 1) return empty
        connection.reset()
        return undefined
      },
    })

  test.each(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE'])(
    '%s goes out once more when a kept connection breaks without a byte',
    async (method) => {
      await using recorder = await dropSecond()
      using stage = stageForward({ targets: [recorder.url] })
      const targets: string[] = []
      await ask(stage)
      await ask(stage, { method, onTarget: (target) => void targets.push(target) })
      expect(recorder.requests.map((sent) => sent.method)).toEqual(['GET', method, method])
      expect(targets).toHaveLength(2)
      expect(stage.observed).toEqual(['shop answered', 'shop answered'])
    },
  )

  test.each(['POST', 'PATCH', 'LOCK'])('%s does not: it may have been acted on', async (method) => {
    await using recorder = await dropSecond()
    using stage = stageForward({ targets: [recorder.url] })
    await ask(stage)
    await expect(ask(stage, { method })).rejects.toMatchObject({ code: 'upstream-reset', status: 502 })
    expect(recorder.requests).toHaveLength(2)
  })

  test('a GET with a body does not', async () => {
    await using recorder = await dropSecond()
    using stage = stageForward({ targets: [recorder.url] })
    await ask(stage)
    const body = Readable.from([Buffer.from('x')])
    await expect(ask(stage, { body, contentLength: 1 })).rejects.toMatchObject({ code: 'upstream-reset' })
    expect(recorder.requests).toHaveLength(2)
  })

  test('there is none on a fresh connection, nor after a byte of an answer', async () => {
    await using fresh = await startRecorder({ respond: (_, connection) => void connection.reset() })
    using first = stageForward({ targets: [fresh.url] })
    await expect(ask(first)).rejects.toMatchObject({ code: 'upstream-reset' })
    expect(fresh.requests).toHaveLength(1)
    await using begun = await startRecorder({
      respond: (_, connection) => {
        if (connection.requests.length === 1) return empty
        void connection.write('HTTP/1.1 200').then(() => connection.end())
        return undefined
      },
    })
    using second = stageForward({ targets: [begun.url] })
    await ask(second)
    await expect(ask(second)).rejects.toMatchObject({ code: 'upstream-reset' })
    expect(begun.requests).toHaveLength(2)
  })

  test('is not repeated when the fresh connection breaks too', async () => {
    await using recorder = await startRecorder({
      respond: (_, connection) => {
        if (connection.index === 0 && connection.requests.length === 1) return empty
        connection.reset()
        return undefined
      },
    })
    using stage = stageForward({ targets: [recorder.url] })
    await ask(stage)
    await expect(ask(stage)).rejects.toMatchObject({ code: 'upstream-reset' })
    expect(recorder.requests).toHaveLength(3)
  })

  test('at the next target follows when one cannot be reached, for a POST too: nothing was sent', async () => {
    await using recorder = await startRecorder()
    using stage = stageForward({ targets: [`http://127.0.0.1:${await deadPort()}`, recorder.url] })
    const wanted: string[] = []
    const body = Readable.from([Buffer.from('x')])
    const sent = await ask(stage, {
      method: 'POST',
      body,
      contentLength: 1,
      onBodyWanted: () => void wanted.push('body'),
    })
    expect(sent.reply.status).toBe(200)
    expect(wanted).toEqual(['body'])
    expect(stage.observed).toEqual(['shop connect', 'shop answered'])
  })

  test('there is none when no target can be reached', async () => {
    const [one, two] = [await deadPort(), await deadPort()]
    using stage = stageForward({ targets: [`http://127.0.0.1:${one}`, `http://127.0.0.1:${two}`] })
    const targets: string[] = []
    const sent = ask(stage, { onTarget: (target) => void targets.push(target) })
    await expect(sent).rejects.toMatchObject({ code: 'upstream-connect', status: 502 })
    await expect(sent).rejects.toThrow(/^Upstream "shop" at 127\.0\.0\.1:\d+ cannot be reached \(ECONNREFUSED\)/)
    expect(targets).toEqual([`127.0.0.1:${one}`, `127.0.0.1:${two}`])
  })
})

describe('targets', () => {
  test('a failing one is set aside, tried again after its time, and told about', async () => {
    await using good = await startRecorder()
    await using bad = await startRecorder({ respond: (_, connection) => void connection.reset() })
    using stage = stageForward({ targets: [bad.url, good.url], failing: { after: 2, for: 1000 } })
    const outcomes: number[] = []
    const send = async (count: number) => {
      for (let i = 0; i < count; i++)
        outcomes.push(
          await ask(stage).then(
            ({ reply }) => reply.status,
            (error) => error.status,
          ),
        )
    }
    await send(8)
    expect(outcomes).toEqual([502, 200, 502, 200, 200, 200, 200, 200])
    expect(stage.observed.filter((each) => each.includes('target'))).toEqual(['shop target down'])
    stage.clock.now += 1000
    outcomes.length = 0
    await send(4)
    expect(outcomes.filter((status) => status === 502)).toHaveLength(1)
  })

  test('none with a weight is 503', async () => {
    await using recorder = await startRecorder()
    using stage = stageForward({ targets: [{ url: recorder.url, weight: 0 }] })
    await expect(ask(stage)).rejects.toMatchObject({ code: 'upstream-unavailable', status: 503 })
    expect(recorder.connections).toHaveLength(0)
  })
})

describe('time', () => {
  afterEach(() => void vi.useRealTimers())
  /** Only the ticker's interval is ours; sockets stay real. */
  const holdTime = () => vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })

  test('a connection that is not accepted in time is given up with 504, and the next target tried', async () => {
    holdTime()
    // TCP accepts, TLS never answers: the handshake is part of connecting.
    await using deaf = await startRecorder({ respond: () => undefined })
    using stage = stageForward({ targets: [`https://127.0.0.1:${deaf.port}`], timeouts: { connect: 1000 } })
    const sent = ask(stage)
    await deaf.connection(0)
    vi.advanceTimersByTime(1000)
    expect(deaf.connections[0]!.socket.destroyed).toBe(false)
    vi.advanceTimersByTime(200)
    await expect(sent).rejects.toMatchObject({ code: 'upstream-connect-timeout', status: 504 })
    await deaf.connections[0]!.closed
  })

  test('a head that does not come in time is 504, however it trickles', async () => {
    holdTime()
    await using recorder = await startRecorder({ respond: () => 'HTTP/1.1 102 P\r\n\r\nHTTP/1.1 20' })
    using stage = stageForward({ targets: [recorder.url], timeouts: { response: 1000 } })
    let informed: () => void = () => {}
    const interim = new Promise<void>((resolve) => {
      informed = resolve
    })
    const sent = ask(stage, { onInformation: () => informed() })
    await interim
    vi.advanceTimersByTime(1200)
    await expect(sent).rejects.toMatchObject({ code: 'upstream-timeout', status: 504 })
    await recorder.connections[0]!.closed
    expect(stage.observed).toEqual(['shop timeout'])
  })

  test('the time for the head begins when the request is out', async () => {
    holdTime()
    await using recorder = await startRecorder()
    using stage = stageForward({ targets: [recorder.url], timeouts: { response: 1000, idle: 1000 } })
    const body = new PassThrough()
    const sent = ask(stage, { method: 'POST', body, contentLength: 2 })
    body.write('a')
    await (await recorder.connection(0)).received('\r\n\r\na')
    vi.advanceTimersByTime(60_000)
    body.end('b')
    expect((await sent).reply.status).toBe(200)
  })

  test('a body that stands still is cut off, one that moves is not', async () => {
    holdTime()
    await using recorder = await startRecorder({ respond: () => `${chunkedOk}1\r\na\r\n` })
    using stage = stageForward({ targets: [recorder.url], timeouts: { idle: 1000 } })
    const reply = await stage.forward.send(request())
    const seen = new PassThrough()
    const sink = {
      write: (chunk: Buffer) => seen.write(chunk),
      drained: () => {},
      end: () => seen.end(),
      fail: (error: Error) => void seen.destroy(error),
    }
    ;(reply.body as BodySource).pipe(sink)
    await once(seen, 'data')
    for (let i = 0; i < 5; i++) {
      vi.advanceTimersByTime(900)
      await recorder.connections[0]!.write('1\r\nb\r\n')
      await once(seen, 'data')
    }
    const failed = once(seen, 'error')
    vi.advanceTimersByTime(1400)
    expect((await failed)[0]).toMatchObject({ code: 'upstream-timeout' })
  })

  test('a client that does not read is not taken for an upstream that does not send', async () => {
    holdTime()
    await using recorder = await startRecorder({ respond: () => `${chunkedOk}1\r\na\r\n` })
    using stage = stageForward({ targets: [recorder.url], timeouts: { idle: 1000 } })
    const reply = await stage.forward.send(request())
    vi.advanceTimersByTime(60_000)
    const whole = readBody(reply)
    await recorder.connections[0]!.write('0\r\n\r\n')
    expect((await whole).text).toBe('a')
  })

  test('an upstream that does not read the body is 504', async () => {
    holdTime()
    await using recorder = await startRecorder({ connected: ({ socket }) => void socket.pause() })
    using stage = stageForward({ targets: [recorder.url], timeouts: { idle: 1000 } })
    const body = new Readable({
      read() {
        this.push(Buffer.alloc(65_536))
      },
    })
    const sent = ask(stage, { method: 'POST', body })
    await new Promise<void>((resolve) => body.once('pause', resolve))
    // Until the kernel takes no more either.
    await new Promise((resolve) => setImmediate(resolve))
    vi.advanceTimersByTime(60_000)
    await expect(sent).rejects.toMatchObject({ code: 'upstream-timeout' })
    body.destroy()
  })

  test('an unused connection leaves after its time', async () => {
    holdTime()
    await using recorder = await startRecorder()
    using stage = stageForward({ targets: [recorder.url], connections: { idle: 1000 } })
    await ask(stage)
    vi.advanceTimersByTime(1200)
    await recorder.connections[0]!.closed
    expect(vi.getTimerCount()).toBe(0)
  })

  test('a silent upgraded connection ends, one that speaks in either direction does not', async () => {
    holdTime()
    await using recorder = await startRecorder({ respond: () => switching })
    using stage = stageForward({ targets: [recorder.url], timeouts: { idle: 1000 } })
    const reply = await stage.forward.send(request({ upgrade: 'websocket' }))
    const { socket } = reply.body as Upgraded
    for (let i = 0; i < 3; i++) {
      vi.advanceTimersByTime(900)
      socket.write('x')
      await recorder.connections[0]!.received('x'.repeat(i + 1))
    }
    vi.advanceTimersByTime(1400)
    await recorder.connections[0]!.closed
    expect(socket.destroyed).toBe(true)
  })
})

describe('the client', () => {
  test('that leaves before the answer ends the upstream request', async () => {
    await using recorder = await startRecorder({ respond: () => undefined })
    using stage = stageForward({ targets: [recorder.url] })
    const signal = { gone: false, onGone: undefined as (() => void) | undefined }
    const sent = ask(stage, { signal })
    await recorder.request(0)
    signal.gone = true
    signal.onGone!()
    await expect(sent).rejects.toMatchObject({ code: 'client-gone' })
    await recorder.connections[0]!.closed
    expect(stage.observed).toEqual([])
  })

  test('that left while connecting, or before, sends nothing', async () => {
    await using recorder = await startRecorder()
    using stage = stageForward({ targets: [recorder.url] })
    const signal = { gone: false, onGone: undefined as (() => void) | undefined }
    const sent = ask(stage, { signal })
    signal.onGone!()
    await expect(sent).rejects.toMatchObject({ code: 'client-gone' })
    await expect(ask(stage, { signal: { gone: true, onGone: undefined } })).rejects.toMatchObject({
      code: 'client-gone',
    })
    expect(recorder.requests).toEqual([])
  })

  test('that leaves amid its upload ends the upstream request', async () => {
    await using recorder = await startRecorder()
    using stage = stageForward({ targets: [recorder.url] })
    const body = new PassThrough()
    const sent = ask(stage, { method: 'POST', body, contentLength: 10 })
    body.write('abc')
    await (await recorder.connection(0)).received('abc')
    body.destroy()
    await expect(sent).rejects.toMatchObject({ code: 'client-gone' })
    await recorder.connections[0]!.closed
  })

  test('that leaves amid the answer ends the upstream request, once', async () => {
    await using recorder = await startRecorder({ respond: () => `${chunkedOk}1\r\na\r\n` })
    using stage = stageForward({ targets: [recorder.url] })
    const body = (await stage.forward.send(request())).body as BodySource
    body.cancel()
    body.cancel()
    await recorder.connections[0]!.closed
  })

  test('that gives up an answer already complete does not disturb the next on the same connection', async () => {
    await using recorder = await startRecorder({ respond: () => 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi' })
    using stage = stageForward({ targets: [recorder.url] })
    const first = (await stage.forward.send(request())).body as BodySource
    const second = await stage.forward.send(request())
    first.cancel()
    expect((await readBody(second)).text).toBe('hi')
    expect(recorder.connections).toHaveLength(1)
  })
})

const switching =
  'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n'

describe('an upgrade', () => {
  test('hands on the socket, with what came behind the head, and bytes go both ways', async () => {
    await using recorder = await startRecorder({ respond: () => `${switching}\x81\x00` })
    using stage = stageForward({ targets: [recorder.url] })
    const headers = ['Host', 'a', 'Sec-WebSocket-Key', 'k', 'Sec-WebSocket-Protocol', 'chat']
    const reply = await stage.forward.send(request({ upgrade: 'websocket', headers }))
    expect((await recorder.request(0)).head).toBe(
      'GET / HTTP/1.1\r\nHost: a\r\nSec-WebSocket-Key: k\r\nSec-WebSocket-Protocol: chat\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    )
    expect(reply).toMatchObject({ status: 101, headers: ['Upgrade', 'websocket', 'Sec-WebSocket-Accept', 'x'] })
    const { socket, head } = reply.body as Upgraded
    expect(head).toEqual(Buffer.from('\x81\x00', 'latin1'))
    socket.write('up')
    await recorder.connections[0]!.received('\r\n\r\nup')
    await recorder.connections[0]!.write('down')
    expect(String((await once(resumeLater(socket), 'data'))[0])).toBe('down')
    recorder.connections[0]!.end()
    await once(socket.resume(), 'end')
    socket.destroy()
  })

  test('loses nothing that comes between the 101 and the first reader', async () => {
    await using recorder = await startRecorder({ respond: () => switching })
    using stage = stageForward({ targets: [recorder.url] })
    const { socket, head } = (await stage.forward.send(request({ upgrade: 'websocket' }))).body as Upgraded
    await recorder.connections[0]!.write('early')
    const text = head.toString() + (head.length < 5 ? String((await once(resumeLater(socket), 'data'))[0]) : '')
    expect(text).toBe('early')
    socket.destroy()
  })

  test('that is refused is an ordinary answer with its body, and its connection is not kept', async () => {
    await using recorder = await startRecorder({ respond: () => 'HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno' })
    using stage = stageForward({ targets: [recorder.url] })
    const { reply, text } = await ask(stage, { upgrade: 'websocket' })
    expect([reply.status, text]).toEqual([403, 'no'])
    await recorder.connections[0]!.closed
  })

  test('to another protocol than was asked for is refused', async () => {
    await using recorder = await startRecorder({ respond: () => switching.replace('websocket', 'h2c') })
    using stage = stageForward({ targets: [recorder.url] })
    await expect(ask(stage, { upgrade: 'websocket' })).rejects.toMatchObject({ code: 'upstream-protocol' })
    await recorder.connections[0]!.closed
  })

  test('never goes over a kept connection', async () => {
    await using recorder = await startRecorder({ respond: ({ target }) => (target === '/ws' ? switching : empty) })
    using stage = stageForward({ targets: [recorder.url] })
    await ask(stage)
    const { socket } = (await stage.forward.send(request({ upgrade: 'websocket', target: '/ws' }))).body as Upgraded
    expect(recorder.connections).toHaveLength(2)
    socket.destroy()
  })
})

function resumeLater(socket: Duplex): Duplex {
  setImmediate(() => socket.resume())
  return socket
}
