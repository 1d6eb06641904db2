import type { Listener } from '@coatcheck/model'
import { ProgramError } from '../../errors.ts'
import type { OpenAddress } from '../workers/worker-messages.ts'
import { type ListeningOptions, type ListeningSocket, openListeningSocket } from './listening-socket.ts'

/** The addresses that listeners have open, over reloads: opened by this process, or by another one that hands over. */
export interface Addresses {
  /**
   * Takes addresses that are new, for these listeners. Nothing that runs is changed before `commit`.
   *
   * @param handed what the process that hands over has open for them
   * @throws ProgramError `address-in-use`, `address-unusable`; nothing that was taken is kept then
   */
  prepare(specs: readonly Listener[], handed?: readonly OpenAddress[]): Promise<PreparedAddresses>
  /** Lets go of all of them; resolves when no more connections come. */
  close(): Promise<void>
}

export interface PreparedAddresses {
  /** By the listener's name. One that stays open is the same as before. */
  readonly sockets: ReadonlyMap<string, ListeningSocket>
  /**
   * These are the addresses from now on. Of those that no listener has any more, the process that opened them closes
   * them; there it resolves when no more connections come over them.
   */
  commit(): Promise<void>
  /** Lets go of what was taken. */
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
    if (same !== undefined) return { spec, socket: same.socket }
    try {
      return { spec, socket: await openListeningSocket(spec.name, spec.address, options) }
    } catch (error) {
      const own = open.find((one) => one.spec.address.port === spec.address.port && spec.address.port !== 0)
      throw own !== undefined && isInUse(error) ? overlaps(spec, own, error) : error
    }
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

function isInUse(error: unknown): boolean {
  return error instanceof ProgramError && error.code === 'address-in-use'
}

/** The system does not open all addresses of a port beside one of them; what is open cannot be let go of before. */
function overlaps(spec: Listener, { spec: own, socket }: Open, cause: unknown): ProgramError {
  const wanted = `${spec.address.host ?? ''}:${spec.address.port}`
  return new ProgramError(
    'address-in-use',
    `The address ${wanted} of listener "${spec.name}" overlaps with ${socket.address}, which this gateway has open for listener "${own.name}".`,
    'Nothing was changed: the address that is open would have had to be closed first.',
    'Start Coatcheck again with the new address, or give the listener another port.',
    { cause },
  )
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
