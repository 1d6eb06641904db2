import { once } from 'node:events'
import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { startRecorder } from './recorder.ts'

test('requests are recorded byte for byte, and answered as told', async () => {
  await using recorder = await startRecorder({ respond: (request) => [`HTTP/1.1 201 ${request.target}\r\n`, '\r\n'] })
  const socket = connect(recorder.port, '127.0.0.1')
  const received: Buffer[] = []
  socket.on('data', (chunk: Buffer) => received.push(chunk))
  const chunked = 'POST /b HTTP/1.1\r\nX-É: \xe9\r\nTransfer-Encoding: chunked\r\n\r\n3;x\r\nabc\r\n0\r\nX-T: 1\r\n\r\n'
  socket.write(Buffer.from(`POST /a HTTP/1.1\r\ncontent-length: 2\r\n\r\nhi${chunked}`, 'latin1'))
  const [first, second] = [await recorder.request(0), await recorder.request(1)]
  expect([first.method, first.target, first.body.toString()]).toEqual(['POST', '/a', 'hi'])
  expect([second.body.toString(), second.trailers, second.header('x-É'.toLowerCase())]).toEqual([
    'abc',
    ['X-T', '1'],
    '\xe9',
  ])
  expect(second.rawBody.toString()).toBe('3;x\r\nabc\r\n0\r\nX-T: 1\r\n\r\n')
  expect(recorder.connections[0]!.text()).toContain('\r\n\r\nhiPOST /b')
  while (!Buffer.concat(received).includes('/b\r\n\r\n')) await once(socket, 'data')
  expect(Buffer.concat(received).toString()).toBe('HTTP/1.1 201 /a\r\n\r\nHTTP/1.1 201 /b\r\n\r\n')
  socket.destroy()
})

test('respond is called at the head when asked to, while the body is still missing', async () => {
  await using recorder = await startRecorder({ when: 'head', respond: () => 'HTTP/1.1 413 No\r\n\r\n' })
  const socket = connect(recorder.port, '127.0.0.1')
  socket.write('POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n')
  const [answer] = await once(socket, 'data')
  expect(String(answer)).toBe('HTTP/1.1 413 No\r\n\r\n')
  expect(recorder.requests).toHaveLength(0)
  socket.destroy()
})
