/** A connection test of what a test set up, shown in few words. */
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { type ConnectionPorts, realPorts } from '../../connection/ports.ts'
import type { ConnectionOptions, Deployment } from '../../options.ts'
import { type ProbeOptions, type ProbeReport, probeRedis } from '../probe.ts'

export const host = '127.0.0.1'

export const standalone = (port: number, host = '127.0.0.1', database = 0): Deployment => ({
  kind: 'standalone',
  node: { host, port },
  database,
})

export interface To
  extends Omit<ConnectionOptions, 'deployment'>,
    Partial<Pick<ProbeOptions, 'prefixes' | 'processes'>> {
  readonly ports?: Partial<ConnectionPorts>
}

export function probe(deployment: Deployment, { ports = {}, ...options }: To = {}): Promise<ProbeReport> {
  const lookup = async () => [host]
  return probeRedis({ deployment, prefixes: ['shop'], processes: 1, ...options }, { lookup, ...ports })
}

/** Limits pass ten times sooner. */
export const hurried: Partial<ConnectionPorts> = { schedule: (run, ms) => realPorts.schedule(run, ms / 10) }

/** What is not `ok`, as `step outcome reason`. */
export function problems({ steps }: ProbeReport): readonly string[] {
  return steps.flatMap(({ step, outcome, reason }) => (outcome === 'ok' ? [] : [`${step} ${outcome} ${reason}`]))
}

/** The same, by the port of the server. */
export function problemsAt(report: ProbeReport, port: number): readonly string[] {
  return problems({ ...report, steps: report.steps.filter(({ node }) => node.endsWith(`:${port}`)) })
}

/** Steps that are `ok`. */
export function passed({ steps }: ProbeReport): readonly string[] {
  return steps.filter(({ outcome }) => outcome === 'ok').map(({ step }) => step)
}

export interface OddServer extends AsyncDisposable {
  readonly port: number
}

/** Something that listens, and is no Redis. */
export async function oddServer(greet: (socket: Socket) => void, at = host): Promise<OddServer> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {}).on('close', () => sockets.delete(socket))
    greet(socket)
  }).listen(0, at)
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await once(server.close(), 'close')
    },
  }
}

/** Answers each batch of commands with what is given for it, in RESP. */
export function scripted(...answers: readonly string[]): (socket: Socket) => void {
  return (socket) => {
    const left = [...answers]
    socket.on('data', () => void socket.write(left.shift() ?? '-ERR nothing more\r\n'))
  }
}

/**
 * What a server at this machine is reached at that does not look like it: the system connects there to the loopback
 * address.
 */
export const elsewhere = '0.0.0.0'

/** A sentinel that names a primary called "main" there, and no replica. */
export function sentinelNaming(port: number): Promise<OddServer> {
  const bulk = (text: string) => `$${text.length}\r\n${text}\r\n`
  const list = (...words: readonly string[]) => `*${words.length}\r\n${words.map(bulk).join('')}`
  const replies: Readonly<Record<string, string>> = {
    HELLO: list('mode', 'sentinel', 'role', 'sentinel'),
    MASTER: list('ip', elsewhere, 'port', String(port), 'config-epoch', '1', 'flags', 'master'),
    REPLICAS: '*0\r\n',
    PING: '+PONG\r\n',
  }
  return oddServer((socket) =>
    socket.on('data', (bytes) => {
      const words = String(bytes).match(/\b(?:HELLO|MASTER|REPLICAS|PING)\b/g) ?? []
      socket.write(words.map((word) => replies[word]).join(''))
    }),
  )
}
