import type { Secret, UpstreamSpec, UpstreamTimeouts, ValueSource } from '@coatcheck/model'
import type { GatewayError } from '../errors.ts'
import type { GatewayObserver, Log } from '../ports.ts'
import { Balance } from './balance.ts'
import type { ConnectionSettings } from './connection.ts'
import { type DialUser, dial } from './dial.ts'
import { Failures, reasonOf } from './failures.ts'
import { Pool } from './pool.ts'
import { readTarget, type Target } from './target.ts'
import { Ticker } from './ticker.ts'
import { readTls } from './tls.ts'

/** What a forward needs of the world. */
export interface ForwardPorts {
  /** Certificates and keys, already read. */
  readonly secret: (source: ValueSource) => Secret<Buffer>
  readonly log?: Log
  readonly observer: Pick<GatewayObserver, 'upstreamRequest' | 'upstreamError' | 'upstreamTarget'>
  /** Milliseconds; how long a target is set aside. Timeouts have their own time (`Ticker`). */
  readonly clock: () => number
}

/** A target with all it takes to reach it. */
export interface Destination extends Target {
  readonly pool: Pool
  /** @returns gives up */
  dial(upgrade: boolean, user: DialUser): () => void
}

/** One upstream of the model, ready to be sent to. */
export interface Upstream {
  readonly name: string
  readonly timeouts: UpstreamTimeouts
  readonly destinations: readonly Destination[]
  readonly balance: Balance<Destination>
  /** An answer's head came, so many milliseconds after its request. */
  answered(milliseconds: number): void
  /** Counts the error, and gives it back. */
  failed(error: GatewayError): GatewayError
}

/** @throws what `ports.secret` throws, and OpenSSL's error for certificates and keys that cannot be used */
export function openUpstream(spec: UpstreamSpec, ports: ForwardPorts): Upstream {
  const { name, timeouts, failing } = spec
  const ticker = new Ticker(Math.min(timeouts.connect, timeouts.response, timeouts.idle, spec.connections.idle))
  const failed = (error: GatewayError) => {
    const reason = reasonOf(error)
    if (reason) ports.observer.upstreamError(name, reason)
    return error
  }
  const destinations = spec.targets.map((target) => openDestination(readTarget(target), spec, ports, ticker, failed))
  return {
    name,
    timeouts,
    destinations,
    balance: new Balance({ targets: destinations, failing, clock: ports.clock, changed: announce(spec, ports) }),
    answered: (milliseconds) => ports.observer.upstreamRequest(name, milliseconds),
    failed,
  }
}

function openDestination(
  target: Target,
  spec: UpstreamSpec,
  ports: ForwardPorts,
  ticker: Ticker,
  failed: (error: GatewayError) => void,
): Destination {
  const pool = new Pool(spec.connections.maxIdle)
  const tls = readTls(target, spec.tls, ports.secret)
  const settings: ConnectionSettings = {
    owner: {
      released: (connection) => pool.put(connection),
      closed: (connection) => pool.remove(connection),
      broke: failed,
    },
    failures: new Failures(spec.name, target.address),
    ticker,
    timeouts: { ...spec.timeouts, unused: spec.connections.idle },
  }
  return { ...target, pool, dial: (upgrade, user) => dial(target, tls, upgrade, settings, user) }
}

function announce({ name, failing }: UpstreamSpec, { observer, log }: ForwardPorts) {
  return ({ url, address }: Target, up: boolean) => {
    observer.upstreamTarget(name, url, up)
    const fields = { upstream: { name, target: address } }
    if (up) log?.info(`Upstream "${name}" at ${address} answers again`, fields)
    else {
      const what = `failed ${failing.after} times in a row, and is set aside for ${failing.for} ms`
      log?.warn(`Upstream "${name}" at ${address} ${what}`, fields)
    }
  }
}
