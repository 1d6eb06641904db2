import { type Exchange, type FinishedExchange, headerValue, type RejectedRequest } from '@coatcheck/gateway'
import { quote, quoteWire } from './json-text.ts'
import type { SessionField } from './session-field.ts'
import { shownTarget } from './shown-target.ts'

/** Lines of the access log as JSON, newline included. */
export interface AccessLines {
  /** @param cap bytes that one field may have */
  finished(finished: FinishedExchange, now: number, field: SessionField, cap: number): string
  rejected(rejected: RejectedRequest, now: number): string
}

/** Bytes that one field may have. */
export const fieldBytes = 1000

/** Built by concatenation: `JSON.stringify` of the object takes several times as long. */
export function jsonLines(version: string): AccessLines {
  const timestamp = timestamps()
  const constant =
    `"ecs":{"version":"9.4.0"},"service":{"name":"coatcheck","version":${quote(version, fieldBytes)}},` +
    '"log":{"level":"info","logger":"coatcheck.access"},' +
    '"event":{"kind":"event","category":["web"],"type":["access"],"dataset":"coatcheck.access"'

  function finished(it: FinishedExchange, now: number, field: SessionField, cap: number): string {
    const { exchange } = it
    const id = exchange.session?.id
    const session = id === undefined ? '' : `,${field.before}${quote(id, cap)}${field.after}`
    const joined = (name: SessionField['joins']) => (field.joins === name ? session : '')
    return (
      `{"@timestamp":"${timestamp(now - it.duration)}",${constant},` +
      `"outcome":"${outcome(it.status, it.aborted)}","duration":${nanoseconds(it.duration)}${joined('event')}},` +
      `${http(it, cap)}${joined('http')}},` +
      `${url(exchange, cap)}${joined('url')}},` +
      `${who(exchange, cap, joined('client'))}` +
      `${failure(it, cap)}${ours(it, cap)}${joined('coatcheck')}}${joined('')}}\n`
    )
  }

  function rejected(it: RejectedRequest, now: number): string {
    const { requestId, status, responseBytes, line, peer, peerPort } = it
    const code = quote(it.code, fieldBytes)
    const method = line === undefined ? '' : `,"method":${quote(line.method, fieldBytes)}`
    const port = peerPort === undefined ? '' : `,"port":${peerPort}`
    return (
      `{"@timestamp":"${timestamp(now)}",${constant},"outcome":"${outcome(status, false)}"},` +
      `"http":{"request":{"id":${quote(requestId, fieldBytes)}${method}},` +
      `"response":${responseOf(status, responseBytes)}},` +
      (line === undefined ? '' : `"url":{${urlOf(line.target, fieldBytes)}},`) +
      `"client":{"address":${quote(peer, fieldBytes)}${port}},"source":{"ip":${quote(peer, fieldBytes)}},` +
      `"error":{"code":${code},"message":${quote(it.detail, fieldBytes)}},` +
      `"coatcheck":{"listener":${quote(it.listener, fieldBytes)},"reason":${code}}}\n`
    )
  }

  return { finished, rejected }
}

/** Nothing went out, it was cut short, or the gateway or its upstream failed. */
function outcome(status: number, aborted: boolean): string {
  return aborted || status === 0 || status >= 500 ? 'failure' : 'success'
}

function http({ exchange, status, requestBytes, responseBytes }: FinishedExchange, cap: number): string {
  const { request } = exchange
  return (
    `"http":{"version":"${request.httpVersion}","request":{"id":${quote(exchange.id, cap)},` +
    `"method":${quote(request.method, cap)},"bytes":${requestBytes}},"response":${responseOf(status, responseBytes)}`
  )
}

/** A status of 0 is none: nobody was answered. */
function responseOf(status: number, bytes: number): string {
  return status === 0 ? `{"bytes":${bytes}}` : `{"status_code":${status},"bytes":${bytes}}`
}

function url({ request }: Exchange, cap: number): string {
  const domain = request.host === '' ? '' : `,"domain":${quoteWire(request.host, cap)}`
  return `"url":{${urlOf(request.target, cap)}${domain},"scheme":"${request.scheme}"`
}

/** As it came, but for what may hold secrets. */
function urlOf(target: string, cap: number): string {
  const { path, mark, query } = shownTarget(target)
  const shown = quoteWire(path, cap)
  if (query === '') return `"original":${shown},"path":${shown}`
  return `"original":${quoteWire(path + mark + query, cap)},"path":${shown},"query":${quoteWire(query, cap)}`
}

function who({ client, request, session }: Exchange, cap: number, joined: string): string {
  const port = client.port === undefined ? '' : `,"port":${client.port}`
  const subject = session?.subject
  const user = subject === undefined ? '' : `"user":{"id":${quote(subject, cap)}},`
  const agent = headerValue(request.headers, 'user-agent')
  const browser = agent === undefined ? '' : `"user_agent":{"original":${quoteWire(agent, cap)}},`
  return (
    `"client":{"address":${quoteWire(client.address, cap)}${port}${joined}},` +
    `"source":{"ip":${quote(client.peer, cap)}},${user}${browser}`
  )
}

/** An answer of our own that is no failure (a redirect, a preflight) has a reason, and no error. */
function failure({ exchange, status, aborted }: FinishedExchange, cap: number): string {
  if (exchange.reason === undefined || (!aborted && status > 0 && status < 400)) return ''
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
