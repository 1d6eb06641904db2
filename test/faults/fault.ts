/** Breaks a store under two gateways with traffic, mends it, and tells what everybody saw. */
import { startApplication } from './application.ts'
import { commandTimeout, type Gateway, type StoreSettings, startOne, type Usage } from './gateways.ts'
import { watchReadiness } from './readiness.ts'
import { type Excuse, type Span, type Tally, unexcused, unexplained } from './tally.ts'
import { startTraffic } from './traffic.ts'

/** `COATCHECK_FAULTS=long`: each fault three times, with more visitors and more time in between. */
export const long = process.env.COATCHECK_FAULTS === 'long'
const rounds = long ? 3 : 1
/** At the same time, over two gateways. */
export const visitors = long ? 32 : 16
const warmUp = long ? 3000 : 1200
const coolDown = long ? 3000 : 500

/** Milliseconds for a test of this. */
export const patience = long ? 300_000 : 90_000

/**
 * Milliseconds after which a store that is whole again is used again: attempts to reach it are up to 2 s apart, and a
 * command that waits for one that hangs takes its time.
 */
const grace = 2000 + commandTimeout

/** What a store that promises less may lose. */
export const anything = ['sign-in', 'sign-out', 'change', 'refused'] as const
const nothing: Excuse = { before: 0, kinds: [] }

export interface Fault {
  readonly name: string
  /** How the gateways reach the store; one for both, or one for each. */
  readonly store: StoreSettings | readonly [StoreSettings, StoreSettings]
  readonly serveCachedFor?: string
  readonly durability?: Readonly<Record<string, unknown>>
  /** Nothing changes while it is broken, and a second before: visitors only look, and no ticket is replaced by age. */
  readonly onlyLooking?: boolean
  /** Resolves when the store is whole in all its parts, so that it can be broken (again). */
  ready?(): Promise<void>
  /** Resolves when it is broken. */
  strike(): Promise<void> | void
  /** Milliseconds that it stays so. @defaultValue 2000 */
  readonly lasts?: number
  /** Resolves when the store is able to serve again. */
  mend(): Promise<void> | void
  /** What was confirmed may be lost, from so many milliseconds before the fault; left out: nothing may. */
  readonly mayLose?: Excuse
}

export interface Report {
  readonly fault: Fault
  readonly tally: Tally
  readonly spans: readonly Span[]
  readonly unexplained: readonly string[]
  /** Lost, or returned, and not excused by what the store promises. */
  readonly unexcused: readonly string[]
  /** Of each gateway, milliseconds from the fault until it said that it is not ready; the worst of all rounds. */
  readonly unreadyAfter: readonly (number | undefined)[]
  /** Milliseconds from when the store was whole until the last refusal was asked for; the worst of all rounds. */
  readonly backAfter: number
  /** Requests that were sent while it was broken, and answered with what was asked for. */
  readonly servedMeanwhile: number
  /** Milliseconds: of one that changes nothing, of one that changes something. */
  readonly slowestRefusals: readonly [number, number]
  readonly before: readonly Usage[]
  readonly after: readonly Usage[]
}

export async function suffer(fault: Fault): Promise<Report> {
  const stores = Array.isArray(fault.store) ? (fault.store as readonly StoreSettings[]) : [fault.store, fault.store]
  await using application = await startApplication()
  await using all = new AsyncDisposableStack()
  const gateways: Gateway[] = await Promise.all(
    stores.map(async (store) => {
      const { serveCachedFor, durability, onlyLooking } = fault
      const rotateAfter = onlyLooking ? 'never' : undefined
      const settings = { rotateAfter, durability, serveCachedFor }
      return all.use(await startOne({ store: store as StoreSettings, application, ...settings }))
    }),
  )
  return await run(fault, gateways)
}

