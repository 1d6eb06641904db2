import type { Socket } from 'node:net'
import { type Connection, connectionOf } from './connection.ts'
import type { Http1Response } from './http1-exchange.ts'
import type { Http1Request } from './http1-request.ts'

/** Requests that wait while a connection is read on; what comes in one piece with the last of them waits as well. */
const mostWaiting = 16

/** A request that came before the one in front of it was answered. */
export interface WaitingRequest {
  readonly request: Http1Request
  readonly response: Http1Response
  readonly serve: Serve
}

export type Serve = (client: Connection, request: Http1Request, response: Http1Response) => void

/**
 * Lets a request wait until all in front of it are answered: whoever sends several at once may not have them served
 * side by side, as their methods are not all safe (RFC 9112, section 9.3.2). Above its bound the connection is not
 * read.
 */
export function waitForTurn(client: Connection, request: Http1Request, response: Http1Response, serve: Serve): void {
  client.waiting.push({ request, response, serve })
  if (client.waiting.length === mostWaiting) client.socket.on('resume', holdOn)
  if (client.waiting.length >= mostWaiting) client.socket.pause()
}

/** Serves the next one that waits, if there is one that can still be answered. */
export function nextTurn(client: Connection): boolean {
  const { waiting, socket } = client
  if (!socket.writable) waiting.length = 0
  const next = waiting.shift()
  if (next === undefined) return false
  if (waiting.length === mostWaiting - 1) {
    socket.off('resume', holdOn)
    socket.resume()
  }
  next.serve(client, next.request, next.response)
  return true
}

/** Takes back the last one that waits when its body is not whole: nothing more comes of it. */
export function dropUnfinished({ waiting }: Connection): boolean {
  if (waiting.at(-1)?.request.complete !== false) return false
  waiting.pop()
  return true
}

/** Node reads on behind each request whose end it saw. */
function holdOn(this: Socket): void {
  if (connectionOf(this).waiting.length >= mostWaiting) this.pause()
}
