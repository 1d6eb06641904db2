import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { remedies } from './remedies.ts'
import { probeSteps } from './report.ts'

const guide = readFileSync(new URL('../../../../../../docs/guide/connection-test.md', import.meta.url), 'utf8')

function rowsOf(heading: string): readonly string[] {
  const section = guide.slice(guide.indexOf(`## ${heading}`)).split('\n## ')[0]!
  return [...section.matchAll(/^\| `([^`]+)` \|/gm)].map(([, name]) => name!)
}

test('the guide explains every step and every reason, and no other', () => {
  expect(rowsOf('Steps')).toEqual(probeSteps)
  expect(rowsOf('Reasons')).toEqual(Object.keys(remedies))
})
