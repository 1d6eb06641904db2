import { defaults } from './defaults.ts'
import type { Diagnostic, Place, PlaceOf } from './diagnostic.ts'
import type { Translation } from './dialect.ts'
import type { GatewayModel } from './model.ts'

const lists = ['listeners', 'keys', 'stores', 'sessions', 'upstreams', 'routes'] as const
type List = (typeof lists)[number]

/** What a gateway has once, and what it is when nobody says. */
const single = {
  name: undefined,
  workers: defaults.workers,
  internal: defaults.internal,
  accessLog: defaults.accessLog,
  shutdown: defaults.shutdown,
}

/**
 * Joins translations of several sources into one, in their order.
 *
 * Lists are put together; a name that two of them define is an error that shows both places, and the first one stays.
 * Of what a gateway has once, a value other than the default wins; two different ones are an error. There is no model
 * when one of the sources has none.
 */
export function merge(translations: readonly Translation[]): Translation {
  const diagnostics = translations.flatMap((translation) => translation.diagnostics)
  const parts = translations.flatMap(({ model, placeOf }) => (model === undefined ? [] : [{ model, placeOf }]))
  const origins = new Map<string, { placeOf: PlaceOf; pointer: string }>()
  const joined = Object.fromEntries(lists.map((list) => [list, joinList(list, parts, origins, diagnostics)]))
  const once = Object.fromEntries(
    Object.keys(single).map((field) => [field, pickOne(field as keyof typeof single, parts, origins, diagnostics)]),
  )
  const model = { ...once, ...joined } as unknown as GatewayModel
  const whole = parts.length === translations.length && parts.length > 0
  return { model: whole ? model : undefined, diagnostics, placeOf: placeOfJoined(origins, parts[0]?.placeOf) }
}

interface Part {
  readonly model: GatewayModel
  readonly placeOf: PlaceOf
}
type Origins = Map<string, { placeOf: PlaceOf; pointer: string }>

function joinList(list: List, parts: readonly Part[], origins: Origins, diagnostics: Diagnostic[]): unknown[] {
  const joined: unknown[] = []
  const first = new Map<string, Place | undefined>()
  for (const { model, placeOf } of parts) {
    const own = new Set(first.keys())
    for (const [index, spec] of model[list].entries()) {
      const name = 'id' in spec ? spec.id : spec.name
      const pointer = `/${list}/${index}`
      // Doubles within one source are for `check` to find.
      if (own.has(name)) {
        diagnostics.push(definedTwice(name, placeOf(pointer), first.get(name)))
        continue
      }
      first.set(name, placeOf(pointer))
      origins.set(`/${list}/${joined.length}`, { placeOf, pointer })
      joined.push(spec)
    }
  }
  return joined
}

function pickOne(
  field: keyof typeof single,
  parts: readonly Part[],
  origins: Origins,
  diagnostics: Diagnostic[],
): unknown {
  const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b)
  const [chosen, ...others] = parts.filter(({ model }) => !same(model[field], single[field]))
  if (chosen === undefined) return single[field]
  origins.set(`/${field}`, { placeOf: chosen.placeOf, pointer: `/${field}` })
  for (const { model, placeOf } of others) {
    if (same(model[field], chosen.model[field])) continue
    diagnostics.push(definedTwice(field, placeOf(`/${field}`), chosen.placeOf(`/${field}`)))
  }
  return chosen.model[field]
}

function definedTwice(name: string, place: Place | undefined, before: Place | undefined): Diagnostic {
  const where = before === undefined ? '' : `, first in ${before.file}:${before.line}`
  return {
    severity: 'error',
    code: 'defined-twice',
    place,
    message: `"${name}" is defined twice${where}.`,
    consequence: 'One of them would have been ignored.',
    remedy: 'Keep one, or give the other its own name.',
    ...(before === undefined ? {} : { related: [before] }),
  }
}

function placeOfJoined(origins: Origins, otherwise: PlaceOf | undefined): PlaceOf {
  return (pointer) => {
    for (let above = pointer; above !== ''; above = above.slice(0, above.lastIndexOf('/'))) {
      const origin = origins.get(above)
      if (origin !== undefined) return origin.placeOf(origin.pointer + pointer.slice(above.length))
    }
    return otherwise?.(pointer)
  }
}
