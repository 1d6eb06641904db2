import { Readable } from 'node:stream'
import type { MirrorSpec } from '@coatcheck/model'
import { discard } from '../discard.ts'
import type { Exchange } from '../exchange.ts'
import type { ForwardRequest } from '../forward.ts'
import type { Middleware } from '../middleware.ts'
import type { MirrorSkip } from '../ports.ts'
import type { RouteContext } from './context.ts'

type Skip = (reason: MirrorSkip) => void

/**
 * Largest body that is mirrored. It is kept in memory while it passes, so that the mirror never slows the request down.
 */
const mostBody = 64 * 1024
/** Requests to a mirror that may be open at once; beyond that requests are not mirrored. */
const mostOpen = 100

/**
 * Sends a share of the route's requests to another upstream as well, and throws its answers away. Nothing of it reaches
 * the client: no delay, no error. Not mirrored are upgrades, bodies above 64 KiB or that the upstream did not read to
 * their end, and what comes while 100 mirrored requests are open; large bodies and those of too many are counted.
 */
export function mirror(spec: MirrorSpec, context: RouteContext): Middleware {
  const forward = context.forward(spec.upstream)
  const skip = (reason: MirrorSkip) => context.ports.observer.mirrorSkipped(context.route.name, reason)
  let open = 0

  function send(request: ForwardRequest): void {
    if (open >= mostOpen) {
      skip('busy')
      return
    }
    open++
    forward
      .send(request)
      .then(discard, () => {})
      .finally(() => {
        open--
      })
  }

  return (next) =>
    function mirrored(exchange) {
      if (exchange.request.upgrade === undefined && Math.random() * 100 < spec.percent) mirrorOnce(exchange, send, skip)
      return next(exchange)
    }
}

function mirrorOnce(exchange: Exchange, send: (request: ForwardRequest) => void, skip: Skip): void {
  const { request, outgoing } = exchange
  const copy = { method: outgoing.method, target: outgoing.target, headers: [...outgoing.headers] }
  const whole = (body: Buffer | undefined) =>
    send({
      ...copy,
      body: body && Readable.from([body]),
      contentLength: body?.length ?? request.contentLength,
      upgrade: undefined,
      hostFromTarget: false,
      signal: { gone: false, onGone: undefined },
    })
  if (request.body === undefined) whole(undefined)
  else if ((request.contentLength ?? 0) > mostBody) skip('too_large')
  else collect(request.body, (body) => (body === undefined ? skip('too_large') : whole(body)))
}

/**
 * Looks on while somebody else reads a body. The look begins with the reader's own `data` listener: an earlier one
 * would set the stream flowing before the reader is there. `done` gets nothing of a body that was too large.
 */
function collect(body: Readable, done: (body: Buffer | undefined) => void): void {
  const chunks: Buffer[] = []
  let length = 0
  const onData = (chunk: Buffer) => {
    length += chunk.length
    if (length <= mostBody) chunks.push(chunk)
    else chunks.length = 0
  }
  body.on('newListener', function begin(event) {
    if (event !== 'data') return
    body.off('newListener', begin)
    body.on('data', onData)
    body.once('end', () => done(length <= mostBody ? Buffer.concat(chunks) : undefined))
  })
}
