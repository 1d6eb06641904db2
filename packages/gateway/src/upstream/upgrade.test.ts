/** Connections that become tunnels. */
import { once } from 'node:events'
import type { Duplex } from 'node:stream'
import { describe, expect, test } from 'vitest'
import type { Upgraded } from '../reply.ts'
import { ask, request, stageForward } from '../testing/forward.ts'
import { startRecorder } from '../testing/recorder.ts'

const empty = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'

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
