import { isSecretHeader } from '../secret-names.ts'

/**
 * A header value that may be shown. Of one that may carry a secret only its placeholders are, as they stand in the
 * configuration, and the names of cookies.
 */
export function maskHeader(name: string, value: string): string {
  if (/^cookie$/i.test(name)) return maskCookies(value)
  if (!isSecretHeader(name, value)) return value
  const placeholders = value.match(/\{[a-z]+\.[^{}]+\}/g)
  return placeholders === null ? '[secret]' : placeholders.join(' ')
}

/** A cookie without a name is a value alone. */
function maskCookies(value: string): string {
  const names = value.split(';').map((pair) => (pair.includes('=') ? pair.slice(0, pair.indexOf('=')).trim() : ''))
  return names.map((name) => (name === '' ? '[secret]' : `${name}=[secret]`)).join('; ')
}
