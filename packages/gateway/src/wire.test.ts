/** The data plane with the real hop: what an upstream gets, byte for byte. */
import { Readable } from 'node:stream'
import type { MiddlewareSpec, SessionSpec } from '@coatcheck/model'
import { expect, test } from 'vitest'
import { headerValues } from './headers.ts'
import type { Reply } from './reply.ts'
import { readBody } from './testing/forward.ts'
import { anyUpstream, noChanges, route, type Stage, sessionSpec, stage, toApp } from './testing/gateway.ts'
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

const answerWithTrailers = (announced: string, trailers: string) =>
  `HTTP/1.1 200 OK\r\nTrailer: ${announced}\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n${trailers}\r\n`

const held: Record<string, { middleware?: MiddlewareSpec[]; sessions?: SessionSpec[]; trailer: string }> = {
  'that the route captures': {
    middleware: [
      { kind: 'session', session: 'default' },
      { kind: 'capture', subject: 'X-Auth-User', attributes: [] },
    ],
    trailer: 'X-Auth-User',
  },
  'that the route removes from answers': {
    middleware: [{ kind: 'headers', request: noChanges, response: { ...noChanges, remove: ['X-Powered-By'] } }],
    trailer: 'X-Powered-By',
  },
  'that the route sets in answers': {
    middleware: [
      { kind: 'headers', request: noChanges, response: { ...noChanges, set: [{ name: 'X-Frame', value: 'no' }] } },
    ],
    trailer: 'X-Frame',
  },
  'that hands out tickets': {
    sessions: [sessionSpec({ lookup: { kind: 'header', name: 'X-Session' } })],
    trailer: 'X-Session',
  },
}

test.each(Object.entries(held))(
  'a header %s does not come as a trailer either, and is not announced',
  async (...given) => {
    const { middleware = [], sessions = [sessionSpec()], trailer } = given[1]
    const other = trailer.toLowerCase().replace('-', '_')
    const trailers = `${trailer}: evil\r\nX-Sum: 5\r\n${other}: evil\r\n`
    await using app = await startRecorder({ respond: () => answerWithTrailers(`${trailer}, X-Sum,${other}`, trailers) })
    const model = { upstreams: upstreams(['app', app.url]) }
    const on = stage({ realHop: true, routes: [route('app', '/', middleware)], sessions, model })
    await closing(on, async () => {
      const { reply } = await on.ask()
      expect(headerValues(reply.headers, 'trailer')).toEqual(['X-Sum'])
      expect(await readBody(reply)).toEqual({ text: 'ok', trailers: ['X-Sum', '5'] })
    })
  },
)

test('where nothing but what is held back was announced, there is no Trailer', async () => {
  const remove = ['X-Powered-By']
  await using app = await startRecorder({ respond: () => answerWithTrailers('x_powered_by', '') })
  const on = stage({
    realHop: true,
    routes: [route('app', '/', [{ kind: 'headers', request: noChanges, response: { ...noChanges, remove } }])],
    model: { upstreams: upstreams(['app', app.url]) },
  })
  await closing(on, async () => {
    const { reply } = await on.ask()
    expect(reply.headers).toEqual([])
    await readBody(reply)
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
