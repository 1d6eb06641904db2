/** Asks a server over one socket, and takes no more from it than was asked for. */
import type { Socket } from 'node:net'
import { NotAReply, type Reply, replyReader } from './reply.ts'

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
  readonly replies: Reply[]
  answered(replies: readonly Reply[]): void
  failed(error: LineBroken): void
}

/** Bytes of replies to what was asked at once: CLUSTER SLOTS of the most scattered cluster has about 3 MB. */
const largestAnswer = 4 * 1024 * 1024

/** Ends with the socket, or when `signal` aborts. */
export function lineOver(socket: Socket, signal: AbortSignal): Line {
  const reader = replyReader()
  let broken: LineBroken | undefined
  let question: Question | undefined
  let received = 0
  const end = (failure: LineBroken) => {
    broken ??= failure
    socket.destroy()
    question?.failed(broken)
  }
  const take = (bytes: Uint8Array) => {
    const replies = reader.read(bytes)
    for (const reply of replies) question?.replies.push(reply)
    const missing = question === undefined ? -replies.length : question.count - question.replies.length
    if (missing < 0 || (missing === 0 && !reader.isIdle)) throw new NotAReply('more than was asked for')
    if (missing > 0) return
    question?.answered(question.replies)
    question = undefined
    received = 0
  }
  socket.on('error', (error) => end(new LineBroken('hung-up', error)))
  socket.on('close', () => end(new LineBroken('hung-up')))
  socket.on('data', (bytes: Buffer) => {
    if (broken !== undefined) return
    received += bytes.length
    if (received > largestAnswer) return end(new LineBroken('too-much'))
    try {
      take(bytes)
    } catch (error) {
      if (!(error instanceof NotAReply)) throw error
      end(new LineBroken('not-redis', error))
    }
  })
  signal.addEventListener('abort', () => end(new LineBroken('hung-up')))
  if (signal.aborted) end(new LineBroken('hung-up'))
  return {
    ask(...commands) {
      const { promise, resolve, reject } = Promise.withResolvers<readonly Reply[]>()
      question = { count: commands.length, replies: [], answered: resolve, failed: reject }
      if (broken !== undefined) reject(broken)
      else socket.write(Buffer.concat(commands.map(encoded)))
      return promise
    },
  }
}

function encoded(command: Command): Buffer {
  const words = command.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`)
  return Buffer.from(`*${command.length}\r\n${words.join('')}`)
}
