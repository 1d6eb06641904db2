/**
 * What the gateways of an installation must have in common. Where no keys are configured, they are made once in the store:
 * set if absent, never replaced, written again by whoever knows them, so that a flush or a failover changes nothing.
 *
 * Keys that lie in the store do not protect sessions against who can read or write the store; keys that are configured do.
 */
import { randomBytes } from 'node:crypto'
import type { SealingKey } from '../../api.ts'
import { SessionError } from '../../errors.ts'
import type { RedisConnection, RedisFailure } from './connection/connection.ts'
import type { ConnectionPorts } from './connection/ports.ts'
import { keysUnder } from './keys.ts'
import {
  type Comparison,
  compareGateways,
  fingerprint,
  formatGateway,
  type KnownGateway,
  knownFor,
  meetArguments,
  meetScript,
  parseGateway,
  type SharedSettings,
} from './known-gateways.ts'
import { script } from './scripts.ts'

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
/** Keys that are read at most. */
const maxKeys = 64

/**
 * → field, value, … of the keys that are there. ARGV: most fields, field and value of a new key, then those that are known
 * here. The new one is made only when there is none at all. What a full server refuses is written another time.
 */
const shareScript = script(`
local function add(field, value)
  if redis.call('HGET', KEYS[1], field) then return true end
  local done = redis.pcall('HSET', KEYS[1], field, value)
  return type(done) == 'number' or done
end
for i = 4, #ARGV, 2 do add(ARGV[i], ARGV[i + 1]) end
if redis.call('HLEN', KEYS[1]) > tonumber(ARGV[1]) then return redis.error_reply('ERR far too many fields') end
local function found()
  local keys, all = {}, redis.call('HGETALL', KEYS[1])
  for i = 1, #all, 2 do
    if string.sub(all[i], 1, 4) == 'key:' then keys[#keys + 1] = all[i]; keys[#keys + 1] = all[i + 1] end
  end
  return keys
end
local keys = found()
if #keys > 0 or ARGV[2] == '' then return keys end
local made = add(ARGV[2], ARGV[3])
if made ~= true then return made end
return found()
`)

/** The keys under the prefix, without making any: for who looks at a store and does not serve. @throws RedisFailure */
export async function readCommonKeys(connection: RedisConnection, prefix: string): Promise<readonly SealingKey[]> {
  const { shared } = keysUnder(prefix)
  return sortKeys([], parseKeys(await connection.run(shareScript, shared, [maxKeys, '', ''], { idempotent: true })))
}

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
  const own = gatewayOf(keys ?? (await readCommonKeys(connection, prefix)), settings, prefix)
  const reply = await connection.run(meetScript, keysUnder(prefix).known, meetArguments(''), { idempotent: true })
  const [, ...entries] = reply as readonly [number, ...Buffer[]]
  const others = entries.map(String)
  return compareGateways(own, others.map(parseGateway).filter(isKnown), others.includes(formatGateway(own)))
}

function gatewayOf(keys: readonly SealingKey[], settings: SharedSettings, prefix: string): KnownGateway {
  return { keys: Object.fromEntries(keys.map((key) => [key.id, fingerprint(key, prefix)])), settings }
}

/** @throws SessionError `ERR_INVALID_OPTION` for a prefix that is none */
export function commonKeys(
  connection: RedisConnection,
  prefix: string,
  { keys: configured, settings = {} }: CommonOptions,
  remembered: Remembered,
  ports: ConnectionPorts,
): CommonKeys {
  const names = keysUnder(prefix)
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

  async function share(known: readonly SealingKey[]): Promise<readonly SealingKey[]> {
    const pairs = known.flatMap((key) => [fieldOf(key), textOf(key)])
    const args = [maxKeys, fieldOf(candidate), textOf(candidate), ...pairs]
    const found = parseKeys(await connection.run(shareScript, names.shared, args, { idempotent: true }))
    if (found.length === 0) throw unusable(names.shared)
    return sortKeys(known, found)
  }

  async function meet(keys: readonly SealingKey[]): Promise<Pick<CommonState, 'refused' | 'warnings'>> {
    const own = gatewayOf(keys, settings, prefix)
    const entry = formatGateway(own)
    const reply = await connection.run(meetScript, names.known, meetArguments(entry), { idempotent: true })
    const [alike, ...entries] = reply as readonly [number, ...Buffer[]]
    const others = entries.map(String).filter((other) => other !== entry)
    const { conflict } = compareGateways(own, others.map(parseGateway).filter(isKnown), alike === 1)
    const { warnings } = compareGateways(own, others.filter(isAnother).map(parseGateway).filter(isKnown), true)
    if (conflict === undefined) {
      accepted = true
      remembered.said.set(entry, ports.now())
    }
    if (conflict === undefined) return { refused: undefined, warnings }
    if (accepted) return { refused: undefined, warnings: [...warnings, conflict] }
    // Who does not serve is not to be met.
    if (alike !== 1) await connection.call(names.known, 'ZREM', [names.known, entry], { idempotent: true })
    return { refused: new SessionError('ERR_KEYS_NOT_SHARED', conflict), warnings }
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
    const keys = configured ?? (await share(state.keys ?? []))
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
    cancel = ports.schedule(again ? 0 : pauseAfter(state.failure), look)
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

/** Those that were known first, as they were; then the new ones by their ids, so that all who start together have one order. */
function sortKeys(known: readonly SealingKey[], found: readonly SealingKey[]): readonly SealingKey[] {
  const added = found.filter(({ id }) => !known.some((key) => key.id === id))
  return added.length === 0 ? known : [...known, ...added.sort((a, b) => (a.id < b.id ? -1 : 1))]
}

function fieldOf({ id }: SealingKey): string {
  return `key:${id}`
}

function textOf({ bytes }: SealingKey): string {
  return Buffer.from(bytes).toString('base64url')
}

/** What is no key of ours is left out. */
function parseKeys(reply: unknown): SealingKey[] {
  const fields = (reply as readonly Buffer[]).map(String)
  return fields.flatMap((field, index) => {
    if (index % 2 === 1) return []
    const id = field.slice('key:'.length)
    const bytes = Buffer.from(fields[index + 1] ?? '', 'base64url')
    return /^[A-Za-z0-9_-]{1,32}$/.test(id) && (bytes.length === 16 || bytes.length === 32) ? [{ id, bytes }] : []
  })
}

function unusable(name: string): SessionError {
  return new SessionError(
    'ERR_STORE_UNAVAILABLE',
    `What lies as keys in the hash "${name}" of the store are none. No session can be opened without them. Put them back ` +
      'from a backup, or delete the fields that begin with "key:": then new ones are made, and everybody signs in again.',
  )
}

function asFailure(error: unknown): SessionError {
  return error instanceof SessionError
    ? error
    : new SessionError('ERR_STORE_UNAVAILABLE', String(error), { cause: error })
}

function isKnown(gateway: KnownGateway | undefined): gateway is KnownGateway {
  return gateway !== undefined
}

function differs(a: CommonState, b: CommonState): boolean {
  return (
    a.keys !== b.keys || a.refused?.message !== b.refused?.message || a.warnings.join('\n') !== b.warnings.join('\n')
  )
}
