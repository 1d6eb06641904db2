import type { Route } from '@coatcheck/model'
import { withholdCookies } from '@coatcheck/session'
import { type HeaderList, isNamed, removeHeaders } from '../headers.ts'
import { isCodeHeader } from '../own-headers.ts'
import type { Log } from '../ports.ts'
import type { CompiledSession } from '../sessions.ts'
import { aliasesOf, type NameTest, stripAliases } from '../strip-aliases.ts'
import { speaksOfVisitor } from '../template-value.ts'
import { capturedNames } from './capture.ts'
import type { RouteContext } from './context.ts'
import { findSpec } from './find-spec.ts'

/** What is the gateway's own on a route, and passes neither from clients to upstreams nor back. */
export interface OwnNames {
  /**
   * From the client's request: headers that the route sets or removes, headers by which any route tells who the visitor
   * is, tickets.
   */
  fromRequest(headers: HeaderList): void
  /**
   * From the upstream's answer: cookies and headers that would replace a ticket, `Coatcheck-Code`, and the names of
   * trailers that do not go on.
   */
  fromReply(headers: HeaderList): void
  /**
   * From trailers, and from 1xx, which also come beside the answer's head: all that `fromReply` takes, and headers that
   * the route captures, sets or removes in answers. Some clients merge trailers into headers (RFC 9110, section 6.5.1).
   */
  fromTrailers(headers: HeaderList): void
}

/** Headers that clients bring for themselves; they are taken only from requests of routes that set them. */
const clientsOwn = new Set(['authorization', 'cookie'])

/**
 * Compiles what is the gateway's own on a route.
 *
 * A header that tells who the visitor is (its value names the session, the identity or a token) is taken from requests
 * of every route, since an application trusts the header and not the way it came. Tickets of all sessions are withheld,
 * but for those of the route's own session when that says `forward`.
 */
export function compileOwnNames({ route, routes, session, sessions, ports }: RouteContext): OwnNames {
  const spec = findSpec(route, 'session')
  const own = spec && session(spec.session)
  const withheld = sessions.filter((candidate) => candidate !== own || !candidate.spec.forward)
  const isOwn = aliasesOf([...routes.flatMap(visitorHeaders), ...changedHeaders(route), ...ticketHeaders(withheld)])
  const isTicketHeader = aliasesOf(ticketHeaders(sessions))
  const answered = answeredNames(route)
  const isAnswered = aliasesOf(answered)
  const withholdsTrailers = answered.length > 0 || ticketHeaders(sessions).length > 0
  const withholdCookies = cookieFilter(withheld)
  const warn = warnOnce(route.name, ports.log)

  function takeOurs(headers: HeaderList): void {
    removeHeaders(headers, (name, value) => {
      if (isCodeHeader(name)) return true
      const taken = isNamed(name, 'set-cookie') ? setsOurs(value, sessions) : isTicketHeader(name)
      if (taken) warn(name)
      return taken
    })
  }

  return {
    fromRequest(headers) {
      stripAliases(headers, isOwn)
      withholdCookies(headers)
    },
    fromReply(headers) {
      takeOurs(headers)
      if (withholdsTrailers) announceLess(headers, (name) => isAnswered(name) || isTicketHeader(name))
    },
    fromTrailers(headers) {
      takeOurs(headers)
      stripAliases(headers, isAnswered)
    },
  }
}

function changedHeaders(route: Route): string[] {
  const request = findSpec(route, 'headers')?.request
  return request === undefined ? [] : [...request.set.map(({ name }) => name), ...request.remove]
}

/** Headers of answers that are the route's business: what it captures, sets or removes. */
function answeredNames(route: Route): string[] {
  const capture = findSpec(route, 'capture')
  const response = findSpec(route, 'headers')?.response
  return [
    ...(capture === undefined ? [] : capturedNames(capture)),
    ...(response === undefined ? [] : [...response.set.map(({ name }) => name), ...response.remove]),
  ]
}

/** `Trailer` names no field that does not go on. */
function announceLess(headers: HeaderList, isWithheld: NameTest): void {
  for (let i = headers.length - 2; i >= 0; i -= 2) {
    if (!isNamed(headers[i]!, 'trailer')) continue
    const announced = headers[i + 1]!.split(',').map((name) => name.trim())
    const rest = announced.filter((name) => !isWithheld(name))
    if (rest.length === 0) headers.splice(i, 2)
    else if (rest.length < announced.length) headers[i + 1] = rest.join(', ')
  }
}

/** A broken template speaks of nobody here; its route says what is wrong with it. */
function visitorHeaders(route: Route): string[] {
  const request = findSpec(route, 'headers')?.request
  if (request === undefined) return []
  const speaking = [...request.set, ...request.add].filter(({ value }) => {
    try {
      return speaksOfVisitor(value)
    } catch {
      return true
    }
  })
  return speaking.map(({ name }) => name).filter((name) => !clientsOwn.has(name.toLowerCase()))
}

function ticketHeaders(sessions: readonly CompiledSession[]): string[] {
  return sessions.flatMap(({ spec }) => (spec.lookup.kind === 'header' ? [spec.lookup.name] : []))
}

function withCookies(sessions: readonly CompiledSession[]): CompiledSession[] {
  return sessions.filter(({ spec }) => spec.lookup.kind === 'cookie' && spec.mode !== 'off')
}

function cookieFilter(sessions: readonly CompiledSession[]): (headers: HeaderList) => void {
  const ours = withCookies(sessions)
  const owns = (name: string) => ours.some(({ manager }) => manager.ownsCookie(name))
  return function withhold(headers) {
    for (let i = headers.length - 2; i >= 0; i -= 2) {
      if (!isNamed(headers[i]!, 'cookie')) continue
      const rest = withholdCookies(headers[i + 1]!, owns)
      if (rest === undefined) headers.splice(i, 2)
      else headers[i + 1] = rest
    }
  }
}

/** Browsers send a cookie without a name as its value alone, so `=name=value` counts as `name=value`. */
function setsOurs(cookie: string, sessions: readonly CompiledSession[]): boolean {
  const name = cookie
    .replace(/^[\s=]+/, '')
    .split(/[=;]/, 1)[0]!
    .trim()
  return withCookies(sessions).some(({ manager }) => manager.ownsCookie(name))
}

/** The log hears of it once for each header of a route: an application that does this does it in every answer. */
function warnOnce(route: string, log: Log): (header: string) => void {
  const warned = new Set<string>()
  return function warn(header) {
    const name = header.toLowerCase()
    if (warned.has(name)) return
    warned.add(name)
    log.warn(`The upstream of route "${route}" tried to replace a session's ticket through "${name}"; that was removed`)
  }
}
