import { createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, type TlsOptions } from 'node:tls'
import type { HeaderList } from '../headers.ts'
import { readRequest } from './recorded-request.ts'

/** Bytes as they go on the wire; strings are latin1. A list is written piece by piece, each in a packet of its own. */
export type RawAnswer = string | Buffer | readonly (string | Buffer)[]

export interface RecorderOptions {
  /**
   * Called once per request, one after the other on each connection. What it returns is written; with `undefined` it
   * has written itself, or never answers.
   *
   * @defaultValue an empty 200
   */
  readonly respond?: (
    request: RecordedRequest,
    connection: RecordedConnection,
  ) => RawAnswer | undefined | Promise<RawAnswer | undefined>
  /** `head`: `respond` is called before the body has come. @defaultValue `complete` */
  readonly when?: 'complete' | 'head'
  /** A connection was opened, nothing read yet. Bytes may be written unasked. */
  readonly connected?: (connection: RecordedConnection) => void
  readonly tls?: TlsOptions
  /** Plain connections stay open for writing after the gateway's end, until `end()`. @defaultValue false */
  readonly allowHalfOpen?: boolean
  /** @defaultValue 0, a free one */
  readonly port?: number
}

/** A request as it came, byte for byte. */
export interface RecordedRequest {
  readonly method: string
  readonly target: string
  readonly version: string
  readonly headers: HeaderList
  /** Request line and headers with the empty line, latin1. */
  readonly head: string
  /** Without framing. Empty when `respond` is called at the head. */
  readonly body: Buffer
  /** As it was framed on the wire. */
  readonly rawBody: Buffer
  readonly trailers: HeaderList
  /** The first value of a header, in any case. */
  header(name: string): string | undefined
}

export interface RecordedConnection {
  readonly socket: Socket
  /** Counted from 0 in the order of opening. */
  readonly index: number
  /** Requests of this connection so far. */
  readonly requests: readonly RecordedRequest[]
  /** Everything that came, latin1. */
  text(): string
  /** Resolves as soon as what came contains `text`, or has that many bytes. */
  received(text: string | number): Promise<void>
  /** Resolves when all of it was handed to the system. */
  write(answer: RawAnswer): Promise<void>
  end(): void
  /** Closes with RST. */
  reset(): void
  /** Resolves when the connection is closed on both sides. */
  readonly closed: Promise<void>
}

/** An upstream that keeps every byte it gets and answers what it is told, byte for byte. */
export interface Recorder extends AsyncDisposable {
  readonly port: number
  /** `http://127.0.0.1:PORT` or `https://localhost:PORT`. */
  readonly url: string
  /** All complete requests of all connections, in the order of completion. */
  readonly requests: readonly RecordedRequest[]
  readonly connections: readonly RecordedConnection[]
  /** Resolves with the request of that number, counted from 0, as soon as it is complete. */
  request(number: number): Promise<RecordedRequest>
  connection(number: number): Promise<RecordedConnection>
  /** Closes every connection and the listener. */
  close(): Promise<void>
}

/** Starts a recorder on 127.0.0.1. Tests wait for what happened (`request`, `received`, `closed`), never for time. */
export async function startRecorder(options: RecorderOptions = {}): Promise<Recorder> {
  const requests: RecordedRequest[] = []
  const connections: RecordedConnection[] = []
  const changes = createChanges()
  const server = listenWith(options, (socket) => {
    const connection = recordConnection(socket, connections.length, options, (request) => {
      requests.push(request)
      changes.happened()
    })
    connections.push(connection)
    changes.happened()
    options.connected?.(connection)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port ?? 0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as { port: number }
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      for (const connection of connections) connection.socket.destroy()
    })
  return {
    port,
    url: options.tls ? `https://localhost:${port}` : `http://127.0.0.1:${port}`,
    requests,
    connections,
    request: (number) => changes.until(() => requests[number]),
    connection: (number) => changes.until(() => connections[number]),
    close,
    [Symbol.asyncDispose]: close,
  }
}

function listenWith({ tls, allowHalfOpen = false }: RecorderOptions, accepted: (socket: Socket) => void): Server {
  const server = tls ? createTlsServer(tls, accepted) : createServer({ allowHalfOpen, noDelay: true }, accepted)
  // A refused handshake is the client's to report; without a listener it would end the test process.
  if (tls) server.on('tlsClientError', () => {})
  return server
}

function recordConnection(
  socket: Socket,
  index: number,
  options: RecorderOptions,
  completed: (request: RecordedRequest) => void,
): RecordedConnection {
  const requests: RecordedRequest[] = []
  const changes = createChanges()
  let bytes = Buffer.alloc(0)
  let unread = Buffer.alloc(0)
  let answeredHead = false
  let answered = Promise.resolve()
  const connection: RecordedConnection = {
    socket,
    index,
    requests,
    text: () => bytes.toString('latin1'),
    received: async (wanted) => {
      await changes.until(() =>
        typeof wanted === 'number'
          ? bytes.length >= wanted || undefined
          : bytes.includes(wanted, 0, 'latin1') || undefined,
      )
    },
    write: (answer) => writeAnswer(socket, answer),
    end: () => socket.end(),
    reset: () => socket.resetAndDestroy(),
    closed: new Promise((resolve) => socket.once('close', () => resolve())),
  }
  const answer = (request: RecordedRequest) => {
    answered = answered.then(async () => {
      const given = options.respond ? await options.respond(request, connection) : emptyAnswer
      if (given !== undefined) await connection.write(given)
    })
  }
  const read = () => {
    for (;;) {
      const found = readRequest(unread)
      if (!found) return
      if (options.when === 'head' && !answeredHead) {
        answeredHead = true
        answer(found.request)
      }
      if (!found.complete) return
      unread = unread.subarray(found.length)
      requests.push(found.request)
      completed(found.request)
      if (!answeredHead) answer(found.request)
      answeredHead = false
    }
  }
  socket.on('error', () => {})
  socket.on('data', (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk])
    unread = Buffer.concat([unread, chunk])
    read()
    changes.happened()
  })
  return connection
}

const emptyAnswer = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'

async function writeAnswer(socket: Socket, answer: RawAnswer): Promise<void> {
  const pieces = typeof answer === 'string' || Buffer.isBuffer(answer) ? [answer] : answer
  for (const piece of pieces) {
    if (socket.destroyed) return
    await new Promise<void>((resolve) => {
      const bytes = typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece
      socket.write(bytes, () => setImmediate(resolve))
    })
  }
}

/** Lets callers wait for a condition that only changes when `happened` is called. */
function createChanges() {
  let waiting: (() => void)[] = []
  return {
    happened() {
      const woken = waiting
      waiting = []
      for (const wake of woken) wake()
    },
    async until<T>(condition: () => T | undefined): Promise<T> {
      for (;;) {
        const value = condition()
        if (value !== undefined) return value
        await new Promise<void>((resolve) => waiting.push(resolve))
      }
    },
  }
}
