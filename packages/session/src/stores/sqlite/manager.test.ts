import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { EndReason, SessionManager } from '../../api.ts'
import { createSessions } from '../../manager.ts'
import { sqliteRecords } from './index.ts'

let folder = ''
let now = 0
let lookups: string[] = []
let ended: EndReason[] = []
const opened: { close(): Promise<void> }[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sqlite-sessions-'))
  now = 1_750_000_000_000
  lookups = []
  ended = []
})
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close()
  rmSync(folder, { recursive: true })
})

/** What a gateway has of its own: a connection to the file and a cache. */
function gateway(): SessionManager {
  const clock = () => now
  const records = sqliteRecords({ file: join(folder, 'sessions.db'), clock })
  const observer = {
    cacheLookup: (result: string) => lookups.push(result),
    ended: (reason: EndReason) => ended.push(reason),
  }
  const sessions = createSessions({ store: records, clock, observer })
  opened.push(sessions, records)
  return sessions
}
async function stop() {
  for (const one of opened.splice(0)) await one.close()
}
async function signIn(sessions: SessionManager): Promise<string> {
  const session = await sessions.open({})
  session.signIn('ann')
  session.set('cart', ['apple'])
  return (await session.commit()).setCookie[0]?.split(';')[0] ?? ''
}

test('a restart signs nobody out', async () => {
  const cookie = await signIn(gateway())
  await stop()
  const session = await gateway().open({ cookie })
  expect([session.state, session.subject, session.get('cart')]).toEqual(['open', 'ann', ['apple']])
})

test('any gateway on the file answers any request, and repeated ones come from its cache', async () => {
  const [one, two] = [gateway(), gateway()]
  const cookie = await signIn(one)
  for (let count = 0; count < 3; count += 1) expect((await two.open({ cookie })).subject).toBe('ann')
  expect(lookups).toEqual(['miss', 'hit', 'hit'])
})

test('what one gateway writes, every other one sees with the very next request', async () => {
  const [one, two] = [gateway(), gateway()]
  const cookie = await signIn(one)
  for (let count = 0; count < 20; count += 1) {
    const [writer, reader] = count % 2 === 0 ? [one, two] : [two, one]
    const session = await writer.open({ cookie })
    session.set('count', count)
    await session.commit()
    expect((await reader.open({ cookie })).get('count')).toBe(count)
  }
})

test('a sign-out at one gateway holds at every other one with the very next request', async () => {
  const [one, two] = [gateway(), gateway()]
  const cookie = await signIn(one)
  expect((await two.open({ cookie })).state).toBe('open')
  const session = await one.open({ cookie })
  session.end()
  await session.commit()
  expect((await two.open({ cookie })).state).toBe('none')
})

test('use at one gateway keeps the session alive at every other one', async () => {
  const [one, two] = [gateway(), gateway()]
  const cookie = await signIn(one)
  await two.open({ cookie })
  for (let count = 0; count < 10; count += 1) {
    now += 300_000
    await (await one.open({ cookie })).commit()
  }
  expect((await two.open({ cookie })).state).toBe('open')
})

test('a session that ran out is counted once, by whichever gateway finds it', async () => {
  const [one, two] = [gateway(), gateway()]
  await signIn(one)
  now += 600_000
  await signIn(two)
  now += 2000
  await signIn(one)
  expect(ended).toEqual(['idle'])
})
