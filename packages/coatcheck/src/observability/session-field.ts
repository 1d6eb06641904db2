/** Where the session's id stands in a line of the access log. */
export interface SessionField {
  /** The object of ours that it joins; `''` for a place of its own at the top. */
  readonly joins: '' | 'http' | 'url' | 'client' | 'event' | 'coatcheck'
  /** JSON before the id. */
  readonly before: string
  /** JSON behind the id. */
  readonly after: string
}

/** Names that a line uses itself, by their place. */
const taken: Readonly<Record<string, readonly string[]>> = {
  '': ['@timestamp', 'ecs', 'service', 'log', 'message', 'source', 'user', 'user_agent', 'error'],
  http: ['version', 'request', 'response'],
  url: ['original', 'path', 'query', 'domain', 'scheme'],
  client: ['address', 'port'],
  event: ['kind', 'category', 'type', 'dataset', 'outcome', 'duration'],
  coatcheck: ['listener', 'route', 'upstream', 'store', 'reason', 'aborted'],
}

/**
 * A dotted name (`session.id`, `airlock.http.session.id`) as nested objects. `undefined` when the name is empty or would
 * stand twice in a line, as `http.request.id`.
 */
export function sessionField(name: string): SessionField | undefined {
  const parts = name.split('.')
  if (parts.includes('')) return undefined
  const first = parts[0]!
  const joins = parts.length > 1 && first !== '' && first in taken ? (first as SessionField['joins']) : ''
  const own = joins === '' ? parts : parts.slice(1)
  if (taken[joins]?.includes(own[0]!) || (joins === '' && first in taken)) return undefined
  const before = own.map((part) => `${JSON.stringify(part)}:`).join('{')
  return { joins, before, after: '}'.repeat(own.length - 1) }
}
