import type { IncomingMessage, ServerResponse } from 'node:http'
import type { GatewayStatus } from '@coatcheck/model'
import type { MetricsSnapshot } from './observability.ts'
import { renderMetrics } from './render-metrics.ts'

/** One thing that must hold for the gateway to take traffic. */
export interface Check {
  /** Lower case with hyphens, as `store-main`; what `?exclude=` names. */
  readonly name: string
  readonly ok: boolean
  /** Why it does not hold, or what is not well although it does. No secrets. */
  readonly reason: string | undefined
}

export interface InternalHandlerOptions {
  readonly status: () => GatewayStatus
  /** What `/readyz` looks at. */
  readonly checks: () => readonly Check[]
  /** Of every process. */
  readonly metrics: () => Promise<readonly MetricsSnapshot[]>
}

export type RequestListener = (request: IncomingMessage, response: ServerResponse) => void

interface Answer {
  readonly status: number
  readonly type: string
  readonly body: string
}

const plain = 'text/plain; charset=utf-8'

/**
 * What the internal listener answers: `/livez` (the process runs), `/startupz` (configuration loaded, listeners open),
 * `/readyz` and its alias `/healthz` (`checks`), `/metrics`, `/status`. GET and HEAD only; anything else is 404.
 *
 * Health answers 200 or 503, and lists the checks where any of them has something to say; `?verbose` lists the checks,
 * `?exclude=NAME` leaves one out.
 */
export function internalHandler(options: InternalHandlerOptions): RequestListener {
  return (request, response) => {
    respond(options, request)
      .catch((): Answer => ({ status: 500, type: plain, body: 'internal error\n' }))
      .then((answer) => send(request, response, answer))
  }
}

async function respond(options: InternalHandlerOptions, request: IncomingMessage): Promise<Answer> {
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return { status: 405, type: plain, body: 'method not allowed\n' }
  const [path, query = ''] = (request.url ?? '').split('?', 2)
  const search = new URLSearchParams(query)
  switch (path) {
    case '/livez':
      return health('livez', [{ name: 'ping', ok: true, reason: undefined }], search)
    case '/startupz':
      return health('startupz', [configurationLoaded(options.status())], search)
    case '/readyz':
    case '/healthz':
      return health(path.slice(1), options.checks(), search)
    case '/metrics': {
      const { contentType, body } = renderMetrics(await options.metrics(), request.headers.accept)
      return { status: 200, type: contentType, body }
    }
    case '/status':
      return { status: 200, type: 'application/json', body: `${JSON.stringify(options.status(), null, 2)}\n` }
    default:
      return { status: 404, type: plain, body: 'not found\n' }
  }
}

/** Not before every listener is open: a configuration whose address cannot be opened is not loaded. */
function configurationLoaded({ configuration }: GatewayStatus): Check {
  const ok = configuration.loadedAt > 0
  return { name: 'configuration', ok, reason: ok ? undefined : 'no configuration was loaded yet' }
}

function health(endpoint: string, checks: readonly Check[], search: URLSearchParams): Answer {
  const excluded = new Set(search.getAll('exclude'))
  const failed = checks.filter(({ ok, name }) => !ok && !excluded.has(name))
  const status = failed.length === 0 ? 200 : 503
  const isQuiet = checks.every(({ reason, name }) => reason === undefined || excluded.has(name))
  if (failed.length === 0 && isQuiet && !search.has('verbose')) return { status, type: plain, body: 'ok\n' }
  const unknown = [...excluded].filter((name) => !checks.some((check) => check.name === name))
  const lines = [
    ...checks.map((check) => (excluded.has(check.name) ? `[+]${check.name} excluded: ok` : line(check))),
    ...(unknown.length === 0 ? [] : [`warn: some checks cannot be excluded: no matches for ${printed(unknown)}`]),
    `${endpoint} check ${failed.length === 0 ? 'passed' : 'failed'}`,
  ]
  return { status, type: plain, body: `${lines.join('\n')}\n` }
}

function line({ name, ok, reason }: Check): string {
  if (ok) return reason === undefined ? `[+]${name} ok` : `[+]${name} ok, but ${reason}`
  return `[-]${name} failed: ${reason ?? 'no reason given'}`
}

/** Names come from the query: bounded, and on one line. */
function printed(names: readonly string[]): string {
  return names
    .slice(0, 10)
    .map((name) => JSON.stringify(name.slice(0, 50)))
    .join(', ')
}

function send(request: IncomingMessage, response: ServerResponse, { status, type, body }: Answer): void {
  response.writeHead(status, {
    'Content-Type': type,
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    ...(status === 405 ? { Allow: 'GET, HEAD' } : {}),
  })
  response.end(request.method === 'HEAD' ? undefined : body)
}
