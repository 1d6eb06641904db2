import type { CaptureSpec } from '@coatcheck/model'
import type { Exchange } from '../exchange.ts'
import { decodeHeaderText } from '../header-text.ts'
import { type HeaderList, headerValues } from '../headers.ts'
import type { Middleware } from '../middleware.ts'
import type { Log } from '../ports.ts'
import type { Reply } from '../reply.ts'
import { aliasesOf, stripAliases } from '../strip-aliases.ts'
import type { RouteContext } from './context.ts'
import { findSpec } from './find-spec.ts'

/** Who vouches for an identity that this route learned. */
export const captureIssuer = (route: string): string => `capture:${route}`

/** Longest subject and attribute in characters; sessions are bounded as a whole beside that. */
const longestSubject = 1024
const longestAttribute = 8192

/**
 * Takes named headers out of the upstream's answers into the session: `$subject` becomes the identity, the others
 * attributes. They go no further, whatever the status, and also where nothing can be stored.
 *
 * A session is started only when something is to be kept. An empty header removes the attribute; an empty `$subject`
 * signs out. A subject that changed counts as a new sign-in: new secret, and nothing of another person's data stays. A
 * subject that is no clear name (two different ones, too long, with control characters) signs out, since whoever was
 * signed in before may be somebody else now; an attribute of that kind is left as it was.
 *
 * @throws Error when the route has no session
 */
export function capture(spec: CaptureSpec, context: RouteContext): Middleware {
  if (findSpec(context.route, 'session') === undefined) {
    throw new Error('it has capture, and no session to keep what is captured')
  }
  const issuer = captureIssuer(context.route.name)
  const attributes = spec.attributes.map(({ attribute, header }) => ({ attribute, header: header.toLowerCase() }))
  const subject = spec.subject?.toLowerCase()
  const isCaptured = aliasesOf(capturedNames(spec))

  function take(exchange: Exchange, { headers }: Reply): void {
    if (!hasAny(headers, isCaptured)) return
    if (subject !== undefined) takeSubject(exchange, headerValues(headers, subject), issuer, context.ports.log)
    for (const { attribute, header } of attributes) {
      takeAttribute(exchange, attribute, headerValues(headers, header), context.ports.log)
    }
    stripAliases(headers, isCaptured)
  }

  return (next) =>
    async function captured(exchange) {
      const reply = await next(exchange)
      take(exchange, reply)
      return reply
    }
}

/** Names of the response headers that are captured. */
export function capturedNames({ subject, attributes }: CaptureSpec): string[] {
  const names = attributes.map(({ header }) => header)
  return subject === undefined ? names : [subject, ...names]
}

function hasAny(headers: HeaderList, isCaptured: (name: string) => boolean): boolean {
  for (let i = 0; i < headers.length; i += 2) {
    if (isCaptured(headers[i]!)) return true
  }
  return false
}

function takeSubject(exchange: Exchange, values: readonly string[], issuer: string, log: Log): void {
  const { session } = exchange
  if (session === undefined || values.length === 0) return
  const subject = oneValue(values, longestSubject)
  if (subject === undefined) refused(exchange, log, '$subject', 'the session was ended')
  if (subject === undefined || subject === '') {
    session.end('sign_out')
    return
  }
  const known = session.get('identity')
  if (known?.issuer === issuer && known.subject === subject) return
  session.signIn(subject)
  session.set('identity', { issuer, subject, claims: { iss: issuer, sub: subject } })
}

function takeAttribute(exchange: Exchange, attribute: string, values: readonly string[], log: Log): void {
  const { session } = exchange
  if (session === undefined || session.state === 'ended' || values.length === 0) return
  const value = oneValue(values, longestAttribute)
  const key = `attribute:${attribute}` as const
  if (value === undefined) refused(exchange, log, attribute, 'it was left as it was')
  else if (value !== '') {
    if (session.get(key) !== value) session.set(key, value)
  } else if (session.get(key) !== undefined) session.delete(key)
}

/** `undefined` when it is not clear what is meant. */
function oneValue(values: readonly string[], longest: number): string | undefined {
  const text = decodeHeaderText(values[0]!)
  const clear = values.every((value) => value === values[0]) && text.length <= longest
  return clear && !/[\0-\x1f\x7f]/.test(text) ? text : undefined
}

function refused({ id, route }: Exchange, log: Log, what: string, consequence: string): void {
  log.warn(`The upstream of route "${route}" gave no usable value for "${what}"; ${consequence}`, {
    http: { request: { id } },
  })
}
