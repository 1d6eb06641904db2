import { expect, test } from 'vitest'
import type { RejectReason } from '../../api.ts'
import { createSessions } from '../../manager.ts'
import { sealedCookies } from './index.ts'

const key = (id: string, fill: number) => ({ id, bytes: new Uint8Array(32).fill(fill) })
const minute = 60_000

/** A browser's cookies: what `Set-Cookie` says, it does. */
function browser() {
  const cookies = new Map<string, string>()
  return {
    cookies,
    accept(setCookie: readonly string[]) {
      for (const line of setCookie) {
        const [pair = ''] = line.split('; ')
        const at = pair.indexOf('=')
        if (line.includes('Max-Age=0')) cookies.delete(pair.slice(0, at))
        else cookies.set(pair.slice(0, at), pair.slice(at + 1))
      }
    },
    header: () => [...cookies].map(([name, value]) => `${name}=${value}`).join('; '),
  }
}

function setUp(ids: readonly [string, number][] = [['k1', 1]], maxParts = 3) {
  const rejected: RejectReason[] = []
  const time = { now: 1_750_000_000_000 }
  const make = (keys: readonly [string, number][]) =>
    createSessions({
      store: sealedCookies({ keys: keys.map(([id, fill]) => key(id, fill)), maxParts }),
      clock: () => time.now,
      observer: { rejected: (reason) => rejected.push(reason) },
    })
  return { sessions: make(ids), make, time, rejected, visitor: browser() }
}

type SetUp = ReturnType<typeof setUp>
/** One request that sets values, committed. */
async function visit({ sessions, visitor }: Pick<SetUp, 'sessions' | 'visitor'>, values: Record<string, string> = {}) {
  const session = await sessions.open({ cookie: visitor.header() })
  for (const [name, value] of Object.entries(values)) session.set(name, value)
  const { setCookie } = await session.commit()
  visitor.accept(setCookie)
  return { session, setCookie }
}
const code = (expected: string) => expect.objectContaining({ code: expected })
const filler = (length: number) => 'abcdefghij'.repeat(length / 10)

test('a session travels in its cookie, and a manager that shares nothing but keys opens it', async () => {
  const here = setUp()
  const { session } = await visit(here, { cart: 'apple' })
  const there = await here.make([['k1', 1]]).open({ cookie: `a=b; ${here.visitor.header()}; c=d` })
  expect([there.state, there.id, there.get('cart')]).toEqual(['open', session.id, 'apple'])
  expect([...here.visitor.cookies.keys()]).toEqual(['__Host-session'])
  expect(here.sessions.revokes).toBe(false)
})

test('nothing changed, nothing written; after a tenth of the idle timeout the cookie comes anew', async () => {
  const here = setUp()
  await visit(here, { a: 'b' })
  expect((await visit(here)).setCookie).toEqual([])
  here.time.now += minute - 1
  expect((await visit(here)).setCookie).toEqual([])
  here.time.now += 1
  expect((await visit(here)).setCookie.length).toBe(1)
  expect((await visit(here)).setCookie).toEqual([])
})

test('used every five minutes a session lasts until its lifetime is over, unused until it is idle', async () => {
  const here = setUp()
  await visit(here, { a: 'b' })
  for (let used = 0; used < 719; used += 5) {
    expect((await visit(here)).session.state).toBe('open')
    here.time.now += 5 * minute
  }
  expect((await visit(here)).session.state).toBe('none')
  await visit(here, { a: 'b' })
  here.time.now += 10 * minute
  expect((await visit(here)).session.state).toBe('none')
  expect(here.rejected).toEqual(['unknown', 'unknown', 'unknown'])
})

test('a session that grows is split over cookies, and what is left over is cleared when it shrinks', async () => {
  const here = setUp()
  const names = () => [...here.visitor.cookies.keys()].sort()
  const { session } = await visit(here, { a: 'b' })
  await visit(here, { big: filler(5000) })
  expect(names()).toEqual(['__Host-session.1', '__Host-session.2'])
  await visit(here, { big: filler(8000) })
  expect(names()).toEqual(['__Host-session.1', '__Host-session.2', '__Host-session.3'])
  const split = await visit(here)
  expect([split.session.id, split.session.get('big')]).toEqual([session.id, filler(8000)])
  await visit(here, { big: '' })
  expect(names()).toEqual(['__Host-session'])
  expect((await visit(here)).session.get('a')).toBe('b')
})

