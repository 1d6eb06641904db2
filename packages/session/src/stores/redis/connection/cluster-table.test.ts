import { expect, test } from 'vitest'
import { slotTable } from './cluster-table.ts'
import type { Kept } from './keep.ts'
import { nameOf } from './open-link.ts'

function table() {
  const retired: string[] = []
  const clock = { now: 0 }
  const join = (node: { host: string; port: number }) => {
    const address = nameOf(node)
    return { node, address, link: undefined, retire: () => void retired.push(address) } as unknown as Kept
  }
  return { made: slotTable(join, () => clock.now), retired, clock }
}

const node = (port: number) => ({ host: 'h', port })
const range = (from: number, to: number, port: number) => ({ from, to, primary: node(port), replicas: [] })

test('slots go to who owns them, and who owns none any more leaves, though not at once', () => {
  const { made, retired, clock } = table()
  made.learn([range(0, 99, 1), range(100, 16_383, 2)])
  expect(made.ownerOf(99)?.address).toBe('h:1')
  expect(made.ownerOf(100)?.address).toBe('h:2')
  expect(made.covered()).toBe(16_384)
  const second = made.ownerOf(100)
  made.down.add(made.ownerOf(0)!)
  made.learn([range(0, 50, 3), range(100, 16_383, 2)])
  expect(made.down.size).toBe(0)
  expect(made.ownerOf(100)).toBe(second)
  expect(made.ownerOf(51)).toBeUndefined()
  expect(made.covered()).toBe(16_384 - 49)
  expect(made.members().map(({ address }) => address)).toEqual(['h:3', 'h:2'])
  expect(retired).toEqual([])
  clock.now = 5000
  made.learn([range(0, 50, 3), range(100, 16_383, 2)])
  expect(retired).toEqual(['h:1'])
})

test('nodes that learn of a failover late: the connection to the new primary is kept between their answers', () => {
  const { made, retired, clock } = table()
  made.learn([range(0, 16_383, 1)])
  made.move(7, node(2))
  const promoted = made.ownerOf(7)
  for (clock.now = 100; clock.now < 3000; clock.now += 250) {
    made.learn([range(0, 16_383, 1)])
    expect(made.members()).toHaveLength(1)
    made.move(7, node(2))
    expect(made.ownerOf(7)).toBe(promoted)
    expect(made.members()).toHaveLength(2)
  }
  expect(retired).toEqual([])
})

test('a node that is only asked is no member, and leaves some time after the last question', () => {
  const { made, retired, clock } = table()
  made.learn([range(0, 16_383, 1)])
  expect(made.at(node(3)).address).toBe('h:3')
  expect(made.members()).toHaveLength(1)
  clock.now = 4999
  made.learn([range(0, 16_383, 1)])
  expect(retired).toEqual([])
  clock.now = 5000
  made.learn([range(0, 16_383, 1)])
  expect(retired).toEqual(['h:3'])
})

test('an empty answer changes nothing', () => {
  const { made } = table()
  made.learn([range(0, 16_383, 1)])
  made.learn([])
  expect(made.ownerOf(0)?.address).toBe('h:1')
})
