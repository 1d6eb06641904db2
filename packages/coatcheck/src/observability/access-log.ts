import type { FinishedExchange, RejectedRequest } from '@coatcheck/gateway'
import type { AccessLogSpec } from '@coatcheck/model'
import { fieldBytes, jsonLines } from './access-line.ts'
import { finishedText, rejectedText } from './access-text.ts'
import { sessionField } from './session-field.ts'

export interface AccessLogOptions {
  /** Gets one whole line, newline included. */
  readonly write: (line: string) => void
  readonly version: string
  /** Text for people instead of JSON. @defaultValue false */
  readonly terminal?: boolean | undefined
  /** Longest line in bytes; fields are cut shorter until it holds. @defaultValue none */
  readonly maxLineBytes?: number | undefined
  /** Milliseconds since 1970. */
  readonly clock: () => number
}

/** One line for each request: JSON in the names of the Elastic Common Schema (`docs/reference/access-log.md`). */
export interface AccessLog {
  /** Returns what is wrong with the session field, which is `session.id` then. */
  configure(spec: AccessLogSpec): string | undefined
  finished(finished: FinishedExchange): void
  rejected(rejected: RejectedRequest): void
}

const defaultField = sessionField('session.id')!
/** Bytes that one field may have in a line that would be too long otherwise. */
const tightFieldBytes = 120

export function createAccessLog(options: AccessLogOptions): AccessLog {
  const { write, clock, maxLineBytes = Number.POSITIVE_INFINITY } = options
  const json = jsonLines(options.version)
  let enabled = true
  let field = defaultField
  return {
    configure(spec) {
      enabled = spec.enabled
      const wanted = sessionField(spec.sessionField)
      field = wanted ?? defaultField
      return wanted === undefined
        ? `"${spec.sessionField}" is not a free name; the access log uses "session.id"`
        : undefined
    },
    finished(finished) {
      if (!enabled) return
      if (options.terminal) return write(finishedText(finished, clock()))
      const line = json.finished(finished, clock(), field, fieldBytes)
      const fits = line.length * 3 <= maxLineBytes || Buffer.byteLength(line) <= maxLineBytes
      write(fits ? line : json.finished(finished, clock(), field, tightFieldBytes))
    },
    rejected(rejected) {
      if (!enabled) return
      write(options.terminal ? rejectedText(rejected, clock()) : json.rejected(rejected, clock()))
    },
  }
}
