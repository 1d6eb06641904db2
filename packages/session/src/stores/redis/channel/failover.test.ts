import { afterEach, expect, test } from 'vitest'
import type { Deployment } from '../options.ts'
import { openRecords, type TestRecords } from '../testing/bench.ts'
import { type TestServer, until } from '../testing/processes.ts'
import { testReplicated } from '../testing/replicated.ts'
import { testSentinel } from '../testing/sentinel.ts'

const minute = 60_000
const id = 'AAAAAAAAAAAAAAAAAAAAAA'
const bytes = (...values: number[]) => Uint8Array.from(values)
const local = (port: number) => ({ host: '127.0.0.1', port })

const open: AsyncDisposable[] = []
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one[Symbol.asyncDispose]()
})

async function gateway(deployment: Deployment): Promise<TestRecords> {
  const records = await openRecords('shop', deployment)
  open.push({ [Symbol.asyncDispose]: () => records.close() })
  return records
}

/** A primary whose only replica hears nothing from it any more, and takes over when it dies. */
async function fallingApart() {
  const started = await testReplicated(1)
  open.push(started)
  const [primary, replica] = started.servers as [(typeof started.servers)[0], (typeof started.servers)[0]]
  const deployment: Deployment = { kind: 'replicated', nodes: started.ports.map(local) }
  return {
    primary,
    replica,
    deployment,
    /** What is written from now on is lost. */
    part() {
      replica.command('REPLICAOF', '127.0.0.1', '1')
    },
    async failOver() {
      await primary.kill()
      replica.command('REPLICAOF', 'NO', 'ONE')
    },
  }
}

test('a primary that never had what is cached: it is not believed, and let go', async () => {
  const { deployment, part, failOver, primary, replica } = await fallingApart()
  const one = await gateway(deployment)
  const first = await one.create(id, bytes(1), minute)
  await until('the replica has it', () => replica.command('STRLEN', `shop:${id}`) !== '0')
  part()
  const lost = await one.update(id, bytes(2), first!, minute)
  const alone = await one.create('alone', bytes(3), minute)
  expect([one.confirm(id, lost!), one.confirm('alone', alone!)]).toEqual([true, true])
  one.told.length = 0
  await failOver()
  await until('the new primary is believed', () => one.stores.channel.up && one.told.includes('reset'))
  expect([one.confirm(id, lost!), one.confirm('alone', alone!)]).toEqual([false, false])
  expect((await one.read(id))?.version).toBe(first)
  expect(await one.read('alone')).toBeUndefined()
  expect(primary.port).not.toBe(replica.port)
})

test('two writes of the same number, of which a failover lost one, are told apart', async () => {
  const { deployment, part, failOver, replica } = await fallingApart()
  const one = await gateway(deployment)
  const first = await one.create(id, bytes(1), minute)
  await until('the replica has it', () => replica.command('STRLEN', `shop:${id}`) !== '0')
  part()
  const lost = await one.update(id, bytes(2), first!, minute)
  await failOver()
  await until('the new primary answers', () => one.stores.channel.up && one.stores.state.up)
  const kept = await one.update(id, bytes(3), first!, minute)
  expect(kept).toBeDefined()
  expect(kept).not.toBe(lost)
  expect(await one.update(id, bytes(4), lost!, minute)).toBeUndefined()
  expect(Uint8Array.from((await one.read(id))!.bytes)).toEqual(bytes(3))
})

/** What is read, if anything is, until the record is gone from the new primary. */
async function answersUntilEnded(one: TestRecords, primary: TestServer): Promise<unknown[]> {
  const answers: unknown[] = []
  await until('it ended there too', async () => {
    answers.push(await one.read(id).catch(() => undefined))
    return primary.command('EXISTS', `shop:${id}`) === '0'
  })
  return answers.filter((answer) => answer !== undefined)
}

test('an end that the new primary never heard of is refused here at once, and made again there', async () => {
  const { deployment, part, failOver, replica } = await fallingApart()
  const [one, other] = [await gateway(deployment), await gateway(deployment)]
  await one.create(id, bytes(1), minute)
  await until('the replica has it', () => replica.command('STRLEN', `shop:${id}`) !== '0')
  part()
  await one.delete(id)
  await failOver()
  expect(await answersUntilEnded(one, replica)).toEqual([])
  await until('the other one follows', () => other.stores.state.up)
  expect(await other.read(id)).toBeUndefined()
})

test('an end by a process that is gone is refused by whoever heard of it, and made again on the new primary', async () => {
  const { deployment, part, failOver, replica } = await fallingApart()
  const [one, command] = [await gateway(deployment), await openRecords('shop', deployment)]
  await one.create(id, bytes(1), minute)
  await until('the replica has it', () => replica.command('STRLEN', `shop:${id}`) !== '0')
  part()
  await command.delete(id)
  await command.close()
  await until('it was heard', () => one.told.includes(`${id} -`))
  await failOver()
  expect(await answersUntilEnded(one, replica)).toEqual([])
})

test('a planned failover by the sentinels: what a change on the new primary tells is heard', async () => {
  const started = await testSentinel()
  open.push(started)
  const nodes = started.sentinels.map(({ port }) => local(port))
  const deployment: Deployment = { kind: 'sentinel', masterName: started.masterName, nodes, auth: false }
  const [one, other] = [await gateway(deployment), await gateway(deployment)]
  const first = await one.create(id, bytes(1), minute)
  await other.read(id)
  const before = started.named()
  await until('the replicas have it', () =>
    started.servers.every((server) => server.command('EXISTS', `shop:${id}`) === '1'),
  )
  started.sentinels[0]!.command('SENTINEL', 'FAILOVER', started.masterName)
  await until('another one is named', () => started.named() !== before)
  await until('both follow', () => one.told.includes('reset') && other.told.includes('reset'))
  await until('both believe', () => one.stores.channel.up && other.stores.channel.up)
  expect(other.confirm(id, first!)).toBe(false)
  await other.read(id)
  await until('it is believed', async () => {
    await other.read(id)
    return other.confirm(id, first!)
  })
  const second = await one.update(id, bytes(2), first!, minute)
  await until('the message came', () => other.told.includes(`${id} ${second}`))
  expect(other.confirm(id, first!)).toBe(false)
})
