import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { createAccessLog } from './access-log.ts'
import { exchange, finished, rejected, sessionOf } from './testing/exchange.ts'

const page = readFileSync(new URL('../../../../docs/reference/access-log.md', import.meta.url), 'utf8')
const examples = [...page.matchAll(/```json\n(.*?)```/gs)].map(([, text]) => JSON.parse(text!))

const lines: string[] = []
const log = createAccessLog({
  write: (line) => void lines.push(line),
  version: '0.1.0',
  clock: () => Date.UTC(2026, 0, 2, 3, 4, 5, 683),
})
log.finished(
  finished({
    exchange: exchange(
      {
        id: 'GzV0Wq4yTn2c1uXb',
        session: sessionOf('Zk3wq0mJ1yTt8vQ2nRb7xA', 'alice'),
        upstream: 'shop',
        target: '10.0.0.5:3000',
        timings: { upstream: 4.25, store: 0.5 },
      },
      { target: '/cart?page=2&token=abc' },
    ),
  }),
)
log.finished(
  finished({
    status: 0,
    responseBytes: 0,
    aborted: true,
    exchange: exchange({
      id: 'Hq81mZ0pKc5sEw3f',
      reason: 'client-gone',
      detail: 'The client left before the answer. The upstream request was ended.',
      upstream: 'shop',
      target: '10.0.0.5:3000',
      timings: { upstream: 4.25, store: undefined },
    }),
  }),
)
log.rejected(rejected())
const written = lines.map((line) => JSON.parse(line))

test('the examples are lines as they are written', () => {
  expect(examples).toEqual(written)
})

/** Dotted names of all that is no object. */
function fields(value: object, prefix = ''): string[] {
  return Object.entries(value).flatMap(([name, member]) =>
    typeof member === 'object' && !Array.isArray(member) ? fields(member, `${prefix}${name}.`) : [`${prefix}${name}`],
  )
}

test('the page has every field, and no other', () => {
  const documented = [...page.matchAll(/^\| `([^`]+)` \|/gm)].map(([, name]) => name)
  expect([...documented].sort()).toEqual([...new Set(written.flatMap((line) => fields(line)))].sort())
})
