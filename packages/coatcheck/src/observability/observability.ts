import { isatty } from 'node:tty'
import type { GatewayObserver, Log } from '@coatcheck/gateway'
import type { GatewayModel } from '@coatcheck/model'
import type { Schedule } from '@coatcheck/session'
import { createAccessLog } from './access-log.ts'
import { createLineWriter, type LineWriter, pipeBuf } from './line-writer.ts'
import { createLog, type LogLevel } from './log.ts'
import { createMetrics } from './metrics.ts'

/** Metrics of one process as plain JSON, so that a primary can add up those of its workers. */
export type MetricsSnapshot = readonly object[]

export type ConnectionProtocol = 'http' | 'https' | 'h2' | 'websocket'

/** All that is seen of one process: its log, access log and metrics. */
export interface Observability {
  readonly log: Log
  readonly observer: GatewayObserver
  /** Names of a new model are known from the start: one series per route, listener, store, session. */
  configured(model: GatewayModel): void
  /**
   * An attempt to load the configuration, the first one too. Told to one process only, or the total is wrong. `at` in
   * milliseconds since 1970.
   */
  reloaded(result: 'success' | 'failure', at: number): void
  connections(listener: string, protocol: ConnectionProtocol, change: 1 | -1): void
  /** A certificate that is served, told again at every reload. `notAfter` in milliseconds since 1970. */
  certificate(name: string, notAfter: number): void
  storeUp(store: string, up: boolean): void
  /** It takes nothing more, or does again. */
  storeFull(store: string, full: boolean): void
  /** Fewer replicas confirmed a write in time than were asked for. */
  storeUnconfirmed(store: string, operation: 'create' | 'update' | 'delete'): void
  /** Families of our own, at once: without what `process_*` and `nodejs_*` measure. */
  counted(): MetricsSnapshot
  /** All families. */
  snapshot(): Promise<MetricsSnapshot>
  /** Writes what is buffered; bounded in time. */
  flush(): Promise<void>
}

export interface ObservabilityOptions {
  readonly version: string
  /** Source revision of the build. @defaultValue `''` */
  readonly revision?: string | undefined
  /** File descriptor of the access log. @defaultValue 1 */
  readonly stdout?: number | undefined
  /** File descriptor of the program's own log. @defaultValue 2 */
  readonly stderr?: number | undefined
  /** @defaultValue `info` */
  readonly level?: LogLevel | undefined
  /** Processes that write to the same outputs. @defaultValue 1 */
  readonly workers?: number | undefined
  /** Text for people instead of JSON. @defaultValue whether the output is a terminal, each for itself */
  readonly terminal?: boolean | undefined
  /** Milliseconds since 1970. @defaultValue `Date.now` */
  readonly clock?: (() => number) | undefined
  /** When lines of the access log are written. @defaultValue timers */
  readonly schedule?: Schedule | undefined
}

/**
 * Log on stderr, access log on stdout, metrics in memory.
 *
 * The access log is written within 200 ms, the log at once; both when the process exits. An output that blocks holds
 * nothing up: what it does not take is dropped above 4 MiB, and counted.
 */
export function createObservability(options: ObservabilityOptions): Observability {
  const { version, revision = '', stdout = 1, stderr = 2, level, workers = 1, clock = Date.now } = options
  const shared = workers > 1
  const metrics = createMetrics({ version, revision })
  const lines = createLineWriter({
    output: stdout,
    shared,
    dropped: (count) => metrics.dropped('access_log', count),
    schedule: options.schedule,
  })
  const messages = createLineWriter({
    output: stderr,
    shared,
    delay: 0,
    dropped: (count) => metrics.dropped('log', count),
  })
  const common = { version, clock, maxLineBytes: shared ? pipeBuf : undefined }
  const log = createLog({
    ...common,
    write: messages.write,
    level,
    counted: metrics.logged,
    terminal: options.terminal ?? isatty(stderr),
  })
  const accessLog = createAccessLog({ ...common, write: lines.write, terminal: options.terminal ?? isatty(stdout) })
  return {
    log,
    observer: {
      ...metrics,
      exchangeFinished(finished) {
        metrics.exchangeFinished(finished)
        accessLog.finished(finished)
      },
      requestRejected(rejected) {
        metrics.requestRejected(rejected)
        accessLog.rejected(rejected)
      },
    },
    configured(model) {
      metrics.configured(model)
      const problem = accessLog.configure(model.accessLog)
      if (problem !== undefined) log.warn(problem)
    },
    reloaded: metrics.reloaded,
    connections: metrics.connections,
    certificate: metrics.certificate,
    storeUp: metrics.storeUp,
    storeFull: metrics.storeFull,
    storeUnconfirmed: metrics.storeUnconfirmed,
    counted: metrics.counted,
    snapshot: metrics.snapshot,
    flush: () => flushAll([lines, messages]),
  }
}

async function flushAll(writers: readonly LineWriter[]): Promise<void> {
  await Promise.all(writers.map((writer) => writer.flush()))
}
