/** What is sent for a durable write, on a connection that answers as it is told and a clock that is moved. */
import { expect, test } from 'vitest'
import { virtualPorts } from '../testing/virtual-ports.ts'
import type { Argument } from './connection.ts'
import { durableLines } from './durable.ts'
import { refused, StoreFailure } from './failure.ts'
import type { Kept } from './keep.ts'
import type { Link } from './link.ts'

type Answer = (args: readonly Argument[]) => unknown

const two = [
  'master',
  1,
  [
    ['a', '1', '1'],
    ['b', '1', '1'],
  ],
]

/** Commands that are not among the answers get `OK`; a string is the error of a server; `never`: no answer. */
function scene(answers: Record<string, Answer> = {}, replicas: 'all' | number = 'all') {
  const { ports, until } = virtualPorts()
  const sent: string[] = []
  let opened = 0
  const closed: (() => void)[] = []
  const linkOf = (name: string): Link =>
    ({
      address: 'a:1',
      writable: true,
      send(command: string, args: readonly Argument[]) {
        sent.push([name, command, ...args].join(' '))
        const given: Answer | undefined = answers[command]
        const usual = command === 'ROLE' ? two : command === 'WAIT' ? args[0] : 'OK'
        const answer = given === undefined ? usual : given(args)
        if (answer === 'never') return new Promise(() => {})
        if (typeof answer === 'string' && answer !== 'OK') return Promise.reject(refused('a:1', answer))
        return Promise.resolve(answer)
      },
      onClose: (listener: () => void) => void closed.push(listener),
      close: () => {},
    }) as unknown as Link
  const beside = linkOf('beside')
  const kept = { address: 'a:1', link: beside } as unknown as Kept
  const open = async () => {
    opened += 1
    const failure = answers.open?.([])
    if (failure instanceof Error) throw failure
    return linkOf(`line-${opened}`)
  }
  const lines = durableLines({ open, replicas, timeout: 100, command: 1000, sharded: false, ports })
  const write = (name: string, { asking = false, deadline = ports.now() + 1000 } = {}) =>
    lines.send(kept, beside, { command: 'SET', args: [name], asking, deadline })
  return { lines, write, sent, until, kept, closed, opened: () => opened }
}

/** Without the looks that nobody asked for. */
const writes = (sent: readonly string[]) => sent.slice(sent.findIndex((line) => line.includes('SET')))

test('many writes: all of them, one ROLE, one WAIT, on one connection of their own', async () => {
  const { write, sent, opened } = scene()
  const results = await Promise.all(['x', 'y', 'z'].map((name) => write(name)))
  expect(results).toEqual(Array(3).fill({ reply: 'OK', confirmed: true }))
  expect(
    writes(sent)
      .map((line) => line.slice(7))
      .filter((line) => line !== 'ROLE'),
  ).toEqual(['SET x', 'SET y', 'SET z', 'WAIT 2 100'])
  expect(opened()).toBe(1)
})

test('what comes while a WAIT is under way goes into the next one', async () => {
  const waits: (() => void)[] = []
  const { write, sent } = scene({
    WAIT: ([wanted]) => (wanted === 0 ? 0 : new Promise((resolve) => waits.push(() => resolve(wanted)))),
  })
  const first = write('x')
  while (waits.length === 0) await Promise.resolve()
  const second = write('y')
  const third = write('z')
  for (let i = 0; i < 20; i += 1) await Promise.resolve()
  expect(sent.some((line) => line.includes('SET y'))).toBe(false)
  waits.shift()!()
  expect(await first).toMatchObject({ confirmed: true })
  while (waits.length === 0) await Promise.resolve()
  expect(sent.filter((line) => line.includes('WAIT 2'))).toHaveLength(2)
  waits.shift()!()
  expect(await Promise.all([second, third])).toEqual(Array(2).fill({ reply: 'OK', confirmed: true }))
})

