import { readFileSync, writeFileSync } from 'node:fs'
import { check } from '@coatcheck/model'
import { expect, test } from 'vitest'
import { native } from './dialect.ts'
import { compactJson } from './fixtures/golden.ts'

const file = new URL('README.md', import.meta.url)

test('the README shows an input and the model that comes out', () => {
  const page = readFileSync(file, 'utf8')
  const text = /```yaml\n(.*?)```/s.exec(page)![1]!
  const { model, diagnostics, placeOf } = native.translate([{ name: 'coatcheck.yaml', text }], () => undefined)
  expect([...diagnostics, ...check(model!, placeOf)]).toEqual([])
  const now = page.replace(/```json\n.*?```/s, () => `\`\`\`json\n${compactJson(model)}\`\`\``)
  if (process.env.UPDATE_GOLDEN === '1') writeFileSync(file, now)
  else expect(page).toBe(now)
})
