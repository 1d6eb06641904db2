import { maskQuery } from '@coatcheck/gateway'

/** A request target as a log shows it. */
export interface ShownTarget {
  /** As it came; of another form than a path, without name and password. */
  readonly path: string
  /** What parts the path from its query: `?`, or `#` of a target that was refused; `''` without a query. */
  readonly mark: string
  /** Secrets masked. */
  readonly query: string
}

/** Reads any target, also one that was refused. */
export function shownTarget(target: string): ShownTarget {
  const end = endOfPath(target)
  const path = target.charCodeAt(0) === 47 ? target.slice(0, end) : target.slice(0, end).replace(/[^/]*@/, '***@')
  const query = target.slice(end + 1)
  return query === '' ? { path, mark: '', query } : { path, mark: target.charAt(end), query: maskQuery(query) }
}

function endOfPath(target: string): number {
  for (let i = 0; i < target.length; i++) {
    const code = target.charCodeAt(i)
    if (code === 63 || code === 35) return i
  }
  return target.length
}
