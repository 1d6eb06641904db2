import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { limits } from '../../bench/running/limits.ts'

test('what the numbers of the bench do not mean is printed whole, line for line', async () => {
  const bench = new URL('../../bench/request/run.ts', import.meta.url)
  const said = (await limits(bench)).split(/\n(?=- )/)
  expect(said.map((item) => /^- (?:Not )?(\S+ \S+ \S+)/.exec(item)?.[1])).toEqual([
    'what your machine',
    'capacity: requests per',
    'latency under your',
    'nginx as a',
  ])
  expect(said.at(-1)).toMatch(/not a competitor\.$/)
})

test.each(['request', 'cache', 'gateways', 'scale'])('bench/%s prints what its numbers do not mean', async (name) => {
  const bench = new URL(`../../bench/${name}/run.ts`, import.meta.url)
  expect(await limits(bench)).toMatch(/^- /)
  expect(readFileSync(bench, 'utf8')).toMatch(/What these numbers do not mean:.*await limits\(import\.meta\.url\)/)
})
