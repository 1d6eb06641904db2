/** JSON strings written by hand: the access log cannot afford `JSON.stringify` of a whole object. */

/** Characters that stand in a JSON string as they are, and mean one byte each. */
const plain = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/
/** What JSON allows but a terminal or a line splitter would act upon. */
const active = /[\x7f-\x9f\u2028\u2029]/g
const cut = '…'

/**
 * A JSON string of at most `cap` bytes between its quotes; what is longer is cut and ends in `…`.
 *
 * Lone surrogates become U+FFFD, so that every parser takes the line.
 *
 * @param cap at least 16
 */
export function quote(text: string, cap: number): string {
  return text.length <= cap && plain.test(text) ? `"${text}"` : quoteSlowly(text, cap)
}

/** The same for text as it came from the wire: one character for each byte, which is read as UTF-8. */
export function quoteWire(text: string, cap: number): string {
  if (text.length <= cap && plain.test(text)) return `"${text}"`
  return quoteSlowly(/[^\x00-\xff]/.test(text) ? text : Buffer.from(text, 'latin1').toString('utf8'), cap)
}

function quoteSlowly(text: string, cap: number): string {
  const whole = text.length <= cap ? escaped(text) : ''
  if (whole !== '' && Buffer.byteLength(whole) <= cap) return `"${whole}"`
  return `"${longest(text, cap - Buffer.byteLength(cut))}${cut}"`
}

/** The longest start of the text whose escaped form fits, found by halving. */
function longest(text: string, cap: number): string {
  let low = 0
  let high = Math.min(text.length, cap)
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (Buffer.byteLength(escaped(text.slice(0, middle))) <= cap) low = middle
    else high = middle - 1
  }
  return escaped(text.slice(0, low))
}

function escaped(text: string): string {
  return JSON.stringify(text.toWellFormed())
    .slice(1, -1)
    .replace(active, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** Text for a terminal: control characters are shown, not obeyed. */
export function visible(text: string): string {
  return text.replace(
    /[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )
}
