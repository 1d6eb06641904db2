import { expect, test } from 'vitest'
import { newSecret } from '../ticket.ts'
import { createBrowser, createWorld, minute, ticketIn } from './fixtures/world.ts'

test('rule 1: a cookie value is 1.{id}.{secret}, 16 random bytes each', async () => {
  const world = createWorld()
  const browser = createBrowser(world.manager())
  const session = await browser.visit((s) => s.start())
  expect(browser.cookie).toMatch(/^__Host-session=1\.[\w-]{21}[AQgw]\.[\w-]{21}[AQgw]$/)
  expect(session.id).toBe(ticketIn(browser.cookie).id)
})

test('rule 1: the id names the session for its whole life, over every rotation', async () => {
  const world = createWorld()
  const browser = createBrowser(world.manager())
  const { id } = await browser.visit((s) => s.set('step', 1))
  const secrets = new Set([ticketIn(browser.cookie).secret])
  for (const work of [(s: { rotate(): void }) => s.rotate(), (s: { signIn(p: string): void }) => s.signIn('ann')]) {
    expect((await browser.visit(work)).id).toBe(id)
    secrets.add(ticketIn(browser.cookie).secret)
  }
  await world.move(9 * minute)
  await browser.visit()
  await world.move(9 * minute)
  await browser.visit()
  await world.move(9 * minute)
  await browser.visit()
  await world.move(9 * minute)
  expect((await browser.visit()).id).toBe(id)
  secrets.add(ticketIn(browser.cookie).secret)
  expect(secrets.size).toBe(4)
})

test('rule 1: the id is known from the moment a session is started, before it is written', async () => {
  const world = createWorld()
  const session = await world.manager().open({})
  expect(session.id).toBeUndefined()
  session.start()
  const { id } = session
  expect(id).toMatch(/^[\w-]{22}$/)
  expect(world.operations).toEqual([])
  await session.commit()
  expect(session.id).toBe(id)
  expect(await world.records.read(id!)).toBeDefined()
})

test('rule 1: of the secret the store keeps only a hash', async () => {
  const world = createWorld()
  const browser = createBrowser(world.manager())
  const { id } = await browser.visit((s) => s.set('a', 1))
  const { secret } = ticketIn(browser.cookie)
  const { bytes } = (await world.records.read(id!))!
  expect(Buffer.from(bytes).includes(Buffer.from(secret))).toBe(false)
  expect(Buffer.from(bytes).includes(Buffer.from(secret, 'base64url'))).toBe(false)
})

test('rule 1: a ticket that was not issued never becomes a session under its id (no fixation)', async () => {
  const world = createWorld()
  const planted = '1.AAAAAAAAAAAAAAAAAAAAAA.BBBBBBBBBBBBBBBBBBBBBA'
  const browser = createBrowser(world.manager(), `__Host-session=${planted}`)
  const session = await browser.visit((s) => s.signIn('victim'))
  expect(session.id).not.toBe('AAAAAAAAAAAAAAAAAAAAAA')
  expect(await world.records.read('AAAAAAAAAAAAAAAAAAAAAA')).toBeUndefined()
  expect(world.events).toContain('rejected unknown')
})

test("rule 1: an attacker's valid ticket, tossed to a victim before login, stays anonymous", async () => {
  const world = createWorld()
  const manager = world.manager()
  const attacker = createBrowser(manager)
  await attacker.visit((s) => s.start())
  const victim = createBrowser(manager, attacker.cookie)
  await victim.visit((s) => s.signIn('victim'))
  const seen = await attacker.visit()
  expect(seen.state).toBe('refused')
  expect(seen.subject).toBeUndefined()
  expect((await victim.visit()).subject).toBe('victim')
})

test('rule 1: a ticket that ended or expired cannot be revived under its id', async () => {
  const world = createWorld()
  const browser = createBrowser(world.manager())
  const { id } = await browser.visit((s) => s.set('a', 1))
  const old = browser.cookie
  await browser.visit((s) => s.end())
  const again = createBrowser(world.manager(), old)
  const session = await again.visit((s) => s.set('a', 2))
  expect(session.id).not.toBe(id)
  expect(await world.records.read(id!)).toBeUndefined()
})

test('rule 1: 1,000 tickets with the same id and another secret open nothing, cached or not', async () => {
  const world = createWorld()
  const manager = world.manager()
  const browser = createBrowser(manager)
  const { id } = await browser.visit((s) => s.set('secret', 'of ann'))
  for (let index = 0; index < 1000; index += 1) {
    const guess = `__Host-session=1.${id}.${newSecret()}`
    const session = await manager.open({ cookie: guess })
    expect(session.state).toBe('refused')
    expect(session.data).toEqual({})
  }
  expect((await browser.visit()).get('secret')).toBe('of ann')
})

test('rule 1: whatever is no ticket by its form opens nothing, asks no store, and is counted', async () => {
  const world = createWorld()
  const browser = createBrowser(world.manager())
  await browser.visit((s) => s.start())
  const { id, secret } = ticketIn(browser.cookie)
  const hostile = [
    `1.${id}.${secret} `,
    `"1.${id}.${secret}"`,
    `2.${id}.${secret}`,
    `1.${id}.${secret}=`,
    `1.${id}${secret}`,
    `1.${id}.${secret.slice(0, -1)}B`,
    `1.${id}.${secret.slice(0, -1)}`,
    `1.${id}.`,
    `1..${secret}`,
    `1.${'%41'.repeat(7)}A.${secret}`,
    '1'.repeat(47),
    'x',
  ]
  for (const value of hostile) {
    world.operations.length = 0
    world.events.length = 0
    const session = await world.manager().open({ cookie: `__Host-session=${value}` })
    expect([value, session.state, world.operations, world.events]).toEqual([value, 'none', [], ['rejected malformed']])
  }
})
