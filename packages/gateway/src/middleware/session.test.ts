import { SessionError } from '@coatcheck/session'
import { memoryRecords } from '@coatcheck/session/stores/memory'
import { describe, expect, test } from 'vitest'
import { beginExchange } from '../begin.ts'
import { headerValue, headerValues } from '../headers.ts'
import { compileListener } from '../listener.ts'
import { route, type Stage, sessionSpec, stage, withHeaders } from '../testing/gateway.ts'
import { listenerSpec, rawRequest } from '../testing/requests.ts'

const session = { kind: 'session', session: 'default' } as const
const capture = { kind: 'capture', subject: 'X-Auth-User', attributes: [] } as const
const enforced = { routes: [route('all', '/', [session])], sessions: [sessionSpec({ mode: 'enforce' })] }

const storeCalls = ({ observed }: Stage) =>
  observed.filter(([name]) => name === 'storeOperation' || name === 'cacheLookup')

describe('modes', () => {
  test('enforce: every request has a session, and brings it again', async () => {
    const on = stage(enforced)
    const first = await on.ask()
    expect(first.cookies).toHaveLength(1)
    expect(first.exchange.session).toMatchObject({ state: 'open' })
    const second = await on.ask({ headers: withHeaders('Cookie', first.cookies[0]!) })
    expect(second.cookies).toEqual([])
    expect(second.exchange.session!.id).toBe(first.exchange.session!.id)
    expect(on.observed).toContainEqual(['sessionEvent', 'default', 'created'])
    expect(on.observed).toContainEqual(['sessionEvent', 'default', 'reused'])
  })

  test('enforce: a CORS preflight starts none', async () => {
    const headers = withHeaders('Origin', 'https://a.example', 'Access-Control-Request-Method', 'PUT')
    const { cookies } = await stage(enforced).ask({ method: 'OPTIONS', headers })
    expect(cookies).toEqual([])
  })

  test('enforce: a browser with two good cookies of our name gets no third that would replace one', async () => {
    const on = stage(enforced)
    const [first, second] = [await on.ask(), await on.ask()]
    const both = `${first.cookies[0]}; ${second.cookies[0]}`
    expect((await on.ask({ headers: withHeaders('Cookie', both) })).cookies).toEqual([])
    for (const { cookies, exchange } of [first, second]) {
      const again = await on.ask({ headers: withHeaders('Cookie', cookies[0]!) })
      expect([again.exchange.session!.id, again.cookies]).toEqual([exchange.session!.id, []])
    }
  })

  test('on-demand: a route without login or capture reads none, creates none, sets no cookie', async () => {
    const on = stage({ routes: [route('plain', '/', [session]), route('login', '/login', [session, capture])] })
    const { exchange, cookies } = await on.ask({ headers: withHeaders('Cookie', '__Host-session=1.x.y') })
    expect(exchange.session).toBeUndefined()
    expect(cookies).toEqual([])
    expect(on.observed).toEqual([])
  })

  test('on-demand: a route with capture opens what is there, and starts nothing by itself', async () => {
    const on = stage({ routes: [route('login', '/', [session, capture])] })
    const { exchange, cookies } = await on.ask()
    expect(exchange.session).toMatchObject({ state: 'none' })
    expect(cookies).toEqual([])
    expect(storeCalls(on)).toEqual([])
  })

  test('off: none, whatever is brought', async () => {
    const on = stage({ routes: [route('x', '/', [session])], sessions: [sessionSpec({ mode: 'off' })] })
    const { exchange, cookies } = await on.ask({ headers: withHeaders('Cookie', '__Host-session=1.x.y') })
    expect(exchange.session).toBeUndefined()
    expect(cookies).toEqual([])
  })

  test('upgrade requests have their session too', async () => {
    const { cookies, reply } = await stage(enforced).ask({
      upgrade: 'websocket',
      headers: withHeaders('Origin', 'http://shop.example.com'),
    })
    expect(reply.status).toBe(200)
    expect(cookies).toHaveLength(1)
  })
})

describe('the answer', () => {
  test('carries our cookie behind those of the upstream', async () => {
    const respond = () => ({ headers: ['Set-Cookie', 'a=1', 'X-A', '1', 'set-cookie', 'b=2'] })
    const { reply } = await stage({ ...enforced, respond }).ask()
    const cookies = headerValues(reply.headers, 'set-cookie')
    expect(cookies.slice(0, 2)).toEqual(['a=1', 'b=2'])
    expect(cookies[2]).toMatch(/^__Host-session=1\./)
    expect(cookies).toHaveLength(3)
  })

  test('carries it also when the upstream failed', async () => {
    const respond = () => {
      throw new Error('surprise')
    }
    const { reply, cookies } = await stage({ ...enforced, respond }).ask()
    expect(reply.status).toBe(500)
    expect(cookies).toHaveLength(1)
  })

  test('is judged once: commit runs before the head goes back, and no more', async () => {
    const on = stage(enforced)
    const { exchange } = await on.ask()
    const creations = on.observed.filter(([name, , operation]) => name === 'storeOperation' && operation === 'create')
    expect(creations).toHaveLength(1)
    expect(await exchange.session!.commit()).toBe(await exchange.session!.commit())
  })
})

