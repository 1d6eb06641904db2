/** Names that a line of the access log uses itself at its top, and that nothing may join. */
export const ownLogNames: ReadonlySet<string> = new Set([
  '@timestamp',
  'ecs',
  'service',
  'log',
  'message',
  'source',
  'user',
  'user_agent',
  'error',
])

/** Objects of such a line that another field may join, with the names that are taken in them. */
export const ownLogObjects: ReadonlyMap<string, readonly string[]> = new Map([
  ['http', ['version', 'request', 'response']],
  ['url', ['original', 'path', 'query', 'domain', 'scheme']],
  ['client', ['address', 'port']],
  ['event', ['kind', 'category', 'type', 'dataset', 'outcome', 'duration']],
  ['coatcheck', ['listener', 'route', 'upstream', 'store', 'reason', 'aborted']],
])

/** Whether a field of this dotted name would stand twice in a line, as `http.request.id` and `user.id` would. */
export function isOwnLogField(name: string): boolean {
  const [first = '', second] = name.split('.')
  const taken = ownLogObjects.get(first)
  return ownLogNames.has(first) || (taken !== undefined && (second === undefined || taken.includes(second)))
}
