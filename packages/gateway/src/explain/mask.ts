const sensitiveName =
  /authorization|cookie|token|ticket|secret|passw|passphrase|pwd|session|credential|assertion|saml|jwt|api-?key|access-?key|signature|client-cert|^x-auth$/i
/** A bearer or basic credential, a JWT, or a ticket of ours, whatever the header's name. */
const sensitiveValue = /^(?:bearer|basic) |(?:^|[\s=,])(?:ey[\w-]{8,}\.[\w-]+\.|1\.[\w-]{22}\.[\w-]{22})/i

/**
 * A header value that may be shown. Of one that may carry a secret only its placeholders are, as they stand in the
 * configuration, and the names of cookies.
 */
export function maskHeader(name: string, value: string): string {
  if (/^cookie$/i.test(name)) return maskCookies(value)
  if (!sensitiveName.test(name) && !sensitiveValue.test(value)) return value
  const placeholders = value.match(/\{[a-z]+\.[^{}]+\}/g)
  return placeholders === null ? '[secret]' : placeholders.join(' ')
}

/** A cookie without a name is a value alone. */
function maskCookies(value: string): string {
  const names = value.split(';').map((pair) => (pair.includes('=') ? pair.slice(0, pair.indexOf('=')).trim() : ''))
  return names.map((name) => (name === '' ? '[secret]' : `${name}=[secret]`)).join('; ')
}
