/**
 * Planned failovers under load: what was confirmed is there afterwards, and what was ended is not.
 *
 * `COATCHECK_TEST_FAILOVERS=5` makes five of them, and as many with one replica that confirms and with none, and prints what was lost.
 */
import { expect, test } from 'vitest'
import { connectRedis, type RedisStore } from './index.ts'
import type { Durability } from './options.ts'
import { attempt, type TestServer, until } from './testing/processes.ts'
import { type TestSentinel, testSentinel } from './testing/sentinel.ts'

const minute = 60_000
const bytes = new Uint8Array(500)
const writers = 6
const failovers = Number(process.env.COATCHECK_TEST_FAILOVERS ?? 1)
const isMeasured = process.env.COATCHECK_TEST_FAILOVERS !== undefined

/** What the writers were told. */
interface Journal {
  readonly created: Set<string>
  readonly changed: Map<string, string>
  readonly ended: Set<string>
  /** Of which nothing is promised: the answer was a failure. */
  readonly refused: Set<string>
}

async function write(records: RedisStore, journal: Journal, name: string, goesOn: () => boolean): Promise<void> {
  for (let i = 0; goesOn(); i += 1) {
    const id = `${name}-${i}`
    try {
      const version = await records.create(id, bytes, minute)
      journal.created.add(id)
      if (i % 3 === 1) journal.changed.set(id, (await records.update(id, bytes, version!, minute))!)
      if (i % 3 === 2) {
        await records.delete(id)
        journal.ended.add(id)
      }
    } catch {
      journal.refused.add(id)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
}

/** Of these, those that the server has, and in which version. */
function present(server: TestServer, ids: Iterable<string>): Map<string, string> {
  const script = `local there = {} for _, id in ipairs(ARGV) do
    local version = redis.call('GETRANGE', 'shop:' .. id, 0, 14)
    if version ~= '' then
      local hex = version:gsub('.', function(one) return string.format('%02x', one:byte()) end)
      table.insert(there, id .. ' ' .. hex)
    end end return there`
  const found = new Map<string, string>()
  const all = [...ids]
  for (let from = 0; from < all.length; from += 2000) {
    const reply = server.command('EVAL', script, '0', ...all.slice(from, from + 2000))
    for (const [, id, hex] of reply.matchAll(/^(\S+) ([0-9a-f]+)$/gm))
      found.set(id!, Buffer.from(hex!, 'hex').toString('base64url'))
  }
  return found
}

interface Outcome {
  readonly confirmed: number
  readonly refused: number
  /** Sessions that are gone, or as they were before a change that was confirmed. */
  readonly lost: number
}

async function failOver(started: TestSentinel, durability: Durability | undefined): Promise<Outcome> {
  const nodes = started.sentinels.map(({ port }) => ({ host: '127.0.0.1', port }))
  const deployment = { kind: 'sentinel', masterName: started.masterName, nodes, auth: false } as const
  const stores = connectRedis({ deployment, timeouts: { connect: 1000, command: 1000 }, durability })
  const records = stores.under('shop')
  const journal: Journal = { created: new Set(), changed: new Map(), ended: new Set(), refused: new Set() }
  let isOver = false
  try {
    await until('it is connected', () => stores.channel.up)
    await until('the replicas confirm', () =>
      records.create('first', bytes, minute).then(
        () => true,
        () => false,
      ),
    )
    const writing = Array.from({ length: writers }, (_, i) => write(records, journal, `w${i}`, () => !isOver))
    await until('there is traffic', () => journal.created.size > 300)
    const before = started.named()
    started.sentinels[0]!.command('SENTINEL', 'FAILOVER', started.masterName)
    await until('another one is named', () => started.named() !== before)
    const old = started.servers.find(({ port }) => port === before)!
    await until('the old one follows', () => attempt(() => old.command('ROLE')).startsWith('slave'))
    const soFar = journal.created.size
    await until('writes are confirmed again', () => journal.created.size > soFar + 50)
    isOver = true
    await Promise.all(writing)
    const now = started.servers.find(({ port }) => port === started.named())!
    return await judge(journal, now)
  } finally {
    isOver = true
    await stores.close()
  }
}

async function judge({ created, changed, ended, refused }: Journal, now: TestServer): Promise<Outcome> {
  // What a failover brought back is ended again, a moment later.
  await until('what ended has ended', () => present(now, ended).size === 0)
  const kept = [...created].filter((id) => !ended.has(id) && !refused.has(id))
  const there = present(now, kept)
  const isLost = (id: string) => !there.has(id) || (changed.get(id) ?? there.get(id)) !== there.get(id)
  const confirmed = created.size + changed.size + ended.size
  return { confirmed, refused: refused.size, lost: kept.filter(isLost).length }
}

test(
  `${failovers} planned failover(s) under load, all replicas confirm: nothing that was confirmed is lost`,
  async () => {
    for (let i = 0; i < failovers; i += 1) {
      await using started = await testSentinel()
      const outcome = await failOver(started, { replicas: 'all', timeout: 100, short: 'refuse' })
      if (isMeasured) console.log('replicas: all', outcome)
      expect(outcome).toMatchObject({ lost: 0 })
      expect(outcome.confirmed).toBeGreaterThan(300)
    }
  },
  failovers * 60_000,
)

const others: readonly [string, Durability | undefined][] = [
  ['one replica', { replicas: 1, timeout: 100, short: 'refuse' }],
  ['none', undefined],
]
test.runIf(isMeasured).each(others)(
  'the same with %s that confirms, for comparison',
  async (name, durability) => {
    for (let i = 0; i < failovers; i += 1) {
      await using started = await testSentinel()
      console.log(name, await failOver(started, durability))
    }
  },
  failovers * 60_000,
)
