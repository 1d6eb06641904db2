/** Sessions for one kind of visitor: from the headers that they bring to the headers that they get. */
import type {
  Commit,
  JsonObject,
  Presented,
  RejectReason,
  Session,
  SessionData,
  SessionManager,
  SessionObserver,
} from './api.ts'
import {
  type CookieValues,
  clearCookies,
  ownsCookieName,
  type ResolvedCookie,
  readCookies,
  resolveCookie,
  setCookies,
} from './cookie.ts'
import { SessionError } from './errors.ts'
import { invalid, shownKind } from './invalid-option.ts'
import { type CheckedOptions, checkOptions, isSealedCookies, type Lookup, type SessionsOptions } from './options.ts'
import { grace } from './sealed-record.ts'
import { serverSide } from './server-side.ts'
import { OpenedSession, type SessionHost } from './session.ts'
import type { Opened, SessionStore, StoreSettings } from './session-store.ts'
import { ticketLength } from './ticket.ts'
import { requestOpener, wrapper } from './web.ts'

/**
 * Makes a session manager.
 *
 * @throws SessionError `ERR_INVALID_OPTION`
 */
export function createSessions<Data extends JsonObject<Data> = SessionData>(
  options: SessionsOptions,
): SessionManager<Data> {
  const checked = checkOptions(options)
  const cookie = resolveCookie(options.cookie)
  const { store, maxParts } = createStore(checked, cookie)
  const host = createHost(store, checked, cookie, maxParts)
  const read = reader(checked.lookup, cookie.name, maxParts)
  const open = (presented: Presented) => openSession<Data>(host, read, presented)
  const openRequest = requestOpener(open, checked.lookup)
  return {
    revokes: store.revokes,
    open,
    openRequest,
    wrap: wrapper(openRequest, checked.lookup),
    ownsCookie: (name) => checked.lookup.kind === 'cookie' && ownsCookieName(cookie.name, name),
    async close() {
      try {
        await store.close()
      } finally {
        if (checked.ownedStore !== undefined) await checked.ownedStore.close()
      }
    },
  }
}

function createStore(checked: CheckedOptions, cookie: ResolvedCookie) {
  const { store, prefix, timeouts, maxBytes } = checked
  const settings: StoreSettings = { prefix, cookieName: cookie.name, timeouts, maxBytes }
  return isSealedCookies(store)
    ? { store: store.sessions(settings), maxParts: store.maxParts }
    : { store: serverSide(store, settings, checked), maxParts: 1 }
}

function createHost(store: SessionStore, checked: CheckedOptions, cookie: ResolvedCookie, maxParts: number) {
  const byHeader = checked.lookup.kind === 'header'
  const { observer } = checked
  return {
    // A record may be sealed anew after it was opened, under a key that is not known here.
    store: { ...store, save: (...saving) => store.save(...saving).catch((error) => throwCounted(observer, error)) },
    timeouts: checked.timeouts,
    clock: checked.clock,
    observer,
    tell(value, remaining, present): Commit {
      if (byHeader) return { setCookie: [], ticket: value ?? '' }
      const setCookie =
        value === undefined
          ? clearCookies(cookie, present)
          : setCookies(cookie, value, { remaining, maxParts, present })
      return { setCookie, ticket: undefined }
    },
  } satisfies SessionHost
}

/** Finds what is ours in what a visitor brings. */
function reader(lookup: Lookup, cookieName: string, maxParts: number): Read {
  if (lookup.kind === 'cookie') {
    return (presented) => readCookies(headerText(presented, 'cookie'), cookieName, maxParts)
  }
  return (presented) => {
    const ticket = headerText(presented, 'ticket')
    if (ticket === undefined || ticket === '') return noValues
    const rejected = ticket.length > ticketLength ? 'oversized' : undefined
    return { values: rejected ? [] : [ticket], present: 0, rejected }
  }
}

type Read = (presented: Presented) => CookieValues

/** What is wrong here would otherwise be a visitor without a session, and nobody would know why. */
function headerText(presented: Presented, name: 'cookie' | 'ticket'): string | undefined {
  if (typeof presented !== 'object' || presented === null) {
    throw invalid(
      `open: what the visitor brings is ${shownKind(presented)}, so no session can be found. Give { ${name}: … }, a header as it came.`,
    )
  }
  const text = presented[name] ?? undefined
  if (typeof text === 'string') return text
  if (text !== undefined) {
    throw invalid(`open: "${name}" is ${shownKind(text)}, so no session can be found. Give the header as text.`)
  }
  if ('headers' in presented) {
    throw invalid(
      'open: this is a request, and not what it brings, so no session can be found. Give ' +
        `{ ${name}: request.headers… } of node:http, or call openRequest() with a web-standard request.`,
    )
  }
  return undefined
}

