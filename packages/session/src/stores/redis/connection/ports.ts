/** What a connection asks of the world besides sockets, so that a test can hand in its own. */
import { lookup } from 'node:dns/promises'
import { foregroundTimer, type Schedule } from '../../../schedule.ts'

export interface ConnectionPorts {
  /** Milliseconds of a clock that only goes forward. */
  now(): number
  /** Milliseconds since 1970. */
  wallClock(): number
  /** Keeps the process alive where it is that of the process. */
  readonly schedule: Schedule
  /** 0 ≤ number < 1. */
  random(): number
  /** The addresses of a host name, best first. Rejects with a code of Node's `dns`. */
  lookup(host: string): Promise<readonly string[]>
}

export const realPorts: ConnectionPorts = {
  now: () => performance.now(),
  wallClock: () => Date.now(),
  schedule: foregroundTimer,
  random: () => Math.random(),
  lookup: async (host) => (await lookup(host, { all: true })).map(({ address }) => address),
}
