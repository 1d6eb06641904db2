/** Which connections serve another request, and which must not. */
import { describe, expect, test } from 'vitest'
import { ask, stageForward } from '../testing/forward.ts'
import { startRecorder } from '../testing/recorder.ts'

const empty = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'

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
