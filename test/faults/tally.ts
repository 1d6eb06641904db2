/** What all visitors together saw. */
export interface Tally {
  requests: number
  /** When each was sent that was answered with what was asked for. */
  readonly served: number[]
  /** Those of them that came with a ticket: of the others, nothing is asked of the store. */
  readonly servedWithTicket: number[]
  /** 503 with Retry-After, the cookie untouched. */
  readonly refused: Refusal[]
  /** What was true up to two seconds before, told by a gateway that had not heard of the change yet. */
  late: number
  /** A sign-in over a session was refused and had happened: the visitor has the ticket from before, and has to sign in again. */
  readonly severed: string[]
  /** Confirmed, and not there any more. */
  readonly lost: Loss[]
  /** A ticket that was ended, and opens something again. */
  readonly returned: Loss[]
  readonly wrong: string[]
  /** Any other failure. */
  readonly unexplained: Failure[]
  /** Milliseconds of the slowest answer that was no refusal. */
  slowest: number
}

export interface Refusal {
  readonly sentAt: number
  readonly milliseconds: number
  readonly path: string
  readonly gateway?: number
}

export interface Loss {
  /** What is gone; `refused`: what was never confirmed, and seen to have happened all the same. */
  readonly kind: 'sign-in' | 'sign-out' | 'change' | 'refused'
  /** When it was confirmed. */
  readonly confirmedAt: number
  readonly what: string
}

export interface Failure {
  readonly sentAt: number
  readonly what: string
}

export const newTally = (): Tally => ({
  requests: 0,
  served: [],
  servedWithTicket: [],
  refused: [],
  late: 0,
  severed: [],
  lost: [],
  returned: [],
  wrong: [],
  unexplained: [],
  slowest: 0,
})

/** From when something broke until it was whole again. */
export interface Span {
  readonly from: number
  readonly to: number
}

/** Refusals outside the spans count as unexplained: nothing was wrong then. */
export function unexplained({ refused, unexplained }: Tally, spans: readonly Span[], grace: number): string[] {
  const outside = refused.filter(
    ({ sentAt, milliseconds }) => !spans.some(({ from, to }) => sentAt <= to + grace && sentAt + milliseconds >= from),
  )
  const times = outside.map(({ sentAt }) => `refused ${awayFrom(sentAt, spans)} ms after the fault began`)
  return [...unexplained.map(({ sentAt, what }) => `${what} (${awayFrom(sentAt, spans)} ms)`), ...times]
}

/** What a store that promises less may lose: of these kinds, confirmed while it was failing or so many milliseconds before. */
export interface Excuse {
  readonly before: number
  readonly kinds: readonly Loss['kind'][]
}

export function unexcused(
  losses: readonly Loss[],
  spans: readonly Span[],
  { before, kinds }: Excuse,
  grace: number,
): string[] {
  const isAround = ({ confirmedAt }: Loss) =>
    spans.some(({ from, to }) => confirmedAt >= from - before && confirmedAt <= to + grace)
  return losses
    .filter((loss) => !kinds.includes(loss.kind) || !isAround(loss))
    .map(({ confirmedAt, what }) => `${what}, confirmed ${awayFrom(confirmedAt, spans)} ms after the fault began`)
}

function awayFrom(time: number, spans: readonly Span[]): number {
  const last = spans.findLast(({ from }) => from <= time) ?? spans[0]
  return Math.round(time - (last?.from ?? 0))
}
