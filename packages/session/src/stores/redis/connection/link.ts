/**
 * One connection to one server, through one ioredis client that never opens a second.
 *
 * ioredis speaks the protocol here and matches replies to commands; everything with a deadline is ours: it has no
 * offline queue, no retries and no reconnection, and gets a socket that is already connected.
 */
import type { Socket } from 'node:net'
import { type AbstractConnector, Command, Redis } from 'ioredis'
import type { Argument } from './connection.ts'
import { broken, refused, StoreFailure } from './failure.ts'
import type { ConnectionPorts } from './ports.ts'

export interface Link {
  /** `host:port`, as it was asked for. */
  readonly address: string
  /** Number of this connection, over all of this process. */
  readonly epoch: number
  /** It is open, and what was written before has left this process. */
  readonly writable: boolean
  /** @throws StoreFailure */
  send(command: string, args: readonly Argument[], ms: number): Promise<unknown>
  /** Makes a subscriber of this connection. @throws StoreFailure */
  subscribe(channel: string, listener: (message: string) => void, ms: number): Promise<void>
  /** Calls `listener` once, with what ended it; at once when it has ended. `undefined`: we did. */
  onClose(listener: (reason: StoreFailure | undefined) => void): void
  /** Calls `listener` whenever it became writable again. */
  onDrain(listener: () => void): void
  /** Ends it once everything that was sent has its answer; nothing more may be sent. */
  finish(): void
  close(): void
}

let lastEpoch = 0

/** An idle connection is used this often: below every `timeout` that a server can have (whole seconds). */
const keepAliveEvery = 500

/** Wraps a connected socket. `ms`: how long a command may take; a server silent for a quarter more is given up. */
export async function linkOver(socket: Socket, address: string, ms: number, ports: ConnectionPorts): Promise<Link> {
  const epoch = ++lastEpoch
  const closing: ((reason: StoreFailure | undefined) => void)[] = []
  const ending: { reason?: StoreFailure; byUs?: boolean; closed?: boolean } = {}
  const redis = clientOver(socket, ms)
  const note = (error: unknown) => {
    ending.reason ??= broken(address, error)
  }
  redis.on('error', note)
  socket.on('error', note)
  // Before the client hears of it and rejects what is in flight, so that nobody sends that here again.
  socket.prependListener('close', () => {
    ending.closed = true
    if (!ending.byUs) note(new Error('the other side closed it.'))
    stopKeepAlive()
    for (const listener of closing.splice(0)) listener(ending.byUs ? undefined : ending.reason)
  })

  let used = true
  let unanswered = 0
  let finishing = false
  const close = () => {
    ending.byUs = true
    redis.disconnect()
  }
  let corked = false
  const uncork = () => {
    corked = false
    socket.uncork()
  }
  /** All commands of one turn of the event loop leave in one write. */
  const cork = () => {
    if (corked) return
    corked = true
    socket.cork()
    process.nextTick(uncork)
  }

  const failureOf = (error: Error): StoreFailure => {
    if (error.name === 'ReplyError') return refused(address, error.message)
    return lost(error.message.startsWith("Stream isn't writeable"))
  }
  const lost = (notExecuted: boolean) => {
    const { reason = 'closed', message = `The connection to Redis at ${address} was closed.` } = ending.reason ?? {}
    return new StoreFailure(reason, message, { notExecuted })
  }

  const link: Link = {
    address,
    epoch,
    get writable() {
      return ending.closed !== true && !finishing && socket.writable && !socket.writableNeedDrain
    },
    send(name, args, ms) {
      if (ending.closed || !socket.writable) return Promise.reject(lost(true))
      used = true
      cork()
      const command = new Command(name, args.map(written), { replyEncoding: null })
      redis.sendCommand(command)
      unanswered++
      return new Promise((resolve, reject) => {
        const cancel = ports.schedule(ms, () => {
          reject(new StoreFailure('timeout', `Redis at ${address} did not answer ${name} within ${ms} ms.`))
          // What the server does not even take from us must not reach it later.
          if (socket.writableLength > 0) socket.destroy(new Error('the other side reads nothing.'))
        })
        const answered = () => {
          cancel()
          if (--unanswered === 0 && finishing) close()
        }
        const failed = (error: Error) => {
          answered()
          reject(failureOf(error))
        }
        command.promise.then((reply) => {
          answered()
          resolve(reply)
        }, failed)
      })
    },
    async subscribe(channel, listener, ms) {
      const heard = (from: string, message: string) => {
        if (from === channel) listener(message)
      }
      redis.on('message', heard)
      await link.send('subscribe', [channel], ms).catch((error: unknown) => {
        redis.off('message', heard)
        throw error
      })
    },
    onClose(listener) {
      if (ending.closed) listener(ending.byUs ? undefined : ending.reason)
      else closing.push(listener)
    },
    onDrain: (listener) => void socket.on('drain', listener),
    finish() {
      finishing = true
      stopKeepAlive()
      if (unanswered === 0) close()
    },
    close,
  }

  let stopKeepAlive = () => {}
  const keepAlive = () => {
    if (!used) link.send('PING', [], ms).catch(() => {})
    used = false
    stopKeepAlive = ports.schedule(keepAliveEvery, keepAlive)
  }
  await redis.connect().catch((error: Error) => {
    throw failureOf(error)
  })
  keepAlive()
  return link
}

/** RESP2 without a greeting of its own: ours says more, and its failures have reasons. */
function clientOver(socket: Socket, ms: number): Redis {
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
    socketTimeout: Math.ceil(ms * 1.25),
  })
}

function written(argument: Argument): string | Buffer {
  if (typeof argument === 'string') return argument
  if (typeof argument === 'number') return String(argument)
  return Buffer.isBuffer(argument) ? argument : Buffer.from(argument.buffer, argument.byteOffset, argument.byteLength)
}
