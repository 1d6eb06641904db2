import { createDecipheriv } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { SealingKey } from '../api.ts'
import { readRecord } from '../record.ts'
import { openRecord } from '../sealed-record.ts'
import { createSealers, prefixTag } from '../sealing.ts'
import type { TicketSecret } from '../ticket.ts'
import { createBrowser, createWorld, minute, second, ticketIn } from './fixtures/world.ts'

const k1: SealingKey = { id: 'k1', bytes: new Uint8Array(32).fill(7) }
const timeouts = { idle: 60 * minute, lifetime: 600 * minute }
const rotateAfter = 30 * minute
const age = { timeouts, rotateAfter }
const kinds: [string, object][] = [
  ['cached', age],
  ['not cached', { ...age, cache: false }],
  ['with a key of the installation', { ...age, serverKeys: [k1] }],
  ['sealed by keys', { ...age, sealing: { kind: 'keys', keys: [k1] } }],
  ['not sealed', { ...age, sealing: { kind: 'none' } }],
]

/** A session whose ticket is old enough to be replaced at the next visit. */
async function agedSession(options: object) {
  const world = createWorld()
  const manager = world.manager(options)
  const browser = createBrowser(manager)
  const { id } = await browser.visit((s) => s.set('a', 1))
  const old = browser.cookie
  await world.move(rotateAfter)
  return { world, manager, browser, old, id: id! }
}

describe.each(kinds)('%s', (_name, options) => {
  test('rule 4: a ticket is replaced at its age, under the same id, with the same data', async () => {
    const { world, browser, old, id } = await agedSession(options)
    expect((await browser.visit()).id).toBe(id)
    expect(browser.cookie).not.toBe(old)
    expect(ticketIn(browser.cookie).id).toBe(id)
    expect(world.events.filter((event) => event === 'rotated')).toEqual(['rotated'])
    const session = await browser.visit()
    expect(session.get('a')).toBe(1)
    expect(session.isNew).toBe(false)
  })

  test('rule 4: the old secret stays good, and hands out the same new cookie again, as long as the new one was not brought', async () => {
    const { world, manager, browser, old } = await agedSession(options)
    await browser.visit()
    const handedOut = browser.cookie
    for (let visit = 0; visit < 20; visit += 1) {
      await world.move(minute)
      const lost = createBrowser(visit % 2 === 0 ? manager : world.manager(options), old)
      const session = await lost.visit(visit % 3 === 0 ? (s) => s.set('n', visit) : undefined)
      expect(session.state).toBe('open')
      expect(lost.cookie).toBe(handedOut)
    }
    expect(world.events.filter((event) => event === 'rotated')).toEqual(['rotated'])
  })

  test('rule 4: the old secret is good until 30 s after the new one was first brought, and not after', async () => {
    const { world, browser, old } = await agedSession(options)
    await browser.visit()
    await world.move(5 * minute)
    await browser.visit()
    await world.move(30 * second - 1)
    expect((await createBrowser(world.manager(options), old).visit()).state).toBe('open')
    await browser.visit()
    await world.move(1)
    const late = createBrowser(world.manager(options), old)
    const opened = await world.manager(options).open({ cookie: old })
    expect([opened.state, opened.data]).toEqual(['refused', {}])
    expect((await late.visit((s) => s.set('a', 2))).state).toBe('refused')
    expect(late.cookie).toBe(old)
    expect((await browser.visit()).get('a')).toBe(1)
  })

  test('rule 4: once the new secret was brought, the record does not lead from the old one to it', async () => {
    const { world, browser, id } = await agedSession(options)
    await browser.visit()
    expect(readRecord((await world.records.read(id))!.bytes)!.header.pending.length).toBeGreaterThan(0)
    await browser.visit()
    expect(readRecord((await world.records.read(id))!.bytes)!.header.pending.length).toBe(0)
  })

  test('rule 4: there is no second rotation while one is pending, and one after it', async () => {
    const { world, browser, old } = await agedSession(options)
    await browser.visit()
    for (let visit = 0; visit < 5; visit += 1) {
      await world.move(rotateAfter)
      await createBrowser(world.manager(options), old).visit()
    }
    expect(world.events.filter((event) => event === 'rotated')).toHaveLength(1)
    await browser.visit()
    const second1 = browser.cookie
    await world.move(rotateAfter)
    await browser.visit()
    expect(browser.cookie).not.toBe(second1)
    expect(world.events.filter((event) => event === 'rotated')).toHaveLength(2)
  })

  test('rule 4: signing in kills the old secret at once, everywhere, also one whose rotation is pending', async () => {
    const { world, manager, browser, old } = await agedSession(options)
    const elsewhere = world.manager(options)
    await createBrowser(elsewhere, old).visit()
    await browser.visit()
    const pending = browser.cookie
    await createBrowser(elsewhere, pending).visit()
    await browser.visit((s) => s.signIn('ann'))
    for (const dead of [old, pending]) {
      for (const gateway of [manager, elsewhere]) {
        const late = createBrowser(gateway, dead)
        expect((await late.visit((s) => s.set('a', 'stolen'))).state).toBe('refused')
        expect(late.cookie).toBe(dead)
      }
    }
    expect((await browser.visit()).data).toEqual({ a: 1 })
  })
})

