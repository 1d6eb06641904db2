/** What became of a text: its value, or what is wrong with it and what to write instead. */
export type Parsed<T> = { readonly ok: true; readonly value: T } | Unparsed

export interface Unparsed {
  readonly ok: false
  readonly problem: string
  readonly remedy: string
}

/** The text means `value`. */
export function parsed<T>(value: T): Parsed<T> {
  return { ok: true, value }
}

/** The text means nothing: `problem` completes "… is wrong because it", `remedy` is a sentence. */
export function unparsed(problem: string, remedy: string): Unparsed {
  return { ok: false, problem, remedy }
}
