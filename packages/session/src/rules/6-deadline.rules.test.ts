/** How long one request waits for a store, whatever it asks of it and however often. */
import { afterEach, expect, test, vi } from 'vitest'
import { SessionError } from '../errors.ts'
import type { RecordStore, Timed } from '../store.ts'
import { memoryRecords } from '../stores/memory/index.ts'
import { commitOf } from '../unknown-outcome.ts'
import { createBrowser, createWorld, second } from './fixtures/world.ts'

afterEach(() => void vi.restoreAllMocks())

const timeout = 2 * second
/** Milliseconds that the store has more, since it knows whether it had begun. */
const more = 20
const slow = 1.5 * second
type Fault = 'hangs' | 'fails' | 'is slow' | 'hangs after one' | 'fails after one'

/** A world whose store takes 2 seconds at most, and does with each operation what the test says. */
function breakable() {
  const world = createWorld()
  vi.spyOn(performance, 'now').mockImplementation(world.clock)
  const faults: Partial<Record<keyof RecordStore | 'enter' | 'endedAt', Fault>> = {}
  const { confirm: _, ...records } = world.records
  const indexed = memoryRecords({ clock: world.clock })
  const asked: string[] = []

  async function afterwards<Result>(work: () => Result): Promise<Result> {
    await undefined
    await world.move(slow)
    return work()
  }

  function breaking<Given extends object>(operations: Given): Given {
    const broken = Object.entries(operations).map(([name, work]) => [
      name,
      (...given: unknown[]) => {
        asked.push(name)
        const fault = faults[name as keyof typeof faults]
        if (fault?.endsWith(' after one')) faults[name as keyof typeof faults] = fault.split(' ')[0] as Fault
        if (fault === 'hangs') return new Promise(() => {})
        if (fault === 'fails') return Promise.reject(new SessionError('ERR_STORE_UNAVAILABLE', 'The reply was lost.'))
        if (fault === 'is slow') return afterwards(() => work(...given))
        return work(...given)
      },
    ])
    return Object.fromEntries(broken) as Given
  }

  const { enter, leave, entered, markEnded, endedAt } = indexed
  const store: RecordStore & Timed = { ...breaking({ ...records, enter, leave, entered, markEnded, endedAt }), timeout }
  return { world, faults, asked, manager: world.manager({ store }) }
}

/** What came of it so far. */
function watch(work: Promise<unknown>): { error?: unknown; isDone: boolean } {
  const outcome: { error?: unknown; isDone: boolean } = { isDone: false }
  work.then(
    () => Object.assign(outcome, { isDone: true }),
    (error: unknown) => Object.assign(outcome, { isDone: true, error }),
  )
  return outcome
}

const cases: Record<
  string,
  [work: 'set' | 'signIn' | 'rotate' | 'end', faults: ReturnType<typeof breakable>['faults']]
> = {
  'a change hangs': ['set', { update: 'hangs' }],
  'a rotation hangs': ['rotate', { update: 'hangs' }],
  'a change fails, and the look for it hangs': ['set', { update: 'fails', read: 'hangs' }],
  'the index hangs before a sign-in': ['signIn', { enter: 'hangs' }],
  'the index hangs after a sign-in': ['signIn', { endedAt: 'hangs after one' }],
  'a sign-in fails, and the look for it hangs': ['signIn', { update: 'fails', read: 'hangs' }],
  'an end hangs': ['end', { delete: 'hangs' }],
}

test.each(Object.entries(cases))(
  'rule 6, %s: 503 when one command could not take any longer',
  async (_, [work, broken]) => {
    const { world, faults, manager } = breakable()
    const browser = createBrowser(manager)
    await browser.visit((session) => session.set('a', 0))
    const session = await manager.open({ cookie: browser.cookie })
    Object.assign(faults, broken)
    const works = {
      set: () => session.set('a', 1),
      signIn: () => session.signIn('ann'),
      rotate: () => session.rotate(),
      end: () => session.end(),
    }
    works[work]()
    const outcome = watch(session.commit())
    await world.move(timeout + more - 1)
    expect(outcome.isDone).toBe(false)
    await world.move(1)
    expect(outcome.error).toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' })
  },
)

test('rule 6: what the store took to open a session is no longer there to write it', async () => {
  const { world, faults, manager } = breakable()
  const browser = createBrowser(manager)
  await browser.visit((session) => session.set('a', 0))
  faults.read = 'is slow'
  const session = await manager.open({ cookie: browser.cookie })
  session.set('a', 1)
  faults.update = 'hangs'
  const outcome = watch(session.commit())
  await world.move(timeout - slow + more - 1)
  expect(outcome.isDone).toBe(false)
  await world.move(1)
  expect(outcome.error).toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' })
})

test('rule 6: when the time is over nothing more is asked, and it fails with the ticket of what may be written', async () => {
  const { world, faults, asked, manager } = breakable()
  const browser = createBrowser(manager)
  const session = await manager.open({})
  session.set('a', 1)
  faults.read = 'hangs'
  faults.create = 'fails'
  const committing = session.commit().catch((error: unknown) => error)
  while (asked.length < 2) await Promise.resolve()
  await world.move(timeout + more)
  browser.take(commitOf(await committing)!)
  expect(browser.cookie).not.toBe('')
  expect(asked).toEqual(['create', 'read'])
})

test('rule 6: a sign-in that is written reaches the browser, also when its index does not answer after it', async () => {
  const { world, faults, manager } = breakable()
  const browser = createBrowser(manager)
  await browser.visit((session) => session.set('a', 0))
  const session = await manager.open({ cookie: browser.cookie })
  session.signIn('ann')
  faults.endedAt = 'fails after one'
  const error = await session.commit().catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' })
  browser.take(commitOf(error)!)
  const after = await createBrowser(world.manager(), browser.cookie).visit()
  expect([after.state, after.subject]).toEqual(['open', 'ann'])
})
