import type { Diagnostic, PlaceOf } from './diagnostic.ts'
import type { GatewayModel } from './model.ts'

/** A file of configuration: its name as the user gave it, and its text. */
export interface SourceFile {
  readonly name: string
  readonly text: string
}

/**
 * Answers `{ env: NAME }` and `{ file: path }` where a plain value is asked for; `undefined` when there is none.
 * `asking` is the name of the configuration file that holds the reference: a relative path starts at its folder (left
 * out: the first file's).
 */
export type Lookup = (
  reference: { readonly env: string } | { readonly file: string },
  asking?: string,
) => string | undefined

/** What a dialect is: a pure function from text to model. It reads no files, clock, environment or network. */
export interface Dialect {
  readonly name: string
  translate(files: readonly SourceFile[], lookup: Lookup): Translation
}

/** No model when the text could not be read; otherwise every route is in it, broken ones too. */
export interface Translation {
  readonly model: GatewayModel | undefined
  readonly diagnostics: readonly Diagnostic[]
  readonly placeOf: PlaceOf
  /**
   * Names that are written, of things with errors: left out of the model, or with something in place of what is wrong.
   */
  readonly leftOut?: LeftOut
}

/** Names by section: they are known, though nothing is known of what they stand for. */
export type LeftOut = Readonly<
  Partial<Record<'listeners' | 'keys' | 'stores' | 'sessions' | 'upstreams', readonly string[]>>
>
