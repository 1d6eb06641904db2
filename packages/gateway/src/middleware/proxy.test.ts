import type { MiddlewareSpec } from '@coatcheck/model'
import { describe, expect, test } from 'vitest'
import { headerValues } from '../headers.ts'
import { route, sessionSpec, stage, toApp, withHeaders } from '../testing/gateway.ts'
import { clientConnection } from '../testing/requests.ts'

const session = { kind: 'session', session: 'default' } as const

describe('proxy', () => {
  test('keeps the Host, fixes it, or leaves it to the target', async () => {
    const sent = async (host: Parameters<typeof toApp>[0], part = {}) => {
      const on = stage({ routes: [route('a', '/', [], { action: toApp(host) })] })
      await on.ask({ headers: ['A', '1', 'HOST', 'Shop.example.com:80'], ...part })
      return on.sent[0]!
    }
    expect((await sent({})).headers.slice(0, 4)).toEqual(['Host', 'Shop.example.com:80', 'A', '1'])
    expect((await sent({ host: { kind: 'fixed', value: 'in.example' } })).headers.slice(0, 2)).toEqual([
      'Host',
      'in.example',
    ])
    expect(await sent({ host: { kind: 'target' } })).toMatchObject({ hostFromTarget: true })
    expect(await sent({})).toMatchObject({ hostFromTarget: false })
    expect(await sent({}, { httpVersion: '1.0', headers: [] })).toMatchObject({ hostFromTarget: true })
  })

  test('hands the body over with its length, and the client’s connection', async () => {
    const told: unknown[] = []
    const connection = clientConnection({ inform: (...given) => told.push(given), bodyWanted: () => told.push('body') })
    const on = stage({
      routes: [route('a', '/')],
      respond(request) {
        request.onBodyWanted!()
        request.onInformation!(103, 'Early Hints', ['Link', '</a>'])
        return {}
      },
    })
    await on.ask({ method: 'POST', contentLength: 0, connection })
    expect(on.sent[0]).toMatchObject({ method: 'POST', contentLength: 0, body: undefined, signal: connection })
    expect(told).toEqual(['body', [103, 'Early Hints', ['Link', '</a>']]])
  })

  test('gives the answer back as it is', async () => {
    const headers = ['Set-Cookie', 'a=1', 'set-cookie', 'b=2', 'X-A', '1', 'Content-Length', '7']
    const on = stage({
      routes: [route('a', '/')],
      respond: () => ({ status: 299, statusText: 'Odd', headers: [...headers] }),
    })
    expect((await on.ask()).reply).toEqual({ status: 299, statusText: 'Odd', headers, body: undefined })
  })
})

describe('the origin of a WebSocket', () => {
  async function open(origin: string[], part: { host?: string; scheme?: 'http' | 'https'; lookup?: 'header' } = {}) {
    const lookup =
      part.lookup === 'header' ? { kind: 'header' as const, name: 'X-Session' } : { kind: 'cookie' as const }
    const on = stage({
      routes: [route('a', '/', [session], { action: toApp({ webSocketOrigins: ['https://Other.example'] }) })],
      sessions: [sessionSpec({ lookup, mode: 'enforce' })],
    })
    const headers = ['Host', part.host ?? 'shop.example.com', ...origin]
    const { reply, exchange } = await on.ask({ upgrade: 'websocket', headers, scheme: part.scheme ?? 'http' })
    expect(on.sent).toHaveLength(reply.status === 403 ? 0 : 1)
    if (reply.status === 403) {
      expect(exchange.reason).toBe('origin-refused')
      expect(exchange.session).toBeUndefined()
      expect(headerValues(reply.headers, 'set-cookie')).toEqual([])
    }
    return reply.status
  }

  test('is the own host, or listed', async () => {
    expect(await open(['Origin', 'http://shop.example.com'])).toBe(200)
    expect(await open(['Origin', 'https://SHOP.example.com'])).toBe(200)
    expect(await open(['Origin', 'https://other.example'])).toBe(200)
    expect(await open(['Origin', 'http://shop.example.com:8080'], { host: 'shop.example.com:8080' })).toBe(200)
    expect(await open(['Origin', 'https://shop.example.com'], { host: 'shop.example.com:443', scheme: 'https' })).toBe(
      200,
    )
  })

  test.each([
    'https://evil.example',
    'http://shop.example.com:8080',
    'http://shop.example.com.evil.example',
    'http://evil.example/shop.example.com',
    'http://shop.example.com@evil.example',
    'null',
    '',
    'shop.example.com',
    'ftp://shop.example.com',
  ])('CSWSH: %j is refused', async (origin) => {
    expect(await open(['Origin', origin])).toBe(403)
  })

  test('may not be there twice, whatever comes first', async () => {
    expect(await open(['Origin', 'http://shop.example.com', 'Origin', 'http://evil.example'])).toBe(403)
    expect(await open(['Origin', 'http://evil.example', 'Origin', 'http://shop.example.com'])).toBe(403)
  })

  test('has to be there where cookies carry the session, and http is not taken for https', async () => {
    expect(await open([])).toBe(403)
    expect(await open([], { lookup: 'header' })).toBe(200)
    expect(await open(['Origin', 'http://shop.example.com'], { scheme: 'https' })).toBe(403)
  })

  test.each<[string, Parameters<typeof sessionSpec>[0], readonly MiddlewareSpec[], number]>([
    ['no session is read on demand', {}, [], 200],
    ['one is, for a capture', {}, [{ kind: 'capture', subject: 'X-User', attributes: [] }], 403],
    ['its ticket goes to the application', { forward: true }, [], 403],
    ['it is off', { mode: 'off', forward: true }, [], 200],
  ])('is asked for or not where %s', async (_, part, more, status) => {
    const on = stage({
      routes: [route('a', '/', [session, ...more])],
      sessions: [sessionSpec({ mode: 'on-demand', ...part })],
    })
    expect((await on.ask({ upgrade: 'websocket' })).reply.status).toBe(status)
  })

  test('is held to the list also where no session is read', async () => {
    const on = stage({
      routes: [route('a', '/', [session], { action: toApp({ webSocketOrigins: ['https://other.example'] }) })],
      sessions: [sessionSpec({ mode: 'on-demand' })],
    })
    expect((await on.ask({ upgrade: 'websocket' })).reply.status).toBe(403)
    const headers = withHeaders('Origin', 'https://other.example')
    expect((await on.ask({ upgrade: 'websocket', headers })).reply.status).toBe(200)
  })

  test('is not asked for on a route without a session', async () => {
    const on = stage({ routes: [route('a', '/')] })
    const { reply } = await on.ask({ upgrade: 'websocket', headers: withHeaders('Origin', 'https://evil.example') })
    expect(reply.status).toBe(200)
    expect(headerValues(on.sent[0]!.headers, 'origin')).toEqual(['https://evil.example'])
  })
})
