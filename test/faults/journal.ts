/**
 * What one visitor was told of a session, and what may be seen of it therefore. A state is `USER/NOTE`, or `-` where nobody
 * is signed in. A change that was refused may have happened, or happen a little later, so that there may be several states
 * at a time; they stand in the order in which they can become true.
 */

/** Milliseconds within which every gateway knows of a change that another one confirmed. */
export const bound = 2000

export const nobody = '-'

/**
 * - `right`: what was confirmed, or what may have become of a change that was refused
 * - `late`: what was true up to 2 seconds ago, told by a gateway that did not make the change
 * - `missing`: something older, or nothing, though a change was confirmed
 * - `undone`: the same, after a change that was refused, and none that was confirmed since
 * - `foreign`: what never was a state of this session
 */
export type Judgement = 'right' | 'late' | 'missing' | 'undone' | 'foreign'

export interface Journal {
  /** What may be, in the order in which it can become true. */
  readonly states: readonly string[]
  /** No change was refused since the last one that was confirmed. */
  readonly promised: boolean
  /** When the last change was confirmed. */
  readonly confirmedAt: number
  /** A gateway confirmed that this is the state from now on. */
  confirm(state: string, gateway: number, at: number): void
  /** A change to this state was refused: it may have happened. */
  perhaps(state: string): void
  /** A gateway told this state, in answer to a request that was sent at `sentAt`. */
  judge(state: string, gateway: number, sentAt: number): Judgement
}

interface Former {
  readonly state: string
  readonly until: number
  /** The gateway that made the change knows better. */
  readonly notBy: number
}

/** Milliseconds are of one clock, whichever. */
export function createJournal(): Journal {
  let states = [nobody]
  let former: Former[] = []
  /** No change was refused since the last one that was confirmed. */
  let promised = true
  const past = new Set([nobody])
  let confirmedAt = Number.NEGATIVE_INFINITY

  return {
    get states() {
      return states
    },
    get promised() {
      return promised
    },
    get confirmedAt() {
      return confirmedAt
    },
    confirm(state, gateway, at) {
      const over = states.filter((known) => known !== state)
      former = [...former, ...over.map((known) => ({ state: known, until: at + bound, notBy: gateway }))]
      former = former.filter(({ until }) => until >= at)
      states = [state]
      promised = true
      past.add(state)
      confirmedAt = at
    },
    perhaps(state) {
      states.push(state)
      promised = false
      past.add(state)
    },
    judge(state, gateway, sentAt) {
      // The newest one of them, so that one seen twice does not bring back what lies between.
      const index = states.lastIndexOf(state)
      if (index >= 0) {
        const over = states.slice(0, index)
        former.push(...over.map((known) => ({ state: known, until: sentAt + bound, notBy: gateway })))
        states = states.slice(index)
        return 'right'
      }
      const late = former.some((one) => one.state === state && sentAt <= one.until && one.notBy !== gateway)
      if (late) return 'late'
      if (!past.has(state)) return 'foreign'
      return promised ? 'missing' : 'undone'
    },
  }
}
