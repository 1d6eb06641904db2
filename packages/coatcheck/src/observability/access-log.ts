import type { Exchange, FinishedExchange, HeaderList, IncomingRequest, RejectedRequest } from '@coatcheck/gateway'
import type { AccessLogSpec } from '@coatcheck/model'
import { quote, quoteWire, visible } from './json-text.ts'
import { maskQuery } from './mask.ts'
import { type SessionField, sessionField } from './session-field.ts'

export interface AccessLogOptions {
  /** Gets one whole line, newline included. */
  readonly write: (line: string) => void
  readonly version: string
  /** Text for people instead of JSON. @defaultValue false */
  readonly terminal?: boolean | undefined
  /** Longest line in bytes; fields are cut shorter until it holds. @defaultValue none */
  readonly maxLineBytes?: number | undefined
  /** Milliseconds since 1970. */
  readonly clock: () => number
}

/** One line for each request: JSON in the names of the Elastic Common Schema (`docs/reference/access-log.md`). */
export interface AccessLog {
  /** Returns what is wrong with the session field, which is `session.id` then. */
  configure(spec: AccessLogSpec): string | undefined
  finished(finished: FinishedExchange): void
  rejected(rejected: RejectedRequest): void
}

const defaultField = sessionField('session.id')!
/** Bytes of one field; and of one field in a line that would be too long otherwise. */
const cap = 1000
const tightCap = 120

export function createAccessLog(options: AccessLogOptions): AccessLog {
  const { write, clock, maxLineBytes = Number.POSITIVE_INFINITY } = options
  const json = jsonLines(options.version)
  let enabled = true
  let field = defaultField
  return {
    configure(spec) {
      enabled = spec.enabled
      const wanted = sessionField(spec.sessionField)
      field = wanted ?? defaultField
      return wanted === undefined
        ? `"${spec.sessionField}" is not a free name; the access log uses "session.id"`
        : undefined
    },
    finished(finished) {
      if (!enabled) return
      if (options.terminal) return write(prettyLine(finished, clock()))
      const line = json.finished(finished, clock(), field, cap)
      const fits = line.length * 3 <= maxLineBytes || Buffer.byteLength(line) <= maxLineBytes
      write(fits ? line : json.finished(finished, clock(), field, tightCap))
    },
    rejected(rejected) {
      if (!enabled) return
      write(options.terminal ? prettyRejected(rejected, clock()) : json.rejected(rejected, clock()))
    },
  }
}

/** Built by concatenation: `JSON.stringify` of the object takes several times as long. */
function jsonLines(version: string) {
  const timestamp = timestamps()
  const constant =
    `"ecs":{"version":"9.4.0"},"service":{"name":"coatcheck","version":${quote(version, cap)}},` +
    '"log":{"level":"info","logger":"coatcheck.access"},' +
    '"event":{"kind":"event","category":["web"],"type":["access"],"dataset":"coatcheck.access"'

  function finished(it: FinishedExchange, now: number, field: SessionField, cap: number): string {
    const { exchange } = it
    const id = exchange.session?.id
    const session = id === undefined ? '' : `,${field.before}${quote(id, cap)}${field.after}`
    const joined = (name: SessionField['joins']) => (field.joins === name ? session : '')
    return (
      `{"@timestamp":"${timestamp(now - it.duration)}",${constant},` +
      `"outcome":"${outcome(it)}","duration":${nanoseconds(it.duration)}${joined('event')}},` +
      `${http(it, cap)}${joined('http')}},` +
      `${url(exchange, cap)}${joined('url')}},` +
      `${who(exchange, cap, joined('client'))}` +
      `${failure(it, cap)}${ours(it, cap)}${joined('coatcheck')}}${joined('')}}\n`
    )
  }

  function rejected(it: RejectedRequest, now: number): string {
    const code = quote(it.code, cap)
    return (
      `{"@timestamp":"${timestamp(now)}",${constant},"outcome":"failure"},` +
      `"http":{"request":{"id":${quote(it.requestId, cap)}},"response":{"status_code":${it.status}}},` +
      `"client":{"address":${quote(it.peer, cap)}},"source":{"ip":${quote(it.peer, cap)}},` +
      `"error":{"code":${code}},"coatcheck":{"listener":${quote(it.listener, cap)},"reason":${code}}}\n`
    )
  }

  return { finished, rejected }
}

/** Nothing went out, it was cut short, or the gateway or its upstream failed. */
function outcome({ status, aborted }: FinishedExchange): string {
  return aborted || status === 0 || status >= 500 ? 'failure' : 'success'
}

function http({ exchange, status, requestBytes, responseBytes }: FinishedExchange, cap: number): string {
  const { request } = exchange
  const response = status === 0 ? `{"bytes":${responseBytes}}` : `{"status_code":${status},"bytes":${responseBytes}}`
  return (
    `"http":{"version":"${request.httpVersion}","request":{"id":${quote(exchange.id, cap)},` +
    `"method":${quote(request.method, cap)},"bytes":${requestBytes}},"response":${response}`
  )
}

