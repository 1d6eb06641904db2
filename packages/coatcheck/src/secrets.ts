import { readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { Secret, type ValueSource } from '@coatcheck/model'
import { ProgramError, systemCode } from './errors.ts'

/** Largest file that a configuration may refer to, in bytes: a bundle of all public authorities has a fifth of that. */
export const largestValue = 1024 * 1024

export type Environment = Readonly<Record<string, string | undefined>>

/**
 * Reads a certificate, key or password from where the model says it lies, byte by byte as it is there.
 *
 * A relative path is relative to `folder`; a model that a source loaded has absolute ones only.
 *
 * @throws ProgramError `environment-missing`, `file-missing`, `file-unreadable`, `file-too-large`; never with the value
 */
export function readValue(
  source: ValueSource,
  folder: string = process.cwd(),
  environment: Environment = process.env,
): Secret<Buffer> {
  switch (source.from) {
    case 'value':
      return new Secret(Buffer.from(source.value, 'utf8'))
    case 'env':
      return new Secret(Buffer.from(readVariable(source.name, environment), 'utf8'))
    case 'file':
      return new Secret(readBounded(resolve(folder, source.path), largestValue))
  }
}

/**
 * The same as text. One line break at the end of a file is no part of it: editors put it there.
 *
 * @throws ProgramError as `readValue`
 */
export function readText(source: ValueSource, folder?: string, environment?: Environment): Secret<string> {
  const text = readValue(source, folder, environment).reveal().toString('utf8')
  return new Secret(source.from === 'file' ? text.replace(/\r?\n$/, '') : text)
}

function readVariable(name: string, environment: Environment): string {
  const value = environment[name]
  if (value !== undefined && value !== '') return value
  throw new ProgramError(
    'environment-missing',
    `The environment variable "${name}" is ${value === '' ? 'empty' : 'not set'}.`,
    'The value that is read from it would be missing.',
    `Set ${name} where coatcheck is started, or give the value with { file: … }.`,
  )
}

/**
 * Reads a whole file of at most `limit` bytes.
 *
 * @throws ProgramError `file-missing`, `file-unreadable`, `file-too-large`
 */
export function readBounded(path: string, limit: number): Buffer {
  try {
    const { size } = statSync(path)
    if (size > limit) throw tooLarge(path, size, limit)
    return readFileSync(path)
  } catch (error) {
    throw error instanceof ProgramError ? error : unreadable(path, error)
  }
}

function tooLarge(path: string, size: number, limit: number): ProgramError {
  return new ProgramError(
    'file-too-large',
    `"${path}" has ${size} bytes; at most ${limit} are read.`,
    'It is not what it is taken for.',
    'Check the path.',
  )
}

function unreadable(path: string, cause: unknown): ProgramError {
  const code = systemCode(cause)
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return new ProgramError(
      'file-missing',
      `There is no file "${path}".`,
      'What it should hold would be missing.',
      'Check the path: a relative one starts at the folder of the configuration file.',
      { cause },
    )
  }
  const why = { EACCES: 'permission is denied', EISDIR: 'it is a folder', ELOOP: 'its links lead in a circle' }
  return new ProgramError(
    'file-unreadable',
    `"${path}" cannot be read: ${why[code as keyof typeof why] ?? code ?? 'unknown reason'}.`,
    'What it should hold would be missing.',
    'Give the user that runs coatcheck a file that it can read.',
    { cause },
  )
}
