import { describe, expect, test } from 'vitest'
import { createStoreHealth, createWatchedHealth } from './store-health.ts'

/** A store that fails while it is told to, and a clock that is moved. */
function setUp() {
  let now = 0
  let timer: { at: number; callback: () => void } | undefined
  const store = { failing: false, looks: 0 }
  const changes: string[] = []
  const health = createStoreHealth({
    async look() {
      store.looks++
      if (store.failing) throw new Error(`look ${store.looks} failed`)
    },
    changed: () => void changes.push(health.problem ?? 'up'),
    timing: {
      clock: () => now,
      schedule(callback, milliseconds) {
        timer = { at: now + milliseconds, callback }
        return () => {
          timer = undefined
        }
      },
    },
  })
  async function move(milliseconds: number): Promise<void> {
    const until = now + milliseconds
    while (timer !== undefined && timer.at <= until) {
      const { at, callback } = timer
      timer = undefined
      now = at
      callback()
      for (let turn = 0; turn < 5; turn++) await undefined
    }
    now = until
  }
  return { health, store, changes, move, waits: () => timer !== undefined }
}

const outage = new Error('no such table')

test('a store is up until an operation fails, and is not looked at before', async () => {
  const { health, store, changes, move } = setUp()
  await move(100_000)
  expect([health.problem, store.looks, changes]).toEqual([undefined, 0, []])
  health.failed(outage)
  expect([health.problem, changes]).toEqual(['no such table', ['no such table']])
})

test('it is looked at once a second while it is down, and is back with the first look that succeeds, though nobody came', async () => {
  const { health, store, changes, move, waits } = setUp()
  store.failing = true
  health.failed(outage)
  await move(999)
  expect(store.looks).toBe(0)
  await move(9_001)
  expect([store.looks, health.problem]).toEqual([10, 'look 10 failed'])
  store.failing = false
  await move(1_000)
  expect([health.problem, changes, waits()]).toEqual([undefined, ['no such table', 'up'], false])
})

test('failures while it is down are no news', () => {
  const { health, changes } = setUp()
  for (let failure = 0; failure < 1000; failure++) health.failed(outage)
  expect(changes).toHaveLength(1)
})

test('a store that is full changes at most a few times a minute: its reads succeed, its writes fail', async () => {
  const { health, changes, move } = setUp()
  for (let tenth = 0; tenth < 6000; tenth++) {
    health.failed(outage)
    await move(100)
  }
  expect(changes.length).toBeGreaterThan(40)
  expect(changes.length).toBeLessThan(60)
  await move(120_000)
  expect(health.problem).toBeUndefined()
  health.failed(outage)
  await move(1_000)
  expect(health.problem).toBeUndefined()
})

test('a store that was closed is looked at no more, and a look under way changes nothing', async () => {
  const { health, store, changes, move, waits } = setUp()
  health.failed(outage)
  health.close()
  expect(waits()).toBe(false)
  await move(100_000)
  health.failed(outage)
  expect([store.looks, changes]).toEqual([0, ['no such table']])
  const other = setUp()
  other.health.failed(outage)
  const moving = other.move(1_000)
  other.health.close()
  await moving
  expect(other.changes).toEqual(['no such table'])
})

test('a failure of a store that was closed is no news', () => {
  const { health, changes, waits } = setUp()
  health.close()
  health.failed(outage)
  expect([health.problem, changes, waits()]).toEqual([undefined, [], false])
})

test('what is thrown and is no error is shown as it is', () => {
  const { health } = setUp()
  health.failed('gone')
  expect(health.problem).toBe('gone')
})

describe('a store that knows itself', () => {
  /** What it knows, and a clock that is moved. */
  function watched() {
    const store = { problem: undefined as string | undefined, notes: [] as string[], full: false }
    const changes: string[] = []
    let due: (() => void) | undefined
    const health = createWatchedHealth({
      see: () => store,
      changed: () => void changes.push(health.problem ?? health.note ?? 'up'),
      timing: {
        clock: () => 0,
        schedule(callback) {
          due = callback
          return () => {
            due = undefined
          }
        },
      },
    })
    return { health, store, changes, second: () => due?.(), waits: () => due !== undefined }
  }

  test('is down as long as it says so, which is told once each way, though nobody asks it for anything', () => {
    const { health, store, changes, second } = watched()
    second()
    store.problem = 'tcp: refused'
    expect(health.problem).toBe('tcp: refused')
    for (let seconds = 0; seconds < 3; seconds++) second()
    store.problem = undefined
    for (let seconds = 0; seconds < 3; seconds++) second()
    expect(changes).toEqual(['tcp: refused', 'up'])
  })

  test('is told to be down with the first operation that fails for it, and not a second later', () => {
    const { health, store, changes } = watched()
    store.problem = 'tcp: refused'
    for (let failure = 0; failure < 1000; failure++) health.failed(outage)
    expect(changes).toEqual(['tcp: refused'])
  })

  test('stays up when an operation fails that it was reached for: a note, until a second passes without another', () => {
    const { health, changes, second } = watched()
    health.failed(outage)
    second()
    health.failed(new Error('another'))
    second()
    expect([health.problem, health.note]).toEqual([undefined, 'an operation failed: no such table'])
    second()
    expect([health.problem, health.note]).toEqual([undefined, undefined])
    expect(changes).toEqual(['an operation failed: no such table', 'up'])
  })

  test('says what is not well with it beside that', () => {
    const { health, store, changes, second } = watched()
    store.notes = ['nothing is cached']
    second()
    health.failed(outage)
    expect(changes).toEqual(['nothing is cached', 'an operation failed: no such table; nothing is cached'])
  })

  test('is seen no more when it was closed', () => {
    const { health, store, changes, waits } = watched()
    health.close()
    store.problem = 'closed'
    health.failed(outage)
    expect([waits(), changes]).toEqual([false, []])
  })
})
