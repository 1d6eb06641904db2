import { type FieldMatch, type PathMatch, type RouteMatch, step } from '@coatcheck/model'
import type { NativeDocument } from '../schema.ts'
import type { Context } from './context.ts'

type Written = NonNullable<NonNullable<NativeDocument['routes']>[number]['match']>
type Full = Exclude<Written, string | readonly unknown[]>

const everyPath: PathMatch = { kind: 'prefix', value: '/' }

/** Each set of conditions, once for every host that it names. */
export function matches(written: Written | undefined, route: string, context: Context): RouteMatch[] {
  const sets: readonly Full[] =
    written === undefined ? [{}] : typeof written === 'string' ? [{ path: written }] : [written].flat()
  const found: RouteMatch[] = []
  sets.forEach((set, index) => {
    const pointer = Array.isArray(written) ? `${route}/match/${index}` : `${route}/match`
    const hosts = set.host === undefined ? [undefined] : [set.host].flat()
    hosts.forEach((host, at) => {
      context.came(`${route}/matches/${found.length}`, pointer)
      if (Array.isArray(set.host)) context.came(`${route}/matches/${found.length}/host`, `${pointer}/host/${at}`)
      for (const fields of ['headers', 'query'] as const) {
        for (const [k, name] of Object.keys(set[fields] ?? {}).entries())
          context.came(`${route}/matches/${found.length}/${fields}/${k}`, `${pointer}/${fields}${step(name)}`)
      }
      found.push(match(set, host))
    })
  })
  return found
}

function match(set: Full, host: string | undefined): RouteMatch {
  return {
    host: host?.toLowerCase(),
    path: path(set.path),
    methods: set.methods === undefined ? [] : [set.methods].flat(),
    headers: conditions(set.headers),
    query: conditions(set.query),
  }
}

function path(written: Full['path']): PathMatch {
  if (written === undefined) return everyPath
  if (typeof written === 'string') return { kind: 'prefix', value: written }
  if (written.exact !== undefined) return { kind: 'exact', value: written.exact }
  if (written.template !== undefined) return { kind: 'template', value: written.template }
  return { kind: 'prefix', value: written.prefix ?? '/' }
}

function conditions(written: Full['headers']): FieldMatch[] {
  return Object.entries(written ?? {}).map(([name, value]) => ({
    name,
    value: typeof value === 'object' && 'present' in value ? undefined : value,
  }))
}
