/** Where something was written. Lines and columns count from 1. */
export interface Place {
  readonly file: string
  readonly line: number
  readonly column: number
}

/**
 * A problem with a configuration: where, what, what would have happened, what to do.
 *
 * `code` is stable, lower case with hyphens, and has an entry in `docs/reference/errors.md`.
 */
export interface Diagnostic {
  readonly severity: 'error' | 'warning'
  readonly code: string
  /** `undefined` when the problem has no place in a file. */
  readonly place: Place | undefined
  /** What is wrong, the thing in quotes. */
  readonly message: string
  /** What would have happened. */
  readonly consequence: string
  /** What to write instead. */
  readonly remedy: string
  /** Other places that belong to it, as the first definition of a name that is defined twice. */
  readonly related?: readonly Place[]
}

/**
 * Finds the place of a part of the model, by JSON pointer (`/routes/0/action`); the nearest parent's when it has none.
 */
export type PlaceOf = (pointer: string) => Place | undefined

/** Whether any of them keeps the configuration from running. Warnings do not. */
export function hasErrors(diagnostics: readonly Diagnostic[]): boolean {
  return diagnostics.some(({ severity }) => severity === 'error')
}

/** In the order of files as they first appear, then of lines; what has no place comes first. Stable. */
export function sorted(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  const files = [...new Set(diagnostics.map(({ place }) => place?.file))]
  const rank = ({ place }: Diagnostic) => (place === undefined ? -1 : files.indexOf(place.file))
  return [...diagnostics].sort(
    (a, b) =>
      rank(a) - rank(b) ||
      (a.place?.line ?? 0) - (b.place?.line ?? 0) ||
      (a.place?.column ?? 0) - (b.place?.column ?? 0),
  )
}
