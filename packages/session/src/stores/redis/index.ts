/**
 * Records in Redis or Valkey (Redis ≥ 6.2, Valkey ≥ 7.2): every gateway with the same prefix shares them, and a session
 * that changed or ended on one of them is not served from what another one cached.
 */
import type { PrefixedStores } from '../../store.ts'
import { type ChannelState, createChannel } from './channel/channel.ts'
import { connect } from './connection/connect.ts'
import type { ConnectionState } from './connection/connection.ts'
import { type ConnectionPorts, realPorts } from './connection/ports.ts'
import type { ConnectionOptions } from './options.ts'
import { type RedisRecords, redisRecords } from './records.ts'
import { createStoreClock } from './store-clock.ts'

export { redisAcl } from './acl.ts'
export type { ChannelState } from './channel/channel.ts'
export type { ConnectionState, FailureReason, RedisFailure } from './connection/connection.ts'
export type { Auth, ConnectionOptions, Deployment, Node, Tls } from './options.ts'
export type { RedisRecords } from './records.ts'

/** One connection, and the stores on it. */
export interface RedisStores extends PrefixedStores {
  /** The same store for the same prefix, until everybody who asked for it has closed it. */
  under(prefix: string): RedisRecords
  readonly state: ConnectionState
  /** While it is down, nothing cached is believed, and every request reads its session. */
  readonly channel: ChannelState
  /** False after a server did not let us publish a change: other gateways serve what they cached for up to its age. */
  readonly tells: boolean
  /** Idempotent. */
  close(): Promise<void>
}

/**
 * Connects in the background, and again for ever: a store that is down fails what is asked of it with
 * `ERR_STORE_UNAVAILABLE`, and nothing else.
 */
export function connectRedis(options: ConnectionOptions, ports: ConnectionPorts = realPorts): RedisStores {
  const connection = connect(options, ports)
  const clock = createStoreClock(ports.now, ports.wallClock)
  const channel = createChannel(connection, { cluster: options.deployment.kind === 'cluster', clock, ports })
  const open = new Map<string, { readonly records: RedisRecords; users: number }>()

  function under(prefix: string): RedisRecords {
    const known = open.get(prefix) ?? { records: redisRecords(prefix, { connection, channel, clock, ports }), users: 0 }
    open.set(prefix, known)
    known.users += 1
    return closedOnce(known.records, async () => {
      known.users -= 1
      if (known.users > 0) return
      if (open.get(prefix) === known) open.delete(prefix)
      await known.records.close()
    })
  }

  return {
    under,
    get state() {
      return connection.state
    },
    get channel() {
      return channel.state
    },
    get tells() {
      return [...open.values()].every(({ records }) => records.tells)
    },
    async close() {
      channel.close()
      await connection.close()
    },
  }
}

/** The same store for one of its users, who may close it twice. */
function closedOnce(records: RedisRecords, close: () => Promise<void>): RedisRecords {
  let closing: Promise<void> | undefined
  return {
    ...records,
    get tells() {
      return records.tells
    },
    close() {
      closing ??= close()
      return closing
    },
  }
}
