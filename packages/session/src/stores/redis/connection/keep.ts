/** Keeps one connection to a node open, for ever. */
import type { Node } from '../options.ts'
import type { Pace } from './backoff.ts'
import { broken, StoreFailure } from './failure.ts'
import type { Link } from './link.ts'
import { nameOf } from './open-link.ts'
import type { ConnectionPorts } from './ports.ts'

export interface Kept {
  readonly node: Node
  /** `host:port`. */
  readonly address: string
  /** `undefined` while there is none. */
  readonly link: Link | undefined
  /** Why there is none. */
  readonly failure: StoreFailure
  /** Gives up `unwanted` when that is still the connection (what is in flight on it ends first), and opens another. */
  renew(unwanted: Link, because: StoreFailure): void
  /** Gives up the connection when what is in flight has ended, and opens no other. */
  retire(): void
  /** Gives up the connection at once, and opens no other. */
  close(): void
}

export type Open = (node: Node, signal: AbortSignal) => Promise<Link>

export interface Timing {
  readonly ports: ConnectionPorts
  readonly pace: Pace
}

/** `changed` is called whenever the link came, went, became writable, or could not be opened. */
export function keep(node: Node, open: Open, changed: () => void, { ports, pace }: Timing): Kept {
  const address = nameOf(node)
  const stop = new AbortController()
  let link: Link | undefined
  let failure = new StoreFailure('timeout', `Not yet connected to Redis at ${address}.`, { notExecuted: true })
  let cancel = () => {}

  const attempt = () => {
    pace.begin(address)
    open(node, stop.signal).then(up, down)
  }
  const soon = () => {
    cancel = ports.schedule(attempt, pace.delay(address))
  }
  const again = () => {
    if (!stop.signal.aborted) soon()
    changed()
  }
  const up = (opened: Link) => {
    if (stop.signal.aborted) return opened.close()
    link = opened
    opened.onDrain(changed)
    opened.onClose((reason) => {
      if (link !== opened) return
      link = undefined
      down(reason)
    })
    if (link !== undefined) changed()
  }
  const down = (error: unknown) => {
    failure = broken(address, error)
    again()
  }
  const drop = (because: StoreFailure) => {
    const dropped = link
    link = undefined
    failure = because
    return dropped
  }
  const end = () => {
    cancel()
    const closed = new StoreFailure('closed', `The connection to Redis at ${address} was closed.`, {
      notExecuted: true,
    })
    stop.abort(closed)
    return drop(closed)
  }
  soon()
  return {
    node,
    address,
    get link() {
      return link
    },
    get failure() {
      return failure
    },
    renew(unwanted, { reason, message }) {
      if (link !== unwanted) return
      // Of what waits for the next connection nothing was done, whatever that is known of this one.
      drop(new StoreFailure(reason, message, { notExecuted: true }))
      unwanted.finish()
      again()
    },
    retire: () => end()?.finish(),
    close: () => end()?.close(),
  }
}
