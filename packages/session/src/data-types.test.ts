/** What the compiler says of a manager's data; `make check` runs it over this file. */
import { expectTypeOf, test } from 'vitest'
import type { JsonObject, JsonValue, Session, SessionData } from './api.ts'
import { createSessions } from './manager.ts'
import { memoryRecords } from './stores/memory/index.ts'

interface Item {
  readonly name: string
  count: number
}
interface Cart {
  items: string[]
  tags: readonly string[]
  lines: { [sku: string]: Item }
  size: [width: number, height: number]
  kind: 'gift' | 'own' | null
  note?: string
  anything: JsonValue
}
interface Tree {
  children: Tree[]
  byName: { [name: string]: Tree }
}

const options = { store: memoryRecords() }

test('interfaces and type aliases are session data, at any depth', async () => {
  const session = await createSessions<Cart>(options).open({})
  expectTypeOf(session).toEqualTypeOf<Session<Cart>>()
  expectTypeOf(session.get('lines')).toEqualTypeOf<{ [sku: string]: Item } | undefined>()
  expectTypeOf(session.data.kind).toEqualTypeOf<'gift' | 'own' | null | undefined>()
  session.set('lines', { book: { name: 'Book', count: 1 } })
  session.set('note', 'wrap it')
  // @ts-expect-error what is undefined cannot be kept
  const setUndefined = () => session.set('note', undefined)
  // @ts-expect-error count is a number
  const setText = () => session.set('lines', { book: { name: 'Book', count: '1' } })
  expectTypeOf([setUndefined, setText]).toBeArray()
  createSessions<Tree>(options)
  createSessions<{ visits: number }>(options)
  createSessions<Record<string, Item>>(options)
  createSessions<SessionData>(options)
  expectTypeOf(createSessions(options).open).returns.resolves.toEqualTypeOf<Session<SessionData>>()
})

test('a function can be generic over the data', () => {
  function ids<Data extends JsonObject<Data>>(sessions: readonly Session<Data>[]) {
    return sessions.map(({ id }) => id)
  }
  expectTypeOf(ids<Cart>)
    .parameter(0)
    .toEqualTypeOf<readonly Session<Cart>[]>()
})

test('what JSON has no place for does not compile', () => {
  interface WithMethod {
    items: string[]
    save(): void
  }
  interface Late {
    next: Late | Date
  }
  // @ts-expect-error
  createSessions<{ a: Date }>(options)
  // @ts-expect-error
  createSessions<{ a: { b: Date[] } }>(options)
  // @ts-expect-error
  createSessions<{ a: string | Date }>(options)
  // @ts-expect-error
  createSessions<Late>(options)
  // @ts-expect-error
  createSessions<{ a: Map<string, string> }>(options)
  // @ts-expect-error
  createSessions<{ a: Set<string> }>(options)
  // @ts-expect-error
  createSessions<{ a: Uint8Array }>(options)
  // @ts-expect-error
  createSessions<{ a: RegExp }>(options)
  // @ts-expect-error
  createSessions<{ a: Promise<string> }>(options)
  // @ts-expect-error
  createSessions<{ a: bigint }>(options)
  // @ts-expect-error
  createSessions<{ a: symbol }>(options)
  // @ts-expect-error
  createSessions<{ a: () => void }>(options)
  // @ts-expect-error
  createSessions<{ a: typeof Date }>(options)
  // @ts-expect-error
  createSessions<WithMethod>(options)
  // @ts-expect-error
  createSessions<{ a: undefined }>(options)
  // @ts-expect-error
  createSessions<{ a: string | undefined }>(options)
  // @ts-expect-error
  createSessions<{ a: unknown }>(options)
  // @ts-expect-error
  createSessions<string>(options)
  // @ts-expect-error
  createSessions<Date>(options)
})
