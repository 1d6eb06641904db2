/** A list is whole or none. */
import { expect, test } from 'vitest'
import type { ConnectionState, RedisConnection, RedisNode } from './connection/connection.ts'
import { redisList } from './list.ts'
import { virtualPorts } from './testing/virtual-ports.ts'

const timeout = 2000

/** A cluster of two, of which each knows one session. */
function cluster() {
  let epochs = [1, 0]
  const listeners = new Set<() => void>()
  const node = (epoch: number, i: number): RedisNode => ({
    address: `redis-${i}:6379`,
    epoch,
    call: async () => [Buffer.from('0'), [Buffer.from(`shop:session-${i}`)]],
    dedicated: () => Promise.reject(new Error('not asked for')),
  })
  const state: ConnectionState = { up: false, reason: 'tcp', message: 'Nothing listens there.', since: 0 }
  const connection = {
    primaries: () => epochs.map(node),
    onPrimaries(listener: () => void) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    run: async () => [Buffer.concat([Buffer.from([1]), Buffer.alloc(14)]), 15, 1000],
    state,
  } as unknown as RedisConnection
  const { ports, until } = virtualPorts()
  return {
    async list() {
      const ids: string[] = []
      for await (const batch of redisList(connection, 'shop', { ports, timeout }).list())
        ids.push(...batch.map(({ id }) => id))
      return ids
    },
    until,
    connect() {
      epochs = [1, 2]
      for (const listener of listeners) listener()
    },
    listeners,
  }
}

test('it waits for the connection to each primary, within the time of a command', async () => {
  const { list, until, connect, listeners } = cluster()
  const listed = list()
  await until(timeout - 1)
  connect()
  expect(await listed).toEqual(['session-0', 'session-1'])
  expect(listeners.size).toBe(0)
})

test('without one of them it says which, and why', async () => {
  const { list, until, listeners } = cluster()
  const listed = list()
  const failed = expect(listed).rejects.toMatchObject({
    code: 'ERR_STORE_UNAVAILABLE',
    reason: 'tcp',
    message: expect.stringMatching(/redis-1:6379 is not reached, .* Nothing listens there\.$/),
  })
  await until(timeout)
  await failed
  expect(listeners.size).toBe(0)
})
