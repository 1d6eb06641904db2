import type { Listener } from '@coatcheck/model'
import { type ListeningOptions, type ListeningSocket, openListeningSocket } from './listening-socket.ts'

/** The addresses that listeners have open, over reloads. */
export interface Addresses {
  /**
   * Opens addresses that are new. Nothing that runs is changed before `commit`.
   *
   * @throws ProgramError `address-in-use`, `address-unusable`; nothing stays open then
   */
  prepare(specs: readonly Listener[]): Promise<PreparedAddresses>
  /** Closes all of them; resolves when no more connections come. */
  close(): Promise<void>
}

export interface PreparedAddresses {
  /** By the listener's name. One that stays open is the same as before. */
  readonly sockets: ReadonlyMap<string, ListeningSocket>
  /** Closes those that no listener has any more; resolves when no more connections come over them. */
  commit(): Promise<void>
  /** Closes what was opened. */
  undo(): void
}

interface Open {
  readonly spec: Listener
  readonly socket: ListeningSocket
}

/** Addresses that this process opens. */
export function createAddresses(options: ListeningOptions): Addresses {
  let open: readonly Open[] = []

  async function find(spec: Listener): Promise<Open> {
    const same = open.find((one) => takesOver(one.spec, spec))
    return { spec, socket: same?.socket ?? (await openListeningSocket(spec.name, spec.address, options)) }
  }

  return {
    async prepare(specs) {
      const results = await Promise.allSettled(specs.map(find))
      const next = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
      const undo = () => void closeAll(missing(next, open))
      const failure = results.find((result) => result.status === 'rejected')
      if (failure !== undefined) {
        undo()
        throw failure.reason
      }
      return {
        sockets: new Map(next.map(({ spec, socket }) => [spec.name, socket])),
        async commit() {
          const gone = missing(open, next)
          open = next
          await closeAll(gone)
        },
        undo,
      }
    },
    close: () => closeAll(open),
  }
}

/** Those of `list` whose address is not among `others`. */
function missing(list: readonly Open[], others: readonly Open[]): Open[] {
  return list.filter(({ socket }) => !others.some((other) => other.socket === socket))
}

async function closeAll(list: readonly Open[]): Promise<void> {
  await Promise.all(list.map(({ socket }) => socket.close()))
}

/** An address stays open for whoever has it next; a port that the system chose stays with its listener. */
function takesOver(a: Listener, b: Listener): boolean {
  const [one, other] = [a.address, b.address]
  return one.host === other.host && one.port === other.port && (one.port !== 0 || a.name === b.name)
}
