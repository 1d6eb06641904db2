/** One browser: signs in, looks, changes something, signs out, and keeps the tickets that were ended, to try them again. */
import { type Answer, ask } from './client.ts'
import { bound, createJournal, type Journal, nobody } from './journal.ts'
import type { Tally } from './tally.ts'
import { createTrail } from './trail.ts'

export interface Visitor {
  /** One request, of a kind that is thrown for. */
  act(): Promise<void>
  /** Asks for its session on one of the gateways. */
  look(): Promise<void>
  /** Looks at its session and at the tickets that were ended, on every gateway. */
  lookAround(): Promise<void>
}

export interface VisitorOptions {
  /** Names of nobody else begin with it. */
  readonly name: string
  /** Ports. */
  readonly gateways: readonly number[]
  readonly tally: Tally
  /** From 0 to 1. */
  readonly random: () => number
}

/** A ticket that must not open anything any more. */
interface Ghost {
  readonly cookie: string
  readonly endedAt: number
  /** The gateway that ended it. */
  readonly by: number
  readonly how: 'sign-out' | 'sign-in'
}

interface Asked {
  readonly answer: Answer
  readonly seen?: string
}

const maxGhosts = 5

export function createVisitor({ name, gateways, tally, random }: VisitorOptions): Visitor {
  let journal: Journal = createJournal()
  let cookie = ''
  let ghosts: Ghost[] = []
  let user = 0
  let note = 0
  let nonce = 0
  /** A sign-out was refused: it may have happened, and is tried until it has. */
  let leaving = false
  const trail = createTrail()

  const wrong = (what: string, { text, status }: Answer) => tally.wrong.push(`${name}: ${what} (${status} ${text})`)

  /** Gives the state that the request came with; `undefined` when it was refused or failed. */
  async function send(gateway: number, path: string, ticket: string): Promise<Asked> {
    const query = `${name}-${nonce++}`
    const answer = await ask(gateways[gateway]!, `${path}?${query}`, ticket)
    tally.requests += 1
    trail.add(gateway, path, ticket, answer, journal.states.join(' or '))
    const { status, text, retryAfter, sentAt, milliseconds } = answer
    if (status === 503 && retryAfter) {
      tally.refused.push({ sentAt, milliseconds, path, gateway })
      // An end that not all replicas confirmed is told with a 503, and ends what the browser has.
      if (answer.cookie === '' && path !== '/out') wrong('a refusal clears the cookie', answer)
      return { answer }
    }
    if (status !== 200) {
      tally.unexplained.push({ sentAt, what: `${path}: ${status} ${text}` })
      return { answer }
    }
    tally.served.push(sentAt)
    if (ticket !== '') tally.servedWithTicket.push(sentAt)
    tally.slowest = Math.max(tally.slowest, milliseconds)
    const [seen = '', asked] = text.split(' ')
    if (asked !== query) wrong(`the answer to another request than ${query}`, answer)
    return { answer, seen }
  }

  /**
   * A request of this session, whose state is judged. Gives that state, `-` when the visitor has to begin anew; `undefined`:
   * it was refused, or failed.
   */
  async function request(gateway: number, path: string): Promise<Asked> {
    const expected = journal.states.join(' or ')
    const certain = journal.states[0] !== nobody
    const { answer, seen } = await send(gateway, path, cookie)
    if (seen === undefined) {
      if (answer.cookie) cookie = answer.cookie
      return { answer }
    }
    const judgement = journal.judge(seen, gateway, answer.sentAt)
    if (judgement === 'foreign') wrong(`what never was a state of this session, which is ${expected}`, answer)
    if (judgement === 'late') tally.late += 1
    if (judgement === 'missing' || judgement === 'undone') {
      tally.lost.push({
        kind: judgement === 'undone' ? 'refused' : lossOf(journal, seen),
        confirmedAt: journal.confirmedAt,
        what: `${expected} expected, ${seen} found at ${gateway}${trail.tell()}\n`,
      })
    }
    if (judgement === 'right' && seen === nobody && certain && !leaving) {
      tally.severed.push(`${name}: ${expected} ${path}, at ${gateway}`)
    }
    const held = (judgement === 'right' || judgement === 'late') && seen !== nobody
    if (held && answer.cookie === '' && path !== '/out') wrong('the cookie of a session is cleared', answer)
    if (held && answer.cookie) cookie = answer.cookie
    if (!held) startOver()
    return { answer, seen: held ? seen : nobody }
  }

  function startOver(): void {
    journal = createJournal()
    cookie = ''
    leaving = false
  }

  function bury(ticket: string, endedAt: number, by: number, how: Ghost['how']): void {
    if (ticket !== '') ghosts = [...ghosts, { cookie: ticket, endedAt, by, how }].slice(-maxGhosts)
  }

  async function signIn(gateway: number): Promise<void> {
    const next = `${name}.${user++}/${note++}`
    const before = cookie
    const { answer, seen } = await request(gateway, `/login/${next}`)
    if (seen === undefined) {
      if (before === '' && !answer.cookie) return
      journal.perhaps(next)
      // The ticket from before is worthless then, and the new one is not told.
      return journal.perhaps(nobody)
    }
    // A ticket that was replaced: for it nothing is started, so that the answer cannot overwrite the one that replaced it.
    if (!answer.cookie && seen === nobody && before !== '') return
    if (!answer.cookie) {
      // The session was lost between the look at it and the change.
      const what = `${seen} gone at ${gateway} while somebody signed in${trail.tell()}\n`
      tally.lost.push({ kind: journal.promised ? 'sign-in' : 'refused', confirmedAt: journal.confirmedAt, what })
      return startOver()
    }
    bury(before, endOf(answer), gateway, 'sign-in')
    cookie = answer.cookie
    journal.confirm(next, gateway, endOf(answer))
  }

  async function writeNote(gateway: number): Promise<void> {
    const next = note++
    const possible = journal.states.filter((state) => state !== nobody)
    const { answer, seen } = await request(gateway, `/note/${next}`)
    if (seen === undefined) for (const state of possible) journal.perhaps(withNote(state, next))
    else if (seen !== nobody) journal.confirm(withNote(seen, next), gateway, endOf(answer))
  }

  async function signOut(gateway: number): Promise<void> {
    const ticket = cookie
    leaving = true
    const { answer, seen } = await request(gateway, '/out')
    if (seen === undefined) return answer.cookie === '' ? startOver() : journal.perhaps(nobody)
    bury(ticket, endOf(answer), gateway, 'sign-out')
    startOver()
  }

  async function haunt(gateway: number, ghost: Ghost): Promise<void> {
    const { answer, seen } = await send(gateway, '/', ghost.cookie)
    if (seen === undefined || seen === nobody) return
    if (!seen.startsWith(`${name}.`)) wrong('the session of somebody else', answer)
    else if (gateway !== ghost.by && answer.sentAt <= ghost.endedAt + bound) tally.late += 1
    else {
      ghosts = ghosts.filter((other) => other !== ghost)
      const age = Math.round(answer.sentAt - ghost.endedAt)
      const what = `${seen} opened at ${gateway} by a ticket that ended at ${ghost.by} with a ${ghost.how} ${age} ms before`
      tally.returned.push({ kind: ghost.how, confirmedAt: ghost.endedAt, what: `${what}${trail.tell()}\n` })
    }
  }

  const anyGateway = () => Math.floor(random() * gateways.length)

  return {
    async look() {
      await request(anyGateway(), '/')
    },
    async act() {
      const gateway = anyGateway()
      const thrown = random()
      const ghost = ghosts[Math.floor(random() * ghosts.length)]
      if (leaving) await signOut(gateway)
      else if (thrown < 0.15 && ghost !== undefined) await haunt(gateway, ghost)
      else if (cookie === '' || thrown < 0.2) await signIn(gateway)
      else if (thrown < 0.25) await signOut(gateway)
      else if (thrown < 0.35) await writeNote(gateway)
      else await request(gateway, '/')
    },
    async lookAround() {
      for (const gateway of gateways.keys()) {
        await request(gateway, '/')
        for (const ghost of ghosts) await haunt(gateway, ghost)
      }
    },
  }
}

const endOf = ({ sentAt, milliseconds }: Answer) => sentAt + milliseconds

const withNote = (state: string, note: number) => `${userOf(state)}/${note}`

const userOf = (state: string) => state.split('/')[0]

const lossOf = ({ states }: Journal, seen: string) =>
  states.some((state) => userOf(state) === userOf(seen)) ? 'change' : 'sign-in'
