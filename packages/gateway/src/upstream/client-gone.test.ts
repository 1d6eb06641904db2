/** What becomes of an upstream request when its client leaves. */
import { PassThrough } from 'node:stream'
import { describe, expect, test } from 'vitest'
import type { BodySource } from '../reply.ts'
import { ask, readBody, request, stageForward } from '../testing/forward.ts'
import { startRecorder } from '../testing/recorder.ts'

const chunkedOk = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'

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
