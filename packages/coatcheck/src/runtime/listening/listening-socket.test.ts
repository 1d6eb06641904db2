import { once } from 'node:events'
import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { openListeningSocket } from './listening-socket.ts'

const loopback = { host: '127.0.0.1', port: 0 }
const portOf = (address: string) => Number(address.split(':').at(-1))

test('connections wait until somebody serves them', async () => {
  const socket = await openListeningSocket('web', loopback)
  const client = connect(portOf(socket.address), '127.0.0.1')
  await once(client, 'connect')
  client.write('hello')
  const served = new Promise<string>((resolve) =>
    socket.serve((connection) => connection.once('data', (data) => resolve(String(data)))),
  )
  expect(await served).toBe('hello')
  client.destroy()
  socket.close()
})

test('who serves may change while the address stays open', async () => {
  const socket = await openListeningSocket('web', loopback)
  for (const name of ['first', 'second']) {
    socket.serve((connection) => connection.end(name))
    const client = connect(portOf(socket.address), '127.0.0.1')
    expect(String((await once(client, 'data'))[0])).toBe(name)
    client.destroy()
  }
  socket.close()
})

test('close() ends the connections that nobody serves, and refuses new ones', async () => {
  const socket = await openListeningSocket('web', loopback)
  const port = portOf(socket.address)
  const clients = [connect(port, '127.0.0.1'), connect(port, '127.0.0.1')]
  const ended = clients.map((client) => once(client.resume(), 'close'))
  await Promise.all(clients.map((client) => once(client, 'connect')))
  await socket.close()
  expect(await Promise.all(ended)).toEqual([[false], [false]])
  expect((await once(connect(port, '127.0.0.1'), 'error'))[0].code).toBe('ECONNREFUSED')
})

test('an address in use and one that is not ours are named, with what to do', async () => {
  const taken = await openListeningSocket('web', loopback)
  const port = portOf(taken.address)
  await expect(openListeningSocket('other', { host: '127.0.0.1', port })).rejects.toMatchObject({
    code: 'address-in-use',
    message: expect.stringMatching(new RegExp(`127\\.0\\.0\\.1:${port} of listener "other" is in use`)),
  })
  await expect(openListeningSocket('other', { host: '192.0.2.1', port: 0 })).rejects.toMatchObject({
    code: 'address-unusable',
  })
  taken.close()
})

test('close() takes every connection that waits in the queue of the system', async () => {
  const socket = await openListeningSocket('web', loopback)
  let served = 0
  socket.serve((connection) => {
    served++
    connection.destroy()
  })
  // the system accepts them at once, and this process has no chance to before close() is called
  const clients = Array.from({ length: 50 }, () => connect(portOf(socket.address), '127.0.0.1').on('error', () => {}))
  await socket.close()
  expect(served).toBe(50)
  for (const client of clients) client.destroy()
})
