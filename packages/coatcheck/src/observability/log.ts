import type { Log, LogFields } from '@coatcheck/gateway'
import { visible } from './json-text.ts'
import { printable } from './printable.ts'

export const logLevels = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof logLevels)[number]

export interface LogOptions {
  /** Gets one whole line, newline included. */
  readonly write: (line: string) => void
  /** What is less is not written. @defaultValue `info` */
  readonly level?: LogLevel | undefined
  readonly version: string
  /** Text for people instead of JSON. @defaultValue false */
  readonly terminal?: boolean | undefined
  /** Told of every message that is written. */
  readonly counted?: ((level: LogLevel) => void) | undefined
  /** Longest line in bytes: longer ones lose their fields, then the end of their message. @defaultValue none */
  readonly maxLineBytes?: number | undefined
  /** Milliseconds since 1970. @defaultValue `Date.now` */
  readonly clock?: (() => number) | undefined
}

/**
 * The program's own log: one JSON line of ECS fields for each message, or a readable line on a terminal.
 *
 * Fields of a message stand beside ours (those of `log` too) and cannot replace them. Never throws: what cannot be
 * written as JSON is shown by what it is.
 */
export function createLog(options: LogOptions): Log {
  const least = logLevels.indexOf(options.level ?? 'info')
  const format = options.terminal ? prettyLine : jsonLine
  const clock = options.clock ?? Date.now
  const at = (level: LogLevel) => {
    if (logLevels.indexOf(level) < least) return () => {}
    return (message: string, fields?: LogFields) => {
      options.counted?.(level)
      options.write(bounded({ at: new Date(clock()), level, message: String(message), fields }, format, options))
    }
  }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

interface Entry {
  readonly at: Date
  readonly level: LogLevel
  readonly message: string
  readonly fields: LogFields | undefined
}
type Format = (entry: Entry, version: string) => string

function bounded(
  entry: Entry,
  format: Format,
  { version, maxLineBytes = Number.POSITIVE_INFINITY }: LogOptions,
): string {
  const line = format(entry, version)
  if (Buffer.byteLength(line) <= maxLineBytes) return line
  const short = format({ ...entry, fields: undefined }, version)
  if (Buffer.byteLength(short) <= maxLineBytes) return short
  // A character of a message takes at most 6 bytes when it is escaped.
  return format(
    { ...entry, fields: undefined, message: `${entry.message.slice(0, (maxLineBytes - 512) / 6)}…` },
    version,
  )
}

function jsonLine({ at, level, message, fields }: Entry, version: string): string {
  const given = objectOf(printable(fields))
  const ours = {
    '@timestamp': at.toISOString(),
    ecs: { version: '9.4.0' },
    log: { ...objectOf(given.log), level, logger: 'coatcheck' },
    message: message.toWellFormed(),
    service: { name: 'coatcheck', version },
  }
  return `${JSON.stringify({ ...ours, ...given, ...ours })}\n`
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

const colours = { debug: '\x1b[90m', info: '\x1b[36m', warn: '\x1b[33m', error: '\x1b[31m' }

function prettyLine({ at, level, message, fields }: Entry): string {
  const time = at.toISOString().slice(11, 23)
  const rest = Object.entries(objectOf(printable(fields)))
    .map(prettyField)
    .join('')
  return `\x1b[90m${time}\x1b[0m ${colours[level]}${level.padEnd(5)}\x1b[0m ${visible(message)}${rest}\n`
}

/** A stack trace gets lines of its own; anything else is `name=value`. */
function prettyField([name, value]: [string, unknown]): string {
  const stack = (value as { stack_trace?: unknown } | null | undefined)?.stack_trace
  if (typeof stack === 'string')
    return stack
      .split('\n')
      .map((line) => `\n    ${visible(line)}`)
      .join('')
  return value === undefined ? '' : ` \x1b[90m${visible(name)}=\x1b[0m${visible(JSON.stringify(value))}`
}
