/**
 * Records in Redis or Valkey (Redis ≥ 6.2, Valkey ≥ 7.2): every gateway with the same prefix shares them, and a session
 * that changed or ended on one of them is not served from what another one cached.
 */
import type { SealingKey } from '../../api.ts'
import { sessionDefaults } from '../../defaults.ts'
import type { AcceptingOnce, Indexing, Listing, PrefixedStores } from '../../store.ts'
import { type ChannelState, createChannel } from './channel/channel.ts'
import { type CommonKeys, type CommonOptions, commonKeys, compareWithOthers, type Remembered } from './common-keys.ts'
import { connect } from './connection/connect.ts'
import type { ConnectionState, RedisFailure } from './connection/connection.ts'
import { type ConnectionPorts, realPorts } from './connection/ports.ts'
import { createFullness } from './fullness.ts'
import { redisIndex } from './index-entries.ts'
import type { Comparison } from './known-gateways.ts'
import { redisList } from './list.ts'
import { redisOnce } from './once.ts'
import type { ConnectionOptions } from './options.ts'
import { type RedisRecords, redisRecords } from './records.ts'
import { watchRefusals } from './refusals.ts'
import { readCommonKeys } from './shared-keys.ts'
import { createStoreClock } from './store-clock.ts'

export { redisAcl } from './acl.ts'
export type { ChannelState } from './channel/channel.ts'
export type { CommonKeys, CommonOptions, CommonState } from './common-keys.ts'
export type { ConnectionState, FailureReason, RedisFailure } from './connection/connection.ts'
export type { Comparison } from './known-gateways.ts'
export type { Auth, ConnectionOptions, Deployment, Durability, Node, Tls } from './options.ts'
export {
  type ProbeOptions,
  type ProbeOutcome,
  type ProbeReason,
  type ProbeReport,
  type ProbeStep,
  type ProbeStepName,
  probeRedis,
  probeSteps,
} from './probe/probe.ts'
export type { RedisRecords } from './records.ts'

/** Everything that is kept under one prefix. */
export interface RedisStore extends RedisRecords, AcceptingOnce, Indexing, Listing {}

/** One connection, and the stores on it. */
export interface RedisStores extends PrefixedStores {
  /** The same store for the same prefix, until everybody who asked for it has closed it. */
  under(prefix: string): RedisStore
  /**
   * What the gateways under the prefix must have in common: keys, made in the store where none are configured, and settings.
   *
   * @throws SessionError `ERR_INVALID_OPTION` for a prefix that is none
   */
  common(prefix: string, options?: CommonOptions): CommonKeys
  /** The keys that lie in the store, without making any. @throws RedisFailure */
  readCommonKeys(prefix: string): Promise<readonly SealingKey[]>
  /** What `common` would find, without being met by others: nothing is written. @throws RedisFailure */
  compareWithOthers(prefix: string, options?: CommonOptions): Promise<Comparison>
  readonly state: ConnectionState
  /** While it is down, nothing cached is believed, and every request reads its session. */
  readonly channel: ChannelState
  /** False after a server did not let us publish a change: other gateways serve what they cached for up to its age. */
  readonly tells: boolean
  /**
   * True from when a server refused to start or change a session since its memory is full, until it does so again. What is
   * there is read, touched and ended meanwhile.
   */
  readonly full: boolean
  /**
   * Why no session can be read or made although the store is up: a server forbids what that takes, or has a part of the keys
   * alone. From the first of them until it is done again, which is tried each second.
   */
  readonly refusal: RedisFailure | undefined
  /** Idempotent. */
  close(): Promise<void>
}

/**
 * Connects in the background, and again for ever: a store that is down fails what is asked of it with
 * `ERR_STORE_UNAVAILABLE`, and nothing else.
 */
export function connectRedis(options: ConnectionOptions, ports: ConnectionPorts = realPorts): RedisStores {
  const refusals = watchRefusals(connect(options, ports), ports)
  const { connection } = refusals
  const clock = createStoreClock(ports.now, ports.wallClock)
  const channel = createChannel(connection, { cluster: options.deployment.kind === 'cluster', clock, ports })
  const fullness = createFullness(ports.now)
  const remembered = new Map<string, Remembered>()
  const open = new Map<string, { readonly records: RedisRecords; users: number }>()

  function under(prefix: string): RedisStore {
    const { durability, timeouts } = options
    const timeout = timeouts?.command ?? sessionDefaults.redis.timeouts.command
    const parts = { connection, channel, clock, fullness, ports, timeout, durability }
    const known = open.get(prefix) ?? { records: redisRecords(prefix, parts), users: 0 }
    open.set(prefix, known)
    known.users += 1
    const abilities = {
      ...redisOnce(connection, prefix),
      ...redisIndex(connection, prefix, fullness),
      ...redisList(connection, prefix, parts),
    }
    return withAbilities(known.records, abilities, async () => {
      known.users -= 1
      if (known.users > 0) return
      if (open.get(prefix) === known) open.delete(prefix)
      await known.records.close()
    })
  }

  /** A flush, and a server that lacks what the one before had, show as changes that nobody made. */
  function common(prefix: string, options: CommonOptions = {}): CommonKeys {
    const own = remembered.get(prefix) ?? { keys: undefined, said: new Map() }
    remembered.set(prefix, own)
    const keys = commonKeys(connection, prefix, options, own, ports)
    const records = under(prefix)
    const stop = records.onChange((id) => id === undefined && keys.look())
    return {
      ...keys,
      get state() {
        return keys.state
      },
      close() {
        stop()
        keys.close()
        void records.close()
      },
    }
  }

  return {
    under,
    common,
    readCommonKeys: (prefix) => readCommonKeys(connection, prefix),
    compareWithOthers: (prefix, own = {}) => compareWithOthers(connection, prefix, own),
    get state() {
      return connection.state
    },
    get channel() {
      return channel.state
    },
    get tells() {
      return [...open.values()].every(({ records }) => records.tells)
    },
    get full() {
      return fullness.full
    },
    get refusal() {
      return refusals.last
    },
    async close() {
      channel.close()
      refusals.close()
      await connection.close()
    },
  }
}

/** The same store for one of its users, who may close it twice. */
function withAbilities<Abilities>(records: RedisRecords, abilities: Abilities, close: () => Promise<void>) {
  let closing: Promise<void> | undefined
  return {
    ...records,
    ...abilities,
    get tells() {
      return records.tells
    },
    close(): Promise<void> {
      closing ??= close()
      return closing
    },
  }
}