const noValues: CookieValues = { values: [], present: 0, rejected: undefined }

/** Not an async function: a cached session costs no promise but the one that is returned. */
function openSession<Data extends JsonObject<Data>>(
  host: SessionHost,
  read: Read,
  presented: Presented,
): Promise<Session<Data>> {
  try {
    const now = host.clock()
    const found = read(presented)
    const finish = (opened: Opened, waited = 0) => toSession<Data>(host, opened, found, presented, now, waited)
    const [first, second] = found.values
    if (first === undefined) return Promise.resolve(withoutValue<Data>(host, found, presented))
    const opened = second === undefined ? host.store.open(first, now) : openTwo(host, first, second, now)
    if (!(opened instanceof Promise)) return Promise.resolve(finish(opened))
    const askedAt = performance.now()
    return opened.then(
      (found) => finish(found, performance.now() - askedAt),
      (error) => throwCounted(host.observer, error),
    )
  } catch (error) {
    countKeyUnknown(host.observer, error)
    return Promise.reject(error)
  }
}

function throwCounted(observer: SessionObserver, error: unknown): never {
  countKeyUnknown(observer, error)
  throw error
}

function countKeyUnknown(observer: SessionObserver, error: unknown): void {
  if (isKeyUnknown(error)) observer.rejected?.('key_unknown')
}

/** An outage of this one session, which anybody's cookie may look like, is told apart from one of the store. */
function isKeyUnknown(error: unknown): error is SessionError {
  return error instanceof SessionError && error.code === 'ERR_KEY_UNKNOWN'
}

function withoutValue<Data extends JsonObject<Data>>(
  host: SessionHost,
  { rejected, present, untried }: CookieValues,
  presented: Presented,
): Session<Data> {
  if (rejected !== undefined) host.observer.rejected?.(rejected)
  return new OpenedSession<Data>(host, 'none', undefined, presented, present, untried)
}

function toSession<Data extends JsonObject<Data>>(
  host: SessionHost,
  opened: Opened,
  { values, present, rejected, untried }: CookieValues,
  presented: Presented,
  now: number,
  waited: number,
): Session<Data> {
  if (rejected !== undefined) host.observer.rejected?.(rejected)
  if (opened.kind === 'open') {
    host.observer.reused?.()
    return new OpenedSession<Data>(host, 'open', opened, presented, present, false, waited)
  }
  host.observer.rejected?.(opened.reason)
  const state = isRefused(opened, presented, now) ? 'refused' : 'none'
  const doubled = untried || opened.reason === 'ambiguous'
  const unseen = opened.reason === 'ambiguous' ? [] : values
  return new OpenedSession<Data>(host, state, undefined, presented, present, doubled, waited, unseen)
}

/** A stale ticket starts nothing, unless a person comes with it later than any answer can still be under way (rule 4). */
function isRefused(opened: Opened, { navigation = false }: Presented, now: number): boolean {
  if (opened.kind === 'open' || opened.reason !== 'wrong_secret') return false
  return !navigation || now < (opened.rotatedAt ?? now) + grace
}

/** Two cookies of our name: the valid one, none when both are valid and differ (rule 8). Counts the one that is dropped. */
async function openTwo({ store, observer }: SessionHost, first: string, second: string, now: number): Promise<Opened> {
  const [a, b] = await Promise.all([openOrOutage(store, first, now), openOrOutage(store, second, now)])
  if (a instanceof SessionError) return besideOutage(a, b)
  if (b instanceof SessionError) return besideOutage(b, a)
  // Two tickets of one session are that session; two sealed cookies with one id still hold different things.
  if (a.kind === 'open' && b.kind === 'open')
    return store.revokes && a.id === b.id ? a : { kind: 'rejected', reason: 'ambiguous' }
  const [found, other] = rank(a) <= rank(b) ? [a, b] : [b, a]
  if (other.kind === 'rejected') observer.rejected?.(other.reason)
  return found
}

async function openOrOutage(store: SessionStore, value: string, now: number): Promise<Opened | SessionError> {
  try {
    return await store.open(value, now)
  } catch (error) {
    if (isKeyUnknown(error)) return error
    throw error
  }
}

/** A cookie under a key that is not known here does not keep the other one from serving; beside none it stands. */
function besideOutage(outage: SessionError, other: Opened | SessionError): Opened {
  if (other instanceof SessionError || other.kind !== 'open') throw outage
  return other
}

const telling: readonly RejectReason[] = ['wrong_secret', 'damaged', 'unknown']

/** An open one first; then a stale ticket of a living session: for it, nothing may be started. */
function rank(opened: Opened): number {
  if (opened.kind === 'open') return -1
  // those that are not in the list are last
  return telling.indexOf(opened.reason) >>> 0
}
