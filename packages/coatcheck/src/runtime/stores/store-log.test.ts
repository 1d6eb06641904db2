import type { StoreStatus } from '@coatcheck/model'
import { expect, test } from 'vitest'
import { createStoreLog } from './store-log.ts'

function setUp() {
  const time = { now: 5_000 }
  const lines: [level: string, message: string, fields: unknown][] = []
  const at = (level: string) => (message: string, fields?: unknown) => void lines.push([level, message, fields])
  const log = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
  return { tell: createStoreLog(log, () => time.now), time, lines }
}

const up = (name: string): StoreStatus => ({ name, kind: 'sqlite', state: 'up', reason: undefined, full: false })
const down = (name: string, reason = 'the disk is gone'): StoreStatus => ({
  name,
  kind: 'sqlite',
  state: 'down',
  reason,
  full: false,
})

test('one error when a store goes down, with its name, the reason, what it means and what to do', () => {
  const { tell, lines } = setUp()
  tell([up('main'), up('other')])
  expect(lines).toEqual([])
  for (let again = 0; again < 3; again++) tell([down('main', `failure ${again}`), up('other')])
  expect(lines).toEqual([
    [
      'error',
      expect.stringMatching(/^Store "main" is down\. .*503.*cookies are left alone.*Mend what the error names/),
      { error: { code: 'store-unavailable', message: 'failure 0' } },
    ],
  ])
})

test('one message when it is back, with how long it was down', () => {
  const { tell, time, lines } = setUp()
  tell([down('main')])
  time.now += 12_340
  for (let again = 0; again < 3; again++) tell([up('main')])
  expect(lines.slice(1)).toEqual([['info', 'Store "main" is back; it was down for 12.3 s', undefined]])
})

test('a store that is full is told once, with what it means and what to do, and again when it has room', () => {
  const { tell, lines } = setUp()
  const full = { ...up('main'), full: true }
  for (let again = 0; again < 3; again++) tell([full])
  for (let again = 0; again < 3; again++) tell([up('main')])
  expect(lines).toEqual([
    ['error', expect.stringMatching(/^Store "main" is full\. .*503.*maxmemory/), expect.anything()],
    ['info', 'Store "main" has room again', undefined],
  ])
})

test('a store that a reload removed is not said to be back', () => {
  const { tell, lines } = setUp()
  tell([down('main')])
  tell([])
  tell([up('main')])
  expect(lines).toHaveLength(1)
})
