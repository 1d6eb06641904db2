/** Whether something may have this name: a token of 1 to 128 characters (RFC 9110, 5.6.2). */
export function isToken(name: string): boolean {
  return /^[\w!#$%&'*+.^`|~-]{1,128}$/.test(name)
}
