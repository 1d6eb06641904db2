import type { StoreStatus } from '@coatcheck/model'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { watchStores } from './store-watch.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const up: StoreStatus = { name: 'main', kind: 'redis', state: 'up', reason: undefined }
const down: StoreStatus = { ...up, state: 'down', reason: 'tcp: refused' }

/** What is told over looks at these, each with the state before. */
function told(...looks: readonly StoreStatus[][]): string[] {
  const news: string[] = []
  let look = 0
  const stop = watchStores(
    () => looks[look] ?? [],
    ({ name, state, reason }, before) => news.push(`${look} ${name} ${before?.state} ${state} ${reason}`),
  )
  for (; look < looks.length; look++) vi.advanceTimersByTime(1_000)
  stop()
  look = 0
  vi.advanceTimersByTime(60_000)
  return news
}

test('a store is told of when it is new, and when its state or the reason changes', () => {
  expect(told([up], [up], [down], [down], [{ ...down, reason: 'auth: refused' }], [up])).toEqual([
    '0 main undefined up undefined',
    '2 main up down tcp: refused',
    '4 main down down auth: refused',
    '5 main down up undefined',
  ])
})

test('stores whose state only requests show are not watched', () => {
  expect(told([{ ...up, kind: 'sqlite' }], [{ ...down, kind: 'sqlite' }])).toEqual([])
})
