/** A gateway on a stage: real routes, sessions and middleware, a clock to move, and upstreams that are functions. */
import { Buffer } from 'node:buffer'
import {
  defaultSessionSpec,
  emptyModel,
  type GatewayModel,
  type MiddlewareSpec,
  type Route,
  type SessionSpec,
} from '@coatcheck/model'
import type { RecordStore } from '@coatcheck/session'
import { memoryRecords } from '@coatcheck/session/stores/memory'
import { beginExchange } from '../begin.ts'
import { compile, type ForwardFactory, type Gateway } from '../compile.ts'
import type { Exchange } from '../exchange.ts'
import type { ForwardRequest } from '../forward.ts'
import { headerValues } from '../headers.ts'
import { compileListener } from '../listener.ts'
import type { GatewayObserver, LogFields, Ports } from '../ports.ts'
import type { RawRequest } from '../raw-request.ts'
import type { ReadMatch, ReadRoute } from '../read-matches.ts'
import type { Reply } from '../reply.ts'
import { createForward } from '../upstream/forward.ts'
import { listenerSpec, rawRequest } from './requests.ts'

/** What an upstream answers; 200 without headers or body where nothing else is said. */
export type Respond = (request: ForwardRequest, upstream: string) => Partial<Reply> | Promise<Partial<Reply>>

export interface StageOptions {
  readonly routes: readonly Route[]
  readonly sessions?: readonly SessionSpec[]
  readonly respond?: Respond
  readonly model?: Partial<GatewayModel>
  readonly trustedProxies?: readonly string[]
  readonly records?: RecordStore
  /** Reads what headers and matches refer to; there is none where nothing else is said. */
  readonly secret?: Ports['secret']
  /** The real hop, to `model.upstreams`, in place of `respond`. */
  readonly realHop?: true
}

export interface Stage {
  readonly gateway: Gateway
  /** Every request that reached an upstream, in order. */
  readonly sent: (ForwardRequest & { readonly to: string })[]
  /** Every message of the program's log. */
  readonly logged: { readonly level: string; readonly message: string; readonly fields: LogFields | undefined }[]
  /** Names of the observer's calls with their arguments. */
  readonly observed: (readonly [name: string, ...given: unknown[]])[]
  readonly clock: { now: number }
  readonly records: RecordStore
  /** @param listener name of the one that the request comes in through; `web` when it does not matter */
  ask(part?: Partial<RawRequest>, listener?: string): Promise<Answer>
}

export interface Answer {
  readonly exchange: Exchange
  readonly reply: Reply
  /** The body of an answer of the gateway's own. */
  readonly text: string
  /** `name=value` of every cookie that the answer sets. */
  readonly cookies: string[]
}

export function stage(options: StageOptions): Stage {
  const clock = { now: Date.UTC(2026, 0, 1) }
  const records = options.records ?? memoryRecords({ clock: () => clock.now })
  const observed: Stage['observed'] = []
  const logged: Stage['logged'] = []
  const sent: Stage['sent'] = []
  const log = (level: string) => (message: string, fields?: LogFields) => {
    logged.push({ level, message, fields })
  }
  const gateway = compile(
    modelOf(options),
    {
      clock: () => clock.now,
      secret: options.secret ?? noSecret,
      records: () => records,
      keys: [{ id: 'k1', bytes: new Uint8Array(32).fill(7) }],
      log: { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') },
      observer: recordingObserver(observed),
    },
    options.realHop ? createForward : recordingHop(sent, options.respond),
  )
  const trustedProxies = options.trustedProxies ?? []
  return {
    gateway,
    sent,
    logged,
    observed,
    clock,
    records,
    async ask(part, name = 'web') {
      const exchange = beginExchange(compileListener(listenerSpec({ name, trustedProxies })), rawRequest(part))
      const reply = await gateway.handle(exchange)
      const cookies = headerValues(reply.headers, 'set-cookie').map((cookie) => cookie.split(';', 1)[0]!)
      return { exchange, reply, cookies, text: Buffer.isBuffer(reply.body) ? reply.body.toString() : '' }
    },
  }
}

const noSecret = () => {
  throw new Error('no secrets on this stage')
}

function recordingHop(sent: Stage['sent'], respond: Respond | undefined): ForwardFactory {
  return ({ name }) => ({
    async send(request) {
      sent.push({ ...request, headers: [...request.headers], to: name })
      request.onTarget?.(`${name}:80`)
      return { status: 200, statusText: 'OK', headers: [], body: undefined, ...(await respond?.(request, name)) }
    },
    close() {},
  })
}

function modelOf({ routes, sessions = [sessionSpec()], model }: StageOptions): GatewayModel {
  const named = routes.flatMap(({ action, middleware }) => [
    ...(action.kind === 'proxy' ? [action.upstream] : []),
    ...middleware.flatMap((spec) => (spec.kind === 'mirror' ? [spec.upstream] : [])),
  ])
  const upstreams = [...new Set(named)].map((name) => ({ name, ...anyUpstream }))
  return { ...emptyModel, routes, sessions, upstreams, ...model }
}

/** Settings of an upstream that nobody waits for. */
export const anyUpstream = {
  targets: [{ url: 'http://127.0.0.1:1', weight: 1 }],
  tls: undefined,
  timeouts: { connect: 1000, response: 1000, idle: 1000 },
  failing: { after: 3, for: 1000 },
  connections: { maxIdle: 1, idle: 1000 },
}

function recordingObserver(observed: Stage['observed']): GatewayObserver {
  return new Proxy({} as GatewayObserver, {
    get:
      (_, name) =>
      (...given: unknown[]) => {
        observed.push([String(name), ...given])
      },
  })
}

/** A session with every default, on the store of the stage. */
export function sessionSpec(part: Partial<SessionSpec> = {}): SessionSpec {
  return { ...defaultSessionSpec(part.name ?? 'default', 'stage'), ...part }
}

/** A route for a prefix of any host, to the upstream `app`. */
export function route(
  name: string,
  path: string,
  middleware: MiddlewareSpec[] = [],
  part: Partial<ReadRoute> = {},
): ReadRoute {
  return { name, listeners: undefined, matches: [matchOf(path)], middleware, action: toApp(), ...part }
}

export function matchOf(path: string, part: Partial<ReadMatch> = {}): ReadMatch {
  return { host: undefined, path: { kind: 'prefix', value: path }, methods: [], headers: [], query: [], ...part }
}

export function toApp(part: Partial<Extract<Route['action'], { kind: 'proxy' }>> = {}): Route['action'] {
  return { kind: 'proxy', upstream: 'app', host: { kind: 'keep' }, webSocketOrigins: [], ...part }
}

export const noChanges = { set: [], add: [], remove: [] } as const

/** Headers that a request has anyway, and these. */
export function withHeaders(...headers: string[]): string[] {
  return ['Host', 'shop.example.com', ...headers]
}
