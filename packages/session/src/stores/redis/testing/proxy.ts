/** Stands between a gateway and a server, and holds back what a test wants to be late. */
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

/** A connection is a subscriber's from the moment that it subscribes. */
export type Kind = 'data' | 'subscriber'

export interface TestProxy extends AsyncDisposable {
  readonly port: number
  /** Keeps what the server sends to connections of this kind, in order, until `release`. */
  hold(kind: Kind): void
  /** Bytes that are held back. */
  readonly held: number
  /** Takes nothing from the server for connections of this kind, so that it is stuck with it, until `release`. */
  stall(kind: Kind): void
  release(): void
  /** From now on, what the server sends arrives so many milliseconds later; 0: at once. */
  delay(milliseconds: number): void
  /** Nothing passes any more, in either direction, and nobody is told. New connections are taken, and lead nowhere. */
  partition(): void
  /** What was held back by the partition is lost, and its connections are closed. */
  heal(): void
}

interface Pipe {
  kind: Kind
  readonly client: Socket
  readonly server: Socket
  waiting: Buffer[]
  /** What is on its way arrives in its order, also when what comes behind it is not delayed. */
  arriving: Promise<void> | undefined
}

export async function testProxy(target: number): Promise<TestProxy> {
  const pipes = new Set<Pipe>()
  const held = new Set<Kind>()
  let cut = false
  let delay = 0

  const listener = createServer((client) => {
    const server = connect(target, '127.0.0.1')
    const pipe: Pipe = { kind: 'data', client, server, waiting: [], arriving: undefined }
    pipes.add(pipe)
    client.on('data', (bytes: Buffer) => {
      if (cut) return
      if (bytes.includes('subscribe')) pipe.kind = 'subscriber'
      server.write(bytes)
    })
    server.on('data', (bytes: Buffer) => {
      if (cut) return
      if (held.has(pipe.kind)) pipe.waiting.push(bytes)
      else later(pipe, bytes)
    })
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      one.on('error', () => {})
      one.on('close', () => {
        pipes.delete(pipe)
        // A partition tells nobody, not even that the other side went away.
        if (!cut) other.destroy()
      })
    }
  }).listen(0, '127.0.0.1')
  await once(listener, 'listening')

  function later(pipe: Pipe, bytes: Buffer): void {
    if (delay === 0 && pipe.arriving === undefined) return void pipe.client.write(bytes)
    const due = new Promise((resolve) => setTimeout(resolve, delay))
    const arriving = Promise.all([pipe.arriving, due]).then(() => {
      pipe.client.write(bytes)
      if (pipe.arriving === arriving) pipe.arriving = undefined
    })
    pipe.arriving = arriving
  }

  function closeAll(): void {
    for (const { client, server } of pipes) {
      client.destroy()
      server.destroy()
    }
  }

  return {
    port: (listener.address() as { port: number }).port,
    hold: (kind) => void held.add(kind),
    get held() {
      return [...pipes].reduce((sum, { waiting }) => sum + waiting.reduce((size, { length }) => size + length, 0), 0)
    },
    stall(kind) {
      for (const pipe of pipes) if (pipe.kind === kind) pipe.server.pause()
    },
    release() {
      held.clear()
      for (const pipe of pipes) pipe.server.resume()
      for (const pipe of pipes) for (const bytes of pipe.waiting.splice(0)) pipe.client.write(bytes)
    },
    delay(milliseconds) {
      delay = milliseconds
    },
    partition() {
      cut = true
    },
    heal() {
      cut = false
      closeAll()
    },
    async [Symbol.asyncDispose]() {
      cut = false
      closeAll()
      await once(listener.close(), 'close')
    },
  }
}
