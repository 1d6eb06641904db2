/** Makes anything a plain JSON value: log fields come from everywhere and must never make a log call throw. */

const maxDepth = 6
const maxEntries = 50
const maxText = 8192

/**
 * A JSON value that shows what was given, bounded in depth (6), entries (50) and text (8,192 characters).
 *
 * Errors become the ECS fields of `error`. `toJSON` is honoured, so a `Secret` stays hidden; buffers show their length
 * alone, since they may hold keys. What cannot be read shows as `[unreadable]`.
 */
export function printable(value: unknown, depth = 0): unknown {
  try {
    return shown(value, depth)
  } catch {
    return '[unreadable]'
  }
}

function shown(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return value.length > maxText ? `${value.slice(0, maxText)}…` : value.toWellFormed()
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value)
  if (typeof value === 'boolean' || value === null || value === undefined) return value
  if (typeof value !== 'object') return typeof value === 'function' ? '[function]' : String(value)
  if (depth >= maxDepth) return '[deeper]'
  return shownObject(value, depth)
}

function shownObject(value: object, depth: number): unknown {
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `[${value.byteLength} bytes]`
  if (value instanceof Error) return errorFields(value, depth)
  if ('toJSON' in value && typeof value.toJSON === 'function') return printable(value.toJSON(), depth + 1)
  if (Array.isArray(value)) return value.slice(0, maxEntries).map((entry) => printable(entry, depth + 1))
  if (value instanceof Set) return printable([...value].slice(0, maxEntries), depth)
  return shownEntries(value instanceof Map ? [...value] : Object.keys(value).map((key) => [key, value]), depth, value)
}

function shownEntries(entries: readonly unknown[][], depth: number, owner: object): object {
  const result: Record<string, unknown> = Object.create(null)
  for (const [key, entry] of entries.slice(0, maxEntries)) {
    const name = String(key)
    result[name] = owner instanceof Map ? printable(entry, depth + 1) : member(owner, name, depth)
  }
  return result
}

/** A getter may throw: that costs its own field alone. */
function member(owner: object, name: string, depth: number): unknown {
  try {
    return printable((owner as Record<string, unknown>)[name], depth + 1)
  } catch {
    return '[unreadable]'
  }
}

/** `error.type`, `error.message`, `error.code` and `error.stack_trace`, causes included. */
function errorFields(error: Error, depth: number): object {
  const code = (error as { code?: unknown }).code
  return {
    type: error.name,
    message: printable(error.message, depth + 1),
    ...(code === undefined ? {} : { code: String(code) }),
    stack_trace: printable(stackOf(error), depth + 1),
  }
}

function stackOf(error: Error): string {
  let text = String(error.stack ?? error)
  let cause = error.cause
  for (let level = 0; cause !== undefined && level < 5; level++) {
    text += `\nCaused by: ${cause instanceof Error ? String(cause.stack ?? cause) : String(cause)}`
    cause = cause instanceof Error ? cause.cause : undefined
  }
  return text
}
