import type { GatewayModel, KeySpec, Route, SessionSpec } from '@coatcheck/model'
import { memoryRecords } from '@coatcheck/session/stores/memory'
import { GatewayError } from '../errors.ts'
import type { RouteContext } from '../middleware/context.ts'
import type { GatewayObserver, Log, Ports } from '../ports.ts'
import type { RawRequest } from '../raw-request.ts'
import type { ReadRoute } from '../read-matches.ts'
import { compileSessions } from '../sessions.ts'
import { readTarget } from '../target.ts'
import { chooseRoute } from './candidates.ts'
import { otherReading } from './other-reading.ts'

const nobody = () => {}
const silent: Log = { debug: nobody, info: nobody, warn: nobody, error: nobody }
const blind = new Proxy({} as GatewayObserver, { get: () => nobody })

/** A model whose matches know what they compare with. */
export interface ReadModel extends GatewayModel {
  readonly routes: readonly ReadRoute[]
}

/** What a route is compiled with when nothing outside may be touched: empty stores, keys of zeros, no upstream. */
export function offlineContext(model: ReadModel, route: Route): RouteContext {
  const ports: Ports = {
    clock: () => 0,
    secret: () => {
      throw new Error('no secret is read offline')
    },
    records: () => memoryRecords(),
    keys: keyIds(model).map((id) => ({ id, bytes: new Uint8Array(32) })),
    log: silent,
    observer: blind,
  }
  const sessions = compileSessions(model, ports)
  return {
    route,
    routes: model.routes,
    ports,
    sessions,
    session(name) {
      const found = sessions.find(({ spec }) => spec.name === name)
      if (found === undefined) throw new Error(`it names session "${name}", which is not defined`)
      return found
    },
    forward() {
      throw new Error('nothing is forwarded offline')
    },
    recover(error) {
      throw error
    },
    checkTarget(target, { request }) {
      const { path, readings } = readTarget(target)
      const taker = chooseRoute(model.routes, { ...request, path }).route
      const other = otherReading(model.routes, request, readings, taker)
      if (other !== undefined) throw new GatewayError('ambiguous-target', other.status, `rewritten: ${other.message}`)
    },
  }
}

/** Every key that is named, and one, since a keyring is never empty. */
function keyIds({ keys, sessions }: GatewayModel): string[] {
  const named = (sealing: SessionSpec['sealing']): string[] => {
    if (sealing.kind === 'migrate') return [...named(sealing.from), ...named(sealing.to)]
    return sealing.kind === 'keys' ? [...sealing.keys] : []
  }
  const ids = [...keys.map(({ id }: KeySpec) => id), ...sessions.flatMap(({ sealing }) => named(sealing))]
  return [...new Set(ids.length === 0 ? ['offline'] : ids)]
}

/** The client's address is not known here; it stands as the placeholder that templates have for it. */
export const unknownAddress = '{client.address}'

/**
 * A request for the URL as it was written: the target is not resolved, as URL parsers do, since that is the question.
 */
export function requestFor(
  method: string,
  text: string,
  url: URL,
  scheme: 'http' | 'https',
  headers: readonly (readonly [string, string])[],
): RawRequest {
  const target = /^[a-z]+:\/\/[^/?#]*([^#]*)/i.exec(text)?.[1] ?? '/'
  const upgrade = headers.some(([name, value]) => /^upgrade$/i.test(name) && /^websocket$/i.test(value))
  return {
    httpVersion: '1.1',
    method,
    target: target.startsWith('/') ? target : `/${target}`,
    headers: ['Host', url.host, ...headers.filter(([name]) => !/^host$/i.test(name)).flat()],
    authority: undefined,
    scheme,
    peer: unknownAddress,
    peerPort: undefined,
    certificate: undefined,
    certificateProblem: undefined,
    body: undefined,
    contentLength: undefined,
    transferEncoding: undefined,
    upgrade: upgrade ? 'websocket' : undefined,
    connection: { gone: false, onGone: undefined, inform: nobody, bodyWanted: nobody },
  }
}
