import { Readable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import type { ForwardRequest } from '../forward.ts'
import { headerValue } from '../headers.ts'
import { route, stage } from '../testing/gateway.ts'

const mirror = { kind: 'mirror', upstream: 'shadow', percent: 100 } as const

/** Reads as the hop does: `data` first, then what comes. */
function read({ body }: ForwardRequest): Promise<string> {
  if (body === undefined) return Promise.resolve('')
  return new Promise((resolve) => {
    let text = ''
    body.on('data', (chunk: Buffer) => {
      text += chunk
    })
    body.on('end', () => resolve(text))
  })
}

function scene(spec: Partial<typeof mirror> | { percent: number } = {}) {
  const bodies: [string, string][] = []
  const middleware = [{ ...mirror, ...spec }, { kind: 'rewrite', path: { kind: 'full', value: '/new' } } as const]
  const on = stage({
    routes: [route('a', '/', middleware)],
    async respond(request, upstream) {
      await new Promise(setImmediate)
      bodies.push([upstream, await read(request)])
      return upstream === 'shadow' ? Promise.reject(new Error('shadow is away')) : { status: 201 }
    },
  })
  return { on, bodies }
}
const chunks = (...parts: string[]) => Readable.from(parts.map((part) => Buffer.from(part)))
const settled = () => new Promise((resolve) => setTimeout(resolve, 0))

describe('mirror', () => {
  test('sends the same request elsewhere, after the rewrite, and its failure changes nothing', async () => {
    const { on } = scene()
    const { reply, exchange } = await on.ask({ target: '/old?a' })
    expect(reply.status).toBe(201)
    expect(exchange).toMatchObject({ reason: undefined, upstream: 'app', target: 'app:80' })
    const [shadow, app] = on.sent
    expect(shadow).toMatchObject({ to: 'shadow', target: '/new?a', method: 'GET' })
    expect(shadow!.headers).toEqual(app!.headers)
    expect(headerValue(shadow!.headers, 'host')).toBe('shop.example.com')
  })

  test('an answer that never comes keeps nobody waiting, and only so many are waited for', async () => {
    const on = stage({
      routes: [route('a', '/', [mirror])],
      respond: (_, upstream) => (upstream === 'shadow' ? new Promise(() => {}) : {}),
    })
    for (let i = 0; i < 150; i++) expect((await on.ask()).reply.status).toBe(200)
    expect(on.sent.filter(({ to }) => to === 'shadow')).toHaveLength(100)
    expect(on.observed.filter(([call, , reason]) => call === 'mirrorSkipped' && reason === 'busy')).toHaveLength(50)
  })

  test('answers of the mirror are let go of', async () => {
    let cancelled = 0
    const body = { kind: 'stream' as const, pipe() {}, cancel: () => cancelled++ }
    const on = stage({ routes: [route('a', '/', [mirror])], respond: (_, to) => (to === 'shadow' ? { body } : {}) })
    await on.ask()
    await settled()
    expect(cancelled).toBe(1)
  })

  test('a body goes to both, whole, while it passes', async () => {
    const { on, bodies } = scene()
    const { reply } = await on.ask({ method: 'POST', body: chunks('one,', 'two'), contentLength: undefined })
    expect(reply.status).toBe(201)
    await expect
      .poll(() => bodies)
      .toEqual([
        ['app', 'one,two'],
        ['shadow', 'one,two'],
      ])
    expect(on.sent[1]).toMatchObject({ to: 'shadow', contentLength: 7, method: 'POST' })
  })

  test('a body above 64 KiB is not mirrored, known beforehand or not', async () => {
    for (const contentLength of [70_000, undefined]) {
      const { on, bodies } = scene()
      await on.ask({ method: 'POST', body: chunks('x'.repeat(35_000), 'x'.repeat(35_000)), contentLength })
      await settled()
      expect(bodies.map(([to, body]) => [to, body.length])).toEqual([['app', 70_000]])
      expect(on.sent).toHaveLength(1)
      expect(on.observed).toContainEqual(['mirrorSkipped', 'a', 'too_large'])
    }
  })

  test('upgrades are not mirrored, and nothing is at 0 percent', async () => {
    const { on } = scene()
    await on.ask({ upgrade: 'websocket' })
    const none = scene({ percent: 0 })
    for (let i = 0; i < 20; i++) await none.on.ask()
    for (const { to } of [...on.sent, ...none.on.sent]) expect(to).toBe('app')
  })
})
