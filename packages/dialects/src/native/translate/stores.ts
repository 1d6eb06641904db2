import { defaultStore, defaults, type SessionSpec, type StoreSpec, step } from '@coatcheck/model'
import type { NativeDocument } from '../schema.ts'
import type { Context } from './context.ts'
import { filled } from './filled.ts'
import { redis } from './redis.ts'

type Written = NonNullable<NativeDocument['stores']>[string]

/** The stores that are written, and the memory store when a session falls back on it and none is called so. */
export function stores(context: Context, sessions: readonly SessionSpec[]): StoreSpec[] {
  const written = Object.entries(context.document.stores ?? {})
  const specs = written.map(([name, spec], index) => {
    const pointer = `/stores/${index}`
    context.came(pointer, `/stores${step(name)}`)
    if (typeof spec === 'object' && spec.redis !== undefined) return redis(name, spec.redis, spec, pointer, context)
    return store(name, spec)
  })
  const falling = sessions.some(({ store }) => store === defaultStore)
  return falling && !context.isWritten('stores', defaultStore) ? [...specs, store(defaultStore, 'memory')] : specs
}

const short: Record<Extract<Written, string>, Exclude<Written, string>> = {
  memory: { memory: {} },
  sqlite: { sqlite: {} },
  sealedCookie: { sealedCookie: {} },
}

function store(name: string, written: Written): StoreSpec {
  const { memory, sqlite, sealedCookie } = typeof written === 'string' ? short[written] : written
  if (sqlite !== undefined) return { kind: 'sqlite', name, file: sqlite.file }
  if (sealedCookie !== undefined) return { kind: 'sealed-cookie', name, ...filled(defaults.sealedCookie, sealedCookie) }
  return { kind: 'memory', name, ...filled(defaults.memory, memory) }
}
