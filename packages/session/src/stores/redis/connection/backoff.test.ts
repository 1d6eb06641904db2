import { expect, test } from 'vitest'
import { virtualPorts } from '../testing/virtual-ports.ts'
import { delayBeforeAttempt, pacing } from './backoff.ts'
import { StoreFailure } from './failure.ts'
import { keep, type Open } from './keep.ts'
import type { Link } from './link.ts'

const refused = new StoreFailure('tcp', 'Nothing listens there.', { notExecuted: true })

/** The greatest number of times in any second, counted as [t, t + 1000). */
function mostInASecond(times: readonly number[]): number {
  return Math.max(...times.map((from, i) => times.slice(i).filter((time) => time < from + 1000).length))
}

test('50 gateways that lose a server at once never make more than 50 attempts in any second, for as long as it takes', async () => {
  const { ports, until } = virtualPorts()
  const attempts: number[] = []
  const closers: (() => void)[] = []
  let isThere = true
  const open: Open = async () => {
    attempts.push(ports.now())
    if (!isThere) throw refused
    return openLink(closers)
  }
  for (let i = 0; i < 50; i++) keep({ host: 'redis', port: 6379 }, open, () => {}, { ports, pace: pacing(ports) })
  await until(5000)
  ports.schedule(() => {
    isThere = false
    for (const close of closers.splice(0)) close()
  }, 0)
  await until(60_000)
  isThere = true
  await until(70_000)
  expect(attempts.length).toBeGreaterThan(50 * 25)
  expect(mostInASecond(attempts)).toBeLessThanOrEqual(50)
  expect(closers).toHaveLength(50)
  // The lost connection is replaced at once; later attempts do not stay in step.
  expect(attempts.filter((time) => time === 5000)).toHaveLength(50)
  expect(new Set(attempts.filter((time) => time > 5000).map(Math.round)).size).toBeGreaterThan(1000)
})

test('a server that accepts and hangs up again is not asked more often', async () => {
  const { ports, until } = virtualPorts()
  const attempts: number[] = []
  const open: Open = async () => {
    attempts.push(ports.now())
    const closers: (() => void)[] = []
    ports.schedule(() => closers[0]?.(), 1)
    return openLink(closers)
  }
  keep({ host: 'redis', port: 6379 }, open, () => {}, { ports, pace: pacing(ports) })
  await until(30_000)
  expect(mostInASecond(attempts)).toBe(1)
  expect(attempts.length).toBeGreaterThanOrEqual(15)
})

test('attempts are 1 to 2 seconds apart; after longer there is no wait', () => {
  expect(delayBeforeAttempt(0, 0)).toBe(1000)
  expect(delayBeforeAttempt(0, 0.999)).toBeLessThan(2000)
  expect(delayBeforeAttempt(700, 0.5)).toBe(800)
  expect(delayBeforeAttempt(2000, 0.999)).toBe(0)
})

test('a node that leaves and joins again is not asked more often, nor put off by what was only planned', async () => {
  const { ports, until } = virtualPorts()
  const attempts: number[] = []
  const open: Open = async () => {
    attempts.push(ports.now())
    throw refused
  }
  const pace = pacing(ports)
  for (let time = 0; time < 20_000; time += 250) {
    const kept = keep({ host: 'redis', port: 6379 }, open, () => {}, { ports, pace })
    await until(time + 250)
    kept.close()
  }
  expect(mostInASecond(attempts)).toBe(1)
  expect(attempts.length).toBeGreaterThanOrEqual(5)
})

test('old attempts are forgotten: memory does not grow with the nodes that ever were', () => {
  const { ports } = virtualPorts()
  let now = 0
  const pace = pacing({ ...ports, now: () => now })
  pace.begin('a:1')
  expect(pace.delay('a:1')).toBeGreaterThanOrEqual(1000)
  expect(pace.delay('b:1')).toBe(0)
  for (let i = 0; i < 1000; i++) {
    now += 100
    pace.begin(`${i}:1`)
  }
  expect(pace.delay('a:1')).toBe(0)
})

/** A link that does nothing until it is closed from outside. */
function openLink(closers: (() => void)[]): Link {
  const link: Link = {
    address: 'redis:6379',
    epoch: 1,
    writable: true,
    send: async () => undefined,
    subscribe: async () => {},
    onClose: (listener) => void closers.push(() => listener(undefined)),
    onDrain: () => {},
    finish: () => {},
    close: () => {},
  }
  return link
}
