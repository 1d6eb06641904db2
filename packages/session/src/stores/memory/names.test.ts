import { expect, test } from 'vitest'
import { createNames, maxEntered } from './names.ts'

function bench() {
  let now = 1_000_000
  const names = createNames(() => now)
  const pass = (milliseconds: number) => {
    now += milliseconds
  }
  return { names, pass }
}
const session = (id: string) => ({ id, createdAt: 1 })
const ids = (entries: readonly { readonly id: string }[]) => entries.map(({ id }) => id)

test('an entry stays for 10 s after its end, and no longer', async () => {
  const { names, pass } = bench()
  await names.enter('ann', session('a'), 1000)
  pass(10_999)
  expect(ids(await names.entered('ann'))).toEqual(['a'])
  pass(1)
  expect(await names.entered('ann')).toEqual([])
})

test('above the bound the one that would end first is put out, and named', async () => {
  const { names } = bench()
  for (let index = 0; index < maxEntered; index += 1) await names.enter('ann', session(`s${index}`), 10_000 + index)
  expect(await names.enter('ann', session('new'), 20_000)).toEqual(['s0'])
  expect(await names.entered('ann')).toHaveLength(maxEntered)
})

test('a mark is gone after 60 s', async () => {
  const { names, pass } = bench()
  await names.markEnded('ann')
  pass(59_999)
  expect(await names.endedAt('ann')).toBe(1_000_000)
  pass(1)
  expect(await names.endedAt('ann')).toBeUndefined()
})
