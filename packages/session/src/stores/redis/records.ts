/** Records of one prefix in Redis: what is read, written and ended, and what is known of it without asking. */
import type { FailedWrite } from '../../errors.ts'
import type { Changing, Clocked, Confirming, RecordStore, Replicating, SessionId, Timed } from '../../store.ts'
import type { Channel } from './channel/channel.ts'
import { createNotes, ended, type Look } from './channel/notes.ts'
import type { Argument, Confirmation, RedisConnection, Script } from './connection/connection.ts'
import { StoreFailure } from './connection/failure.ts'
import type { ConnectionPorts } from './connection/ports.ts'
import { createEndings } from './endings.ts'
import type { Fullness } from './fullness.ts'
import { keysUnder } from './keys.ts'
import type { Durability } from './options.ts'
import { createScript, deleteScript, readScript, touchScript, updateScript } from './scripts.ts'
import type { StoreClock } from './store-clock.ts'
import { formatVersion, goesBack, maxValueLength, newVersion, parseVersion, readValue, writeValue } from './value.ts'

export interface RedisRecords extends RecordStore, Confirming, Changing, Replicating, Timed, Clocked {
  /** False after a server did not let us publish a change: other gateways serve what they cached for up to its age. */
  readonly tells: boolean
}

export interface RecordsOptions {
  readonly connection: RedisConnection
  readonly channel: Channel
  readonly clock: StoreClock
  readonly fullness: Fullness
  readonly ports: ConnectionPorts
  /** Of a command, in milliseconds. */
  readonly timeout: number
  /** As the connection has it. */
  readonly durability?: Durability | undefined
}

