import type { Diagnostic, GatewayModel, PlaceOf } from '@coatcheck/model'

/** Where configuration comes from: files, command-line arguments, later the Kubernetes API. */
export interface Source {
  /**
   * Reads and translates everything anew. Problems are in the result; rejects only when nothing could be read at all.
   */
  load(): Promise<LoadedConfiguration>
  /** Calls back when something may have changed, bursts collapsed into one call. Returns how to stop. */
  watch(changed: () => void): () => void
}

export interface LoadedConfiguration {
  /** `undefined` when the text could not be read. With errors in `diagnostics` it must not be run. */
  readonly model: GatewayModel | undefined
  /** All of them, sorted by place. */
  readonly diagnostics: readonly Diagnostic[]
  readonly placeOf: PlaceOf
  /** Files that were read, as the user named them. */
  readonly files: readonly string[]
  /** Hash of the model and of the files that it names. */
  readonly revision: string
}
