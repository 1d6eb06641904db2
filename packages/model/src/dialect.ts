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

type NamedSection = 'listeners' | 'keys' | 'stores' | 'sessions' | 'upstreams'

/** Names by section: they are known, though nothing is known of what they stand for. */
export interface LeftOut extends Readonly<Partial<Record<NamedSection, readonly string[]>>> {
  /**
   * Fields of what lies at this path of the file whose values, or some of them, were wrong (`*`: all may be): a default that stands
   * there was not meant.
   */
  lostIn?(path: NamedPath): readonly string[]
}

/** Section, name, and fields within it. */
type NamedPath = readonly [section: NamedSection, name: string, ...fields: string[]]

/** Whether all that was written in these fields of what lies at the path is in the model. */
export function isKept(leftOut: LeftOut, path: NamedPath, ...fields: readonly string[]): boolean {
  const lost = leftOut.lostIn?.(path) ?? []
  return !lost.some((field) => field === '*' || fields.includes(field))
}