test('rule 4: for 30 s, who comes with the old secret still gets the new cookie where the new one was seen', async () => {
  const { manager, browser, old } = await agedSession(age)
  await browser.visit()
  await browser.visit()
  const straggler = createBrowser(manager, old)
  await straggler.visit()
  await straggler.visit()
  expect(straggler.cookie).toBe(browser.cookie)
})

test('rule 4: a rise of privilege has a new data key: an earlier copy of the record does not lead to the later one', async () => {
  const world = createWorld()
  const browser = createBrowser(world.manager())
  const { id } = await browser.visit((s) => s.set('a', 1))
  const { secret } = ticketIn(browser.cookie)
  const copy = (await world.records.read(id!))!.bytes
  const context = { sealers: createSealers({ kind: 'ticket' }, [], 'shop'), prefixTag: prefixTag('shop') }
  const opened = openRecord(context, { id: id!, secret: secret as TicketSecret }, copy, world.clock())
  if (opened.kind !== 'open') throw new Error('the copy must open with its ticket')
  const opensWithItsKey = async () => {
    const { headerBytes, content } = readRecord((await world.records.read(id!))!.bytes)!
    const decipher = createDecipheriv('aes-256-gcm', opened.dataKey, content.subarray(0, 12))
    decipher.setAAD(Buffer.concat([Buffer.from(`coatcheck content\0shop\0${id}\0`), headerBytes]))
    decipher.setAuthTag(content.subarray(-16))
    decipher.update(content.subarray(12, -16))
    try {
      return decipher.final().length === 0
    } catch {
      return false
    }
  }
  await browser.visit((s) => s.set('a', 2))
  expect(await opensWithItsKey()).toBe(true)
  await browser.visit((s) => s.rotate())
  expect(await opensWithItsKey()).toBe(false)
})

test('rule 4: a wrong secret for a living id creates nothing, sets no cookie and changes nothing', async () => {
  const world = createWorld()
  const manager = world.manager()
  const browser = createBrowser(manager)
  const { id } = await browser.visit((s) => s.set('a', 1))
  world.operations.length = 0
  const guess = createBrowser(manager, `__Host-session=1.${id}.AAAAAAAAAAAAAAAAAAAAAA`)
  const session = await guess.visit((s) => {
    s.start()
    s.set('a', 2)
    s.signIn('mallory')
    s.rotate()
    s.end()
  })
  expect([session.state, session.id, session.isNew, session.subject]).toEqual(['refused', undefined, false, undefined])
  expect(world.operations).toEqual(['read'])
  expect(guess.cookie).toContain('AAAAAAAAAAAAAAAAAAAAAA')
  expect((await browser.visit()).get('a')).toBe(1)
  expect(world.events).toContain('rejected wrong_secret')
})

