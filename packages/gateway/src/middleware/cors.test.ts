import type { CorsSpec } from '@coatcheck/model'
import { describe, expect, test } from 'vitest'
import { headerValue } from '../headers.ts'
import { route, stage, withHeaders } from '../testing/gateway.ts'

const cors: CorsSpec = {
  kind: 'cors',
  origins: ['https://app.example', 'https://*.apps.example'],
  methods: ['GET', 'PUT'],
  headers: ['X-A', 'X-B'],
  exposeHeaders: ['X-Count'],
  credentials: true,
  maxAge: 90_500,
}
const session = { kind: 'session', session: 'default' } as const

function scene(part: Partial<CorsSpec> = {}, respond?: Parameters<typeof stage>[0]['respond']) {
  const routes = [route('api', '/', [{ ...cors, ...part }, session, { kind: 'login', at: '/login' }])]
  return stage({ routes, ...(respond && { respond }) })
}
function asks(origin: string, ...more: string[]) {
  const headers = withHeaders('Origin', origin, 'Access-Control-Request-Method', 'PUT', ...more)
  return { method: 'OPTIONS', headers }
}

describe('preflights', () => {
  test('are answered, and meet no login, no session and no upstream', async () => {
    const on = scene()
    const { reply, exchange } = await on.ask(asks('https://app.example'))
    expect(reply).toMatchObject({ status: 204, body: undefined })
    expect(reply.headers).toEqual([
      ...['Vary', 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers'],
      ...['Access-Control-Allow-Origin', 'https://app.example', 'Access-Control-Allow-Credentials', 'true'],
      ...['Access-Control-Allow-Methods', 'GET, PUT', 'Access-Control-Allow-Headers', 'X-A, X-B'],
      ...['Access-Control-Max-Age', '90', 'Coatcheck-Code', 'cors-preflight', 'X-Request-Id', exchange.id],
    ])
    expect(on.sent).toEqual([])
    expect(on.observed).toEqual([])
  })

  test.each([
    'https://app.example.evil',
    'https://evil-app.example',
    'http://app.example',
    'https://apps.example',
    'https://x.apps.example.evil',
    'https://evil/x.apps.example',
    'https://evil@x.apps.example',
    'https://.apps.example',
    'null',
    '*',
    '',
  ])('from %j are allowed nothing', async (origin) => {
    const { reply } = await scene().ask(asks(origin))
    expect(reply.status).toBe(204)
    expect(reply.headers.join()).not.toContain('Allow-')
  })

  test('take a wildcard for one label or more', async () => {
    for (const origin of ['https://x.apps.example', 'https://x.y.apps.example']) {
      const { reply } = await scene().ask(asks(origin))
      expect(headerValue(reply.headers, 'access-control-allow-origin')).toBe(origin)
    }
  })

  test('with * for headers and methods get what they asked for', async () => {
    const { reply } = await scene({ headers: ['*'], methods: ['*'] }).ask(
      asks('https://app.example', 'Access-Control-Request-Headers', 'x-q'),
    )
    expect(headerValue(reply.headers, 'access-control-allow-headers')).toBe('x-q')
    expect(headerValue(reply.headers, 'access-control-allow-methods')).toBe('PUT')
  })
})

describe('other answers', () => {
  test('say who may read them, errors too, so that a page can see its 401', async () => {
    const { reply } = await scene().ask({ headers: withHeaders('Origin', 'https://app.example') })
    expect(reply.status).toBe(401)
    expect(headerValue(reply.headers, 'access-control-allow-origin')).toBe('https://app.example')
    expect(headerValue(reply.headers, 'access-control-allow-credentials')).toBe('true')
    expect(headerValue(reply.headers, 'access-control-expose-headers')).toBe('X-Count')
    expect(headerValue(reply.headers, 'vary')).toBe('Origin')
  })

  test('with * let everybody read, and nobody with cookies', async () => {
    const { reply } = await scene({ origins: ['*'] }).ask({ headers: withHeaders('Origin', 'https://evil.example') })
    expect(headerValue(reply.headers, 'access-control-allow-origin')).toBe('*')
    expect(headerValue(reply.headers, 'access-control-allow-credentials')).toBeUndefined()
  })

  test('replace what the upstream says, and add to its Vary', async () => {
    const headers = ['Access-Control-Allow-Origin', '*', 'access-control-allow-credentials', 'true', 'Vary', 'Accept']
    const on = stage({ routes: [route('api', '/', [cors])], respond: () => ({ headers: [...headers] }) })
    const stranger = await on.ask({ headers: withHeaders('Origin', 'https://evil.example') })
    expect(stranger.reply.headers).toEqual(['Vary', 'Accept, Origin'])
    const none = await on.ask()
    expect(none.reply.headers).toEqual(['Vary', 'Accept, Origin'])
  })

  test('an OPTIONS request that is no preflight goes to the upstream', async () => {
    const on = stage({ routes: [route('api', '/', [cors])] })
    await on.ask({ method: 'OPTIONS', headers: withHeaders('Origin', 'https://app.example') })
    expect(on.sent).toHaveLength(1)
  })
})
