import { type IncomingHttpHeaders, IncomingMessage } from 'node:http'

/** What Node itself looks up of a request's headers; everything else reads `rawHeaders`. */
interface LookedUp extends IncomingHttpHeaders {
  expect?: string
  te?: string
}
const none: LookedUp = {}

/**
 * A request of HTTP/1 as Node's parser makes it, cheaper and with its body counted.
 *
 * Node asks each request for `headers.expect`, which builds an object of all headers. Nothing here wants that object,
 * so it is not made (it also has no place for headers named `__proto__`).
 */
export class Http1Request extends IncomingMessage {
  /** Bytes of the body that arrived so far, without chunked framing. */
  bodyBytes = 0
  /** Called when it ends with trailers, before its body does. */
  onTrailers: (() => void) | undefined = undefined

  // @ts-expect-error: declared as a property, an accessor at run time
  override get headers(): IncomingHttpHeaders {
    const raw = this.rawHeaders
    for (let i = 0; i < raw.length; i += 2) {
      const length = raw[i]!.length
      if (length === 6 || length === 2) {
        const name = raw[i]!.toLowerCase()
        if (name === 'expect' || name === 'te') return lookedUp(raw)
      }
    }
    return none
  }

  override push(chunk: Buffer | null): boolean {
    if (chunk !== null) this.bodyBytes += chunk.length
    else if (this.rawTrailers.length > 0) this.onTrailers?.()
    return super.push(chunk)
  }
}

function lookedUp(raw: readonly string[]): LookedUp {
  const found: LookedUp = {}
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!.toLowerCase()
    if (name === 'expect' || name === 'te') found[name] = name in found ? `${found[name]}, ${raw[i + 1]}` : raw[i + 1]!
  }
  return found
}
