/** When a command is sent again, to whom, and when not. */
import { expect, test } from 'vitest'
import { virtualPorts } from '../testing/virtual-ports.ts'
import type { Argument } from './connection.ts'
import { dispatch } from './dispatch.ts'
import { refused, StoreFailure } from './failure.ts'
import type { Kept } from './keep.ts'
import type { Link } from './link.ts'
import type { Topology } from './topology.ts'
import { waiting } from './waiting.ts'

type Sent = readonly [node: string, command: string, ...args: Argument[]]
/** What a node answers; a string: the error of a server. */
type Answer = (sent: Sent) => unknown

/** Two nodes, `a:1` that owns every key, and `b:1`; each answers from a list, and then `OK`. */
function scene(answers: readonly (Answer | Error | string)[], { clustered = true } = {}) {
  const { ports, until } = virtualPorts()
  const rest = [...answers]
  const sent: Sent[] = []
  const doubts: string[] = []
  const sleepers = waiting(ports)
  const keptAt = (host: string) => {
    const address = `${host}:1`
    const kept = { node: { host, port: 1 }, address, failure: new StoreFailure('tcp', 'down') }
    const link = {
      address,
      writable: true,
      async send(command: string, args: readonly Argument[]) {
        sent.push([address, command, ...args])
        if (command === 'ASKING') return 'OK'
        const answer = rest.shift()
        if (typeof answer === 'string') throw refused(address, answer)
        if (answer instanceof Error) throw answer
        return answer === undefined ? 'OK' : answer(sent.at(-1)!)
      },
    } as unknown as Link
    return Object.assign(kept, { link, renew: () => void doubts.push(`renew ${address}`) }) as unknown as Kept
  }
  const members: Record<string, Kept> = { a: keptAt('a'), b: keptAt('b') }
  let owner: Kept | undefined = members.a
  const topology: Topology = {
    ownerOf: () => owner,
    primaries: () => [],
    failure: () => undefined,
    doubt: ({ address }) => void doubts.push(address),
    close: () => {},
    ...(clustered && {
      moved: (_: number, { host }: { host: string }) => {
        owner = members[host]
      },
      at: ({ host }: { host: string }) => members[host]!,
    }),
  }
  const commands = dispatch(topology, sleepers, 2000, ports)
  return {
    commands,
    sent,
    doubts,
    until,
    setOwner(host: string | undefined) {
      owner = host === undefined ? undefined : members[host]
      sleepers.wake()
    },
  }
}

const lost = new StoreFailure('closed', 'The connection was lost.')
const neverWritten = new StoreFailure('closed', 'The connection was lost.', { notExecuted: true })

/** How it ended, once enough time has passed for any way to end. */
async function ended(scene: { until(time: number): Promise<void> }, promise: Promise<unknown>) {
  const end = promise.then(
    (reply) => ({ reply }),
    (failure: unknown) => ({ failure }),
  )
  await scene.until(5000)
  return end
}

test('a lost connection: sent again when it is idempotent, or was never written; else its outcome is unknown', async () => {
  const idempotent = scene([lost])
  const again = idempotent.commands.call('k', 'SET', ['k', 'v'], { idempotent: true })
  expect(await ended(idempotent, again)).toEqual({ reply: 'OK' })
  expect(idempotent.sent).toHaveLength(2)

  const unwritten = scene([neverWritten])
  expect(await ended(unwritten, unwritten.commands.call('k', 'INCR', ['k']))).toEqual({ reply: 'OK' })

  const unknown = scene([lost])
  expect(await ended(unknown, unknown.commands.call('k', 'INCR', ['k']))).toEqual({ failure: lost })
  expect(unknown.sent).toHaveLength(1)
})

test.each([
  'LOADING Redis is loading',
  'TRYAGAIN Multiple keys',
  'CLUSTERDOWN Hash slot not served',
  'READONLY You',
  'MASTERDOWN Link',
])('%s: not executed, so sent again a little later, and the topology doubted', async (refusal) => {
  const it = scene([refusal, refusal, refusal])
  expect(await ended(it, it.commands.call('k', 'INCR', ['k']))).toEqual({ reply: 'OK' })
  expect(it.sent).toHaveLength(4)
  expect(it.doubts).toEqual(['a:1', 'a:1', 'a:1'])
})

