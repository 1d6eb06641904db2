/** What a URL may say in a log. */

const mask = '***'
/** Parts of parameter names whose values are secrets; whole words where the part is found in harmless names too. */
const secretName =
  /token|passw|passphrase|pwd|secret|ticket|credential|signature|assertion|saml|jwt|api[-_.]?key|access[-_.]?key|auth(?:$|[-_.])|authoriz|session|verifier|(?:^|[-_.[])(?:code|key|sid|sig|otp|pin|pass|state_token|nonce)(?:$|[-_.\]])|[-_.a-z]code$/i
/** A JWT, or a ticket of ours, whatever the parameter's name. */
const secretValue = /^(?:ey[\w-]{8,}\.[\w-]+\.|1\.[\w-]{22}\.[\w-]{22}$)/
/** What must be found somewhere, unescaped, for any of the two to match: most queries are done after this one look. */
const suspicious =
  /token|pass|pwd|secret|ticket|credential|sig|assertion|saml|jwt|key|auth|session|verifier|code|sid|otp|pin|nonce|ey[\w-]{8}|1\.[\w-]{22}/i
/** A parameter inside of a value, as in `?next=/cb%3Fcode%3Dx`. */
const inner = /[?&;#]([^?&;#=]{1,100})=/g

/**
 * A query string with the values of secret-looking parameters replaced by `***`: by name (also when it is escaped),
 * by the shape of the value, and parameters inside of a value. Everything else stays byte for byte.
 */
export function maskQuery(query: string): string {
  if (!suspicious.test(unescaped(query))) return query
  return query
    .split(/([&;])/)
    .map(maskParameter)
    .join('')
}

function maskParameter(parameter: string): string {
  const equals = parameter.indexOf('=')
  if (equals < 0) return secretValue.test(unescaped(parameter)) ? mask : parameter
  const value = unescaped(parameter.slice(equals + 1))
  const secret = secretName.test(unescaped(parameter.slice(0, equals))) || secretValue.test(value) || hidesSecret(value)
  return secret && value !== '' ? `${parameter.slice(0, equals + 1)}${mask}` : parameter
}

function hidesSecret(value: string): boolean {
  if (!value.includes('=')) return false
  for (const [, name] of `?${value}`.matchAll(inner)) if (secretName.test(unescaped(name!))) return true
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
