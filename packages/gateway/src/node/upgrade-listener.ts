import type { Duplex } from 'node:stream'
import { GatewayError } from '../errors.ts'
import type { HeaderList } from '../headers.ts'
import type { Reply, Upgraded } from '../reply.ts'
import { answerRaw } from './client-error.ts'
import { becomeWebSocket, type Connection, connectionOf } from './connection.ts'
import { clientStalled, cutOff } from './cutting.ts'
import { Http1Exchange, Http1Response } from './http1-exchange.ts'
import type { Http1Request } from './http1-request.ts'
import { rawHead } from './write-reply.ts'

/** Bytes that a client may send behind its request before the protocol was switched. */
const earlyBytes = 65_536

/**
 * Lets WebSocket alone through, and only where it cannot be anything else: no body, and no answer of an earlier request
 * under way on the connection. Everything else that names an `Upgrade` is an ordinary request without it, as RFC 9110,
 * section 7.8 allows.
 */
export function asksForWebSocket(request: Http1Request): boolean {
  const client = connectionOf(request.socket)
  if (client.inFlight > 0 || client.closing || request.method !== 'GET' || request.httpVersion !== '1.1') return false
  let asked = 0
  const headers = request.rawHeaders
  for (let i = 0; i < headers.length; i += 2) {
    switch (headers[i]!.toLowerCase()) {
      case 'upgrade':
        if (headers[i + 1]!.toLowerCase() !== 'websocket') return false
        asked++
        break
      case 'content-length':
      case 'transfer-encoding':
      case 'expect':
        return false
    }
  }
  return asked === 1
}

/** `upgrade` of a `node:http` server. */
export function onUpgrade(request: Http1Request, _socket: Duplex, head: Buffer): void {
  void new UpgradeExchange(connectionOf(request.socket), request, head).serve()
}

/** `connect` of a `node:http` server: this is no forward proxy. */
export function onConnect(request: Http1Request): void {
  const client = connectionOf(request.socket)
  if (client.refused) return
  client.refused = true
  client.socket.on('error', ignore)
  const refusal = new GatewayError('bad-target', 400, 'CONNECT is for forward proxies')
  const line = { method: 'CONNECT', target: request.url! }
  if (client.inFlight > 0) client.lastWord = { refusal, line }
  else answerRaw(client, refusal, line)
}

/** A request for a WebSocket: what comes behind its head is held until the upstream has switched too. */
class UpgradeExchange extends Http1Exchange {
  #early: Buffer[]
  #earlyBytes: number
  /** Of the connection, when the tunnel began. */
  #readBefore = 0
  #writtenBefore = 0
  #tunnel: Upgraded | undefined = undefined

  constructor(client: Connection, request: Http1Request, head: Buffer) {
    super(client, request, new Http1Response(request), false)
    this.#early = head.length > 0 ? [head] : []
    this.#earlyBytes = head.length
    const { socket } = client
    client.closing = true
    socket.on('error', ignore)
    socket.on('timeout', this.#onSilence)
    socket.on('close', this.#onSocketClose)
    socket.on('end', this.#onSocketEnd)
    socket.on('data', this.#onEarly)
  }

  override get upgrade(): 'websocket' {
    return 'websocket'
  }

  override inform(status: number, statusText: string, headers: HeaderList): void {
    if (!this.answered && !this.gone) this.client.socket.write(rawHead(status, statusText, headers), 'latin1')
  }

  protected override send(reply: Reply): void {
    const body = reply.body
    if (body !== undefined && !Buffer.isBuffer(body) && body.kind === 'upgraded') this.#switch(reply, body)
    else this.#sendOrdinary(reply)
  }

  /** Not switched: an ordinary answer, written by Node's response over the socket, and the end of the connection. */
  #sendOrdinary(reply: Reply): void {
    const { response, client } = this
    const { socket } = client
    response.assignSocket(socket)
    response.shouldKeepAlive = false
    socket.on('drain', () => response.emit('drain'))
    response.on('finish', () => {
      response.detachSocket(socket)
      socket.destroySoon()
      response.emit('close')
    })
    super.send(reply)
  }

  #switch(reply: Reply, tunnel: Upgraded): void {
    const { socket } = this.client
    const headers = withUpgrade(reply.headers)
    this.#tunnel = tunnel
    this.#readBefore = socket.bytesRead - this.#earlyBytes
    this.#writtenBefore = socket.bytesWritten
    becomeWebSocket(this.client)
    socket.removeListener('data', this.#onEarly)
    socket.removeListener('end', this.#onSocketEnd)
    socket.write(rawHead(101, reply.statusText, headers), 'latin1')
    if (tunnel.head.length > 0) socket.write(tunnel.head)
    for (const chunk of this.#early) tunnel.socket.write(chunk)
    join(socket, tunnel.socket)
  }

  readonly #onEarly = (chunk: Buffer): void => {
    this.#early.push(chunk)
    this.#earlyBytes += chunk.length
    if (this.#earlyBytes > earlyBytes) this.client.socket.pause()
  }

  /** Until it switches, the upstream takes its time, and has deadlines of its own. */
  readonly #onSilence = (): void => {
    const { client } = this
    if (this.#tunnel !== undefined) client.socket.destroy()
    else if (client.socket.writableLength > 0) cutOff(client, clientStalled())
  }

  readonly #onSocketEnd = (): void => {
    this.client.socket.destroy()
  }

  readonly #onSocketClose = (): void => {
    if (this.#tunnel !== undefined) {
      this.#tunnel.socket.destroy()
      this.requestBodyBytes = this.client.socket.bytesRead - this.#readBefore
      this.responseBytes = this.client.socket.bytesWritten - this.#writtenBefore
    }
    // the end of an ordinary answer is told by Node's response
    if (this.#tunnel !== undefined || !this.answered) {
      this.closed(this.#tunnel !== undefined && this.client.cut === undefined)
    }
  }
}

function withUpgrade(headers: HeaderList): HeaderList {
  const missing = ['Connection', 'Upgrade'].filter((name) => !hasHeader(headers, name.toLowerCase()))
  return missing.length === 0
    ? headers
    : [...missing.flatMap((name) => [name, name === 'Upgrade' ? 'websocket' : 'Upgrade']), ...headers]
}

function hasHeader(headers: HeaderList, lowerCase: string): boolean {
  return headers.some((name, i) => i % 2 === 0 && name.toLowerCase() === lowerCase)
}

/** Bytes both ways, each as fast as the other side takes them; an end of one side is passed on, an error ends both. */
function join(client: Duplex, upstream: Duplex): void {
  upstream.on('error', ignore)
  upstream.once('close', () => client.destroy())
  client.pipe(upstream)
  upstream.pipe(client)
}

function ignore(): void {}
