/** One connection to one server. Everything on it has a deadline. */
import type { Socket } from 'node:net'
import type { Redis } from 'ioredis'
import { clientOver, commandOf, corked } from './client.ts'
import type { Argument } from './connection.ts'
import { type Ended, type Ending, endingOf } from './ending.ts'
import { isGreeting, refused, StoreFailure } from './failure.ts'
import type { ConnectionPorts } from './ports.ts'

export interface Link {
  /** `host:port`, as it was asked for. */
  readonly address: string
  /** Number of this connection, over all of this process. */
  readonly epoch: number
  /** It is open, and what was written before has left this process. */
  readonly writable: boolean
  /**
   * Sends a command that must have its answer within so many milliseconds. One that is late may still be executed;
   * bytes of it that the server did not even take by then are thrown away, with the connection.
   *
   * @throws StoreFailure
   */
  send(command: string, args: readonly Argument[], ms: number): Promise<unknown>
  /** Makes a subscriber of this connection. @throws StoreFailure */
  subscribe(channel: string, listener: (message: string) => void, ms: number): Promise<void>
  /** Calls `listener` once, with what ended it; at once when it has ended. `undefined`: we did. */
  onClose(listener: Ended): void
  /** Calls `listener` whenever it became writable again. */
  onDrain(listener: () => void): void
  /**
   * Ends it once everything that was sent has its answer, and after a quarter of a second in any case: a server that
   * was replaced because it hangs answers nothing. Nothing more may be sent.
   */
  finish(): void
  close(): void
}

let lastEpoch = 0

/** An idle connection is used this often: below every `timeout` that a server can have (whole seconds). */
const keepAliveEvery = 500

const finishWithin = 250

/** Wraps a connected socket. `ms`: how long a command may take; a server silent for a quarter more is given up. */
export async function linkOver(socket: Socket, address: string, ms: number, ports: ConnectionPorts): Promise<Link> {
  const redis = clientOver(socket, ms * 1.25)
  const ending = endingOf(socket, redis, address)
  const sender = senderOn(socket, redis, ending, address, ports)
  const { send } = sender
  await redis.connect().catch(() => {
    throw ending.lost(true)
  })
  ending.tell(
    keepAlive(
      () => sender.sent,
      () => void send('PING', [], ms).catch(() => {}),
      ports,
    ),
  )
  return {
    address,
    epoch: ++lastEpoch,
    get writable() {
      return !ending.isOver && !sender.finishing && socket.writable && !socket.writableNeedDrain
    },
    send,
    subscribe: (channel, listener, ms) => subscribe(redis, send, channel, listener, ms),
    onClose: ending.tell,
    onDrain: (listener) => void socket.on('drain', listener),
    finish: sender.finish,
    close: ending.byUs,
  }
}

interface Sender {
  readonly send: Link['send']
  /** Commands so far. */
  readonly sent: number
  readonly finishing: boolean
  readonly finish: () => void
}

function senderOn(socket: Socket, redis: Redis, ending: Ending, address: string, ports: ConnectionPorts): Sender {
  const cork = corked(socket)
  let sent = 0
  let unanswered = 0
  let finishing = false
  const answered = () => {
    if (--unanswered === 0 && finishing) ending.byUs()
  }
  const secrets = new Set<string>()
  const failureOf = (error: Error, command: string) => {
    if (error.name === 'ReplyError') return refused(address, error.message, { command, secrets })
    return ending.lost(error.message.startsWith("Stream isn't writeable"))
  }
  return {
    send(name, args, ms) {
      if (ending.isOver || !socket.writable) return Promise.reject(ending.lost(true))
      cork()
      if (isGreeting(name)) noteSecret(secrets, args)
      const command = commandOf(name, args)
      redis.sendCommand(command)
      sent++
      unanswered++
      return new Promise((resolve, reject) => {
        const cancel = ports.schedule(() => {
          reject(new StoreFailure('timeout', `Redis at ${address} did not answer ${name} within ${Math.round(ms)} ms.`))
          // What the server does not even take from us must not reach it later.
          if (socket.writableLength > 0) socket.destroy(new Error('the other side reads nothing.'))
        }, ms)
        const settled = () => {
          cancel()
          answered()
        }
        command.promise.then(
          (reply) => {
            settled()
            resolve(reply)
          },
          (error: Error) => {
            settled()
            reject(failureOf(error, name))
          },
        )
      })
    },
    get sent() {
      return sent
    },
    get finishing() {
      return finishing
    },
    finish() {
      finishing = true
      if (unanswered === 0) return ending.byUs()
      ending.tell(ports.schedule(ending.byUs, finishWithin))
    },
  }
}

/** Of AUTH, and of HELLO with it, the last argument is the password. */
function noteSecret(secrets: Set<string>, args: readonly Argument[]): void {
  if (args.length > 1) secrets.add(String(args.at(-1)))
}

async function subscribe(
  redis: Redis,
  send: Link['send'],
  channel: string,
  listener: (message: string) => void,
  ms: number,
) {
  const heard = (from: string, message: string) => {
    if (from === channel) listener(message)
  }
  redis.on('message', heard)
  // ioredis knows it in lower case alone.
  await send('subscribe', [channel], ms).catch((error: unknown) => {
    redis.off('message', heard)
    throw error
  })
}

/** Pings when nothing was sent for a while. Returns how to stop. */
function keepAlive(sent: () => number, ping: () => void, ports: ConnectionPorts): () => void {
  let before = -1
  let cancel = () => {}
  const look = () => {
    if (sent() === before) ping()
    before = sent()
    cancel = ports.schedule(look, keepAliveEvery)
  }
  look()
  return () => cancel()
}
