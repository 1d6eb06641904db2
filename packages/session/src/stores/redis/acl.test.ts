import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { redisAcl } from './acl.ts'

test('the reference prints the rule as it is', () => {
  const page = readFileSync(new URL('../../../../../docs/reference/redis.md', import.meta.url), 'utf8')
  const printed = /^ACL SETUSER coatcheck on >PASSWORD (.+)$/m.exec(page)?.[1]
  expect(printed?.split(' ')).toEqual(redisAcl('shop'))
})

test('a rule is for one prefix, which cannot bring words of its own', () => {
  for (const prefix of ['', 'a b', 'a +@all', '~a', '*']) {
    expect(() => redisAcl(prefix)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_OPTION' }))
  }
})