test('refusals that last are told before the time is over, and the last one says why', async () => {
  const it = scene(Array.from({ length: 50 }, () => 'LOADING Redis is loading'))
  expect(await ended(it, it.commands.call('k', 'INCR', ['k']))).toMatchObject({
    failure: { reason: 'busy', notExecuted: true },
  })
  expect(it.sent.length).toBeGreaterThan(3)
  expect(it.sent.length).toBeLessThan(15)
})

test.each(['NOPERM User shop', 'OOM command not allowed', 'MISCONF Redis', 'WRONGTYPE Operation', 'ERR no'])(
  '%s is final',
  async (refusal) => {
    const it = scene([refusal])
    expect(await ended(it, it.commands.call('k', 'SET', ['k', 'v'], { idempotent: true }))).toHaveProperty('failure')
    expect(it.sent).toHaveLength(1)
  },
)

test('a script that refuses half-way may have been executed: again only when idempotent', async () => {
  const refusal = `READONLY You can not write. script: ${'a'.repeat(40)}, on @user_script:1.`
  const script = { lua: 'return 1', sha: 'f'.repeat(40) }
  const once = scene([refusal])
  expect(await ended(once, once.commands.run(script, 'k', []))).toMatchObject({ failure: { notExecuted: false } })
  const again = scene([refusal])
  expect(await ended(again, again.commands.run(script, 'k', [], { idempotent: true }))).toEqual({ reply: 'OK' })
})

test('NOSCRIPT: the script is sent whole', async () => {
  const it = scene(['NOSCRIPT No matching script.'])
  const script = { lua: 'return 1', sha: 'f'.repeat(40) }
  expect(await ended(it, it.commands.run(script, 'k', ['v']))).toEqual({ reply: 'OK' })
  expect(it.sent).toEqual([
    ['a:1', 'EVALSHA', script.sha, 1, 'k', 'v'],
    ['a:1', 'EVAL', script.lua, 1, 'k', 'v'],
  ])
})

test('MOVED is for good, ASK for one command; both at once', async () => {
  const moved = scene(['MOVED 1 b:1'])
  await moved.commands.call('k', 'GET', ['k'])
  await moved.commands.call('k', 'GET', ['k'])
  expect(moved.sent.map(([node]) => node)).toEqual(['a:1', 'b:1', 'b:1'])

  const asked = scene(['ASK 1 b:1'])
  await asked.commands.call('k', 'GET', ['k'])
  await asked.commands.call('k', 'GET', ['k'])
  expect(asked.sent.map(([node, command]) => `${node} ${command}`)).toEqual([
    'a:1 GET',
    'b:1 ASKING',
    'b:1 GET',
    'a:1 GET',
  ])
})

test('a command that is sent round in circles ends, and redirections without a cluster are final', async () => {
  const circle = scene(Array.from({ length: 100 }, (_, i) => `MOVED 1 ${i % 2 === 0 ? 'b' : 'a'}:1`))
  expect(await ended(circle, circle.commands.call('k', 'GET', ['k']))).toMatchObject({ failure: { reason: 'role' } })
  expect(circle.sent.length).toBeLessThan(20)
  const single = scene(['MOVED 1 b:1'], { clustered: false })
  expect(await ended(single, single.commands.call('k', 'GET', ['k']))).toMatchObject({ failure: { reason: 'role' } })
})

test('NOAUTH: that connection is given up', async () => {
  const it = scene(['NOAUTH Authentication required.'])
  expect(await ended(it, it.commands.call('k', 'GET', ['k']))).toEqual({ reply: 'OK' })
  expect(it.doubts).toEqual(['renew a:1'])
})

test('without an owner it waits as long as its time, is never sent after that, and one that comes up in time is used', async () => {
  const late = scene([])
  late.setOwner(undefined)
  const failed = ended(late, late.commands.call('k', 'INCR', ['k']))
  expect(await failed).toMatchObject({ failure: { reason: 'timeout', notExecuted: true } })
  late.setOwner('a')
  await late.until(10_000)
  expect(late.sent).toEqual([])

  const inTime = scene([])
  inTime.setOwner(undefined)
  const reply = inTime.commands.call('k', 'INCR', ['k'])
  await inTime.until(1999)
  inTime.setOwner('b')
  expect(await reply).toBe('OK')
})