test('a session that grows beyond its parts is refused, and the browser keeps the one it has', async () => {
  const here = setUp()
  await visit(here, { a: 'b' })
  await expect(visit(here, { big: filler(12_000) })).rejects.toEqual(code('ERR_COOKIE_TOO_LARGE'))
  expect((await visit(here)).session.data).toEqual({ a: 'b' })
  const more = setUp([['k1', 1]], 5)
  await visit(more, { big: filler(12_000) })
  expect((await visit(more)).session.get('big')).toBe(filler(12_000))
})

test('parts of two sessions, mixed, open neither, and nothing is cleared because of them', async () => {
  const here = setUp()
  const other = { ...here, visitor: browser() }
  await visit(here, { big: filler(5000) })
  await visit(other, { big: filler(5000) })
  here.visitor.cookies.set('__Host-session.2', other.visitor.cookies.get('__Host-session.2') ?? '')
  const mixed = await visit(here)
  expect([mixed.session.state, mixed.setCookie]).toEqual(['none', []])
  expect(here.rejected).toEqual(['malformed'])
})

test('two sealed cookies that are both valid and differ count as none', async () => {
  const here = setUp()
  const other = { ...here, visitor: browser() }
  await visit(here, { a: '1' })
  await visit(other, { a: '2' })
  const session = await here.sessions.open({ cookie: `${here.visitor.header()}; ${other.visitor.header()}` })
  expect([session.state, here.rejected]).toEqual(['none', ['ambiguous']])
})

test('any change of any character of the cookie gives no session, and no error', async () => {
  const here = setUp()
  await visit(here, { a: 'b' })
  const value = here.visitor.cookies.get('__Host-session') ?? ''
  for (let at = 0; at < value.length; at += 1) {
    const replaced = value[at] === 'A' ? 'B' : 'A'
    const cookie = `__Host-session=${value.slice(0, at)}${replaced}${value.slice(at + 1)}`
    // Another key id is an outage, not a session.
    const state = await here.sessions.open({ cookie }).then(
      (session) => session.state,
      (error: { code: string }) => error.code,
    )
    expect(['none', 'ERR_KEY_UNKNOWN']).toContain(state)
  }
})

test('keys can be changed without signing anybody out', async () => {
  const here = setUp()
  const { session } = await visit(here, { a: 'b' })
  const both = {
    ...here,
    sessions: here.make([
      ['k2', 2],
      ['k1', 1],
    ]),
  }
  here.time.now += minute
  expect((await visit(both)).session.id).toBe(session.id)
  expect((await visit({ ...here, sessions: here.make([['k2', 2]]) })).session.get('a')).toBe('b')
})

test('a key that is not known is an outage of the session, never its absence', async () => {
  const here = setUp()
  await visit(here, { a: 'b' })
  await expect(here.make([['k2', 2]]).open({ cookie: here.visitor.header() })).rejects.toEqual(code('ERR_KEY_UNKNOWN'))
})

test('the id is the same after signing in and rotating; ending clears every cookie of ours', async () => {
  const here = setUp()
  const { session } = await visit(here, { big: filler(5000) })
  const again = await here.sessions.open({ cookie: here.visitor.header() })
  again.signIn('ann')
  again.rotate()
  here.visitor.accept((await again.commit()).setCookie)
  const third = await here.sessions.open({ cookie: here.visitor.header() })
  expect([third.id, third.subject, third.get('big')]).toEqual([session.id, 'ann', filler(5000)])
  third.end()
  here.visitor.accept((await third.commit()).setCookie)
  expect([...here.visitor.cookies]).toEqual([])
})

test('cookies and parts of it are known as ours', () => {
  const { sessions } = setUp()
  expect(['__Host-session', '__Host-session.3', '__Host-session_3', 'session'].map(sessions.ownsCookie)).toEqual([
    true,
    true,
    false,
    false,
  ])
})
