import type { ValueReference } from '@coatcheck/model'
import type { Ports } from './ports.ts'

/** Reads values that lie elsewhere. */
export type SecretReader = Ports['secret']

/**
 * Reads a text that lies elsewhere, less one line end behind it.
 *
 * @param encoding `latin1` for the bytes of a header
 * @throws Error when it cannot be read, or is empty: what is asked for must not become nothing unseen
 */
export function readSecretText(source: ValueReference, secret: SecretReader, encoding: 'latin1' | 'utf8'): string {
  const text = secret(source)
    .reveal()
    .toString(encoding)
    .replace(/\r?\n$/, '')
  if (text === '') throw new Error(`${nameOf(source)} is empty`)
  return text
}

/** Reads what is sent as the value of a header. @throws Error also when it holds what no header may */
export function readHeaderSecret(source: ValueReference, secret: SecretReader): string {
  const text = readSecretText(source, secret, 'latin1')
  if (/[\0-\x1f\x7f]/.test(text)) throw new Error(`${nameOf(source)} holds control characters, which no header may`)
  return text
}

function nameOf(source: ValueReference): string {
  return source.from === 'env' ? `the environment variable "${source.name}"` : `the file "${source.path}"`
}
