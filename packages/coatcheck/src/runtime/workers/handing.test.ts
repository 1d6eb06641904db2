import { Socket } from 'node:net'
import { expect, test } from 'vitest'
import type { ListeningSocket } from '../listening/listening-socket.ts'
import { createHanding } from './handing.ts'
import type { WorkerProcess } from './worker-process.ts'

const never = (error: Error) => {
  throw error
}

/** An address whose connections a test makes. */
function address() {
  const closed = Promise.withResolvers<void>()
  let accept: (socket: Socket) => void = () => {}
  const socket: ListeningSocket = {
    address: '127.0.0.1:80',
    serve: (by) => {
      accept = by
    },
    close() {
      closed.resolve()
      return closed.promise
    },
    closed: closed.promise,
  }
  return {
    socket,
    sockets: new Map([['web', socket]]),
    connect() {
      const connection = new Socket()
      accept(connection)
      return connection
    },
  }
}

/** A worker that takes connections when a test says so. */
function worker() {
  const exited = Promise.withResolvers<number>()
  const offered: { number: number; socket: Socket; answer: (taken: boolean) => void }[] = []
  let killed = false
  const process = {
    take: (number: number, socket: Socket) =>
      new Promise<boolean>((answer) => {
        offered.push({ number, socket, answer })
      }),
    exited: exited.promise,
    kill() {
      killed = true
      exited.resolve(9)
    },
  } as unknown as WorkerProcess
  return {
    process,
    offered,
    get killed() {
      return killed
    },
    async take() {
      offered.shift()!.answer(true)
      await turn()
    },
    async fail() {
      offered.shift()!.answer(false)
      await turn()
    },
  }
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

test('each worker has one connection at a time that it did not take; the others wait for whoever is first', async () => {
  const handing = createHanding(never)
  const { sockets, connect } = address()
  handing.serve(sockets)
  const connections = [connect(), connect(), connect(), connect()]
  const [first, second] = [worker(), worker()]
  handing.add(first.process)
  handing.add(second.process)
  expect(first.offered.map(({ socket }) => socket)).toEqual([connections[0]])
  expect(second.offered.map(({ socket }) => socket)).toEqual([connections[1]])
  await second.take()
  await second.take()
  expect(second.offered.map(({ socket }) => socket)).toEqual([connections[3]])
  expect(connections.map(({ destroyed }) => destroyed)).toEqual([false, true, true, false])
})

test('what a worker had not taken when it ended goes to another, and it gets no more', async () => {
  const handing = createHanding(never)
  const { sockets, connect } = address()
  handing.serve(sockets)
  const [dead, other] = [worker(), worker()]
  handing.add(dead.process)
  const connection = connect()
  await dead.fail()
  expect([dead.killed, connection.destroyed]).toEqual([true, false])
  connect()
  expect(dead.offered).toEqual([])
  handing.add(other.process)
  expect(other.offered.map(({ socket }) => socket)).toEqual([connection])
})

test('closed() names an address once, when workers have all that was accepted before it closed', async () => {
  const handing = createHanding(never)
  const { socket, sockets, connect } = address()
  const number = handing.number(sockets)[0]?.number
  handing.serve(sockets)
  const taker = worker()
  handing.add(taker.process)
  connect()
  connect()
  await socket.close()
  let told: number[] | undefined
  const telling = handing.closed(60_000).then((numbers) => {
    told = numbers
  })
  await taker.take()
  expect(told).toBeUndefined()
  expect(taker.offered.map((one) => one.number)).toEqual([number])
  await taker.take()
  await telling
  expect(told).toEqual([number])
  expect(await handing.closed(60_000)).toEqual([])
})

test('of several who wait for closed(), one is told the numbers, and none waits on', async () => {
  const handing = createHanding(never)
  const { socket, sockets, connect } = address()
  handing.serve(sockets)
  const taker = worker()
  handing.add(taker.process)
  connect()
  await socket.close()
  const telling = Promise.all([handing.closed(2 ** 31 - 1), handing.closed(2 ** 31 - 1)])
  await taker.take()
  expect(await telling).toEqual([[1], []])
})

test('closed() does not wait longer than it is told, nor for what was dropped', async () => {
  const handing = createHanding(never)
  const { socket, sockets, connect } = address()
  handing.serve(sockets)
  const connection = connect()
  await socket.close()
  const telling = handing.closed(60_000)
  handing.destroy()
  expect(await telling).toHaveLength(1)
  expect(connection.destroyed).toBe(true)

  const other = createHanding(never)
  const later = address()
  other.serve(later.sockets)
  later.connect()
  await later.socket.close()
  expect(await other.closed(1)).toHaveLength(1)
})

test('destroy() drops also what a worker was offered and did not take, and what comes after', async () => {
  const handing = createHanding(never)
  const { sockets, connect } = address()
  handing.serve(sockets)
  const dead = worker()
  handing.add(dead.process)
  const offered = connect()
  handing.destroy()
  expect(offered.destroyed).toBe(false)
  await dead.fail()
  expect([offered.destroyed, connect().destroyed]).toEqual([true, true])
})

test('an address keeps its number, and none is used twice', async () => {
  const handing = createHanding(never)
  const [one, other] = [address(), address()]
  const [first] = handing.number(one.sockets)
  expect(first).toEqual({ number: 1, listener: 'web', address: '127.0.0.1:80' })
  expect(handing.number(one.sockets)).toEqual([first])
  await one.socket.close()
  expect(handing.number(other.sockets)).toMatchObject([{ number: 2 }])
})

test('more than 10,000 connections that no worker has time for are refused, and told', () => {
  const told: string[] = []
  const handing = createHanding(({ message }) => told.push(message))
  const { sockets, connect } = address()
  handing.serve(sockets)
  for (let i = 0; i < 10_000; i++) connect()
  expect(told).toEqual([])
  expect(connect().destroyed).toBe(true)
  expect(told).toEqual(['Too many wait for a worker'])
  handing.destroy()
})
