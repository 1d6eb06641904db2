import { Socket } from 'node:net'
import { expect, test } from 'vitest'
import { createHandedAddresses } from './handed-addresses.ts'

const web = { number: 1, listener: 'web', address: '127.0.0.1:80' }
const other = { number: 2, listener: 'other', address: '127.0.0.1:81' }

test('a connection waits until its address is served, and an address stays the same over models', async () => {
  const addresses = createHandedAddresses()
  const first = await addresses.prepare([], [web])
  await first.commit()
  const connection = new Socket()
  addresses.take(1, connection)
  const second = await addresses.prepare([], [{ ...web, listener: 'renamed' }, other])
  expect(second.sockets.get('renamed')).toBe(first.sockets.get('web'))
  const served: Socket[] = []
  second.sockets.get('renamed')?.serve((socket) => served.push(socket))
  expect(served).toEqual([connection])
})

test('undo() lets go of addresses that only this model has: who comes over them is closed', async () => {
  const addresses = createHandedAddresses()
  const running = await addresses.prepare([], [web])
  await running.commit()
  const refused = await addresses.prepare([], [web, other])
  refused.undo()
  const [kept, lost] = [new Socket(), new Socket()]
  addresses.take(1, kept)
  addresses.take(2, lost)
  expect([kept.destroyed, lost.destroyed]).toEqual([false, true])
  const again = await addresses.prepare([], [web, other])
  expect(again.sockets.get('web')).toBe(running.sockets.get('web'))
  expect(again.sockets.get('other')).not.toBe(refused.sockets.get('other'))
})

test('close() waits for the process that hands over: it has closed them all', async () => {
  const addresses = createHandedAddresses()
  const prepared = await addresses.prepare([], [web, other])
  await prepared.commit()
  let closed = false
  const closing = addresses.close().then(() => {
    closed = true
  })
  addresses.closed(1)
  await new Promise(setImmediate)
  expect(closed).toBe(false)
  addresses.closed(2)
  await closing
})
