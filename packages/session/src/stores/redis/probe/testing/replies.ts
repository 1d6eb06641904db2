/** Replies as a server may make them up. */
import fc from 'fast-check'
import type { Reply } from '../reply.ts'

export const { reply: anyReply } = fc.letrec<{ reply: Reply }>((tie) => ({
  reply: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    fc.string({ unit: 'binary' }),
    fc.integer(),
    fc.constant(null),
    fc.string().map((text) => ({ error: text.replaceAll(/[\r\n]/g, ' ') })),
    fc.array(tie('reply'), { maxLength: 5 }),
  ),
}))

/** In RESP2. */
export function written(reply: Reply): string {
  if (reply === null) return '$-1\r\n'
  if (typeof reply === 'number') return `:${reply}\r\n`
  if (typeof reply === 'string') return `$${Buffer.byteLength(reply)}\r\n${reply}\r\n`
  if ('error' in reply) return `-${reply.error}\r\n`
  return `*${reply.length}\r\n${reply.map(written).join('')}`
}
