import { maskUrl } from '../mask-query.ts'
import type { ReadField } from '../read-matches.ts'
import { isSecretHeader, isSecretParameter, isSecretValue } from '../secret-names.ts'

/**
 * A header value that may be shown. Of one that may carry a secret only its placeholders are, as they stand in the
 * configuration, and the names of cookies; of a URL its query is masked as in the access log.
 */
export function maskHeader(name: string, value: string): string {
  if (/^cookie$/i.test(name)) return maskCookies(value)
  if (!isSecretHeader(name, value)) return isUrl.test(value) ? maskUrl(value) : value
  const placeholders = value.match(/\{[a-z]+\.[^{}]+\}/g)
  return placeholders === null ? '[secret]' : placeholders.join(' ')
}

const isUrl = /^(?:[a-z][a-z0-9+.-]*:\/)?\/[^\s?#]*[?#@]/i

/** A condition of a match, as one reads it: `X-Beta=1`. */
export function describeField({ name, value, isSecret }: ReadField, where: 'header' | 'query'): string {
  if (value === undefined) return name
  const hidden = isSecret || (where === 'header' ? isSecretHeader(name, value) : isSecretQuery(name, value))
  return `${name}=${hidden ? '[secret]' : value}`
}

function isSecretQuery(name: string, value: string): boolean {
  return isSecretParameter(name) || isSecretValue(value)
}

/** A cookie without a name is a value alone. */
function maskCookies(value: string): string {
  const names = value.split(';').map((pair) => (pair.includes('=') ? pair.slice(0, pair.indexOf('=')).trim() : ''))
  return names.map((name) => (name === '' ? '[secret]' : `${name}=[secret]`)).join('; ')
}
