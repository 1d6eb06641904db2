/** What our keys and channels are called: everything begins with the prefix, and what is no record with `{prefix}:~`. */
import { SessionError } from '../../errors.ts'
import { checkPrefix } from '../../options.ts'
import type { SessionId } from '../../store.ts'

export interface Keys {
  /**
   * Key of a record. Without braces, so that the records of one prefix are spread over the slots of a cluster.
   *
   * @throws SessionError `ERR_INVALID_OPTION` for what cannot be an id
   */
  record(id: SessionId): string
  /** Hash of what all gateways under the prefix share. */
  readonly shared: string
  /** Sorted set of the gateways that run, by the end of what they said of themselves. */
  readonly known: string
  /**
   * Sorted set of the sessions under a name.
   *
   * @throws SessionError `ERR_INVALID_OPTION` for what cannot be a name
   */
  index(name: string): string
  /** When all sessions under a name were ended. The same. */
  ended(name: string): string
  /** Of a token that was accepted, by its hash. */
  once(hash: string): string
  /** Channel that tells of every change. */
  readonly changed: string
}

/** @throws SessionError `ERR_INVALID_OPTION` */
export function keysUnder(prefix: string): Keys {
  checkPrefix(prefix)
  return {
    record(id) {
      if (!/^[A-Za-z0-9_-]{1,128}$/.test(id)) throw notAnId(id)
      return `${prefix}:${id}`
    },
    shared: `${prefix}:~keys`,
    known: `${prefix}:~known`,
    index: (name) => `${prefix}:~index:${checkedName(name)}`,
    ended: (name) => `${prefix}:~ended:${checkedName(name)}`,
    once: (hash) => `${prefix}:~once:${hash}`,
    changed: `${prefix}:~changed`,
  }
}

function checkedName(name: string): string {
  if (/^[A-Za-z0-9_:-]{1,128}$/.test(name)) return name
  const shown = JSON.stringify(name.slice(0, 128))
  throw new SessionError(
    'ERR_INVALID_OPTION',
    `${shown} is no name in an index: 1 to 128 letters, digits, "_", "-" or ":".`,
  )
}

function notAnId(id: string): SessionError {
  const shown = JSON.stringify(id.slice(0, 128))
  return new SessionError('ERR_INVALID_OPTION', `${shown} is no id of a record: 1 to 128 letters, digits, "_" or "-".`)
}
