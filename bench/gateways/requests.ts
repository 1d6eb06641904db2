/** Commands and messages for a request that may go to any gateway. */
import type { Redis } from '../running/redis.ts'
import { openGateways, type Traffic, visit } from './visits.ts'

export const requestsHeading =
  'gateways   a request each   changed   reads   touches   writes   index   commands   messages   heard'

/** One line of the table: with so many gateways, per request. */
export async function requestsLine(redis: Redis, count: number, traffic: Traffic): Promise<string> {
  redis.flush()
  await using gateways = await openGateways(redis.port, count)
  let before = look(redis)
  const requests = await visit(gateways, traffic, () => {
    before = look(redis)
  })
  const after = look(redis)
  const each = (name: keyof typeof before) => (after[name] - before[name]) / requests
  const commands = each('reads') + each('touches') + each('writes') + each('index')
  const columns = [
    String(count).padStart(8),
    `${traffic.pause} s`.padStart(17),
    (traffic.changes === 0 ? 'none' : `1 in ${traffic.changes}`).padStart(10),
    each('reads').toFixed(3).padStart(8),
    each('touches').toFixed(3).padStart(10),
    each('writes').toFixed(3).padStart(9),
    each('index').toFixed(3).padStart(8),
    commands.toFixed(3).padStart(11),
    each('messages').toFixed(4).padStart(11),
    (each('messages') * count).toFixed(4).padStart(8),
  ]
  return columns.join('')
}

/** What was done to records and to the index since the server began, and what was published: one script each. */
function look(redis: Redis) {
  const calls = (name: string) => redis.calls(new RegExp(`^${name}$`))
  const index = calls('zadd')
  return {
    reads: calls('get'),
    // The script of the index says when its key expires, too.
    touches: calls('pexpire') - index,
    writes: calls('set') + calls('del'),
    index,
    messages: calls('publish'),
  }
}
