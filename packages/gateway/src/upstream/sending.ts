import type { GatewayError } from '../errors.ts'
import type { ForwardRequest } from '../forward.ts'
import { stripHopByHop } from '../hop-by-hop.ts'
import { now } from '../now.ts'
import type { Reply } from '../reply.ts'
import type { Standing } from './balance.ts'
import type { Connection, ConnectionUser } from './connection.ts'
import type { DialUser } from './dial.ts'
import { clientGone, unavailable } from './failures.ts'
import { hasBody, writeRequestHead } from './request-writer.ts'
import type { ResponseHead } from './response-head.ts'
import type { Destination, Upstream } from './upstream.ts'

/**
 * One request on its way to its response's head, over as many attempts as are safe:
 * - nothing was sent because no connection came about: the next target, for any request;
 * - a connection that had served before broke without a byte of an answer: once more on a fresh one, when the request
 *   may be repeated (RFC 9110, section 9.2.2).
 */
export class Sending implements ConnectionUser, DialUser {
  readonly #upstream: Upstream
  readonly #request: ForwardRequest
  readonly #resolve: (reply: Reply) => void
  readonly #reject: (error: unknown) => void
  readonly #startedAt = now()
  #standing: Standing<Destination> | undefined
  #tried: Standing<Destination>[] = none
  #head = ''
  #connection: Connection | undefined
  #hangUp: (() => void) | undefined
  #repeated = false
  #lastError: GatewayError | undefined

  constructor(
    upstream: Upstream,
    request: ForwardRequest,
    resolve: (reply: Reply) => void,
    reject: (error: unknown) => void,
  ) {
    this.#upstream = upstream
    this.#request = request
    this.#resolve = resolve
    this.#reject = reject
  }

  start(): void {
    if (this.#request.signal.gone) {
      this.#reject(clientGone())
      return
    }
    // V8 keeps a closure that is assigned right where it is made alive with its whole exchange; a variable does not.
    const onGone = () => this.#gone()
    this.#request.signal.onGone = onGone
    this.#attempt()
  }

  #attempt(): void {
    const standing = this.#upstream.balance.pick(this.#tried)
    if (!standing) {
      this.#giveUp(this.#lastError ?? this.#upstream.failed(unavailable(this.#upstream.name)))
      return
    }
    this.#standing = standing
    try {
      this.#head = writeRequestHead(this.#request, standing.target.authority)
    } catch (error) {
      this.#giveUp(error)
      return
    }
    this.#request.onTarget?.(standing.target.address)
    const pooled = this.#request.upgrade ? undefined : standing.target.pool.take()
    if (pooled) this.connected(pooled)
    else this.#dial()
  }

  #dial(): void {
    this.#hangUp = this.#standing!.target.dial(this.#request.upgrade !== undefined, this)
  }

  connected(connection: Connection): void {
    this.#hangUp = undefined
    this.#connection = connection
    connection.send(this.#request, this.#head, this)
  }

  unreachable(error: GatewayError): void {
    this.#hangUp = undefined
    this.#upstream.failed(error)
    this.#upstream.balance.failed(this.#standing!)
    this.#lastError = error
    this.#tried = [...this.#tried, this.#standing!]
    // Black holes cost a whole connect timeout each; nobody waits for more than two.
    if (now() - this.#startedAt >= 2 * this.#upstream.timeouts.connect) this.#giveUp(error)
    else this.#attempt()
  }

  information({ status, statusText, headers }: ResponseHead): void {
    this.#request.onInformation?.(status, statusText, stripHopByHop(headers))
  }

  replied(reply: Reply): void {
    this.#request.signal.onGone = undefined
    this.#upstream.balance.succeeded(this.#standing!)
    this.#upstream.answered(now() - this.#startedAt)
    this.#resolve(reply)
  }

  failed(error: GatewayError, stale: boolean): void {
    this.#connection = undefined
    if (stale && !this.#repeated && mayRepeat(this.#request)) {
      this.#repeated = true
      this.#request.onTarget?.(this.#standing!.target.address)
      this.#dial()
      return
    }
    this.#upstream.failed(error)
    // A kept connection that the upstream closed says nothing about the upstream, nor does a client that left.
    if (!stale && error.code.startsWith('upstream-')) this.#upstream.balance.failed(this.#standing!)
    this.#giveUp(error)
  }

  #gone(): void {
    if (this.#connection) {
      this.#connection.abort()
      return
    }
    this.#hangUp?.()
    this.#giveUp(clientGone())
  }

  #giveUp(error: unknown): void {
    this.#request.signal.onGone = undefined
    this.#reject(error)
  }
}

const none: Standing<Destination>[] = []

/**
 * Methods that may be sent twice (RFC 9110, section 9.2.2), PUT and DELETE among them: the first try may have been
 * acted on.
 */
const idempotent = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE'])

/** Only without a body: what was read of one is gone. */
function mayRepeat(request: ForwardRequest): boolean {
  return idempotent.has(request.method) && !hasBody(request) && request.upgrade === undefined
}
