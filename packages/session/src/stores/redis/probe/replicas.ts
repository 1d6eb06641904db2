/** Whether as many replicas as there are have to confirm a write, where any have to. */
import type { Reply } from './reply.ts'
import { type Finding, ok, skipped, warned } from './report.ts'
import type { Target } from './target.ts'

/** @param connected what INFO says, for a server that does not tell ROLE */
export function replicaFindings(
  { durability, role: expected }: Target,
  role: string | undefined,
  reply: Reply | undefined,
  connected: string | undefined,
): readonly Finding[] {
  if (durability === undefined || role !== 'master' || expected === 'replica') return []
  const there = Array.isArray(reply) && Array.isArray(reply[2]) ? reply[2].length : Number(connected ?? Number.NaN)
  if (!Number.isInteger(there)) return [skipped('replicas', 'not-told', 'It does not say how many replicas it has.')]
  const { replicas, short } = durability
  const counted = there === 1 ? '1 replica' : `${there} replicas`
  if (replicas === 'all') {
    if (there > 0) return [ok('replicas', `${counted}, all of which confirm`)]
    return [warned('replicas', 'replicas-missing', 'It has no replica, so that a write is confirmed by nobody.')]
  }
  if (replicas < there) {
    const message = `It has ${counted}, of which ${replicas} are waited for: a failover may promote another one, and lose writes.`
    return [warned('replicas', 'replicas-not-all', message)]
  }
  if (replicas === there) return [ok('replicas', `${counted}, all of which confirm`)]
  const consequence = short === 'refuse' ? 'every write is answered with 503' : 'no write is confirmed in time'
  return [warned('replicas', 'replicas-missing', `It has ${counted}, and ${replicas} are waited for: ${consequence}.`)]
}
