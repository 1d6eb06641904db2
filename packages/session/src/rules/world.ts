/** What the tests of the rules move: a clock, a store that can fail, and browsers with a cookie jar. */
import type { Commit, Session, SessionData, SessionManager } from '../api.ts'
import { SessionError } from '../errors.ts'
import { createSessions } from '../manager.ts'
import type { SessionsOptions } from '../options.ts'
import type { Confirming, RecordStore, SessionId } from '../store.ts'
import { memoryRecords } from '../stores/memory/index.ts'

export const second = 1000
export const minute = 60 * second
export const startOfTime = 1_700_000_000_000

type Data = SessionData

export interface World {
  readonly clock: () => number
  /** Moves the clock; timers that come up on the way run, one after the other. */
  move(milliseconds: number): Promise<void>
  /** Everything that was asked of the store: `read`, `touch`, … */
  readonly operations: string[]
  /** When, for each of them. Not emptied with them. */
  readonly times: { readonly operation: string; readonly at: number }[]
  /** What the observers were told: `created`, `ended idle`, … */
  readonly events: string[]
  /** While true, the store fails. */
  down: boolean
  readonly records: RecordStore & Confirming
  /** One more gateway on this store. */
  manager(options?: Partial<SessionsOptions>): SessionManager<Data>
  /** The same, over a store that cannot confirm. */
  unconfirmed(options?: Partial<SessionsOptions>): SessionManager<Data>
}

export function createWorld(): World {
  let now = startOfTime
  const timers = new Set<{ at: number; callback: () => void }>()
  const memory = memoryRecords({ clock: () => now })
  const world: World = {
    clock: () => now,
    async move(milliseconds) {
      const until = now + milliseconds
      for (;;) {
        const next = [...timers].filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0]
        if (next === undefined) break
        now = Math.max(now, next.at)
        timers.delete(next)
        next.callback()
        await settled()
      }
      now = until
    },
    operations: [],
    times: [],
    events: [],
    down: false,
    records: {
      read: (id) => run('read', id, () => memory.read(id)),
      create: (id, bytes, ttl) => run('create', id, () => memory.create(id, bytes, ttl)),
      update: (id, bytes, version, ttl) => run('update', id, () => memory.update(id, bytes, version, ttl)),
      touch: (id, ttl) => run('touch', id, () => memory.touch(id, ttl)),
      delete: (id) => run('delete', id, () => memory.delete(id)),
      close: () => memory.close(),
      confirm: (id, version) => !world.down && memory.confirm(id, version),
    },
    manager: (options) => createSessions<Data>({ ...defaults(), store: world.records, ...options }),
    unconfirmed(options) {
      const { confirm: _, ...store } = world.records
      return createSessions<Data>({ ...defaults(), store, ...options })
    },
  }

  async function run<Result>(operation: string, id: SessionId, work: () => Promise<Result>): Promise<Result> {
    world.operations.push(operation)
    world.times.push({ operation, at: now })
    if (world.down) throw new SessionError('ERR_STORE_UNAVAILABLE', `The store is down; ${operation} ${id} failed.`)
    return work()
  }

  function defaults(): Partial<SessionsOptions> {
    const told = (event: string) => (detail?: unknown) =>
      void world.events.push(typeof detail === 'string' ? `${event} ${detail}` : event)
    return {
      prefix: 'shop',
      clock: world.clock,
      schedule(callback, milliseconds) {
        const timer = { at: now + milliseconds, callback }
        timers.add(timer)
        return () => void timers.delete(timer)
      },
      observer: {
        created: told('created'),
        reused: told('reused'),
        rotated: told('rotated'),
        ended: told('ended'),
        rejected: told('rejected'),
        cacheLookup: told('cache'),
      },
    }
  }
  return world
}

async function settled(): Promise<void> {
  for (let round = 0; round < 20; round += 1) await Promise.resolve()
}

export interface Browser {
  /** Its cookies, as it sends them. */
  cookie: string
  /** One request: opens, does its work, commits, and keeps what it is told. */
  visit(work?: (session: Session<Data>) => void, extra?: { navigation?: boolean }): Promise<Session<Data>>
  /** Keeps what an answer tells. */
  take(commit: Commit): void
}

export function createBrowser(manager: SessionManager<Data>, cookie = ''): Browser {
  const browser: Browser = {
    cookie,
    async visit(work, extra) {
      const session = await manager.open({ cookie: browser.cookie, ...extra })
      work?.(session)
      browser.take(await session.commit())
      return session
    },
    take({ setCookie }) {
      browser.cookie = keepCookies(browser.cookie, setCookie)
    },
  }
  return browser
}

function keepCookies(cookie: string, setCookie: readonly string[]): string {
  const jar = new Map(cookie === '' ? [] : cookie.split('; ').map((pair) => pair.split('=') as [string, string]))
  for (const line of setCookie) {
    const [name, value] = line.slice(0, line.indexOf(';')).split('=') as [string, string]
    if (line.includes('Max-Age=0')) jar.delete(name)
    else jar.set(name, value)
  }
  return [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
}

/** The halves of the ticket in a cookie. */
export function ticketIn(cookie: string): { id: string; secret: string } {
  const [, id, secret] = cookie.slice(cookie.indexOf('=') + 1).split('.') as [string, string, string]
  return { id, secret }
}