/** As it came, but for what a query may hold of secrets. */
function url({ request }: Exchange, cap: number): string {
  const domain = `"domain":${quoteWire(request.host, cap)},"scheme":"${request.scheme}"`
  const path = quoteWire(pathOf(request), cap)
  if (request.query === '') return `"url":{"original":${path},"path":${path},${domain}`
  const query = maskQuery(request.query)
  const original = quoteWire(`${pathOf(request)}?${query}`, cap)
  return `"url":{"original":${original},"path":${path},"query":${quoteWire(query, cap)},${domain}`
}

function pathOf({ target }: IncomingRequest): string {
  const mark = target.indexOf('?')
  return mark < 0 ? target : target.slice(0, mark)
}

function who({ client, request, session }: Exchange, cap: number, joined: string): string {
  const port = client.port === undefined ? '' : `,"port":${client.port}`
  const subject = session?.subject
  const user = subject === undefined ? '' : `"user":{"id":${quote(subject, cap)}},`
  const agent = userAgent(request.headers)
  const browser = agent === undefined ? '' : `"user_agent":{"original":${quoteWire(agent, cap)}},`
  return (
    `"client":{"address":${quoteWire(client.address, cap)}${port}${joined}},` +
    `"source":{"ip":${quote(client.peer, cap)}},${user}${browser}`
  )
}

function userAgent(headers: HeaderList): string | undefined {
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at]!
    if (name.length === 10 && name.toLowerCase() === 'user-agent') return headers[at + 1]
  }
  return undefined
}

/** An answer of our own that is no failure (a redirect, a preflight) has a reason, and no error. */
function failure({ exchange, status }: FinishedExchange, cap: number): string {
  if (exchange.reason === undefined || (status > 0 && status < 400)) return ''
  const message = exchange.detail === undefined ? '' : `,"message":${quote(exchange.detail, cap)}`
  return `"error":{"code":"${exchange.reason}"${message}},`
}

function ours({ exchange, aborted }: FinishedExchange, cap: number): string {
  const { route, timings, request } = exchange
  return (
    `"coatcheck":{"listener":${quote(request.listener, cap)}` +
    (route === undefined ? '' : `,"route":${quote(route, cap)}`) +
    upstream(exchange, cap) +
    (timings.store === undefined ? '' : `,"store":{"duration":${nanoseconds(timings.store)}}`) +
    (exchange.reason === undefined ? '' : `,"reason":"${exchange.reason}"`) +
    (aborted ? ',"aborted":true' : '')
  )
}

function upstream({ upstream, target, timings }: Exchange, cap: number): string {
  if (upstream === undefined) return ''
  const duration = timings.upstream === undefined ? '' : `,"duration":${nanoseconds(timings.upstream)}`
  return `,"upstream":{"name":${quote(upstream, cap)}${target === undefined ? '' : `,"target":${quote(target, cap)}`}${duration}}`
}

/** Whole, as ECS wants it. */
function nanoseconds(milliseconds: number): number {
  return Math.round(milliseconds * 1e6)
}

/** ISO 8601 in UTC; the part up to the second is made once a second. */
function timestamps(): (milliseconds: number) => string {
  let second = Number.NaN
  let text = ''
  return (milliseconds) => {
    const now = Math.floor(milliseconds)
    const its = Math.floor(now / 1000)
    if (its !== second) {
      second = its
      text = new Date(its * 1000).toISOString().slice(0, 20)
    }
    return `${text}${String(now - its * 1000).padStart(3, '0')}Z`
  }
}

const grey = '\x1b[90m'
const plain = '\x1b[0m'

function colour(status: number): string {
  if (status === 0 || status >= 500) return '\x1b[31m'
  return status >= 400 ? '\x1b[33m' : '\x1b[32m'
}

function prettyLine({ exchange, status, duration, responseBytes }: FinishedExchange, now: number): string {
  const { request, route, upstream, session, reason, detail } = exchange
  const query = request.query === '' ? '' : `?${maskQuery(request.query)}`
  const where = visible(`${request.host}${pathOf(request)}${query}`.slice(0, 300))
  const client = exchange.client.address
  const details = { route, upstream, session: session?.id, user: session?.subject, client, reason, detail }
  return (
    `${grey}${clockTime(now)}${plain} ${colour(status)}${status}${plain} ${request.method} ${where} ` +
    `${grey}${duration.toFixed(1)} ms, ${responseBytes} bytes${prettyDetails(details)}${plain}\n`
  )
}

function prettyDetails(details: Readonly<Record<string, string | undefined>>): string {
  let text = ''
  for (const name in details)
    if (details[name] !== undefined) text += ` ${name}=${visible(details[name].slice(0, 100))}`
  return text
}

function prettyRejected({ status, code, peer, listener }: RejectedRequest, now: number): string {
  return `${grey}${clockTime(now)}${plain} ${colour(status)}${status}${plain} ${grey}refused by the parser${prettyDetails({ listener, client: peer, reason: code })}${plain}\n`
}

function clockTime(now: number): string {
  return new Date(now).toISOString().slice(11, 23)
}
