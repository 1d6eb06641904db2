import type { ServerResponse } from 'node:http'
import { type HeaderList, isNamed } from '../headers.ts'
import type { Reply } from '../reply.ts'
import { headBytes } from './served-exchange.ts'

/**
 * Writes the head of an HTTP/1 answer: the headers in their order and case, nothing invented but framing and
 * `Connection`. Returns its size in bytes.
 *
 * @throws TypeError when a header or the reason phrase holds what may not stand in a head
 */
export function writeHead(response: ServerResponse, reply: Reply, keepAlive: boolean): number {
  const length = Buffer.isBuffer(reply.body) ? reply.body.length : undefined
  const headers = fitForHttp1(reply.headers, length, response.req.method !== 'HEAD' && chunks(response, reply))
  response.sendDate = false
  if (!keepAlive) response.shouldKeepAlive = false
  // without its own word for it, HTTP/1.1 is persistent: nothing to add
  else if (response.shouldKeepAlive && response.req.httpVersionMinor === 1) response.removeHeader('connection')
  response.writeHead(reply.status, reply.statusText, headers)
  return headBytes(reply.statusText.length + 13, headers)
}

/** Whether the body would go out chunked if no header tells its length. */
function chunks(response: ServerResponse, reply: Reply): boolean {
  return response.req.httpVersionMinor === 1 && reply.status !== 204 && reply.status !== 304 && reply.body !== undefined
}

/** The list itself when there is nothing to change, which is nearly always. */
function fitForHttp1(headers: HeaderList, bodyLength: number | undefined, mayChunk: boolean): HeaderList {
  let lengthAt = -1
  let disposition = -1
  let trailer = -1
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!
    if (isNamed(name, 'content-length')) lengthAt = i
    else if (isNamed(name, 'content-disposition')) disposition = i
    else if (isNamed(name, 'trailer')) trailer = i
  }
  let fit = headers
  // Node reads the value as UTF-8 when it knows the length by then, and would write other bytes than came
  if (disposition > lengthAt && lengthAt >= 0 && !isAscii(headers[disposition + 1]!))
    fit = moveToFront(fit, disposition)
  else if (trailer >= 0 && (lengthAt >= 0 || !mayChunk)) fit = without(fit, 'trailer')
  return bodyLength !== undefined && lengthAt < 0 ? [...fit, 'Content-Length', String(bodyLength)] : fit
}

function isAscii(value: string): boolean {
  for (let i = 0; i < value.length; i++) if (value.charCodeAt(i) > 0x7e) return false
  return true
}

function moveToFront(headers: HeaderList, at: number): HeaderList {
  return [headers[at]!, headers[at + 1]!, ...headers.slice(0, at), ...headers.slice(at + 2)]
}

function without(headers: HeaderList, lowerCase: string): HeaderList {
  return headers.filter((_, i) => headers[i - (i % 2)]!.toLowerCase() !== lowerCase)
}

/** An answer of our own as bytes, for a connection that has no parser any more. It says that the connection ends. */
export function rawReply(reply: Reply): Buffer {
  const body = Buffer.isBuffer(reply.body) ? reply.body : Buffer.alloc(0)
  const headers = fitForHttp1(reply.headers, body.length, false)
  const head = rawHead(reply.status, reply.statusText, [...headers, 'Connection', 'close'])
  return Buffer.concat([Buffer.from(head, 'latin1'), body])
}

/** The head of an answer as it stands on the wire. */
export function rawHead(status: number, statusText: string, headers: HeaderList): string {
  let head = `HTTP/1.1 ${status} ${statusText}\r\n`
  for (let i = 0; i < headers.length; i += 2) head += `${headers[i]}: ${headers[i + 1]}\r\n`
  return `${head}\r\n`
}
