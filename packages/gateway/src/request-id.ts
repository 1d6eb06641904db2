import { randomBytes } from 'node:crypto'

const size = 16
const pool = 256
let bytes = Buffer.alloc(0)
let at = 0

/** A new request id: 128 random bits in hex. Random bytes are drawn many at a time, since each draw has its price. */
export function makeRequestId(): string {
  if (at === bytes.length) {
    bytes = randomBytes(size * pool)
    at = 0
  }
  at += size
  return bytes.toString('hex', at - size, at)
}

/** What may be passed on from a trusted proxy as request id. */
export const isRequestId = (value: string): boolean => /^[A-Za-z0-9._-]{1,128}$/.test(value)
