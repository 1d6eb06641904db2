/** A token of RFC 9110, section 5.6.2. */
export function isToken(name: string): boolean {
  return /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,256}$/.test(name)
}

/** Headers by which a message is framed or led (RFC 9110, sections 7.2, 7.6.1, 8.6; RFC 9112, section 6.1). */
const framing = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** Whether a configuration may set, add, remove, capture or look into this header. */
export function isSettableHeader(name: string): boolean {
  return isToken(name) && !framing.has(name.toLowerCase())
}

/** What may stand in a header's value: no control characters but the tab (RFC 9110, section 5.5). */
export function isHeaderValue(value: string): boolean {
  return !/[\u0000-\u0008\u000a-\u001f\u007f]/.test(value)
}
