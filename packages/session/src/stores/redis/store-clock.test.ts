import { expect, test } from 'vitest'
import { createStoreClock } from './store-clock.ts'

function bench() {
  const world = { monotonic: 5_000, wall: 1_700_000_000_000 }
  const clock = createStoreClock(
    () => world.monotonic,
    () => world.wall,
  )
  const sample = (toldAt: number, sentAt: number, receivedAt: number) =>
    clock.sample(`${Math.floor(toldAt / 1000)}`, `${(toldAt % 1000) * 1000}`, sentAt, receivedAt)
  return { world, clock, sample }
}

test('before the store was heard of, the time is that of this machine', () => {
  expect(bench().clock.now()).toBe(1_700_000_000_000)
})

test('the time is what the store told, carried on, whatever becomes of the clock of this machine', () => {
  const { world, clock, sample } = bench()
  sample(1_800_000_000_000, 4_990, 5_000)
  world.wall += 3_600_000
  expect(clock.now()).toBe(1_800_000_000_005)
  world.monotonic += 60_000
  world.wall -= 7_200_000
  expect(clock.now()).toBe(1_800_000_060_005)
})

test('a reply that took long does not spoil what a fast one told', () => {
  const { world, clock, sample } = bench()
  sample(1_800_000_000_000, 4_999, 5_000)
  world.monotonic = 7_000
  // Sent at 5,000, told just before it came back at 7,000.
  sample(1_800_000_001_999, 5_000, 7_000)
  expect(clock.now()).toBe(1_800_000_002_001)
})

test('a store whose clock was set is followed at once, forward and back', () => {
  const { world, clock, sample } = bench()
  sample(1_800_000_000_000, 5_000, 5_000)
  for (const jump of [3_600_000, -3_600_000]) {
    const before = clock.now()
    sample(before + jump, world.monotonic - 5, world.monotonic + 5)
    expect(clock.now()).toBe(before + jump)
  }
})

test('drift is followed: an old sample gives way to one that is not much worse', () => {
  const { world, clock, sample } = bench()
  sample(1_800_000_000_000, 5_000, 5_000)
  world.monotonic = 65_000
  sample(1_800_000_060_006, 64_990, 65_000)
  expect(clock.now()).toBe(1_800_000_060_011)
})

test('what is no time is passed over', () => {
  const { clock } = bench()
  clock.sample('yesterday', null, 5_000, 5_000)
  clock.sample(undefined, undefined, 5_000, 5_000)
  expect(clock.now()).toBe(1_700_000_000_000)
})