/** @throws SessionError `ERR_INVALID_OPTION` for a prefix that is none */
export function redisRecords(
  prefix: string,
  { connection, channel, clock, fullness, ports, timeout, durability }: RecordsOptions,
): RedisRecords {
  const keys = keysUnder(prefix)
  const notes = createNotes()
  const listeners = new Set<Parameters<Changing['onChange']>[0]>()
  const endings = createEndings(ports.now, (id) => run(deleteScript, id, [keys.changed, `${id} ${ended}`]))
  let tells = true

  const membership = channel.join(keys, {
    heard(id, version) {
      notes.heard(id, version)
      if (version === ended) endings.heard(id)
      for (const listener of listeners) listener(id, version === ended ? undefined : version)
    },
    forget: notes.clear,
    reset,
    endAgain: endings.repeat,
  })

  function reset(): void {
    notes.clear()
    for (const listener of listeners) listener()
  }

  function run(script: Script, id: SessionId, args: readonly Argument[], within?: number): Promise<unknown> {
    return connection.run(script, keys.record(id), args, { idempotent: true, within })
  }

  /** Its write is the first of a script that changes anything: where the server refused, nothing was done. */
  async function write(
    script: Script,
    id: SessionId,
    args: readonly Argument[],
    within?: number,
  ): Promise<Confirmation> {
    const { runDurably } = connection
    try {
      if (runDurably !== undefined) return await runDurably(script, keys.record(id), args, within)
      return { reply: await run(script, id, args, within), confirmed: true }
    } catch (error) {
      throw error instanceof StoreFailure && error.reply !== undefined ? notDone(error) : error
    }
  }

  /** What is written is not with as many replicas as it should be: true when that is a failure. */
  function isRefused(operation: 'create' | 'update' | 'delete', confirmed: boolean): boolean {
    if (confirmed || durability === undefined) return false
    durability.onShort?.(operation)
    return durability.short === 'refuse'
  }

  /**
   * A new session that is not with as many replicas as it should be: nobody is to get its ticket, so that it may end whenever it can.
   * Not after the time of the caller, who may have told it by then.
   */
  function takeBack(id: SessionId, isLate: boolean): never {
    if (isLate) throw short('may be lost', { unconfirmed: true })
    // Should the server that takes over have it: it is ended there too.
    endings.add(id)
    run(deleteScript, id, [keys.changed, `${id} ${ended}`]).catch(() => {})
    throw short('is deleted again', { notExecuted: true })
  }

  /** Whatever becomes of it, the look is over afterwards. */
  async function look<Result>(id: SessionId, at: Look, work: () => Promise<Result>): Promise<Result> {
    try {
      return await work()
    } catch (error) {
      notes.failed(id, at)
      throw error
    }
  }

  /** Milliseconds that remain are never 0: at 0 it is still there. */
  function readReply(reply: unknown, sentAt: number) {
    const [value, left, seconds, micros] = reply as readonly [Buffer | null, number, unknown, unknown]
    clock.sample(seconds, micros, sentAt, ports.now())
    const found = value === null || left < 0 ? undefined : readValue(value)
    return { found, remaining: Math.max(left, 1) }
  }

  /** The first number of a reply; the second one says whether others were told. */
  function done(reply: unknown): boolean {
    const [count, told] = reply as readonly (number | undefined)[]
    if (told !== undefined) tells = told === 1
    return count === 1
  }

  return {
    timeout,
    async read(id) {
      if (endings.has(id)) return undefined
      const at = notes.begin(id)
      return look(id, at, async () => {
        const sentAt = ports.now()
        const { found, remaining } = readReply(await run(readScript, id, [maxValueLength]), sentAt)
        const known = notes.versionOf(id)
        // What is older than what was there before: writes were lost, with a server that is not the one it was.
        if (known !== undefined && found !== undefined && goesBack(found.version, known)) {
          reset()
          endings.repeat()
        }
        notes.read(id, at, found?.version, sentAt + remaining)
        // Ended while this was under way: then this is what was before.
        return found === undefined || at.heard === ended || endings.has(id) ? undefined : { ...found, remaining }
      })
    },
    async create(id, bytes, ttl, within) {
      const version = newVersion()
      const value = writeValue(version, bytes)
      const at = notes.begin(id)
      return look(id, at, async () => {
        const sentAt = ports.now()
        const { reply, confirmed } = await fullness.watch(() =>
          write(createScript, id, [value, wholeMilliseconds(ttl)], within),
        )
        if (reply !== 1) {
          notes.failed(id, at)
          return undefined
        }
        if (isRefused('create', confirmed)) takeBack(id, ports.now() - sentAt >= (within ?? Number.POSITIVE_INFINITY))
        endings.forget(id)
        const name = formatVersion(version)
        at.replicated = name
        notes.wrote(id, at, name, sentAt + ttl)
        return name
      })
    },
    async update(id, bytes, version, ttl, within) {
      const before = parseVersion(version)
      if (before === undefined || endings.has(id)) return undefined
      const after = newVersion(before)
      const name = formatVersion(after)
      const value = writeValue(after, bytes)
      const at = notes.begin(id)
      return look(id, at, async () => {
        const sentAt = ports.now()
        const args = [before, value, wholeMilliseconds(ttl), keys.changed, `${id} ${name}`]
        const { reply, confirmed } = await fullness.watch(() => write(updateScript, id, args, within))
        if (!done(reply)) {
          notes.failed(id, at)
          return undefined
        }
        if (isRefused('update', confirmed)) throw short('may be lost', { unconfirmed: true })
        at.replicated = name
        notes.wrote(id, at, name, sentAt + ttl)
        return name
      })
    },
    async touch(id, ttl) {
      if (endings.has(id)) return false
      const at = notes.begin(id)
      return look(id, at, async () => {
        const sentAt = ports.now()
        const version = (await run(touchScript, id, [wholeMilliseconds(ttl)])) as Buffer | null
        // As good as a read: it tells which version is there.
        const found = version === null ? undefined : readValue(version)
        notes.read(id, at, found?.version, sentAt + ttl)
        return found !== undefined && at.heard !== ended && !endings.has(id)
      })
    },
    async replicated(id, version, ttl) {
      if (durability?.short !== 'refuse' || notes.isReplicated(id, version)) return true
      const at = notes.begin(id)
      return look(id, at, async () => {
        const sentAt = ports.now()
        // Replicas take writes in their order: who has this touch has the version that it found.
        const { reply, confirmed } = await write(touchScript, id, [wholeMilliseconds(ttl)])
        const found = reply === null ? undefined : readValue(reply as Buffer)
        const isThere = found?.version === version && !isRefused('update', confirmed)
        if (isThere) at.replicated = version
        notes.read(id, at, found?.version, sentAt + ttl)
        return isThere
      })
    },
    async delete(id) {
      const at = notes.beginEnd(id)
      return look(id, at, async () => {
        const { reply, confirmed } = await write(deleteScript, id, [keys.changed, `${id} ${ended}`])
        const found = done(reply)
        endings.add(id)
        notes.wrote(id, at, ended, 0)
        if (isRefused('delete', confirmed)) throw short('ended, which may be lost', { unconfirmed: true })
        return found
      })
    },
    confirm(id, version) {
      const now = ports.now()
      return membership.believed(now) && notes.confirm(id, version, now)
    },
    onChange(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    now: clock.now,
    get tells() {
      return tells
    },
    async close() {
      membership.leave()
      notes.clear()
      listeners.clear()
    },
  }
}

function notDone({ reason, message, reply }: StoreFailure): StoreFailure {
  return new StoreFailure(reason, message, { notExecuted: true, ...(reply !== undefined && { reply }) })
}

function short(what: string, certainty: FailedWrite): StoreFailure {
  const message = `Not enough replicas confirmed the session in time; it ${what}.`
  return new StoreFailure('busy', message, certainty)
}

/** As the server takes them: never less than was asked for, so that what was promised holds. */
function wholeMilliseconds(ttl: number): number {
  return Math.min(Math.max(Math.ceil(ttl), 1), Number.MAX_SAFE_INTEGER)
}
