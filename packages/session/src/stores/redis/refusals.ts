/**
 * Whether servers refuse what every session needs: a command that our user may not call, keys that it may not touch, a server
 * that takes only some of them. They answer, and yet no session can be read or made: that is no store.
 */
import type { RedisConnection, Script } from './connection/connection.ts'
import { isOutOfMemory, StoreFailure } from './connection/failure.ts'
import type { ConnectionPorts } from './connection/ports.ts'
import { createScript, readScript, updateScript } from './scripts.ts'
import { maxValueLength } from './value.ts'

/** Milliseconds from a refusal to the next try. */
const tryEvery = 1000

export interface Refusals {
  /** What was refused last; `undefined` when nothing was, or when it is done again. */
  readonly last: StoreFailure | undefined
  /** The same connection; what it is refused is noted. */
  readonly connection: RedisConnection
  close(): void
}

/**
 * One refusal of a read, a start or a change is enough; of anything else, whether a session can be read is tried at once.
 * From then on the same is tried once a second, so that nobody has to come to find out that it is mended.
 */
export function watchRefusals(connection: RedisConnection, ports: ConnectionPorts): Refusals {
  const { runDurably } = connection
  let last: StoreFailure | undefined
  let trying = false
  let closed = false
  let cancel = () => {}

  async function watch<Result>(script: Script, key: string, result: Promise<Result>): Promise<Result> {
    try {
      return await result
    } catch (error) {
      if (isRefusal(error) && !trying && !closed) refused(script, key, error)
      throw error
    }
  }

  function refused(script: Script, key: string, failure: StoreFailure): void {
    const writes = script === createScript || script === updateScript
    trying = true
    if (writes || script === readScript) {
      last = failure
      later(key, writes)
    } else void tryAgain(key, false)
  }

  function later(key: string, writes: boolean): void {
    if (!closed) cancel = ports.schedule(() => void tryAgain(key, writes), tryEvery)
  }

  async function tryAgain(key: string, writes: boolean): Promise<void> {
    last = await (writes ? write(key) : read(key)).then(
      () => undefined,
      (error: unknown) => (isRefusal(error) ? error : isOutOfMemory(error) ? undefined : last),
    )
    trying = last !== undefined
    if (trying) later(key, writes)
  }

  function read(key: string): Promise<unknown> {
    return connection.run(readScript, key, [maxValueLength], { idempotent: true })
  }

  /** What is there stays. What is not there was refused: then it is nothing, for a millisecond. */
  function write(key: string): Promise<unknown> {
    const args = ['', 1]
    return runDurably?.(createScript, key, args) ?? connection.run(createScript, key, args, { idempotent: true })
  }

  return {
    get last() {
      return last
    },
    connection: {
      ...connection,
      get state() {
        return connection.state
      },
      run: (script, key, args, options) => watch(script, key, connection.run(script, key, args, options)),
      runDurably:
        runDurably && ((script, key, args, within) => watch(script, key, runDurably(script, key, args, within))),
    },
    close() {
      closed = true
      cancel()
    },
  }
}

/** What no other try changes: something is forbidden, or lies elsewhere, whereto nothing leads from here. */
function isRefusal(error: unknown): error is StoreFailure {
  if (!(error instanceof StoreFailure) || error.reply === undefined) return false
  return error.reason === 'forbidden' || error.reply === 'MOVED'
}
