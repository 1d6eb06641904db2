/** Servers that answer whatever they like. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Deployment } from '../options.ts'
import type { Reply } from './reply.ts'
import { probeSteps } from './report.ts'
import { host, hurried, oddServer, probe } from './testing/probing.ts'
import { anyReply, written } from './testing/replies.ts'

/** What servers do say, in places where it does not belong, so that more is reached than with noise alone. */
const likely: readonly Reply[] = [
  ['version', '7.2.0', 'mode', 'cluster', 'role', 'master'],
  ['version', '7.2.0', 'mode', 'sentinel', 'role', 'master'],
  ['version', '\u001b[31m', 'mode', 'standalone', 'role', 'slave'],
  ['ip', '127.0.0.1', 'port', '1', 'config-epoch', 'x'],
  ['ip', '\u001b[31mhost', 'port', '1'],
  [[0, 16_383, ['127.0.0.1', 1, 'id'], [null, 2]]],
  [[0, 16_383, ['\u001b[31mhost', 1], ['', 99_999]]],
  ['maxclients', '-5'],
  ['maxmemory-policy', '\u001b[31m'],
  'maxclients:10\r\nconnected_clients:99\r\ntimeout:x\r\nmaxmemory_policy:volatile-lru\r\n',
  'cluster_state:fail\r\ncluster_slots_assigned:-1\r\n',
  ['1', 'x'],
  { error: 'NOPERM' },
  { error: 'NOAUTH \u001b[31m' },
]

const deployment = (kind: Deployment['kind'], port: number): Deployment => {
  const node = { host, port }
  if (kind === 'standalone') return { kind, node, database: 1 }
  return kind === 'sentinel' ? { kind, masterName: 'main', nodes: [node] } : { kind, nodes: [node] }
}

test('whatever servers answer, there is a report, and nothing of theirs that could harm a terminal', async () => {
  let replies: readonly Reply[] = []
  await using server = await oddServer((socket) => {
    let next = 0
    socket.on('data', (bytes: Buffer) => {
      for (const _ of bytes.toString('latin1').matchAll(/\*\d+\r\n\$/g)) {
        socket.write(written(replies[next++ % replies.length]!))
      }
    })
  })
  const answers = fc.array(fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...likely) }, anyReply), { minLength: 1 })
  const kinds = fc.constantFrom<Deployment['kind'][]>('standalone', 'sentinel', 'cluster', 'replicated')
  await fc.assert(
    fc.asyncProperty(answers, kinds, async (answer, kind) => {
      replies = answer
      const { ok, steps } = await probe(deployment(kind, server.port), { ports: hurried })
      expect(ok).toBe(steps.every(({ outcome }) => outcome !== 'failed'))
      for (const { step, node, message } of steps) {
        expect(probeSteps).toContain(step)
        expect(`${node} ${message}`).not.toMatch(/[\u0000-\u001f\u007f]/)
      }
    }),
    { numRuns: 100 },
  )
})
