/** Web-standard requests and responses around a session manager. */
import type { Commit, JsonObject, Presented, Session } from './api.ts'
import { SessionError, type SessionErrorCode } from './errors.ts'
import { checkFunction, invalid, shownKind } from './invalid-option.ts'
import type { Lookup } from './options.ts'
import { commitOf } from './unknown-outcome.ts'

type Open<Data extends JsonObject<Data>> = (presented: Presented) => Promise<Session<Data>>
type OpenRequest<Data extends JsonObject<Data>> = (
  request: Request,
  presented?: Omit<Presented, 'cookie' | 'ticket'>,
) => Promise<Session<Data>>

/** `openRequest` of a manager. */
export function requestOpener<Data extends JsonObject<Data>>(open: Open<Data>, lookup: Lookup): OpenRequest<Data> {
  return async (request, presented = {}) => {
    const { headers } = checkRequest(request)
    return open({
      cookie: headers.get('cookie'),
      ticket: lookup.kind === 'header' ? headers.get(lookup.name) : undefined,
      // Fetch Metadata Request Headers, 2.2 and 2.3.
      navigation: headers.get('sec-fetch-mode') === 'navigate' && headers.get('sec-fetch-dest') === 'document',
      userAgent: headers.get('user-agent') ?? undefined,
      ...presented,
    })
  }
}

/** By what is used of it, since every runtime and library has a class of its own. */
function checkRequest(request: Request): Request {
  if (typeof request?.headers?.get === 'function') return request
  throw invalid(
    `openRequest: ${shownKind(request)} without headers.get() is no web-standard Request, so no session can be found in it. ` +
      'With node:http, use open({ cookie: request.headers.cookie }).',
  )
}

const nothing: Commit = { setCookie: [], ticket: undefined }

type Handler<Data extends JsonObject<Data>> = (request: Request, session: Session<Data>) => Response | Promise<Response>

/** `wrap` of a manager. */
export function wrapper<Data extends JsonObject<Data>>(openRequest: OpenRequest<Data>, lookup: Lookup) {
  return (handler: Handler<Data>) => {
    checkFunction('wrap: the handler', handler)
    return async (request: Request): Promise<Response> => {
      try {
        const session = await openRequest(request)
        const response = checkResponse(await handler(request, session))
        return withCommit(response, await session.commit(), lookup)
      } catch (error) {
        if (error instanceof SessionError && outages.includes(error.code))
          return withCommit(outage(error.code), commitOf(error) ?? nothing, lookup)
        throw error
      }
    }
  }
}

/** Before anything is saved: a handler that forgot to return has changed nothing. */
function checkResponse(response: Response): Response {
  if (typeof response === 'object' && response !== null && 'headers' in response) return response
  throw invalid(
    `wrap: the handler gave ${shownKind(response)} and no Response, so there is no answer to send. The session was not saved. ` +
      'Return a Response.',
  )
}

function withCommit(response: Response, { setCookie, ticket }: Commit, lookup: Lookup): Response {
  if (setCookie.length === 0 && ticket === undefined) return response
  if (response.status < 200) {
    throw invalid(
      `wrap: an answer of status ${response.status} has no place for a cookie, so the browser cannot be told of its session, ` +
        'which was saved. Answer with a status from 200 to 599.',
    )
  }
  // Headers of a redirect or of a fetched response cannot be changed.
  const told = new Response(response.body, response)
  for (const value of setCookie) told.headers.append('set-cookie', value)
  if (ticket !== undefined && lookup.kind === 'header') told.headers.set(lookup.name, ticket)
  return told
}

/** An outage is not a logout (rule 6): the cookie stays, and the visitor comes again. */
const outages: readonly SessionErrorCode[] = ['ERR_STORE_UNAVAILABLE', 'ERR_KEY_UNKNOWN', 'ERR_STORE_CONFLICT']

/** Problem details (RFC 9457), with `Retry-After` (RFC 9110, 10.2.3). */
function outage(code: SessionErrorCode): Response {
  const problem = {
    type: 'about:blank',
    title: 'Service Unavailable',
    status: 503,
    code,
    detail: 'Your session cannot be reached at the moment. You are still signed in; try again in a few seconds.',
  }
  return new Response(JSON.stringify(problem), {
    status: 503,
    headers: { 'content-type': 'application/problem+json', 'retry-after': '5', 'cache-control': 'no-store' },
  })
}
