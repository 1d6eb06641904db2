import { expect, test } from 'vitest'
import type { Durability } from '../options.ts'
import { testReplicated } from '../testing/replicated.ts'
import { testStandalone } from '../testing/standalone.ts'
import { host, probe } from './testing/probing.ts'

type Replicas = Durability['replicas']

test('each number of replicas that are waited for is compared with those that there are', async () => {
  await using started = await testReplicated(2)
  const nodes = started.ports.map((port) => ({ host, port }))
  const found = async (replicas: Replicas, short: Durability['short'] = 'refuse', more = nodes) => {
    const durability = { replicas, timeout: 100, short }
    const { ok, steps } = await probe({ kind: 'replicated', nodes: more }, { durability })
    const told = steps.filter(({ step }) => step === 'replicas')
    return { ok, told: told.map(({ outcome, reason, message }) => `${outcome} ${reason ?? ''}: ${message}`) }
  }
  const all = { ok: true, told: ['ok : 2 replicas, all of which confirm'] }
  expect(await found('all')).toEqual(all)
  expect(await found(2)).toEqual(all)
  expect(await found(1)).toEqual({
    ok: true,
    told: [
      'warned replicas-not-all: It has 2 replicas, of which 1 are waited for: a failover may promote another one, and lose writes.',
    ],
  })
  expect((await found(3)).told).toEqual([
    'warned replicas-missing: It has 2 replicas, and 3 are waited for: every write is answered with 503.',
  ])
  expect((await found(3, 'count')).told[0]).toContain('no write is confirmed in time')
  started.servers[0]!.command('ACL', 'SETUSER', 'default', '-role', '-info')
  expect((await found('all')).told).toEqual(['skipped not-told: It does not say how many replicas it has.'])
})

test('without durability nobody asks, and a primary without replicas is told with it', async () => {
  await using server = await testStandalone()
  const { port } = server
  const step = async (durability?: Durability) => {
    const { steps } = await probe({ kind: 'standalone', node: { host, port } }, { durability })
    return steps.find(({ step }) => step === 'replicas')
  }
  expect(await step()).toBeUndefined()
  expect(await step({ replicas: 'all', timeout: 100, short: 'count' })).toMatchObject({
    outcome: 'warned',
    reason: 'replicas-missing',
  })
})
