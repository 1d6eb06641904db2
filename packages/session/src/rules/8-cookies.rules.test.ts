import { expect, test } from 'vitest'
import type { CookieOptions, Session } from '../api.ts'
import { sealedCookies } from '../stores/sealed-cookie/index.ts'
import { createBrowser, createWorld, minute } from './fixtures/world.ts'

async function firstCookie(cookie?: CookieOptions): Promise<string> {
  const session = await createWorld()
    .manager(cookie === undefined ? {} : { cookie })
    .open({})
  session.start()
  const { setCookie } = await session.commit()
  expect(setCookie).toHaveLength(1)
  return setCookie[0]!.replace(/=1\.[\w-]{22}\.[\w-]{22}/, '=TICKET')
}

test('rule 8: by default HttpOnly, Secure, SameSite=Lax, Path=/, __Host-, and no Max-Age', async () => {
  expect(await firstCookie()).toBe('__Host-session=TICKET; Path=/; Secure; HttpOnly; SameSite=Lax')
})

test('rule 8: what is weakened in so many words is done', async () => {
  const cookie: CookieOptions = {
    secure: false,
    httpOnly: false,
    sameSite: 'Strict',
    path: '/app',
    domain: 'example.com',
  }
  expect(await firstCookie(cookie)).toBe('session=TICKET; Path=/app; Domain=example.com; SameSite=Strict')
  expect(await firstCookie({ expires: 'lifetime' })).toContain('; Max-Age=43200')
})

test('rule 8: SameSite=None without Secure is refused', () => {
  const world = createWorld()
  expect(() => world.manager({ cookie: { sameSite: 'None', secure: false } })).toThrow(
    expect.objectContaining({ code: 'ERR_INVALID_OPTION' }),
  )
  expect(() => world.manager({ cookie: { sameSite: 'None' } })).not.toThrow()
})

test('rule 8: nothing is told to a browser whose session did not change', async () => {
  const world = createWorld()
  const manager = world.manager()
  const browser = createBrowser(manager)
  await browser.visit((s) => s.set('a', 1))
  const session = await manager.open({ cookie: browser.cookie })
  session.set('a', 2)
  expect(await session.commit()).toEqual({ setCookie: [], ticket: undefined })
})

test('rule 8: signing out clears the cookie', async () => {
  const world = createWorld()
  const manager = world.manager()
  const browser = createBrowser(manager)
  await browser.visit((s) => s.set('a', 1))
  const session = await manager.open({ cookie: browser.cookie })
  session.end()
  expect(session.state).toBe('ended')
  const { setCookie } = await session.commit()
  expect(setCookie).toEqual([
    expect.stringMatching(/^__Host-session=; Path=\/; Secure; HttpOnly; SameSite=Lax; Max-Age=0/),
  ])
})

/** Two living sessions, and a manager of another gateway that has neither cached. */
async function twoSessions() {
  const world = createWorld()
  const [ann, bob] = [createBrowser(world.manager()), createBrowser(world.manager())]
  await ann.visit((s) => s.set('who', 'ann'))
  await bob.visit((s) => s.set('who', 'bob'))
  world.operations.length = 0
  world.events.length = 0
  return { world, ann, bob, manager: world.manager() }
}
const unknown = '__Host-session=1.AAAAAAAAAAAAAAAAAAAAAA.BBBBBBBBBBBBBBBBBBBBBA'

test('rule 8: of two cookies of our name the valid one counts, whichever comes first', async () => {
  const { ann, manager } = await twoSessions()
  for (const cookie of [`${ann.cookie}; ${unknown}`, `${unknown}; ${ann.cookie}`, `__Host-session=x; ${ann.cookie}`]) {
    const session = await manager.open({ cookie })
    expect(session.get('who')).toBe('ann')
    expect((await session.commit()).setCookie).toEqual([])
  }
})

test('rule 8: two that are valid and differ count as none, end nothing, and clear nothing', async () => {
  const { world, ann, bob, manager } = await twoSessions()
  for (const cookie of [`${ann.cookie}; ${bob.cookie}`, `${bob.cookie}; ${ann.cookie}`]) {
    const session = await manager.open({ cookie })
    expect([session.state, session.data]).toEqual(['none', {}])
    session.end()
    expect(await session.commit()).toEqual({ setCookie: [], ticket: undefined })
  }
  expect(world.events.filter((event) => event.startsWith('rejected'))).toEqual([
    'rejected ambiguous',
    'rejected ambiguous',
  ])
  expect((await ann.visit()).get('who')).toBe('ann')
  expect((await bob.visit()).get('who')).toBe('bob')
})

