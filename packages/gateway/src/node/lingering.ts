import type { Server } from 'node:http'
import type { Schedule } from '@coatcheck/session'
import { type Connection, hasBegun } from './connection.ts'
import { socketsInRequest } from './http1-server.ts'

/** Connections that are to end, and are open for a while: a request may be on its way over them. */
export interface Lingering {
  add(connections: Iterable<Connection>): void
  has(connection: Connection): boolean
  delete(connection: Connection): void
  /** Calls all timers off. */
  stop(): void
}

export interface LingeringOptions {
  readonly schedule: Schedule
  /** Whose connections they are, but for those of HTTP/2. */
  readonly http1: Server
  /** Told of those over which nothing came in their time; they do not linger any more. */
  readonly silent: (connections: readonly Connection[]) => void
}

/**
 * Milliseconds. A request may have been sent that long ago over a connection that looks idle: a round trip around the
 * world, twice.
 */
const lingerTime = 1_000

/** One whose head has begun to arrive has the time that heads have: it lingers on. */
export function createLingering({ schedule, http1, silent }: LingeringOptions): Lingering {
  const lingering = new Set<Connection>()
  const callOff = new Set<() => void>()

  function add(connections: Iterable<Connection>): void {
    const added = [...connections]
    for (const connection of added) lingering.add(connection)
    const cancel = schedule(() => {
      callOff.delete(cancel)
      look(added.filter((connection) => lingering.has(connection)))
    }, lingerTime)
    callOff.add(cancel)
  }

  function look(connections: readonly Connection[]): void {
    const inRequest = socketsInRequest(http1)
    const isSilent = (connection: Connection) =>
      !hasBegun(connection) && !(connection.promisedMore && inRequest.has(connection.socket))
    const over = connections.filter(isSilent)
    for (const connection of over) lingering.delete(connection)
    const begun = connections.filter((connection) => lingering.has(connection))
    if (begun.length > 0) add(begun)
    silent(over)
  }

  return {
    add,
    has: (connection) => lingering.has(connection),
    delete: (connection) => void lingering.delete(connection),
    stop() {
      for (const cancel of callOff) cancel()
    },
  }
}
