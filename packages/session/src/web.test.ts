import { expect, test } from 'vitest'
import type { Session } from './api.ts'
import { SessionError } from './errors.ts'
import { createWorld, second } from './rules/fixtures/world.ts'

const url = 'https://shop.example.com/'
const withCookie = (cookie: string, headers: Record<string, string> = {}) =>
  new Request(url, { headers: { cookie, ...headers } })

test('wrap() opens, calls, commits, and adds the cookie to the response', async () => {
  const handle = createWorld()
    .manager()
    .wrap((_request, session) => {
      const visits = ((session.get('visits') as number | undefined) ?? 0) + 1
      session.set('visits', visits)
      return new Response(`${visits}`, { status: 201, headers: { 'set-cookie': 'theme=dark', 'x-own': '1' } })
    })
  const first = await handle(new Request(url))
  const [theme, ticket] = first.headers.getSetCookie()
  expect([first.status, await first.text(), first.headers.get('x-own'), theme]).toEqual([201, '1', '1', 'theme=dark'])
  const second = await handle(withCookie(ticket!.split(';')[0]!))
  expect([await second.text(), second.headers.getSetCookie()]).toEqual(['2', ['theme=dark']])
})

test('wrap() gives a response whose headers cannot be changed its cookie too', async () => {
  const handle = createWorld()
    .manager()
    .wrap((_request, session) => {
      session.signIn('ann')
      return Response.redirect('https://shop.example.com/home', 303)
    })
  const response = await handle(new Request(url))
  expect([response.status, response.headers.get('location'), response.headers.getSetCookie().length]).toEqual([
    303,
    'https://shop.example.com/home',
    1,
  ])
})

test('wrap() leaves a response alone when there is nothing to tell', async () => {
  const own = new Response('hello')
  expect(
    await createWorld()
      .manager()
      .wrap(() => own)(new Request(url)),
  ).toBe(own)
})

test.each(['before', 'after'])(
  'wrap() answers an outage %s the handler with 503, Retry-After and no cookie',
  async (when) => {
    const world = createWorld()
    const manager = world.manager({ cache: false })
    const start = await manager.wrap((_request, session) => {
      session.set('a', 1)
      return new Response()
    })(new Request(url))
    const cookie = start.headers.getSetCookie()[0]!.split(';')[0]!
    let called = 0
    const handle = manager.wrap((_request, session) => {
      called += 1
      world.down = true
      session.set('a', 2)
      return new Response('done')
    })
    world.down = when === 'before'
    const response = await handle(withCookie(cookie))
    expect(response.status).toBe(503)
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    expect(response.headers.getSetCookie()).toEqual([])
    expect(await response.json()).toMatchObject({ status: 503, code: 'ERR_STORE_UNAVAILABLE' })
    expect(called).toBe(when === 'before' ? 0 : 1)
    world.down = false
    expect((await manager.open({ cookie })).get('a')).toBe(1)
  },
)

test('wrap() lets the errors of the handler, and those that are no outage, pass', async () => {
  const manager = createWorld().manager({ maxBytes: 1000 })
  const failing = manager.wrap(() => Promise.reject(new Error('mine')))
  await expect(failing(new Request(url))).rejects.toThrow('mine')
  const tooLarge = manager.wrap((_request, session) => {
    session.set('a', 'x'.repeat(2000))
    return new Response()
  })
  await expect(tooLarge(new Request(url))).rejects.toBeInstanceOf(SessionError)
})

test('wrap() hands the ticket back in the header that it is looked for in', async () => {
  const handle = createWorld()
    .manager({ lookup: { kind: 'header', name: 'x-session' } })
    .wrap((request, session) => {
      if (request.method === 'DELETE') session.end()
      else session.start()
      return new Response(session.id)
    })
  const first = await handle(new Request(url))
  const ticket = first.headers.get('x-session')!
  const headers = { 'x-session': ticket }
  const again = await handle(new Request(url, { headers }))
  expect([await again.text(), again.headers.has('x-session')]).toEqual([await first.text(), false])
  const last = await handle(new Request(url, { method: 'DELETE', headers }))
  expect([last.headers.get('x-session'), last.headers.getSetCookie()]).toEqual(['', []])
})

test('openRequest() knows a top-level navigation by its Fetch Metadata', async () => {
  const world = createWorld()
  const manager = world.manager()
  const session = await manager.open({})
  session.start()
  const stale = (await session.commit()).setCookie[0]!.split(';')[0]!
  const raised: Session = await manager.open({ cookie: stale })
  raised.rotate()
  await raised.commit()
  await world.move(30 * second)
  const state = async (headers: Record<string, string>) => (await manager.openRequest(withCookie(stale, headers))).state
  expect(await state({ 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' })).toBe('none')
  expect(await state({ 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'iframe' })).toBe('refused')
  expect(await state({ 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' })).toBe('refused')
  expect(await state({})).toBe('refused')
})
