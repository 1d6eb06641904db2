/** What a URL may say in a log and in an explanation. */
import { isSecretParameter, isSecretValue, mayHoldSecret } from './secret-names.ts'

const mask = '***'
/** A parameter inside of a value, as in `?next=/cb%3Fcode%3Dx`. */
const inner = /[?&;#]([^?&;#=]{1,100})=/g

/**
 * A query string with the values of secret-looking parameters replaced by `***`: by name (also when it is escaped),
 * by the shape of the value, and parameters inside of a value. Everything else stays byte for byte.
 */
export function maskQuery(query: string): string {
  // most queries are done after this one look
  if (!mayHoldSecret(unescaped(query))) return query
  return query
    .split(/([&;])/)
    .map(maskParameter)
    .join('')
}

/** A URL, or a path with its query, without name and password, with its query masked, and its fragment as well. */
export function maskUrl(url: string): string {
  const [, start, query, fragment] = /^([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/s.exec(url)!
  const bare = start!.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/]*@/i, '$1***@')
  const masked = (mark: string, part: string | undefined) => (part === undefined ? '' : mark + maskQuery(part))
  return bare + masked('?', query) + masked('#', fragment)
}

function maskParameter(parameter: string): string {
  const equals = parameter.indexOf('=')
  if (equals < 0) return isSecretValue(unescaped(parameter)) ? mask : parameter
  const value = unescaped(parameter.slice(equals + 1))
  const secret = isSecretParameter(unescaped(parameter.slice(0, equals))) || isSecretValue(value) || hidesSecret(value)
  return secret && value !== '' ? `${parameter.slice(0, equals + 1)}${mask}` : parameter
}

function hidesSecret(value: string): boolean {
  if (!value.includes('=')) return false
  for (const [, name] of `?${value}`.matchAll(inner)) if (isSecretParameter(unescaped(name!))) return true
  return false
}

/** Escapes decoded twice at most: a URL inside of a parameter is often escaped once more. */
function unescaped(text: string): string {
  if (!text.includes('%')) return text
  const once = decoded(text)
  return once.includes('%') ? decoded(once) : once
}

/** Byte by byte, so that a wrong escape spoils nothing but itself. */
function decoded(text: string): string {
  return text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}
