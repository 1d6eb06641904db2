import type { Diagnostic } from '@coatcheck/model'
import type { Gathered } from '../gather.ts'

/** What the translation of a part needs besides the part. */
export interface Context
  extends Pick<Gathered, 'document' | 'isWritten' | 'isUsable' | 'leftOut' | 'lostIn' | 'hasField'> {
  /** Tells a problem; `pointer` leads into the document. */
  report(pointer: string, problem: Omit<Diagnostic, 'severity' | 'place'>): void
  /** Notes that what lies at `model` in the model came from `document` in the document. */
  came(model: string, document: string): void
}
