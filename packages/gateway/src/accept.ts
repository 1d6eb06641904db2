import { type HeaderList, headerValue, headerValues } from './headers.ts'

/** Media ranges that are looked at; what stands behind them does not count. */
const mostRanges = 32

/** Whether the client would rather have a page than JSON. Browsers name `text/html`; programs mostly do not. */
export function prefersHtml(headers: HeaderList): boolean {
  const accepted = headerValues(headers, 'accept').join(',')
  if (!/text\/html/i.test(accepted)) return false
  const ranges = accepted.split(',', mostRanges)
  const html = quality(ranges, ['text/html'])
  return html > 0 && html >= quality(ranges, ['application/problem+json', 'application/json'])
}

function quality(ranges: readonly string[], types: readonly string[]): number {
  let best = 0
  for (const range of ranges) {
    const [type = '', ...parameters] = range.split(';')
    if (!types.includes(type.trim().toLowerCase())) continue
    const q = parameters.map((parameter) => /^\s*q=([01](?:\.\d{0,3})?)\s*$/i.exec(parameter)?.[1]).find(Boolean)
    best = Math.max(best, q === undefined ? 1 : Number(q))
  }
  return best
}

/**
 * Whether a person is on the way to a page, so that leading them elsewhere makes sense: Fetch Metadata where the
 * browser sends it (a frame is no page), else a safe method and a client that takes HTML.
 *
 * @see https://www.w3.org/TR/fetch-metadata/
 */
export function isNavigation(method: string, headers: HeaderList): boolean {
  const mode = headerValue(headers, 'sec-fetch-mode')
  if (mode !== undefined) return mode === 'navigate' && headerValue(headers, 'sec-fetch-dest') === 'document'
  return (method === 'GET' || method === 'HEAD') && prefersHtml(headers)
}
