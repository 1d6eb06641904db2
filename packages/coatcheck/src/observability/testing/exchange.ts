import type { Exchange, FinishedExchange, IncomingRequest, RejectedRequest } from '@coatcheck/gateway'
import type { GatewayModel, Sealing } from '@coatcheck/model'

/** An exchange as it is when its answer is out, for tests. Path, query and host follow from target and authority. */
export function exchange(changes: Partial<Exchange> = {}, request: Partial<IncomingRequest> = {}): Exchange {
  return {
    id: 'request-1',
    startedAt: 0,
    request: incoming(request),
    client: { address: '203.0.113.7', port: 41234, peer: '10.0.0.2', trusted: true, certificate: undefined },
    connection: { gone: false, onGone: undefined } as Exchange['connection'],
    outgoing: { method: 'GET', target: '/cart', headers: [] },
    route: 'shop',
    session: undefined,
    reason: undefined,
    detail: undefined,
    target: undefined,
    upstream: undefined,
    matchedSegments: 0,
    timings: { upstream: undefined, store: undefined },
    ...changes,
  }
}

function incoming(changes: Partial<IncomingRequest>): IncomingRequest {
  const target = changes.target ?? '/cart'
  const authority = changes.authority ?? 'shop.example.com'
  const [path = '', ...query] = target.split('?')
  return {
    listener: 'web',
    httpVersion: '1.1',
    method: 'GET',
    target,
    path,
    query: query.join('?'),
    readings: undefined,
    authority,
    host: authority.replace(/:\d+$/, '').toLowerCase(),
    scheme: 'https',
    headers: ['Host', authority, 'User-Agent', 'Mozilla/5.0 (X11; Linux x86_64)'],
    cookie: undefined,
    body: undefined,
    contentLength: undefined,
    upgrade: undefined,
    ...changes,
  }
}

export function finished(changes: Partial<FinishedExchange> = {}): FinishedExchange {
  return {
    exchange: exchange(),
    status: 200,
    requestBytes: 512,
    responseBytes: 2048,
    duration: 5.4,
    aborted: false,
    ...changes,
  }
}

/** What is no HTTP, and was answered. */
export function rejected(changes: Partial<RejectedRequest> = {}): RejectedRequest {
  return {
    listener: 'web',
    peer: '203.0.113.9',
    peerPort: 41236,
    status: 400,
    code: 'bad-request',
    detail: 'It is not HTTP: Parse Error: Invalid method encountered',
    requestId: 'Jr92nA1qLd6tFx4g',
    responseBytes: 402,
    line: undefined,
    ...changes,
  }
}

/** As much of a session as the access log looks at. */
export function sessionOf(id: string, subject?: string): Exchange['session'] {
  return { id, subject } as Exchange['session']
}

/** A model with the names that are given, and nothing else of interest. */
export function model(names: {
  listeners?: string[]
  routes?: string[]
  sessions?: string[]
  stores?: string[]
  upstreams?: Record<string, string[]>
  sessionField?: string
  sealing?: Sealing
}): GatewayModel {
  const named = (list: string[] | undefined) => (list ?? []).map((name) => ({ name }))
  return {
    listeners: named(names.listeners),
    routes: named(names.routes).map((route) => ({
      ...route,
      matches: [],
      middleware: [{ kind: 'mirror' }],
      action: { kind: 'proxy' },
    })),
    sessions: named(names.sessions).map((session) => ({ ...session, sealing: names.sealing ?? { kind: 'ticket' } })),
    keys: [],
    stores: named(names.stores).map((store) => ({ ...store, kind: 'memory' })),
    upstreams: Object.entries(names.upstreams ?? {}).map(([name, urls]) => ({
      name,
      targets: urls.map((url) => ({ url })),
    })),
    accessLog: { enabled: true, sessionField: names.sessionField ?? 'session.id' },
  } as unknown as GatewayModel
}
