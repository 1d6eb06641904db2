/** Deadlines towards an upstream. */
import { once } from 'node:events'
import { PassThrough, Readable } from 'node:stream'
import { afterEach, describe, expect, test, vi } from 'vitest'
import type { BodySource, Upgraded } from '../reply.ts'
import { ask, readBody, request, stageForward } from '../testing/forward.ts'
import { startRecorder } from '../testing/recorder.ts'

const chunkedOk = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'

const switching = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n'

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