async function run(fault: Fault, gateways: readonly Gateway[]): Promise<Report> {
  const readiness = watchReadiness(gateways.map(({ internal }) => internal))
  await readiness.all()
  const traffic = startTraffic({ gateways: gateways.map(({ port }) => port), visitors, pause: 50 })
  await after(warmUp)
  const usage = () => gateways.map((gateway) => gateway.usage())
  const before = usage()
  const spans: Span[] = []
  for (let round = 0; round < rounds; round++) {
    if (fault.onlyLooking) {
      traffic.onlyLooking = true
      await after(1000)
    }
    await fault.ready?.()
    const from = performance.now()
    await fault.strike()
    await after(fault.lasts ?? 2000)
    await fault.mend()
    traffic.onlyLooking = false
    spans.push({ from, to: performance.now() })
    await readiness.all()
    await after(grace + coolDown)
  }
  const tally = await traffic.stop()
  await readiness.stop()
  return reportOf(fault, tally, spans, readiness.unready, before, usage())
}

function reportOf(
  fault: Fault,
  tally: Tally,
  spans: readonly Span[],
  unready: readonly (readonly number[])[],
  before: readonly Usage[],
  afterwards: readonly Usage[],
): Report {
  const losses = [...tally.lost, ...tally.returned]
  const backAfter = spans.map(({ from, to }, i) => {
    const next = spans[i + 1]?.from ?? Number.POSITIVE_INFINITY
    const mine = tally.refused.filter(({ sentAt, milliseconds }) => sentAt > from && sentAt + milliseconds < next)
    return Math.max(0, ...mine.map(({ sentAt }) => sentAt - to))
  })
  return {
    fault,
    tally,
    spans,
    unexplained: unexplained(tally, spans, grace),
    unexcused: unexcused(losses, spans, fault.mayLose ?? nothing, grace),
    unreadyAfter: unready.map((times) => slowestToSay(times, spans)),
    backAfter: Math.max(...backAfter),
    servedMeanwhile: tally.served.filter((at) => spans.some(({ from, to }) => at >= from && at < to)).length,
    slowestRefusals: [slowest(tally, (path) => path === '/'), slowest(tally, (path) => path !== '/')],
    before,
    after: afterwards,
  }
}

/** `undefined`: it said nothing in any of them. */
function slowestToSay(times: readonly number[], spans: readonly Span[]): number | undefined {
  const waits = spans.flatMap(({ from, to }) => {
    const first = times.find((at) => at >= from && at <= to + grace)
    return first === undefined ? [] : [first - from]
  })
  return waits.length === 0 ? undefined : Math.max(...waits)
}

function slowest({ refused }: Tally, includes: (path: string) => boolean): number {
  return Math.max(0, ...refused.filter(({ path }) => includes(path)).map(({ milliseconds }) => milliseconds))
}

export function after(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}

/** One row of the table in docs/guide/failure-modes.md. */
export function rowOf(report: Report): string {
  const { fault, tally, spans, unreadyAfter, backAfter, servedMeanwhile, slowestRefusals, before, after } = report
  const broken = spans.reduce((sum, { from, to }) => sum + to - from, 0) / spans.length
  const memory = after.map((usage, i) => usage.memory - before[i]!.memory)
  const known = unreadyAfter.filter((ms) => ms !== undefined)
  const cells = [
    fault.name,
    seconds(broken),
    tally.requests,
    servedMeanwhile,
    tally.refused.length,
    tally.severed.length,
    tally.lost.length + tally.returned.length,
    tally.wrong.length + report.unexplained.length,
    tally.refused.length === 0 ? '–' : seconds(Math.max(...slowestRefusals)),
    known.length === 0 ? 'ready' : seconds(Math.max(...known)),
    tally.refused.length === 0 ? '–' : seconds(backAfter),
    `${Math.round(Math.max(...memory))} MiB`,
  ]
  return `| ${cells.join(' | ')} |`
}

const seconds = (milliseconds: number) => `${(milliseconds / 1000).toFixed(1)} s`
