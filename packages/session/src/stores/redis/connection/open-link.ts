/** Opens a connection that is ready for commands: name, TCP, TLS, greeting, role; all within one deadline. */
import type { Auth, Node, Tls } from '../options.ts'
import { StoreFailure } from './failure.ts'
import { type Greeting, greet } from './greet.ts'
import { type Link, linkOver } from './link.ts'
import type { ConnectionPorts } from './ports.ts'
import { addressesOf, openTcp, secured } from './socket.ts'

export interface Access {
  readonly auth?: Auth | undefined
  readonly tls?: Tls | undefined
  readonly database?: number | undefined
  /** What is wrong with a server that greets like this; `undefined`: it is what we want. */
  readonly unfit?: ((greeting: Greeting) => string | undefined) | undefined
  /** Milliseconds for all of it. */
  readonly connect: number
  /** Milliseconds for each command. */
  readonly command: number
}

/** Order of steps: of several addresses that failed, the one that got furthest says why. */
const steps = ['dns', 'tcp', 'tls', 'timeout', 'closed', 'protocol', 'busy', 'auth', 'forbidden', 'role', 'full']

/**
 * Tries every address of the node, each within its share of the time.
 *
 * @throws StoreFailure of the address that got furthest; nothing is left open
 */
export async function openLink(node: Node, access: Access, ports: ConnectionPorts, signal: AbortSignal): Promise<Link> {
  const end = ports.now() + access.connect
  const within = <T>(ms: number, run: Run<T>) => bounded(node, ms, run, ports, signal)
  const addresses = await within(access.connect, () => addressesOf(node, ports))
  let furthest: StoreFailure | undefined
  for (const [i, address] of addresses.entries()) {
    const share = Math.max(1, (end - ports.now()) / (addresses.length - i))
    try {
      return await within(share, (step, signal) => openAt(node, address, access, ports, step, signal))
    } catch (error) {
      if (!(error instanceof StoreFailure)) throw error
      if (signal.aborted) throw error
      if (furthest === undefined || steps.indexOf(error.reason) > steps.indexOf(furthest.reason)) furthest = error
    }
  }
  throw furthest
}

/** The step that is under way: what a deadline that passes then is said to be. */
interface Step {
  now: 'dns' | 'tcp' | 'tls' | 'timeout'
}

type Run<T> = (step: Step, signal: AbortSignal) => Promise<T>

async function openAt(
  node: Node,
  address: string,
  access: Access,
  ports: ConnectionPorts,
  step: Step,
  signal: AbortSignal,
): Promise<Link> {
  step.now = 'tcp'
  let socket = await openTcp(node, address, signal)
  const destroy = () => socket.destroy(signal.reason)
  signal.addEventListener('abort', destroy)
  try {
    step.now = 'tls'
    if (access.tls !== undefined) socket = await secured(socket, node, access.tls, signal)
    step.now = 'timeout'
    const link = await linkOver(socket, nameOf(node), access.command, ports)
    const unfit = access.unfit?.(await greet(link, access, access.connect))
    if (unfit !== undefined) throw new StoreFailure('role', `Redis at ${nameOf(node)} ${unfit}`, { notExecuted: true })
    signal.removeEventListener('abort', destroy)
    return link
  } catch (error) {
    socket.destroy()
    throw error
  }
}

/** `host:port`; an IPv6 address in brackets. */
export function nameOf({ host, port }: Node): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** Runs what must end in time, or when `outer` aborts; the signal it gets then tells it to clean up. */
async function bounded<T>(node: Node, ms: number, run: Run<T>, ports: ConnectionPorts, outer: AbortSignal): Promise<T> {
  const controller = new AbortController()
  const step: Step = { now: 'dns' }
  const abort = () => controller.abort(outer.reason)
  const late = () => controller.abort(tooLate(node, step, ms))
  const cancel = ports.schedule(late, ms)
  outer.addEventListener('abort', abort)
  if (outer.aborted) abort()
  try {
    const aborted = new Promise<never>((_, reject) => {
      const give = () => reject(controller.signal.reason)
      controller.signal.addEventListener('abort', give)
      if (controller.signal.aborted) give()
    })
    return await Promise.race([run(step, controller.signal), aborted])
  } finally {
    cancel()
    outer.removeEventListener('abort', abort)
  }
}

function tooLate(node: Node, { now }: Step, ms: number): StoreFailure {
  const message = `No connection to Redis at ${nameOf(node)} within ${Math.round(ms)} ms: ${unfinished[now]}`
  return new StoreFailure(now, message, { notExecuted: true })
}

const unfinished = {
  dns: 'its name was not resolved.',
  tcp: 'it does not accept the connection.',
  tls: 'it did not end the TLS handshake; it may not speak TLS at this port.',
  timeout: 'it did not answer the greeting.',
} as const
