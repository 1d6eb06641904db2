const sensitive = /authorization|cookie|token|secret|password|session|api-?key|signature|client-cert/i

/**
 * A header value that may be shown. Of one that may carry a secret only its placeholders are, as they stand in the
 * configuration.
 */
export function maskHeader(name: string, value: string): string {
  if (!sensitive.test(name)) return value
  const placeholders = value.match(/\{[a-z]+\.[^{}]+\}/g)
  return placeholders === null ? '[secret]' : placeholders.join(' ')
}