test('rule 4: a person who navigates with a stale ticket may start anew 30 s after the last rotation, not before', async () => {
  const world = createWorld()
  const manager = world.manager()
  const browser = createBrowser(manager)
  const { id } = await browser.visit((s) => s.start())
  const stale = browser.cookie
  await browser.visit((s) => s.rotate())
  const start = async (navigation: boolean) => {
    const late = createBrowser(manager, stale)
    return (await late.visit((s) => s.start(), { navigation })).id
  }
  await world.move(30 * second - 1)
  expect(await start(true)).toBeUndefined()
  await world.move(1)
  expect(await start(false)).toBeUndefined()
  const anew = await start(true)
  expect(anew).toBeDefined()
  expect(anew).not.toBe(id)
})

test('rule 4: an answer that is late does not put its cookie over the one of a sign-in', async () => {
  const { browser, manager, old } = await agedSession(age)
  await browser.visit()
  const late = await manager.open({ cookie: old })
  expect(late.state).toBe('open')
  await createBrowser(manager, browser.cookie).visit((s) => s.signIn('ann'))
  expect(await late.commit()).toEqual({ setCookie: [], ticket: undefined })
  expect(late.state).toBe('refused')
})

test('rule 4: a request that began while the old secret was good writes nothing once it is not', async () => {
  const { world, manager, browser, old } = await agedSession(age)
  await browser.visit()
  await browser.visit()
  const slow = await manager.open({ cookie: old })
  expect(slow.state).toBe('open')
  await world.move(30 * second)
  slow.set('a', 'too late')
  expect(await slow.commit()).toEqual({ setCookie: [], ticket: undefined })
  expect(slow.state).toBe('refused')
  expect((await browser.visit()).get('a')).toBe(1)
})

test('rule 4: however young tickets have to be, there is no rotation while the secret before is still good', async () => {
  const { world, browser } = await agedSession({ timeouts, rotateAfter: 10 * second })
  await browser.visit()
  await browser.visit()
  const straggler = browser.cookie
  await world.move(30 * second - 1)
  await browser.visit()
  expect(browser.cookie).toBe(straggler)
  await world.move(1)
  await browser.visit()
  expect(browser.cookie).not.toBe(straggler)
})

test('rule 4: requests that come together rotate once, and all get the same new cookie', async () => {
  const { world, manager, old } = await agedSession({ ...age, cache: false })
  const sessions = await Promise.all(Array.from({ length: 10 }, () => manager.open({ cookie: old })))
  const commits = await Promise.all(sessions.map((session) => session.commit()))
  const cookies = new Set(commits.map(({ setCookie }) => setCookie[0]?.split(';')[0]))
  expect(cookies.size).toBe(1)
  expect([...cookies][0]).not.toBe(old)
  expect(world.events.filter((event) => event === 'rotated')).toHaveLength(1)
})

test("rule 4: signing in as somebody else takes nothing of the first one's data along", async () => {
  const world = createWorld()
  const browser = createBrowser(world.manager())
  await browser.visit((s) => s.set('cart', ['book']))
  await browser.visit((s) => s.signIn('ann'))
  await browser.visit((s) => s.set('address', 'of ann'))
  expect((await browser.visit((s) => s.signIn('ann'))).data).toEqual({ cart: ['book'], address: 'of ann' })
  const seen: unknown[] = []
  await browser.visit((s) => {
    s.signIn('bob')
    seen.push(s.data)
    s.set('mine', true)
  })
  const session = await browser.visit()
  expect([seen, session.subject, session.data]).toEqual([[{}], 'bob', { mine: true }])
})

test('rule 4: what was set for one person is not kept for another who signs in within the same request', async () => {
  const world = createWorld()
  const browser = createBrowser(world.manager())
  const session = await browser.visit((s) => {
    s.signIn('ann')
    s.set('address', 'of ann')
    s.signIn('bob')
    s.set('mine', true)
  })
  expect([session.subject, session.data]).toEqual(['bob', { mine: true }])
})