test('rule 8: beside two that are valid and differ, or more than are tried, start() starts nothing', async () => {
  const { world, ann, bob, manager } = await twoSessions()
  const part = '__Host-session.1=x'
  for (const cookie of [
    `${ann.cookie}; ${bob.cookie}`,
    `${unknown}; __Host-session=x; ${ann.cookie}`,
    `${Array(40).fill(unknown).join('; ')}; ${ann.cookie}`,
    `${Array(40).fill(part).join('; ')}; ${ann.cookie}`,
  ]) {
    const session = await manager.open({ cookie })
    session.start()
    expect([session.state, session.isNew, session.id]).toEqual(['none', false, undefined])
    expect(await session.commit()).toEqual({ setCookie: [], ticket: undefined })
  }
  expect(world.events).not.toContain('created')
  expect((await ann.visit()).get('who')).toBe('ann')
})

test('rule 8: two that are valid and differ, or more than are tried, give way to a sign-in and to what is set', async () => {
  const { ann, bob, manager } = await twoSessions()
  for (const cookie of [`${ann.cookie}; ${bob.cookie}`, `${unknown}; __Host-session=x; ${ann.cookie}`]) {
    for (const work of [(s: Session) => s.signIn('carol'), (s: Session) => s.set('who', 'carol')]) {
      const session = await manager.open({ cookie })
      session.start()
      work(session)
      expect([session.state, session.isNew]).toEqual(['open', true])
      expect((await session.commit()).setCookie).toHaveLength(1)
    }
  }
})

test('rule 8: cookies that are surely none of ours do not keep start() from starting one', async () => {
  const { manager } = await twoSessions()
  const giant = `__Host-session=${'x'.repeat(5_000)}`
  for (const cookie of ['', unknown, `${unknown}; __Host-session=x`, giant, `${unknown}; __Host-session=x; ${giant}`]) {
    const session = await manager.open({ cookie })
    session.start()
    expect([cookie.length, session.state]).toEqual([cookie.length, 'open'])
    expect((await session.commit()).setCookie).toHaveLength(1)
  }
})

test('rule 8: the same cookie twice, or both tickets of one rotation, are one session', async () => {
  const { world, ann } = await twoSessions()
  const manager = world.manager({ rotateAfter: minute, cache: false })
  const { cookie: old } = ann
  await world.move(2 * minute)
  const fresh = createBrowser(manager, old)
  await fresh.visit()
  expect(fresh.cookie).not.toBe(old)
  for (const cookie of [`${old}; ${old}`, `${old}; ${fresh.cookie}`, `${fresh.cookie}; ${old}`]) {
    expect((await manager.open({ cookie })).get('who')).toBe('ann')
  }
})

test('rule 8: two sealed cookies of one session that hold different things count as none', async () => {
  const world = createWorld()
  const keys = [{ id: 'k1', bytes: new Uint8Array(32) }]
  const manager = world.manager({ store: sealedCookies({ keys }) })
  const browser = createBrowser(manager)
  await browser.visit((s) => s.set('balance', 1))
  const { cookie: old } = browser
  await browser.visit((s) => s.set('balance', 2))
  const session = await manager.open({ cookie: `${old}; ${browser.cookie}` })
  expect([session.state, world.events.at(-1)]).toEqual(['none', 'rejected ambiguous'])
})

test('rule 8: more than two of our name: at most two are tried', async () => {
  const { world, ann, manager } = await twoSessions()
  const many = Array.from(
    { length: 500 },
    (_, index) => `__Host-session=1.${'A'.repeat(22)}.${String(index).padStart(21, 'B')}A`,
  )
  const session = await manager.open({ cookie: `${many.join('; ')}; ${ann.cookie}` })
  expect(session.state).toBe('none')
  expect(world.operations.length).toBeLessThanOrEqual(2)
})

