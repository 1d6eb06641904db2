import { native } from '@coatcheck/dialects'
import { expect, test } from 'vitest'
import { textSource } from './files.ts'

async function warningsOf(migrate: string) {
  const text = `name: shop
listeners: { web: 127.0.0.1:8080 }
sessions:
  default: { mode: enforce, sealing: { migrate: ${migrate} } }
routes: [{ name: app, upstream: http://127.0.0.1:3000 }]
keys: { k1: ${'ab'.repeat(16)} }
`
  const file = { name: 'coatcheck.yaml', text }
  const { diagnostics } = await textSource(file, { dialect: native, environment: {}, cwd: '/' }).load()
  return diagnostics.filter(({ code }) => code === 'migration-over')
}

test('a migration whose end has passed is a warning, at its place, with what it means', async () => {
  expect(await warningsOf('{ from: none, to: { keys: [k1] }, until: 2020-02-29 }')).toMatchObject([
    {
      severity: 'warning',
      place: { line: 4 },
      message: expect.stringContaining('2020-02-29T00:00:00Z'),
      consequence: expect.stringContaining('begins anew'),
    },
  ])
  const [sealed] = await warningsOf('{ from: ticket, to: { keys: [k1] }, until: "2020-02-29T00:00:00+01:00" }')
  expect(sealed?.consequence).toContain('503')
})

test('one that goes on, and one without an end, are none', async () => {
  expect(await warningsOf('{ from: none, to: { keys: [k1] }, until: 9999-01-01 }')).toEqual([])
  expect(await warningsOf('{ from: none, to: { keys: [k1] } }')).toEqual([])
})
