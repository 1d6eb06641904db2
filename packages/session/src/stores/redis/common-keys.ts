/**
 * What the gateways of an installation must have in common. Where no keys are configured, they are made once in the store:
 * set if absent, never replaced, written again by whoever knows them, so that a flush or a failover changes nothing.
 *
 * Keys that lie in the store do not protect sessions against who can read or write the store; keys that are configured do.
 */
import { randomBytes } from 'node:crypto'
import type { SealingKey } from '../../api.ts'
import { SessionError } from '../../errors.ts'
import { checkPrefix } from '../../options.ts'
import type { RedisConnection, RedisFailure } from './connection/connection.ts'
import type { ConnectionPorts } from './connection/ports.ts'
import {
  type Comparison,
  compareGateways,
  describeGateway,
  formatGateway,
  type KnownGateway,
  type SharedSettings,
} from './known-gateways.ts'
import { knownFor, meetOthers } from './meeting.ts'
import { readCommonKeys, shareKeys } from './shared-keys.ts'

export interface CommonOptions {
  /** Keys that are configured, the first one writes. @defaultValue those of the store, made there when it has none */
  readonly keys?: readonly SealingKey[] | undefined
  /** What all gateways under the prefix should have alike: short texts by name, at most 256 characters each. */
  readonly settings?: SharedSettings | undefined
}

/** What one process knows of itself under one prefix, whoever asks for it again after a reload. */
export interface Remembered {
  /** Keys that were read or made before: during an outage too it goes on with them. */
  keys: readonly SealingKey[] | undefined
  /** What it said of itself, and when by the monotonic clock: as long as that lasts it is not met as somebody else. */
  readonly said: Map<string, number>
}

export interface CommonState {
  /** The first one writes, all read; `undefined` as long as the store was not heard of and none are configured. */
  readonly keys: readonly SealingKey[] | undefined
  /** Why no session may be served with them: `ERR_KEYS_NOT_SHARED`. Never once they were found to be right. */
  readonly refused: SessionError | undefined
  /** Why the last look failed. */
  readonly failure: SessionError | undefined
  /** What differs between this gateway and others that run. */
  readonly warnings: readonly string[]
}

export interface CommonKeys {
  readonly state: CommonState
  /** Resolves after the first look, whatever came of it: within the command timeout or two. */
  readonly looked: Promise<void>
  /** Looks now: the store may have lost what was there. */
  look(): void
  /** Calls `listener` when keys, refusal or warnings are others. Returns how to stop. */
  onChange(listener: () => void): () => void
  close(): void
}

/** Milliseconds from one look to the next, and to the next try after one that failed. */
const lookEvery = 20_000
const tryEvery = 1000
/** Of a gateway among others that start at the same moment; then it waits. */
const maxIntroductions = 20
/**
 * How this gateway would get on with those that run, without being one of them: nothing is written.
 *
 * @throws RedisFailure
 */
export async function compareWithOthers(
  connection: RedisConnection,
  prefix: string,
  { keys, settings = {} }: CommonOptions,
): Promise<Comparison> {
  const own = describeGateway(keys ?? (await readCommonKeys(connection, prefix)), settings, prefix)
  const { alike, others } = await meetOthers(connection, prefix, formatGateway(own), 'look')
  return compareGateways(own, others, alike)
}

