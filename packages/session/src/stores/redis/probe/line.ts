/** Asks a server over one socket, and takes no more from it than was asked for. */
import type { Socket } from 'node:net'
import { largestReply, NotAReply, type Reply, readReply } from './reply.ts'

export type Command = readonly string[]

export interface Line {
  /**
   * Sends all commands at once, and gives their replies.
   *
   * @throws LineBroken
   */
  ask(...commands: readonly Command[]): Promise<readonly Reply[]>
}

/** The conversation is over. */
export class LineBroken extends Error {
  readonly reason: 'hung-up' | 'not-redis' | 'too-much'
  constructor(reason: LineBroken['reason'], cause?: unknown) {
    super(reason, { cause })
    this.reason = reason
  }
}

interface Question {
  readonly count: number
  answered(replies: readonly Reply[]): void
  failed(error: LineBroken): void
}

/** Ends with the socket, or when `signal` aborts. */
export function lineOver(socket: Socket, signal: AbortSignal): Line {
  let received = Buffer.alloc(0)
  let broken: LineBroken | undefined
  let question: Question | undefined
  const end = (failure: LineBroken) => {
    broken ??= failure
    socket.destroy()
    question?.failed(broken)
  }
  const take = () => {
    const replies = repliesIn(received, question?.count ?? 0)
    if (replies === undefined) return
    if (replies.rest > 0) throw new NotAReply('more than was asked for')
    received = Buffer.alloc(0)
    question?.answered(replies.list)
    question = undefined
  }
  socket.on('error', (error) => end(new LineBroken('hung-up', error)))
  socket.on('close', () => end(new LineBroken('hung-up')))
  signal.addEventListener('abort', () => end(new LineBroken('hung-up')))
  if (signal.aborted) end(new LineBroken('hung-up'))
  socket.on('data', (bytes: Buffer) => {
    if (broken !== undefined) return
    if (received.length + bytes.length > largestReply) return end(new LineBroken('too-much'))
    received = Buffer.concat([received, bytes])
    try {
      take()
    } catch (error) {
      if (!(error instanceof NotAReply)) throw error
      end(new LineBroken('not-redis', error))
    }
  })
  return {
    ask(...commands) {
      const { promise, resolve, reject } = Promise.withResolvers<readonly Reply[]>()
      question = { count: commands.length, answered: resolve, failed: reject }
      if (broken !== undefined) reject(broken)
      else socket.write(Buffer.concat(commands.map(encoded)))
      return promise
    },
  }
}

/** So many replies, and how many bytes come behind them; `undefined` while not all are there. */
function repliesIn(
  bytes: Buffer,
  count: number,
): { readonly list: readonly Reply[]; readonly rest: number } | undefined {
  const list: Reply[] = []
  let at = 0
  while (list.length < count) {
    const read = readReply(bytes, at)
    if (read === undefined) return undefined
    list.push(read.reply)
    at = read.next
  }
  return { list, rest: bytes.length - at }
}

function encoded(command: Command): Buffer {
  const words = command.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`)
  return Buffer.from(`*${command.length}\r\n${words.join('')}`)
}
