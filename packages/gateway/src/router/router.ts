import type { ReadMatch } from '../read-matches.ts'
import type { RequestFields } from './conditions.ts'
import { createPathTable, type Found, type PathTable } from './path-table.ts'
import { isWildcard } from './precedence.ts'

/** Finds what takes a request, without looking at all there is. */
export interface Router<T> {
  /**
   * @param host lower case, no port; '' without one
   * @param path canonical (`target.ts`)
   */
  find(host: string, path: string, request: RequestFields): Found<T> | undefined
}

/** Makes a router of matches in their order of definition; which comes first is said in `precedence.ts`. */
export function createRouter<T>(entries: readonly { readonly match: ReadMatch; readonly value: T }[]): Router<T> {
  const hosts = new Map<string, PathTable<T>>()
  const wildcards = new Map<string, PathTable<T>>()
  const any = createPathTable<T>()
  entries.forEach(({ match, value }, order) => {
    tableOf(match.host).add({ match, value, order })
  })

  function tableOf(host: string | undefined): PathTable<T> {
    if (host === undefined) return any
    const [tables, name] = isWildcard(host) ? [wildcards, host.slice(2)] : [hosts, host]
    const lower = name.toLowerCase()
    if (!tables.has(lower)) tables.set(lower, createPathTable())
    return tables.get(lower)!
  }

  function findWildcard(host: string, path: string, request: RequestFields): Found<T> | undefined {
    for (let dot = host.indexOf('.'); dot !== -1; dot = host.indexOf('.', dot + 1)) {
      const found = wildcards.get(host.slice(dot + 1))?.find(path, request)
      if (found !== undefined) return found
    }
    return undefined
  }

  return {
    find(host, path, request) {
      return (
        hosts.get(host)?.find(path, request) ??
        (wildcards.size > 0 ? findWildcard(host, path, request) : undefined) ??
        any.find(path, request)
      )
    },
  }
}
