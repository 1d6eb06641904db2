/** An ioredis client that speaks on one socket, and never opens another. */
import type { Socket } from 'node:net'
import { type AbstractConnector, Command, Redis } from 'ioredis'
import type { Argument } from './connection.ts'
import { keepStringsFast } from './fast-strings.ts'

keepStringsFast()

/**
 * RESP2, and no greeting, ready check, queue, retry or reconnection of its own: those are ours, with our deadlines.
 *
 * `silence`: milliseconds without a byte, while an answer is due, after which the socket is destroyed.
 */
export function clientOver(socket: Socket, silence: number): Redis {
  const connector = { check: () => true, connect: async () => socket, disconnect: () => void socket.destroy() }
  // Called with `new`, and gives the connector instead.
  function Connector() {
    return connector
  }
  return new Redis({
    Connector: Connector as unknown as new () => AbstractConnector,
    lazyConnect: true,
    protocol: 2,
    disableClientInfo: true,
    enableReadyCheck: false,
    enableOfflineQueue: false,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    keepAlive: 0,
    socketTimeout: Math.ceil(silence),
  })
}

/** A command whose reply comes as it is, bulk strings as `Buffer`. */
export function commandOf(name: string, args: readonly Argument[]): Command {
  return new Command(name, args.map(written), { replyEncoding: null })
}

function written(argument: Argument): string | Buffer {
  if (typeof argument === 'string') return argument
  if (typeof argument === 'number') return String(argument)
  return Buffer.isBuffer(argument) ? argument : Buffer.from(argument.buffer, argument.byteOffset, argument.byteLength)
}

/** Makes all that is written in one turn of the event loop leave in one write. Call it before each. */
export function corked(socket: Socket): () => void {
  let waits = false
  const uncork = () => {
    waits = false
    socket.uncork()
  }
  return () => {
    if (waits) return
    waits = true
    socket.cork()
    process.nextTick(uncork)
  }
}
