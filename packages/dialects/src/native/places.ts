import { type PlaceOf, parentOf } from '@coatcheck/model'

/** Leads from the parts of one thing to the places of those parts of another that they came from. */
export interface Places {
  /** What lies at and below `pointer` came from what lies at and below `from` there. */
  put(pointer: string, from: string, there: PlaceOf): void
  readonly placeOf: PlaceOf
}

export function places(): Places {
  const origins = new Map<string, { from: string; there: PlaceOf }>()
  const placeOf: PlaceOf = (pointer) => {
    for (let above: string | undefined = pointer; above !== undefined; above = parentOf(above)) {
      const origin = origins.get(above)
      if (origin !== undefined) return origin.there(origin.from + pointer.slice(above.length))
    }
    return undefined
  }
  return { put: (pointer, from, there) => void origins.set(pointer, { from, there }), placeOf }
}