describe('a ticket in a header', () => {
  const sessions = [sessionSpec({ mode: 'enforce', lookup: { kind: 'header', name: 'X-Session' } })]

  test('comes back in a header of the same name, and no cookie is set', async () => {
    const on = stage({ routes: enforced.routes, sessions })
    const first = await on.ask()
    const ticket = headerValue(first.reply.headers, 'x-session')!
    expect(ticket).toMatch(/^1\./)
    expect(first.cookies).toEqual([])
    const second = await on.ask({ headers: withHeaders('x-session', ticket) })
    expect(second.exchange.session!.id).toBe(first.exchange.session!.id)
    expect(headerValue(second.reply.headers, 'x-session')).toBeUndefined()
  })

  test('is withheld from the upstream, in any spelling, and may not be replaced by it', async () => {
    const respond = () => ({ headers: ['X_Session', 'forged', 'X-Session', 'forged'] })
    const on = stage({ routes: [route('x', '/', [])], sessions, respond })
    const { reply } = await on.ask({ headers: withHeaders('X-Session', 't', 'x_session', 't', 'X.SESSION', 't') })
    expect(on.sent[0]!.headers.join()).not.toContain('ession')
    expect(reply.headers).toEqual([])
  })
})

describe('an outage is not a logout', () => {
  const down = () => Promise.reject(new SessionError('ERR_STORE_UNAVAILABLE', 'The store at 10.0.0.9 is down'))

  test('a store that cannot be read: 503 with Retry-After, no cookie, nothing sent on', async () => {
    const on = stage({ ...enforced, records: { ...memoryRecords(), read: down } })
    const cookie = `__Host-session=1.${'A'.repeat(22)}.${'A'.repeat(22)}`
    const { reply, exchange, text } = await on.ask({ headers: withHeaders('Cookie', cookie) })
    expect(reply.status).toBe(503)
    expect(headerValue(reply.headers, 'retry-after')).toMatch(/^\d+$/)
    expect(headerValue(reply.headers, 'set-cookie')).toBeUndefined()
    expect(exchange).toMatchObject({ reason: 'store-unavailable', detail: 'The store at 10.0.0.9 is down' })
    expect(text).not.toContain('10.0.0.9')
    expect(on.sent).toEqual([])
  })

  test('a store that cannot be written: 503, and the answer of the upstream is let go of', async () => {
    let cancelled = 0
    const respond = () => ({ body: { kind: 'stream' as const, pipe() {}, cancel: () => cancelled++ } })
    const { reply } = await stage({ ...enforced, respond, records: { ...memoryRecords(), create: down } }).ask()
    expect(reply.status).toBe(503)
    expect(headerValue(reply.headers, 'set-cookie')).toBeUndefined()
    expect(cancelled).toBe(1)
  })

  test('a store that may have written before it failed: 503 with the cookie of what may be there', async () => {
    const memory = memoryRecords()
    let written = false
    const create: typeof memory.create = async (...given) => {
      await memory.create(...given)
      written = true
      return down()
    }
    const read: typeof memory.read = (id) => (written ? down() : memory.read(id))
    const on = stage({ ...enforced, records: { ...memory, create, read } })
    const { reply, cookies, exchange } = await on.ask()
    expect([reply.status, exchange.reason, cookies.length]).toEqual([503, 'store-unavailable', 1])
    expect(headerValue(reply.headers, 'retry-after')).toMatch(/^\d+$/)
    written = false
    const next = await on.ask({ headers: withHeaders('Cookie', cookies[0]!) })
    expect(next.exchange.session!.id).toBe(exchange.session!.id)
  })
})

const web = compileListener(listenerSpec())

/** Turns of the microtask queue until the gateway has its answer: each is a promise that somebody made and awaited. */
async function turns({ gateway }: Stage, cookie: string): Promise<number> {
  const exchange = beginExchange(web, rawRequest({ headers: withHeaders('Cookie', cookie) }))
  let answered = false
  void gateway.handle(exchange).then(() => {
    answered = true
  })
  let count = 0
  for (; !answered; count++) await undefined
  return count
}

test('a cached session is awaited three times: opened, answered, committed', async () => {
  const bare = stage({ routes: [route('all', '/')] })
  const on = stage(enforced)
  const [cookie] = (await on.ask()).cookies
  await on.ask({ headers: withHeaders('Cookie', cookie!) })
  expect((await turns(on, cookie!)) - (await turns(bare, cookie!))).toBe(3)
})
