/** Options and arguments that are wrong, told so that they can be put right. */
import { SessionError } from './errors.ts'

/** @param message where, what, what would have happened, what to do */
export function invalid(message: string): SessionError {
  return new SessionError('ERR_INVALID_OPTION', message)
}

/** A wrong value in a message: short, and nothing of what an object holds, which may be secret. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 100 ? `${value.slice(0, 100)}…` : value)
  if (Array.isArray(value)) return 'a list'
  if (value === null || (typeof value !== 'object' && typeof value !== 'function' && typeof value !== 'symbol')) {
    return String(value)
  }
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}

/** The same where the value may be secret: a cookie, a key, a page. */
export function shownKind(value: unknown): string {
  return typeof value === 'string' ? 'text' : shown(value)
}

/**
 * Refuses what is no object, and names that no option has: a name that is misspelt would leave the default in force.
 *
 * @throws SessionError `ERR_INVALID_OPTION`
 */
export function checkObject(where: string, value: unknown, names: readonly string[]): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid(`${where} must be an object, and is ${shownKind(value)}. Nothing was made. Give ${listed(names)}.`)
  }
  const unknown = Object.keys(value).find((name) => !names.includes(name))
  if (unknown === undefined) return
  throw invalid(
    `${where} has no ${shown(unknown)}, so it would have no effect. Nothing was made. ` +
      `Leave it out, or write one of ${listed(names)}.`,
  )
}

/** @throws SessionError `ERR_INVALID_OPTION` */
export function checkFunction(where: string, value: unknown): void {
  if (typeof value === 'function') return
  throw invalid(`${where} must be a function, and is ${shown(value)}. Nothing was made. Give a function.`)
}

/** The second argument of `acceptOnce`. @throws SessionError `ERR_INVALID_OPTION` */
export function checkUntil(until: unknown): void {
  if (typeof until === 'number' && !Number.isNaN(until)) return
  throw invalid(
    `acceptOnce: "until" is ${shown(until)}, so nobody could say for how long the token is refused from now on. Nothing was ` +
      'accepted. Give milliseconds since 1970.',
  )
}

const listed = (names: readonly string[]) => names.map((name) => `"${name}"`).join(', ')
