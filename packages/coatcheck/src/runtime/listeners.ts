import type { Generation, Log, ServingPorts } from '@coatcheck/gateway'
import type { Listener, ListenerStatus, Secret, ValueSource } from '@coatcheck/model'
import { type Certificates, loadCertificates } from './certificates.ts'
import { type ListeningSocket, openListeningSocket } from './listening-socket.ts'
import { createServingListener, type ServingListener } from './serving-listener.ts'

export interface ListenersPorts {
  readonly serving: (listener: string) => ServingPorts
  readonly secret: (source: ValueSource) => Secret<Buffer>
  readonly certificate: (name: string, notAfter: number) => void
  readonly log: Log
}

/** All listeners of a process, over its reloads. */
export interface Listeners {
  /**
   * Reads certificates and opens addresses that are new. Nothing that runs is changed before `commit`; what was opened
   * is closed again by `undo`.
   *
   * @throws ProgramError `address-in-use`, `address-unusable`, `certificate-invalid`
   */
  prepare(specs: readonly Listener[], generationOf: (spec: Listener) => Generation): Promise<PreparedListeners>
  status(): ListenerStatus[]
  /** Stops accepting; resolves when no request is under way any more. Open WebSockets stay. */
  drain(): Promise<void>
  /** Ends all connections at once. */
  destroy(): void
}

export interface PreparedListeners {
  /**
   * From now on requests get the new generation. A listener that did not change keeps its connections; of one that did,
   * the old connections end with the answers that are under way.
   */
  commit(): void
  undo(): void
}

interface Running {
  readonly listener: ServingListener
  readonly socket: ListeningSocket
}

interface Next extends Running {
  readonly opened: boolean
  readonly generation: Generation
  readonly certificates: Certificates | undefined
}

export function createListeners(ports: ListenersPorts): Listeners {
  let running: readonly Running[] = []
  const retired = new Set<ServingListener>()
  const failed = (error: Error) =>
    ports.log.warn('A connection could not be accepted', { error: { message: error.message } })
  let stopping = false

  async function prepareOne(spec: Listener, generation: Generation): Promise<Next> {
    const certificates = spec.tls && loadCertificates(spec.tls, ports.secret)
    const same = running.find(({ listener }) => isSame(listener.spec, spec))
    if (same !== undefined) return { ...same, opened: false, generation, certificates }
    const listener = createServingListener(spec, generation, ports.serving(spec.name), certificates)
    const socket = running.find((one) => takesOver(one.listener.spec, spec))?.socket
    if (socket !== undefined) return { listener, socket, opened: false, generation, certificates }
    return {
      listener,
      socket: await openListeningSocket(spec.name, spec.address, failed),
      opened: true,
      generation,
      certificates,
    }
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
      const closed = running.some((one) => one.socket === socket) ? undefined : socket.close()
      if (!running.some((one) => one.listener === listener)) retire(listener, generationOf, closed)
    }
  }

  /** What still comes over its connections is served by the gateway that runs, under the old listener's settings. */
  function retire(
    listener: ServingListener,
    generationOf: (spec: Listener) => Generation,
    socketClosed: Promise<void> | undefined,
  ): void {
    retired.add(listener)
    listener.handler.generation = generationOf(listener.spec)
    // not before the address is closed: clients that are told to close would come back to it
    void Promise.resolve(socketClosed)
      .then(() => {
        listener.handler.drain()
        return listener.handler.closed()
      })
      .then(() => {
        listener.handler.destroy()
        retired.delete(listener)
      })
  }

  const all = () => [...running.map(({ listener }) => listener), ...retired]

  return {
    async prepare(specs, generationOf) {
      const results = await Promise.allSettled(specs.map((spec) => prepareOne(spec, generationOf(spec))))
      const next = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
      const undo = () => closeOpened(next)
      const failure = results.find((result) => result.status === 'rejected')
      if (failure !== undefined) {
        undo()
        throw failure.reason
      }
      return { commit: () => commit(next, generationOf), undo }
    },
    status: () =>
      running.map(({ listener, socket }) => ({
        name: listener.spec.name,
        address: socket.address,
        state: stopping ? 'stopping' : 'listening',
      })),
    async drain() {
      stopping = true
      await Promise.all(running.map(({ socket }) => socket.close()))
      for (const { handler } of all()) handler.drain()
      await Promise.all(all().map(({ handler }) => handler.quiet()))
    },
    destroy() {
      for (const { handler } of all()) handler.destroy()
    },
  }
}

function closeOpened(next: readonly Next[]): void {
  for (const { opened, socket } of next) if (opened) void socket.close()
}

function useCertificates(listener: ServingListener, certificates: Certificates, ports: ListenersPorts): void {
  listener.useCertificates(certificates)
  for (const { name, notAfter } of certificates.list) ports.certificate(name, notAfter)
}

/** The model is plain data that is always written in the same order. */
function isSame(a: Listener, b: Listener): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}

/** An address stays open for whoever has it next; a port that the system chose stays with its listener. */
function takesOver(a: Listener, b: Listener): boolean {
  const [one, other] = [a.address, b.address]
  return one.host === other.host && one.port === other.port && (one.port !== 0 || a.name === b.name)
}
