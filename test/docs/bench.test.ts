import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { limits } from '../../bench/request/limits.ts'

test('what the numbers of the bench do not mean is printed whole, line for line', async () => {
  const said = (await limits()).split(/\n(?=- )/)
  expect(said.map((item) => /^- (?:Not )?(\S+ \S+ \S+)/.exec(item)?.[1])).toEqual([
    'what your machine',
    'capacity: requests per',
    'latency under your',
    'nginx as a',
  ])
  expect(said.at(-1)).toMatch(/not a competitor\.$/)
  const run = readFileSync(new URL('../../bench/request/run.ts', import.meta.url), 'utf8')
  expect(run).toMatch(/What these numbers do not mean:.*await limits\(\)/)
})
