import type { HeaderChanges, HeadersSpec, HeaderValue } from '@coatcheck/model'
import type { Exchange } from '../exchange.ts'
import type { HeaderList } from '../headers.ts'
import type { Middleware } from '../middleware.ts'
import type { SecretReader } from '../secret-text.ts'
import { aliasesOf, stripAliases } from '../strip-aliases.ts'
import { compileHeaderValue } from '../template-value.ts'
import type { RouteContext } from './context.ts'

/** Written by the gateway itself: framing, the connection, and `Host`, which the route's action decides. */
const notToBeChanged = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/**
 * Changes headers of requests and responses: removed first, then set, then added. What a route sets or removes in
 * requests has been taken from the client's already, in every spelling, where no middleware goes around it
 * (`own-names.ts`). A value that is absent gives no header.
 *
 * @throws Error for a header that is the gateway's own business, for a value that is no template, and for one that
 * cannot be read
 */
export function headers(spec: HeadersSpec, { ports }: Pick<RouteContext, 'ports'>): Middleware {
  checkNames(spec)
  const toRequest = compileValues([...spec.request.set, ...spec.request.add], ports.secret)
  const toResponse = compileValues([...spec.response.set, ...spec.response.add], ports.secret)
  const gone = aliasesOf([...spec.response.remove, ...spec.response.set.map(({ name }) => name)])
  const changesResponse = toResponse !== undefined || spec.response.remove.length > 0

  return (next) => {
    function changeRequest(exchange: Exchange) {
      toRequest?.(exchange.outgoing.headers, exchange)
      return next(exchange)
    }
    if (!changesResponse) return changeRequest
    return async function changeBoth(exchange) {
      const reply = await changeRequest(exchange)
      stripAliases(reply.headers, gone)
      toResponse?.(reply.headers, exchange)
      return reply
    }
  }
}

function checkNames({ request, response }: HeadersSpec): void {
  for (const name of [...namesOf(request), ...namesOf(response)]) {
    if (!notToBeChanged.has(name.toLowerCase())) continue
    throw new Error(`it changes the header "${name}", which the gateway writes itself`)
  }
}

function namesOf({ set, add, remove }: HeaderChanges): string[] {
  return [...set.map(({ name }) => name), ...add.map(({ name }) => name), ...remove]
}

function compileValues(
  values: readonly HeaderValue[],
  secret: SecretReader,
): ((headers: HeaderList, exchange: Exchange) => void) | undefined {
  if (values.length === 0) return undefined
  const compiled = values.map(({ name, value }) => ({ name, value: compileHeaderValue(value, secret) }))
  return function addHeaders(headers, exchange) {
    for (const { name, value } of compiled) {
      const text = value(exchange)
      if (text !== undefined) headers.push(name, text)
    }
  }
}
