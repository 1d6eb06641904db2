/** What lies beside the sessions, as `docs/reference/formats.md` has it. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { createSealers } from '../../sealing.ts'
import { indexNames } from '../../session-index.ts'
import { keysUnder } from './keys.ts'
import { describeGateway, formatGateway } from './known-gateways.ts'

const vectors = JSON.parse(readFileSync(new URL('../../vectors/redis-beside.json', import.meta.url), 'utf8'))
const { prefix, subject, providerSession, token, settings } = vectors
const key = { id: vectors.key.id, bytes: Buffer.from(vectors.key.hex, 'hex') }
const keys = keysUnder(prefix)

test('names in the index are keyed hashes', () => {
  const { writes } = createSealers({ kind: 'ticket' }, [key], prefix)
  const names = indexNames(writes, { subject, providerSession }, key.id)
  expect(names.map(keys.index)).toEqual(vectors.indexKeys)
  expect(names.map(keys.ended)).toEqual(vectors.endedKeys)
})

test('a token that was accepted is kept as its hash', () => {
  expect(keys.once(createHash('sha256').update(token).digest('base64url'))).toBe(vectors.onceKey)
})

test('a gateway says which keys it knows by their fingerprints', () => {
  expect(formatGateway(describeGateway([key], settings, prefix))).toBe(vectors.known)
})