test('rule 8: each cookie that is not taken is counted, also beside a good one', async () => {
  const { world, ann, manager } = await twoSessions()
  const giant = `__Host-session=${'x'.repeat(5_000)}`
  const bad = '__Host-session=x'
  const counted = async (cookie: string) => {
    const before = world.events.length
    const { state } = await manager.open({ cookie })
    const rejected = world.events.slice(before).filter((event) => event.startsWith('rejected'))
    return [state, ...rejected.sort()]
  }
  expect(await counted(`${bad}; ${ann.cookie}`)).toEqual(['open', 'rejected malformed'])
  expect(await counted(`${ann.cookie}; ${unknown}`)).toEqual(['open', 'rejected unknown'])
  expect(await counted(`${giant}; ${ann.cookie}`)).toEqual(['open', 'rejected oversized'])
  expect(await counted(`${ann.cookie}; ${bad}; ${unknown}`)).toEqual([
    'open',
    'rejected malformed',
    'rejected oversized',
  ])
  expect(await counted(`${bad}; ${unknown}`)).toEqual(['none', 'rejected malformed', 'rejected unknown'])
  expect(await counted(`${bad}; ${unknown}; ${ann.cookie}`)).toEqual([
    'none',
    'rejected malformed',
    'rejected oversized',
    'rejected unknown',
  ])
})

test('rule 8: a stale ticket beside an unknown one still starts nothing', async () => {
  const { ann, manager } = await twoSessions()
  const stale = ann.cookie
  await ann.visit((s) => s.rotate())
  for (const cookie of [`${stale}; ${unknown}`, `${unknown}; ${stale}`]) {
    const session = await manager.open({ cookie })
    session.set('a', 1)
    expect([session.state, (await session.commit()).setCookie]).toEqual(['refused', []])
  }
})

test('rule 8: a giant cookie is no session, and is counted', async () => {
  const { world, manager } = await twoSessions()
  const session = await manager.open({ cookie: `__Host-session=${'x'.repeat(60_000)}` })
  expect(session.state).toBe('none')
  expect(world.events).toEqual(['rejected oversized'])
  expect(world.operations).toEqual([])
})

test('rule 8: a ticket in a header comes back there, and no cookie is looked at or set', async () => {
  const world = createWorld()
  const manager = world.manager({ lookup: { kind: 'header', name: 'X-Session' } })
  const session = await manager.open({})
  session.set('a', 1)
  const { ticket, setCookie } = await session.commit()
  expect(setCookie).toEqual([])
  expect(ticket).toMatch(/^1\.[\w-]{22}\.[\w-]{22}$/)
  expect((await manager.open({ cookie: `__Host-session=${ticket}` })).state).toBe('none')
  const again = await manager.open({ ticket })
  expect(again.get('a')).toBe(1)
  expect((await again.commit()).ticket).toBeUndefined()
  const last = await manager.open({ ticket })
  last.end()
  expect(await last.commit()).toEqual({ setCookie: [], ticket: '' })
  expect((await manager.open({ ticket })).state).toBe('none')
  for (const value of ['', 'x', 'x'.repeat(100)]) expect((await manager.open({ ticket: value })).state).toBe('none')
})

test('rule 8: the names of our cookies are known, to withhold them', () => {
  const manager = createWorld().manager()
  expect(['__Host-session', '__Host-session.1', '__Host-sessions', 'session'].map(manager.ownsCookie)).toEqual([
    true,
    true,
    false,
    false,
  ])
  expect(
    createWorld()
      .manager({ lookup: { kind: 'header', name: 'x' } })
      .ownsCookie('__Host-session'),
  ).toBe(false)
})

test('rule 8: of two cookies, one under a key that is not known here does not keep the other from serving', async () => {
  const world = createWorld()
  const key = (id: string) => ({ id, bytes: new Uint8Array(32).fill(id.charCodeAt(1)) })
  const manager = (id: string) => world.manager({ store: sealedCookies({ keys: [key(id)] }) })
  const stranger = createBrowser(manager('k2'))
  const browser = createBrowser(manager('k1'))
  await stranger.visit((s) => s.set('a', 1))
  await browser.visit((s) => s.set('a', 2))
  for (const cookie of [`${stranger.cookie}; ${browser.cookie}`, `${browser.cookie}; ${stranger.cookie}`]) {
    expect((await manager('k1').open({ cookie })).get('a')).toBe(2)
  }
  expect(world.events).not.toContain('rejected key_unknown')
  const both = `${stranger.cookie}; __Host-session=x`
  await expect(manager('k1').open({ cookie: both })).rejects.toMatchObject({ code: 'ERR_KEY_UNKNOWN' })
  expect(world.events.filter((event) => event.startsWith('rejected'))).toEqual(['rejected key_unknown'])
})
