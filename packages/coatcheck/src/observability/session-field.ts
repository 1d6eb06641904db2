import { isOwnLogField, ownLogObjects } from '@coatcheck/model'

/** Where the session's id stands in a line of the access log. */
export interface SessionField {
  /** The object of ours that it joins; `''` for a place of its own at the top. */
  readonly joins: '' | 'http' | 'url' | 'client' | 'event' | 'coatcheck'
  /** JSON before the id. */
  readonly before: string
  /** JSON behind the id. */
  readonly after: string
}

/**
 * A dotted name (`session.id`, `airlock.http.session.id`) as nested objects. `undefined` when the name has an empty
 * part, or when it would stand twice in a line, as `http.request.id`.
 */
export function sessionField(name: string): SessionField | undefined {
  const parts = name.split('.')
  const [first = ''] = parts
  if (parts.includes('') || isOwnLogField(name)) return undefined
  return ownLogObjects.has(first) ? nested(first as SessionField['joins'], parts.slice(1)) : nested('', parts)
}

function nested(joins: SessionField['joins'], parts: readonly string[]): SessionField {
  const before = parts.map((part) => `${JSON.stringify(part)}:`).join('{')
  return { joins, before, after: '}'.repeat(parts.length - 1) }
}
