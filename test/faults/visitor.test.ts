/** Gateways that lie: the driver notices each lie. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { afterEach, expect, test } from 'vitest'
import { newTally, type Tally } from './tally.ts'
import { createVisitor, type Visitor } from './visitor.ts'

const servers: AsyncDisposable[] = []
afterEach(async () => {
  for (const server of servers.splice(0)) await server[Symbol.asyncDispose]()
})

type Answer = (response: ServerResponse, asked: { path: string; query: string; cookie: string }) => void

/** A sign-in is always answered with what was asked for; everything else as `answer` says. */
async function visiting(answer: Answer): Promise<{ visitor: Visitor; tally: Tally }> {
  const server = createServer((request: IncomingMessage, response) => {
    const [path = '', query = ''] = request.url!.split('?')
    if (!path.startsWith('/login')) return answer(response, { path, query, cookie: request.headers.cookie ?? '' })
    response.setHeader('Set-Cookie', 'session=one; Path=/')
    response.end(`- ${query}`)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  servers.push({
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await once(server.close(), 'close')
    },
  })
  const tally = newTally()
  const gateways = [(server.address() as { port: number }).port]
  // Thrown: the gateway, what to do, a ghost; 0.17 is a sign-in.
  const visitor = createVisitor({ name: 'v0', gateways, tally, random: () => 0.17 })
  await visitor.act()
  return { visitor, tally }
}

const signedIn = 'v0.0/0'

test('a gateway that says the truth is found to', async () => {
  const { visitor, tally } = await visiting((response, { query }) => response.end(`${signedIn} ${query}`))
  await visitor.look()
  expect(tally).toMatchObject({ requests: 2, wrong: [], lost: [], unexplained: [], refused: [] })
})

test('the session of somebody else is wrong', async () => {
  const { visitor, tally } = await visiting((response, { query }) => response.end(`v1.0/0 ${query}`))
  await visitor.look()
  expect(tally.wrong).toEqual([expect.stringContaining('never was a state of this session')])
})

test('the answer to another request is wrong', async () => {
  const { visitor, tally } = await visiting((response) => response.end(`${signedIn} v3-7`))
  await visitor.look()
  expect(tally.wrong).toEqual([expect.stringContaining('another request')])
})

test('a session that is not there any more is lost', async () => {
  const { visitor, tally } = await visiting((response, { query }) => response.end(`- ${query}`))
  await visitor.look()
  expect(tally.lost).toHaveLength(1)
})

test('a refusal is one with Retry-After alone, and may not clear the cookie', async () => {
  const { visitor, tally } = await visiting((response, { path }) => {
    if (path === '/') response.setHeader('Set-Cookie', 'session=; Max-Age=0')
    response.writeHead(503, { 'Retry-After': '2' }).end()
  })
  await visitor.look()
  expect(tally.refused).toHaveLength(1)
  expect(tally.wrong).toEqual([expect.stringContaining('clears the cookie')])
})

test('a 503 that does not say when to come again, a 500 and no answer at all are unexplained', async () => {
  for (const status of [503, 500, 0]) {
    const { visitor, tally } = await visiting((response) => {
      if (status === 0) response.destroy()
      else response.writeHead(status).end()
    })
    await visitor.look()
    expect([tally.unexplained.length, tally.refused.length]).toEqual([1, 0])
  }
})

test('the cookie of a session that is there may not be cleared', async () => {
  const { visitor, tally } = await visiting((response, { query }) => {
    response.setHeader('Set-Cookie', 'session=; Max-Age=0')
    response.end(`${signedIn} ${query}`)
  })
  await visitor.look()
  expect(tally.wrong).toEqual([expect.stringContaining('is cleared')])
})

test('a ticket that was replaced by a sign-in, and still opens something, has returned', async () => {
  let state = signedIn
  const { visitor, tally } = await visiting((response, { query }) => response.end(`${state} ${query}`))
  // The second sign-in buries the ticket from the first.
  await visitor.act()
  state = 'v0.1/1'
  await visitor.lookAround()
  expect(tally.returned).toEqual([expect.objectContaining({ what: expect.stringContaining('with a sign-in') })])
})
