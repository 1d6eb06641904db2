import { expect, test } from 'vitest'
import { virtualPorts } from '../testing/virtual-ports.ts'
import { poll } from './poll.ts'

/** Each question takes `ms`; the times at which one was asked. */
function asking(ms: number) {
  const { ports, until } = virtualPorts()
  const times: number[] = []
  let under = 0
  const ask = async () => {
    times.push(ports.now())
    expect(++under).toBe(1)
    await new Promise<void>((resolve) => void ports.schedule(resolve, ms))
    under--
  }
  return { times, until, polling: poll(ask, () => 100, ports) }
}

test('the next question comes the interval after the answer', async () => {
  const { times, until, polling } = asking(50)
  polling.soon()
  await until(500)
  expect(times).toEqual([0, 150, 300, 450])
})

test('soon() asks now; while one is under way, as soon as it is answered; never two at a time', async () => {
  const { times, until, polling } = asking(60)
  polling.soon()
  await until(10)
  polling.soon()
  polling.soon()
  await until(70)
  expect(times).toEqual([0, 60])
  await until(150)
  polling.soon()
  await until(160)
  expect(times).toEqual([0, 60, 150])
})

test('soon() again and again asks at most twenty times a second', async () => {
  const { times, until, polling } = asking(1)
  for (let time = 0; time < 1000; time += 5) {
    polling.soon()
    await until(time)
  }
  expect(times.length).toBe(20)
})

test('stop() asks no more, whatever is under way', async () => {
  const { times, until, polling } = asking(50)
  polling.soon()
  await until(10)
  polling.stop()
  polling.soon()
  await until(1000)
  expect(times).toEqual([0])
})
