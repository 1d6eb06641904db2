/** Text in header values: on the wire it is bytes, which a HeaderList holds as one character each (latin1). */

const ascii = /^[\t -~]*$/
const control = /[\0-\x1f\x7f]/

/** Text as the UTF-8 bytes of a header value; `undefined` when it holds control characters, which no header may. */
export function encodeHeaderText(text: string): string | undefined {
  if (ascii.test(text)) return text.includes('\t') ? undefined : text
  return control.test(text) ? undefined : Buffer.from(text, 'utf8').toString('latin1')
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The text of a header value: UTF-8, or latin1 where it is not that. */
export function decodeHeaderText(value: string): string {
  if (ascii.test(value)) return value
  try {
    return utf8.decode(Buffer.from(value, 'latin1'))
  } catch {
    return value
  }
}