test.each<[string, Record<string, Answer>]>([
  ['fewer replicas have it in time', { WAIT: ([wanted]) => Number(wanted) - 1 }],
  ['the wait was broken off', { WAIT: ([wanted]) => (wanted === 0 ? 0 : 'UNBLOCKED force unblock') }],
])('written, and %s: not confirmed', async (_, answers) => {
  expect(await scene(answers).write('x')).toEqual({ reply: 'OK', confirmed: false })
})

test('written on a server that is no primary any more: not confirmed, whoever followed it', async () => {
  let asked = 0
  const { write } = scene({ ROLE: () => (asked++ === 0 ? two : ['slave', 'a', 1, 'connected', 1]) })
  expect(await write('x')).toEqual({ reply: 'OK', confirmed: false })
})

test('no replica at all, and none a moment ago: nobody is waited for', async () => {
  const { write, sent } = scene({ ROLE: () => ['master', 1, []] })
  expect(await write('x')).toEqual({ reply: 'OK', confirmed: true })
  expect(writes(sent).some((line) => line.includes('WAIT'))).toBe(false)
})

test('a number needs no ROLE', async () => {
  const { write, sent } = scene({}, 1)
  expect(await write('x')).toEqual({ reply: 'OK', confirmed: true })
  expect(sent).toEqual(['line-1 WAIT 0 1', 'line-1 SET x', 'line-1 WAIT 1 100'])
})

test('ASKING goes right before the write', async () => {
  const { write, sent } = scene({}, 1)
  await Promise.all([write('x'), write('y', { asking: true })])
  expect(writes(sent).slice(0, 3)).toEqual(['line-1 SET x', 'line-1 ASKING', 'line-1 SET y'])
})

test('one that the server refused: the others are confirmed', async () => {
  const { write } = scene({ SET: ([name]) => (name === 'x' ? 'MOVED 1 b:1' : 'OK') })
  const [moved, done] = await Promise.allSettled([write('x'), write('y')])
  expect(moved).toMatchObject({ status: 'rejected', reason: { reply: 'MOVED', notExecuted: true } })
  expect(done).toMatchObject({ value: { confirmed: true } })
})

test.each<[string, Record<string, Answer>, string]>([
  ['no connection of its own', { open: () => new StoreFailure('tcp', 'nothing listens there') }, 'tcp'],
  ['WAIT that is not allowed', { WAIT: () => 'NOPERM this user has no permissions to run WAIT' }, 'forbidden'],
  ['ROLE that is not allowed', { ROLE: () => 'NOPERM this user has no permissions to run ROLE' }, 'forbidden'],
])('%s: nothing was written, for certain', async (_, answers, reason) => {
  const { write, sent } = scene(answers)
  await expect(write('x')).rejects.toMatchObject({ reason, notExecuted: true })
  expect(sent.some((line) => line.includes('SET'))).toBe(false)
})

test('what could not be sent in its time is never sent', async () => {
  const { write, sent, until } = scene({ WAIT: ([wanted]) => (wanted === 0 ? 0 : 'never') })
  void write('x')
  await until(1)
  const late = write('y').catch((error: StoreFailure) => error)
  await until(1002)
  expect(await late).toMatchObject({ reason: 'timeout', notExecuted: true })
  expect(sent.some((line) => line.includes('SET y'))).toBe(false)
})

test('replicas are looked at each second while nobody writes, so that one that leaves is known to have been there', async () => {
  let role: unknown = two
  const { lines, kept, write, sent, until } = scene({ ROLE: () => role })
  lines.follow([kept])
  await until(5500)
  expect(sent.filter((line) => line.includes('ROLE')).length).toBeGreaterThanOrEqual(5)
  role = ['master', 1, [['b', '1', '1']]]
  await write('x')
  expect(sent.at(-1)).toBe('line-1 WAIT 2 100')
})

test('a connection that was lost is opened again, also for the next write', async () => {
  const { write, closed, opened } = scene()
  await write('x')
  for (const listener of closed.splice(0)) listener()
  expect(await write('y')).toMatchObject({ confirmed: true })
  expect(opened()).toBe(2)
})
