import type { Diagnostic } from '../diagnostic.ts'
import { didYouMean } from '../suggest.ts'

/** A name that stands for nothing: what a diagnostic says of it, without its place. */
export function unknownReference(
  kind: 'store' | 'session' | 'upstream' | 'key',
  name: string,
  known: readonly string[],
  consequence: string,
): Omit<Diagnostic, 'severity' | 'place'> {
  const list = known.length === 0 ? `There is no ${kind} yet.` : `Known are ${known.slice(0, 20).join(', ')}.`
  const meant = didYouMean(name, known)
  return {
    code: `${kind}-unknown`,
    message: `There is no ${kind} "${name}".`,
    consequence,
    remedy: `Define it, or write another.${meant || ` ${list}`}`,
  }
}
