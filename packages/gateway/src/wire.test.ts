/** The data plane with the real hop: what an upstream gets, byte for byte. */
import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import type { Reply } from './reply.ts'
import { anyUpstream, route, type Stage, stage, toApp } from './testing/gateway.ts'
import { startRecorder } from './testing/recorder.ts'

/** The whole body of an answer. */
function bodyOf({ body }: Reply): Promise<string> {
  if (body === undefined || Buffer.isBuffer(body)) return Promise.resolve(String(body ?? ''))
  if (body.kind !== 'stream') throw new Error('an upgrade has no body')
  return new Promise((resolve, reject) => {
    let text = ''
    body.pipe({
      write(chunk) {
        text += chunk.toString()
        return true
      },
      drained() {},
      end: () => resolve(text),
      fail: reject,
    })
  })
}

function upstreams(...urls: [name: string, url: string][]) {
  return urls.map(([name, url]) => ({ ...anyUpstream, name, targets: [{ url, weight: 1 }] }))
}

async function closing(on: Stage, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } finally {
    await on.gateway.close()
  }
}

test('a request goes out with the raw target, its body, and nothing that a client claimed', async () => {
  await using app = await startRecorder({ respond: () => 'HTTP/1.1 201 Made\r\nContent-Length: 2\r\nX-A: 1\r\n\r\nok' })
  const on = stage({ realHop: true, routes: [route('app', '/')], model: { upstreams: upstreams(['app', app.url]) } })
  await closing(on, async () => {
    const { reply, exchange } = await on.ask({
      method: 'PUT',
      target: '/a%2Fb//c?d=%zz',
      headers: [
        'host',
        'Shop.example.com',
        'X-Forwarded-For',
        '6.6.6.6',
        'Connection',
        'x-b',
        'X-B',
        '1',
        'Content-Length',
        '5',
      ],
      body: Readable.from([Buffer.from('hello')]),
      contentLength: 5,
    })
    expect(reply).toMatchObject({ status: 201, statusText: 'Made', headers: ['Content-Length', '2', 'X-A', '1'] })
    expect(await bodyOf(reply)).toBe('ok')
    const [request] = app.requests
    expect(request!.head.split('\r\n').filter((line) => !/^(content-length|connection):/i.test(line))).toEqual([
      'PUT /a%2Fb//c?d=%zz HTTP/1.1',
      'Host: Shop.example.com',
      'X-Forwarded-For: 198.51.100.7',
      'X-Forwarded-Proto: http',
      'X-Forwarded-Host: Shop.example.com',
      'X-Forwarded-Port: 80',
      'Forwarded: for=198.51.100.7;host="Shop.example.com";proto=http',
      `X-Request-Id: ${exchange.id}`,
      '',
      '',
    ])
    expect(request!.body.toString()).toBe('hello')
    expect(exchange.target).toBe(`127.0.0.1:${app.port}`)
  })
})

test('a chunked body is mirrored whole, and trailers reach the upstream without what clients may not claim', async () => {
  await using app = await startRecorder({})
  await using shadow = await startRecorder({ respond: () => 'HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n' })
  const mirror = { kind: 'mirror', upstream: 'shadow', percent: 100 } as const
  const on = stage({
    realHop: true,
    routes: [route('app', '/', [mirror])],
    model: { upstreams: upstreams(['app', app.url], ['shadow', shadow.url]) },
  })
  await closing(on, async () => {
    const body = Object.assign(Readable.from([Buffer.from('one,'), Buffer.from('two')]), {
      rawTrailers: ['Checksum', '1', 'X_Forwarded_For', '6.6.6.6'],
    })
    const { reply } = await on.ask({ method: 'POST', body, headers: ['Host', 'a', 'Transfer-Encoding', 'chunked'] })
    expect(reply.status).toBe(200)
    await expect.poll(() => shadow.requests.length).toBe(1)
    expect(app.requests[0]!.body.toString()).toBe('one,two')
    expect(app.requests[0]!.trailers).toEqual(['Checksum', '1'])
    expect(shadow.requests[0]!.body.toString()).toBe('one,two')
    expect(shadow.requests[0]!.header('content-length')).toBe('7')
  })
})

test('an upstream that is away is 502, and the client reads nothing of where it was', async () => {
  const gone = await startRecorder({})
  const { url, port } = gone
  await gone[Symbol.asyncDispose]()
  const on = stage({
    realHop: true,
    routes: [route('app', '/', [], { action: toApp() })],
    model: { upstreams: upstreams(['app', url]) },
  })
  await closing(on, async () => {
    const { reply, exchange, text } = await on.ask()
    expect(reply.status).toBe(502)
    expect(exchange.reason).toBe('upstream-connect')
    expect(exchange.detail).toContain(String(port))
    expect(text).not.toContain(String(port))
  })
})
