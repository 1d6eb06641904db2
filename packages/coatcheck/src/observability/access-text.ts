import type { FinishedExchange, RejectedRequest } from '@coatcheck/gateway'
import { visible } from './json-text.ts'
import { shownTarget } from './shown-target.ts'

const grey = '\x1b[90m'
const plain = '\x1b[0m'

function colour(status: number): string {
  if (status === 0 || status >= 500) return '\x1b[31m'
  return status >= 400 ? '\x1b[33m' : '\x1b[32m'
}

/** A request as a line for people. */
export function finishedText({ exchange, status, duration, responseBytes }: FinishedExchange, now: number): string {
  const { request, route, upstream, session, reason, detail } = exchange
  const where = visible(`${request.host}${whole(request.target)}`.slice(0, 300))
  const client = exchange.client.address
  const details = { route, upstream, session: session?.id, user: session?.subject, client, reason, detail }
  return (
    `${grey}${clockTime(now)}${plain} ${colour(status)}${status}${plain} ${visible(request.method.slice(0, 40))} ${where} ` +
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
export function rejectedText(rejected: RejectedRequest, now: number): string {
  const { status, code, detail, peer, listener, line } = rejected
  const what = line === undefined ? '' : `${line.method} ${visible(whole(line.target).slice(0, 300))} `
  const details = prettyDetails({ listener, client: peer, reason: code, detail })
  return `${grey}${clockTime(now)}${plain} ${colour(status)}${status}${plain} ${what}${grey}refused by the parser${details}${plain}\n`
}

function whole(target: string): string {
  const { path, mark, query } = shownTarget(target)
  return path + mark + query
}

function clockTime(now: number): string {
  return new Date(now).toISOString().slice(11, 23)
}
