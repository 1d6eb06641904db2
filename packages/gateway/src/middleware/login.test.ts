import { describe, expect, test } from 'vitest'
import { headerValue } from '../headers.ts'
import { route, type Stage, sessionSpec, stage, withHeaders } from '../testing/gateway.ts'

const session = { kind: 'session', session: 'default' } as const
const login = { kind: 'login', at: '/login' } as const
const capture = { kind: 'capture', subject: 'X-Auth-User', attributes: [] } as const
const routes = [route('shop', '/', [login, session]), route('own-login', '/login', [session, capture])]

function shop(part: Partial<Parameters<typeof stage>[0]> = {}): Stage {
  return stage({
    routes,
    respond: ({ target }) => (target.startsWith('/login?user=') ? { headers: ['X-Auth-User', target.slice(12)] } : {}),
    ...part,
  })
}
const signIn = async (on: Stage, user = 'ada') => (await on.ask({ target: `/login?user=${user}` })).cookies[0]!
const navigation = ['Sec-Fetch-Mode', 'navigate', 'Sec-Fetch-Dest', 'document']

describe('login', () => {
  test('leads a navigation to the login page, with the way back', async () => {
    const on = shop()
    const { reply, exchange } = await on.ask({ target: '/cart?a=1&b=2', headers: withHeaders(...navigation) })
    expect(reply.status).toBe(303)
    expect(headerValue(reply.headers, 'location')).toBe('/login?return=%2Fcart%3Fa%3D1%26b%3D2')
    expect(headerValue(reply.headers, 'cache-control')).toBe('no-store')
    expect(exchange.reason).toBe('login-required')
    expect(on.sent).toEqual([])
  })

  test('F5: a way back that could lead to another site is left out', async () => {
    for (const target of ['//evil.example', '/\\evil.example', '//evil.example/..a']) {
      const { reply } = await shop().ask({ target, headers: withHeaders(...navigation) })
      expect(headerValue(reply.headers, 'location')).toBe('/login')
    }
  })

  test('answers everybody else with 401: scripts, frames, forms of programs, WebSockets', async () => {
    const asked = [
      withHeaders(),
      withHeaders('Accept', 'application/json'),
      withHeaders('Sec-Fetch-Mode', 'cors', 'Accept', 'text/html'),
      withHeaders('Sec-Fetch-Mode', 'navigate', 'Sec-Fetch-Dest', 'iframe'),
    ]
    for (const headers of asked) {
      const { reply, text } = await shop().ask({ headers })
      expect(reply.status).toBe(401)
      expect(headerValue(reply.headers, 'www-authenticate')).toBe('Cookie form-action="/login"')
      expect(text).toContain('login-required')
    }
    const socket = await shop().ask({
      upgrade: 'websocket',
      headers: withHeaders(...navigation, 'Origin', 'http://shop.example.com'),
    })
    expect(socket.reply.status).toBe(401)
  })

  test('a form that is sent too late is led to the login page without a way back', async () => {
    const { reply } = await shop().ask({ method: 'POST', headers: withHeaders(...navigation) })
    expect(reply.status).toBe(303)
    expect(headerValue(reply.headers, 'location')).toBe('/login')
  })

  test('browsers without Fetch Metadata are known by what they accept', async () => {
    const { reply } = await shop().ask({ headers: withHeaders('Accept', 'text/html,application/xhtml+xml,*/*;q=0.8') })
    expect(reply.status).toBe(303)
  })

  test('lets those through whom a capture route of the same session signed in', async () => {
    const on = shop()
    const cookie = await signIn(on)
    const { reply, exchange } = await on.ask({ headers: withHeaders('Cookie', cookie) })
    expect(reply.status).toBe(200)
    expect(exchange.session!.subject).toBe('ada')
  })

  test('a session without identity is not enough', async () => {
    const on = shop({ sessions: [sessionSpec({ mode: 'enforce' })] })
    const { cookies } = await on.ask({ target: '/login' })
    expect(cookies).toHaveLength(1)
    const { reply } = await on.ask({ headers: withHeaders('Cookie', cookies[0]!) })
    expect(reply.status).toBe(401)
  })

  test('an identity that another session learned is not taken, although cookie and store are the same', async () => {
    const other = sessionSpec({ name: 'other' })
    const sessions = [sessionSpec(), { ...other, prefix: 'stage', cookie: sessionSpec().cookie }]
    const stranger = route('own-login', '/login', [{ kind: 'session', session: 'other' }, capture])
    const on = shop({ routes: [routes[0]!, stranger], sessions })
    const cookie = await signIn(on)
    const { reply, exchange } = await on.ask({ headers: withHeaders('Cookie', cookie) })
    expect(exchange.session).toMatchObject({ state: 'open', subject: 'ada' })
    expect(reply.status).toBe(401)
  })

  test('the login page passes where it belongs to a route that asks for login, and nothing near it does', async () => {
    const on = shop({ routes: [routes[0]!, route('elsewhere', '/in', [session, capture])] })
    for (const target of ['/login', '/login?return=%2F', '/%6cogin']) {
      expect((await on.ask({ target })).reply.status).toBe(200)
    }
    for (const target of ['/login/', '/login/x', '/login;x', '/Login', '/login%2f', '//login', '/login%3f']) {
      expect((await on.ask({ target })).reply.status).toBe(401)
    }
  })

  test('CORS preflights pass, an OPTIONS request that is none does not', async () => {
    const on = shop()
    const preflight = withHeaders('Origin', 'https://a.example', 'Access-Control-Request-Method', 'PUT')
    expect((await on.ask({ method: 'OPTIONS', headers: preflight })).reply.status).toBe(200)
    expect(
      (await on.ask({ method: 'OPTIONS', headers: withHeaders('Origin', 'https://a.example') })).reply.status,
    ).toBe(401)
    expect((await on.ask({ method: 'GET', headers: preflight })).reply.status).toBe(401)
  })

  test('without a session the route is broken, not open', async () => {
    for (const middleware of [[login], [login, session]]) {
      const on = shop({ routes: [route('shop', '/', middleware)], sessions: [sessionSpec({ mode: 'off' })] })
      const { reply } = await on.ask()
      expect(reply.status).toBe(500)
      expect(on.gateway.routes[0]).toMatchObject({ state: 'broken' })
    }
  })
})
