import { expect, test } from 'vitest'
import { newId, newSecret, type Ticket } from './ticket.ts'
import { createUnseenEnds } from './unseen-ends.ts'

const ticket = (): Ticket => ({ id: newId(), secret: newSecret() })

test('a sign-out is kept in mind for a minute, for the whole ticket alone', () => {
  let now = 0
  const unseen = createUnseenEnds(
    () => now,
    async () => {},
  )
  const noted = ticket()
  unseen.add(noted)
  now = 59_999
  expect([unseen.has(noted), unseen.has({ ...noted, secret: newSecret() })]).toEqual([true, false])
  now = 60_000
  expect(unseen.has(noted)).toBe(false)
})

test('tickets of nobody do not pile up: beyond 10,000 the oldest is forgotten', () => {
  const unseen = createUnseenEnds(
    () => 0,
    async () => {},
  )
  const [first, second] = [ticket(), ticket()]
  unseen.add(first)
  unseen.add(second)
  for (let index = 2; index <= 10_000; index += 1) unseen.add(ticket())
  expect([unseen.has(first), unseen.has(second)]).toEqual([false, true])
})

test('all of them are looked for, a hundred at once, whatever fails', async () => {
  let [atOnce, most] = [0, 0]
  const looked = new Set<Ticket>()
  const unseen = createUnseenEnds(
    () => 0,
    async (one) => {
      most = Math.max(most, ++atOnce)
      await Promise.resolve()
      looked.add(one)
      atOnce -= 1
      throw new Error('the store is down')
    },
  )
  const tickets = Array.from({ length: 250 }, ticket)
  for (const one of tickets) unseen.add(one)
  unseen.lookAgain()
  unseen.lookAgain()
  for (let round = 0; round < 1000 && looked.size < 250; round += 1) await Promise.resolve()
  expect([looked, most]).toEqual([new Set(tickets), 100])
})