/** @throws SessionError `ERR_INVALID_OPTION` for a prefix that is none */
export function commonKeys(
  connection: RedisConnection,
  prefix: string,
  { keys: configured, settings = {} }: CommonOptions,
  remembered: Remembered,
  ports: ConnectionPorts,
): CommonKeys {
  checkPrefix(prefix)
  const candidate: SealingKey = { id: `c${randomBytes(4).toString('hex')}`, bytes: randomBytes(32) }
  const listeners = new Set<() => void>()
  const looked = Promise.withResolvers<void>()
  const stop = connection.onPrimaries(look)
  const known = configured ?? remembered.keys
  let state: CommonState = { keys: known, refused: undefined, failure: undefined, warnings: [] }
  let accepted = false
  let looking = false
  let again = false
  let closed = false
  let cancel: (() => void) | undefined

  async function meet(keys: readonly SealingKey[]): Promise<Pick<CommonState, 'refused' | 'warnings'>> {
    const own = describeGateway(keys, settings, prefix)
    const entry = formatGateway(own)
    const { others, conflict } = accepted ? await sayAgain(own, entry) : await introduce(own, entry)
    const { warnings } = compareGateways(own, others.filter(isAnother), true)
    if (conflict !== undefined && !accepted) return { refused: notShared(conflict), warnings }
    accepted = true
    remembered.said.set(entry, ports.now())
    return { refused: undefined, warnings: conflict === undefined ? warnings : [...warnings, conflict] }
  }

  async function sayAgain(own: KnownGateway, entry: string) {
    const { others, alike } = await meetOthers(connection, prefix, entry, 'say')
    return { others, conflict: compareGateways(own, others, alike).conflict }
  }

  /** Says nothing before it is known that it may, of everything that others say at that moment. */
  async function introduce(own: KnownGateway, entry: string) {
    for (let attempt = 0; attempt < maxIntroductions; attempt += 1) {
      const { others, alike } = await meetOthers(connection, prefix, entry, 'look')
      const { conflict } = compareGateways(own, others, alike)
      if (conflict !== undefined) return { others, conflict }
      if ((await meetOthers(connection, prefix, entry, others)).said) return { others, conflict }
    }
    throw new SessionError(
      'ERR_STORE_UNAVAILABLE',
      'So many gateways start that what they share could not be compared yet.',
    )
  }

  /** Not what this process said of itself before its settings changed. */
  function isAnother(entry: string): boolean {
    const saidAt = remembered.said.get(entry)
    if (saidAt === undefined) return true
    if (ports.now() - saidAt < knownFor) return false
    remembered.said.delete(entry)
    return true
  }

  async function lookOnce(): Promise<CommonState> {
    const keys = configured ?? (await shareKeys(connection, prefix, state.keys ?? [], candidate))
    // Kept in mind at once: what was made must be written again, whatever fails from here on.
    state = { ...state, keys }
    if (configured === undefined) remembered.keys = keys
    return { keys, failure: undefined, ...(await meet(keys)) }
  }

  async function run(): Promise<void> {
    looking = true
    const before = state
    try {
      state = await lookOnce()
    } catch (error) {
      state = { ...state, failure: asFailure(error) }
    }
    looking = false
    looked.resolve()
    if (closed) return
    cancel?.()
    cancel = ports.schedule(look, again ? 0 : pauseAfter(state.failure))
    again = false
    if (differs(before, state)) for (const listener of [...listeners]) listener()
  }

  function look(): void {
    if (closed) return
    if (looking) again = true
    else void run()
  }

  look()
  return {
    get state() {
      return state
    },
    looked: looked.promise,
    look,
    onChange(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    close() {
      closed = true
      stop()
      cancel?.()
      looked.resolve()
      listeners.clear()
    },
  }
}

/** Asking again changes nothing where the server does not let us. */
function pauseAfter(failure: SessionError | undefined): number {
  if (failure === undefined) return lookEvery
  return (failure as Partial<RedisFailure>).reason === 'forbidden' ? lookEvery : tryEvery
}

function asFailure(error: unknown): SessionError {
  return error instanceof SessionError
    ? error
    : new SessionError('ERR_STORE_UNAVAILABLE', String(error), { cause: error })
}

function notShared(conflict: string): SessionError {
  return new SessionError('ERR_KEYS_NOT_SHARED', conflict)
}

function differs(a: CommonState, b: CommonState): boolean {
  return (
    a.keys !== b.keys || a.refused?.message !== b.refused?.message || a.warnings.join('\n') !== b.warnings.join('\n')
  )
}
