/** Rotation by age where several gateways, or workers, share one store: each has a manager and a cache of its own. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { SessionManager } from '../api.ts'
import { createSessions } from '../manager.ts'
import type { SessionsOptions } from '../options.ts'
import type { RecordStore } from '../store.ts'
import { memoryRecords } from '../stores/memory/index.ts'
import { sqliteRecords } from '../stores/sqlite/index.ts'
import { createBrowser, minute, second, startOfTime } from './fixtures/world.ts'

const rotateAfter = 30 * minute
const k1 = { id: 'k1', bytes: new Uint8Array(32).fill(7) }
let now = startOfTime
let folder = ''
let memory: RecordStore
const opened: { close(): Promise<void> }[] = []
const clock = () => now

beforeEach(() => {
  now = startOfTime
  folder = mkdtempSync(join(tmpdir(), 'rotation-'))
  memory = memoryRecords({ clock })
})
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close()
  rmSync(folder, { recursive: true })
})

const stores: [string, () => RecordStore][] = [
  ['one memory store', () => memory],
  ['a file of SQLite, opened by each', () => sqliteRecords({ file: join(folder, 'sessions.db'), clock })],
]
const kinds: [string, Partial<SessionsOptions>][] = [
  ['cached', {}],
  ['not cached', { cache: false }],
  ['with a key of the installation', { serverKeys: [k1] }],
  ['sealed by keys', { sealing: { kind: 'keys', keys: [k1] } }],
]

describe.each(stores)('%s', (_store, open) => {
  describe.each(kinds)('%s', (_kind, options) => {
    function gateway(): SessionManager {
      const store = open()
      const timeouts = { idle: 60 * minute, lifetime: 600 * minute }
      const sessions = createSessions({ store, clock, timeouts, rotateAfter, ...options })
      opened.push(sessions, store)
      return sessions
    }

    /** A ticket of its age, and gateways that all have served it. */
    async function aged() {
      const gateways = [gateway(), gateway(), gateway()] as const
      const browser = createBrowser(gateways[0])
      await browser.visit((s) => s.set('a', 1))
      const old = browser.cookie
      for (const one of gateways) await createBrowser(one, old).visit()
      now += rotateAfter
      return { gateways, old }
    }

    test('rule 4: as long as the new cookie was not brought, every gateway hands out the same one', async () => {
      const { gateways, old } = await aged()
      const told = new Set<string>()
      for (let round = 0; round < 3; round += 1) {
        for (const one of [...gateways, gateway()]) {
          const straggler = createBrowser(one, old)
          const session = await straggler.visit(round === 1 ? (s) => s.set('round', round) : undefined)
          expect([session.state, session.get('a')]).toEqual(['open', 1])
          told.add(straggler.cookie)
          now += minute
        }
      }
      expect(told.size).toBe(1)
      expect(told).not.toContain(old)
    })

    test('rule 4: requests that come to several gateways together rotate once', async () => {
      const { gateways, old } = await aged()
      const sessions = await Promise.all([...gateways, ...gateways].map((one) => one.open({ cookie: old })))
      const commits = await Promise.all(sessions.map((session) => session.commit()))
      expect(new Set(commits.map(({ setCookie }) => setCookie[0]?.split(';')[0])).size).toBe(1)
    })

    test('rule 4: from when it was brought anywhere, the old one is good for 30 s everywhere, and leads to no other', async () => {
      const { gateways, old } = await aged()
      const [one, two, three] = gateways
      const browser = createBrowser(one, old)
      await browser.visit()
      await createBrowser(two, browser.cookie).visit()
      const goodAt = async (manager: SessionManager) => {
        const straggler = createBrowser(manager, old)
        const session = await straggler.visit((s) => s.set('b', now))
        // The record leads from the old secret to the new one no more (decision 2), so only who saw or made it can say
        // it again.
        expect([old, browser.cookie]).toContain(straggler.cookie)
        return session.state
      }
      now += 30 * second - 1
      for (const each of [one, two, three, gateway()]) expect(await goodAt(each)).toBe('open')
      now += 1
      for (const each of [one, two, three, gateway()]) expect(await goodAt(each)).toBe('refused')
      for (const each of gateways) {
        expect((await createBrowser(each, browser.cookie).visit()).data).toEqual({ a: 1, b: now - 1 })
      }
    })

    // Without a cache nobody remembers it.
    if (options.cache !== false) {
      test('rule 4: for these 30 s, every gateway that handed the new cookie out, or got it, says it again', async () => {
        const { gateways, old } = await aged()
        const [one, two, three] = gateways
        const browser = createBrowser(one, old)
        await browser.visit()
        await createBrowser(two, browser.cookie).visit()
        for (let round = 0; round < 6; round += 1) {
          for (const manager of [one, two]) {
            const straggler = createBrowser(manager, old)
            await straggler.visit(round % 2 === 0 ? undefined : (s) => s.set('by-straggler', now))
            expect(straggler.cookie).toBe(browser.cookie)
            now += second
          }
          const writer = [one, two, three][round % 3]!
          await createBrowser(writer, browser.cookie).visit((s) => s.set('by-writer', now))
        }
      })
    }

    test('rule 4: a rise of privilege at one gateway kills both of its secrets at every other one', async () => {
      const { gateways, old } = await aged()
      const browser = createBrowser(gateways[0], old)
      await browser.visit()
      const pending = browser.cookie
      await browser.visit((s) => s.signIn('ann'))
      for (const one of [...gateways, gateway()]) {
        for (const dead of [old, pending]) expect((await createBrowser(one, dead).visit()).state).toBe('refused')
        expect((await createBrowser(one, browser.cookie).visit()).subject).toBe('ann')
      }
    })
  })
})
