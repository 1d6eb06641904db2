import { formatDuration, formatSize, type ValueSource } from '@coatcheck/model'

/** A part of a native file as plain data; `undefined` is what needs not be written. */
export type Written =
  | string
  | number
  | boolean
  | null
  | readonly Written[]
  | { readonly [name: string]: Written }
  | undefined
type Fields = { readonly [name: string]: Written }

/** The fields that need to be written; `undefined` when none does. */
export function some(fields: Fields): Fields | undefined {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined)
  return entries.length === 0 ? undefined : Object.fromEntries(entries)
}

/** The same, when there has to be an object. */
export function all(fields: Fields): Fields {
  return some(fields) ?? {}
}

/** The value, unless it is what one gets without writing it. */
export function unless<T>(usual: T, value: T, write: (value: T) => Written = (same) => same as Written): Written {
  return JSON.stringify(usual) === JSON.stringify(value) ? undefined : write(value)
}

/** Several durations, of those that differ from the default. */
export function durations<T extends { readonly [name: string]: number }>(usual: T, values: T): Fields | undefined {
  return some(
    Object.fromEntries(Object.entries(values).map(([name, value]) => [name, unless(usual[name], value, duration)])),
  )
}

export function duration(milliseconds: number | undefined): Written {
  return milliseconds === undefined ? undefined : formatDuration(milliseconds)
}

export function size(bytes: number | undefined): Written {
  return bytes === undefined ? undefined : formatSize(bytes)
}

/** Nothing for an empty list, the item alone for one. */
export function oneOrMore(items: readonly Written[]): Written {
  return items.length > 1 ? items : items[0]
}

/** Where a certificate or its key lies: a path is written bare. */
export function pem(source: ValueSource | undefined): Written {
  if (source?.from === 'file' && !source.path.startsWith('-----BEGIN ')) return source.path
  return source && secret(source)
}

export function secret(source: ValueSource): Written {
  if (source.from === 'value') return source.value
  return source.from === 'env' ? { env: source.name } : { file: source.path }
}
