/** What may be kept in a session: JSON (RFC 8259), and nothing that would come back as something else. */
import type { JsonValue } from './api.ts'
import type { SessionError } from './errors.ts'
import { invalid } from './invalid-option.ts'

/** Levels that a value may be nested: far more than data has, and found at once where a value contains itself. */
const maxDepth = 100

/**
 * A copy of the value, frozen through and through: what is done to the value afterwards does not reach the session.
 *
 * @throws SessionError `ERR_INVALID_OPTION`, naming the place
 */
export function copyJson(key: string, value: unknown): JsonValue {
  return copy(value, { key, path: [] })
}

interface Place {
  readonly key: string
  /** Names and indexes that lead from the key to the value at hand. */
  readonly path: (string | number)[]
}

function copy(value: unknown, place: Place): JsonValue {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value
    case 'number':
      if (!Number.isFinite(value)) throw notJson(place, String(value))
      // JSON has one zero.
      return value === 0 ? 0 : value
    case 'object':
      return value === null ? null : copyNested(value, place)
    default:
      throw notJson(place, value === undefined ? 'undefined' : `a ${typeof value}`)
  }
}

function copyNested(value: object, place: Place): JsonValue {
  if (place.path.length >= maxDepth) throw notJson(place, `nested deeper than ${maxDepth} levels, or within itself`)
  if (Array.isArray(value)) return copyArray(value, place)
  if (!isPlain(value)) throw notJson(place, `an object of class ${value.constructor?.name || 'without a name'}`)
  const entries: [string, JsonValue][] = []
  for (const [name, inner] of Object.entries(value)) {
    if (inner !== undefined) entries.push([name, copyAt(name, inner, place)])
  }
  // Object.fromEntries defines properties, so a key "__proto__" is a key like any other.
  return Object.freeze(Object.fromEntries(entries))
}

/** By index, so that a hole is seen. */
function copyArray(values: readonly unknown[], place: Place): JsonValue {
  const copied: JsonValue[] = []
  for (let index = 0; index < values.length; index += 1) copied.push(copyAt(index, values[index], place))
  return Object.freeze(copied)
}

function copyAt(step: string | number, value: unknown, place: Place): JsonValue {
  place.path.push(step)
  const copied = copy(value, place)
  place.path.pop()
  return copied
}

/** Made by `{}`, by `JSON.parse`, without a prototype, or by the `{}` of another realm. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

const remedies: { readonly [what: string]: string } = {
  undefined: 'To remove it, use delete(); in a list, write null.',
  NaN: 'Write null, or leave it out.',
}

function notJson({ key, path }: Place, what: string): SessionError {
  const steps = path.length > 10 ? [...path.slice(0, 10), '…'] : path
  const where = JSON.stringify(key) + steps.map((step) => `[${JSON.stringify(step)}]`).join('')
  return invalid(
    `set: ${where} is ${what}, which JSON has no place for, so it would not come back as it was. The session is as ` +
      `before. ${remedies[what] ?? 'Keep text, numbers, truth values, null, and lists and plain objects of them.'}`,
  )
}
