import { backgroundTimer } from '@coatcheck/session'

/** Milliseconds after which what was counted is told. */
const tellAfter = 1000

/** Calls it a while after the first of many times, once. */
export function soon(tell: () => void): () => void {
  let waits = false
  return () => {
    if (waits) return
    waits = true
    backgroundTimer(() => {
      waits = false
      tell()
    }, tellAfter)
  }
}
