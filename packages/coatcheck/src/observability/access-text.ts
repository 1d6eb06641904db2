import { type FinishedExchange, maskQuery, type RejectedRequest } from '@coatcheck/gateway'
import { pathOf } from './access-line.ts'
import { visible } from './json-text.ts'

const grey = '\x1b[90m'
const plain = '\x1b[0m'

function colour(status: number): string {
  if (status === 0 || status >= 500) return '\x1b[31m'
  return status >= 400 ? '\x1b[33m' : '\x1b[32m'
}

/** A request as a line for people. */
export function finishedText({ exchange, status, duration, responseBytes }: FinishedExchange, now: number): string {
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

/** A request that never became an exchange, as a line for people. */
export function rejectedText({ status, code, peer, listener }: RejectedRequest, now: number): string {
  return `${grey}${clockTime(now)}${plain} ${colour(status)}${status}${plain} ${grey}refused by the parser${prettyDetails({ listener, client: peer, reason: code })}${plain}\n`
}

function clockTime(now: number): string {
  return new Date(now).toISOString().slice(11, 23)
}
