import type { Generation, ServingPorts } from '@coatcheck/gateway'
import type { Listener, ListenerStatus, Secret, ValueSource } from '@coatcheck/model'
import { type Certificates, loadCertificates } from './certificates.ts'
import type { ListeningSocket } from './listening-socket.ts'
import { createServingListener, type ServingListener } from './serving-listener.ts'

export interface ListenersPorts {
  readonly serving: (listener: string) => ServingPorts
  readonly secret: (source: ValueSource) => Secret<Buffer>
  readonly certificate: (name: string, notAfter: number) => void
}

/** All listeners of a process, over its reloads. */
export interface Listeners {
  /**
   * Reads certificates. Nothing that runs is changed before `commit`. `sockets` are the open addresses by the
   * listener's name.
   *
   * @throws ProgramError `certificate-invalid`
   */
  prepare(
    specs: readonly Listener[],
    generationOf: (spec: Listener) => Generation,
    sockets: ReadonlyMap<string, ListeningSocket>,
  ): PreparedListeners
  status(): ListenerStatus[]
  /**
   * When `closed`, the closing of all addresses, is over, tells the clients; resolves when no request is under way any
   * more. Open WebSockets stay.
   */
  drain(closed: Promise<void>): Promise<void>
  /** Ends all connections at once. */
  destroy(): void
}

export interface PreparedListeners {
  /**
   * From now on requests get the new generation. A listener that did not change keeps its connections; of one that did,
   * each old connection ends with its next answer, and silent ones in their usual time; within a second where the
   * address closed, or where TLS or the trusted proxies are other ones.
   */
  commit(): void
}

interface Running {
  readonly listener: ServingListener
  readonly socket: ListeningSocket
}

interface Next extends Running {
  readonly generation: Generation
  readonly certificates: Certificates | undefined
}

export function createListeners(ports: ListenersPorts): Listeners {
  let running: readonly Running[] = []
  const retired = new Set<ServingListener>()
  let stopping = false

  function prepareOne(spec: Listener, generation: Generation, socket: ListeningSocket): Next {
    const certificates = spec.tls && loadCertificates(spec.tls, ports.secret)
    const same = running.find(({ listener }) => isSame(listener.spec, spec))
    const listener = same?.listener ?? createServingListener(spec, generation, ports.serving(spec.name), certificates)
    return { listener, socket, generation, certificates }
  }

  function commit(next: readonly Next[], generationOf: (spec: Listener) => Generation): void {
    const before = running
    running = next.map(({ listener, socket }) => ({ listener, socket }))
    for (const { listener, socket, generation, certificates } of next) {
      listener.handler.generation = generation
      if (certificates !== undefined) useCertificates(listener, certificates, ports)
      socket.serve(listener.accept)
    }
    for (const { listener, socket } of before) {
      if (running.some((one) => one.listener === listener)) continue
      retired.add(listener)
      void retire(listener, socket, running.find((one) => one.socket === socket)?.listener)
    }
    // what still comes over their connections is served by the gateway that runs, under their own settings
    for (const listener of retired) listener.handler.generation = generationOf(listener.spec)
  }

  /** Without a successor at its address, or with one that trusts others, its clients are to leave soon. */
  async function retire(
    listener: ServingListener,
    { closed }: ListeningSocket,
    successor: ServingListener | undefined,
  ): Promise<void> {
    const { handler, spec } = listener
    // not before the address is closed: clients that are told to close would come back to it
    if (successor === undefined) await closed
    if (successor !== undefined && trustsAlike(spec, successor.spec)) handler.retire()
    else handler.drain()
    await handler.closed()
    handler.destroy()
    retired.delete(listener)
  }

  const all = () => [...running.map(({ listener }) => listener), ...retired]

  return {
    prepare(specs, generationOf, sockets) {
      const next = specs.map((spec) => prepareOne(spec, generationOf(spec), sockets.get(spec.name)!))
      return { commit: () => commit(next, generationOf) }
    },
    status: () =>
      running.map(({ listener, socket }) => ({
        name: listener.spec.name,
        address: socket.address,
        state: stopping ? 'stopping' : 'listening',
      })),
    async drain(closed) {
      stopping = true
      // not before the addresses are closed: clients that are told to close would come back to them
      await closed
      for (const { handler } of all()) handler.drain()
      await Promise.all(all().map(({ handler }) => handler.quiet()))
    },
    destroy() {
      for (const { handler } of all()) handler.destroy()
    },
  }
}

function useCertificates(listener: ServingListener, certificates: Certificates, ports: ListenersPorts): void {
  listener.useCertificates(certificates)
  for (const { name, notAfter } of certificates.list) ports.certificate(name, notAfter)
}

/** Nobody would be served under a trust that the configuration took back. */
function trustsAlike(a: Listener, b: Listener): boolean {
  return JSON.stringify([a.tls, a.trustedProxies]) === JSON.stringify([b.tls, b.trustedProxies])
}

/** The model is plain data that is always written in the same order. */
function isSame(a: Listener, b: Listener): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
