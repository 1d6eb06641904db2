/** Where the session's id stands in a line of the access log. */
export interface SessionField {
  /** The object of ours that it joins; `''` for a place of its own at the top. */
  readonly joins: '' | 'http' | 'url' | 'client' | 'event' | 'coatcheck'
  /** JSON before the id. */
  readonly before: string
  /** JSON behind the id. */
  readonly after: string
}

/** Names that a line uses itself, at its top and in the objects that may be joined. */
const topNames = new Set(['@timestamp', 'ecs', 'service', 'log', 'message', 'source', 'user', 'user_agent', 'error'])
const namesIn = new Map<string, readonly string[]>([
  ['http', ['version', 'request', 'response']],
  ['url', ['original', 'path', 'query', 'domain', 'scheme']],
  ['client', ['address', 'port']],
  ['event', ['kind', 'category', 'type', 'dataset', 'outcome', 'duration']],
  ['coatcheck', ['listener', 'route', 'upstream', 'store', 'reason', 'aborted']],
])

/**
 * A dotted name (`session.id`, `airlock.http.session.id`) as nested objects. `undefined` when the name has an empty part,
 * or when it would stand twice in a line, as `http.request.id`.
 */
export function sessionField(name: string): SessionField | undefined {
  const parts = name.split('.')
  const [first = '', second = ''] = parts
  if (parts.includes('') || topNames.has(first)) return undefined
  const inside = namesIn.get(first)
  if (inside === undefined) return nested('', parts)
  if (second === '' || inside.includes(second)) return undefined
  return nested(first as SessionField['joins'], parts.slice(1))
}

function nested(joins: SessionField['joins'], parts: readonly string[]): SessionField {
  const before = parts.map((part) => `${JSON.stringify(part)}:`).join('{')
  return { joins, before, after: '}'.repeat(parts.length - 1) }
}
