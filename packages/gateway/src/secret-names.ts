/**
 * The one list of what looks like a secret, for everything that shows or logs parts of a request: headers in `explain`,
 * queries in the access log.
 */

/** Parts of names whose values are secrets. */
const parts =
  'token|passw|passphrase|pwd|secret|ticket|credential|cookie|session|signature|assertion|saml|jwt|authoriz|verifier|' +
  'api[-_.]?key|access[-_.]?key|client[-_.]?cert|bearer|hmac|csrf|xsrf'
/** The same, as whole words alone: they are parts of harmless names too. */
const words = 'key|sid|sig|sas|otp|pin|pass|nonce'
/** A JWT, a ticket or a sealed cookie of ours. */
const value = String.raw`(?:ey[\w-]{8,}\.[\w-]+\.|1\.[\w-]{22}\.[\w-]{22}|s1\.[\w-]{1,32}\.[0-9a-z]{1,10}\.[\w-]{28})`

/** A URL that names somebody, who mostly has a password there. */
const userInfo = String.raw`\/\/[^/?#]*@`

const header = new RegExp(`${parts}|(?:^|[-_.])(?:${words})(?:$|[-_.])|^x-auth$`, 'i')
const headerValue = new RegExp(String.raw`^(?:bearer|basic) |(?:^|[\s=,])${value}`, 'i')
const parameter = new RegExp(
  String.raw`${parts}|auth(?:$|[-_.])|(?:^|[-_.[])(?:code|${words})(?:$|[-_.\]])|[-_.a-z]code$`,
  'i',
)
const parameterValue = new RegExp(`^${value}|${userInfo}`)
const anywhere = new RegExp(String.raw`${parts}|${words}|auth|code|ey[\w-]{8}|1\.[\w-]{22}|s1\.|${userInfo}`, 'i')

/** Whether the header may carry a secret, by its name or by the shape of its value. */
export function isSecretHeader(name: string, value: string): boolean {
  return header.test(name) || headerValue.test(value)
}

/** Whether a parameter of this name, unescaped, carries a secret: `code` and `auth` are ones here, too (OAuth 2.0). */
export function isSecretParameter(name: string): boolean {
  return parameter.test(name)
}

/** Whether a parameter's value, unescaped, is a secret by its shape. */
export function isSecretValue(value: string): boolean {
  return parameterValue.test(value)
}

/** One quick look: `false` when neither a name nor a value in this unescaped text can be a secret. */
export function mayHoldSecret(text: string): boolean {
  return anywhere.test(text)
}
