import { check } from '../check.ts'
import { defaultSessionSpec, defaults, emptyModel } from '../defaults.ts'
import type {
  GatewayModel,
  Listener,
  MiddlewareSpec,
  Route,
  RouteMatch,
  SessionSpec,
  StoreSpec,
  UpstreamSpec,
} from '../model.ts'

/** A model in which nothing is wrong, its parts, and changes to them. */
export const listener: Listener = {
  name: 'web',
  address: { host: '127.0.0.1', port: 8080 },
  tls: undefined,
  http2: false,
  ...defaults.listener,
}
export const memory: StoreSpec = { kind: 'memory', name: 'memory', ...defaults.memory }
export const session = defaultSessionSpec('default', undefined)
export const upstream: UpstreamSpec = {
  name: 'app',
  targets: [{ url: 'http://10.0.0.1:3000', weight: 1 }],
  tls: undefined,
  timeouts: defaults.upstream.timeouts,
  failing: defaults.upstream.failing,
  connections: defaults.upstream.connections,
}
export const match: RouteMatch = {
  host: undefined,
  path: { kind: 'prefix', value: '/' },
  methods: [],
  headers: [],
  query: [],
}
export const proxy = { kind: 'proxy', upstream: 'app', host: { kind: 'keep' }, webSocketOrigins: [] } as const
export const withSession: MiddlewareSpec = { kind: 'session', session: 'default' }
export const route: Route = { name: 'app', matches: [match], middleware: [{ ...withSession }], action: proxy }
export const good: GatewayModel = {
  ...emptyModel,
  listeners: [listener],
  stores: [memory],
  sessions: [{ ...session, mode: 'enforce' }],
  upstreams: [upstream],
  routes: [route],
}

/** `severity code pointer` of everything that is found. */
export function found(change: Partial<GatewayModel>): string[] {
  const problems = check({ ...good, ...change }, (pointer) => ({ file: pointer, line: 1, column: 1 }))
  return problems.map(({ severity, code, place }) => `${severity} ${code} ${place?.file}`)
}
export const withSpec = (change: Partial<SessionSpec>) => ({ sessions: [{ ...good.sessions[0]!, ...change }] })
export const withCookie = (change: Partial<SessionSpec['cookie']>) =>
  withSpec({ cookie: { ...session.cookie, ...change } })
export const withMatch = (change: Partial<RouteMatch>) => ({
  routes: [{ ...route, matches: [{ ...match, ...change }] }],
})
export const withMiddleware = (...middleware: MiddlewareSpec[]) => ({
  routes: [{ ...route, middleware: [withSession, ...middleware] }],
})
export const noChanges = { set: [], add: [], remove: [] }
export const setting = (name: string, value: string): MiddlewareSpec => ({
  kind: 'headers',
  request: { ...noChanges, set: [{ name, value }] },
  response: noChanges,
})
export const tls = { certificates: [], clientCertificates: undefined }
export const upstreamTls = {
  ca: undefined,
  serverName: undefined,
  certificate: undefined,
  key: undefined,
  insecureSkipVerify: false,
}
